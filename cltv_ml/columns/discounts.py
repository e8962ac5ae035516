"""Discount columns: money or percentage, judged by quantity, price and amount."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product

from cltv_ml.columns.glance import COLUMNS_COMPARED, Glance
from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.kinds import look
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.overlooked_numbers import HEADED
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.tendered import find_tendered
from cltv_ml.columns.usual_prices import returned_discount
from cltv_ml.engine import Relation, keep_first
from cltv_ml.errors import InputError
from cltv_ml.money import log_amount

#: Headings of amounts before discounts.
_UNDISCOUNTED = re.compile("gross|list|before|subtotal")

#: Headings of amounts that may be after discounts.
_AFTER_DISCOUNT = re.compile("net|total|amount|paid|after|final|betrag|summe|montant|importe|valor")

#: Headings of amounts that are surely after discounts.
_SURELY_NET = re.compile("net|paid|after|final|bezahlt|pagad|liquid|zaplac|صافي")

#: Headings of percentages, and of those that are no discounts.
_SHARES = re.compile("percent|pct|prozent|pourcent|porcent|perce?ntu|procent|yuzde")
_OTHER_SHARES = re.compile(
    "tax|vat|mwst|ust|steuer|iva|tva|btw|moms|gst|kdv|dph|margin|marge|profit|commission|provision|fee|cost|share|complet|alcohol"
)

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


def find_net(columns: Columns, amount: str, discount: str) -> str:
    """Return the column that is the amount less the discount on all first lines that have one; empty if none is.

    Parameters
    ----------
    amount, discount
        Their SQL.
    """
    first = keep_first(columns.table, 20_000)
    number = Columns(first, columns.rules, ask=False).number
    tested = [column for column in columns.kinds if _AFTER_DISCOUNT.search(plain_heading(column))]
    for column in tested:
        lines, same = first.row(
            f"select count(*), count(*) filter (abs(abs({amount}) - abs({discount}) - abs({number(column)})) < 0.011) "
            f"from {first} where abs({discount}) > 0.011"
        )
        if lines >= _LINES and same == lines:
            return str(column)
    return ""


def less_discount(values: Mapping[str, str]) -> str:
    """Return SQL for the amount less its discount; the refund of a returned line is reduced by its discount."""
    return f"({values['amount']} - sign({values['amount']}) * coalesce(abs({values['discount']}), 0))"


def subtract_shown_discount(columns: Columns, mapping: Mapping[str, str], values: dict[str, str]) -> None:
    """Subtract a discount if what was given less the change is the amount after it; note this, or the doubt."""
    first, number = keep_first(columns.table, 20_000), Columns(columns.table, columns.rules, ask=False).number
    kinds = {name: kind for name, kind in look(first).items() if name not in mapping.values()}
    numbers = {name: number(name) for name, kind in kinds.items() if kind == "number"}
    amount, off = values["amount"], f"abs({values['discount']})"
    if pair := find_tendered(first, f"abs({amount}) - {off}", numbers, f"{off} > 0.011"):
        values["amount"] = less_discount(values)
        columns.notes.append(
            f"The discount in {mapping['discount']!r} was subtracted, which gives {pair[0]!r} less {pair[1]!r} on each "
            "line with a discount (--rule price_discounted=true does not subtract it)."
        )
    elif not _SURELY_NET.search(plain_heading(mapping["amount"])) and not _is_shown(
        first, amount, off, numbers
    ):
        columns.notes.append(
            f"Column {mapping['discount']!r} has discounts, and {mapping['amount']!r} was taken as the money after "
            "them, which no other column shows (--rule price_discounted=false subtracts them)."
        )


def _is_shown(first: Relation, amount: str, discount: str, numbers: Mapping[str, str]) -> bool:
    """Whether few lines have a discount, or another column shows the amount before or after it."""
    sums = [
        f"count(*) filter (abs(abs({amount}) {sign} {discount} - abs({value})) < 0.011)"
        for value in numbers.values()
        for sign in "+-"
    ]
    lines, *same = first.row(f"select {', '.join(['count(*)', *sums])} from {first} where {discount} > 0.011")
    return bool(lines < _LINES or max(same, default=0) >= 0.5 * lines)


def check_one_form(columns: Columns, column: str) -> str:
    """Return SQL for the discounts of a column; raise InputError if some are percentages and others plain numbers."""
    if columns.kinds[column] != "VARCHAR":
        return columns.number(column)
    number, ends = columns.number(column), f"regexp_matches({quote(column)}, '%\\s*$')"
    percents, plain, percent, other = columns.row(
        f"select count(*) filter ({ends}), count(*) filter (not {ends}), min({quote(column)}) filter ({ends}), "
        f"min({quote(column)}) filter (not {ends}) from {columns.table} where {number} <> 0"
    )
    if percents and plain:
        raise InputError(
            f"column {column!r} contains percentages ({percents:,} lines, such as {percent!r}) and plain numbers "
            f"({plain:,} lines, such as {other!r}). Export all discounts in one form, or leave the column out."
        )
    return number


def multiply_discount(columns: Columns, column: str, values: dict[str, str]) -> None:
    """Make a discount of one item that of its line, if another column shows the amount after it."""
    of_line = f"({values['discount']}) * abs({values['quantity']})"
    if find_net(columns, values["amount"], values["discount"]) or not find_net(
        columns, values["amount"], of_line
    ):
        return
    values["discount"] = of_line
    columns.notes.append(
        f"Column {column!r} contains the discount of one item, so it was multiplied by the quantity."
    )


def is_in_usual_prices(
    columns: Columns, mapping: Mapping[str, str], values: dict[str, str], price: str
) -> bool:
    """Whether the products' prices on lines without a discount show that the others are after it, and note it."""
    if "product_id" not in mapping:
        return False
    off = returned_discount(
        keep_first(columns.table, 20_000),
        quote(mapping["product_id"]),
        values["quantity"],
        price,
        values["discount"],
    )
    if off:
        values["discount"] = off
        columns.notes.append(
            f"The discount in {mapping['discount']!r} is already subtracted from {mapping['unit_price']!r}: added "
            "back, it gives the product's price on lines without a discount (--rule price_discounted=false subtracts "
            "it)."
        )
    return bool(off)


