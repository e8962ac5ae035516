"""Premium alternatives within the categories a customer already buys, by price per unit."""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import numpy as np
import pandas as pd
from scipy import sparse

from cltv_ml.decisions.line_costs import Costs, cost_of_line
from cltv_ml.decisions.lines import currency, money, total
from cltv_ml.engine import frame, literal
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.windows import to_cutoff

#: Fewest buyers of a recommended product, and fewest lines of the customer in its category.
FEWEST_BUYERS, FEWEST_LINES = 20, 2

#: Products, those of a category with the largest margin per unit first, from the view `sold`.
_PRODUCTS_SQL = """
create temp table products as select *, row_number() over (
        partition by category order by unit_margin desc, customers desc, product_id) - 1 as place
from (
    select category, product_id, count(distinct customer_id) as customers,
        {spend} / sum(quantity) as price, {margin} as unit_margin
    from sold where product_id not in ({left_out}) and category not in ({left_out})
    group by 1, 2 having count(distinct customer_id) >= {min_customers})
where unit_margin > 0
"""

#: What a customer usually pays per unit in a category, from the view `sold`.
_HABITS_SQL = """
create temp table habits as select *, row_number() over (
        partition by category order by customer_id) - 1 as number
from (
    select customer_id, category, {spend} / sum(quantity) as usual_price, {margin} as usual_margin,
        365.0 * sum(quantity) / greatest(90, date_diff('day', min(timestamp), timestamp '{end}')) as usual_units
    from sold group by 1, 2 having count(*) >= {min_purchases})
where category in (select category from products)
"""

#: Habits and products of a category compared at a time: a million pairs.
_PAIRS = 1_000_000


def recommend_upsell(
    log: AnyLog,
    cutoff: str | pd.Timestamp,
    *,
    step: tuple[float, float] = (1.1, 2.0),
    exclude: Collection[str] = (),
    costs: Costs | None = None,
) -> pd.DataFrame:
    """Return for each customer and category the next product above what they usually pay per unit.

    Columns `customer_id`, `category`, `usual_price` (the customer's own mean per unit), `product_id`,
    `usual_units` (units bought per year in the category, since its first line and over at least a quarter),
    `price` (the product's mean per unit), `price_step` (price over usual price), `customers` (who buy it)
    and, with costs, `extra_margin` per unit over what the customer's units bring now; the highest extra
    margin first (without costs the highest price), then the most bought. Margins are those of lines whose cost is
    known. Products that lose money, that the customer has, outside the price step, or whose extra margin is unknown
    are left out. A unit is what `quantity` counts: where packs of
    several sizes share a category, give quantities in kilograms or pieces.

    Parameters
    ----------
    step
        Lowest and highest price step: 10% to 100% more expensive by default.
    exclude
        Products, or categories, that a campaign must not show.
    costs
        Margin rates for lines without a cost, in a log with costs.
    """
    con, columns = Log.of(log).connect_for("upselling", ["product_id", "category", "quantity"])
    if not 1 < step[0] < step[1]:
        raise InputError(
            f"step must increase and begin above 1, got {step}; (1.1, 2.0) is 10% to 100% more expensive."
        )
    end = to_cutoff(cutoff)
    left_out = ", ".join(["''", *map(literal, exclude)])
    con.execute(
        f"create temp view sold as select * from log where timestamp < timestamp '{end}' and quantity > 0 "
        "and amount > 0 and product_id is not null and category is not null"
    )
    of_line = {"spend": total("amount"), "margin": _unit_margin(columns, costs or Costs())}
    con.execute(_PRODUCTS_SQL.format(**of_line, left_out=left_out, min_customers=FEWEST_BUYERS))
    con.execute(_HABITS_SQL.format(**of_line, end=end, min_purchases=FEWEST_LINES))
    table = _best_products(con, step)
    return table if "cost" in columns else table.drop(columns="extra_margin")


def _unit_margin(columns: set[str], costs: Costs) -> str:
    """Return SQL for the margin per unit of the lines whose cost is known.

    Without costs it is the price, so that the most expensive product within the step goes first.
    """
    if "cost" not in columns:
        return f"{total('amount')} / sum(quantity)"
    cost = cost_of_line(columns, costs)
    margin = currency(f"sum({money('amount')} - {cost})")
    return f"{margin} / sum(quantity) filter ({cost} is not null)"


def _best_products(con: duckdb.DuckDBPyConnection, step: tuple[float, float]) -> pd.DataFrame:
    """Return the best product of each habit's category within the price step, from the tables `products` and `habits`.

    Within a category the extra margin falls with the margin per unit, whoever buys: the first fitting product is best.
    """
    products, habits, owned = (
        {str(category): rows for category, rows in frame(con.sql(query)).groupby("category")}
        for query in (
            "from products order by category, place",
            "from habits order by category, number",
            # A product that is listed in several categories is owned in each of them.
            "select h.category, h.number, p.place from (select distinct customer_id, product_id from sold) s "
            "join products p using (product_id) join habits h on h.customer_id = s.customer_id "
            "and h.category = p.category",
        )
    )
    none = pd.DataFrame({"number": [], "place": []}, dtype="int64")
    found = [
        _of_category(rows, products[category], owned.get(category, none), step)
        for category, rows in habits.items()
    ]
    if not found:
        return pd.DataFrame(columns=_UPSELL_COLUMNS)
    table = pd.concat(found).sort_values(["customer_id", "category"])
    return table.sort_values("extra_margin", ascending=False, kind="stable", ignore_index=True)


_UPSELL_COLUMNS = [
    *("customer_id", "category", "usual_price", "usual_units", "product_id", "price", "price_step"),
    *("customers", "extra_margin"),
]


def _of_category(
    habits: pd.DataFrame, products: pd.DataFrame, owned: pd.DataFrame, step: tuple[float, float]
) -> pd.DataFrame:
    price, margin = products["price"].to_numpy(), products["unit_margin"].to_numpy()
    usual, before = habits["usual_price"].to_numpy(), habits["usual_margin"].to_numpy()
    has = sparse.csr_matrix(
        (np.ones(len(owned), dtype=bool), (owned["number"].to_numpy(), owned["place"].to_numpy())),
        shape=(len(habits), len(products)),
    )
    best = np.full(len(habits), -1)
    size = max(1, _PAIRS // len(products))
    for start in range(0, len(habits), size):
        part = slice(start, start + size)
        low, high = (usual[part, None] * end for end in step)
        fits = (price >= low) & (price <= high) & (margin > before[part, None])
        fits &= ~has[part].toarray()
        best[part] = np.where(fits.any(axis=1), fits.argmax(axis=1), -1)
    chosen = habits[best >= 0].reset_index(drop=True)
    shown = products.iloc[best[best >= 0]].reset_index(drop=True)
    return pd.concat([chosen, shown.drop(columns="category")], axis=1).assign(
        price_step=shown["price"] / chosen["usual_price"],
        extra_margin=shown["unit_margin"] - chosen["usual_margin"],
    )[_UPSELL_COLUMNS]
