"""The whole shop's forecast from a log: the models fitted on it, their draws, and tables of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from cltv_ml.decisions.lines import make_by_customer
from cltv_ml.engine import MONEY_SCALE, frame
from cltv_ml.errors import InputError
from cltv_ml.evaluation.future import forecast_known
from cltv_ml.evaluation.shop_total import ShopPast, ShopTotal, combine_total
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import Level
from cltv_ml.models.arrivals import Arrivals, fit_arrivals
from cltv_ml.models.fit_cache import shared_fits
from cltv_ml.models.level_candidates import QUARTER, CohortRevenue
from cltv_ml.models.level_closures import as_if_open, find_closures
from cltv_ml.models.level_grain import PeriodGrain, find_grain
from cltv_ml.models.shop_draws import ShopDraws, draw_shop, relative_level
from cltv_ml.models.value_by_age import ValueByAge, fit_value_by_age
from cltv_ml.windows import Window

#: Draws of the whole shop.
SHOP_DRAWS = 1000

#: Fewest days of log: with fewer, neither arrivals nor the decline with age can be estimated.
LEAST_LOG_DAYS = 56

#: Days over which baskets and the like are read.
RATIO_DAYS = 364


@dataclass(frozen=True)
class Ratios:
    """Ratios that convert revenue into orders and customers, from the last year of a log."""

    #: Orders on a customer's first day.
    first_orders: float
    #: Revenue per order after the first day, refunds in documents of their own subtracted.
    repeat_basket: float
    #: Customers with an order after their first day per such order, in a period of the forecast's length.
    active: float


@dataclass(frozen=True)
class ShopForecast:
    """The draws of a forecast, their periods, and what they rest on."""

    draws: ShopDraws
    #: `start`, `until` (first day after it), `days`.
    periods: pd.DataFrame
    ratios: Ratios
    arrivals: Arrivals
    value: ValueByAge
    #: The level of the existing customers.
    level: Level | None
    #: Whether each day of the log lies in a closure that is not expected again.
    closed: np.ndarray
    #: The total of all customers; None where the known ones are all of it, or the log has no level.
    total: ShopTotal | None = None
    #: "week" or "month" where purchases carry one date per period and whole periods were counted, empty for days.
    grain: str = ""

    @property
    def totals(self) -> tuple[float, float] | None:
        """The forecast totals of existing and of new customers; None where they are those of the draws."""
        if self.level is None:
            return None
        if self.total is None:
            return self.level.total, 0.0
        known = self.level.total * self.total.total / self.total.parts
        return known, self.total.total - known

    @property
    def earlier(self) -> pd.DataFrame:
        """Forecasts of the same length from earlier cutoffs of the log: `cutoff`, `forecast` and `realised` revenue.

        Each uses what lay before its cutoff. They overlap where the horizon is longer than a month.
        """
        record = pd.DataFrame(columns=["day", "forecast", "total"])
        if self.level is not None:
            record = self.level.record if self.total is None else self.total.record
        days_before = self.value.repeat.calendar.days - record["day"]
        cutoffs = self.periods["start"].iloc[0] - pd.to_timedelta(days_before.astype("int64"), unit="D")
        money = (
            record[["forecast", "total"]]
            .astype("float64")
            .round(2)
            .set_axis(["forecast", "realised"], axis=1)
        )
        return pd.concat([cutoffs.rename("cutoff"), money], axis=1).sort_values("cutoff", ignore_index=True)


def forecast_shop(
    log: AnyLog,
    window: Window,
    per: str = "week",
    *,
    holidays: Mapping[str, list[pd.Timestamp]] | None = None,
    size: int = SHOP_DRAWS,
) -> ShopForecast:
    """Return the forecast of all customers, known and to come, from what the log holds before the window's cutoff.

    Where purchases carry one date per week or month, whole periods are counted, as for the level (`level_grain`), and
    the purchases of each lie spread over its days; holidays then say nothing.

    Raises
    ------
    InputError
        The log before the cutoff is shorter than `LEAST_LOG_DAYS`.
    """
    log = Log.of(log)
    start = log.first.normalize()
    days = _days_of_log(start, window.cutoff)
    con = _open_orders(log, start, window.cutoff)
    edges = starts = period_edges(window, per)
    grain = _find_grain(con, start, window)
    if grain is not None:
        _spread_purchases(con, grain, start)
        days = grain.days_before(np.datetime64(window.cutoff, "D"))
        edges, holidays = _edges_of_grain(grain, window, edges), None
    horizon = int(edges[-1])
    cohorts = _read_cohorts(_with_purchases(con), days)
    numbered = {
        name: frozenset((day - start).days for day in dates) for name, dates in (holidays or {}).items()
    }
    cohorts, closed = _without_closures(cohorts, horizon)
    arrivals = fit_arrivals(np.diff(cohorts.joined), start, horizon, numbered, closed)
    value = fit_value_by_age(cohorts, start, horizon, closed)
    level, near = _level_and_near(log, window)
    totals, shared = None, None
    if level is not None and near is not None:
        totals = level.total * np.random.default_rng(1).permutation(level.factors(size))
        shared = _shared_level(value, near.total, min(horizon, QUARTER))
    draws, total = draw_shop(value, arrivals, totals, edges, level=shared), None
    if level is not None and shared is not None and arrivals.rate is not None:
        parts = level.total + _expected_new(value, arrivals, shared)
        past = _past(cohorts, level, near or level, start, numbered, closed)
        total = combine_total(cohorts, days, horizon, parts, past)
        draws = draws.brought_to(total.total, total.parts, total.spread)
    ratios = _ratios(con, days, float(np.median(np.diff(starts))))
    periods, name = _period_table(window, starts), grain.name if grain is not None else ""
    return ShopForecast(draws, periods, ratios, arrivals, value, level, closed, total, name)


def _level_and_near(log: Log, window: Window) -> tuple[Level | None, Level | None]:
    """Return the level of the window, and of its first quarter: what new customers are expected to share.

    Over a longer time the level falls behind the value by age because old customers leave, which new ones do later.
    """
    with shared_fits():
        level = forecast_known(log, window)
        near = forecast_known(log, Window(window.cutoff, QUARTER)) if window.horizon > QUARTER else level
    return level, near or level


def _shared_level(value: ValueByAge, from_known: float, days: int) -> float:
    """Return the ratio of existing customers' forecast of the next days to that of the value by age."""
    ahead = value.repeat.calendar.days + np.arange(days)
    own = float(value.known(value.repeat.mean[None], ahead).sum())
    return float(relative_level(np.array(from_known), own))


