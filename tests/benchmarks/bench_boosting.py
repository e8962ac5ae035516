"""Training and scoring of one tree model against bare XGBoost with the same parameters.

    python tests/benchmarks/bench_boosting.py --rows 1000000

CPU seconds (all threads), medians. Bare training: `QuantileDMatrix` from a float32 matrix that is there already,
then `xgb.train`; bare scoring: `inplace_predict` on that matrix. Ours start from a DataFrame of float64. The goal
is at most 1.3 for both.
"""

import argparse
import statistics
import time

import numpy as np
import pandas as pd
import xgboost as xgb

from cltv_ml.models import Tweedie
from cltv_ml.models.bins import shared_bins
from experiments.benchmark.peers.memory import peak_mb


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    X, y = population(asked.rows, asked.features)
    matrix = X.to_numpy(dtype=np.float32)
    times = {
        name: [] for name in ("bare training", "our training", "bare scoring", "our scoring", "shared bins")
    }
    for _ in range(asked.repeats):
        bare = timed(times["bare training"], train_bare, matrix, y, asked.device)
        ours = timed(times["our training"], Tweedie(device=asked.device).fit, X, y)
        raw = timed(times["bare scoring"], bare.inplace_predict, matrix)
        values = timed(times["our scoring"], ours.predict, X)
        if not np.allclose(values / ours.scale_, raw, rtol=1e-4):
            raise SystemExit("bare and our predictions differ: the comparison is void")
        with shared_bins():
            Tweedie(n_estimators=1, device=asked.device).fit(X, y)
            timed(times["shared bins"], Tweedie(device=asked.device).fit, X, y)
    middle = {name: statistics.median(values) for name, values in times.items()}
    print(f"{asked.rows:,} rows x {asked.features} features, {asked.device}, {Tweedie().n_estimators} rounds")
    for name, seconds in middle.items():
        print(f"{name:15} {seconds:8.2f} CPU s")
    for what in ("training", "scoring"):
        print(f"{what} ratio {middle[f'our {what}'] / middle[f'bare {what}']:.3f}")
    print(f"second trial on shared bins {middle['shared bins'] / middle['our training']:.3f} of a training")
    print(f"peak memory {peak_mb() / 1024:.2f} GiB")


def population(rows, features):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        rng.gamma(1.0, 10.0, (rows, features)), columns=[f"feature_{number}" for number in range(features)]
    )
    mean = (X["feature_0"] + X["feature_1"]).to_numpy()
    return X, pd.Series(mean * rng.gamma(1, 1, rows) * (rng.random(rows) < 0.4))


def train_bare(matrix, y, device):
    model = Tweedie(device=device)
    labels = y.to_numpy() / y.mean()
    data = xgb.QuantileDMatrix(matrix, labels, max_bin=256)
    tweedie = {"objective": "reg:tweedie", "tweedie_variance_power": 1.5, "base_score": 1.0}
    params = {"tree_method": "hist", "verbosity": 0, **tweedie, **model.booster_params()}
    return xgb.train(params, data, model.n_estimators)


def timed(times, work, *arguments):
    started = time.process_time()
    answer = work(*arguments)
    times.append(time.process_time() - started)
    return answer


if __name__ == "__main__":
    main()
