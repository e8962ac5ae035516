"""Response of demand to the log's discounts by category, shrunk where data are thin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cltv_ml.engine import frame
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import pandas_only

#: The row of all categories together.
POOLED = "all"

#: The caveat of every use of the response.
CONFOUNDING = (
    "observed, not tested: discounts in the log were not drawn at random. Promotions that met demand anyway "
    "(holidays, adverts, clearance) count as the effect of the price, and weeks without a sale are not seen"
)


def fit_response(log: AnyLog, *, by: str = "category", protected: Sequence[str] = ()) -> pd.DataFrame:
    """Return the response of demand to the discount, per category and pooled in the row "all".

    Indexed by `by`: `products`, `weeks` (product-weeks with a sale), `slope_alone` and `standard_error`
    of the category by itself, `slope` shrunk towards all categories, `demand_at_10` (demand at 10% off over
    full price, exp(slope / 10)) and `note`, which names the confounding.

    The slope is that of log units of a product in a week on the depth of its discount (discount over price before
    discount, 0 to 1), after removing each product's and each week's mean, so that popular products and busy weeks do
    not count as effects of the discount. Errors are clustered by product. Categories are shrunk by random effects
    (DerSimonian and Laird, 1986): the less data a category has, the more it follows the others.

    Parameters
    ----------
    log
        TRANSACTIONS with product_id and discount.
    by
        The column that groups products.
    protected
        Columns that must not be used.

    Raises
    ------
    InputError
        A column is missing or protected, or no category has five products sold at different discounts.
    """
    if by in protected:
        raise InputError(
            f"the column {by!r} is protected and must not decide discounts; group by another column."
        )
    con, columns = Log.of(log).connect_for("a price response", ["product_id", "discount", by])
    units = "greatest(sum(quantity), 1)" if "quantity" in columns else "count(*)"
    panel = frame(
        con.sql(
            "with sold as (select *, coalesce(discount, 0) as taken from log) "
            f"select cast({by} as varchar) as grouped, product_id, date_trunc('week', timestamp)::date as week, "
            f"ln({units}) as demand, sum(taken) / sum(amount + taken) as depth from sold "
            f"where {by} is not null and product_id is not null and amount + taken > 0 group by 1, 2, 3"
        )
    )
    demand, depth = (_without_means(panel, name) for name in ("demand", "depth"))
    table = _slopes(panel, demand, depth)
    if table.empty:
        raise InputError(
            "no category has five products sold at different discounts, so the log cannot show how demand "
            "responds; run a price test first (propose_price_test)."
        )
    return _drawn_together(table).rename_axis(by)


@pandas_only
def customer_slopes(log: AnyLog, response: pd.DataFrame) -> pd.Series:
    """Return the slope of each customer: the mean over what they buy, weighted by what they spend on it.

    Indexed by customer_id; categories without a slope take the pooled one.
    """
    by = str(response.index.name)
    con, _ = Log.of(log).connect_for("the price response of customers", [by])
    con.register("response", response["slope"].rename_axis("grouped").reset_index())
    everybody = float(response.loc[POOLED, "slope"])
    rows = frame(
        con.sql(
            f"select customer_id, sum(coalesce(slope, {everybody!r}) * amount) / nullif(sum(amount), 0) as slope "
            f"from log left join response on cast({by} as varchar) = grouped group by 1 order by 1"
        )
    )
    return rows.set_index("customer_id")["slope"].fillna(everybody)


def _without_means(panel: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column of the panel less the means of products and weeks, removed in turn until both vanish."""
    values = panel[name].to_numpy(dtype=np.float64).copy()
    codes = [pd.factorize(panel[key])[0] for key in ("product_id", "week")]
    sizes = [np.bincount(code) for code in codes]
    for _ in range(50):
        largest = 0.0
        for code, size in zip(codes, sizes, strict=True):
            means = np.bincount(code, weights=values) / size
            values -= means[code]
            largest = max(largest, float(np.abs(means).max(initial=0.0)))
        if largest < 1e-9:
            break
    return values


def _slopes(panel: pd.DataFrame, demand: np.ndarray, depth: np.ndarray) -> pd.DataFrame:
    """Return the slope of each category by itself, for those with five products and several discounts."""
    parts = pd.DataFrame(
        {"grouped": panel["grouped"], "product_id": panel["product_id"], "xy": depth * demand, "xx": depth**2}
    )
    grouped = parts.groupby("grouped")
    sums = grouped[["xy", "xx"]].sum()
    sums["products"], sums["weeks"] = grouped["product_id"].nunique(), grouped.size()
    sums = sums[(sums["xx"] > 1e-6) & (sums["products"] >= 5)]
    slope = sums["xy"] / sums["xx"]
    parts = parts[parts["grouped"].isin(sums.index)]
    score = depth[parts.index] * (
        demand[parts.index] - parts["grouped"].map(slope).to_numpy() * depth[parts.index]
    )
    clusters = pd.Series(score, index=parts.index).groupby([parts["grouped"], parts["product_id"]]).sum()
    error = np.sqrt((clusters**2).groupby(level=0).sum()) / sums["xx"]
    few = np.sqrt(sums["products"] / (sums["products"] - 1))
    table = sums.assign(slope_alone=slope, standard_error=error * few)
    return table[table["standard_error"] > 0].drop(columns=["xy", "xx"])


def _drawn_together(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with slopes shrunk towards their mean, and the row of all."""
    slope, variance = table["slope_alone"], table["standard_error"] ** 2
    weight = 1 / variance
    fixed = (weight * slope).sum() / weight.sum()
    excess = (weight * (slope - fixed) ** 2).sum() - (len(table) - 1)
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    between = max(0.0, excess / scale) if scale > 0 else 0.0
    weight = 1 / (variance + between)
    mean = (weight * slope).sum() / weight.sum()
    table["slope"] = (between * slope + variance * mean) / (between + variance)
    everybody = {
        "products": table["products"].sum(),
        "weeks": table["weeks"].sum(),
        "slope_alone": mean,
        "standard_error": float(np.sqrt(1 / weight.sum())),
        "slope": mean,
    }
    table = pd.concat([table, pd.DataFrame(everybody, index=[POOLED])])
    table["demand_at_10"] = np.exp(table["slope"] / 10)
    table["note"] = CONFOUNDING
    return table