def _days_of_log(start: pd.Timestamp, cutoff: pd.Timestamp) -> int:
    """Return the days of log before the cutoff; InputError where they are too few for a forecast."""
    days = (cutoff - start).days
    if days < LEAST_LOG_DAYS:
        raise InputError(
            f"a forecast of the whole shop needs {LEAST_LOG_DAYS} days of log before {cutoff:%Y-%m-%d}, "
            f"found {max(days, 0)}; use data that start earlier."
        )
    return days


def _without_closures(cohorts: CohortRevenue, horizon: int) -> tuple[CohortRevenue, np.ndarray]:
    """Return the log as if open in closures that are not expected again, and whether it was closed on each day.

    A season that was fitted to such a gap would swing on both sides of it.
    """
    once = [one for one in find_closures(cohorts) if not one.returns(cohorts.days, horizon)]
    closed = np.zeros(cohorts.days, dtype=bool)
    for one in once:
        closed[one.start : one.end] = True
    return as_if_open(cohorts, once, newcomers=True), closed


def _past(
    cohorts: CohortRevenue,
    level: Level,
    near: Level,
    start: pd.Timestamp,
    holidays: Mapping[str, frozenset[int]],
    closed: np.ndarray,
) -> list[ShopPast]:
    """Return the parts forecast at each earlier cutoff of the level's record, with the realised total."""
    horizon, past = level.basis.horizon if level.basis else 0, []
    nearby = dict(near.record[["day", "forecast"]].itertuples(index=False))
    for day, from_known in level.record[["day", "forecast"]].itertuples(index=False):
        total = cohorts.revenue(day, day + horizon)
        if total > 0:
            before = cohorts.until(day)
            value = fit_value_by_age(before, start, horizon, closed[:day])
            arrivals = fit_arrivals(np.diff(before.joined), start, horizon, holidays, closed[:day])
            days = min(horizon, QUARTER) if day in nearby else horizon
            shared = _shared_level(value, nearby.get(day, from_known), days)
            past.append(ShopPast(day, total, from_known + _expected_new(value, arrivals, shared)))
    return past


def _expected_new(value: ValueByAge, arrivals: Arrivals, level: float) -> float:
    """Return the expected spend of new customers, at the level of the existing ones as in `draw_shop`."""
    days = value.repeat.calendar.days + np.arange(arrivals.horizon)
    won, mean = arrivals.expected()[None], value.repeat.mean[None]
    first = float((won * value.first.rates(value.first.mean[None], days)).sum())
    return first + float(value.repeats(mean, won, days).sum()) * level