def tell_of_shares(glance: Glance, numbers: Sequence[str]) -> list[str]:
    """Return a note on percentages that may be discounts, next to amounts computed from prices without any."""
    notes = []
    for column in numbers:
        heading = column.lower().replace("%", "percent")
        if not _SHARES.search(heading) or _OTHER_SHARES.search(heading):
            continue
        some, low, high = glance.lines.row(
            "select count(*) filter (v <> 0), min(v), max(v) "
            f"from (select {glance.number(column)} as v from {glance.lines})"
        )
        if some and low >= 0 and high <= 100:
            notes.append(
                f"Column {column!r} has percentages on {some:,} of {glance.rows:,} lines and is not used. If they are "
                f"discounts on quantity times unit price, use --mapping {flag('discount_rate', column)}."
            )
    return notes


def ask_about_net(
    glance: Glance, numbers: Sequence[str], mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> list[Question]:
    """Ask which money was paid if a column is the sum of an order's lines less the order's discount."""
    if not {"order_id", "amount"} <= mapping.keys() or "amount" in explicit:
        return []
    discounts = [name for name in numbers if HEADED["discount"].search(plain_heading(name))]
    order, amount = quote(mapping["order_id"]), glance.number(mapping["amount"])
    for discount, net in product(
        discounts, [name for name in numbers if name not in discounts][:COLUMNS_COMPARED]
    ):
        off, paid = glance.number(discount), glance.number(net)
        orders, same, several = glance.lines.row(
            "select count(*), count(*) filter (low = high and abs(whole - off - high) < 0.011), "
            f"count(*) filter (n > 1) from (select count(*) as n, sum({amount}) as whole, abs(max({off})) as off, "
            f"min({paid}) as low, max({paid}) as high from {glance.lines} where {order} is not null group by {order}) "
            "where off > 0.011"
        )
        if several >= _LINES and same >= 0.98 * orders:
            text = (
                f"column {net!r} is the sum of {mapping['amount']!r} on the lines of an order minus {discount!r}. Use "
                f"--mapping {flag('amount', net)} if it was paid, or --mapping {flag('amount', mapping['amount'])} to "
                "leave the discount out."
            )
            return [Question(text, (f"amount={net}", f"amount={mapping['amount']}"))]
    return []


def tell_of_order_discounts(glance: Glance, numbers: Sequence[str], mapping: Mapping[str, str]) -> list[str]:
    """Return a note on a discount of whole orders, repeated on lines with own amounts, or next to gross amounts."""
    if not {"order_id", "amount"} <= mapping.keys():
        return []
    whole = plain_heading(mapping["amount"])
    of_price = HEADED["price"].search(whole) is not None and not _AFTER_DISCOUNT.search(whole)
    discounts = [name for name in numbers if HEADED["discount"].search(plain_heading(name))]
    discounts += [mapping["discount"]] if of_price and "discount" in mapping else []
    for column in discounts:
        discount, amount = glance.number(column), glance.number(mapping["amount"])
        several, alike, own, money = glance.lines.row(
            "select count(*) filter (n > 1 and d <> 0), count(*) filter (n > 1 and d <> 0 and d = least), "
            "count(*) filter (n > 1 and low < high), sum(abs(d)) from (select count(*) as n, "
            f"max({discount}) as d, min({discount}) as least, min({amount}) as low, max({amount}) as high "
            f"from {glance.lines} where {quote(mapping['order_id'])} is not null "
            f"group by {quote(mapping['order_id'])})"
        )
        of_orders = several and alike == several and own
        if money and (of_orders or of_price or _UNDISCOUNTED.search(whole)):
            return [
                f"Column {column!r} has {'one discount per order' if of_orders else 'a discount on some lines'}, "
                f"{log_amount(money)} in total, which is not subtracted from "
                f"{mapping['amount']!r}. If these amounts are before the discount, export amounts after it."
            ]
    return []
