"""Customers of a log against those of earlier scores."""

import pandas as pd

from cltv_ml import pipelines


def test_scores_of_other_identifiers_make_the_check_careful(tmp_path):
    log = pd.DataFrame(
        {
            "customer": [f"{n % 60:05}" for n in range(300)],
            "date": pd.date_range("2025-01-01", periods=300),
            "amount": 5.0,
        }
    )
    for ids, told in ((range(60), True), ([f"{n:05}" for n in range(60)], False)):
        scores = pd.DataFrame({"customer_id": [str(one) for one in ids], "expected_value": 1.0})
        scores.to_csv(tmp_path / "scores.csv", index=False)
        _, verdict = pipelines.check(data=log, horizon="30d", scores=tmp_path / "scores.csv")
        assert any("in leading zeros" in reason for reason in verdict.reasons) == told
        assert verdict.level != "go" or not told


def test_of_several_horizons_the_check_is_about_the_main_one():
    days = pd.date_range("2025-01-01", periods=300)
    log = pd.DataFrame({"customer": [f"c{n % 60}" for n in range(300)], "date": days, "amount": 5.0})
    (_, several), (_, alone) = (
        pipelines.check(data=log, horizon=asked) for asked in (["30d", "91d", "200d"], "91d")
    )
    assert several == alone
