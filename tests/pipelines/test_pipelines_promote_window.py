"""Which window and which versions a promotion compares: days that neither has seen."""

import importlib

import pandas as pd
import pytest

from cltv_ml.tracking.registry import Version

promotion = importlib.import_module("cltv_ml.pipelines.promote")


def version(number, fitted, tested=None, **changes):
    about = {
        "number": number,
        "uri": f"models:/cltv/{number}",
        "model": "tweedie",
        "horizon": 90,
        "features": ["frequency", "recency", "T", "monetary_value"],
        "feature_version": "",
        "cltv_ml_version": "0.1.0",
        "fitted_until": pd.Timestamp(fitted),
        "tags": {},
        "test_cutoff": pd.Timestamp(tested) if tested else None,
        "candidate": f"tested-{number}" if tested else None,
    }
    return Version(**about | changes)


def days(first, last):
    return pd.DataFrame({"timestamp": pd.to_datetime([first, last])})


def test_versions_are_compared_as_registered_where_a_whole_horizon_follows_both():
    found = promotion.choose_comparison(
        version(1, "2026-01-01"), version(2, "2026-04-01"), days("2025-01-01", "2026-06-29")
    )
    assert found.window.cutoff == pd.Timestamp("2026-04-01")
    assert found.uris == ("models:/cltv/1", "models:/cltv/2")


def test_a_challenger_fitted_to_the_end_is_represented_by_what_its_training_tested():
    found = promotion.choose_comparison(
        version(1, "2026-01-01"), version(2, "2026-04-01", "2025-12-31"), days("2025-01-01", "2026-03-31")
    )
    assert found.window.cutoff == pd.Timestamp("2026-01-01")
    assert found.uris == ("models:/cltv/1", "tested-2")


def test_two_trainings_on_one_log_are_compared_as_they_were_tested():
    rivals = version(1, "2026-04-01", "2025-12-31"), version(2, "2026-04-01", "2025-12-31")
    found = promotion.choose_comparison(*rivals, days("2025-01-01", "2026-03-31"))
    assert found.uris == ("tested-1", "tested-2")


def test_no_window_is_invented_where_one_of_the_two_has_seen_every_day():
    with pytest.raises(
        ValueError, match="champion was fitted until 2026-04-01, the challenger until 2026-04-01"
    ):
        promotion.choose_comparison(
            version(1, "2026-04-01"), version(2, "2026-04-01"), days("2025-01-01", "2026-03-31")
        )
