"""Usual prices of products, which show whether a unit price is after a discount."""

from __future__ import annotations

from cltv_ml.engine import Relation

#: Fewest lines with a discount for a decision, and the share of them that must return to a usual price.
_LINES, _SHARE = 20, 0.95

#: The share of them whose price may be a usual one as it is.
_UNCHANGED = 0.02


def returned_discount(lines: Relation, product: str, quantity: str, price: str, discount: str) -> str:
    """Return SQL of a line's discount if unit prices are after it, else an empty string.

    They are if adding the discount of one item gives a price that the product has on a line without a discount, on
    nearly all lines with one, and the price itself is none of these. The discount may be that of a line or of an item.

    Parameters
    ----------
    product, quantity, price, discount
        SQL of what a line states; prices and discounts in currency units.
    """
    stated = (
        f"select {product} as product, abs({quantity}) as items, {price} as price, abs({discount}) as off "
        f"from {lines}"
    )
    near = "u.product = s.product and abs(u.price - {price}) < 0.011"
    found = [
        f"exists (from usual u where {near.format(price=price_before)})"
        for price_before in ("s.price", "(s.price + s.off / s.items)", "(s.price + s.off)")
    ]
    tests = ", ".join(f"count(*) filter ({found_so})" for found_so in found)
    discounted, unchanged, of_line, of_item = lines.row(
        f"with stated as ({stated}), usual as (select distinct product, price from stated where coalesce(off, 0) = 0), "
        "s as (from stated where off > 0.011 and items > 0 and product in (select product from usual)) "
        f"select count(*), {tests} from s"
    )
    if discounted < _LINES or unchanged > _UNCHANGED * discounted:
        return ""
    if of_line >= _SHARE * discounted:
        return discount
    return f"({discount}) * abs({quantity})" if of_item >= _SHARE * discounted else ""
