"""Fit and score the probabilistic models on simulated shops, next to lifetimes on the same rows, in one run.

    python tests/benchmarks/bench_probabilistic.py [--customers N] [--rounds 5] [--lifetimes-rounds 1] [--pymc PYTHON]

Seconds are medians; grouping of identical customers is counted in ours, not in "given weights". lifetimes needs
minutes for a million customers, so it runs once by default.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from cltv_ml.models import BGNBD, MBGNBD, GammaGamma, ParetoNBD, ProbabilisticValue

SEED = 20261121
TRUTH = {"r": 0.55, "alpha": 74.0, "s": 0.6, "beta": 82.0}  # CDNOW's customers, in days


def simulate_shop(n: int) -> pd.DataFrame:
    """A year of daily dates: customers who first bought between 39 weeks and a year ago."""
    rng = np.random.default_rng(SEED)
    age = rng.integers(273, 366, n).astype(float)
    shop = ParetoNBD().with_params(TRUTH).simulate(n, age, seed=SEED)
    recency = np.minimum(np.ceil(shop["recency"]), shop["T"])
    frequency = np.minimum(shop["frequency"], recency)  # one purchase a day at most
    bought = frequency.clip(lower=1)
    spend = (rng.gamma(6.25 * bought) / bought / rng.gamma(3.74, 1 / 15.4, n)).clip(lower=0.01).round(2)
    return pd.DataFrame(
        {
            "frequency": frequency,
            "recency": recency,
            "T": age,
            "monetary_value": spend.where(frequency > 0, 0.0),
        }
    )


def seconds(work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return median(taken)


def lifetimes_fits(shop: pd.DataFrame, rounds: int, names: list[str]) -> dict[str, tuple[float, float]]:
    """Seconds of lifetimes on all rows and on our distinct rows with weights."""
    import lifetimes

    few = shop.groupby(["frequency", "recency", "T"]).size().reset_index(name="weights")
    spenders = shop[shop["frequency"] > 0]
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, fitter in (
            ("BG/NBD", lifetimes.BetaGeoFitter),
            ("MBG/NBD", lifetimes.ModifiedBetaGeoFitter),
            ("Pareto/NBD", lifetimes.ParetoNBDFitter),
        ):
            if name not in names:
                continue
            all_rows = seconds(
                lambda f=fitter: f().fit(shop["frequency"], shop["recency"], shop["T"]), rounds
            )
            weighted = seconds(
                lambda f=fitter: f().fit(few["frequency"], few["recency"], few["T"], weights=few["weights"]),
                rounds,
            )
            found[name] = (all_rows, weighted)
        money = seconds(
            lambda: lifetimes.GammaGammaFitter().fit(spenders["frequency"], spenders["monetary_value"]),
            rounds,
        )
        found["Gamma-Gamma"] = (money, np.nan)
    return found


def pymc_fit(python: str, shop: pd.DataFrame, name: str) -> float:
    """Seconds of pymc-marketing's MAP, measured in the environment of the interpreter `python`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shop.csv")
        shop.to_csv(path, index=False)
        peer = Path(__file__).with_name("peer_pymc.py")
        done = subprocess.run(
            [python, str(peer), str(path), name], capture_output=True, text=True, check=True
        )
    return float(done.stdout.split()[-1])


def score(shop: pd.DataFrame, rounds: int) -> None:
    """Print the seconds and the further memory of scoring every customer."""
    print(f"{'score':12} {'purchases':>10} {'P(alive)':>10} {'12-month discounted value':>26}")
    for model in (BGNBD, MBGNBD, ParetoNBD):
        value = ProbabilisticValue(model(), horizon=365, discount_rate=0.1).fit(shop)
        times = [
            seconds(lambda v=value: v.purchases_.expected_purchases(shop, 365), rounds),
            seconds(lambda v=value: v.purchases_.p_alive(shop), rounds),
            seconds(lambda v=value: v.predict(shop), rounds),
        ]
        tracemalloc.start()
        value.predict(shop)
        more = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        print(
            f"{model.__name__:12} {times[0]:10.3f} {times[1]:10.3f} {times[2]:26.3f}   peak memory {more:.0f} MB"
        )

    print()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lifetimes-rounds", type=int, default=1)
    parser.add_argument(
        "--lifetimes", default="BG/NBD,MBG/NBD,Pareto/NBD", help="what lifetimes fits as well"
    )
    parser.add_argument("--pymc", default="", help="an interpreter that has pymc-marketing, to fit its MAP")
    arguments = parser.parse_args()
    shop = simulate_shop(arguments.customers)
    spenders = shop[shop["frequency"] > 0]
    distinct = len(shop.drop_duplicates(["frequency", "recency", "T"]))
    print(f"{arguments.customers:,} customers, {distinct:,} distinct rows, {len(spenders):,} repeat buyers\n")
    score(shop, arguments.rounds)
    ours = {
        "BG/NBD": seconds(lambda: BGNBD().fit(shop), arguments.rounds),
        "MBG/NBD": seconds(lambda: MBGNBD().fit(shop), arguments.rounds),
        "Pareto/NBD": seconds(lambda: ParetoNBD().fit(shop), arguments.rounds),
        "Gamma-Gamma": seconds(lambda: GammaGamma().fit(spenders), arguments.rounds),
    }
    theirs = (
        lifetimes_fits(shop, arguments.lifetimes_rounds, arguments.lifetimes.split(","))
        if arguments.lifetimes_rounds
        else {}
    )
    print(f"{'fit':12} {'ours s':>8} {'lifetimes s':>12} {'ratio':>7} {'given weights s':>16} {'ratio':>7}")
    for name, own in ours.items():
        rows, weighted = theirs.get(name, (np.nan, np.nan))
        print(f"{name:12} {own:8.3f} {rows:12.2f} {rows / own:7.1f} {weighted:16.2f} {weighted / own:7.1f}")
    for name in ("BG/NBD", "Pareto/NBD") if arguments.pymc else ():
        peer = pymc_fit(arguments.pymc, shop, name)
        print(
            f"{name:12} {ours[name]:8.3f} {peer:12.2f} {peer / ours[name]:7.1f}   (pymc-marketing MAP)",
            flush=True,
        )


if __name__ == "__main__":
    main()
