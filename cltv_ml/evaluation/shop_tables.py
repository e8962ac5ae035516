"""Tables of a shop's forecast: bands by period, the expected plan, and what the log shows of the same periods."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from cltv_ml.decisions.lines import order_key
from cltv_ml.decisions.shop_plan import Parts, PlanTerms, plan_contributions
from cltv_ml.engine import MONEY_SCALE, frame
from cltv_ml.evaluation.whole_shop import ShopForecast
from cltv_ml.log import AnyLog, Log

#: Bands, as the percentage of the draws within them.
BANDS = (50, 80, 95)

#: The expected values are means over the middle four fifths of the draws by total, so that parts and periods add up.
_MIDDLE = (0.1, 0.9)


def drawn_parts(forecast: ShopForecast) -> Parts:
    """Return the draws with their orders, each of shape (draws, periods)."""
    draws, ratios = forecast.draws, forecast.ratios
    basket = ratios.repeat_basket if ratios.repeat_basket > 0 else np.inf
    return Parts(
        known=draws.known,
        first=draws.first,
        repeat=draws.repeat,
        won=draws.won,
        known_orders=draws.known / basket,
        first_orders=draws.won * ratios.first_orders,
        repeat_orders=draws.repeat / basket,
    )


def expected_parts(forecast: ShopForecast) -> Parts:
    """Return the expected parts, each of shape (periods,): means over the middle of the draws.

    The parts of revenue are scaled to the forecast totals of existing and of new customers.
    """
    middle = _middle(forecast)
    mean = Parts(
        **{name: draws[middle].mean(axis=0) for name, draws in drawn_parts(forecast).plain().items()}
    )
    if forecast.totals is None:
        return mean
    known, new = forecast.totals
    of_known, of_new = known / (mean.known.sum() or 1.0), new / ((mean.first + mean.repeat).sum() or 1.0)
    return replace(
        mean,
        known=mean.known * of_known,
        first=mean.first * of_new,
        repeat=mean.repeat * of_new,
        known_orders=mean.known_orders * of_known,
        repeat_orders=mean.repeat_orders * of_new,
    )


def compute_bands(forecast: ShopForecast, terms: PlanTerms | None = None) -> pd.DataFrame:
    """Return the forecast, one row per period, part and measure, and one for the whole horizon.

    Columns `start`, `until`, `span` ("period" or "horizon"), `part` (known, new, total), `measure` (revenue, orders,
    customers, won, and contribution where `terms` hold a margin rate), `expected`, and `lower_` and `upper_` of each
    of `BANDS`. Customers are those who buy in the period; the horizon has none, because they cannot be added.
    Contribution is not discounted. Expected values of parts and periods add up.
    """
    drawn, expected = (
        _by_part_and_measure(parts, forecast.ratios.active, terms or PlanTerms())
        for parts in (drawn_parts(forecast), expected_parts(forecast))
    )
    tables = []
    for (part, measure), draws in drawn.items():
        mean, periods = expected[part, measure], forecast.periods.assign(span="period")
        tables.append(_band_table(draws, mean, periods, part, measure))
        if measure != "customers":
            whole = pd.DataFrame(
                {
                    "start": forecast.periods["start"].iloc[:1],
                    "until": forecast.periods["until"].iloc[-1],
                    "span": "horizon",
                }
            )
            sums = draws.sum(axis=1, keepdims=True)
            tables.append(_band_table(sums, mean.sum(keepdims=True), whole, part, measure))
    return pd.concat(tables, ignore_index=True)


def _by_part_and_measure(parts: Parts, active: float, terms: PlanTerms) -> dict[tuple[str, str], np.ndarray]:
    """Return the arrays of the table by part and measure."""
    measures = {
        ("known", "revenue"): parts.known,
        ("new", "revenue"): parts.first + parts.repeat,
        ("known", "orders"): parts.known_orders,
        ("new", "orders"): parts.first_orders + parts.repeat_orders,
        ("known", "customers"): parts.known_orders * active,
        ("new", "customers"): parts.won + parts.repeat_orders * active,
        ("new", "won"): parts.won,
    }
    if terms.margin_rate is not None:
        measures |= {(part, "contribution"): left for part, left in plan_contributions(parts, terms).items()}
    for measure in dict.fromkeys(measure for part, measure in measures if part == "known"):
        measures["total", measure] = measures["known", measure] + measures["new", measure]
    return measures


def _band_table(
    draws: np.ndarray, expected: np.ndarray, periods: pd.DataFrame, part: str, measure: str
) -> pd.DataFrame:
    table = periods[["start", "until", "span"]].assign(part=part, measure=measure, expected=expected)
    for band in BANDS:
        table[f"lower_{band}"] = np.quantile(draws, 0.5 - band / 200, axis=0)
        table[f"upper_{band}"] = np.quantile(draws, 0.5 + band / 200, axis=0)
    return table


def _middle(forecast: ShopForecast) -> np.ndarray:
    totals = forecast.draws.total.sum(axis=1)
    low, high = np.quantile(totals, _MIDDLE)
    return np.asarray((totals >= low) & (totals <= high))


def compute_actuals(log: AnyLog, periods: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return the realised measures by period: `start`, `until`, `part` (known before the cutoff, new).

    Measures are `customers` (who bought in the period), `orders`, `revenue` and `won` (first purchases).
    """
    log = Log.of(log)
    con = log.connect()
    con.register("periods", periods[["start", "until"]])
    order = order_key(set(log.columns))
    return frame(
        con.sql(
            "with firsts as (select customer_id, min(timestamp) filter (amount >= 0) as t0 from log group by 1), "
            "line as (select log.*, t0, start, until from log join firsts using (customer_id) "
            "join periods on timestamp >= start and timestamp < until), "
            "done as (select start, "
            f"if(coalesce(t0, timestamp '{cutoff}' - interval 1 day) < timestamp '{cutoff}', 'known', 'new') as part, "
            "count(distinct customer_id) filter (amount >= 0) as customers, "
            f"count(distinct (customer_id, {order})) filter (amount >= 0) as orders, "
            f"cast(sum(cast(round(amount * {MONEY_SCALE}) as bigint)) as double) / {MONEY_SCALE} as revenue, "
            "count(distinct customer_id) filter (t0 >= start and t0 < until) as won from line group by 1, 2) "
            "select start, until, parts.part, coalesce(customers, 0) as customers, coalesce(orders, 0) as orders, "
            "coalesce(revenue, 0.0) as revenue, coalesce(won, 0) as won from periods "
            "cross join (values ('known'), ('new')) parts(part) left join done using (start, part) order by 1, 3"
        )
    )


