"""Discount columns: money or percentage, judged by quantity, price and amount."""

from __future__ import annotations

from collections.abc import Mapping

from cltv_ml.data.parse import Columns
from cltv_ml.data.rules import Rules
from cltv_ml.engine import Relation, keep_first
from cltv_ml.errors import InputError

#: Fewest lines with a discount for a decision, and the share of them that must agree.
_LINES, _SHARE = 4, 0.8


def settle_discount(
    table: Relation, mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> tuple[dict[str, str], list[str]]:
    """Return a mapping in which a discount column of percentages is the discount_rate, and a note.

    The first 20,000 rows decide: the amount is quantity times price, minus either the discount or that percentage.
    """
    column = mapping.get("discount", "")
    if not column or {"discount", "discount_rate"} & explicit.keys() or "discount_rate" in mapping:
        return dict(mapping), []
    if not {"quantity", "unit_price", "amount"} <= mapping.keys():
        return dict(mapping), []
    columns = Columns(keep_first(table, 20_000), Rules(), ask=False)
    try:
        names = ("quantity", "unit_price", "amount", "discount")
        quantity, price, amount, discount = (columns.number(mapping[name]) for name in names)
    except InputError:  # asked about later
        return dict(mapping), []
    lines, money, percent = columns.row(
        "select count(*), count(*) filter (abs(whole - off - paid) < 0.011), "
        "count(*) filter (off < 100 and abs(whole * (1 - off / 100) - paid) < 0.011) "
        f"from (select ({quantity}) * ({price}) as whole, {amount} as paid, {discount} as off from {columns.table}) "
        "where whole > 0 and off > 0"
    )
    if lines < _LINES or percent < _SHARE * lines or money >= percent:
        return dict(mapping), []
    settled = {("discount_rate" if name == "discount" else name): source for name, source in mapping.items()}
    return settled, [
        f"Column {column!r} contains percentages: on {percent:,} of {lines:,} lines with a discount, the "
        "amount is quantity times price minus that percentage. It was read as discount_rate (--mapping "
        f"discount={column} reads it as money)."
    ]
