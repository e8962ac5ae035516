"""What a training says of closures, months unlike the others, and a customer on whom the total depends."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cltv_ml.evaluation.levels import (
    _break_notes,
    _closure_notes,
    _concentration_notes,
    _ended_months,
    _may_be_forecast,
    _replaced_notes,
    forecast_level,
)
from cltv_ml.models.level import past_days
from cltv_ml.models.level_breaks import MONTH, Break, find_break
from cltv_ml.models.level_candidates import CohortRevenue
from cltv_ml.models.level_closures import Closure, find_closures
from cltv_ml.models.level_ids import Replaced
from cltv_ml.windows import Window
from experiments.worlds import simulate_world

START = pd.Timestamp("2020-01-01")


@pytest.mark.parametrize(
    ("yearly", "cutoff", "told"),
    [
        (False, 580, "assumes that the shop sold as much then as on the days around"),
        (
            None,
            580,
            "expects the same on these days of the year, because the log contains no other year",
        ),
        (True, 580, "expects the same on these days of the year, as in other years"),
        (True, 400, ""),
    ],
)
def test_it_is_told_what_the_total_makes_of_a_closure(yearly, cutoff, told):
    notes = _closure_notes(
        [Closure(244, 274, 1.0, yearly)], START, START + pd.Timedelta(days=cutoff), cutoff, 60
    )
    assert [told in note for note in notes] == [True] * bool(told)
    assert all("Almost nothing was sold from 2020-09-01 to 2020-09-30" in note for note in notes)


@pytest.mark.parametrize(
    ("amount", "passed", "told"), [(60.0, 200, 1), (10.0, 200, 0), (60.0, 600, 0), (0.0, 200, 0)]
)
def test_one_customer_who_brings_much_of_the_last_year_is_told(amount, passed, told):
    ids = ["big", *"abcdefgh", *"abcdefgh"]
    days = [START + pd.Timedelta(days=day) for day in (10, *[20] * 8, *[500] * 8)]
    table = pa.Table.from_pandas(
        pd.DataFrame({"customer_id": ids, "timestamp": days, "amount": [amount] + [5.0] * 16}),
        preserve_index=False,
    )
    past = table.filter(pa.compute.less(table["timestamp"], START + pd.Timedelta(days=passed)))
    notes = _concentration_notes(past, START, pd.Timestamp("2020-07-19"), passed)
    assert [note.split(",")[0] for note in notes] == [
        "One customer brought in 60% of the revenue of the year before 2020-07-19"
    ] * told


def test_a_closure_of_every_year_is_told_once():
    years = [Closure(244 + 364 * year, 274 + 364 * year, 1.0, True) for year in range(3)]
    passed = 244 + 364 * 3 - 20
    (note,) = _closure_notes(years, START, START + pd.Timedelta(days=passed), passed, 60)
    assert "from 2022-08-30" in note


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (Break(float(np.log(0.6)), 0.8, 0.1), "spent 40% less than their histories suggest"),
        (Break(0.0, 0.0, float(np.log(1.5))), "spent 50% more than their histories suggest. One"),
        (Break(0.1, 0.1, 0.1), ""),
    ],
)
def test_it_is_told_what_the_total_makes_of_a_break(broken, told):
    notes = _break_notes(broken, pd.Timestamp("2024-05-01"))
    assert [told in note and "before 2024-05-01" in note for note in notes] == [True] * bool(told)


def test_it_is_told_when_all_ids_were_replaced():
    (note,) = _replaced_notes(Replaced(244, 0.9, 0.14), START)
    assert note.startswith(
        "Customers from before 2020-09-01 brought in 14% of the revenue of the four weeks from that day"
    )
    assert _replaced_notes(None, START) == ()


@pytest.mark.parametrize("cutoff", [950, 965, 1000])
def test_a_shop_that_closes_every_summer_has_no_break_before_this_summer_s_closure_has_ended(cutoff):
    shut = {day for start in (180, 544, 908) for day in range(start, start + 50)}
    day, first = (one.ravel() for one in np.meshgrid(np.arange(cutoff), np.arange(50), indexing="ij"))
    sold = (first <= day) & ~np.isin(day, list(shut))
    log = CohortRevenue(
        first[sold], day[sold], np.full(sold.sum(), 2.0), np.arange(cutoff + 1.0).clip(max=50)
    )
    monthly = {one: log.revenue(50, one) / (one - 50) * MONTH for one in past_days(cutoff) if one > 50}
    found = find_break(_ended_months(log, find_closures(log), monthly), cutoff)
    assert found.believed == 0
    assert abs(found.open) < 0.2


@pytest.mark.parametrize(("last_day", "waits"), [(626, True), (300, False)])
def test_a_shop_that_waits_for_its_season_has_a_level_and_one_that_has_ended_has_none(last_day, waits):
    days = np.array([day for day in range(840) if 120 <= day % 364 < 263 and day <= last_day])
    log = CohortRevenue(np.zeros(len(days), int), days, np.ones(len(days)), np.ones(841))
    assert log.revenue(749, 840) == 0
    assert _may_be_forecast(log, 840, 91) is waits


@pytest.mark.parametrize("cutoff", [695, 700])
def test_a_quarter_closed_last_year_does_not_return_where_the_shop_is_open_again(cutoff):
    rng = np.random.default_rng(7)
    purchases = []
    for number in range(900):
        day = joined = rng.uniform(-300, 800)
        while day < min(joined + 600, 800):
            if day >= 0 and not 300 <= day < 390:
                purchases.append((f"c{number}", START + pd.Timedelta(days=int(day)), 50.0))
            day += rng.exponential(25)
    log = pd.DataFrame(purchases, columns=["customer_id", "timestamp", "amount"])
    window = Window(START + pd.Timedelta(days=cutoff), 60)
    past = log[log["timestamp"] < window.cutoff]
    ahead = log[(log["timestamp"] >= window.cutoff) & (log["timestamp"] < window.end)]
    realised = ahead.loc[ahead["customer_id"].isin(past["customer_id"]), "amount"].sum()
    level = forecast_level(log, window)
    assert level is not None
    assert level.total == pytest.approx(realised, rel=0.15)


def test_customers_who_found_the_shop_closed_are_not_lost():
    """Ten days after six weeks with a tenth of the goods the forecast was a third too low, outside its interval."""
    log = simulate_world("no_season", 5)
    start = log["timestamp"].min()
    day = (log["timestamp"] - start).dt.days
    kept = (day < 700) | (day >= 742) | (np.random.default_rng(0).uniform(size=len(log)) < 0.1)
    log = log[kept]
    window = Window(start + pd.Timedelta(days=752), 60)
    level = forecast_level(log, window)
    known = log.loc[log["timestamp"] < window.cutoff, "customer_id"].unique()
    ahead = log["timestamp"].between(window.cutoff, window.end, inclusive="left")
    spent = log.loc[ahead & log["customer_id"].isin(known), "amount"].sum()
    assert abs(np.log(level.total / spent)) < 0.12
    low, high = level.interval()
    assert low < spent < high
