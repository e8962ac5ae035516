"""What a model is asked: a log that ends at the cutoff, and the customers whose spend comes after it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml.data import DATASETS, clean, read
from cltv_ml.log import Log
from cltv_ml.windows import Window

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE.parent / "results"

#: What is kept between calls: clean logs and predictions. Ignored by git, safe to delete.
CACHE = ROOT / "out" / "benchmark"

PROTOCOLS = ("out of time", "other customers")


@dataclass(frozen=True)
class Task:
    """One entry of tasks.toml."""

    name: str
    data: str
    horizon: str
    cutoffs: list[str]
    protocol: str
    main: str = ""

    @property
    def windows(self) -> list[Window]:
        """The test windows, one per cutoff."""
        return [Window(cutoff, self.horizon) for cutoff in self.cutoffs]


@dataclass(frozen=True)
class Case:
    """One question to a model.

    Attributes
    ----------
    log
        Clean transactions, all before the cutoff.
    ask
        Whose spend in the window is wanted: all customers of the log, or a half of them.
    known
        What the other customers spent in the window, where the protocol lets a model know; else empty.
    """

    log: pd.DataFrame
    window: Window
    ask: pd.Index
    known: pd.Series = field(default_factory=lambda: pd.Series(dtype="float64"))


@dataclass(frozen=True)
class Answer:
    """Expected spend per customer asked about, what it took, and by what; or a note why there is none."""

    values: pd.Series | None
    version: str
    parameters: dict[str, Any] = field(default_factory=dict)
    seconds: float = float("nan")
    memory_mb: float = float("nan")
    note: str = ""


def read_tasks(names: list[str] | None = None) -> list[Task]:
    """Return the tasks, all or those named; ValueError for an unknown name, protocol or data set."""
    given = tomllib.loads((HERE / "tasks.toml").read_text(encoding="utf-8"))
    unknown = [name for name in names or () if name not in given]
    if unknown:
        raise ValueError(f"Unknown task {unknown[0]!r}. Available: {sorted(given)}.")
    tasks = [Task(name, **entry) for name, entry in given.items() if not names or name in names]
    for task in tasks:
        if task.protocol not in PROTOCOLS:
            raise ValueError(f"task {task.name}: unknown protocol {task.protocol!r}. Available: {PROTOCOLS}.")
        if task.data not in DATASETS:
            raise ValueError(
                f"task {task.name}: unknown data set {task.data!r}. Available: {sorted(DATASETS)}."
            )
    return tasks


def load_log(data: str) -> pd.DataFrame:
    """Return a named data set as a clean log, kept on disk after the first time; ValueError says how to get it."""
    source = DATASETS[data].locate()
    kept = CACHE / "logs" / f"{data}-{source.stat().st_size}.parquet"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        clean(read(data)).log.to_parquet(part, index=False)
        part.replace(kept)
    return pd.read_parquet(kept)


def customers_at(log: pd.DataFrame, window: Window) -> pd.Index:
    """Return everybody who bought before the cutoff, sorted."""
    seen = log.loc[log["timestamp"] < window.cutoff, "customer_id"].unique()
    return pd.Index(sorted(seen), name="customer_id", dtype="str")


def make_cases(log: pd.DataFrame, window: Window, protocol: str) -> list[Case]:
    """Return the questions of one window; what lies after the cutoff is not in their logs."""
    past, everybody = log[log["timestamp"] < window.cutoff], customers_at(log, window)
    if protocol == "out of time":
        return [Case(past, window, everybody)]
    spent = Log.of(log).target(window, everybody)
    half = pd.util.hash_array(everybody.to_numpy(dtype=object)) % 2 == 0
    return [Case(past, window, everybody[mine], spent[~mine]) for mine in (half, ~half)]
