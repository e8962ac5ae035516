"""Contribution margins, from revenue down to profit, by customer, segment, product, category or channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import duckdb
import pandas as pd

from cltv_ml.decisions.line_costs import UNKNOWN_GROUP, Costs, cost_of_line, group_of_line, refuse_unknown
from cltv_ml.decisions.lines import currency, money, order_key
from cltv_ml.decisions.profile import UNSEGMENTED
from cltv_ml.engine import MONEY_SCALE, Tabular, frame, literal, view
from cltv_ml.errors import InputError, unknown_name
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import pandas_only

MarginGrain = Literal["customer_id", "segment", "product_id", "category", "channel"]

MARGIN_GRAINS: tuple[MarginGrain, ...] = ("customer_id", "segment", "product_id", "category", "channel")

#: Columns in the order of the calculation.
_COLUMN_ORDER = (
    "customers",
    "orders",
    "lines",
    "revenue",
    "discount",
    "returned",
    "cost",
    "gross_margin",
    "service",
    "contribution_margin",
    "acquisition",
    "profit",
    "contribution_rate",
    "lines_below_cost",
    "loss_making",
)


@pandas_only
def compute_margins(
    log: AnyLog,
    by: MarginGrain,
    *,
    costs: Costs | None = None,
    segments: pd.Series | None = None,
    returns: Tabular | None = None,
) -> pd.DataFrame:
    """Return one row per customer, segment, product, category or channel, the largest contribution first.

    Indexed by `by`. `lines`, `orders`, `customers`; in currency `revenue` (sums to the log's total to the
    cent at every grain), `discount`, `returned`, `cost`, `gross_margin` (revenue - returned - cost),
    `service`, `contribution_margin` (gross margin - service), for customers and segments `acquisition`
    and `profit`; `contribution_rate` (of revenue - returned); `lines_below_cost`; `loss_making`.

    Parameters
    ----------
    log
        TRANSACTIONS; `cost` is what the whole line cost.
    by
        The unit of a row.
    costs
        Costs that the log does not hold.
    segments
        Name of the segment by customer_id, for `by="segment"`.
    returns
        Refunds that were not netted in the log: customer_id, amount (positive), and where known the
        log's other columns; its `cost` is the value of goods back in stock.

    Raises
    ------
    InputError
        The grain is unknown or its column missing, a line has no cost and no rate covers it.
    """
    costs = costs or Costs()
    con, columns = _lines_sold(log, by, costs, segments, returns)
    table = frame(con.sql(_summary_sql(by))).set_index(by)
    net = table["revenue"] - table["returned"]
    table["gross_margin"] = (net - table["cost"]).round(4)
    table["contribution_margin"] = (table["gross_margin"] - table["service"]).round(4)
    last = "contribution_margin"
    if by in ("customer_id", "segment"):
        table["acquisition"] = _acquisition(con, by, costs)
        table["profit"] = (table["contribution_margin"] - table["acquisition"]).round(4)
        last = "profit"
    table["contribution_rate"] = table["contribution_margin"] / net.where(net != 0)
    table["loss_making"] = table[last] < 0
    absent = set() if "discount" in columns else {"discount"}
    return table[[name for name in _COLUMN_ORDER if name in table and name not in absent]].sort_values(
        "contribution_margin", ascending=False, kind="stable"
    )


def category_rates(
    log: AnyLog, own: Mapping[str, float] | None, other: float | None
) -> float | dict[str, float] | None:
    """Return the stated margin rate: one for all, or by category where some have one of their own.

    Raises
    ------
    InputError
        The log has no categories, or no line of a category whose rate is stated.
    """
    if own is None:
        return other
    log = Log.of(log)
    if "category" not in log.columns:
        raise InputError(
            "margins by category need categories: map the product group to category, or state one --margin-rate."
        )
    found = log.connect().sql("select distinct category from log where category is not null")
    categories = {name for [name] in found.fetchall()}
    absent = sorted(set(own) - categories - {UNKNOWN_GROUP})
    if absent:
        raise InputError(
            f"no line of the log has the category {absent[0]!r} of the stated margins; categories are such "
            f"as {sorted(categories)[:5]}."
        )
    return (
        dict(own) if other is None else dict.fromkeys([*sorted(categories), UNKNOWN_GROUP], other) | dict(own)
    )


@pandas_only
def loss_makers(margins: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `compute_margins` that lose money, the largest loss first.

    >>> margins = pd.DataFrame({"contribution_margin": [5.0, -1.0, -9.0]}, index=["a", "b", "c"])
    >>> loss_makers(margins).index.tolist()
    ['c', 'b']
    """
    column = "profit" if "profit" in margins else "contribution_margin"
    return margins[margins[column] < 0].sort_values(column, kind="stable")


