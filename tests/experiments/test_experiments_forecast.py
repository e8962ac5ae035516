"""The whole shop's forecasts at rolling origins: the windows, the peers' weeks, and what stands in the table."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from experiments.benchmark import rows, shop_forecasts
from experiments.benchmark.forecast_table import LAST_YEAR, OWN, forecast_lines


def daily(start, days):
    """Return a log of twenty customers who each spend 10.00 on one day of twenty."""
    when = pd.date_range(start, periods=days)
    return pd.DataFrame(
        {"customer_id": [str(day % 20) for day in range(days)], "timestamp": when, "amount": 10.0}
    )


def test_windows_end_within_the_log():
    found = shop_forecasts.windows(daily("2009-12-01", 739))
    assert [sum(window.horizon == days for window in found) for days in (91, 182)] == [7, 4]
    assert max(window.end for window in found) <= pd.Timestamp("2011-12-10")


def test_weeks_end_at_the_cutoff():
    log = daily("2024-01-01", 24)  # three whole weeks and three days before them
    assert shop_forecasts._weekly_sums(log, pd.Timestamp("2024-01-25")).tolist() == [70.0, 70.0, 70.0]


def test_a_window_has_a_row_of_each_model_and_names_the_peers_that_did_not_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    window = shop_forecasts.Window("2025-06-01", 91)
    found = rows.frame(
        [
            {"commit": "unknown", **row}
            for row in shop_forecasts._window_rows(daily("2024-01-01", 650), window)
        ]
    ).set_index("model")
    assert found["value"][[OWN, LAST_YEAR]].tolist() == pytest.approx([0.0, 0.0], abs=0.05)
    assert found["note"]["AutoETS"].startswith("not run: statsforecast is not installed")
    assert [line[3] for line in forecast_lines(found.reset_index())][2:] == ["not run", "not run"]


def test_a_peer_forecasts_the_sum_of_the_weeks(monkeypatch):
    model = SimpleNamespace(forecast=lambda y, h: {"mean": np.full(h, y[-1])})
    models = SimpleNamespace(AutoETS=lambda season_length: model)
    monkeypatch.setitem(sys.modules, "statsforecast", SimpleNamespace(models=models))
    assert shop_forecasts._peer_total("AutoETS", np.array([1.0, 3.0]), 13) == 39.0
