"""Accuracy of `cltv forecast`: revenue of all customers at rolling origins, next to forecasts of weekly sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

import cltv_ml
from cltv_ml.evaluation.whole_shop import forecast_shop
from cltv_ml.windows import Window
from experiments.benchmark import pages, rows
from experiments.benchmark.cases import load_log
from experiments.benchmark.forecast_table import LAST_YEAR, OWN

#: Data, its first cutoff, days between cutoffs, and horizons in days.
DATA, FIRST, STEP, HORIZONS = "online_retail_ii", "2011-03-08", 30, (91, 182)

#: Models of statsforecast, on weekly sums with a season of 52 weeks.
PEERS = ("AutoETS", "AutoARIMA")

_ABSENT = "not run: statsforecast is not installed (pip install statsforecast==2.1.1)"


def run(say: Callable[[str], None] = print) -> pd.DataFrame:
    """Return a row per window and model with its bias, and write the rows and the page."""
    version = f"cltv_ml {cltv_ml.__version__}"
    about = {
        "commit": rows.commit(),
        "machine": rows.machine(),
        "version": version,
        "protocol": "out of time",
    }
    try:
        log = load_log(DATA)
    except ValueError as error:
        say(f"{DATA}: skipped, {error}")
        found = [{"task": DATA, "model": OWN, "metric": "none", "note": f"skipped: {error}"}]
    else:
        found = [row for window in windows(log) for row in _window_rows(log, window)]
    table = rows.frame([{**about, **row} for row in found])
    for (task, model), of_model in table.dropna(subset=["value"]).groupby(["task", "model"], sort=False):
        say(f"{task}, {model}: mean |bias| {of_model['value'].abs().mean():.1%} of {len(of_model)} windows")
    rows.write("forecast", table)
    pages.write_all()
    return table


def windows(log: pd.DataFrame) -> list[Window]:
    """Return the windows of every horizon that end within the log."""
    end = log["timestamp"].max().normalize() + pd.Timedelta(days=1)
    return [
        Window(cutoff, days)
        for days in HORIZONS
        for cutoff in pd.date_range(FIRST, end - pd.Timedelta(days=days), freq=f"{STEP}D")
    ]


def _window_rows(log: pd.DataFrame, window: Window) -> Iterator[dict]:
    past = log[log["timestamp"] < window.cutoff]
    total = _revenue(log, window.cutoff, window.horizon)
    about = {"task": f"{DATA}, {window.horizon} days", "cutoff": f"{window.cutoff:%Y-%m-%d}"}
    about |= {"horizon": window.horizon, "metric": "bias", "customers": past["customer_id"].nunique()}
    shop = forecast_shop(past, window)
    expected = sum(shop.totals) if shop.totals else float(shop.draws.total.sum(axis=1).mean())
    low, high = np.quantile(shop.draws.total.sum(axis=1), [0.1, 0.9]) / total - 1
    yield {**about, "model": OWN, "value": expected / total - 1, "lower": low, "upper": high}
    last = _revenue(past, window.cutoff - pd.Timedelta(days=364), window.horizon)
    yield {**about, "model": LAST_YEAR, "value": last / total - 1}
    weeks = _weekly_sums(past, window.cutoff)
    for peer in PEERS:
        forecast = _peer_total(peer, weeks, window.horizon // 7)
        yield {**about, "model": peer} | (
            {"note": _ABSENT} if forecast is None else {"value": forecast / total - 1}
        )


def _revenue(log: pd.DataFrame, start: pd.Timestamp, days: int) -> float:
    when = log["timestamp"]
    return float(log.loc[(when >= start) & (when < start + pd.Timedelta(days=days)), "amount"].sum())


def _weekly_sums(past: pd.DataFrame, cutoff: pd.Timestamp) -> np.ndarray:
    """Return the revenue of each whole week before the cutoff, the oldest first."""
    whole = (cutoff - past["timestamp"].min().normalize()).days // 7
    back = (cutoff - past["timestamp"].dt.normalize()).dt.days.to_numpy()
    week = whole - -(-back // 7)
    return np.bincount(week[week >= 0], past["amount"].to_numpy()[week >= 0], whole)


def _peer_total(name: str, weeks: np.ndarray, ahead: int) -> float | None:
    """Return a model's forecast of the sum of the next weeks, or None where statsforecast is not installed."""
    try:
        from statsforecast import models
    except ImportError:
        return None
    return float(np.sum(getattr(models, name)(season_length=52).forecast(y=weeks, h=ahead)["mean"]))