def measured_margin(log: AnyLog) -> float | None:
    """Return the log's margin in percent of revenue, lines without a cost left out; None without the column `cost`."""
    log = Log.of(log)
    if "cost" not in log.columns:
        return None
    with_cost = log.frame[log.frame["cost"].notna()]
    revenue = float(with_cost["amount"].sum())
    share = 1 - float(with_cost["cost"].sum()) / revenue if revenue > 0 else 0.0
    return round(100 * share, 1)


@pandas_only
def customer_margin_rates(margins: pd.DataFrame, prior: float | None = None) -> pd.Series:
    """Return each customer's contribution rate, shrunk to the average where little was bought.

    Revenue of `prior` (one average customer's by default; `margin_credibility` learns it) at the average rate is added
    to the customer's own lines, so that a single odd order does not decide. Name `margin_rate`, aligned with `margins`
    (`compute_margins(log, "customer_id")`).

    >>> margins = pd.DataFrame({"revenue": [100.0, 100.0], "contribution_margin": [50.0, 10.0]})
    >>> customer_margin_rates(margins).round(6).tolist()
    [0.4, 0.2]
    """
    net = margins["revenue"] - margins.get("returned", 0.0)
    if net.sum() <= 0:
        raise InputError("margin rates need revenue, but the log's total is zero; check the amounts.")
    everybody = margins["contribution_margin"].sum() / net.sum()
    prior = float(net.mean()) if prior is None else prior
    return ((margins["contribution_margin"] + everybody * prior) / (net + prior)).rename("margin_rate")


def margin_credibility(log: AnyLog, costs: Costs | None = None) -> float:
    """Return the revenue at which a customer's own margin rate weighs as much as the average rate.

    The credibility constant of Buhlmann and Straub (ASTIN Bulletin 5, 1970): the variance of lines' rates within
    customers over that between customers, weighted by revenue; between one average line and one average customer.

    >>> log = pd.DataFrame({"customer_id": list("aabb"), "timestamp": pd.Timestamp("2024-01-01"),
    ...                     "amount": [10.0, 10, 10, 10], "cost": [9.0, 9, 5, 5]})
    >>> margin_credibility(log)  # customers differ and their lines do not: one line is enough
    10.0
    """
    con, _ = _lines_sold(log, "customer_id", costs or Costs(), None, None)
    # Summed as integers, so that the order in which threads add lines moves no last digit.
    squares = f"cast(sum(cast(round(m * m / w * {MONEY_SCALE}) as hugeint)) as double) / {MONEY_SCALE}"
    customers = frame(
        con.sql(
            "with rated as (select customer_id, revenue as w, cast(revenue - cost as double) as m from lines "
            "where revenue > 0), sums as (select customer_id, count(*) as n, cast(sum(w) as double) as w, "
            f"sum(m) as m, {squares} as squares from rated group by 1) "
            f"select n, w / {MONEY_SCALE} as w, m / w as rate, (squares - m * m / w) / {MONEY_SCALE} as within "
            "from sums order by customer_id"
        )
    )
    weight = float(customers["w"].sum())
    if not weight:
        return 0.0
    line, customer = weight / float(customers["n"].sum()), weight / len(customers)
    freedom = float((customers["n"] - 1).sum())
    everybody = float((customers["w"] * customers["rate"]).sum()) / weight
    within = max(float(customers["within"].sum()), 0.0) / max(freedom, 1.0)
    spread = (
        float((customers["w"] * (customers["rate"] - everybody) ** 2).sum()) - (len(customers) - 1) * within
    )
    between = spread / max(weight - float((customers["w"] ** 2).sum()) / weight, 1e-12)
    return float(min(max(within / between, line), customer)) if between > 1e-12 else customer


@pandas_only
def add_profit(predictions: pd.DataFrame, margin_rate: float | pd.Series) -> pd.DataFrame:
    """Return PREDICTIONS with `margin_rate` and `expected_profit`: predicted value times contribution rate.

    Customers without a rate get the mean rate of the others.

    >>> add_profit(pd.DataFrame({"expected_value": [100.0]}, index=["a"]), 0.3)["expected_profit"].tolist()
    [30.0]
    """
    rate = margin_rate
    if isinstance(margin_rate, pd.Series):
        rate = margin_rate.reindex(predictions.index).fillna(float(margin_rate.mean()))
    return predictions.assign(margin_rate=rate, expected_profit=predictions["expected_value"] * rate)


