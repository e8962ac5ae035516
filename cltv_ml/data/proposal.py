"""Proposal of a mapping, from headings, types and values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cltv_ml.data.glance import count_values
from cltv_ml.data.headings import NOT_THE_PURCHASE, PER_LINE, PER_ORDER, SYNONYMS, plain_heading
from cltv_ml.data.kinds import first_lines, look
from cltv_ml.data.levels import LEVEL_NAMES, MOST_LEVELS, tells_sales_apart
from cltv_ml.data.mapping import REQUIRED, check_mapping, flag, is_complete, open_names
from cltv_ml.data.numerals import CURRENCIES, code_of, is_currency_name
from cltv_ml.data.overlooked import look_over
from cltv_ml.data.parse import quote
from cltv_ml.data.questions import Question, QuestionsError
from cltv_ml.data.recognition import recognise_source
from cltv_ml.data.scale import settle_scale, settle_units
from cltv_ml.data.versions import find_version
from cltv_ml.engine import Relation
from cltv_ml.tables import TRANSACTIONS

#: Names whose columns decide what counts as revenue: proposed also where the mapping is complete without them.
SAFETY = (*LEVEL_NAMES, "refunded", "returned_quantity", "cancelled_at", "currency", "cancels")

#: Headings of a period each, as in a table of customers by months.
_PERIOD = re.compile(
    r"\d{4}[-/. _]?(\d{2}|q[1-4])([-/.]\d{2})?|(\d{2}|q[1-4])[-/. ]?\d{4}"
    r"|(jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-z]*[-_ ./']*(\d{2}|\d{4})?"
)

#: Names whose columns are looked for when others are known.
_LATER = ("version", "credit")

#: One of these is among the codes of any column of currencies: TOP, ALL and TRY are words as well.
_MAJOR = {
    "EUR",
    "USD",
    "GBP",
    "JPY",
    "CHF",
    "CAD",
    "AUD",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "CNY",
    "INR",
    "BRL",
    "MXN",
}

#: Levels of columns so headed need not be known: the user is asked what they mean.
_SURELY_LEVELS = re.compile(
    "^(order|sales?|payment|transaction|invoice|financial)?status(id|code)?$|^(order|payment|transaction)state(id|code)?$|^(zahlungs|bestell|auftrags)status$"
)


@dataclass(frozen=True)
class Proposal:
    """What was understood of a source's columns.

    Parameters
    ----------
    mapping
        Standard name -> source column.
    notes
        What a reader should know, one sentence each.
    questions
        What only the user can settle; the mapping lacks it.
    rules
        Settings of `Rules` that suit a known export.
    """

    mapping: Mapping[str, str]
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = field(default=())
    rules: Mapping[str, Any] = field(default_factory=dict)


def complete(table: Relation, given: Mapping[str, str | None]) -> Proposal:
    """Return the given mapping, completed with what a source's columns make certain.

    A known export is mapped as its format says. Where the given names suffice, only columns that decide what counts
    as revenue are added: `SAFETY`. What must be settled by the user is among the proposal's questions.
    """
    first = first_lines(table)
    kinds = look(first)
    check_mapping(given, list(kinds))
    recognised = recognise_source(table, kinds, given)
    if recognised:
        declined = dict.fromkeys(set(SYNONYMS) - {*SAFETY, *_LATER} - set(recognised.mapping), "")
        given = {**declined, **recognised.mapping, **given}
    known = check_mapping(given, list(kinds))
    wanted = SAFETY if is_complete(known) else tuple(name for name in SYNONYMS if name not in _LATER)
    proposal = propose_mapping(kinds, given, look_at_levels(table, kinds), wanted)
    mapping, questions = dict(proposal.mapping), proposal.questions
    if "customer_id" not in given and _is_no_customer(first, mapping.get("customer_id", "")):
        others = {one: kind for one, kind in kinds.items() if one != mapping["customer_id"]}
        proposal = propose_mapping(others, given, look_at_levels(table, others), wanted)
        mapping, questions = dict(proposal.mapping), proposal.questions
    notes = [*(recognised.notes if recognised else ()), *proposal.notes]
    if "currency" not in {*mapping, *given}:
        notes += _find_currency(first, table, kinds, mapping)
    mapping, asked = _settle_later(first, table, kinds, mapping, given)
    questions += asked
    try:
        mapping, told = settle_units(table, kinds, mapping, given)
        notes += told
        mapping, told = settle_scale(table, mapping, given)
        notes += told
    except QuestionsError as error:
        questions += error.questions
    if not recognised:
        overlooked = look_over(table, kinds, mapping, given)
        mapping |= overlooked.mapping
        notes += overlooked.notes
        questions += tuple(overlooked.questions)
    return Proposal(mapping, tuple(notes), questions, recognised.rules if recognised else {})


def _is_no_customer(first: Relation, column: str) -> bool:
    """Whether a column that may be the customer is one line's own id, or the same on all lines, as an account is."""
    if plain_heading(column) not in ("id", *SYNONYMS["customer_id"][-1].split()):
        return False
    rows, values = first.row(f"select count(*), count(distinct {quote(column)}) from {first}")
    return bool(rows > 2 and values in ((1, rows) if plain_heading(column) == "id" else (1,)))


