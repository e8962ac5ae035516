"""How long the paired bootstrap of two models takes: `python tests/benchmarks/bench_compare.py`."""

import time

import numpy as np
import pandas as pd

from cltv_ml.evaluation.bootstrap import DRAWS
from cltv_ml.evaluation.compare import compare_pair

SIZES = (10_000, 100_000, 1_000_000)


def main() -> None:
    print(f"customers   CPU seconds for {DRAWS:,} draws of two models")
    for size in SIZES:
        rng = np.random.default_rng(0)
        rate = rng.gamma(0.5, 40, size)
        spent = pd.Series(rng.gamma(0.8, rate) * (rng.random(size) < 0.5))
        blurred = rate * np.exp(rng.normal(0, 0.1, size))
        started = time.process_time()
        pair = compare_pair(spent, blurred * 0.4, rate * 0.4)
        seconds = time.process_time() - started
        assert pair.at["gini", "challenger"] > 0.5
        print(f"{size:>9,}   {seconds:.1f}")


if __name__ == "__main__":
    main()