def _lines_sold(
    log: AnyLog, by: MarginGrain, costs: Costs, segments: pd.Series | None, returns: Tabular | None
) -> tuple[duckdb.DuckDBPyConnection, set[str]]:
    """Return a connection with the view `lines`: one row per line sold or returned, money in integers."""
    if by not in MARGIN_GRAINS:
        raise unknown_name("grain", by, MARGIN_GRAINS)
    if by == "segment" and segments is None:
        raise InputError(
            "margins by segment need segments, got None; give the name of the segment by customer_id."
        )
    con, columns = Log.of(log).connect_for(
        f"the margin by {by}", [] if by in ("customer_id", "segment") else [by]
    )
    if segments is not None:
        named = segments.dropna().astype("str").rename("segment").rename_axis("customer_id").reset_index()
        con.register("segments", named)
    sold = _sold(columns, costs, _group_key(by, columns))
    if returns is not None:
        view(con, "returned_lines", returns)
        sold += f" union all {_returned(set(con.table('returned_lines').columns), by)}"
    joined = "left join segments using (customer_id)" if by == "segment" else ""
    key = f"coalesce(segment, {literal(UNSEGMENTED)})" if by == "segment" else "grain"
    con.execute(
        f"create temp table lines as select sold.* exclude (grain), {key} as grain from ({sold}) sold {joined}"
    )
    _check_costs(con, columns, costs)
    return con, columns


def _group_key(by: MarginGrain, columns: set[str]) -> str:
    if by == "segment":
        return "customer_id"
    return f"coalesce({by}, {literal(UNKNOWN_GROUP)})" if by in columns else literal(UNKNOWN_GROUP)


def _sold(columns: set[str], costs: Costs, key: str) -> str:
    """Return SQL for the lines of the log: revenue, discount, cost and service as integers."""
    order = order_key(columns)
    fee = f"cast(round({money('amount')} * {costs.share_of_amount!r}) as bigint)"
    per_order = round(costs.per_order * MONEY_SCALE)
    if per_order:
        # The cents that do not divide evenly fall to the first lines, so that the lines sum to the order.
        place = f"row_number() over (partition by {order} order by amount desc, {key})"
        lines = f"count(*) over (partition by {order})"
        fee += f" + {per_order} // {lines} + if({place} <= {per_order} % {lines}, 1, 0)"
    discount = f"coalesce({money('discount')}, 0)" if "discount" in columns else "0"
    return (
        f"select customer_id, {key} as grain, {order} as order_key, {money('amount')} as revenue, "
        f"{discount} as discount, 0 as returned, {cost_of_line(columns, costs)} as cost, {fee} as service, "
        f"{group_of_line(columns)} as goods from log"
    )


def _returned(columns: set[str], by: MarginGrain) -> str:
    cost = f"-coalesce({money('cost')}, 0)" if "cost" in columns else "0"
    key = _group_key(by, columns)
    return f"select customer_id, {key}, null, 0, 0, {money('amount')}, {cost}, 0, null from returned_lines"


def _check_costs(con: duckdb.DuckDBPyConnection, columns: set[str], costs: Costs) -> None:
    counts = con.sql(
        "select count(*) filter (where cost is null), count(*), min(goods) filter (where cost is null) from lines"
    ).fetchall()[0]
    refuse_unknown(counts, columns, costs)


def _summary_sql(by: MarginGrain) -> str:
    sums = ", ".join(
        f"{currency(f'sum({name})')} as {name}"
        for name in ("revenue", "discount", "returned", "cost", "service")
    )
    return (
        f"select grain as {by}, count(distinct customer_id) as customers, count(distinct order_key) as orders, "
        f"count(order_key) as lines, {sums}, count(*) filter (where cost > revenue) as lines_below_cost "
        f"from lines group by 1 order by 1"
    )


def _acquisition(con: duckdb.DuckDBPyConnection, by: MarginGrain, costs: Costs) -> pd.Series:
    """Return the acquisition cost of each row's customers; customers without a figure cost nothing."""
    owners = frame(con.sql("select distinct grain, customer_id from lines")).set_index("customer_id")["grain"]
    spent = costs.acquisition
    if isinstance(spent, pd.Series):
        paid = spent.reindex(owners.index).fillna(0.0)
    else:
        paid = pd.Series(float(spent), index=owners.index)
    return paid.groupby(owners).sum().rename_axis(by)
