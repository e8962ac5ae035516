"""Accuracy of `cltv forecast`: revenue of all customers at rolling origins, next to classical forecasts of its sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import numpy as np
import pandas as pd

from cltv_ml.evaluation.shop_tables import BANDS, expected_parts
from cltv_ml.evaluation.whole_shop import ShopForecast, forecast_shop
from cltv_ml.windows import Window
from experiments.benchmark import pages, rows
from experiments.benchmark.cases import load_log
from experiments.benchmark.forecast_table import LAST_YEAR, OWN, TOTAL, WEEK_ERROR, weeks_within
from experiments.benchmark.peers.environments import forecast_series, interpreter
from experiments.benchmark.processes import measure_all
from experiments.benchmark.shop_bands import simulated_rows

#: Data, its first cutoff, days between cutoffs, and horizons in days.
DATA, FIRST, STEP, HORIZONS = "online_retail_ii", "2011-03-08", 30, (91, 182)

#: Models of statsforecast, and the sums that they forecast: periods of 364 days, and of a quarter.
PEERS, SERIES = ("AutoETS", "AutoARIMA"), {"weeks": (52, 13), "months": (12, 3)}


def run(say: Callable[[str], None] = print, *, replications: int = 200) -> pd.DataFrame:
    """Return a row per window, model and metric, and those of simulated shops; write the rows and the page."""
    about = {**rows.origin(), "protocol": "out of time"}
    found = [*_log_rows(say), *simulated_rows(replications, say)]
    table = rows.frame([{**about, **row} for row in found])
    totals = table[table["metric"].eq(TOTAL)].dropna(subset=["value"])
    for (task, model), of_model in totals.groupby(["task", "model"], sort=False):
        say(f"{task}, {model}: mean |bias| {of_model['value'].abs().mean():.1%} of {len(of_model)} windows")
    rows.write("forecast", table)
    pages.write_all()
    return table


def _log_rows(say: Callable[[str], None]) -> list[dict]:
    try:
        log = load_log(DATA)
    except ValueError as error:
        say(f"{DATA}: skipped, {error}")
        return [{"task": DATA, "model": OWN, "metric": "none", "note": f"skipped: {error}"}]
    with suppress(OSError):  # told in each row
        interpreter("statsforecast")  # installed once, before several processes ask for it
    return [row for found in measure_all(partial(_window_rows, log), windows(log)) for row in found]


def windows(log: pd.DataFrame) -> list[Window]:
    """Return the windows of every horizon that end within the log."""
    end = log["timestamp"].max().normalize() + pd.Timedelta(days=1)
    return [
        Window(cutoff, days)
        for days in HORIZONS
        for cutoff in pd.date_range(FIRST, end - pd.Timedelta(days=days), freq=f"{STEP}D")
    ]


def _window_rows(log: pd.DataFrame, window: Window) -> list[dict]:
    past = log[log["timestamp"] < window.cutoff]
    about = {"task": f"{DATA}, {window.horizon} days", "cutoff": f"{window.cutoff:%Y-%m-%d}"}
    about |= {"horizon": window.horizon, "customers": past["customer_id"].nunique()}
    return [{**about, **row} for row in _rows_of_all(log, past, window)]


def _rows_of_all(log: pd.DataFrame, past: pd.DataFrame, window: Window) -> Iterator[dict]:
    came = _weekly(log, window.cutoff, window.horizon)
    yield from _own_rows(forecast_shop(past, window), came)
    last = _weekly(past, window.cutoff - pd.Timedelta(days=364), window.horizon)
    yield from _error_rows(LAST_YEAR, last, came)
    for name, (a_year, a_quarter) in SERIES.items():
        sums = _period_sums(past, window.cutoff, a_year)
        ahead = window.horizon * a_quarter // 91
        for peer in PEERS:
            yield from _peer_rows(peer, name, sums, ahead, came)


def _own_rows(shop: ShopForecast, came: np.ndarray) -> Iterator[dict]:
    parts, draws = expected_parts(shop), shop.draws.total
    low, high = np.quantile(draws.sum(axis=1), [0.1, 0.9]) / came.sum() - 1
    total, weeks = _error_rows(OWN, parts.known + parts.first + parts.repeat, came)
    yield {**total, "lower": low, "upper": high}
    yield weeks
    for band in BANDS:
        low, high = np.quantile(draws, [0.5 - band / 200, 0.5 + band / 200], axis=0)
        held = np.mean((low <= came) & (came <= high))
        yield {"model": OWN, "metric": weeks_within(band), "value": held}


def _error_rows(model: str, weekly: np.ndarray, came: np.ndarray) -> list[dict]:
    """Return the rows of the total's bias and of the mean absolute error of weeks over the mean week."""
    missed = np.abs(weekly - came).sum() / came.sum()
    return [
        {"model": model, "metric": TOTAL, "value": weekly.sum() / came.sum() - 1},
        {"model": model, "metric": WEEK_ERROR, "value": missed},
    ]


def _peer_rows(peer: str, series: str, sums: np.ndarray, ahead: int, came: np.ndarray) -> list[dict]:
    """Return the rows of a model of statsforecast; a note instead of a value where it cannot be run."""
    model, season = f"{peer}, {series}", SERIES[series][0]
    try:
        python = interpreter("statsforecast")
        values, version = forecast_series(python, "statsforecast", peer, sums, season, ahead)
    except OSError as error:
        return [{"model": model, "metric": TOTAL, "note": f"not run: {error}"}]
    found = _error_rows(model, values, came) if series == "weeks" else []
    found = found or [{"model": model, "metric": TOTAL, "value": values.sum() / came.sum() - 1}]
    return [{**row, "version": version} for row in found]


def _weekly(log: pd.DataFrame, start: pd.Timestamp, days: int) -> np.ndarray:
    """Return the revenue of each week of the days from `start` on."""
    day = (log["timestamp"].dt.normalize() - start).dt.days.to_numpy()
    inside = (day >= 0) & (day < days)
    return np.bincount(day[inside] // 7, log["amount"].to_numpy()[inside], -(-days // 7))


def _period_sums(past: pd.DataFrame, cutoff: pd.Timestamp, a_year: int) -> np.ndarray:
    """Return the revenue of each whole period before the cutoff, the oldest first; 364 days hold `a_year` periods."""
    back = (cutoff - past["timestamp"].dt.normalize()).dt.days.to_numpy()
    whole = (cutoff - past["timestamp"].min().normalize()).days * a_year // 364
    place = whole - -(-back * a_year // 364)
    return np.bincount(place[place >= 0], past["amount"].to_numpy()[place >= 0], whole)
