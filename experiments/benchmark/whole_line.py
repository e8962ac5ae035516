"""Commands as a user types them, each a process in its own folder: on a large log, and on the demo's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cltv_ml
from experiments.benchmark.cases import ROOT
from experiments.benchmark.speed_cases import lines

#: What a newcomer runs, in this order: the task's name and the words after `cltv`.
COMMANDS = {
    "cltv --version": ["--version"],
    "cltv --help": ["--help"],
    "cltv demo, 23,570 customers": ["demo"],
    "cltv score, 23,570 customers": ["score", "--data", "cdnow"],
}

#: Answers one customer's purchases again and again, and prints the medians of wall and CPU seconds.
SERVED = """
import json, statistics, time, mlflow, pandas as pd
model = mlflow.pyfunc.load_model("models:/cltv@champion/artifacts/cltv-from-transactions")
lines = pd.DataFrame({"customer_id": "ann", "timestamp": [f"1997-{month:02d}-03" for month in range(1, 13)]})
lines = lines.assign(amount=20.0, quantity=1.0)
times = []
for _ in range(40):
    wall, cpu = time.perf_counter(), time.process_time()
    model.predict(lines, params={"as_of": "1998-07-01"})
    times.append((time.perf_counter() - wall, time.process_time() - cpu))
print(json.dumps([statistics.median(one) for one in zip(*times[10:])]))
"""


def commands(folder: Path) -> list[dict]:
    """Return the rows of `COMMANDS` in one new folder, of serving one customer's transactions, and of the tests."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{place}/mlflow.db", "NO_COLOR": "1"}
        entries = [
            _row(task, *_measured(["cltv_ml", *words], Path(place), environment))
            for task, words in COMMANDS.items()
        ]
        served = [sys.executable, "-c", SERVED]
        out = subprocess.run(
            served, cwd=place, env=environment, capture_output=True, text=True, check=True
        ).stdout
    wall, cpu = json.loads(out.splitlines()[-1])
    entries.append(_row("one customer's 12 purchases, served", wall, cpu, None, ""))
    tests = ["pytest", "-q", "-n", "auto", "--dist", "loadfile"]
    return [*entries, _row("make test", *_measured(tests, ROOT, dict(os.environ)))]


def whole_line(customers: int, folder: Path) -> list[dict]:
    """Return the rows of a training with the default models and of scoring every customer, ten rows a customer."""
    log = lines(10 * customers, folder)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{place}/mlflow.db", "NO_COLOR": "1"}
        return [
            _row(
                f"cltv {words[0]}, {customers:,} customers, {10 * customers:,} rows",
                *_measured(["cltv_ml", *words, "--data", str(log)], Path(place), environment),
            )
            for words in (["train", "--horizon", "13w", "--force"], ["score"])
        ]


def _row(task: str, wall: float, cpu: float, memory: float | None, note: str) -> dict:
    about = {
        "task": task,
        "model": "cltv_ml",
        "version": f"cltv_ml {cltv_ml.__version__}",
        "metric": "cpu_seconds",
    }
    if note:
        return {**about, "note": note}
    return {**about, "value": cpu, "seconds": wall, "memory_mb": memory}


def _measured(words: list[str], place: Path, environment: dict[str, str]) -> tuple[float, float, float, str]:
    """Return wall and CPU seconds of a module's command, peak MB of its family of processes, and what went wrong."""
    before, start = os.times(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=place,
        env=environment,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    peak, stop = [0.0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, stop))
    watcher.start()
    _, errors = process.communicate()
    stop.set()
    watcher.join()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    last = (errors.strip().splitlines() or [f"exit status {process.returncode}"])[-1]
    return time.perf_counter() - start, cpu, peak[0], last[:200] if process.returncode else ""


def _watch(pid: int, peak: list[float], stop: threading.Event) -> None:
    """Record the highest total resident memory of a process and its descendants, sampled every 0.1 s."""
    while not stop.wait(0.1):
        peak[0] = max(peak[0], sum(_resident(member) for member in _family(pid)) / 2**20)


def _family(pid: int) -> list[int]:
    members = [pid]
    for member in members:
        for tasks in Path(f"/proc/{member}/task").glob("*/children"):
            try:
                members += [int(child) for child in tasks.read_text().split()]
            except OSError:  # it has ended meanwhile
                continue
    return members


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # it has ended meanwhile
        return 0
