"""Checks of the customer column: line or staff ids, blanks that another column fills, tables of customers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import permutations

from cltv_ml.columns.candidates import named
from cltv_ml.columns.compound import find_compound
from cltv_ml.columns.glance import find_places
from cltv_ml.columns.headings import SYNONYMS, plain_heading, plain_pattern
from cltv_ml.columns.kinds import first_lines
from cltv_ml.columns.line_totals import is_constant
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.namesakes import find_place, join_parts, parts_of
from cltv_ml.columns.questions import Question
from cltv_ml.columns.shared_ids import find_finer
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.words import words
from cltv_ml.engine import Relation
from cltv_ml.sources.frames import MARK

#: Headings that may also name an employee or the shop.
_STAFF = re.compile(
    "^(user|account|contact|member|party|partner|company)(id|no|nr|number|name|key)?$|^u?id$|^uid$"
)

#: Headings of card numbers, which may be payment cards.
_CARD = re.compile("^(card|karten|n?carte|kort|kaart|numerocarte|numero(de)?tarjeta|numerkarty)")

#: Headings of numbers of which one customer may have several: payment cards, telephones.
_HAS_SEVERAL = re.compile(f"{_CARD.pattern}|{'|'.join(SYNONYMS['customer_id'][-1].split())}")

_SUM_HEADINGS = {
    name: re.compile(plain_pattern(words("overlooked")[name]))
    for name in ("orders_of_customer", "spent_by_customer", "dates_of_customer")
}


#: Headings of the current state of a subscription, which is no purchase.
_SUBSCRIPTION = re.compile(
    "^currentperiod(start|end)|^(next|upcoming)(billing|renewal|charge)|^trial(start|end)"
)

#: Headings by which one of several columns of customers is chosen.
_TIED = {
    name: re.compile(plain_pattern(words("ties")["headings"][name]))
    for name in ("pays", "attends", "mail", "identity", "called")
}

#: Different values of another column from which one id is that of several customers, where other ids have one each.
_MANY_PEOPLE = 5

#: Fewest companies, families or the like for each of their members; fewer are shops or sellers.
_PER_COMPANY = 0.25

#: Rows from which a column with one value on all of them identifies no customer.
_MANY_ROWS = 10

#: The most columns of customers that are compared with each other.
_PEOPLE = 3

#: Fewest rows that count as evidence, the share of them that must agree, and how far numbers of customers may differ.
_LEAST_ROWS, _AGREEING_LINES, _MOST_APART = 3, 0.98, 0.1


def excluded_column(first: Relation, mapping: Mapping[str, str], explicit: Mapping[str, str | None]) -> str:
    """Return a column that its values exclude as the customer or the amount; empty if there is none."""
    customer, amount = (
        "" if name in explicit else mapping.get(name, "") for name in ("customer_id", "amount")
    )
    if is_no_customer(first, customer, mapping):
        return customer
    return amount if amount and not named("amount", [amount]) and is_constant(first, amount) else ""


def is_no_customer(first: Relation, column: str, mapping: Mapping[str, str]) -> bool:
    """Whether a candidate for the customer is the id of each line or order, or an account of the books."""
    heading, time, order = plain_heading(column), mapping.get("timestamp"), mapping.get("order_id")
    if order and "account" in heading:
        several, mixed = first.row(
            "select count(*) filter (n > 1), count(*) filter (n > 1 and accounts > 1) from (select count(*) as n, "
            f"count(distinct {quote(column)}) as accounts from {first} group by {quote(order)})"
        )
        # A document has one customer and is posted to several accounts.
        if several > 1 and mixed >= 0.9 * several:
            return True
    others = [
        name.removeprefix(MARK) for name in first.kinds if name.startswith(MARK) and name != MARK + column
    ]
    alone = _STAFF.match(heading) and not find_compound("customer_id", others)  # else the user is asked
    if (_TIED["mail"].search(heading) or alone) and _is_the_same(first, column):
        return True
    if heading not in ("id", *" ".join(SYNONYMS["customer_id"][-2:]).split()):
        return False
    times = f"cast({quote(time)} as varchar)" if time else "source_row"
    rows, values, pairs = first.row(
        f"select count({quote(column)}), count(distinct {quote(column)}), count(distinct ({quote(column)}, {times})) "
        f"filter ({quote(column)} is not null) from {first}"
    )
    if heading == "id" and rows > 2 and values == pairs and values > 1:
        return True
    if _CARD.search(heading) and first.holds(
        f"regexp_matches(cast({quote(column)} as varchar), '[*•]|(?i)x{{3}}') "
        f"or length(trim(cast({quote(column)} as varchar))) between 1 and 4"
    ):
        return True  # masked or last digits, as of a payment card
    return bool(rows > 2 and values in ((1, rows) if heading == "id" else (1,)))


def _is_the_same(first: Relation, column: str) -> bool:
    """Whether all of several lines have one value, such as the shop's own address."""
    filled, values = first.row(f"select count({quote(column)}), count(distinct {quote(column)}) from {first}")
    return bool(filled >= _MANY_ROWS and values == 1)


