import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.tables import compute_deciles, compute_gains, compute_realised


@pytest.fixture
def truth():
    rng = np.random.default_rng(5)
    index = pd.Index([f"c{number}" for number in range(500)], name="customer_id")
    return pd.Series(rng.gamma(0.5, 20, 500) * (rng.random(500) < 0.5), index=index)


def test_deciles_hold_every_customer_and_all_the_money(truth):
    deciles = compute_deciles(truth, truth + 1)
    assert deciles["customers"].sum() == 500
    assert (deciles["realised"] * deciles["customers"]).sum() == pytest.approx(truth.sum())
    assert deciles["predicted"].is_monotonic_decreasing


def test_gains_run_from_nothing_to_everything(truth):
    table = compute_gains(truth, pd.DataFrame({"a": truth + 1, "b": -truth}))
    assert table.iloc[0].tolist() == [0, 0, 0, 0]
    assert table.iloc[-1].tolist() == pytest.approx([1, 1, 1, 1])
    assert table["a"].tolist() == pytest.approx(table["perfect"].tolist())


def test_realised_bins_reconcile_with_the_customers(truth):
    predicted = truth.rank() * (truth > 0)
    table = compute_realised(truth, predicted)
    assert table["customers"].sum() == 500
    assert (table["realised"] * table["customers"]).sum() == pytest.approx(truth.sum())
    assert table.loc[0, "predicted"] == 0


def test_realised_bins_survive_one_prediction_for_all(truth):
    assert len(compute_realised(truth, truth * 0 + 3)) == 1
