"""`cltv train` and `cltv score` as a user types them, on a large log in a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cltv_ml
from experiments.benchmark.speed_cases import lines


def whole_line(customers: int, folder: Path) -> list[dict]:
    """Return the rows of a training with the default models and of scoring every customer, ten rows a customer."""
    log = lines(10 * customers, folder)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{place}/mlflow.db", "NO_COLOR": "1"}
        return [
            _row(words[0], customers, *_measured([*words, "--data", str(log)], Path(place), environment))
            for words in (["train", "--horizon", "13w", "--force"], ["score"])
        ]


def _row(command: str, customers: int, wall: float, cpu: float, memory: float, note: str) -> dict:
    about = {
        "task": f"cltv {command}, {customers:,} customers, {10 * customers:,} rows",
        "model": "cltv_ml",
        "version": f"cltv_ml {cltv_ml.__version__}",
        "metric": "cpu_seconds",
    }
    if note:
        return {**about, "note": note}
    return {**about, "value": cpu, "seconds": wall, "memory_mb": memory}


def _measured(words: list[str], place: Path, environment: dict[str, str]) -> tuple[float, float, float, str]:
    """Return wall and CPU seconds, peak MB of the whole family of processes, and what went wrong."""
    before, start = os.times(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "cltv_ml.cli", *words],
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
    """Keep the highest sum of resident memory of a process and its descendants, looked at every 0.1 s."""
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
