"""Ties between columns for one standard name, resolved by the data or a documented default."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from cltv_ml.columns.candidates import named
from cltv_ml.columns.compound import words_of
from cltv_ml.columns.currency import drop_foreign_twins, in_one_currency
from cltv_ml.columns.customers import settle_customer
from cltv_ml.columns.headings import plain_heading, plain_pattern
from cltv_ml.columns.levels import read_levels
from cltv_ml.columns.line_totals import find_line_total, find_money
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.words import words
from cltv_ml.engine import Relation

#: Fewest lines that count as evidence.
_LEAST_TIED = 3

#: The user is asked if the numbers of customers differ by more than this share.
_NEAR = 0.1

#: The share of lines that must agree.
_AGREEING_SHARE = 0.98

#: Largest ratio of a price with tax to the one without.
_HIGHEST_TAX = 1.35

_PAIR_HEADINGS = {
    name: re.compile(plain_pattern(listed)) for name, listed in words("ties")["headings"].items()
}
_TAX = _PAIR_HEADINGS["part_tax"]
_SAYS = {name: frozenset(" ".join(listed).split()) for name, listed in words("ties")["words"].items()}


@dataclass(frozen=True)
class Source:
    """Evidence for resolving ties: kinds and levels of the columns, the first lines and all lines."""

    kinds: Mapping[str, str]
    levels: Mapping[str, Sequence[str]]
    first: Relation
    table: Relation

    def number(self, column: str) -> str:
        """Return SQL for a column's numbers, read in the first way that fits."""
        return Columns(self.first, Rules(), ask=False).number(column)


def settle_tie(source: Source, name: str, columns: Sequence[str]) -> tuple[str, str] | None:
    """Return which of several columns has a name, and a note; None if only the user knows."""
    settle: Mapping[str, Callable[[Source, Sequence[str]], tuple[str, str] | None]] = {
        "customer_id": _settle_customer,
        "timestamp": _settle_time,
        "amount": _settle_amount,
        "status": _settle_status,
        "refunded": _settle_refunded,
    }
    own = drop_foreign_twins(columns)
    filled = _keep_filled(source, own) if name in settle else own
    if len(own) == 1:
        choice: tuple[str, str] | None = own[0], "in the shop's currency"
    elif len(filled) == 1:
        choice = filled[0], "which is filled on most lines"
    else:
        choice = settle[name](source, filled) if name in settle else None
    if choice is None:
        return None
    chosen, because = choice
    rivals = [column for column in columns if column != chosen]
    return chosen, (
        f"Columns {list(columns)} could each be the {name}; {chosen!r}, {because}, was used (--mapping "
        f"{flag(name, rivals[0])} uses the other)."
    )


def _keep_filled(source: Source, columns: Sequence[str]) -> Sequence[str]:
    """Return the columns without those that are blank on nearly all lines, if another is filled on nearly all."""
    texts = ", ".join(f"count(nullif(trim(cast({quote(column)} as varchar)), ''))" for column in columns)
    rows, *counts = source.first.row(f"select count(*), {texts} from {source.first}")
    if max(counts) < (1 - _NEAR) * rows:
        return columns
    return [column for column, count in zip(columns, counts, strict=True) if count > _NEAR * rows]


def _settle_customer(source: Source, columns: Sequence[str]) -> tuple[str, str] | None:
    return settle_customer(source.first, columns)


def _settle_time(source: Source, columns: Sequence[str]) -> tuple[str, str] | None:
    """Choose the date of the order; among equal dates, the column that includes the time."""
    ranks = {column: _rank_of_time(column) for column in columns}
    best = [column for column in columns if ranks[column] == min(ranks.values())]
    reading = Columns(source.first, Rules(), ask=False)
    times = {column: reading.timestamp(column) for column in columns}
    if len(best) > 1:
        tied = {
            (first, second): source.first.row(
                "select count(*) filter (a is not null or b is not null), "
                "count(*) filter (a is null and b is not null), "
                "count(*) filter (cast(a as date) <> cast(b as date)), count(distinct a), count(distinct b) "
                f"from (select {times[first]} as a, {times[second]} as b from {source.first})"
            )
            for first, second in combinations(best, 2)
        }
        rows = min(counts[0] for counts in tied.values())
        if rows < _LEAST_TIED or any(blank or differ for _, blank, differ, *_ in tied.values()):
            return None
        finest = dict.fromkeys(best, 0)
        for (first, second), (*_, distinct_first, distinct_second) in tied.items():
            finest[first], finest[second] = distinct_first, distinct_second
        chosen = max(best, key=lambda column: finest[column])
        return chosen, "which has the same dates as the others"
    chosen = best[0]
    rivals = [column for column in columns if column != chosen]
    differences = []
    for rival in rivals:
        [rows, blank, differ, after] = source.first.row(
            f"select count(*), count(*) filter (a is null and b is not null), "
            f"count(*) filter (cast(a as date) <> cast(b as date)), "
            f"count(*) filter (cast(a as date) > cast(b as date)) "
            f"from (select {times[chosen]} as a, {times[rival]} as b from {source.first})"
        )
        written_later = ranks[chosen] == 1 and after > _NEAR * rows  # for example, when a line was imported
        if blank > (1 - _AGREEING_SHARE) * rows or written_later:
            return None
        differences.append(f"{rival!r} has a different date on {differ:,} of the first {rows:,} lines")
    return chosen, f"the time of the order ({'; '.join(differences)})"


