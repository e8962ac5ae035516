"""Premium alternatives within the categories a customer already buys, by price per unit."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from cltv_ml.decisions.lines import currency, money
from cltv_ml.engine import frame, literal
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.windows import to_cutoff

#: Fewest buyers of a recommended product, and fewest lines of the customer in its category.
FEWEST_BUYERS, FEWEST_LINES = 20, 2

#: Products above a customer's usual price per unit in a category, from the view `sold`.
_UPSELL_SQL = """
with products as (
    select category, product_id, count(distinct customer_id) as customers,
        {spend} / sum(quantity) as price,
        {margin} / sum(quantity) as unit_margin
    from sold where product_id not in ({left_out}) and category not in ({left_out})
    group by 1, 2 having count(distinct customer_id) >= {min_customers}
), habits as (
    select customer_id, category, {spend} / sum(quantity) as usual_price,
        {margin} / sum(quantity) as usual_margin,
        365.0 * sum(quantity) / greatest(90, date_diff('day', min(timestamp), timestamp '{end}'))
            as usual_units
    from sold group by 1, 2 having count(*) >= {min_purchases}
), owned as (select distinct customer_id, product_id from sold)
select h.customer_id, h.category, usual_price, usual_units, p.product_id, price,
    price / usual_price as price_step, customers, unit_margin - usual_margin as extra_margin
from habits h join products p on h.category = p.category
    and price between usual_price * {low} and usual_price * {high}
    and unit_margin > 0 and unit_margin > usual_margin
anti join owned o on o.customer_id = h.customer_id and o.product_id = p.product_id
qualify row_number() over (
    partition by h.customer_id, h.category order by extra_margin desc, customers desc, p.product_id
) = 1
order by extra_margin desc, h.customer_id, h.category
"""


def recommend_upsell(
    log: AnyLog,
    cutoff: str | pd.Timestamp,
    *,
    step: tuple[float, float] = (1.1, 2.0),
    exclude: Collection[str] = (),
) -> pd.DataFrame:
    """Return for each customer and category the next product above what they usually pay per unit.

    Columns `customer_id`, `category`, `usual_price` (the customer's own mean per unit), `product_id`,
    `usual_units` (units bought per year in the category, since its first line and over at least a quarter),
    `price` (the product's mean per unit), `price_step` (price over usual price), `customers` (who buy it)
    and, with costs, `extra_margin` per unit over what the customer's units bring now; the highest extra
    margin first (without costs the highest price), then the most bought. Products that lose money, that the
    customer has, or outside the price step are left out. A unit is what `quantity` counts: where packs of
    several sizes share a category, give quantities in kilograms or pieces.

    Parameters
    ----------
    step
        Lowest and highest price step: 10% to 100% more expensive by default.
    exclude
        Products, or categories, that a campaign must not show.
    """
    con, columns = Log.of(log).connect_for("upselling", ["product_id", "category", "quantity"])
    low, high = step
    if not 1 < low < high:
        raise InputError(
            f"step must increase and begin above 1, got {step}; (1.1, 2.0) is 10% to 100% more expensive."
        )
    end = to_cutoff(cutoff)
    # Without costs the margin is the price: the most expensive product within the step goes first.
    revenue = f"sum({money('amount')})"
    margin = f"{revenue} - sum({money('cost')})" if "cost" in columns else revenue
    left_out = ", ".join(["''", *map(literal, exclude)])
    con.execute(
        f"create temp view sold as select * from log where timestamp < timestamp '{end}' and quantity > 0 "
        "and amount > 0 and product_id is not null and category is not null"
    )
    table = frame(
        con.sql(
            _UPSELL_SQL.format(
                spend=currency(revenue),
                margin=currency(margin),
                left_out=left_out,
                end=end,
                low=repr(low),
                high=repr(high),
                min_customers=FEWEST_BUYERS,
                min_purchases=FEWEST_LINES,
            )
        )
    )
    return table if "cost" in columns else table.drop(columns="extra_margin")
