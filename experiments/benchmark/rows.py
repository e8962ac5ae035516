"""Result rows: each states what was measured, on which data, by which version, and how certain the number is."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pandas as pd

import cltv_ml
from experiments.benchmark.cases import RESULTS, ROOT

#: Column -> what it holds. A row has a value or a note that says why not.
COLUMNS = {
    "task": "an entry of tasks.toml, or what was measured",
    "cutoff": "first day of the window; empty where there is none",
    "horizon": "days",
    "protocol": "out of time, other customers, simulated, published or measured here",
    "model": "the model's or the subject's name",
    "version": "library and version that gave the answer",
    "parameters": "settings, as JSON",
    "metric": "a metric of cltv_ml.evaluation, a parameter, or what was timed",
    "value": "the number",
    "lower": "lower end of its 95% interval (bootstrap over customers, or the fastest run)",
    "upper": "upper end",
    "reference": "what the value is held against: the champion's value, the published one, the peer's or bare engine's",
    "difference": "value less reference (of sizes for bias); for times their ratio",
    "difference_lower": "lower end of the paired 95% interval",
    "difference_upper": "upper end",
    "customers": "how many were judged",
    "seconds": "wall time to fit and predict, features not counted",
    "memory_mb": "peak resident memory of the process",
    "commit": "of this repository; + where files had been changed since",
    "machine": "processor, cores, Python",
    "note": "why there is no value, or where the reference comes from",
}

_NUMBERS = (
    "horizon",
    "value",
    "lower",
    "upper",
    "reference",
    "difference",
    "difference_lower",
    "difference_upper",
    "customers",
    "seconds",
    "memory_mb",
)
_TEXTS = ("task", "model", "metric", "commit")


def frame(rows: list[dict]) -> pd.DataFrame:
    """Return rows as a table with every column, checked."""
    table = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
    return check(table)


def check(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table if every row describes itself; raise ValueError naming what is missing."""
    if list(table.columns) != list(COLUMNS):
        raise ValueError(f"result rows need the columns {list(COLUMNS)}. Found {list(table.columns)}.")
    for name in _TEXTS:
        if table[name].isna().any() or (table[name] == "").any():
            raise ValueError(f"result rows: {name} is missing in row {int(table[name].isna().argmax())}.")
    for name in _NUMBERS:
        pd.to_numeric(table[name], errors="raise")
    silent = table["value"].isna() & table["note"].isna()
    if silent.any():
        raise ValueError(f"result row {int(silent.argmax())} has neither a value nor a note that says why.")
    crossed = (table["lower"] > table["value"] + 1e-9) | (table["upper"] < table["value"] - 1e-9)
    if (crossed & table["protocol"].eq("measured here")).any():
        raise ValueError(f"result row {int(crossed.argmax())}: the value lies outside its interval.")
    twice = table.duplicated(["task", "cutoff", "model", "metric"])
    if twice.any():
        raise ValueError(f"result row {int(twice.argmax())} stands there twice.")
    return table


def read(name: str) -> pd.DataFrame:
    """Return `experiments/results/<name>.csv`, checked; an empty table if there is none."""
    path = RESULTS / f"{name}.csv"
    if not path.is_file():
        return pd.DataFrame(columns=list(COLUMNS))
    return check(pd.read_csv(path))


def write(name: str, table: pd.DataFrame) -> Path:
    """Write the table to `experiments/results/<name>.csv`, whole, keeping its rows of other tasks; return the path."""
    old = read(name)
    new = check(table)
    other_tasks = old[~old["task"].isin(new["task"].unique())]
    path = RESULTS / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    together = new if other_tasks.empty else pd.concat([other_tasks, new], ignore_index=True)
    together.to_csv(unfinished, index=False, float_format="%.8g", lineterminator="\n")
    unfinished.replace(path)
    return path


def origin() -> dict[str, str]:
    """Return the columns that say by what and where this process measures: commit, machine and version."""
    return {"commit": commit(), "machine": machine(), "version": f"cltv_ml {cltv_ml.__version__}"}


def commit() -> str:
    """Return the repository's commit, with + where tracked files differ from it; "unknown" outside a repository."""
    revision = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "cltv_ml", "experiments/benchmark")
    return f"{revision}{'+' if changed else ''}" if revision else "unknown"


def machine() -> str:
    """Return the processor, the cores this process may use, and the Python."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].split(":", 1)[1].strip() if lines else name
    return f"{name}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False, cwd=ROOT)
    return done.stdout.strip() if done.returncode == 0 else ""