def _rank_of_time(column: str) -> int:
    """Return 0 for the time of the order, 1 for an unspecific one, 2 for an invoice's, 3 for later events."""
    plain = plain_heading(column)
    for rank, name in ((3, "later"), (2, "invoiced"), (0, "ordered")):
        if _PAIR_HEADINGS[name].search(plain):
            return rank
    return 1


def _settle_amount(source: Source, columns: Sequence[str]) -> tuple[str, str] | None:
    """Choose money without tax, before refunds and fees, after discounts, with postage; paid rather than agreed."""
    if converted := in_one_currency(source.first, source.kinds, columns):
        return converted, "the same money in one currency"
    if counted := find_money(source.first, source.number, columns):
        return counted
    chosen, because = columns[0], ""
    for rival in columns[1:]:
        pair = _settle_two_amounts(source, chosen, rival, columns)
        if pair is None:
            return None
        chosen, because = pair
    sums = {
        column: source.table.row(f"select sum({source.number(column)}) from {source.table}")[0]
        for column in columns
    }
    if len({round(money or 0, 2) for money in sums.values()}) == 1:
        return chosen, because
    listed = ", ".join(f"{sums[column] or 0:,.2f} in {column!r}" for column in columns)
    return chosen, f"{because} ({listed})"


def _settle_refunded(source: Source, columns: Sequence[str]) -> tuple[str, str] | None:
    """Choose refunds in one currency, as among amounts, or the first of equal ones."""
    if converted := in_one_currency(source.first, source.kinds, columns):
        return converted, "the same money in one currency"
    values = [f"coalesce({source.number(column)}, 0)" for column in columns]
    if source.first.holds(" or ".join(f"abs({values[0]} - {value}) > 0.005" for value in values[1:])):
        return None
    return columns[0], "which has the same values"


def _settle_two_amounts(
    source: Source, first: str, second: str, tied: Sequence[str]
) -> tuple[str, str] | None:
    a, b = source.number(first), source.number(second)
    if after := _after_returns(source, first, second, tied) or _after_returns(source, second, first, tied):
        return after
    rows, equal, above, below = source.first.row(
        f"select count(*), count(*) filter (abs(a - b) < 0.006), count(*) filter (a > b + 0.006), "
        f"count(*) filter (a < b - 0.006) from (select abs({a}) as a, abs({b}) as b from {source.first}) "
        "where a <> 0 or b <> 0"
    )
    if rows < _LEAST_TIED:
        return None
    counts = [column for column, kind in source.kinds.items() if kind == "number" and column not in tied]
    if line_total := find_line_total(source.first, source.number, (first, second), counts):
        return line_total
    if equal >= 0.999 * rows:
        return first, "which has the same values"
    larger, smaller = (first, second) if above > below else (second, first)
    if above and below:  # for example, a discount in a total that exceeds the tax
        return _without_tax(source, larger, smaller) if min(above, below) <= 0.1 * rows else None
    return (
        _without_tax(source, larger, smaller)
        or _explained(source, larger, smaller, tied)
        or _really_paid(larger, smaller)
    )


def _after_returns(source: Source, gross: str, net: str, tied: Sequence[str]) -> tuple[str, str] | None:
    """Choose an amount below 0 on the lines of what came back, where the other one has 0 and a third says how much."""
    refunds = [column for column, kind in source.kinds.items() if kind == "number" and column not in tied]
    refunds = [column for column in refunds if _PAIR_HEADINGS["part_returned"].search(plain_heading(column))]
    for refund in refunds:
        returned, explained = source.first.row(
            f"select count(*) filter (b < 0), count(*) filter (b < 0 and a = 0 and abs(abs(r) - abs(b)) < 0.011) "
            f"from (select {source.number(gross)} as a, {source.number(net)} as b, {source.number(refund)} as r "
            f"from {source.first})"
        )
        if returned and explained == returned:
            return net, f"after what came back in {refund!r}"
    return None