def doubt_customer(
    first: Relation, kinds: Mapping[str, str], mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> tuple[list[str], list[Question]]:
    """Return notes and questions about other columns that may identify the customer."""
    chosen = mapping.get("customer_id", "")
    if not chosen or "customer_id" in explicit:
        return [], []
    unmapped = [
        column
        for column, kind in kinds.items()
        if kind in ("text", "number") and column not in mapping.values()
    ]
    notes: list[str] = []
    value = f"nullif(trim(cast({quote(chosen)} as varchar)), '')"
    for candidate in _others(unmapped):
        also = f"nullif(trim(cast({quote(candidate)} as varchar)), '')"
        distinct, rivals, blank, filled = first.row(
            f"select count(distinct {value}), count(distinct {also}), count(*) filter ({value} is null), "
            f"count(*) filter ({value} is null and {also} is not null) from {first}"
        )
        if (
            _STAFF.match(plain_heading(chosen))
            and rivals >= 2 * distinct
            and find_compound("customer_id", [candidate])
        ):
            text = (
                f"columns {[chosen, candidate]} could each be the customer_id, with {distinct:,} and {rivals:,} "
                f"distinct values in the first lines. Use --mapping {flag('customer_id', candidate)}, or "
                f"--mapping {flag('customer_id', chosen)} if that column does not identify employees."
            )
            return notes, [Question(text, (f"customer_id={candidate}", f"customer_id={chosen}"))]
        if blank and filled >= 0.5 * blank:
            notes.append(
                f"Column {chosen!r} is blank on {blank:,} of the first lines, so these have no customer, but "
                f"{candidate!r} is filled on {filled:,} of them. To use that column instead, pass --mapping "
                f"{flag('customer_id', candidate)}."
            )
            break
        if finer := find_finer(first, value, also):
            ids, people, several = finer
            told = f"{several:,} of {ids:,} values of {chosen!r} have several in {candidate!r}, {people:,} together"
            if _rank_of_customer(candidate) == 0 < _rank_of_customer(chosen) and not _HAS_SEVERAL.search(
                plain_heading(candidate)
            ):
                text = (
                    f"{told}. If these are different customers, such as a family with one address, use --mapping "
                    f"{flag('customer_id', candidate)}, otherwise --mapping {flag('customer_id', chosen)}."
                )
                return notes, [Question(text, (f"customer_id={candidate}", f"customer_id={chosen}"))]
            notes.append(
                f"{told}. If these are different customers, use --mapping {flag('customer_id', candidate)}."
            )
            break
        if (coarser := find_finer(first, also, value)) and coarser[0] >= _PER_COMPANY * coarser[1]:
            notes.append(
                f"{coarser[2]:,} of {coarser[0]:,} values of {candidate!r} have several customers in {chosen!r}. If "
                f"they buy together, such as the staff of a company, use --mapping {flag('customer_id', candidate)}."
            )
            break
        if shared := _find_shared(first, value, also):
            name, people, lines = shared
            notes.append(
                f"The {lines:,} lines of customer {name!r} in the first lines have {people:,} different values in "
                f"{candidate!r}, unlike those of other customers, so they may be guests or one account for many. To "
                f"use that column instead, pass --mapping {flag('customer_id', candidate)}."
            )
            break
    return notes, []


def join_places(
    table: Relation, explicit: Mapping[str, str | None]
) -> tuple[Relation, dict[str, str], list[str]]:
    """Return the table with customers told apart by the place that gave out their number, their column, and a note.

    Nothing changes unless nearly every number of several branches has another name in each.
    """
    columns = [name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)]
    people, given = _others(columns)[:_PEOPLE], explicit.get("customer_id")
    if given and (parts := parts_of(table, given)):
        return join_parts(table, {part: quote(part) for part in parts})[0], {}, []
    pairs = [pair for pair in permutations(people, 2) if given in (None, pair[0])]
    if not pairs or ("customer_id" in explicit and not given):
        return table, {}, []
    first = first_lines(table)
    places = {
        place: quote(place) for place in find_places(first, [name for name in columns if name not in people])
    }
    tried = ((*pair, find_place(first, quote(pair[0]), quote(pair[1]), places)) for pair in pairs)
    number, name, found = next((which for which in tried if which[2]), ("", "", None))
    if not found:
        return table, {}, []
    place, shared, several = found
    told = f"{shared:,} of {several:,} values of {number!r} have another {name!r} in each {place!r}"
    if given:
        return (
            table,
            {},
            [f"{told} and may be different customers, whom a run without this mapping tells apart."],
        )
    view, made = join_parts(table, {place: quote(place), number: quote(number)})
    note = f"{told}, so the two columns together were read as customer_id (--mapping {flag('customer_id', number)} "
    return view, {"customer_id": made}, [note + "takes the number alone)."]


