"""Trees learn from Parquet files, a batch at a time, what they learn from a frame in memory."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cltv_ml.features import build_features, build_labels, write_features
from cltv_ml.models import ZILN, FeatureFiles, Hurdle, Hybrid, Quantile, Tweedie
from cltv_ml.windows import Window

NAMES = ["frequency", "recency", "T", "monetary_value", "days_since_last", "spend_90d", "orders_90d"]
CUTOFFS = ["2024-06-01", "2024-09-01"]
EXACT = {"features": NAMES, "subsample": 1.0, "colsample_bytree": 1.0, "n_estimators": 20}


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(8)
    customers, days = rng.integers(0, 800, 9_000), rng.integers(0, 420, 9_000)
    return pd.DataFrame(
        {
            "customer_id": [f"c{number:04d}" for number in customers],
            "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D"),
            "amount": rng.gamma(2, 10 + customers % 40).round(2),
        }
    )


@pytest.fixture(scope="module")
def folder(log, tmp_path_factory):
    return write_features(log, CUTOFFS, tmp_path_factory.mktemp("files"), NAMES, horizon=60)


@pytest.fixture(scope="module")
def rows(log):
    labels = build_labels(log, [Window(cutoff, 60) for cutoff in CUTOFFS], ["value"])
    return build_features(log, CUTOFFS, NAMES), labels["value"]


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr("cltv_ml.models.feature_files.BATCH_ROWS", 300)


@pytest.mark.parametrize("model", [Tweedie, Hurdle, Quantile, ZILN])
def test_files_teach_what_a_frame_teaches(model, folder, rows, small_batches):
    X, y = rows
    from_frame = model(60, **EXACT).fit(X, y).predict(X)
    from_files = model(60, **EXACT).fit(FeatureFiles(folder)).predict(X)
    assert from_files.sum() == pytest.approx(y.sum(), rel=1e-6)
    assert np.corrcoef(from_frame, from_files)[0, 1] > 0.98
    assert np.abs(from_files - from_frame).mean() < 0.05 * y.mean()


def test_the_row_by_row_order_is_the_one_of_the_labels(folder, rows, small_batches):
    X, y = rows
    files = FeatureFiles(folder)
    table = pd.concat(files.batches(NAMES), ignore_index=True).assign(value=files.labels())
    mine = X.assign(value=y)[[*NAMES, "value"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        table.sort_values(list(table), ignore_index=True).astype("float64"),
        mine.sort_values(list(mine), ignore_index=True).astype("float64"),
    )


def test_cutoffs_are_weighed_as_in_a_frame(folder, rows):
    X, _ = rows
    cutoffs = FeatureFiles(folder).cutoffs()
    assert cutoffs.value_counts().to_dict() == X.index.get_level_values("cutoff").value_counts().to_dict()
    short = Tweedie(60, half_life=5.0, **EXACT).fit(FeatureFiles(folder)).predict(X)
    alike = Tweedie(60, half_life=None, **EXACT).fit(FeatureFiles(folder)).predict(X)
    assert np.abs(short - alike).max() > 0.01


def test_text_columns_and_labels_are_no_features(tmp_path):
    table = {"customer_id": ["a", "b"], "country": ["x", "y"], "orders": [1, 2], "label_value": [0.0, 3.0]}
    pq.write_table(pa.table(table), tmp_path / "part.parquet")
    assert FeatureFiles(tmp_path).columns == ["orders"]


def test_a_label_that_the_files_lack_is_named_with_those_they_have(folder):
    with pytest.raises(ValueError, match=r"lack 'label_profit'; their labels are \['label_value'"):
        FeatureFiles(folder, label="label_profit")


def test_an_infinite_value_in_a_file_is_refused_by_its_column(tmp_path):
    table = {"orders": [1.0, np.inf], "label_value": [0.0, 3.0]}
    pq.write_table(pa.table(table), tmp_path / "part.parquet")
    with pytest.raises(ValueError, match="'orders' contains an infinite value"):
        Tweedie(60).fit(FeatureFiles(tmp_path))


def test_a_model_that_needs_rows_in_memory_says_so(folder):
    with pytest.raises(ValueError, match=r"Hybrid: .* a DataFrame in memory, got files"):
        Hybrid(60, features=NAMES).fit(FeatureFiles(folder))
