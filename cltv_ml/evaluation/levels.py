"""The level of a window, forecast from the log before its cutoff, and fitted models scaled to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa

from cltv_ml.engine import MONEY_SCALE, connect, frame, view
from cltv_ml.evaluation.level_bottom_up import bottom_up
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import Level, SameRate, ValueModel, estimate_level
from cltv_ml.models.level import past_days
from cltv_ml.models.level_breaks import MONTH, Break, Month, monthly_misses
from cltv_ml.models.level_candidates import QUARTER, WEEKS_YEAR, CohortRevenue, is_dead
from cltv_ml.models.level_closures import Closure, as_if_open, find_closures, open_days
from cltv_ml.models.level_grain import BillingMonths, PeriodGrain, find_billing, find_grain
from cltv_ml.models.level_holidays import align_table, undated_notes
from cltv_ml.models.level_ids import Replaced, find_replaced_ids
from cltv_ml.models.level_peaks import peak_ended
from cltv_ml.models.level_steps import last_step
from cltv_ml.windows import Window

#: Share of a break, and size of a last month's miss (log units), from which on a note reports them.
LEAST_TOLD = 0.2

#: Share of the last year's revenue by one customer from which on a note reports it.
CONCENTRATED = 0.3


def forecast_level(log: AnyLog, window: Window) -> Level | None:
    """Return the level of `window`, from the log before its cutoff; None where it cannot be forecast.

    If nobody bought in the last horizon, models keep their own totals, unless these days were a dead season a year
    earlier too.
    """
    return forecast_levels(log, window.cutoff, [window.horizon])[window.horizon]


def forecast_levels(log: AnyLog, cutoff: pd.Timestamp, horizons: Sequence[int]) -> dict[int, Level | None]:
    """Return the level of each horizon from a cutoff on, as `forecast_level` does; the log is read once for all."""
    log = Log.of(log)
    start = log.first.normalize()
    holidays = log.holidays is not None
    days, passed, lengths, grain = _on_calendar(
        _purchase_days(log, cutoff), start, cutoff, horizons, holidays
    )
    cohorts = read_cohorts(days, start, passed)
    usable = [horizon for horizon in horizons if _may_be_forecast(cohorts, passed, lengths[horizon])]
    levels: dict[int, Level | None] = dict.fromkeys(horizons)
    closures, ahead = find_closures(cohorts), sorted({MONTH, *(lengths[one] for one in usable)})
    shut = open_days([one for one in closures if one.yearly is False], passed)
    sized = log.lasting("amount") == "amount"  # returns still to come make the latest purchases look smaller
    below = bottom_up(days, cohorts, start, ahead, shut, sized=sized) if usable else {}
    months = _ended_months(cohorts, closures, below.get(MONTH, {}))
    always = (
        *_replaced_notes(find_replaced_ids(cohorts), start),
        *_concentration_notes(days, start, cutoff, passed),
    )
    for horizon in usable:
        length = lengths[horizon]
        once = [one for one in closures if not one.returns(passed, length)]
        base = as_if_open(cohorts, once)
        base = replace(base, step=last_step(base))
        if holidays and grain is None:
            base = replace(base, base=align_table(log.holidays, start, passed + length))
        sound = {
            day: total
            for day, total in below[length].items()
            if not any(one.misled(day, passed) for one in once)
        }
        level = estimate_level(base, passed, length, sound, months=months)
        notes = (
            *_period_notes(grain, holidays),
            *(undated_notes(log.holidays, cutoff, horizon) if holidays and grain is None else ()),
            *_closure_notes(closures, start, cutoff, passed, length),
            *(_break_notes(level.broken, cutoff) if level else ()),
            *(
                _peak_notes(cutoff)
                if level and not level.season_seen and peak_ended(base, passed, length)
                else ()
            ),
            *always,
        )
        levels[horizon] = level and replace(level, notes=notes)
    return levels


def _may_be_forecast(cohorts: CohortRevenue, passed: int, length: int) -> bool:
    """Return whether anybody bought in the last horizon, or the shop only waits for its season.

    It waits where these days were a dead season last year too.
    """
    since, until = (day - WEEKS_YEAR for day in (passed - length, passed))
    waits = since >= 0 and is_dead(cohorts, passed, since, until)
    return cohorts.revenue(passed - length, passed) > 0 or waits


def _ended_months(
    cohorts: CohortRevenue, closures: Sequence[Closure], monthly: Mapping[int, float]
) -> dict[int, Month]:
    """Return the errors of bottom-up forecasts by month, with closures filled in.

    Closures of the last quarter's days stay as they are in every year: this year's may not have ended, so that it is
    not found yet, and next to last year's filled one it would look like a break.
    """
    since = cohorts.days - QUARTER
    recent = [one for one in closures if one.returns(since, QUARTER) or (one.yearly and one.end > since)]
    opened = as_if_open(cohorts, [one for one in closures if one not in recent])
    return monthly_misses(replace(opened, step=last_step(opened)), past_days(cohorts.days), monthly)


def _on_calendar(
    days: pa.Table, start: pd.Timestamp, cutoff: pd.Timestamp, horizons: Sequence[int], holidays: bool
) -> tuple[pa.Table, int, dict[int, int], PeriodGrain | BillingMonths | None]:
    """Return the purchases, days before the cutoff and lengths of the horizons, on days that can be compared.

    Those are the log's own, or whole weeks or months where purchases are dated by them (`level_grain`), as far as
    each horizon holds one, or those of months between billing dates unless a table of `holidays` is given.
    """
    ends = {horizon: np.datetime64(cutoff, "D") + np.timedelta64(horizon, "D") for horizon in horizons}
    con = connect()
    view(con, "days", days)
    by_date = con.sql("select timestamp, sum(abs(amount)) as size from days group by 1").fetchnumpy()
    sold = by_date["timestamp"].astype("datetime64[D]"), by_date["size"]
    until = max(ends.values(), default=np.datetime64(cutoff, "D"))
    grain = find_grain(*sold, until) or (None if holidays else find_billing(*sold, until))
    if grain is not None:
        passed = grain.days_before(np.datetime64(cutoff, "D"))
        lengths = {horizon: grain.days_before(end) - passed for horizon, end in ends.items()}
        if min(lengths.values(), default=0) > 0:
            dates = days["timestamp"].to_numpy().astype("datetime64[D]")
            moved = np.minimum(grain.days_of(dates), passed - 1).astype("timedelta64[D]")
            on_days = days.set_column(1, "timestamp", pa.array(np.datetime64(start, "us") + moved))
            return on_days, passed, lengths, grain
    return days, (cutoff - start).days, {horizon: horizon for horizon in horizons}, None


def _period_notes(grain: PeriodGrain | BillingMonths | None, holidays: bool) -> tuple[str, ...]:
    """Return sentences that periods are counted instead of days, and that a table of `holidays` is then not used."""
    if grain is None:
        return ()
    if isinstance(grain, BillingMonths):
        return (
            f"{grain.share:.0%} of the revenue has one date per month, so the forecast of the total compares months "
            "from one such date to the next.",
        )
    unused = " The table of holidays is not used." if holidays else ""
    return (
        f"Purchases have one date per {grain.name}, so the forecast of the total compares whole "
        f"{grain.name}s, not days.{unused}",
    )


def _closure_notes(
    closures: Sequence[Closure], start: pd.Timestamp, cutoff: pd.Timestamp, passed: int, horizon: int
) -> tuple[str, ...]:
    """Return sentences on closures that were seen once, and on the latest one that is expected again."""
    notes = []
    again = [one for one in closures if one.returns(passed, horizon)]
    for one in [one for one in closures if one not in again[:-1]]:
        first, last = (start + pd.Timedelta(days=day) for day in (one.start, one.end - 1))
        lead = (
            f"Almost nothing was sold from {first:%Y-%m-%d} to {last:%Y-%m-%d}: the forecast of the total from "
            f"{cutoff:%Y-%m-%d}"
        )
        if one in again:
            why = "as in other years" if one.yearly else "because the log contains no other year"
            notes.append(f"{lead} expects the same on these days of the year, {why}.")
        elif not one.yearly:
            notes.append(f"{lead} assumes that the shop sold as much then as on the days around.")
    return tuple(notes)


def _replaced_notes(found: Replaced | None, start: pd.Timestamp) -> tuple[str, ...]:
    """Return a sentence on the day from which few earlier customers returned; empty if there is none."""
    if found is None:
        return ()
    return (
        f"Customers from before {start + pd.Timedelta(days=found.day):%Y-%m-%d} brought in {found.after:.0%} of the "
        f"revenue of the four weeks from that day on, where {found.before:.0%} had been usual, while the shop sold as "
        "before. Were ids replaced? Then join old and new ids, or train on the log from that day on; otherwise the "
        "same customers count twice.",
    )


def _break_notes(broken: Break, cutoff: pd.Timestamp) -> tuple[str, ...]:
    """Return a sentence on a break that moves the total, or on an unusual last month that widens the interval."""
    if broken.believed >= LEAST_TOLD:
        return (
            f"In each of the two months before {cutoff:%Y-%m-%d}, existing customers spent "
            f"{_in_words(broken.size)} than their histories suggest, which is unusual: the forecast of the total "
            f"from then on assumes that {broken.believed:.0%} of this change will last.",
        )
    if abs(broken.open) >= LEAST_TOLD:
        return (
            f"In the month before {cutoff:%Y-%m-%d}, existing customers spent {_in_words(broken.open)} than their "
            "histories suggest. One month does not show whether that lasts, so the interval of the total from then "
            "on is wider.",
        )
    return ()


def _concentration_notes(
    days: pa.Table, start: pd.Timestamp, cutoff: pd.Timestamp, passed: int
) -> tuple[str, ...]:
    """Return a sentence if one customer brought much of the last year's revenue."""
    con = connect()
    view(con, "days", days)
    since = start + pd.Timedelta(days=passed - WEEKS_YEAR)
    row = con.execute(
        "select max(spent) / nullif(sum(spent), 0) from (select sum(amount) as spent from days "
        f"where timestamp >= timestamp '{since}' group by customer_id having spent > 0)"
    ).fetchone()
    share = (row and row[0]) or 0.0
    if share < CONCENTRATED:
        return ()
    return (
        f"One customer brought in {share:.0%} of the revenue of the year before {cutoff:%Y-%m-%d}, so the total "
        "depends on whether this customer goes on. Earlier windows may not show that risk, and the interval knows "
        "only them.",
    )