def _find_shared(first: Relation, value: str, also: str) -> tuple[str, int, int] | None:
    """Return an id with many different values of another column, where nearly all ids have one; with both counts."""
    found = first.rows(
        f"select {value}, count(distinct lower({also})) as people, count(*), count(*) over () as ids, "
        f"count(*) filter (count(distinct lower({also})) > 1) over () as mixed from {first} "
        f"where {value} is not null and {also} is not null "
        "group by 1 order by people desc limit 1"
    )
    for name, people, lines, ids, mixed in found:
        if people >= _MANY_PEOPLE and mixed <= max(1, (1 - _AGREEING_LINES) * ids):
            return str(name), int(people), int(lines)
    return None


def _others(unmapped: Sequence[str]) -> list[str]:
    """Return the other columns that may identify customers, the most certain first."""
    columns: list[str] = []
    while matching := named("customer_id", [column for column in unmapped if column not in columns]):
        columns += matching
    return [*columns, *(column for column in find_compound("customer_id", unmapped) if column not in columns)]


def settle_customer(first: Relation, columns: Sequence[str]) -> tuple[str, str] | None:
    """Choose an id over an e-mail address over a name, if they identify nearly as many customers."""
    values = {column: f"lower(nullif(trim(cast({quote(column)} as varchar)), ''))" for column in columns}
    rows, *counts = first.row(
        f"select count(*), {', '.join(f'count(distinct {value})' for value in values.values())} from {first}"
    )
    customers = dict(zip(columns, counts, strict=True))
    # An id that is unique to each line identifies lines, not customers.
    candidates = [column for column in columns if plain_heading(column) != "id" or customers[column] < rows]
    ranked = sorted(_who_pays(candidates), key=_rank_of_customer)
    if rows < _LEAST_ROWS or not ranked:
        return None
    chosen = ranked[0]
    filled = (
        " or ".join(f"{values[column]} is not null" for column in candidates if column != chosen) or "false"
    )
    [blank] = first.row(f"select count(*) filter ({values[chosen]} is null and ({filled})) from {first}")
    if blank > (1 - _AGREEING_LINES) * rows or not customers[chosen]:
        return None
    if len(ranked) == 1:
        return chosen, "the payer's" if len(
            candidates
        ) > 1 else "because the other one is unique to each line"
    same = True
    for rival in ranked[1:]:
        [pairs] = first.row(
            f"select count(distinct ({values[chosen]}, {values[rival]})) "
            f"filter ({values[chosen]} is not null and {values[rival]} is not null) from {first}"
        )
        alike = pairs == customers[chosen] == customers[rival]
        same &= alike
        differs = abs(customers[chosen] - customers[rival]) > _MOST_APART * customers[chosen]
        if not alike and (differs or _rank_of_customer(rival) == _rank_of_customer(chosen)):
            return None
    if same:
        return chosen, "which identifies the same customers in the first lines"
    counted = ", ".join(f"{customers[column]:,} by {column!r}" for column in ranked)
    return (
        chosen,
        (
            f"because an id takes precedence over an e-mail address, and that over a name ({counted} in "
            "the first lines)"
        ),
    )