def period_edges(window: Window, per: str) -> np.ndarray:
    """Return the days after the cutoff at which periods begin, and the horizon: the last period may be shorter.

    >>> period_edges(Window("2024-01-01", 45), "month").tolist()
    [0, 31, 45]
    """
    if per == "week":
        inner = list(range(0, window.horizon, 7))
    else:
        months = range(window.horizon // 28 + 2)
        inner = [(window.cutoff + pd.DateOffset(months=number) - window.cutoff).days for number in months]
    return np.array([day for day in inner if day < window.horizon] + [window.horizon])


def _period_table(window: Window, edges: np.ndarray) -> pd.DataFrame:
    since = [window.cutoff + pd.Timedelta(days=int(day)) for day in edges]
    return pd.DataFrame({"start": since[:-1], "until": since[1:], "days": np.diff(edges)})


def _open_orders(log: Log, start: pd.Timestamp, cutoff: pd.Timestamp) -> duckdb.DuckDBPyConnection:
    """Return a connection with the table `orders`: customer, day, `bought` or returned, money in integers."""
    con, money = log.connect(), log.lasting("amount")
    order = "order_id" if "order_id" in log.columns else "cast(timestamp as date)"
    make_by_customer(
        con,
        "orders",
        lambda some: (
            "select customer_id, day, bought, money from ("
            f"select customer_id, {order} as order_key, date_diff('day', timestamp '{start}', timestamp) as day, "
            f"bool_or(amount >= 0) as bought, sum(cast(round({money} * {MONEY_SCALE}) as bigint)) as money from log "
            f"where timestamp < timestamp '{cutoff}' and {some} group by 1, 2, 3)"
        ),
    )
    return con


def _with_purchases(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return the connection with the table `bought`, the orders with their customer's first day, in their place."""
    make_by_customer(
        con,
        "bought",
        lambda some: (
            "select *, min(day) filter (bought) over (partition by customer_id) as first from orders "
            f"where {some}"
        ),
    )
    con.execute("drop table orders")
    return con


def _find_grain(con: duckdb.DuckDBPyConnection, start: pd.Timestamp, window: Window) -> PeriodGrain | None:
    """Return the grain of the purchases where the window holds a whole period, None where they are dated by day."""
    sold = con.sql("select day, sum(abs(money))::double as money from orders group by 1").fetchnumpy()
    dates = np.datetime64(start, "D") + sold["day"].astype("timedelta64[D]")
    until = np.datetime64(window.end, "D")
    grain = find_grain(dates, sold["money"], until)
    if grain is None or grain.days_before(until) == grain.days_before(np.datetime64(window.cutoff, "D")):
        return None
    return grain


def _spread_purchases(con: duckdb.DuckDBPyConnection, grain: PeriodGrain, start: pd.Timestamp) -> None:
    """Move each customer's purchases of a period to one of its days, by a hash, so that they come day by day."""
    [(last,)] = con.sql("select max(day) from orders").fetchall()
    days = np.arange(last + 1)
    middle = grain.days_of(np.datetime64(start, "D") + days.astype("timedelta64[D]"))
    con.register("middles", pa.table({"day": days, "middle": middle}))
    con.execute(
        f"update orders set day = middle - {int(grain.length // 2)} "
        f"+ (md5_number_lower(concat_ws(' ', customer_id, middle)) % {int(grain.length)})::bigint "
        "from middles where middles.day = orders.day"
    )
    con.unregister("middles")


def _edges_of_grain(grain: PeriodGrain, window: Window, edges: np.ndarray) -> np.ndarray:
    """Return the ends of periods, given in days after the cutoff, on the grain's calendar; some hold no date."""
    cutoff = np.datetime64(window.cutoff, "D")
    counted = [grain.days_before(cutoff + np.timedelta64(int(edge), "D")) for edge in edges]
    return np.array(counted) - counted[0]


def _read_cohorts(con: duckdb.DuckDBPyConnection, days: int) -> CohortRevenue:
    """Return revenue by first day and day; refunds of who never bought have no cohort and are left out."""
    cells = frame(
        con.sql(
            f"select first, day, cast(sum(money) as double) / {MONEY_SCALE} as amount from bought "
            "where first is not null group by 1, 2 order by 1, 2"
        )
    )
    won = frame(
        con.sql(
            "select first, count(distinct customer_id) as customers from bought where first is not null group by 1"
        )
    )
    counts = np.bincount(won["first"].astype(int), weights=won["customers"], minlength=days)
    first, day, amount = (cells[name].to_numpy() for name in ("first", "day", "amount"))
    return CohortRevenue(
        first.astype(int), day.astype(int), amount, np.concatenate([[0.0], np.cumsum(counts)])
    )


def _ratios(con: duckdb.DuckDBPyConnection, days: int, length: float) -> Ratios:
    recent = f"day >= {days - RATIO_DAYS}"
    [(first_orders, won, orders, money)] = con.sql(
        "select count(*) filter (bought and day = first), count(distinct customer_id) filter (bought and day = first), "
        "count(*) filter (bought and day > first), sum(money) filter (day > first) "  # refunds lower the basket
        f"from bought where {recent}"
    ).fetchall()
    [(active,)] = con.sql(
        f"select count(*) from (select distinct customer_id, ({days - 1} - day) // {max(1, round(length))} "
        f"from bought where {recent} and bought and day > first)"
    ).fetchall()
    basket = float(money or 0) / MONEY_SCALE / orders if orders else float("nan")
    return Ratios(first_orders / won if won else 1.0, basket, active / orders if orders else 1.0)
