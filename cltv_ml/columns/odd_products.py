"""Products whose names suggest that they are not goods: gift cards, deposits, fees, samples."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cltv_ml.columns.glance import Glance
from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.words import words
from cltv_ml.engine import literal

_ODD = "|".join(
    pattern
    for name in ("no_goods", "free", "odd_products", "no_sale")
    for pattern in words("overlooked")[name]
)

#: Headings of the names of goods.
_PRODUCT_NAMES = re.compile(
    "bezeichnung|benamning|betegnelse|omschrijving|designation|descri|beschreib|item|product|^line$"
)

#: Most products named, and the largest share of the lines: a shop of gift cards sells gift cards.
_SHOWN, _MOST = 6, 0.5


def tell_of_odd_products(
    glance: Glance, decided: Mapping[str, str | None], texts: Sequence[str]
) -> list[str]:
    """Return a note on products with money whose names suggest that they are not goods.

    Parameters
    ----------
    texts
        The columns that may name the goods if none is mapped as the product.
    """
    named = [column for column in texts if _PRODUCT_NAMES.search(plain_heading(column))]
    product, amount = decided.get("product_id") or [*named, ""][0], decided.get("amount")
    if not product or not amount or "type" in decided:
        return []
    chosen = "" if decided.get("product_id") else f"--mapping {flag('product_id', product)} and "
    name = f"trim(cast({quote(product)} as varchar))"
    plain = f"regexp_replace(strip_accents(lower({name})), '[^\\w]+', ' ', 'g')"
    rows = glance.lines.rows(
        f"select {name}, count(*), sum(v) from (select *, {glance.number(amount)} as v from {glance.lines}) "
        f"where regexp_matches({plain}, {literal(_ODD)}) and v > 0 group by 1 order by 3 desc, 1"
    )
    if not rows or sum(lines for _, lines, _ in rows) > _MOST * glance.rows:
        return []
    shown = ", ".join(f"{text!r} ({lines:,} lines, {money:,.2f})" for text, lines, money in rows[:_SHOWN])
    escaped = re.sub(r"([][.^$*+?{}\\|()])", r"\\\1", str(rows[0][0]))
    return [
        f"Column {product!r} contains {shown}, which count as goods. If they are not, use "
        f"{chosen}--rule {flag('non_products', escaped)} to quarantine them."
    ]
