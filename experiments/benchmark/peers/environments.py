"""Peers run by the interpreter of their own environment: a table in, a table out."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.benchmark.cases import CACHE, Answer, Case
from experiments.benchmark.summary import summarise

HERE = Path(__file__).parent

#: Longest a peer may take for one question, in seconds.
PATIENCE = 1800


def ask(peer: str, models: list[str], case: Case) -> dict[str, Answer]:
    """Return a peer's answer per model, or a note if it does not install or fails."""
    try:
        python = interpreter(peer)
    except OSError as error:
        return {name: Answer(None, requirement(peer), note=str(error)) for name in models}
    return {name: _ask(python, peer, name, case) for name in models}


def requirement(peer: str) -> str:
    """Return the peer's line of requirements.txt."""
    lines = (HERE / "requirements.txt").read_text(encoding="utf-8").split("\n")
    return next(line for line in lines if line.split("==")[0] == peer)


def interpreter(peer: str) -> Path:
    """Return the Python of the peer's environment, made when it is new; OSError in one sentence when it fails.

    `CLTV_PEER_<NAME>` may name an interpreter that has the peer already.
    """
    given = os.environ.get(f"CLTV_PEER_{peer.upper().replace('-', '_')}")
    if given:
        return Path(given)
    line = requirement(peer)
    folder = CACHE / "peers" / f"{peer}-{hashlib.sha256(line.encode()).hexdigest()[:8]}"
    python = folder / "bin" / "python"
    if not (folder / "installed").is_file():
        _install(folder, python, line)
    return python


def forecast_series(
    python: Path, peer: str, model: str, series: np.ndarray, season: int, ahead: int
) -> tuple[np.ndarray, str]:
    """Return a peer's forecasts of the next `ahead` periods and its version; OSError in one sentence if it fails."""
    question = {"model": model, "series": series.tolist(), "season": season, "ahead": ahead}
    done = subprocess.run(
        [str(python), str(_script(peer))],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    if done.returncode:
        raise OSError((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1][:200])
    answer = json.loads(done.stdout)
    return np.array(answer["values"]), answer["version"]


def _script(peer: str) -> Path:
    return HERE / f"peer_{peer.replace('-', '_')}.py"


def _install(folder: Path, python: Path, line: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if shutil.which("uv"):
        steps = [
            ["uv", "venv", "--quiet", "--python", sys.executable, str(folder)],
            ["uv", "pip", "install", "--quiet", "--python", str(python), line],
        ]
    else:
        steps = [
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", line],
        ]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise OSError(f"{line} did not install: {last[:200]}")
    (folder / "installed").touch()


def _ask(python: Path, peer: str, model: str, case: Case) -> Answer:
    X = summarise(case.log, case.window.cutoff).loc[case.customers]
    with tempfile.TemporaryDirectory() as folder:
        X.to_csv(Path(folder, "customers.csv"))
        words = [str(python), str(_script(peer)), model, str(case.window.horizon), folder]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return Answer(None, requirement(peer), note=f"gave no answer within {PATIENCE} seconds")
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            return Answer(None, requirement(peer), note=last[:200])
        answer = json.loads(Path(folder, "answer.json").read_text())
        values = pd.read_csv(Path(folder, "values.csv"), dtype={"customer_id": str}).set_index("customer_id")
    return Answer(
        values["value"].set_axis(X.index),
        answer["version"],
        answer["parameters"],
        answer["seconds"],
        answer["memory_mb"],
    )
