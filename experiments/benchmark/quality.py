"""Accuracy of each model on windows that it has not seen, with intervals, on the same customers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd

from cltv_ml.data import DATASETS
from cltv_ml.evaluation.bootstrap import bootstrap_metrics
from cltv_ml.evaluation.compare import compare_models
from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.log import Log
from experiments.benchmark import pages, rows
from experiments.benchmark.cases import ROOT, Answer, Task, customers_at, load_log, read_tasks
from experiments.benchmark.worker import code_digest, kept_at, model_names, read_answers

#: What every other model is compared with.
CHAMPION = "champion"


def run(
    tasks: list[str] | None = None,
    models: list[str] | None = None,
    without: list[str] | None = None,
    say: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Return the rows of the tasks, measured unless a stored answer fits; write them and the pages.

    Raises
    ------
    ValueError
        A task or a drop-in model is unknown.
    """
    chosen, available = read_tasks(tasks), model_names()
    unknown = [name for name in [*(models or ()), *(without or ())] if name not in available]
    if unknown:
        raise ValueError(f"Unknown model {unknown[0]!r}. Available: {available}.")
    wanted = [name for name in models or available if name not in (without or ())]
    codes = {model: code_digest(model) for model in wanted}
    commit, machine = rows.commit(), rows.machine()
    entries = []
    for task in chosen:
        about = {"commit": commit, "machine": machine, "protocol": task.protocol, "task": task.name}
        try:
            DATASETS[task.data].locate()
        except ValueError as error:
            say(f"{task.name}: skipped, {error}")
            entries.append({**about, "model": "all", "metric": "none", "note": f"skipped: {error}"})
            continue
        failed = {model: _answer(task, model, code, say) for model, code in codes.items()}
        entries += [{**about, **row} for row in _task_rows(task, codes, failed)]
    table = rows.frame(entries)
    rows.write("quality", table)
    pages.write_all()
    return table


def _answer(task: Task, model: str, code: str, say: Callable[[str], None]) -> str:
    """Return the last line of what went wrong; empty if the model answered."""
    if all(kept_at(task, cutoff, model, code).is_file() for cutoff in task.cutoffs):
        return ""
    say(f"{task.name}: {model}")
    words = [sys.executable, "-m", "experiments.benchmark.worker", task.name, model, code]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1][:200]


def _task_rows(task: Task, codes: dict[str, str], failed: dict[str, str]) -> list[dict]:
    log = load_log(task.data)
    entries: list[dict] = []
    for cutoff, window in zip(task.cutoffs, task.windows, strict=True):
        answers: dict[str, Answer] = {}
        for model, code in codes.items():
            path = kept_at(task, cutoff, model, code)
            answers |= (
                read_answers(path)
                if path.is_file()
                else {model: Answer(None, "", note=failed.get(model, ""))}
            )
        y_true = Log.of(log).target(window, customers_at(log, window))
        about = {"cutoff": cutoff, "horizon": window.horizon}
        entries += [{**about, **row} for row in window_rows(y_true, answers)]
    return entries


def window_rows(y_true: pd.Series, answers: dict[str, Answer]) -> list[dict]:
    """Return the rows of one window: every metric of every model with its interval, and its paired difference.

    A model without an answer, without some customers or with a value that is not finite has one row with a note.
    """
    values, entries = {}, []
    for name, answer in answers.items():
        aligned = None if answer.values is None else answer.values.reindex(y_true.index)
        if aligned is None or not np.isfinite(aligned).all():
            missing = 0 if aligned is None else int((~np.isfinite(aligned)).sum())
            note = answer.note or f"no finite value for {missing} of {len(y_true)} customers"
            entries.append({"model": name, "version": answer.version, "metric": "none", "note": note})
        else:
            values[name] = aligned
    forecasts = pd.DataFrame(values)
    if forecasts.empty:
        return entries
    draws = bootstrap_metrics(y_true, forecasts)
    paired = _paired(y_true, forecasts)
    for name in forecasts:
        for metric, entry in METRICS.items():
            row = {
                **_about(name, answers[name]),
                "metric": metric,
                "value": entry.function(y_true, forecasts[name]),
                "customers": len(y_true),
            }
            if metric in draws:
                row["lower"], row["upper"] = np.nanquantile(draws[metric][name], [0.025, 0.975])
            entries.append({**row, **paired.get((name, metric), {})})
    return entries


def _paired(y_true: pd.Series, forecasts: pd.DataFrame) -> dict[tuple[str, str], dict]:
    if CHAMPION not in forecasts or len(forecasts.columns) < 2:
        return {}
    names = {
        "champion_value": "reference",
        "difference": "difference",
        "lower": "difference_lower",
        "upper": "difference_upper",
    }
    table = compare_models(y_true, forecasts, CHAMPION)
    return {
        (row["model"], row["metric"]): {new: row[old] for old, new in names.items()}
        for row in table.to_dict("records")
    }


def _about(name: str, answer: Answer) -> dict:
    return {
        "model": name,
        "version": answer.version,
        "parameters": json.dumps(answer.parameters, sort_keys=True),
        "seconds": answer.seconds,
        "memory_mb": answer.memory_mb,
        "note": answer.note or None,
    }