def _settle_later(
    first: Relation,
    table: Relation,
    kinds: Mapping[str, str],
    mapping: dict[str, str],
    given: Mapping[str, str | None],
) -> tuple[dict[str, str], tuple[Question, ...]]:
    """Return the mapping with states of an order and credits, without parents that are no orders, and what to ask."""
    mapping, cancels, order = dict(mapping), mapping.get("cancels", ""), mapping.get("order_id", "")
    own = [one for one in kinds if plain_heading(one) == "id" and one not in mapping.values()]
    if cancels and not order and own and "order_id" not in given:
        mapping["order_id"] = order = own[0]
    if order and plain_heading(cancels).startswith("parent") and "cancels" not in given:
        orders = f"select cast({quote(order)} as varchar) from {table}"
        if not table.holds(f"cast({quote(cancels)} as varchar) in ({orders})"):
            del mapping["cancels"]
    if "version" not in given and (version := find_version(first, table, kinds, mapping)):
        mapping["version"] = version
    debit = mapping.get("amount", "")
    credits = _named(
        "credit", [one for one in kinds if one not in mapping.values() and kinds[one] != "empty"]
    )
    if not credits or "credit" in given or plain_heading(debit) not in SYNONYMS["amount"][-2]:
        return mapping, ()
    mapping["credit"] = credits[0]
    if "type" in mapping:
        return mapping, ()
    text = (
        f"columns {debit!r} and {credits[0]!r} stand side by side, as in a ledger; if the credits are refunds, say "
        f"--mapping {flag('credit', credits[0])}, and if they are payments, --mapping credit=."
    )
    return mapping, (Question(text, (f"credit={credits[0]}", "credit=")),)


def propose_mapping(
    kinds: Mapping[str, str],
    known: Mapping[str, str | None] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
    wanted: Sequence[str] = tuple(SYNONYMS),
) -> Proposal:
    """Return standard name -> source column, for what headings, types and levels make certain.

    Parameters
    ----------
    kinds
        What each source column's values look like: `"number"`, `"timestamp"`, `"text"`, `"rate"` (a number
        between 0 and 1) or `"empty"`.
    known
        Standard names already decided by the user; `None` or `""` says that there is no such column.
    levels
        The different values of columns that may hold levels, such as those of a status.
    wanted
        The names to propose columns for.

    >>> dict(propose_mapping({"Cust": "text", "Order Date": "timestamp", "Qty": "number", "Price": "number"}).mapping)
    {'customer_id': 'Cust', 'timestamp': 'Order Date', 'quantity': 'Qty', 'unit_price': 'Price'}
    """
    known, levels = known or {}, levels or {}
    kinds = {column: "rate" if "%" in column else kind for column, kind in kinds.items()}
    chosen: dict[str, str] = {name: column for name, column in known.items() if column}
    notes: list[str] = []
    questions: list[Question] = []
    for name in (name for name in SYNONYMS if name in wanted and name not in known):
        taken = [*chosen.values(), *(column for question in questions for column in _asked(question))]
        left = [column for column in kinds if column not in taken and kinds[column] != "empty"]
        found = _find(name, left, kinds, levels, chosen)
        if name == "amount" and (lines := _of_lines(found)):
            notes.append(
                f"Columns {found} could each be the amount; {lines[0]!r}, the line's own, was taken."
            )
            found = lines
        if name == "amount" and (net := _net_of(found)):
            notes.append(f"Columns {found} could each be the amount; {net[0]!r}, what is left, was taken.")
            found = net
        if name == "refunded" and len(found) > 1:  # how much, rather than whether
            found = [one for one in found if kinds[one] == "number"] or found
        if len(found) > 1 and (name in REQUIRED or name in SAFETY):
            questions.append(_which(name, found))
        elif len(found) > 1:
            notes.append(
                f"Columns {found} could each be the {name}, and none is used as such; "
                f"--mapping {flag(name, found[0])} chooses one."
            )
        elif found:
            chosen[name] = found[0]
    mapping, missing = _settle(chosen, kinds, known, questions)
    return Proposal(mapping, tuple(notes), (*questions, *missing))