def _peak_notes(cutoff: pd.Timestamp) -> tuple[str, ...]:
    return (
        f"Sales rose within the quarter before {cutoff:%Y-%m-%d} and have fallen again, and the log holds no earlier "
        "year: the forecast of the total from then on assumes that this peak is over.",
    )


def _in_words(log_ratio: float) -> str:
    change = float(np.expm1(log_ratio))
    return f"{abs(change):.0%} {'more' if change > 0 else 'less'}"


def read_cohorts(days: pa.Table, start: pd.Timestamp, cutoff: int) -> CohortRevenue:
    """Return revenue by customers' first purchase day and day, counted from `start` to before day `cutoff`."""
    con = connect()
    view(con, "days", days)
    con.execute(
        f"create temp table counted as select customer_id, amount, "
        f"date_diff('day', timestamp '{start}', timestamp) as day from days"
    )
    con.execute(
        "create temp table firsts as select customer_id, min(day) as first from counted where amount >= 0 group by all"
    )
    cells = frame(
        con.sql(
            f"select first, day, sum(cast(round(amount * {MONEY_SCALE}) as bigint)) / {MONEY_SCALE}.0 as amount "
            "from counted join firsts using (customer_id) "
            "group by all order by first, day"
        )
    )
    joined = frame(con.sql("select first, count(*) as customers from firsts group by all"))
    counts = np.bincount(joined["first"].astype(int), weights=joined["customers"], minlength=cutoff)
    first, day, amount = (cells[name].to_numpy() for name in ("first", "day", "amount"))
    return CohortRevenue(
        first.astype(int), day.astype(int), amount, np.concatenate([[0.0], np.cumsum(counts)])
    )


def set_level(model: ValueModel, level: Level | None, X: pd.DataFrame) -> ValueModel:
    """Return the fitted model with its values for customers `X` scaled to the level.

    The naive rule keeps its own total, because it is the baseline.
    """
    if level is None or isinstance(model, SameRate):
        return model
    model.bring_to(level.total, X)
    return model


def _purchase_days(log: Log, cutoff: pd.Timestamp) -> pa.Table:
    """Return one row per customer, day and sign of the amount before the cutoff: as much as levels need."""
    con = log.connect()
    money = f"sum(cast(round({log.lasting('amount')} * {MONEY_SCALE}) as bigint)) / {MONEY_SCALE}.0"
    return con.sql(
        f"select customer_id, date_trunc('day', timestamp)::timestamp as timestamp, cast({money} as double) as amount "
        f"from log where timestamp < timestamp '{cutoff}' group by customer_id, 2, amount >= 0"
    ).to_arrow_table()
