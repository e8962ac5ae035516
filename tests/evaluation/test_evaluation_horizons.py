"""Several horizons: shares are chosen on earlier windows, every horizon is judged on its own, all are measured."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import simulate
from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import judge
from cltv_ml.evaluation.horizon_shares import add_horizons, look_earlier
from cltv_ml.evaluation.horizons import compare_horizons, compute_curve, judge_horizons, measure_others
from cltv_ml.evaluation.learned_total import move_levels
from cltv_ml.evaluation.levels import forecast_level, forecast_levels
from cltv_ml.evaluation.tables import compute_metric_ranges
from cltv_ml.log import Log
from cltv_ml.models import ProbabilisticValue, Spread, Tweedie
from cltv_ml.models.fit_cache import shared_fits
from cltv_ml.windows import Window

DAYS = [30, 60, 400]
FEATURES = ["frequency", "recency", "T", "monetary_value", "days_since_last"]


@pytest.fixture(scope="module")
def log():
    return Log(simulate(300, days=400, seed=3).log)


@pytest.fixture(scope="module", autouse=True)
def shared():
    with shared_fits():
        yield


@pytest.fixture(scope="module")
def result(log):
    models = [
        ProbabilisticValue(horizon=60),
        Tweedie(60, features=FEATURES, n_estimators=10),
    ]
    return judge(log, Window.latest(log.last, 60), models, FEATURES, max_origins=2)


@pytest.fixture(scope="module")
def several(log, result):
    return judge_horizons(
        log, result, "tweedie", look_earlier(log, result, "tweedie", DAYS, FEATURES), max_origins=2
    )


def test_levels_of_several_horizons_are_those_of_each_alone(log):
    cutoff = log.last.normalize() - pd.Timedelta(days=60)
    found = forecast_levels(log, cutoff, [30, 60])
    alone = {day: forecast_level(log, Window(cutoff, day)) for day in (30, 60)}
    assert {day: level.total for day, level in found.items()} == {
        day: one.total for day, one in alone.items()
    }


def test_each_horizon_is_judged_on_the_end_of_the_log(log, several):
    ends = {day: one.window.end for day, one in several.judged.items()}
    assert set(ends) == {30, 60}
    assert several.judged[30].window.cutoff == log.last.normalize() - pd.Timedelta(days=30)
    assert several.judged[30].y_true.equals(
        log.target(several.judged[30].window, several.judged[30].y_true.index)
    )


def test_the_main_horizon_is_judged_as_without_others(result, several):
    assert several.judged[60].scores.equals(
        result.scores.loc["tweedie"].dropna()[several.judged[60].scores.index]
    )


def test_what_could_not_be_judged_is_named_with_its_reason(several):
    assert list(several.unjudged) == [400]
    assert "as long as the log" in several.unjudged[400]


def test_earlier_windows_of_a_horizon_end_before_the_test(result, several):
    for day, rows in several.earlier.expected.items():
        ends = rows.index.get_level_values("cutoff") + pd.Timedelta(days=day)
        assert (ends <= result.window.cutoff).all()
        assert rows.index.equals(several.earlier.y_true[day].index)


def test_only_windows_that_had_ended_by_a_cutoff_are_told(several):
    cutoffs = several.earlier.expected[30].index.get_level_values("cutoff").unique().sort_values()
    first = cutoffs[0] + pd.Timedelta(days=30)
    assert several.earlier.before(30, first)[0].index.get_level_values("cutoff").unique().tolist() == [
        cutoffs[0]
    ]
    assert several.earlier.before(30, first - pd.Timedelta(days=1)) is None


def test_totals_of_all_horizons_are_their_levels(log, result):
    cutoff = result.window.cutoff
    levels = move_levels(forecast_levels(log, cutoff, [30, 60]), result.level, 60)
    earlier = look_earlier(log, result, "tweedie", [30, 60], FEATURES)
    model = add_horizons(log, result.models["tweedie"], result.training, cutoff, earlier, levels)
    table = model.predict_table(result.training.X_now)
    model.__dict__.pop("horizons_")
    sums = [table[f"expected_value_{day}d"].sum() for day in (30, 60)]
    assert sums == pytest.approx([levels[30].total, levels[60].total])
    assert np.isfinite(table[["value_lower_30d", "value_upper_30d"]]).all(axis=None)


def test_every_model_is_measured_at_every_horizon_that_the_window_holds(log, result):
    others = measure_others(log, result, DAYS, FEATURES)
    assert [set(rows["horizon"]) for rows in others] == [{30}]
    ranges = compute_metric_ranges(pd.concat([result.results, *others]))
    assert set(zip(ranges["model"], ranges["horizon"], strict=True)) == {
        (name, day) for name in result.models for day in (30, 60)
    }
    assert not hasattr(result.models["tweedie"], "horizons_")


def test_two_models_are_compared_at_the_horizons_that_both_have_and_the_log_holds(log, result):
    y_true = log.target(Window(result.window.cutoff, 30), result.y_true.index)
    known = pd.DataFrame(
        {"expected_value_30d": y_true, "expected_value_60d": 1.0, "expected_value_400d": 1.0}
    )
    blind = known.assign(expected_value_30d=1.0, expected_value_45d=1.0)
    found = compare_horizons(log, result.window, blind, known)
    assert list(found.index) == [30]
    assert found.loc[30, ["challenger", "better"]].tolist() == [pytest.approx(1), "challenger"]


def test_the_curve_of_one_customer_has_its_bounds_and_that_of_all_the_levels():
    table = pd.DataFrame(
        {
            **{f"expected_value_{day}d": [day / 10, day / 5] for day in (30, 91)},
            "value_lower_91d": [2.0, 3.0],
            "value_upper_91d": [20.0, 30.0],
        },
        index=pd.Index(["ann", "bob"], name="customer_id"),
    )
    one = compute_curve(table, customer="bob").iloc[-1]
    assert one.tolist() == [91, pytest.approx(18.2), 3.0, 30.0]
    everybody = compute_curve(table)
    assert everybody["day"].tolist() == [0, 30, 91]
    assert everybody["lower"].isna().tolist() == [False, True, True]
    spread = Spread(0.2, 5.0)
    banded = compute_curve(table, {30: spread, 91: spread}).set_index("day")
    assert banded.loc[91, ["lower", "upper"]].tolist() == pytest.approx(
        spread.interval(banded.at[91, "value"])
    )
    with pytest.raises(InputError, match="there is no customer 'eve'"):
        compute_curve(table, customer="eve")
    with pytest.raises(InputError, match="the newest training has one horizon; train with several"):
        compute_curve(table[["value_lower_91d"]])
