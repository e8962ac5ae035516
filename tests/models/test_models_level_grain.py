"""Purchases dated by the week or the month: found, counted in whole periods, and forecast as they are dated."""

import numpy as np
import pandas as pd

from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.evaluation.whole_shop import forecast_shop
from cltv_ml.log import Log
from cltv_ml.models.level_candidates import PACE, WEEKS_YEAR
from cltv_ml.models.level_grain import find_billing, find_grain
from cltv_ml.windows import Window
from experiments.worlds import simulate_world

YEAR = np.arange("2023-01-01", "2024-01-01", dtype="datetime64[D]")
ENDS = (np.arange("2023-02", "2024-02", dtype="datetime64[M]")).astype("datetime64[D]") - np.timedelta64(
    1, "D"
)
UNTIL = np.datetime64("2024-06-30")


def _grain(dates):
    return find_grain(dates, np.ones(len(dates)), UNTIL)


def test_the_grain_is_told_from_the_dates_that_hold_the_revenue():
    mondays = YEAR[1::7]
    firsts = np.arange("2023-01", "2024-01", dtype="datetime64[M]").astype("datetime64[D]")
    assert _grain(mondays).name == "week"
    assert _grain(firsts).name == "month"
    assert _grain(ENDS).name == "month"
    assert _grain(YEAR) is None
    assert _grain(YEAR[1::7][:7]) is None  # seven Mondays may be chance
    assert _grain(np.concatenate([firsts, firsts + np.timedelta64(14, "D")])) is None  # two dates a month
    assert _grain(firsts + np.arange(12) * 7 % 27) is None  # one sale now and then
    assert _grain(firsts + np.arange(12) % 3).name == "month"  # the first working day


def test_dates_to_come_are_the_usual_ones_of_their_months():
    assert _grain(ENDS).dates[-6:].astype(str).tolist() == [
        "2024-01-31",
        "2024-02-29",
        "2024-03-31",
        "2024-04-30",
        "2024-05-31",
        "2024-06-30",
    ]


def test_a_window_has_the_length_of_the_periods_that_it_holds():
    grain = _grain(ENDS)
    days = [grain.days_before(np.datetime64(date)) for date in ("2024-01-01", "2024-03-31", "2024-04-01")]
    assert days == [364, 425, 455]  # twelve months, then two, then one more
    assert grain.days_of(ENDS)[[0, -1]].tolist() == [15, 348]


def test_a_line_between_two_dates_belongs_to_the_period_before():
    grain = _grain(ENDS)
    first, between = np.datetime64("2023-01-31"), np.datetime64("2023-02-12")
    assert grain.days_of(np.array([between, first])).tolist() == [15, 15]


def test_the_level_of_a_log_dated_by_month_counts_months():
    log = simulate_world("seasonal_retailer", 5)
    log["timestamp"] = log["timestamp"].dt.to_period("M").dt.start_time
    misses = {}
    for cutoff, days in (("2021-09-01", 91), ("2022-01-01", 91), ("2021-11-01", 30), ("2022-06-01", 60)):
        window = Window(cutoff, days)
        level = forecast_level(log, window)
        known = log.loc[log["timestamp"] < window.cutoff, "customer_id"].unique()
        ahead = log["timestamp"].between(
            window.cutoff, window.cutoff + pd.Timedelta(days=days), inclusive="left"
        )
        spent = log.loc[ahead & log["customer_id"].isin(known), "amount"].sum()
        misses[cutoff] = abs(np.log(level.total / spent))
        assert "compares whole months" in level.notes[0]
        assert "holidays" not in level.notes[0]
    assert max(misses.values()) < 0.12, misses  # a third of the year too low and more when days were counted


def test_a_table_of_holidays_that_is_not_used_is_told():
    log = simulate_world("seasonal_retailer", 5)
    log["timestamp"] = log["timestamp"].dt.to_period("M").dt.start_time
    easter = pd.DataFrame({"holiday": "easter", "date": pd.to_datetime(["2020-04-12", "2021-04-04"])})
    level = forecast_level(Log(log, holidays=easter), Window("2021-03-01", 61))
    assert "The table of holidays is not used." in level.notes[0]