def _without_tax(source: Source, larger: str, smaller: str) -> tuple[str, str] | None:
    """Choose the smaller amount if its heading says "without tax" and the difference is a plausible tax."""
    says, larger_says = words_of(smaller), words_of(larger)
    added = (
        _TAX.search(re.sub(r"[\W_]", "", larger.lower()))
        and says < larger_says
        and larger_says & _SAYS["with_tax"]
    )
    if (not says & _SAYS["without_tax"] and not added) or larger_says & _SAYS["without_tax"]:
        return None
    if not (says & _SAYS["surely_without_tax"] or larger_says & _SAYS["with_tax"]):
        return None
    a, b = source.number(larger), source.number(smaller)
    [times] = source.first.row(
        f"select sum(abs({a})) / nullif(sum(abs({b})), 0) from {source.first} where ({a}) <> 0"
    )
    if times is None or times > _HIGHEST_TAX:
        return None
    return smaller, "without tax"


def _explained(source: Source, larger: str, smaller: str, tied: Sequence[str]) -> tuple[str, str] | None:
    """Choose by the column (tax, refunds, fees, discounts or postage) that equals the difference of two amounts."""
    untied = [
        column for column, kind in source.kinds.items() if kind in ("number", "rate") and column not in tied
    ]
    kind_of = {
        column: kind
        for column in untied
        if (
            kind := next(
                (
                    kind
                    for kind in _DIFFERENCES
                    if kind != "added" and _PAIR_HEADINGS[kind].search(plain_heading(column))
                ),
                "",
            )
        )
    }
    if not kind_of:
        return None
    gap = f"abs({source.number(larger)}) - abs({source.number(smaller)})"
    values = {column: f"abs(coalesce({source.number(column)}, 0))" for column in kind_of}
    taxed = [column for column, kind in kind_of.items() if kind in ("part_tax", "part_postage")]
    if len(taxed) > 1 and words_of(smaller) & _SAYS["without_tax"]:
        together = " and ".join(taxed)
        kind_of[together], values[together] = "added", " + ".join(values[column] for column in taxed)
    tests = ", ".join(f"count(*) filter (abs(({gap}) - ({values[column]})) < 0.011)" for column in kind_of)
    rows, *agree = source.first.row(f"select count(*), {tests} from {source.first} where abs({gap}) > 0.006")
    for (column, kind), lines in zip(kind_of.items(), agree, strict=True):
        if lines >= _AGREEING_SHARE * rows:
            takes_larger, because = _DIFFERENCES[kind]
            return (larger if takes_larger else smaller), because.format(part=column)
    return None


#: Differences between two amounts: whether to use the larger amount, and the reason.
_DIFFERENCES = {
    "part_refunded": (True, "before the refunds in {part!r}"),
    "part_postage": (True, "including the postage in {part!r}"),
    "part_extras": (True, "including the extras in {part!r}"),
    "part_fee": (True, "before the fees in {part!r}"),
    "part_tax": (False, "without the tax in {part!r}"),
    "part_discount": (False, "after the discount in {part!r}"),
    "added": (False, "without {part!r}"),
}


def _really_paid(larger: str, smaller: str) -> tuple[str, str] | None:
    """Choose paid or captured money over agreed, authorised or due money."""
    paid, agreed = (_PAIR_HEADINGS[name] for name in ("paid", "agreed"))
    for chosen, rival in ((smaller, larger), (larger, smaller)):
        if paid.search(plain_heading(chosen)) and agreed.search(plain_heading(rival)):
            return chosen, "what was paid"
    return None


def _settle_status(source: Source, columns: Sequence[str]) -> tuple[str, str] | None:
    """Choose the only column with levels that are not sales, else the order status if all its levels are known."""
    readings = {
        column: read_levels("status", [level for level in source.levels.get(column, ()) if level])
        for column in columns
    }
    telling = [column for column in columns if set(readings[column]) - {"counts"}]
    if len(telling) == 1:
        remaining = ", ".join(repr(column) for column in columns if column not in telling)
        return telling[0], f"because all levels of {remaining} count as sales"
    known = [column for column in telling if None not in readings[column]]
    codes = [column for column in columns if not any(readings[column])]
    if len(known) == 1 and len(codes) == len(columns) - 1:
        return known[0], f"whose levels are words, unlike those of {', '.join(map(repr, codes))}"
    ranks = {
        column: bool(_PAIR_HEADINGS["other_status"].search(plain_heading(column)))
        for column in telling or columns
    }
    of_orders = [column for column, is_other in ranks.items() if not is_other]
    exact = [column for column in of_orders if column in named("status", of_orders)]
    if len(of_orders) != 1 or not exact or None in readings[of_orders[0]]:
        return None
    return of_orders[0], "the status of the order"
