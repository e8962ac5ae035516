"""Unused columns that no vocabulary explains: values that may not be sales, and money with another total.

The data alone decide here, so that an export in an unknown language leads to a note instead of silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cltv_ml.columns.glance import COLUMNS_COMPARED, Glance
from cltv_ml.columns.headings import plain_heading, plain_pattern
from cltv_ml.columns.levels import plain_level, read_levels
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.overlooked_numbers import HEADED
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.words import words
from cltv_ml.money import log_amount

#: How headings of money with its tax begin.
_TAX_INCLUDED = re.compile("^in(c|cl|kl|cluding)?(tax|vat|gst|mwst|ust|tva|iva|btw)(?=.)")

#: Headings of what is no state of a sale: who, where, with what, and how it was paid or sent.
_EXPLAINED = {name: re.compile(plain_pattern(listed)) for name, listed in words("unexplained").items()}

#: The most values of a column of states, and the longest text of one.
_MOST_VALUES, _LONGEST = 12, 40

#: The most columns and values in a note.
_NAMED_MOST = 4

#: The most whole numbers that are codes.
_MOST_WHOLE_CODES = 4

#: The most values per line: of words, and of codes with digits, which may be identifiers.
_NAMED, _IDENTIFIED = 0.8, 0.34

#: Customers or products that always have the same rarer value, from which on the column describes them.
_DESCRIBED = 5

#: Other money lies within this factor of the amount on nearly all lines.
_NEAR, _NEARLY_ALL = 4.0, 0.9

#: Totals that differ by less are the same.
_SAME = 0.005


def tell_of_unexplained(
    glance: Glance, unused: Mapping[str, str], mapping: Mapping[str, str], settled: str
) -> list[str]:
    """Return notes on unused columns that may change what counts, judged by their values alone.

    Parameters
    ----------
    unused
        The columns that are neither used nor mentioned in another note or question, with their kinds.
    settled
        SQL for the lines that do not count as sales anyway.
    """
    numbers = [name for name, kind in unused.items() if kind == "number"]
    return _tell_of_values(glance, unused, mapping, settled) + _tell_of_totals(
        glance, numbers, mapping, settled
    )


def _tell_of_values(
    glance: Glance, unused: Mapping[str, str], mapping: Mapping[str, str], settled: str
) -> list[str]:
    """Return a note on columns with few values that differ between the orders of a customer and of a product."""
    kinds = {name: kind for name, kind in unused.items() if not describes(name)}
    codes = _whole_codes(glance, [name for name, kind in kinds.items() if kind == "number"])
    columns = [name for name, kind in kinds.items() if kind == "text" or name in codes]
    few = glance.levels(columns, _MOST_VALUES)
    states = _values_that_count(glance, [*few], mapping.get("amount"), settled) if few else {}
    states = {column: values for column, values in states.items() if _may_be_states(column, values)}
    for name in ("customer_id", "product_id", "unit_price"):
        if states and name in mapping:
            described = _find_described(glance, [*states], mapping[name])
            states = {column: values for column, values in states.items() if column not in described}
    if not states:
        return []
    shown = "; ".join(
        f"{column!r} with {_rarest(values, 'amount' in mapping)}"
        for column, values in [*states.items()][:_NAMED_MOST]
    )
    return [
        f"Values that were not used, so that all these lines count: {shown}. If one of them marks lines that are not "
        f"completed sales, use --mapping {flag('status', next(iter(states)))}; the next run then asks what each value "
        "means."
    ]


def describes(column: str) -> bool:
    """Whether a heading speaks of who, where, what or how rather than of a state of the sale.

    >>> describes("Shipping method"), describes("Shipping outcome"), describes("Etap")
    (True, False, False)
    """
    heading = plain_heading(column)
    return bool(_EXPLAINED["described"].search(heading)) and not _EXPLAINED["states"].search(heading)


def _whole_codes(glance: Glance, columns: Sequence[str]) -> list[str]:
    """Return the columns of a few different whole numbers whose headings speak of no number of things."""
    known = (
        _EXPLAINED["other_numbers"],
        *(HEADED[of] for of in ("carriage", "discount", "sale_fees", "added")),
    )
    columns = [name for name in columns if not any(listed.search(plain_heading(name)) for listed in known)]
    columns = [
        name
        for name, texts in glance.first(columns).items()
        if not _are_many_numbers(texts, _MOST_WHOLE_CODES)
    ]
    if not columns:
        return []
    # One column below the other, because DuckDB needs megabytes for each of several count(distinct).
    numbers = ", ".join(f'{number} as "{place}"' for place, number in enumerate(glance.numbers(columns)))
    rows = glance.lines.rows(
        f"select place from (unpivot (select {numbers} from {glance.lines}) on columns(*) into name place value v) "
        f"group by place having bool_and(v = floor(v)) and count(distinct v) between 2 and {_MOST_WHOLE_CODES}"
    )
    codes = {int(place) for (place,) in rows}
    return [name for place, name in enumerate(columns) if place in codes]


def _are_many_numbers(texts: Iterable[str], most: int) -> bool:
    """Whether texts are more than this many different numbers, whichever sign is the decimal separator.

    >>> _are_many_numbers(["1", "2", "1.0"], 2), _are_many_numbers(["1", "2", "3.25"], 2)
    (False, True)
    """
    plain = {text for text in texts if re.fullmatch(r"\d{1,9}(\.\d{1,5})?", text)}
    return (
        min(len({float(text) for text in plain}), len({text.replace(".", "").strip("0") for text in plain}))
        > most
    )


def _texts_by_place(columns: Sequence[str]) -> str:
    """Return SQL for the texts of columns, each named by its place; a null is a blank."""
    return ", ".join(
        f"coalesce(cast({quote(column)} as varchar), '') as \"{place}\""
        for place, column in enumerate(columns)
    )


def _values_that_count(
    glance: Glance, columns: Sequence[str], amount: str | None, settled: str
) -> dict[str, dict[str, tuple[int, float]]]:
    """Return the values of each column on lines that count, the most frequent first, with their lines and money."""
    money = glance.number(amount) if amount else "0"
    rows = glance.lines.rows(
        "select place, trim(value) as text, count(*) as n, coalesce(sum(money), 0) from (unpivot (select "
        f"{_texts_by_place(columns)}, {money} as money from {glance.lines} where not ({settled})) "
        "on columns(* exclude money) into name place value value) group by place, text order by n desc, text"
    )
    found: dict[str, dict[str, tuple[int, float]]] = {column: {} for column in columns}
    for place, value, count, total in rows:
        found[columns[int(place)]][str(value)] = (int(count), float(total))
    return found


def _may_be_states(column: str, values: Mapping[str, tuple[int, float]]) -> bool:
    """Whether a column's values are few and short enough to be states of sales rather than texts or identifiers.

    Where the heading speaks of sending goods, known states are none of the sale.
    """
    if HEADED["no_status"].search(plain_heading(column)):
        known = read_levels(
            "status", [value for value in values if plain_level(value) != "partial"], None, "goods"
        )
        if None not in known:
            return False
    numbered = any(re.search(r"\d", value) for value in values)
    most = (_IDENTIFIED if numbered else _NAMED) * sum(count for count, _ in values.values())
    return 2 <= len(values) <= most and max(map(len, values)) <= _LONGEST


def _rarest(values: Mapping[str, tuple[int, float]], with_money: bool) -> str:
    """Return the rarest values with their lines and money, for a note."""
    rare = sorted(values.items(), key=lambda pair: pair[1][0])[: _NAMED_MOST + 1]
    return ", ".join(
        f"{value or '(empty)'} ({count:,} lines" + f", {log_amount(total)}" * with_money + ")"
        for value, (count, total) in reversed(rare)
    )


def _find_described(glance: Glance, columns: Sequence[str], owner: str) -> set[str]:
    """Return the columns that describe the customers or products of `owner`: rarer values stay with theirs."""
    rows = glance.lines.rows(
        "with valued as (select place, trim(value) as value, owner from (unpivot (select "
        f"{_texts_by_place(columns)}, {quote(owner)} as owner from {glance.lines}) "
        "on columns(* exclude owner) into name place value value) where owner is not null), "
        "usual as (select place, mode(value) as usual from valued group by place), "
        "owned as (select place, min(value) as least, max(value) as most from valued group by place, owner "
        "having count(*) > 1) "
        "select place, count(*) filter (least = most and least <> usual), count(*) filter (least < most) "
        "from owned join usual using (place) group by place"
    )
    return {columns[int(place)] for place, same, mixed in rows if same >= _DESCRIBED and mixed <= 0.02 * same}


def _tell_of_totals(
    glance: Glance, left: Sequence[str], mapping: Mapping[str, str], settled: str
) -> list[str]:
    """Return a note on unused numbers near those in use that lead to another total."""
    amount = _money_in_use(glance, mapping)
    plain = {name: _TAX_INCLUDED.sub("", plain_heading(name)) for name in left}
    numbers = [name for name in left if not _EXPLAINED["other_numbers"].search(plain[name])]
    if not amount or not numbers:
        return []
    rivals = [
        rival for name in numbers[:COLUMNS_COMPARED] for rival in _alternatives_of(glance, name, mapping)
    ]
    order = mapping.get("order_id")
    group = (
        f"coalesce(cast({quote(order)} as varchar), cast(source_row as varchar))" if order else "source_row"
    )
    values = ", ".join(
        f"{rival.money} as v{place}, {rival.value} as x{place}, {rival.base} as b{place}"
        for place, rival in enumerate(rivals)
    )
    once, summed = "case when min({0}) = max({0}) then min({0}) else sum({0}) end", "sum({0})"
    per_order = ", ".join(
        f"{once.format(f'v{place}')} as once{place}, {summed.format(f'v{place}')} as sum{place}, "
        f"{once.format(f'x{place}')} as x{place}, {summed.format(f'b{place}')} as b{place}, "
        f"max(v{place}) as top{place}, min(v{place}) < max(v{place}) as differ{place}"
        for place in range(len(rivals))
    )
    facts = ", ".join(
        f"sum(once{place}), sum(sum{place}), avg(cast({rival.test(place)} as integer)) filter (b{place} <> 0), "
        f"count(distinct top{place}), bool_or(top{place} <> floor(top{place})), bool_or(differ{place})"
        for place, rival in enumerate(rivals)
    )
    total, total_once, broken, differs, *figures = glance.lines.row(
        "select sum(a), sum(a_once), bool_or(a <> floor(a)), bool_or(a_differs), "
        f"{facts} from (select sum(a) as a, {once.format('a')} as a_once, min(a) < max(a) as a_differs, {per_order} "
        f"from (select {group} as g, {amount} as a, {values} from {glance.lines} where not ({settled})) group by g)"
    )
    told: dict[str, tuple[str, float]] = {}
    for rival, single, whole, near, several, decimals, own_differs in zip(
        rivals, *[iter(figures)] * 6, strict=True
    ):
        if near is None or near < _NEARLY_ALL or several < 2 or (broken and not decimals) or not total:
            continue
        if min(abs(one / own - 1) for one in (single, whole) for own in (total, total_once) if own) > _SAME:
            told.setdefault(rival.column, (rival.name, whole if own_differs else single))
    if not told:
        return []
    shown = ", ".join(f"{money:,.2f} with {column!r}" for column, (_, money) in [*told.items()][:_NAMED_MOST])
    used = repr(mapping["amount"]) if "amount" in mapping else "quantity times unit price"
    column, (name, _) = next(iter(told.items()))
    in_use = total if differs else total_once
    return [
        f"Unused columns lead to other totals: {shown}, and {in_use:,.2f} with {used}, which was used (--mapping "
        f"{flag(name, column)} uses {column!r})."
    ]


@dataclass(frozen=True)
class _Rival:
    """An unused column in the place of one in use."""

    column: str
    #: The standard name it would have.
    name: str
    #: SQL for the money of a line with it, for its own value, and for the value in use.
    money: str
    value: str
    base: str
    #: The share of the value in use that it has at least, and at most.
    least: float = 1 / _NEAR
    most: float = _NEAR

    def test(self, place: int) -> str:
        """Return SQL for whether the value of an order is near the one in use."""
        return f"coalesce(x{place} / b{place}, 0) between {self.least} - 1e-9 and {self.most} + 1e-9"


def _alternatives_of(glance: Glance, column: str, mapping: Mapping[str, str]) -> list[_Rival]:
    """Return the possible meanings of a column: the amount, or one of its two factors if it is computed."""
    value = glance.number(column)
    rivals = [_Rival(column, "amount", value, value, _money_in_use(glance, mapping))]
    if "amount" not in mapping:
        price, quantity = glance.number(mapping["unit_price"]), glance.number(mapping["quantity"])
        rivals.append(_Rival(column, "unit_price", f"({value}) * ({quantity})", value, price, 0.5, 2.0))
        rivals.append(_Rival(column, "quantity", f"({value}) * ({price})", value, quantity, 0.0, 1.0))
    return rivals


def _money_in_use(glance: Glance, mapping: Mapping[str, str]) -> str:
    """Return SQL for the amount of a line; empty if it is unknown."""
    if "amount" in mapping:
        return glance.number(mapping["amount"])
    if {"quantity", "unit_price"} <= set(mapping):
        return f"({glance.number(mapping['quantity'])}) * ({glance.number(mapping['unit_price'])})"
    return ""
