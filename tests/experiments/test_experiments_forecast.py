"""The whole shop's forecasts at rolling origins: the windows, the peers' sums, and what stands in the table."""

import sys

import numpy as np
import pandas as pd
import pytest

from experiments.benchmark import rows, shop_bands, shop_forecasts
from experiments.benchmark.forecast_table import (
    EQUITY,
    LAST_YEAR,
    OWN,
    PAYBACK,
    TOTAL,
    WEEK_ERROR,
    band_lines,
    forecast_lines,
    totals_within,
    truth_sentence,
    weeks_within,
)

WINDOW = shop_forecasts.Window("2025-06-01", 91)


def daily(start, days):
    """Return a log of twenty customers who each spend 10.00 on one day of twenty."""
    when = pd.date_range(start, periods=days)
    return pd.DataFrame(
        {"customer_id": [str(day % 20) for day in range(days)], "timestamp": when, "amount": 10.0}
    )


def rows_of_a_window():
    found = shop_forecasts._window_rows(daily("2024-01-01", 650), WINDOW)
    return rows.frame([{"commit": "unknown", "protocol": "out of time", **row} for row in found])


def test_windows_end_within_the_log():
    found = shop_forecasts.windows(daily("2009-12-01", 739))
    assert [sum(window.horizon == days for window in found) for days in (91, 182)] == [7, 4]
    assert max(window.end for window in found) <= pd.Timestamp("2011-12-10")


def test_periods_end_at_the_cutoff():
    log, cutoff = daily("2024-01-01", 24), pd.Timestamp("2024-01-25")  # three whole weeks and three days
    assert shop_forecasts._period_sums(log, cutoff, 52).tolist() == [70.0, 70.0, 70.0]
    year, cutoff = daily("2024-01-01", 365), pd.Timestamp("2024-12-31")
    assert shop_forecasts._period_sums(year, cutoff, 12).tolist() == [310.0, 300.0, 300.0] * 4


def test_a_window_has_rows_of_each_model_and_names_the_peers_that_did_not_run(monkeypatch):
    def not_installed(peer):
        raise OSError(f"{peer} did not install: no network")

    monkeypatch.setattr(shop_forecasts, "interpreter", not_installed)
    table = rows_of_a_window()
    found = table.set_index(["model", "metric"])["value"]
    exact = [found[OWN, TOTAL], found[LAST_YEAR, TOTAL], found[LAST_YEAR, WEEK_ERROR]]
    assert exact == pytest.approx([0.0] * 3, abs=0.05)
    assert found[OWN, weeks_within(95)] == 1.0
    notes = table.loc[table["model"] == "AutoETS, weeks", "note"].tolist()
    assert notes == ["not run: statsforecast did not install: no network"]
    assert [line[3] for line in forecast_lines(table)][2:] == ["not run"] * 4


def test_a_peer_forecasts_in_its_own_environment(monkeypatch, tmp_path):
    model = "class AutoETS:\n    def __init__(self, season_length): pass\n    def forecast(self, y, h): "
    package = tmp_path / "statsforecast"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "models.py").write_text(f"{model}return {{'mean': y[-1:].repeat(h)}}\nAutoARIMA = AutoETS\n")
    (tmp_path / "statsforecast-1.0.dist-info").mkdir()
    (tmp_path / "statsforecast-1.0.dist-info" / "METADATA").write_text("Name: statsforecast\nVersion: 1.0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("CLTV_PEER_STATSFORECAST", sys.executable)
    rows = shop_forecasts._peer_rows("AutoETS", "weeks", np.array([5.0, 3.0]), 2, np.array([3.0, 1.0]))
    assert [(row["metric"], row["value"], row["version"]) for row in rows] == [
        (TOTAL, 0.5, "statsforecast 1.0"),
        (WEEK_ERROR, 0.5, "statsforecast 1.0"),
    ]


def test_bands_are_shares_of_simulated_shops():
    table = rows.frame([{"commit": "unknown", **row} for row in shop_bands.simulated_rows(1, print)])
    found = table.set_index("metric")["value"]
    assert found["forecast / realised"] == pytest.approx(1.0, abs=0.3)
    assert found[EQUITY] == pytest.approx(1.0, abs=0.3)
    assert found[PAYBACK] in (0.0, 1.0)
    assert found[totals_within(80)] in (0.0, 1.0)
    assert found[weeks_within(50)] <= found[weeks_within(80)] <= found[weeks_within(95)] <= 1.0
    assert [line[0] for line in band_lines(table)] == ["50%", "80%", "95%"]
    assert f"was {found[EQUITY] - 1:+.1%} off" in truth_sentence(table)
