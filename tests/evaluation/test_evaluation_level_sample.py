"""The sample that stands for all customers of a large log in the level."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cltv_ml.data import simulate
from cltv_ml.evaluation import level_sample
from cltv_ml.evaluation.level_sample import sample_days, stand_for
from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.windows import Window


def renamed(ids: pd.Series, seed: int) -> pd.Series:
    code, names = pd.factorize(ids)
    return pd.Series(np.random.default_rng(seed).permutation(len(names))[code].astype(str), index=ids.index)


def test_a_sample_with_the_largest_spenders_has_the_total_of_all(monkeypatch):
    monkeypatch.setattr(level_sample, "SAMPLED_CUSTOMERS", 2_000)
    amounts = np.random.default_rng(3).lognormal(3.0, 1.8, 20_000)
    ids = pd.Series([f"customer {i}" for i in range(len(amounts))])
    for seed in range(5):
        days = pa.table({"customer_id": renamed(ids, seed), "amount": amounts})
        some, largest = sample_days(days, len(amounts))
        rows = some.to_pandas().set_index("customer_id")
        weights = stand_for(rows.index.isin(largest), len(amounts))
        assert weights.sum() == pytest.approx(len(amounts))
        assert len(rows) == pytest.approx(2_000, rel=0.1)
        assert weights @ rows["amount"] == pytest.approx(amounts.sum(), rel=0.05)


def test_the_level_does_not_depend_on_the_names_of_the_customers():
    log = simulate(4_500, days=300, seed=4).log[["customer_id", "timestamp", "amount"]]
    window = Window(log["timestamp"].max().normalize() - pd.Timedelta(days=60), 60)
    totals = [
        forecast_level(log.assign(customer_id=renamed(log["customer_id"], seed)), window).total
        for seed in (0, 1)
    ]
    assert totals[0] == pytest.approx(totals[1], rel=1e-6)
