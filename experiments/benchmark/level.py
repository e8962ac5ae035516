"""Accuracy of the level: forecasts of the total on public logs and simulated shops, next to every candidate's."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cltv_ml.data import DATASETS
from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.log import Log
from cltv_ml.models.fit_cache import shared_fits
from cltv_ml.windows import Window
from experiments.benchmark import pages, rows
from experiments.benchmark.cases import HERE, chosen_tasks, customers_at, load_log
from experiments.benchmark.level_table import LEVEL, SIMULATED
from experiments.worlds import WORLDS, simulate_world


@dataclass(frozen=True)
class LevelTask:
    """One entry of levels.toml."""

    name: str
    data: str
    horizons: list[int] = field(default_factory=list)
    cutoffs: list[str] = field(default_factory=list)
    goal: float = float("nan")

    @property
    def windows(self) -> list[Window]:
        """The windows to forecast; those of one cutoff are together because they share their fits."""
        if self.data in WORLDS:
            world = WORLDS[self.data]
            return [Window(cutoff, world.horizon) for cutoff in world.windows]
        return [Window(cutoff, days) for cutoff in self.cutoffs for days in self.horizons]

    def load(self) -> pd.DataFrame:
        """Return the log; raise ValueError if the data set is not on this machine."""
        return simulate_world(self.data) if self.data in WORLDS else load_log(self.data)


def read_level_tasks(names: list[str] | None = None) -> list[LevelTask]:
    """Return all entries of levels.toml or the named ones; raise ValueError for an unknown name or data set."""
    entries = tomllib.loads((HERE / "levels.toml").read_text(encoding="utf-8"))
    tasks = [LevelTask(name, **entries[name]) for name in chosen_tasks(names, entries)]
    for task in tasks:
        if task.data not in WORLDS and task.data not in DATASETS:
            raise ValueError(f"task {task.name}: unknown data {task.data!r}.")
    return tasks


def run(tasks: list[str] | None = None, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Return a row per window and candidate with its bias; write each task's rows when it is done, then the page."""
    about = rows.origin()
    tables = []
    for task in read_level_tasks(tasks):
        protocol = SIMULATED if task.data in WORLDS else "out of time"
        try:
            log = task.load()
        except ValueError as error:
            say(f"{task.name}: skipped, {error}")
            note = f"skipped: {error}"
            task_rows = [{"task": task.name, "model": "all", "metric": "none", "note": note}]
        else:
            with shared_fits():
                task_rows = [{"task": _name(task, window), **row} for window, row in _task_rows(log, task)]
            _tell(task_rows, say)
        tables.append(rows.frame([{**about, "protocol": protocol, **row} for row in task_rows]))
        rows.write("level", tables[-1])
    pages.write_all()
    return pd.concat(tables, ignore_index=True)


def _tell(task_rows: list[dict], say: Callable[[str], None]) -> None:
    for name in dict.fromkeys(row["task"] for row in task_rows):
        bias = np.abs([row["value"] for row in task_rows if row["task"] == name and row["model"] == LEVEL])
        say(f"{name}: mean |bias| {bias.mean():.1%}, worst {bias.max():.1%}")


def _name(task: LevelTask, window: Window) -> str:
    return f"{task.name}, {window.horizon} days"


def _task_rows(log: pd.DataFrame, task: LevelTask) -> Iterator[tuple[Window, dict]]:
    for window in task.windows:
        customers = customers_at(log, window)
        level, total = forecast_level(log, window), float(Log.of(log).target(window, customers).sum())
        if level is None or total <= 0:
            continue
        low, high = level.interval()
        bias = {LEVEL: level.total} | dict(zip(level.table["candidate"], level.table["total"], strict=True))
        for model, forecast in bias.items():
            about = {"cutoff": f"{window.cutoff:%Y-%m-%d}", "horizon": window.horizon, "model": model}
            row = {**about, "metric": "bias", "value": forecast / total - 1, "customers": len(customers)}
            if model == LEVEL:
                row |= {"lower": low / total - 1, "upper": high / total - 1, "reference": task.goal}
            yield window, row
