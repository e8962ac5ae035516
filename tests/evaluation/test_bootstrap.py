"""The paired bootstrap against drawing the customers one by one, and against a known sampling error."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation import bootstrap
from cltv_ml.evaluation.bootstrap import bootstrap_metrics
from cltv_ml.evaluation.metrics import METRICS, Targeting, profit
from cltv_ml.models.fit_cache import shared_fits

CAMPAIGN = Targeting(share=0.2, cost=3.0, margin=0.4)


def customers(n, seed=1):
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.6, 30, n)
    y_true = rng.gamma(1.0, rate) * (rng.random(n) < 0.5)
    return y_true, pd.DataFrame({"sharp": rate * 0.5, "blunt": np.round(rate + rng.gamma(1, 30, n), -1)})


def test_small_samples_are_drawn_exactly_as_one_by_one():
    """Slow reference: repeat every customer as often as a draw takes him, then ask the metrics themselves."""
    y_true, values = customers(300)
    found = bootstrap_metrics(y_true, values, targeting=CAMPAIGN, draws=20, seed=5)
    times = np.random.default_rng(5).multinomial(300, np.full(300, 1 / 300), size=20)
    for draw, counts in enumerate(times):
        rows = np.repeat(np.arange(300), counts)
        for model in values:
            pred = values[model].to_numpy()[rows]
            for metric in found.keys() - {"profit"}:
                slow = METRICS[metric].function(y_true[rows], pred)
                assert found[metric].at[draw, model] == pytest.approx(slow, rel=1e-9), metric
            assert found["profit"].at[draw, model] == pytest.approx(profit(y_true[rows], pred, CAMPAIGN))


def test_every_metric_but_the_rank_correlation_is_drawn():
    y_true, values = customers(50)
    assert set(bootstrap_metrics(y_true, values, draws=5)) == METRICS.keys() - {"spearman"}


def test_few_customers_are_drawn_from_sparse_tables_as_from_full_ones(monkeypatch):
    y_true, values = customers(2_000)
    sparse = bootstrap_metrics(y_true, values, targeting=CAMPAIGN, draws=50)
    monkeypatch.setattr(bootstrap, "_SPARSE", 0)
    full = bootstrap_metrics(y_true, values, targeting=CAMPAIGN, draws=50)
    for metric, table in full.items():
        pd.testing.assert_frame_equal(sparse[metric], table, rtol=1e-11, obj=metric)


def test_blocks_and_bins_give_the_sampling_error_of_single_customers(monkeypatch):
    """A thousand customers are drawn one by one by default; the same in 250 blocks and 100 bins."""
    y_true, values = customers(1_000)
    exact = bootstrap_metrics(y_true, values, draws=600)
    monkeypatch.setattr(bootstrap, "BLOCKS", 250)
    monkeypatch.setattr(bootstrap, "BINS", 100)
    rough = bootstrap_metrics(y_true, values, draws=600)
    for metric in ("gini", "decile_mape", "top_decile_capture", "mae", "bias"):
        slow, fast = (found[metric]["sharp"] - found[metric]["blunt"] for found in (exact, rough))
        assert fast.std() == pytest.approx(slow.std(), rel=0.2), metric
        assert fast.mean() == pytest.approx(slow.mean(), abs=0.3 * slow.std()), metric


def test_spread_of_the_mean_error_is_the_textbook_standard_error():
    y_true, values = customers(20_000)
    error = np.abs(y_true - values["sharp"])
    drawn = bootstrap_metrics(y_true, values, draws=1_000)["mae"]["sharp"]
    assert drawn.std() == pytest.approx(error.std() / np.sqrt(20_000), rel=0.1)


def test_same_seed_gives_the_same_draws_and_another_seed_others():
    y_true, values = customers(500)
    first, again, other = (
        bootstrap_metrics(y_true, values, draws=30, seed=seed)["gini"] for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert (first != other).all(axis=None)


def test_draws_without_a_buyer_are_missing_and_warn_nobody():
    drawn = bootstrap_metrics(np.r_[np.zeros(30), 5.0], pd.DataFrame({"a": np.arange(31.0)}), draws=200)
    share = drawn["gini"]["a"].isna().mean()
    assert share == pytest.approx(np.exp(-1), abs=0.1)
    assert drawn["mae"]["a"].notna().all()


def test_single_precision_counts_change_nothing(monkeypatch):
    rng = np.random.default_rng(9)
    y_true, values = rng.gamma(1, 20, 2_500), pd.DataFrame({"a": rng.gamma(1, 20, 2_500)})
    single = bootstrap_metrics(y_true, values, draws=20)
    monkeypatch.setattr("cltv_ml.evaluation.bootstrap._EXACT", 0)
    double = bootstrap_metrics(y_true, values, draws=20)
    assert all((single[metric] == double[metric]).all(axis=None) for metric in double)


def test_a_training_draws_a_model_on_a_window_once(monkeypatch):
    drawn, metrics = [], bootstrap._metrics
    monkeypatch.setattr(bootstrap, "_metrics", lambda *given: drawn.append(1) or metrics(*given))
    y_true, values = np.r_[np.zeros(30), 5.0], pd.DataFrame({"a": np.arange(31.0), "b": np.ones(31)})
    with shared_fits():
        first = bootstrap_metrics(y_true, values, draws=20)
        again = bootstrap_metrics(y_true, values[["b"]], draws=20)
        other = bootstrap_metrics(y_true, values[["b"]], draws=20, seed=1)
    assert len(drawn) == 3
    assert (first["mae"]["b"] == again["mae"]["b"]).all()
    assert not (first["mae"]["b"] == other["mae"]["b"]).all()
