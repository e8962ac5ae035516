"""Kills, damaged files and nonsense for some minutes: `python -m tests.chaos --minutes 20 --seed 1`.

Prints how often each was tried, how often a kill landed, and what failed; exit status 1 where anything did. A seed
gives the same order of tries; where a kill lands depends on the machine.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.chaos import scenarios
from tests.chaos.children import Failure, whole


def main(minutes, seed, only):
    """Try the scenarios in turn until the time is over; return how many tries failed."""
    chance, tries, landed, failed = random.Random(seed), Counter(), Counter(), Counter()
    first: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as place:
        prepared = Path(place, "prepared")
        prepared.mkdir()
        scenarios.prepare(prepared)
        measure(prepared, Path(place))
        until = time.monotonic() + 60 * minutes
        wanted = {
            work: often for work, often in scenarios.SCENARIOS.items() if not only or work.__name__ in only
        }
        first_round = True
        while time.monotonic() < until:
            order = [work for work, often in wanted.items() for _ in range(often)]
            chance.shuffle(order)
            order = [*wanted, *order] if first_round else order  # a short run tries each at least once
            first_round = False
            for work in order:
                if time.monotonic() > until:
                    break
                folder = Path(tempfile.mkdtemp(dir=place))
                name = work.__name__
                tries[name] += 1
                try:
                    landed[name] += bool(work(folder, chance, prepared))
                except Failure as error:
                    failed[name] += 1
                    first.setdefault(name, str(error))
                except Exception as error:  # what no scenario allows is a failure too
                    failed[name] += 1
                    first.setdefault(name, f"{type(error).__name__}: {error}")
                shutil.rmtree(folder, ignore_errors=True)
    show(wanted, tries, landed, failed, first)
    return sum(failed.values())


def measure(prepared, place):
    """Take the time of the work that is killed, and load the model that is asked."""
    for name, work in {
        "training": lambda folder: scenarios.cltv(
            "train",
            "--data",
            prepared / "orders.csv",
            "--horizon",
            "26w",
            "--models",
            "same_rate,bg_nbd_gamma_gamma",
            "--out",
            folder / "out",
        ),
        "scoring": lambda folder: scenarios.cltv(
            "score", "--data", prepared / "orders.csv", "--out", folder / "scores.parquet"
        ),
        "promotion": lambda folder: lambda: scenarios.registry.promote(2, expected=1),
    }.items():
        folder = Path(tempfile.mkdtemp(dir=place))
        if name == "scoring":
            scenarios.use(prepared)
        else:
            scenarios.use(folder)
        if name == "promotion":
            shutil.copy(prepared / "aliases.db", folder / "mlflow.db")
        start = time.monotonic()
        whole(work(folder), folder)
        scenarios.TOOK[name] = time.monotonic() - start
    scenarios.use(prepared)
    scenarios.store.open_store()
    model, _ = scenarios.load_registered()
    served = model.unwrap_python_model()
    scenarios.SERVED = (served, list(served.card.features))


def show(wanted, tries, landed, failed, first):
    """Print the table, in Markdown."""
    print("| what | tries | landed | failures |\n|---|---|---|---|")
    for work in wanted:
        name = work.__name__
        print(f"| {work.__doc__.splitlines()[0]} | {tries[name]:,} | {landed[name]:,} | {failed[name]:,} |")
    for name, words in first.items():
        print(f"\n{name}: {words}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[], help="Names of scenarios.")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    sys.exit(bool(main(given.minutes, given.seed, given.only)))