def compute_history(log: AnyLog, forecast: ShopForecast) -> pd.DataFrame:
    """Return revenue, orders and customers of up to 60 periods before a forecast, of the same length, oldest first.

    `won` is the number of customers who were new in each.
    """
    periods = forecast.periods
    cutoff, length = periods["start"].iloc[0], int(np.median(periods["days"]))
    start = cutoff - pd.Timedelta(days=forecast.value.repeat.calendar.days)
    count = min(60, (cutoff - start).days // length)
    since = [cutoff - pd.Timedelta(days=length * number) for number in range(count, 0, -1)]
    past = pd.DataFrame({"start": since, "until": [one + pd.Timedelta(days=length) for one in since]})
    if past.empty:
        return pd.DataFrame(columns=["start", "until", "customers", "orders", "revenue", "won"])
    actuals = compute_actuals(log, past, start)
    return actuals.groupby(["start", "until"], as_index=False)[
        ["customers", "orders", "revenue", "won"]
    ].sum()


def repeat_share(log: AnyLog, cutoff: pd.Timestamp, horizon: int) -> float:
    """Return the share of customers of one window who bought in the next too: the two latest of the horizon's length.

    A log shorter than two horizons is halved.
    """
    log = Log.of(log)
    con = log.connect()
    days = max(1, min(horizon, (cutoff - log.first.normalize()).days // 2))
    middle, start = cutoff - pd.Timedelta(days=days), cutoff - pd.Timedelta(days=2 * days)
    [(again, before)] = con.sql(
        "select count(*) filter (after and earlier), count(*) filter (earlier) from (select "
        f"bool_or(timestamp >= timestamp '{middle}') as after, bool_or(timestamp < timestamp '{middle}') as earlier "
        f"from log where amount >= 0 and timestamp >= timestamp '{start}' and timestamp < timestamp '{cutoff}' "
        "group by customer_id)"
    ).fetchall()
    return again / before if before else float("nan")


def margin_rate(log: AnyLog, since: pd.Timestamp, until: pd.Timestamp) -> tuple[float | None, float]:
    """Return the share of revenue that the costs of a log leave within some days, and that of lines without a cost.

    Lines without a cost are left out of the first, which is None where no cost is known.
    """
    money = f"sum(cast(round(amount * {MONEY_SCALE}) as bigint))"
    [(revenue, cost, everything)] = (
        Log.of(log)
        .connect()
        .sql(
            f"select {money} filter (cost is not null), sum(cast(round(cost * {MONEY_SCALE}) as bigint)), {money} "
            f"from log where timestamp >= timestamp '{since}' and timestamp < timestamp '{until}'"
        )
        .fetchall()
    )
    if not revenue or revenue <= 0:
        return None, 1.0
    return float(1 - cost / revenue), float(1 - revenue / everything) if everything > 0 else 0.0
