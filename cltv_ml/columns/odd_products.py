"""Products whose names suggest that they are not goods: gift cards, deposits, fees, samples."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cltv_ml.columns.counted_texts import tell_of_counted_texts
from cltv_ml.columns.glance import Glance
from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.words import words
from cltv_ml.engine import literal

_ODD, _PAID_WITH = (
    "|".join(pattern for name in names for pattern in words("overlooked")[name])
    for names in (("no_goods", "gift_cards", "free", "odd_products", "no_sale"), ("gift_cards",))
)

#: Headings of the names of goods.
_PRODUCT_NAMES = re.compile(
    "bezeichnung|benamning|betegnelse|omschrijving|designation|descri|beschreib|item|product|^line$|^na[mv]n$"
)

#: Most products named, and the largest share of the lines: a shop of gift cards sells gift cards.
_SHOWN, _MOST = 6, 0.5

#: Fewest orders of several lines that show that only totals are stated.
_FEWEST_TOTALS = 2


def tell_of_odd_products(
    glance: Glance, decided: Mapping[str, str | None], texts: Sequence[str]
) -> list[str]:
    """Return notes on products with money whose names suggest that they are not goods.

    Parameters
    ----------
    texts
        The columns that may name the goods besides the one mapped as the product.
    """
    money = _money_of_lines(glance, decided)
    if not money or "type" in decided:
        return []
    product, amount = decided.get("product_id"), decided.get("amount")
    named = [column for column in texts if _PRODUCT_NAMES.search(plain_heading(column))]
    notes: list[str] = []
    for column in [product, *named] if product else named[:1]:
        if not notes and column:
            notes = _tell_of_named(glance, column, money, decided.get("order_id"), mapped=column == product)
        if column and amount and not decided.get("quantity"):
            notes += tell_of_counted_texts(glance, column, amount)
    return notes


def _tell_of_named(glance: Glance, product: str, money: str, order: str | None, *, mapped: bool) -> list[str]:
    chosen = "" if mapped else f"--mapping {flag('product_id', product)} and "
    name, plain = f"trim(cast({quote(product)} as varchar))", _plain_name(product)
    named = glance.lines.rows(
        f"select {name}, count(*), sum(v), sign(v), regexp_matches({plain}, {literal(_PAID_WITH)}) as paid_with "
        f"from (select *, coalesce({money}, 0) as v from {glance.lines}) "
        f"where regexp_matches({plain}, {literal(_ODD)}) group by 1, 4, 5 order by abs(sum(v)) desc, 1"
    )
    if not named:
        return []
    if notes := _tell_of_totals_with(glance, product, money, order):
        return notes
    for side, effect in (
        (1, "count as goods. If they are not"),
        (-1, "are subtracted from the goods. If customers paid with them"),
    ):
        rows = [row[:3] for row in named if row[3] == side and (side > 0 or row[4])]
        if not rows or sum(lines for _, lines, _ in rows) > _MOST * glance.rows:
            continue
        shown = ", ".join(f"{text!r} ({lines:,} lines, {total:,.2f})" for text, lines, total in rows[:_SHOWN])
        notes.append(
            f"Column {product!r} contains {shown}, which {effect}, use {chosen}--rule "
            f"{flag('non_products', _escaped(rows[0][0]))} to quarantine them."
        )
    return notes


def _tell_of_totals_with(glance: Glance, product: str, money: str, order: str | None) -> list[str]:
    """Return a note on such products in orders of several lines that state only the order's total.

    The total stands on each of their lines or on one; what the product costs is not known from it.
    """
    if not order:
        return []
    lines, orders, several, totals, total, example = glance.lines.row(
        f"with line as (select {quote(order)} as o, {money} as v, trim(cast({quote(product)} as varchar)) as name, "
        f"regexp_matches({_plain_name(product)}, {literal(_ODD)}) as odd from {glance.lines}), "
        "one as (select count(*) as n, min(v) as low, max(v) as high, sum(cast(odd as integer)) as odds, "
        "min(name) filter (odd) as name from line where o is not null group by o having bool_or(odd)) "
        "select sum(odds), count(*), count(*) filter (n > 1), count(*) filter (n > 1 and low = high), sum(high), "
        "min(name) from one"
    )
    if several < _FEWEST_TOTALS or totals < several or lines > _MOST * glance.rows:
        return []
    return [
        f"Column {product!r} contains {example!r} or the like on {lines:,} lines of {orders:,} orders, whose totals "
        f"({total:,.2f}) count as they are. If they are not goods, map the amount to a column with the money of each "
        f"line and use --rule {flag('non_products', _escaped(example))}."
    ]


def _escaped(name: str) -> str:
    """Return a name as a pattern."""
    return re.sub(r"([][.^$*+?{}\\|()])", r"\\\1", name)


def _plain_name(product: str) -> str:
    return (
        f"regexp_replace(strip_accents(lower(trim(cast({quote(product)} as varchar)))), '[^\\w]+', ' ', 'g')"
    )


def _money_of_lines(glance: Glance, decided: Mapping[str, str | None]) -> str:
    """Return SQL of a line's money: its amount, or its unit price times its quantity."""
    amount, factors = decided.get("amount"), (decided.get("unit_price"), decided.get("quantity"))
    if amount:
        return glance.number(amount)
    return " * ".join(f"({glance.number(column)})" for column in factors if column) if all(factors) else ""
