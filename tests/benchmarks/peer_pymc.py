"""Seconds of one maximum-a-posteriori fit of pymc-marketing; run by the interpreter of its own environment.

python tests/benchmarks/peer_pymc.py shop.csv BG/NBD|Pareto/NBD
"""

import sys
import time

import pandas as pd
from pymc_marketing import clv


def main() -> None:
    shop = pd.read_csv(sys.argv[1]).reset_index(names="customer_id")
    model = {"BG/NBD": clv.BetaGeoModel, "Pareto/NBD": clv.ParetoNBDModel}[sys.argv[2]]
    weeks = shop.assign(recency=shop["recency"] / 7, T=shop["T"] / 7)
    model(weeks.head(1000)).fit(method="map", progressbar=False)  # compiled once, outside the measurement
    start = time.perf_counter()
    model(weeks).fit(method="map", progressbar=False)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main()
