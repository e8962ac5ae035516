"""Which labelled rows models learn from: origins, seasons, customers."""

import pandas as pd
import pytest

from cltv_ml.evaluation.backtest import judge_prepared
from cltv_ml.evaluation.panel import fit, prepare
from cltv_ml.log import Log
from cltv_ml.models import ProbabilisticValue, Tweedie
from cltv_ml.windows import Window, training_origins


@pytest.mark.parametrize("horizon", [7, 30, 45, 91, 182, 365])
def test_no_label_window_reaches_past_the_test_cutoff(horizon):
    test = Window("2011-09-10", horizon)
    origins = training_origins(pd.Timestamp("2006-01-01"), test)
    assert max(origin.end for origin in origins) == test.cutoff
    assert origins == sorted(set(origins), key=lambda origin: origin.cutoff, reverse=True)


@pytest.mark.parametrize("horizon", [7, 30, 45, 91, 182, 365])
def test_there_is_a_window_that_ended_before_the_latest_began(horizon):
    latest, *earlier = training_origins(
        pd.Timestamp("2006-01-01"), Window("2011-09-10", horizon), max_origins=1
    )
    assert any(origin.end <= latest.cutoff for origin in earlier)


@pytest.mark.parametrize("horizon", [30, 91, 182])
def test_the_same_months_a_year_earlier_are_always_included(horizon):
    origins = training_origins(pd.Timestamp("2009-01-01"), Window("2011-09-10", horizon), max_origins=2)
    for year in ("2009-09-10", "2010-09-10"):
        assert min(abs(origin.cutoff - pd.Timestamp(year)) for origin in origins) < pd.Timedelta(days=7)


def test_every_origin_has_history_before_it():
    origins = training_origins(pd.Timestamp("2011-01-01"), Window("2011-09-10", 60))
    assert min(origin.cutoff for origin in origins) >= pd.Timestamp("2011-01-29")


def test_other_customers_learn_from_the_window_itself_and_never_from_those_asked_about(log, names):
    window = Window.latest(log["timestamp"].max(), 60)
    training = prepare(log, window, names, customers=0.5)
    assert training.origins[0] == window
    assert training.cutoff == window.cutoff
    assert not set(training.X_now.index) & set(training.X.index.get_level_values("customer_id"))
    everybody = log.loc[log["timestamp"] < window.cutoff, "customer_id"].nunique()
    known = training.X.xs(window.cutoff, level="cutoff")
    assert len(known) + len(training.X_now) == everybody
    assert len(known) / everybody == pytest.approx(0.5, abs=0.1)
    spent = Log.of(log).target(window, known.index)
    assert (training.y.xs(window.cutoff, level="cutoff") == spent).all()


def _judge_half(log, window, names, models):
    training = prepare(log, window, names, customers=0.5)
    return judge_prepared(window, training, models, lambda: Log.of(log).target(window, training.X_now.index))


def test_what_customers_asked_about_spend_changes_no_prediction_for_them(log, names):
    window = Window.latest(log["timestamp"].max(), 60)
    models = [Tweedie(60, n_estimators=5), ProbabilisticValue(horizon=60)]
    honest = _judge_half(log, window, names, models)
    asked = log["customer_id"].isin(honest.y_true.index) & (log["timestamp"] >= window.cutoff)
    rewritten = log.assign(amount=log["amount"].where(~asked, 1e5))
    poisoned = _judge_half(rewritten, window, names, models)
    for name, table in honest.predictions.items():
        pd.testing.assert_frame_equal(poisoned.predictions[name], table)


@pytest.mark.parametrize("share", [0.0, 1.0, 50])
def test_a_share_of_customers_lies_between_none_and_all(log, names, share):
    with pytest.raises(ValueError, match="customers must be a share between 0 and 1"):
        prepare(log, Window.latest(log["timestamp"].max(), 60), names, customers=share)


def test_a_model_of_another_horizon_is_refused_with_both_lengths(log, names):
    training = prepare(log, Window.latest(log["timestamp"].max(), 60), names, max_origins=1)
    with pytest.raises(ValueError, match=r"its horizon is 91 days, .* have 60"):
        fit(Tweedie(91), training)
