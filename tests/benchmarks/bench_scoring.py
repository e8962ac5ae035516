"""Batch scoring of ready features against bare `pyfunc.predict`, and memory from a log, each in its own process.

    python tests/benchmarks/bench_scoring.py                       # 1,000,000 customers, ready features
    python tests/benchmarks/bench_scoring.py --log                 # also from 10 million transactions
    python tests/benchmarks/bench_scoring.py --customers 200_000 --repeats 1

`bare` is predict alone on tables that are in memory already, 200,000 customers at a time; `cltv` is everything: read
Parquet, check, predict, name tiers, write pieces and one Parquet file. CPU seconds of user and system together.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.benchmark.peers.memory import peak_mb

CHUNK = 200_000


def make_features(folder: Path, customers: int) -> list[str]:
    """Write a table of every default feature of a plain log, five files, and return the names."""
    from cltv_ml.features import default_features
    from cltv_ml.tables import CUSTOMERS

    names = default_features(["customer_id", "timestamp", "amount"])
    place = folder / "features" / "cutoff=2026-01-01"
    place.mkdir(parents=True)
    for number, rows in enumerate(np.array_split(np.arange(customers), 5)):
        rng = np.random.default_rng(number)
        X = pd.DataFrame({name: rng.gamma(1.0, 20.0, len(rows)) for name in names})
        X = X.where(rng.random(X.shape) > 0.1)
        T = rng.integers(1, 900, len(rows)).astype(float)
        frequency = np.minimum(rng.poisson(1.0, len(rows)), T)
        summary = {
            "frequency": frequency,
            "recency": np.maximum(np.floor(T * rng.random(len(rows))) * (frequency > 0), frequency),
            "T": T,
        }
        summary["monetary_value"] = rng.gamma(2.0, 15.0, len(rows)) * (frequency > 0)
        ids = pd.Series([f"c{row:09d}" for row in rows])
        table = pd.concat([ids.rename("customer_id"), pd.DataFrame(summary)], axis=1)
        table = table.join(X[[name for name in names if name not in CUSTOMERS.columns]])
        table.to_parquet(place / f"part-{number:04d}.parquet", index=False)
    return names


def register(folder: Path, family: str) -> None:
    """Train one family on a part of the features, log and register it."""
    import mlflow

    from cltv_ml.serving import packaging
    from cltv_ml.tracking import store as mlflow_store

    mlflow_store.open_store()
    from cltv_ml.features import feature_version
    from cltv_ml.models import Hybrid, ParetoNBD, ProbabilisticValue, Tweedie

    X = pd.read_parquet(next((folder / "features").rglob("*.parquet"))).head(20_000).set_index("customer_id")
    y = pd.Series(np.random.default_rng(0).gamma(1.0, 50.0, len(X)) * (X["frequency"] > 0), X.index)
    trees = [str(name) for name in X.columns if name not in ("frequency", "recency", "T")]
    model = {
        "tweedie": Tweedie(91, features=trees),
        "pareto_nbd": ProbabilisticValue(ParetoNBD(), horizon=91),
        "hybrid": Hybrid(91, features=trees),
    }[family].fit(X, y)
    names = [str(name) for name in model.feature_names_in_]
    card = packaging.Card(
        model.name,
        91,
        "2026-01-01",
        names,
        feature_version(names),
        packaging.tier_cuts(model.predict(X)),
        len(X),
        "bench",
    )
    with mlflow.start_run():
        info = packaging.log_model(model, card, X)
    registered = mlflow.register_model(info.model_uri, "cltv")
    mlflow.MlflowClient().set_registered_model_alias("cltv", "champion", registered.version)


def run_bare(folder: Path) -> None:
    """Predict alone, on tables in memory."""
    import mlflow

    model = mlflow.pyfunc.load_model("models:/cltv@champion")
    names = model.metadata.metadata["features"]
    whole = pd.concat(
        pd.read_parquet(file, columns=names) for file in sorted((folder / "features").rglob("*.parquet"))
    )
    chunks = [whole.iloc[start : start + CHUNK].copy() for start in range(0, len(whole), CHUNK)]
    model.predict(chunks[0].head(1000))
    tell(lambda: [model.predict(chunk) for chunk in chunks])


def run_cltv(folder: Path) -> None:
    """Everything that `cltv score --features` does once its libraries are loaded."""
    from cltv_ml.serving import scoring
    from cltv_ml.serving.batch_order import Order

    small = folder / "small.parquet"
    pd.read_parquet(next((folder / "features").rglob("*.parquet"))).head(1000).to_parquet(small, index=False)
    scoring.score_features(small, Order(folder / "small_scores.parquet", as_of="2026-01-01"))
    tell(lambda: scoring.score_features(folder / "features", Order(folder / "scores.parquet")))


def run_log(folder: Path) -> None:
    """Everything that `cltv score --data` does once its libraries are loaded."""
    from cltv_ml.data import read
    from cltv_ml.serving import scoring
    from cltv_ml.serving.batch_order import Order

    def work() -> None:
        source = read(folder / "log.parquet", memory="1GB")
        scoring.score_log(source, Order(folder / "from_log.parquet"))

    tell(work)


def tell(work) -> None:
    """Print wall and CPU seconds of some work and the highest memory of this process, in JSON."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak_mb() / 1024}))


def measure(name: str, folder: Path, repeats: int) -> dict[str, float]:
    """Return the medians of a run's figures over some processes."""
    words = [sys.executable, __file__, "--run", name, "--folder", str(folder)]
    runs = [
        json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        for _ in range(repeats)
    ]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--family", default="tweedie", choices=["tweedie", "pareto_nbd", "hybrid"])
    parser.add_argument("--log", action="store_true")
    parser.add_argument("--run", choices=["bare", "cltv", "log"])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.run:
        {"bare": run_bare, "cltv": run_cltv, "log": run_log}[given.run](given.folder)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ |= {
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
            "MLFLOW_LOGGING_LEVEL": "ERROR",
        }
        os.chdir(folder)
        names = make_features(folder, given.customers)
        register(folder, given.family)
        rows = {name: measure(name, folder, given.repeats) for name in ("bare", "cltv")}
        print(f"{given.family}: {given.customers:,} customers, {len(names) + 4} features")
        show("bare predict", rows["bare"], rows["bare"]["cpu"], given.customers)
        show("cltv score --features", rows["cltv"], rows["bare"]["cpu"], given.customers)
        if given.log:
            from bench_features import make_log

            make_log(folder / "log.parquet", 10 * given.customers)
            found = measure("log", folder, 1)
            show("cltv score --data", found, rows["bare"]["cpu"], given.customers)


def show(name: str, found: dict[str, float], bare: float, customers: int) -> None:
    """Print one row."""
    pair = customers / (found["cpu"] / 2)
    print(
        f"{name:<24} {found['wall']:7.1f} s wall {found['cpu']:7.1f} s CPU {found['cpu'] / bare:6.2f} x bare "
        f"{pair:>12,.0f} customers/s per two cores {found['peak']:6.2f} GiB"
    )


if __name__ == "__main__":
    main()