def _of_lines(found: Sequence[str]) -> list[str]:
    """Return the one column called a line's total where the others are called the order's, else nothing."""
    lines = [column for column in found if PER_LINE.search(plain_heading(column))]
    others = [column for column in found if column not in lines]
    return (
        lines
        if len(lines) == 1 and others and all(PER_ORDER.search(plain_heading(one)) for one in others)
        else []
    )


def _net_of(found: Sequence[str]) -> list[str]:
    """Return the one column called net where the others are called gross, else nothing."""
    net = [column for column in found if re.search("net", plain_heading(column))]
    gross = [column for column in found if re.search("gross|brut", plain_heading(column))]
    return net if len(net) == 1 and gross and len(found) == 1 + len(gross) else []


def _find_currency(
    first: Relation, table: Relation, kinds: Mapping[str, str], mapping: dict[str, str]
) -> list[str]:
    """Add the column of currency codes, whatever it is called, to the mapping; return what to tell."""
    texts = {
        column: f"nullif(upper(trim(cast({quote(column)} as varchar))), '')"
        for column, kind in kinds.items()
        if kind == "text" and column not in mapping.values()
    }
    for column, values in count_values(first, texts, len(CURRENCIES)).items():
        if not _are_currencies(values):  # the first lines rule most columns out
            continue
        names = count_values(table, {column: texts[column]}, len(CURRENCIES)).get(column, {})
        if _are_currencies(names):
            mapping["currency"] = column
            shown = ", ".join(sorted(names)[:8])
            return [f"Column {column!r} holds currencies ({shown}) and was read as currency."]
    return []


def _are_currencies(names: Iterable[str]) -> bool:
    """Whether texts are codes, signs or names of currencies, one of them of a kind that is no common word."""
    codes = {name if is_currency_name(name) else code_of(name) for name in names}
    known = all(code in CURRENCIES or is_currency_name(code) or code == "$" for code in codes)
    return known and bool(codes & {*_MAJOR, "$"} or any(map(is_currency_name, codes)))


