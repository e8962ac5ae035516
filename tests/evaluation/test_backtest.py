"""The test window is untouched, and the training line keeps to its past."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from cltv_ml.data import clean, read
from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import backtest, judge
from cltv_ml.evaluation.interval_metrics import INTERVAL_METRICS, QUANTILE_METRICS
from cltv_ml.evaluation.metrics import METRICS, PURCHASE_METRICS
from cltv_ml.evaluation.panel import prepare
from cltv_ml.features import default_features
from cltv_ml.log import Log
from cltv_ml.models import Ensemble, Hurdle, Hybrid, ProbabilisticValue, Regression, SameRate, Tweedie
from cltv_ml.tables import RESULTS
from cltv_ml.windows import Window

WINDOW = Window("1998-01-01", "12w")
SUMMARY = ["frequency", "recency", "T", "monetary_value"]
MODELS = [
    SameRate(84),
    ProbabilisticValue(horizon=84),
    Tweedie(84, n_estimators=20),
    Hurdle(84, n_estimators=20),
    Hybrid(84, n_estimators=20, probabilistic=ProbabilisticValue()),
]


@pytest.fixture(scope="module")
def log():
    everybody = clean(read("cdnow")).log
    return everybody[everybody["customer_id"].str.endswith(("17", "67"))].reset_index(drop=True)


@pytest.fixture(scope="module")
def features(log):
    return default_features(list(log.columns))


@pytest.fixture(scope="module")
def result(log, features):
    return judge(log, WINDOW, MODELS, features, max_origins=2)


#: Customers by the end of their name, and the models that must not see the future.
BLIND = {"few": ("17", [ProbabilisticValue(horizon=84), Tweedie(84, n_estimators=5)]), "all": ("7", MODELS)}


@pytest.mark.parametrize("who", BLIND)
def test_a_rewritten_future_changes_no_prediction(log, features, who):
    ending, models = BLIND[who]
    log = log[log["customer_id"].str.endswith(ending)].reset_index(drop=True)
    result = judge(log, WINDOW, models, features, max_origins=2)
    rewritten = log.copy()
    future = rewritten["timestamp"] >= WINDOW.cutoff
    rewritten.loc[future, "amount"] = rewritten.loc[future, "amount"] * 1000 + 77
    rewritten.loc[future, "customer_id"] = rewritten.loc[future, "customer_id"].to_numpy()[::-1]
    poisoned = judge(rewritten, WINDOW, models, features, max_origins=2)
    pd.testing.assert_frame_equal(poisoned.training.X, result.training.X)
    pd.testing.assert_series_equal(poisoned.training.y, result.training.y)
    for name, table in result.predictions.items():
        pd.testing.assert_frame_equal(poisoned.predictions[name], table, check_exact=True)
    assert poisoned.y_true.sum() > 100 * result.y_true.sum()


def test_labels_are_what_each_customer_spent_after_their_own_origin(log, result):
    for origin in result.training.origins:
        rows = result.training.y.xs(origin.cutoff, level="cutoff")
        inside = log[(log["timestamp"] >= origin.cutoff) & (log["timestamp"] < origin.end)]
        expected = inside.groupby("customer_id")["amount"].sum().reindex(rows.index, fill_value=0.0)
        assert rows.to_numpy() == pytest.approx(expected.to_numpy())


def test_training_holdouts_end_by_the_test_cutoff(result):
    assert max(origin.end for origin in result.training.origins) <= WINDOW.cutoff


def test_customers_of_the_test_are_all_who_bought_before_the_cutoff(log, result):
    expected = log.loc[log["timestamp"] < WINDOW.cutoff, "customer_id"].unique()
    assert sorted(result.y_true.index) == sorted(expected)


def test_a_log_too_short_for_labels_leaves_the_trees_out(log, features):
    window = Window("1997-02-05", 84)
    short = judge(log, window, MODELS, features)
    assert short.training.origins == []
    assert list(short.models) == ["same_rate", "bg_nbd_gamma_gamma"]
    assert "tweedie did not compete: it learns from labels" in " ".join(short.notes)


def test_a_model_that_cannot_be_fitted_is_told_of_once(log, features):
    needy = Regression(84, regressor=LinearRegression())
    result = judge(log, WINDOW, [Tweedie(84, n_estimators=2), needy], features, max_origins=2)
    assert list(result.models) == ["tweedie"]
    assert len([note for note in result.notes if "does not accept missing values" in note]) == 1


def test_backtest_has_one_row_per_model_window_and_metric(log):
    windows = [Window("1997-12-01", 60), Window("1998-02-01", 60)]
    table = backtest(log, windows, [SameRate(60), Tweedie(60, n_estimators=5)], SUMMARY, max_origins=2)
    RESULTS.check(table)
    assert len(table) == 2 * 2 * len({**METRICS, **PURCHASE_METRICS, **INTERVAL_METRICS, **QUANTILE_METRICS})
    assert np.isfinite(table["value"]).all()


def test_prepare_for_today_needs_no_future(log, features):
    end = log["timestamp"].max().normalize() + pd.Timedelta(days=1)
    training = prepare(log, Window(end, 84), features, max_origins=2)
    assert training.origins[0].end == end
    assert len(training.X_now) == log["customer_id"].nunique()


def test_the_test_window_is_read_once_after_every_fit_and_validation(log, monkeypatch):
    events = []
    target, fit_model = Log.target, Tweedie.fit
    monkeypatch.setattr(
        Log, "target", lambda self, window, *rest: events.append(window.cutoff) or target(self, window, *rest)
    )
    monkeypatch.setattr(Tweedie, "fit", lambda self, *rest: events.append("fit") or fit_model(self, *rest))
    judge(log, WINDOW, [Tweedie(84, n_estimators=2)], SUMMARY, max_origins=3)
    assert events.count(WINDOW.cutoff) == 1
    assert events[-1] == WINDOW.cutoff
    assert "fit" in events


def test_every_model_that_competed_is_validated_before_the_cutoff(result):
    validation = result.validation
    assert list(validation.predictions.columns) == list(result.models)
    assert validation.cutoffs[0] == result.training.origins[0].cutoff
    assert set(validation.cutoffs) <= {origin.cutoff for origin in result.training.origins}


def test_every_model_has_intervals_that_cover_about_what_they_say(result):
    for name, coverage in result.scores["coverage"].items():
        assert 0.86 <= coverage <= 0.96, name


def test_without_a_labelled_window_only_models_that_can_simulate_have_bounds(log, features):
    short = judge(log, Window("1997-02-05", 84), MODELS, features)
    assert "value_lower" not in short.predictions["same_rate"]
    assert "value_lower" in short.predictions["bg_nbd_gamma_gamma"]
    assert short.scores["coverage"].notna().to_dict() == {"same_rate": False, "bg_nbd_gamma_gamma": True}


def test_every_model_says_who_buys_better_than_chance(result):
    assert (result.scores["buy_auc"] > 0.6).all()
    share = (result.y_true > 0).mean()
    assert (result.scores["buy_brier"] < share * (1 - share)).all()


def test_two_settings_of_one_model_compete_under_the_callers_names(log):
    pair = {"small": Tweedie(84, n_estimators=2), "large": Tweedie(84, n_estimators=40)}
    table = backtest(log, [WINDOW], pair, SUMMARY, max_origins=1)
    gini = table[table["metric"] == "gini"].set_index("model")["value"]
    assert list(gini.index) == ["small", "large"]
    assert gini["small"] != gini["large"]


def test_a_list_with_a_repeated_name_or_no_model_is_refused(log):
    with pytest.raises(InputError, match=r"\['tweedie'\] appear more than once in the list"):
        backtest(log, [WINDOW], [Tweedie(84, n_estimators=10), Tweedie(84, n_estimators=200)])
    with pytest.raises(InputError, match="the list is empty"):
        backtest(log, [WINDOW], {})


def test_a_member_that_shares_a_competitors_name_only_is_refused(log):
    blend = Ensemble(84, members=[Tweedie(84, n_estimators=10), ProbabilisticValue(horizon=84)])
    with pytest.raises(
        InputError, match="'tweedie' competes on its own and, with other settings, as a member of 'ensemble'"
    ):
        backtest(log, [WINDOW], [Tweedie(84, n_estimators=20), blend])
