"""More training windows: the rows they add, and that the last line is the model as it was judged."""

import pytest

from cltv_ml.data import simulate
from cltv_ml.evaluation.backtest import judge
from cltv_ml.evaluation.learning import compute_learning
from cltv_ml.models import SameRate, Tweedie
from cltv_ml.windows import Window

FEATURES = ["frequency", "recency", "T", "monetary_value"]
WINDOW = Window("2022-10-01", 60)


@pytest.fixture(scope="module")
def log():
    return simulate(400, days=400, seed=3).log


def test_each_line_learns_from_more_and_the_last_is_the_judged_model(log):
    model = Tweedie(60, n_estimators=5, features=FEATURES)
    table = compute_learning(log, WINDOW, model, FEATURES, max_origins=3)
    assert table["rows"].is_monotonic_increasing
    judged = judge(log, WINDOW, [model], FEATURES, max_origins=3)
    assert table["rows"].iloc[-1] == len(judged.training.X)
    assert table["gini"].iloc[-1] == pytest.approx(judged.scores.at["tweedie", "gini"])


def test_a_model_that_learns_from_no_window_is_refused(log):
    with pytest.raises(ValueError, match="same_rate learns only from today's customers"):
        compute_learning(log, WINDOW, SameRate(60), FEATURES)