def look_at_levels(table: Relation, kinds: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the different values of the columns whose heading suggests levels, where they are few."""
    headings = {
        word
        for name in (*LEVEL_NAMES, "refunded", "cancelled_at")
        for step in SYNONYMS[name]
        for word in step.split()
    }
    levels = {}
    for column in (
        column for column, kind in kinds.items() if plain_heading(column) in headings and kind != "empty"
    ):
        rows = table.rows(
            f"select distinct trim(cast({quote(column)} as varchar)) as level from {table} "
            f"where level <> '' limit {MOST_LEVELS + 1}"
        )
        if len(rows) <= MOST_LEVELS:
            levels[column] = sorted(str(level) for (level,) in rows)
    return levels


def _find(
    name: str,
    left: Sequence[str],
    kinds: Mapping[str, str],
    levels: Mapping[str, Sequence[str]],
    chosen: Mapping[str, str],
) -> list[str]:
    """Return the columns that could be the one of a name; several are equally good."""
    if name in LEVEL_NAMES:
        return _named(
            name,
            [column for column in left if column in levels and _has_levels(name, column, levels[column])],
        )
    found = _best(name, [column for column in left if _fits(name, kinds[column])])
    if name == "discount_rate" and not found and "discount" not in chosen:
        found = [column for column in _named("discount", left) if kinds[column] == "rate"]
    if not found and name in REQUIRED:  # badly filled, but named so: `clean` says what is wrong with it
        found = _named(name, left)
    return found


def _has_levels(name: str, column: str, levels: Sequence[str]) -> bool:
    surely = name in ("status", "payment_status") and _SURELY_LEVELS.match(plain_heading(column)) is not None
    return bool(levels) and (surely or tells_sales_apart(name, levels))


def _fits(name: str, kind: str) -> bool:
    wanted = TRANSACTIONS.columns[name].kind if name in TRANSACTIONS.columns else None
    if name in ("unit_price", "unit_cost", "profit", "discount_rate", "returned_quantity"):
        wanted = "number"
    if wanted == "number":
        return kind == "number" or (kind == "rate" and name != "discount")
    return kind == "timestamp" if wanted == "timestamp" else True


def _named(name: str, columns: Sequence[str]) -> list[str]:
    """Return the columns on the most certain synonym that any column matches."""
    for step in SYNONYMS[name]:
        found = [column for column in columns if plain_heading(column) in step.split()]
        if found:
            return found
    return []


def _best(name: str, columns: Sequence[str]) -> list[str]:
    """Return the columns that a synonym names, else those whose name holds a telling word."""
    found = _named(name, columns)
    likely = [column for column in columns if not NOT_THE_PURCHASE.search(plain_heading(column))]
    if not found and name == "timestamp":
        return likely
    if not found and name == "amount":
        telling = "amount|total|revenue|sales|spend|value"
        return [column for column in likely if re.search(telling, plain_heading(column))]
    return found


def _which(name: str, columns: Sequence[str]) -> Question:
    text = (
        f"columns {list(columns)} could each be the {name}; say which in the mapping, for example "
        f"{{{name!r}: {columns[0]!r}}} or --mapping {flag(name, columns[0])}."
    )
    none = () if name in REQUIRED else (f"{name}=",)
    return Question(text, (*(f"{name}={column}" for column in columns), *none))


def _asked(question: Question) -> list[str]:
    """Return the columns that a question offers: they are not proposed for another name meanwhile."""
    return [answer.partition("=")[2] for answer in question.answers]


def _settle(
    chosen: dict[str, str],
    kinds: Mapping[str, str],
    known: Mapping[str, str | None],
    asked: Sequence[Question],
) -> tuple[dict[str, str], list[Question]]:
    """Return the mapping after what depends on several columns, a lone price is the amount, and what is missing."""
    weak = "amount" not in known and plain_heading(chosen.get("amount", "")) in SYNONYMS["amount"][-1].split()
    if weak and "quantity" in chosen:
        chosen.setdefault("unit_price", chosen.pop("amount"))
    periods = [column for column in kinds if _PERIOD.fullmatch(column.strip().lower())]
    if "timestamp" not in chosen and len(periods) > 2:
        text = (
            f"{len(periods)} columns, such as {periods[:2]}, hold a period each, so that a row is a customer and no "
            "purchase; give one row per customer and period instead, with the columns customer, date and amount (in "
            "pandas: melt), or better each purchase."
        )
        return {name: chosen[name] for name in SYNONYMS if name in chosen}, [Question(text)]
    open_already = {answer.partition("=")[0] for question in asked for answer in question.answers}
    missing = []
    for name in open_names(chosen):
        if name in open_already:
            continue
        also = " (or quantity and unit_price)" if name == "amount" else ""
        text = (
            f"no column found for {name}{also}; name it in the mapping, for example {{{name!r}: '<column>'}} or "
            f"--mapping {name}=COLUMN. Found {list(kinds)}."
        )
        missing.append(
            Question(text, tuple(f"{name}={column}" for column in kinds if kinds[column] != "empty"))
        )
    return {name: chosen[name] for name in SYNONYMS if name in chosen}, missing
