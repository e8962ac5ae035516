"""Trainings as a user runs them: the champion and forecast of `cltv train` on windows that nobody has looked at."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from cltv_ml.data import DATASETS
from cltv_ml.errors import InputError
from cltv_ml.models import SameRate, ValueModel
from cltv_ml.pipelines.train import Outcome, train
from experiments.benchmark import pages, rows
from experiments.benchmark.cases import HERE
from experiments.benchmark.champions_table import CHAMPION, NAIVE, SETS, training_line
from experiments.worlds import WORLDS, simulate_world

#: The models that compete unless others are asked for: the naive rule, one that learns from histories, trees, both.
MODELS = "same_rate,pareto_nbd_gamma_gamma,tweedie,hybrid,mean"

METRICS = ("gini", "bias", "decile_mape", "coverage")


@dataclass(frozen=True)
class Training:
    """One entry of champions.toml: a log, the cutoff and horizon of the test window, and the set it belongs to."""

    name: str
    purpose: str
    cutoff: str
    horizon: str
    data: str = ""
    sql: str = ""
    seed: int = 0
    until: str = ""

    def load(self) -> pd.DataFrame | str:
        """Return the data for `cltv train`; raise InputError if files are missing."""
        if self.data in WORLDS:
            log = simulate_world(self.data, self.seed)
            return log[log["timestamp"] < self.until] if self.until else log
        if self.data:
            DATASETS[self.data].locate()
            return self.data
        folder = os.environ.get("CLTV_DATA_DIR", "")
        try:
            return duckdb.sql(self.sql.replace("{data}", folder)).df()
        except duckdb.IOException as error:
            raise InputError(f"CLTV_DATA_DIR names no folder that holds its files ({error}).") from error


def read_trainings(purpose: str) -> list[Training]:
    """Return the entries of one set of champions.toml; raise ValueError for an unknown set or log."""
    sets = tomllib.loads((HERE / "champions.toml").read_text(encoding="utf-8"))
    if purpose not in SETS:
        raise ValueError(f"Unknown set {purpose!r}. Available: {SETS}.")
    trainings = [Training(name, purpose, **entry) for name, entry in sets[purpose].items()]
    for training in trainings:
        if bool(training.sql) == bool(training.data) or (
            training.data and training.data not in {*WORLDS, *DATASETS}
        ):
            raise ValueError(
                f"training {training.name}: give a known data set, or sql; got {training.data!r}."
            )
    return trainings


def run(
    purpose: str,
    names: list[str] | None = None,
    models: str = MODELS,
    say: Callable[[str], None] = print,
    keep: Callable[[Training, Outcome], None] = lambda *_: None,
) -> pd.DataFrame:
    """Return a row per training, model and metric; write each training's rows when it is done, then the page.

    A training that ends in an InputError leaves a row with its sentence. `keep` is called with each that does not.
    """
    origin = rows.origin()
    tables = []
    for training in read_trainings(purpose):
        if names and training.name not in names:
            continue
        place = {"task": f"{purpose} {training.name}", "cutoff": training.cutoff, "protocol": "out of time"}
        try:
            outcome = _train(training, models)
        except InputError as error:
            say(f"{training.name}: {error}")
            training_rows = [{"model": CHAMPION, "metric": "none", "note": str(error)}]
        else:
            keep(training, outcome)
            training_rows = list(_rows(outcome))
        tables.append(rows.frame([{**origin, **place, **row} for row in training_rows]))
        if training_rows[0]["metric"] != "none":
            say(f"{training.name}: {training_line(tables[-1])}")
        rows.write("champions", tables[-1])
    pages.write_all()
    return pd.concat(tables, ignore_index=True)


def _train(training: Training, models: str) -> Outcome:
    """Return the outcome of a training, whose store and files are in a temporary folder."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        try:
            return train(
                data=training.load(),
                cutoff=training.cutoff,
                horizon=training.horizon,
                models=models,
                out=Path(folder) / "out",
            )
        finally:
            os.environ.pop("MLFLOW_TRACKING_URI")
            if before is not None:
                os.environ["MLFLOW_TRACKING_URI"] = before


def _rows(outcome: Outcome) -> Iterator[dict]:
    """Yield the metrics of every model, and those of the champion with the verdict and notes."""
    result, champion = outcome.result, outcome.verdict.champion
    about = {"horizon": result.window.horizon, "customers": len(result.y_true)}
    for name, model in result.models.items():
        for metric in METRICS:
            value = float(result.scores[metric].get(name, np.nan)) if metric in result.scores else np.nan
            note = None if np.isfinite(value) else "it gives no intervals"
            row = {**about, "metric": metric, "value": value}
            yield {**row, "model": name, "parameters": kind(model), "note": note}
            if name == champion:
                sentences = " | ".join([outcome.verdict.reason, *outcome.notes])
                yield {
                    **row,
                    **_interval(outcome, metric),
                    "model": CHAMPION,
                    "parameters": name,
                    "note": sentences,
                }


def _interval(outcome: Outcome, metric: str) -> dict[str, float]:
    """Return the level's 90% interval next to the champion's bias."""
    level, true = outcome.result.level, float(outcome.result.y_true.sum())
    if metric != "bias" or level is None:
        return {}
    low, high = level.interval()
    return {"lower": low / true - 1, "upper": high / true - 1}


def kind(model: ValueModel) -> str:
    """Return what a model learns from: nothing (the naive rule), histories, or labels."""
    if isinstance(model, SameRate):
        return NAIVE
    return "labels" if model.needs_labels or model.components() else "histories"
