"""Profile of each segment: customers, money, rhythm, predicted value, favourite products."""

from __future__ import annotations

import duckdb
import pandas as pd

from cltv_ml.decisions.line_costs import Costs, cost_of_line
from cltv_ml.decisions.lines import money, order_key, total
from cltv_ml.engine import MONEY_SCALE, frame
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import pandas_only
from cltv_ml.windows import to_cutoff

#: The row of customers who are in the log but in no segment: with it the revenue adds up to the log's.
UNSEGMENTED = "not segmented"


@pandas_only
def profile_segments(
    log: AnyLog,
    segments: pd.Series,
    *,
    predictions: pd.DataFrame | None = None,
    cutoff: str | pd.Timestamp | None = None,
    top: int = 3,
    costs: Costs | None = None,
) -> pd.DataFrame:
    """Return one row per segment, the one with the highest revenue first, indexed by `segment`.

    `customers`, `orders`, `revenue` (currency; sums to the log's total to the cent), `revenue_share`,
    `average_order_value`, `orders_per_customer`, `days_since_last` (median). Where the log has the
    columns: `margin` and `margin_rate` (cost), `discount_share` (of the price before discount),
    `top_products` and `top_categories` (by revenue). Where `predictions` has them: `expected_value` (sum),
    `value_per_customer`, and `value_lower`, `value_upper`: the mean ends of the customers' own intervals,
    which show the scatter of single customers, not the uncertainty of the segment's mean.

    Parameters
    ----------
    log
        TRANSACTIONS.
    segments
        Name of the segment by customer_id; customers of the log outside it form the row "not segmented".
    predictions
        PREDICTIONS.
    cutoff
        Only purchases before it count, and days are counted back from it; default the day after the log.
    top
        Number of products and categories to name.
    costs
        Margin rates for lines without a cost. The margin of a segment with a line whose cost is unknown is missing.
    """
    log = Log.of(log)
    con, columns = log.connect(), set(log.columns)
    con.register("segments", _segment_rows(segments))
    end = to_cutoff(cutoff) if cutoff is not None else log.end
    con.execute(
        f"create temp view lines as select log.*, coalesce(segment, '{UNSEGMENTED}') as segment from log "
        f"left join segments using (customer_id) where timestamp < timestamp '{end}'"
    )
    table = frame(con.sql(_totals(columns, end, costs or Costs()))).set_index("segment")
    sizes = segments.dropna().value_counts().rename_axis("segment")
    table = table.reindex(table.index.union(sizes.index, sort=False))
    table["customers"] = sizes.reindex(table.index).fillna(table["buyers"]).astype("int64")
    # A segment in which nobody bought has no orders and no revenue; its means stay missing.
    table[["orders", "revenue"]] = table[["orders", "revenue"]].fillna(0)
    table["orders"] = table["orders"].astype("int64")
    table["revenue_share"] = table["revenue"] / (table["revenue"].sum() or 1.0)
    table["orders_per_customer"] = table["orders"] / table["customers"].clip(lower=1)
    for name, column in (("top_products", "product_id"), ("top_categories", "category")):
        if column in columns:
            table[name] = _favourites(con, column, top)
    if predictions is not None:
        table = table.join(_predicted(segments, predictions))
    return _in_order(table).sort_values("revenue", ascending=False, kind="stable")


def _segment_rows(segments: pd.Series) -> pd.DataFrame:
    return segments.dropna().astype("str").rename("segment").rename_axis("customer_id").reset_index()


def _totals(columns: set[str], end: pd.Timestamp, costs: Costs) -> str:
    """Return SQL for the totals of each segment; money is summed in integers."""
    optional, order = "", order_key(columns)
    if "cost" in columns:
        cost = cost_of_line(columns, costs)
        known = f"if(count(*) = count({cost}), sum({money('amount')}) - sum({cost}), null)"
        margin = f"cast({known} as double) / {MONEY_SCALE}.0"
        optional += f", {margin} as margin, {margin} / nullif({total('amount')}, 0) as margin_rate"
    if "discount" in columns:
        before = f"({total('amount')} + {total('discount')})"
        optional += f", {total('discount')} / nullif({before}, 0) as discount_share"
    return f"""
        select segment, count(distinct customer_id) as buyers, count(distinct {order}) as orders,
            {total("amount")} as revenue, {total("amount")} / count(distinct {order}) as average_order_value
            {optional}, any_value(days_since_last) as days_since_last
        from lines join (
            select segment, median(days) as days_since_last from (
                select segment, date_diff('day', max(timestamp)::date, date '{end:%Y-%m-%d}') as days
                from lines group by segment, customer_id
            ) group by 1
        ) using (segment)
        group by 1 order by revenue desc, segment
    """


def _favourites(con: duckdb.DuckDBPyConnection, column: str, top: int) -> pd.Series:
    """Return the names with the highest revenue in each segment, joined by commas."""
    rows = frame(
        con.sql(
            f"select segment, string_agg(name, ', ' order by place) as favourites from ("
            f"select segment, {column} as name, "
            f"row_number() over (partition by segment order by sum({money('amount')}) desc, {column}) as place "
            f"from lines where {column} is not null group by 1, 2) where place <= {int(top)} group by 1"
        )
    )
    return rows.set_index("segment")["favourites"]


def _predicted(segments: pd.Series, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the sum and the means of the predicted value per segment."""
    aligned = predictions.reindex(segments.index)
    grouped = aligned.groupby(segments.astype("str").rename("segment"))
    columns = {
        "expected_value": grouped["expected_value"].sum(),
        "value_per_customer": grouped["expected_value"].mean(),
    }
    for name in ("value_lower", "value_upper"):
        if name in aligned and aligned[name].notna().any():
            columns[name] = grouped[name].mean()
    return pd.DataFrame(columns)


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns in their usual order."""
    columns = [
        "customers",
        "orders",
        "revenue",
        "revenue_share",
        "margin",
        "margin_rate",
        "average_order_value",
        "orders_per_customer",
        "days_since_last",
        "discount_share",
        "expected_value",
        "value_per_customer",
        "value_lower",
        "value_upper",
        "top_products",
        "top_categories",
    ]
    return table[[name for name in columns if name in table]].rename_axis("segment")