def test_a_whole_shop_dated_by_month_is_forecast_as_the_same_shop_dated_by_day():
    """Newcomers came out a third too few, with bands as wide as from a third to twice of them."""
    by_day = simulate_world("steady_growth", 9)
    by_month = by_day.assign(timestamp=by_day["timestamp"].dt.to_period("M").dt.start_time)
    window = Window("2020-11-01", 61)  # two firsts of a month
    logs = {"day": by_day, "month": by_month}
    drawn = {name: forecast_shop(log, window, size=200).draws for name, log in logs.items()}
    won = {name: draws.won.sum(axis=1) for name, draws in drawn.items()}
    first = by_day.groupby("customer_id")["timestamp"].min()
    came = int(first.between(window.cutoff, window.end, inclusive="left").sum())
    assert abs(np.log(np.median(won["month"]) / came)) < 0.15
    assert np.std(np.log(won["month"])) < 1.5 * np.std(np.log(won["day"]))
    spent = by_day.loc[
        by_day["timestamp"].between(window.cutoff, window.end, inclusive="left"), "amount"
    ].sum()
    assert abs(np.log(np.median(drawn["month"].total.sum(axis=1)) / spent)) < 0.15


def test_weeks_without_a_date_hold_nothing_and_those_with_one_all():
    log = simulate_world("steady_growth", 9)
    log["timestamp"] = log["timestamp"].dt.to_period("M").dt.start_time
    shop = forecast_shop(log, Window("2020-11-03", 91), size=100)
    dated = [
        bool(pd.date_range(start, until, freq="MS", inclusive="left").size)
        for start, until in shop.periods[["start", "until"]].itertuples(index=False)
    ]
    assert sum(dated) == 3  # December, January, February
    assert (shop.draws.total.sum(axis=0) > 0).tolist() == dated


def _billed(log, share):
    """The log with orders of a share of the customers moved to the next first of a month."""
    firsts = (log["timestamp"] - pd.Timedelta(days=1)).dt.to_period("M").dt.end_time.dt.normalize()
    later = firsts + pd.Timedelta(days=1)
    account = log["customer_id"].astype(int) % 100 < 100 * share
    return log.assign(timestamp=log["timestamp"].mask(account, later))


def test_windows_a_month_and_a_year_apart_hold_as_many_billing_dates():
    days = np.arange("2020-01-09", "2024-03-01", dtype="datetime64[D]")
    for billing in (1, 15, 28):
        on = days.astype("datetime64[M]").astype("datetime64[D]") + np.timedelta64(billing - 1, "D")
        dates = days[days == on]
        months = find_billing(days, np.where(days == on, 20.0, 1.0), UNTIL)
        placed = months.days_of(dates)
        for cutoff in days[800:1300:3]:
            for horizon in (30, 61, 91):
                end = cutoff + np.timedelta64(horizon, "D")
                held = ((dates >= cutoff) & (dates < end)).sum()
                since, until = months.days_before(cutoff), months.days_before(end)
                for earlier in (0, round(PACE), WEEKS_YEAR):
                    window = (placed >= since - earlier) & (placed < until - earlier)
                    assert window.sum() == held, (billing, cutoff, horizon, earlier)


def test_each_day_is_on_its_side_of_a_cutoff():
    days = np.arange("2020-01-09", "2022-03-01", dtype="datetime64[D]")
    months = find_billing(days, np.where(days.astype("datetime64[M]") == days, 20.0, 1.0), UNTIL)
    placed = months.days_of(days)
    assert (np.diff(placed) >= 0).all()
    assert placed[0] == months.days_before(days[0]) == 0
    cuts = np.array([months.days_before(day) for day in days])
    assert (placed >= cuts).all()
    assert (placed[:-1] <= cuts[1:]).all()


def test_days_alike_and_random_large_orders_are_no_billing_dates():
    days = np.arange("2020-01-01", "2023-01-01", dtype="datetime64[D]")
    rng = np.random.default_rng(0)
    assert find_billing(days, np.ones(len(days)), UNTIL) is None
    large = np.where(rng.uniform(size=len(days)) < 1 / 30, 20.0, 1.0)
    assert find_billing(days, large, UNTIL) is None


def test_the_level_of_a_shop_with_invoices_on_the_first_does_not_depend_on_the_day_of_the_cutoff():
    """From a first of November the last month held no invoice and this one does: a third too low."""
    log = _billed(simulate_world("no_season", 5), 0.6)
    window = Window("2020-11-01", 30)
    level = forecast_level(log, window)
    known = log.loc[log["timestamp"] < window.cutoff, "customer_id"].unique()
    ahead = log["timestamp"].between(window.cutoff, window.end, inclusive="left")
    spent = log.loc[ahead & log["customer_id"].isin(known), "amount"].sum()
    assert abs(np.log(level.total / spent)) < 0.15
    assert "compares months from one such date to the next" in level.notes[0]
