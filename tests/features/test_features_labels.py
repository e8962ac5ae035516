import pandas as pd
import pytest

from cltv_ml.features import DuckDB, build_features, build_labels
from cltv_ml.labels import LABELS
from cltv_ml.log import Log
from cltv_ml.windows import Window


@pytest.fixture
def log() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("a", "2024-01-01", 10.0, "a1", 4.0),
            ("a", "2024-01-11", 20.0, "a2", 8.0),
            ("a", "2024-01-12", -5.0, "a2", -2.0),
            ("a", "2024-01-13", 3.0, "a1", 1.0),
            ("b", "2024-01-02", 7.0, "b1", 1.0),
            ("b", "2024-01-20", 9.0, "b2", None),
            ("c", "2024-01-12", 1.0, "c1", 1.0),
        ],
        columns=["customer_id", "timestamp", "amount", "order_id", "cost"],
    ).astype({"timestamp": "datetime64[us]"})


def test_labels_are_those_of_the_holdout_only(log):
    y = build_labels(log, Window("2024-01-08", 7))
    assert y.loc["a"].to_dict() == {"value": 18, "purchases": 2, "orders": 1, "margin": 11, "active": 1}
    assert y.loc["b"].to_dict() == {"value": 0, "purchases": 0, "orders": 0, "margin": 0, "active": 0}


def test_labels_have_the_rows_of_the_features(log):
    windows = [Window("2024-01-08", 7), Window("2024-01-12", 8)]
    X = build_features(log, [window.cutoff for window in windows], [])
    assert build_labels(log, windows, engine=DuckDB(shards=3)).index.equals(X.index)


@pytest.mark.parametrize("label", ["value", "purchases", "active", "margin"])
def test_labels_equal_the_target_of_their_window(log, label):
    window = Window("2024-01-08", 7)
    y = build_labels(log, window, [label])
    pd.testing.assert_series_equal(y[label], Log.of(log).target(window, y.index, label))


def test_margin_needs_costs(log):
    assert "margin" not in build_labels(log.drop(columns="cost"), Window("2024-01-08", 7))
    with pytest.raises(ValueError, match=r"label 'margin' needs \['cost'\], which the log lacks"):
        build_labels(log.drop(columns="cost"), Window("2024-01-08", 7), ["margin"])


def test_a_censored_label_is_refused(log):
    with pytest.raises(ValueError, match="ends 2024-01-22, but the log ends on 2024-01-20"):
        build_labels(log, Window("2024-01-12", 10))


def test_an_unknown_label_is_refused(log):
    with pytest.raises(ValueError, match=f"Unknown label 'profit'. Available: .*{sorted(LABELS)[0]}"):
        build_labels(log, Window("2024-01-08", 7), ["profit"])


def test_two_windows_of_one_cutoff_are_refused(log):
    with pytest.raises(ValueError, match="every window needs its own cutoff"):
        build_labels(log, [Window("2024-01-08", 7), Window("2024-01-08", 5)])