def _who_pays(columns: list[str]) -> list[str]:
    """Return the columns of people who pay rather than attend, if headings distinguish them."""
    plain = {column: plain_heading(column) for column in columns}
    paying = [column for column in columns if _TIED["pays"].search(plain[column])]
    best = min(map(_rank_of_customer, paying), default=-1)
    eligible = [column for column in columns if column in paying or _rank_of_customer(column) < best]
    return eligible or [column for column in columns if not _TIED["attends"].search(plain[column])] or columns


def _rank_of_customer(column: str) -> int:
    plain = plain_heading(column)
    if _TIED["mail"].search(plain):
        return 1
    return 0 if _TIED["identity"].search(plain) and not _TIED["called"].search(plain) else 2


def doubt_rows(
    table: Relation, kinds: Mapping[str, str], mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> list[Question]:
    """Ask if each row seems to be a customer with their total spending rather than a purchase."""
    customer, amount = mapping.get("customer_id", ""), mapping.get("amount", "")
    if not customer or not amount or {"customer_id", "amount"} <= set(explicit) or "order_id" in mapping:
        return []
    counts = [
        column
        for column, kind in kinds.items()
        if kind == "number" and _SUM_HEADINGS["orders_of_customer"].search(plain_heading(column))
    ]
    spent = [
        column
        for column, kind in kinds.items()
        if kind == "number" and _SUM_HEADINGS["spent_by_customer"].search(plain_heading(column))
    ]
    time = mapping.get("timestamp", "")
    own_dates = _SUM_HEADINGS["dates_of_customer"].search(plain_heading(time)) is not None
    periods = [column for column in kinds if _SUBSCRIPTION.search(plain_heading(column))]
    if not counts and not spent and not own_dates and not periods:
        return []
    rows, customers = table.row(f"select count(*), count(distinct {quote(customer)}) from {table}")
    if rows < 3 or customers < rows:
        return []
    evidence = f" and its own date in {time!r}" if own_dates else ""
    evidence = f" and the period of a subscription in {periods[0]!r}" if periods else evidence
    evidence = f" and the column {counts[0]!r} seems to count their orders" if counts else evidence
    sums = spent[0] if amount not in spent and spent else amount
    text = (
        f"each of the {rows:,} rows has a different customer{evidence}, so {sums!r} may be a customer's total "
        f"spending. Export one row per order instead, or use --mapping {flag('amount', amount)} --mapping "
        f"{flag('customer_id', customer)} if each row is a purchase."
    )
    return [Question(text, (f"amount={amount},customer_id={customer}",))]
