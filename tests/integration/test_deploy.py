"""The compose file's own commands, without containers: PostgreSQL, an MLflow server, two weeks, a served champion."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

import pandas as pd
import pytest
import yaml
from mlflow.tracking import MlflowClient

from cltv_ml.sources.synthetic import simulate

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        assert process.poll() is None, f"{url}: the process has ended with {process.returncode}"
        time.sleep(0.5)
    raise AssertionError(f"{url} does not answer")


def _database_of_its_own(url: str) -> str:
    """Create a database on the session's server: else a test counts the versions of the one before it."""
    import psycopg

    name = f"mlflow_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"create database {name}")
    return f"{url.rpartition('/')[0]}/{name}"


@pytest.fixture
def place(tmp_path, postgres_url):
    """Run a service's command of the compose file here: other hosts, ports and folders."""
    ports = {"mlflow": _free_port(), "served": _free_port()}
    store = _database_of_its_own(postgres_url)
    for name in ("artifacts", "out", "data"):
        (tmp_path / name).mkdir()
    here = {
        "postgresql+psycopg://mlflow:${DB_PASSWORD}@db:5432/mlflow": store.replace("://", "+psycopg://"),
        "mlflow:5000": f"127.0.0.1:{ports['mlflow']}",
        "--port 5000": f"--port {ports['mlflow']}",
        "--port 5001": f"--port {ports['served']}",
        "0.0.0.0": "127.0.0.1",
        "--horizon 13w": "--horizon 4w --models same_rate,bg_nbd_gamma_gamma",
        **{f" /{name}": f" {tmp_path / name}" for name in ("artifacts", "out", "data")},
    }
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    started = []

    def localised(text):
        """Return a text of the compose file as it reads on this machine."""
        for old, new in here.items():
            text = text.replace(old, new)
        return text

    def run(service):
        """Start a service, and return its process."""
        program, *words = shlex.split(localised(SERVICES[service]["command"]))
        wanted = SERVICES[service].get("environment", {})
        said = (tmp_path / f"{service}.txt").open("w")
        process = subprocess.Popen(
            [sys.executable, "-m", {"mlflow": "mlflow", "cltv": "cltv_ml"}[program], *words],
            cwd=tmp_path,
            env=environment | {name: localised(value) for name, value in wanted.items()},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        said.close()
        started.append(process)
        return process

    run.ports = ports
    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_a_team_s_setup_does_two_weeks_and_answers(place, tmp_path):
    server = place("mlflow")
    _wait_for(f"http://127.0.0.1:{place.ports['mlflow']}/health", server)
    log = pd.DataFrame(simulate(300).log)
    cutoffs = []
    for weeks in (6, 5):
        lines = log[log["timestamp"] < log["timestamp"].max() - pd.Timedelta(weeks=weeks)]
        lines.to_csv(tmp_path / "data" / "orders.csv", index=False)
        assert place("weekly").wait(900) in (0, 3, 4), (tmp_path / "weekly.txt").read_text()
        cutoffs.append(pd.read_parquet(tmp_path / "out/scores.parquet")["cutoff"].iloc[0])
    assert cutoffs[0] < cutoffs[1]
    assert any(
        (tmp_path / "artifacts").rglob("report.html")
    )  # handed over by the server, not written by the job
    served = place("served")
    _wait_for(f"http://127.0.0.1:{place.ports['served']}/ping", served)
    body = (tmp_path / "out/training/request.json").read_bytes()
    request = urllib.request.Request(
        f"http://127.0.0.1:{place.ports['served']}/invocations", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        values = [row["expected_value"] for row in json.load(answer)["predictions"]]
    assert len(values) == len(json.loads(body)["dataframe_split"]["data"])
    assert min(values) >= 0


def test_the_image_copies_what_is_there_and_runs_as_an_ordinary_user():
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY") for name in line.split()[1:-1]]
    assert copied
    assert all((DEPLOY.parent / name).exists() for name in copied), copied
    ignored = (DEPLOY.parent / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied)
    assert "USER cltv" in lines


@pytest.mark.slow
def test_two_people_train_and_promote_at_once_on_one_server(place, tmp_path):
    store = f"http://127.0.0.1:{place.ports['mlflow']}"
    _wait_for(f"{store}/health", place("mlflow"))
    folders = [tmp_path / "ann", tmp_path / "bob"]
    for number, folder in enumerate(folders):
        folder.mkdir()
        simulate(200 + 50 * number, seed=number).log.to_csv(folder / "orders.csv", index=False)

    def at_once(words):
        """Run one command in both folders at the same time; return the statuses and what was said."""
        command = [sys.executable, "-m", "cltv_ml", *words.split()]
        how = {"env": os.environ | {"MLFLOW_TRACKING_URI": store}, "text": True, "stderr": subprocess.STDOUT}
        processes = [
            subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, **how) for folder in folders
        ]
        said = [process.communicate(timeout=600)[0] for process in processes]
        return [process.returncode for process in processes], said

    models = "--models same_rate,bg_nbd_gamma_gamma"
    statuses, said = at_once(f"train --data orders.csv --horizon 4w {models}")
    assert statuses == [0, 0], said
    client = MlflowClient(store, store)
    versions = client.search_model_versions("name = 'cltv'")
    shown = [
        f"{one.version} {one.source} {one.run_id} {one.creation_timestamp} {sorted(one.tags)}"
        for one in versions
    ]
    assert len(versions) == 2, (shown, said, (tmp_path / "mlflow.txt").read_text())
    first, second = sorted(int(version.version) for version in versions)  # a repeated request leaves gaps
    assert {client.get_run(version.run_id).info.status for version in versions} == {"FINISHED"}
    assert client.get_registered_model("cltv").aliases == {"champion": str(first), "challenger": str(second)}
    statuses, said = at_once("promote --data orders.csv --force")
    assert sorted(statuses) == [0, 2], said
    refused = said[statuses.index(2)]
    assert "changed in the meantime" in refused or "has no challenger" in refused
    assert client.get_registered_model("cltv").aliases == {"champion": str(second), "previous": str(first)}
