"""Features of one log on a standalone Spark cluster of two workers against this engine: CPU and memory.

    python -m tests.benchmarks.bench_spark --lines 1_000_000
    python -m tests.benchmarks.bench_spark --lines 10_000_000 --large 0.2   # one customer has a fifth of the lines

CPU seconds are those of all processes, Java's start included. An executor works on one partition at a time, so its
highest resident memory bounds a partition's.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import duckdb

from tests.benchmarks.bench_features import CUTOFF, NAMES, make_log
from tests.spark_processes import cluster


def with_large_customer(path: Path, share: float) -> None:
    """Give a share of the orders to one customer."""
    large = f"hash(order_id) % 1000 < {share * 1000}"
    whole = path.rename(path.with_name("before.parquet"))
    duckdb.execute(
        f"copy (select * replace (case when {large} then 'large' else customer_id end as customer_id) from '{whole}') "
        f"to '{path}' (format parquet)"
    )
    whole.unlink()


#: Runs a command and waits for everything that it leaves behind, such as the Java of Spark's driver.
WHOLE = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1)  # children without a parent become this process's
status = subprocess.call(sys.argv[1:])
try:
    while os.wait():
        pass
except ChildProcessError:
    sys.exit(status)
"""


def build(log: Path, out: Path, *words: str) -> tuple[float, float]:
    """Build the features by the command line; return the wall and CPU seconds of that process and its children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [
        sys.executable,
        "-c",
        WHOLE,
        sys.executable,
        "-m",
        "cltv_ml.cli",
        "features",
        "build",
        "--clean-log",
        str(log),
    ]
    names = [word for name in NAMES for word in ("--names", name)]
    environment = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"}
    command += ["--cutoff", CUTOFF, "--out", str(out), *names, *words]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu


def seconds_of(pids: list[int]) -> float:
    """CPU seconds of processes and of the children that they have waited for."""
    ticks = 0
    for pid in pids:
        ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


class Watch(threading.Thread):
    """The highest resident memory of any executor, looked at twice a second."""

    def __init__(self, folders: list[Path]) -> None:
        super().__init__(daemon=True)
        self.folders, self.gb, self.over = [str(folder) for folder in folders], 0.0, False

    def run(self) -> None:
        while not self.over:
            for place in Path("/proc").glob("[0-9]*"):
                try:
                    if os.readlink(place / "cwd").startswith(tuple(self.folders)):
                        status = (place / "status").read_text().partition("VmHWM:")[2]
                        self.gb = max(self.gb, int(status.split()[0]) / 1024**2)
                except (OSError, IndexError):  # it has just ended
                    continue
            time.sleep(0.5)


def same(folder: Path) -> int:
    """Return the number of customers; raise where the engines differ in any feature."""
    ours, theirs = (f"read_parquet('{folder}/{name}/**/*.parquet')" for name in ("ours", "spark"))
    texts = [name for name in NAMES if name.endswith("_category")]
    numbers = [
        f"abs(a.{name} - b.{name}) > 1e-9 * greatest(1, abs(a.{name}))" for name in NAMES if name not in texts
    ]
    missing = [f"(a.{name} is null) <> (b.{name} is null)" for name in NAMES]
    apart = " or ".join([*numbers, *missing, *(f"a.{name} <> b.{name}" for name in texts)])
    joined = f"from {ours} a full join {theirs} b using (customer_id)"
    [(customers, different)] = duckdb.sql(
        f"select count(*), count(*) filter (where {apart}) {joined}"
    ).fetchall()
    if different:
        raise SystemExit(f"{different:,} of {customers:,} customers differ.")
    return customers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--large", type=float, default=0.0, help="share of the orders that one customer has")
    parser.add_argument("--scratch", default=tempfile.gettempdir())
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.scratch) as place:
        folder = Path(place)
        make_log(folder / "log.parquet", chosen.lines)
        if chosen.large:
            with_large_customer(folder / "log.parquet", chosen.large)
        wall, cpu = build(folder / "log.parquet", folder / "ours", "--memory", "2GB")
        print(f"this engine: {wall:.0f} s, {cpu:.0f} CPU s")
        with cluster(folder) as spark:
            watch = Watch(spark.folders)
            watch.start()
            workers = [process.pid for process in spark.processes]
            before = seconds_of(workers)
            wall, driver = build(folder / "log.parquet", folder / "spark", "--master", spark.address)
            time.sleep(2)  # until the workers have waited for their executors
            executors = seconds_of(workers) - before
            watch.over = True
        print(
            f"Spark:       {wall:.0f} s, {driver + executors:.0f} CPU s ({driver:.0f} in the process that asks, "
            f"{executors:.0f} in the cluster), {watch.gb:.2f} GB in an executor at most"
        )
        print(
            f"{len(NAMES)} features of {same(folder):,} customers agree; CPU {(driver + executors) / cpu:.1f} times."
        )


if __name__ == "__main__":
    main()
