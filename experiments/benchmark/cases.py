"""Cases of a benchmark: a log that ends at the cutoff, and the customers whose spend after it is to be predicted."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
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
    """One prediction task for a model.

    Attributes
    ----------
    log
        Clean transactions, all before the cutoff.
    customers
        Customers whose spend in the window is to be predicted: all of the log, or half of them.
    other_spend
        Spend of the other customers in the window, if the protocol lets a model know it; else empty.
    """

    log: pd.DataFrame
    window: Window
    customers: pd.Index
    other_spend: pd.Series = field(default_factory=lambda: pd.Series(dtype="float64"))


@dataclass(frozen=True)
class Answer:
    """Expected spend per customer of a case, with version, parameters, time and memory; or a note why there is none."""

    values: pd.Series | None
    version: str
    parameters: dict[str, Any] = field(default_factory=dict)
    seconds: float = float("nan")
    memory_mb: float = float("nan")
    note: str = ""


def chosen_tasks(names: Sequence[str] | None, known: Collection[str]) -> list[str]:
    """Return the named tasks in the order of all, or all of them; raise ValueError for an unknown name."""
    if unknown := [name for name in names or () if name not in known]:
        raise ValueError(f"Unknown task {unknown[0]!r}. Available: {sorted(known)}.")
    return [name for name in known if not names or name in names]


def read_tasks(names: list[str] | None = None) -> list[Task]:
    """Return all tasks or the named ones; raise ValueError for an unknown name, protocol or data set."""
    entries = tomllib.loads((HERE / "tasks.toml").read_text(encoding="utf-8"))
    tasks = [Task(name, **entries[name]) for name in chosen_tasks(names, entries)]
    for task in tasks:
        if task.protocol not in PROTOCOLS:
            raise ValueError(f"task {task.name}: unknown protocol {task.protocol!r}. Available: {PROTOCOLS}.")
        if task.data not in DATASETS:
            raise ValueError(
                f"task {task.name}: unknown data set {task.data!r}. Available: {sorted(DATASETS)}."
            )
    return tasks


def load_log(data: str) -> pd.DataFrame:
    """Return a named data set as a clean log, cached on disk; raise ValueError on how to get one that is missing."""
    source = DATASETS[data].locate()
    cached = CACHE / "logs" / f"{data}-{source.stat().st_size}.parquet"
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        unfinished = cached.with_suffix(".part")
        clean(read(data)).log.to_parquet(unfinished, index=False)
        unfinished.replace(cached)
    return pd.read_parquet(cached)


def customers_at(log: pd.DataFrame, window: Window) -> pd.Index:
    """Return everybody who bought before the cutoff, sorted."""
    customers = log.loc[log["timestamp"] < window.cutoff, "customer_id"].unique()
    return pd.Index(sorted(customers), name="customer_id", dtype="str")


def make_cases(log: pd.DataFrame, window: Window, protocol: str) -> list[Case]:
    """Return the cases of one window; their logs contain nothing after the cutoff."""
    past, everybody = log[log["timestamp"] < window.cutoff], customers_at(log, window)
    if protocol == "out of time":
        return [Case(past, window, everybody)]
    spent = Log.of(log).target(window, everybody)
    half = pd.util.hash_array(everybody.to_numpy(dtype=object)) % 2 == 0
    return [Case(past, window, everybody[asked], spent[~asked]) for asked in (half, ~half)]
