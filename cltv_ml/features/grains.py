"""What one row is at each grain, and which columns an expression may read there.

All quantities are whole numbers, so that a total never depends on row order, shards or engine:
`day` counts days since 1970-01-01, `second` seconds since midnight, money is in units of
1 / MONEY_SCALE of the currency and quantities in units of 1 / ITEM_SCALE items.
A purchase is a line whose amount is not negative; a line with a negative amount is a return, which is
counted under the `return` columns only. Without order ids, all purchases of a day are one order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Quantities are summed as integers of this fraction of an item.
ITEM_SCALE = 1_000

_BOUGHT = "filter (where amount >= 0)"
_RETURNED = "filter (where amount < 0)"


@dataclass(frozen=True)
class Column:
    """A column of a grain: how its ledger computes it, and what the log must have for it."""

    sql: str
    doc: str
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Grain:
    """What one row is, and its columns; no columns means that other features are the columns."""

    name: str
    doc: str
    columns: Mapping[str, Column]
    time: str = "day"


def _column(sql: str, doc: str, *needs: str) -> Column:
    return Column(sql, doc, frozenset(needs))


_ORDER = {
    "day": _column("day", "day of these lines"),
    "second": _column(f"min(second) {_BOUGHT}", "second of the day of the first line"),
    "lines": _column(f"count(*) {_BOUGHT}", "purchase lines"),
    "amount": _column(f"coalesce(sum(amount) {_BOUGHT}, 0)", "spend"),
    "cost": _column(f"coalesce(sum(cost) {_BOUGHT}, 0)", "cost of what was bought", "cost"),
    "is_first": _column("", "the day on which the order was placed; counts each order once"),
    "return_lines": _column(f"count(*) {_RETURNED}", "return lines"),
    "return_amount": _column(f"coalesce(-sum(amount) {_RETURNED}, 0)", "value returned, positive"),
}

_DAY = {
    "day": _column("day", "purchase day"),
    "month": _column("max(month)", "calendar month, 1 to 12"),
    "second": _column("min(second)", "second of the day of the first purchase"),
    "amount": _column("sum(amount)", "spend of the day"),
    "gap": _column("", "days since the previous purchase day, missing on the first"),
    "number": _column("", "1 on the first purchase day, 2 on the second ..."),
}

GRAINS: Mapping[str, Grain] = {
    grain.name: grain
    for grain in (
        Grain("order", "the lines of one order on one day", _ORDER),
        Grain("day", "one day with a purchase", _DAY),
        Grain("customer", "one customer; the columns are other features", {}),
    )
}
