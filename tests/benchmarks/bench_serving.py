"""The served champion against a bare XGBoost pyfunc with the same booster, both under `mlflow models serve`.

    python tests/benchmarks/bench_serving.py
    python tests/benchmarks/bench_serving.py --family hybrid --requests 500

Requests go to loopback from one client over one kept connection, 300 of one customer by turns and one of 100,000
customers; then a server of the same version for raw transactions answers 50 of one customer.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from bench_scoring import make_features, register


def register_bare(folder: Path) -> None:
    """Register the champion's booster, or its first, as MLflow's own XGBoost flavour does it."""
    import mlflow
    import xgboost as xgb
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    path = next(folder.rglob("booster_0.ubj"))
    booster = xgb.Booster(model_file=str(path))
    card = json.loads((path.parent / "model.json").read_text())["card"]
    booster.feature_names = names = card["features"][: booster.num_features()]
    signature = ModelSignature(
        Schema([ColSpec("double", name) for name in names]), Schema([ColSpec("double")])
    )
    with mlflow.start_run():
        info = mlflow.xgboost.log_model(
            booster, name="bare", signature=signature, pip_requirements=["xgboost"]
        )
    mlflow.register_model(info.model_uri, "bare")


@contextlib.contextmanager
def serving(uri: str) -> Iterator[http.client.HTTPConnection]:
    """Yield a connection to a server of a model."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["mlflow", "models", "serve", "-m", uri, "--env-manager", "local", "--port", str(port)]
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        for _ in range(1200):
            try:
                connection.request("GET", "/ping")
                connection.getresponse().read()
                break
            except OSError:
                connection.close()
                time.sleep(0.5)
        connection.close()  # the server would close it after five idle seconds; the next request opens it anew
        yield connection
    finally:
        connection.close()
        process.terminate()
        process.wait(30)


def post(connection: http.client.HTTPConnection, body: bytes, kind: str = "application/json") -> float:
    """Return the milliseconds until the whole answer is here."""
    start = time.perf_counter()
    connection.request("POST", "/invocations", body, {"Content-Type": kind})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise SystemExit(text.decode()[:500])
    return 1000 * (time.perf_counter() - start)


def split(table: pd.DataFrame) -> bytes:
    """Return a table as a request."""
    rows = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    return json.dumps({"dataframe_split": {"columns": list(table), "data": rows}}).encode()


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", default="tweedie", choices=["tweedie", "hybrid"])
    parser.add_argument("--requests", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ |= {
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
            "MLFLOW_LOGGING_LEVEL": "ERROR",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        os.chdir(folder)
        make_features(folder, 100_000)
        register(folder, given.family)
        register_bare(folder)
        measure(folder, given)


def measure(folder: Path, given: argparse.Namespace) -> None:
    """Ask both servers by turns, so that a busy minute meets both alike."""
    table = pd.concat(pd.read_parquet(file) for file in sorted((folder / "features").rglob("*.parquet")))
    one, many = split(table.head(1).drop(columns="customer_id")), table.drop(columns="customer_id")
    bodies = {
        "json": (split(many), "application/json"),
        "csv": (many.to_csv(index=False).encode(), "text/csv"),
    }
    with serving("models:/cltv@champion") as ours, serving("models:/bare/1") as bare:
        servers = {"cltv": ours, "bare": bare}
        times: dict[str, list[float]] = {name: [] for name in servers}
        for number in range(given.requests + 20):
            for name, connection in servers.items():
                taken = post(connection, one)
                if number >= 20:
                    times[name].append(taken)
        for name, all_of_it in times.items():
            p50, p99 = statistics.median(all_of_it), statistics.quantiles(all_of_it, n=100)[98]
            ratio = p50 / statistics.median(times["bare"])
            print(f"{name:<6} one customer: p50 {p50:6.1f} ms, p99 {p99:6.1f} ms, {ratio:4.2f} x bare")
        for name, connection in servers.items():
            for kind, (body, content) in bodies.items():
                connection.close()  # it idled while the other server worked
                seconds = post(connection, body, content) / 1000
                print(f"{name:<6} {len(many):,} customers in one {kind} request: {seconds:5.1f} s")
    with serving("models:/cltv@champion/artifacts/cltv-from-transactions") as raw:
        rows = [["ann", f"2025-{month:02d}-03 10:00:00", 20.0 + month] for month in range(1, 13)]
        bought = {"columns": ["customer_id", "timestamp", "amount"], "data": rows}
        body = json.dumps({"dataframe_split": bought, "params": {"as_of": "2026-01-01"}}).encode()
        taken = [post(raw, body) for _ in range(60)][10:]
        print(f"raw    one customer's twelve purchases: p50 {statistics.median(taken):6.1f} ms")


if __name__ == "__main__":
    main()
