"""Cases of the speed benchmark: our way and the peer's or the bare engine's, as two callables on the same data.

A case's function takes a size and a folder with what earlier calls left there, prepares what is not timed, and returns
the callables by subject. Run as a program, it measures one subject in its own process: `python -m
experiments.benchmark.speed_cases CASE SUBJECT SIZE FOLDER` prints wall seconds, CPU seconds and peak MB.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.benchmark.peers.memory import peak_mb
from tests.benchmarks import bench_data, bench_features, bench_probabilistic

Work = Callable[[], Any]

#: Columns of the matrix that trees are timed on.
WIDTH = 50


@dataclass(frozen=True)
class Case:
    """A case: the unit of its size, the subject that ours is compared with, and the function that prepares both."""

    unit: str
    against: str
    prepare: Callable[[int, Path], dict[str, Work]]
    most: int = 1_000_000_000  # the largest size that `against` is asked to do


def shop(customers: int, folder: Path) -> pd.DataFrame:
    """Return simulated purchase histories, made once per folder."""
    path = folder / f"shop-{customers}.parquet"
    if not path.is_file():
        bench_probabilistic.simulate_shop(customers).to_parquet(path)
    return pd.read_parquet(path)


def lines(count: int, folder: Path) -> Path:
    """Return the path of a simulated log, made once per folder: a tenth as many customers as lines."""
    path = folder / f"lines-{count}.parquet"
    if not path.is_file():
        bench_features.make_log(path, count)
    return path


def _fit(ours: str, theirs: str) -> Callable[[int, Path], dict[str, Work]]:
    def prepare(customers: int, folder: Path) -> dict[str, Work]:
        """Return what fits our model and what fits theirs on the same customers."""
        from cltv_ml.models import CATALOGUE

        X = shop(customers, folder)
        if ours == "GammaGamma":
            X = X[X["frequency"] > 0]

        def fit_theirs() -> None:
            """Fit the other library's model."""
            import lifetimes

            columns = (
                ["frequency", "monetary_value"] if ours == "GammaGamma" else ["frequency", "recency", "T"]
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                getattr(lifetimes, theirs)().fit(*(X[name] for name in columns))

        return {"cltv_ml": lambda: CATALOGUE[ours]().fit(X), "lifetimes": fit_theirs}

    return prepare


def _value(customers: int, folder: Path) -> dict[str, Work]:
    from cltv_ml.models import ParetoNBD, ProbabilisticValue

    X = shop(customers, folder)
    model = ProbabilisticValue(ParetoNBD(), horizon=365, discount_rate=0.1).fit(X.head(100_000))
    return {"cltv_ml": lambda: model.predict(X)}


def _rows(count: int) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(5)
    X = pd.DataFrame(rng.random((count, WIDTH)), columns=[f"f{number}" for number in range(WIDTH)])
    return X, pd.Series(rng.gamma(2, 20, count) * (rng.random(count) < 0.4) * X["f0"])


def _trees(count: int, folder: Path) -> dict[str, Work]:
    import xgboost as xgb

    from cltv_ml.models import Tweedie

    X, y = _rows(count)
    model = Tweedie()
    params = {
        "objective": "reg:tweedie",
        "tweedie_variance_power": 1.5,
        "tree_method": "hist",
        **model.booster_params(),
    }

    def bare() -> None:
        """Bin and train as XGBoost's own documentation does."""
        data = xgb.QuantileDMatrix(X.to_numpy(dtype=np.float32), y.to_numpy(), max_bin=256)
        xgb.train(params, data, num_boost_round=model.n_estimators)

    return {"cltv_ml": lambda: model.fit(X, y), "bare xgb.train": bare}


def _tree_scores(count: int, folder: Path) -> dict[str, Work]:
    from cltv_ml.models import Tweedie

    X, y = _rows(count)
    model = Tweedie(n_estimators=100).fit(X.head(20_000), y.head(20_000))
    return {
        "cltv_ml": lambda: model.predict(X),
        "bare predict": lambda: model.booster_.inplace_predict(
            X.to_numpy(dtype=np.float32), validate_features=False
        ),
    }


def _features(cutoffs: int) -> Callable[[int, Path], dict[str, Work]]:
    def prepare(count: int, folder: Path) -> dict[str, Work]:
        """Return what builds the features and what does it in SQL by hand, on the same log."""
        import cltv_ml.features  # noqa: F401  imports are not what is measured

        path, days = lines(count, folder), bench_features.SIX[-cutoffs:]

        def build(engine: str) -> None:
            """Build the features again with one of the engines of `bench_features`."""
            out = folder / f"features-{engine}"
            shutil.rmtree(out, ignore_errors=True)
            bench_features.RUNS[engine](path, out, days, "2GB")

        return {"cltv_ml": lambda: build("ours"), "SQL by hand": lambda: build("sql")}

    return prepare


def _clean(count: int, folder: Path) -> dict[str, Work]:
    import cltv_ml.data  # noqa: F401
    from cltv_ml.engine import connect

    path = folder / f"raw-{count}.parquet"
    if not path.is_file():
        make = bench_data.MAKE.format(path=path, sales=int(count / 1.021), customers=max(count // 10, 1))
        connect().execute(make)
    code = {
        "cltv_ml": bench_data.OURS.format(path=str(path)),
        "bare scan-and-group": bench_data.BARE.format(path=path),
    }
    return {name: lambda text=text: exec(text, {}) for name, text in code.items()}


#: Every case by name.
CASES = {
    "fit BG/NBD": Case("customers", "lifetimes", _fit("BGNBD", "BetaGeoFitter")),
    "fit MBG/NBD": Case("customers", "lifetimes", _fit("MBGNBD", "ModifiedBetaGeoFitter")),
    "fit Pareto/NBD": Case("customers", "lifetimes", _fit("ParetoNBD", "ParetoNBDFitter"), most=100_000),
    "fit Gamma-Gamma": Case("customers", "lifetimes", _fit("GammaGamma", "GammaGammaFitter")),
    "score Pareto/NBD, 12 months discounted": Case("customers", "", _value),
    f"fit Tweedie, {WIDTH} features": Case("customers", "bare xgb.train", _trees),
    f"score Tweedie, {WIDTH} features": Case("customers", "bare predict", _tree_scores),
    "read, check, clean": Case("rows", "bare scan-and-group", _clean, most=10_000_000),
    "features, one cutoff": Case("rows", "SQL by hand", _features(1), most=10_000_000),
    "features, six cutoffs": Case("rows", "SQL by hand", _features(6), most=10_000_000),
}


def used(work: Work) -> tuple[float, float]:
    """Return the wall and the CPU seconds of a call."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    name, subject, size, where = sys.argv[1:]
    wall, cpu = used(CASES[name].prepare(int(size), Path(where))[subject])
    print(json.dumps([wall, cpu, peak_mb()]))
