"""Time, CPU and memory: ours, the peer's or the bare engine's, and their ratio, each measured in the same run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

import cltv_ml
from experiments.benchmark import pages, rows
from experiments.benchmark.cases import CACHE, HERE, ROOT
from experiments.benchmark.speed_cases import CASES, Case, used
from experiments.benchmark.whole_line import commands, whole_line

CUSTOMERS = (10_000, 100_000, 1_000_000)
ROWS = (1_000_000, 10_000_000, 100_000_000)

#: Runs of which the median counts; one where a single run takes longer than PATIENCE seconds.
RUNS, PATIENCE = 3, 60

#: CPU seconds for which each turn repeats a small case: a short call with a cold cache takes up to twice as long.
TURN = 0.4

#: Ratios of the small version on the machine that made them, and by how much one may grow.
BASELINE = HERE / "baseline_ratios.json"
ALLOWED = 1.20

#: Times that a ratio above its bound is measured again, and the seconds before each: what else runs on the machine
#: passes, and a slower program stays slower.
RETRIES, PAUSE = 6, 20

#: Case -> size in the small version: large enough that what is fixed hardly counts.
SMALL = {
    "fit BG/NBD": 20_000,
    "fit Gamma-Gamma": 50_000,
    "fit Tweedie, 50 features": 30_000,
    "score Tweedie, 50 features": 200_000,
    "read, check, clean": 500_000,
    "features, one cutoff": 300_000,
}

Say = Callable[[str], None]


def run(customers: list[int] | None, lines: list[int] | None, say: Say = print) -> pd.DataFrame:
    """Return the rows of every case at these sizes; write them and the page as each is measured."""
    sizes = {"customers": customers or CUSTOMERS, "rows": lines or ROWS}
    folder = CACHE / "speed"
    folder.mkdir(parents=True, exist_ok=True)
    about = {"protocol": "measured here", "commit": rows.commit(), "machine": rows.machine()}
    parts = []
    for name, case in CASES.items():
        for size in sizes[case.unit]:
            say(f"{name}: {size:,} {case.unit}")
            parts.append(_keep([{**about, **row} for row in _case_rows(name, case, size, folder)]))
    say("commands as a newcomer types them")
    parts.append(_keep([{**about, **row} for row in commands(folder)]))
    for size in sizes["customers"]:
        say(f"the whole line: {size:,} customers, {10 * size:,} rows")
        parts.append(_keep([{**about, **row} for row in whole_line(size, folder)]))
    return pd.concat(parts, ignore_index=True)


def _keep(entries: list[dict]) -> pd.DataFrame:
    table = rows.frame(entries)
    rows.write("speed", table)
    pages.write_all()
    return table


def _case_rows(name: str, case: Case, size: int, folder: Path) -> list[dict]:
    """Return a row for ours, with its ratio, and one for the subject it is compared with."""
    about = {"task": f"{name}, {size:,} {case.unit}", "metric": "cpu_seconds"}
    reference = None
    entries: list[dict] = []
    subjects = [*([case.against] if case.against and size <= case.most else []), "cltv_ml"]
    for subject in subjects:
        try:
            wall, cpu, memory = _measure(name, subject, size, folder)
        except subprocess.CalledProcessError as error:
            last = (error.stderr.strip().splitlines() or [f"exit status {error.returncode}"])[-1]
            entries.append({**about, "model": subject, "note": last[:200]})
            continue
        row = {
            **about,
            "model": subject,
            "value": statistics.median(cpu),
            "lower": min(cpu),
            "upper": max(cpu),
            "seconds": statistics.median(wall),
            "memory_mb": statistics.median(memory),
        }
        if subject == "cltv_ml":
            row |= {"version": f"cltv_ml {cltv_ml.__version__}"}
            if reference:
                ratio = row["value"] / reference
                row |= {"reference": reference, "difference": ratio, "note": f"ratio to {case.against}"}
        else:
            reference = row["value"]
        entries.append(row)
    return entries


def _measure(name: str, subject: str, size: int, folder: Path) -> list[tuple[float, ...]]:
    """Return wall seconds, CPU seconds and peak MB of each run, each in its own process."""
    runs: list[list[float]] = []
    words = [sys.executable, "-m", "experiments.benchmark.speed_cases", name, subject, str(size), str(folder)]
    while len(runs) < RUNS and not (runs and runs[0][0] > PATIENCE):
        done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True, env=os.environ)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return list(zip(*runs, strict=True))


def measure_small(say: Say = print) -> dict[str, float]:
    """Return the ratio of each small case: of the least CPU seconds over five turns."""
    ratios = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, size in SMALL.items():
            ratios[name] = _ratio(name, size, Path(folder))
            say(f"{name}, {size:,}: {ratios[name]:.2f} times {CASES[name].against}")
    return ratios


def _ratio(name: str, size: int, folder: Path, turns: int = 5) -> float:
    """Return the ratio of the least CPU seconds of a call in these turns, ours and theirs one after the other.

    The least is used because other work on the machine only adds time, and not to both equally. Both use one thread,
    because threads that wait for each other use CPU as the machine's other work allows.
    """
    work = CASES[name].prepare(size, folder)
    ours, theirs = work["cltv_ml"], work[CASES[name].against]
    used(ours), used(theirs)  # what only the first call pays
    with threadpool_limits(1):
        seconds = [(cpu_per_call(ours), cpu_per_call(theirs)) for _ in range(turns)]
    return min(ours for ours, _ in seconds) / min(theirs for _, theirs in seconds)


def cpu_per_call(work: Callable[[], object]) -> float:
    """Return the mean CPU seconds of a call, repeated until the calls have used `TURN` seconds."""
    calls: list[float] = []
    while sum(calls) < TURN:
        calls.append(used(work)[1])
    return statistics.mean(calls)


def check_small(say: Say = print) -> list[str]:
    """Return a sentence per ratio that is more than 20% above its baseline in all of `RETRIES` further measurements."""
    baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
    worse = []
    for name, ratio in measure_small(say).items():
        bound = ALLOWED * baseline[name]
        for _ in range(RETRIES):
            if ratio <= bound:
                break
            time.sleep(PAUSE)
            with tempfile.TemporaryDirectory() as folder:
                ratio = min(ratio, _ratio(name, SMALL[name], Path(folder), turns=9))
            say(f"{name}, again: {ratio:.2f} times {CASES[name].against}, at most {bound:.2f} allowed")
        if ratio > bound:
            worse.append(
                f"{name}: {ratio:.2f} times {CASES[name].against}, {ratio / baseline[name] - 1:+.0%} against the "
                f"baseline of {baseline[name]:.2f} (allowed {ALLOWED - 1:+.0%}); find what became slower, or measure "
                "the baseline again: python -m experiments.benchmark.speed."
            )
    return worse


def write_baseline() -> None:
    """Write the ratios of this machine as the baseline, the median of three measurements each."""
    measured = [measure_small() for _ in range(3)]
    ratios = {
        name: round(statistics.median(ratios_of_run[name] for ratios_of_run in measured), 3) for name in SMALL
    }
    BASELINE.write_text(json.dumps(ratios, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_baseline()
