"""Features on millions of lines: this engine against SQL written by hand and against pandas, in one run.

    python tests/benchmarks/bench_features.py                  # 10 million lines, one cutoff and six
    python tests/benchmarks/bench_features.py --lines 1_000_000 --repeats 1
    python tests/benchmarks/bench_features.py --big            # ours also at 100 million lines, 5 million customers

Each measurement is a process of its own: CPU seconds of user and system together, and the highest resident
memory. The table shows medians and ratios; the features of all three are compared first.
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

import duckdb
import pandas as pd

from experiments.benchmark.peers.memory import peak_mb

CUTOFF = "2024-01-01"
SIX = [f"{day:%Y-%m-%d}" for day in pd.date_range(end=CUTOFF, periods=6, freq="MS")]
WINDOWS = (7, 30, 90, 180, 365)
NAMES = [
    *("frequency", "recency", "T", "monetary_value", "spend_total", "first_spend", "spend_per_day"),
    *("spend_spread", "largest_spend_ratio", "days_since_last", "gap_mean", "gap_spread", "gap_median"),
    *("gap_max", "gap_last", "overdue_ratio", *(f"orders_{w}d" for w in WINDOWS)),
    *(f"spend_{w}d" for w in WINDOWS),
    *("order_rate_90d", "spend_rate_90d", "spend_slope", "last_spend_ratio", "weekend_share"),
    *("orders", "order_value", "lines_per_order", "items_per_order", "spend_per_item", "discount_share"),
    *("products", "repeat_product_share", "top_product_share", "categories", "category_concentration"),
    *("top_category_share", "first_category", "last_category"),
]


def make_log(path: Path, lines: int, customers: int = 0) -> None:
    """Write a log of three years: a tenth as many customers as lines, two lines an order, 20,000 products."""
    customers, orders = customers or lines // 10, int(lines * 0.53)
    con = duckdb.connect(config={"memory_limit": "3GB"})
    con.execute("set preserve_insertion_order = false")
    con.execute("set enable_progress_bar = false")
    con.execute(f"""
        copy (
            with orders as (
                select i as n, hash(i) % 1000000007 / 1000000007.0 as u, hash(i + 7) % 1000003 / 1000003.0 as v,
                    hash(i + 3) % 100 as w
                from range({orders}) t(i)
            ), placed as (
                select 'c' || lpad(cast(cast(floor(pow(u, 1.6) * {customers}) as bigint) as varchar), 8, '0')
                    as customer_id, 'o' || lpad(cast(n as varchar), 9, '0') as order_id,
                    timestamp '2021-06-01' + to_seconds(cast(floor(v * 86400 * 1000) as bigint)) as timestamp,
                    n, case when w < 44 then 1 when w < 74 then 2 when w < 92 then 3 else 4 end as size
                from orders
            ), opened as (
                select *, unnest(range(size)) as line from placed
            ), chosen as (
                select *, cast(floor(pow(hash(n * 5 + line) % 1000003 / 1000003.0, 2) * 20000) as int) as product
                from opened
            )
            select customer_id, order_id, timestamp, 'p' || lpad(cast(product as varchar), 6, '0') as product_id,
                'category ' || cast(product % 40 as varchar) as category,
                cast(1 + hash(n + line) % 3 as double) as quantity,
                cast((1 + hash(n + line) % 3) * (1 + product % 97 + 0.99) as double) as amount,
                case when hash(n) % 5 = 0 then 1.5e0 else 0e0 end as discount
            from chosen
        ) to '{path}' (format parquet)""")


def run_ours(path: Path, out: Path, cutoffs: list[str], memory: str) -> None:
    from cltv_ml.features import DuckDB, write_features

    write_features(str(path), cutoffs, out, NAMES, engine=DuckDB(memory, scratch=out.parent))


def run_sql(path: Path, out: Path, cutoffs: list[str], memory: str) -> None:
    """The same features as one query that somebody wrote for this one log."""
    con = duckdb.connect(config={"memory_limit": memory})
    con.execute("set preserve_insertion_order = false")
    con.execute("set enable_progress_bar = false")
    out.mkdir()
    for cutoff in cutoffs:
        con.execute(f"copy ({hand_written(path, cutoff)}) to '{out}/{cutoff}.parquet' (format parquet)")


def hand_written(path: Path, cutoff: str) -> str:
    last = {w: f"filter (where d >= date '{cutoff}' - {w})" for w in WINDOWS}
    age = f"date_diff('day', min(d), date '{cutoff}')"
    return f"""
    with l as (
        select *, cast(timestamp as date) as d from '{path}' where timestamp < timestamp '{cutoff}'
    ), o as (
        select customer_id, order_id, min(d) as d, count(*) as lines, sum(amount) as amount, sum(quantity) as items,
            sum(discount) as discount from l group by all
    ), by_o as (
        select customer_id, count(*) as orders, sum(amount) / count(*) as order_value,
            sum(lines) / count(*) as lines_per_order, sum(items) / count(*) as items_per_order,
            sum(amount) / sum(items) as spend_per_item,
            sum(discount) / (sum(amount) + sum(discount)) as discount_share,
            {", ".join(f"count(*) {last[w]} as orders_{w}d" for w in WINDOWS)}
        from o group by all
    ), days as (
        select customer_id, d, sum(amount) as amount from o group by all
    ), g as (
        select *, date_diff('day', lag(d) over past, d) as gap, row_number() over past as n
        from days window past as (partition by customer_id order by d)
    ), by_d as (
        select customer_id, count(*) - 1 as frequency, date_diff('day', min(d), max(d)) as recency, {age} - 1 as T,
            coalesce(sum(amount) filter (where n > 1) / nullif(count(*) - 1, 0), 0) as monetary_value,
            sum(amount) as spend_total, sum(amount) filter (where n = 1) as first_spend,
            sum(amount) / {age} as spend_per_day, stddev_samp(amount) as spend_spread,
            max(amount) * count(*) / sum(amount) as largest_spend_ratio,
            date_diff('day', max(d), date '{cutoff}') as days_since_last, avg(gap) as gap_mean,
            stddev_samp(gap) as gap_spread, median(gap) as gap_median, max(gap) as gap_max,
            arg_max(gap, d) as gap_last, regr_slope(amount, n) as spend_slope,
            arg_max(amount, d) * count(*) / sum(amount) as last_spend_ratio,
            count(*) filter (where isodow(d) >= 6) / count(*) as weekend_share,
            {", ".join(f"coalesce(sum(amount) {last[w]}, 0) as spend_{w}d" for w in WINDOWS)}
        from g group by all
    ), by_p as (
        select customer_id, count(*) as products, count(*) filter (where x > f) / count(*) as repeat_product_share,
            max(a) / sum(a) as top_product_share
        from (select customer_id, product_id, sum(amount) as a, min(d) as f, max(d) as x from l group by all)
        group by all
    ), by_c as (
        select customer_id, count(*) as categories, sum(a * a) / (sum(a) * sum(a)) as category_concentration,
            max(a) / sum(a) as top_category_share, arg_min(category, (f, category)) as first_category,
            arg_max(category, (x, category)) as last_category
        from (select customer_id, category, sum(amount) as a, min(timestamp) as f, max(timestamp) as x from l
              group by all)
        group by all
    )
    select *, days_since_last / gap_mean as overdue_ratio, orders_90d / least(90, T + 1) as order_rate_90d,
        spend_90d / least(90, T + 1) as spend_rate_90d
    from by_d join by_o using (customer_id) join by_p using (customer_id) join by_c using (customer_id)"""


def run_pandas(path: Path, out: Path, cutoffs: list[str], memory: str) -> None:
    out.mkdir()
    for cutoff in cutoffs:
        with_pandas(path, pd.Timestamp(cutoff)).to_parquet(out / f"{cutoff}.parquet")


def with_pandas(path: Path, cutoff: pd.Timestamp) -> pd.DataFrame:
    lines = pd.read_parquet(path)
    lines = lines[lines["timestamp"] < cutoff]
    lines["d"] = lines["timestamp"].dt.normalize()
    orders = (
        lines.groupby(["customer_id", "order_id"], sort=False)
        .agg(
            d=("d", "min"),
            lines=("amount", "size"),
            amount=("amount", "sum"),
            items=("quantity", "sum"),
            discount=("discount", "sum"),
        )
        .reset_index()
    )
    days = orders.groupby(["customer_id", "d"])["amount"].sum().reset_index()
    mine = days.groupby("customer_id")
    days["gap"] = mine["d"].diff().dt.days
    days["n"] = mine.cumcount() + 1
    days["weekend"] = days["d"].dt.day_of_week >= 5
    days["xy"], days["xx"] = days["n"] * days["amount"], days["n"] ** 2
    X = mine.agg(
        first=("d", "min"),
        last=("d", "max"),
        days=("d", "size"),
        spend_total=("amount", "sum"),
        first_spend=("amount", "first"),
        last_spend=("amount", "last"),
        spend_spread=("amount", "std"),
        top=("amount", "max"),
        gap_mean=("gap", "mean"),
        gap_spread=("gap", "std"),
        gap_median=("gap", "median"),
        gap_max=("gap", "max"),
        gap_last=("gap", "last"),
        weekend_share=("weekend", "mean"),
        n=("n", "sum"),
        xy=("xy", "sum"),
        xx=("xx", "sum"),
    )
    X["frequency"] = X["days"] - 1
    X["recency"], X["T"] = (X["last"] - X["first"]).dt.days, (cutoff - X["first"]).dt.days - 1
    X["monetary_value"] = ((X["spend_total"] - X["first_spend"]) / X["frequency"]).fillna(0)
    X["spend_per_day"] = X["spend_total"] / (X["T"] + 1)
    X["largest_spend_ratio"] = X["top"] * X["days"] / X["spend_total"]
    X["last_spend_ratio"] = X["last_spend"] * X["days"] / X["spend_total"]
    X["days_since_last"] = (cutoff - X["last"]).dt.days
    X["overdue_ratio"] = X["days_since_last"] / X["gap_mean"]
    below = X["days"] * X["xx"] - X["n"] ** 2
    X["spend_slope"] = (X["days"] * X["xy"] - X["n"] * X["spend_total"]) / below.where(below > 0)
    by_order = orders.groupby("customer_id")
    X["orders"] = by_order.size()
    sums = by_order[["lines", "items", "amount", "discount"]].sum()
    X["order_value"], X["spend_per_item"] = sums["amount"] / X["orders"], sums["amount"] / sums["items"]
    X["lines_per_order"], X["items_per_order"] = sums["lines"] / X["orders"], sums["items"] / X["orders"]
    X["discount_share"] = sums["discount"] / (sums["amount"] + sums["discount"])
    for w in WINDOWS:
        since = cutoff - pd.Timedelta(days=w)
        X[f"orders_{w}d"] = orders[orders["d"] >= since].groupby("customer_id").size()
        X[f"spend_{w}d"] = days[days["d"] >= since].groupby("customer_id")["amount"].sum()
        X[[f"orders_{w}d", f"spend_{w}d"]] = X[[f"orders_{w}d", f"spend_{w}d"]].fillna(0)
    for what in ("order", "spend"):
        column = "orders_90d" if what == "order" else "spend_90d"
        X[f"{what}_rate_90d"] = X[column] / (X["T"] + 1).clip(upper=90)
    _add_groups(X, lines)
    return X.drop(columns=["first", "last", "days", "top", "last_spend", "n", "xy", "xx"])


def _add_groups(X: pd.DataFrame, lines: pd.DataFrame) -> None:
    key = ["customer_id", "product_id"]
    products = lines.groupby(key, sort=False).agg(a=("amount", "sum"), f=("d", "min"), x=("d", "max"))
    products["again"] = products["x"] > products["f"]
    by = products.groupby(level="customer_id")
    X["products"], X["repeat_product_share"] = by.size(), by["again"].mean()
    X["top_product_share"] = by["a"].max() / by["a"].sum()
    key = ["customer_id", "category"]
    groups = lines.groupby(key).agg(a=("amount", "sum"), f=("timestamp", "min"), x=("timestamp", "max"))
    groups = groups.reset_index()
    groups["aa"] = groups["a"] ** 2
    by = groups.groupby("customer_id")
    X["categories"], total = by.size(), by["a"].sum()
    X["category_concentration"] = by["aa"].sum() / total**2
    X["top_category_share"] = by["a"].max() / total
    order = ["customer_id", "f", "category"]
    X["first_category"] = groups.sort_values(order).groupby("customer_id")["category"].first()
    order[1] = "x"
    X["last_category"] = groups.sort_values(order).groupby("customer_id")["category"].last()


RUNS = {"ours": run_ours, "sql": run_sql, "pandas": run_pandas}


def measure(name: str, path: Path, cutoffs: list[str], out: Path, memory: str) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    job = json.dumps([name, str(path), str(out), cutoffs, memory])
    done = subprocess.run(
        [sys.executable, __file__, "--job", job], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def _job(text: str) -> None:
    name, path, out, cutoffs, memory = json.loads(text)
    import cltv_ml.features  # noqa: F401  imports are not what is measured

    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    RUNS[name](Path(path), Path(out), cutoffs, memory)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"wall": time.perf_counter() - start, "cpu": cpu, "gb": peak_mb() / 1024}))


def same(folder: Path, names: list[str]) -> None:
    """Raise where two engines differ in any of the features."""
    con = duckdb.connect()
    frames = {}
    for name in names:
        frame = con.sql(f"select * from read_parquet('{folder}/{name}-1/**/*.parquet')").df()
        frame = frame.set_index("customer_id").sort_index()[NAMES]
        numbers = [column for column in NAMES if not column.endswith("_category")]
        frames[name] = frame.astype({**dict.fromkeys(NAMES, "str"), **dict.fromkeys(numbers, "float64")})
    for name in names[1:]:
        pd.testing.assert_frame_equal(
            frames[names[0]], frames[name], rtol=1e-6, atol=1e-6, check_index_type=False
        )
    print(
        f"{len(NAMES)} features of {len(frames[names[0]]):,} customers are the same for {', '.join(names)}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", default="2GB", help="DuckDB's limit, for this engine and the SQL by hand")
    parser.add_argument("--big", action="store_true", help="also ten times the lines, ours only")
    parser.add_argument("--scratch", default=tempfile.gettempdir())
    parser.add_argument("--job", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job:
        return _job(chosen.job)
    with tempfile.TemporaryDirectory(dir=chosen.scratch) as folder:
        return _table(Path(folder), chosen)


def _table(folder: Path, chosen: argparse.Namespace) -> None:
    path = folder / "log.parquet"
    make_log(path, chosen.lines)
    plan = [("ours", 1), ("sql", 1), ("pandas", 1), ("ours", 6), ("sql", 6)]
    found: dict[tuple[str, int], list[dict[str, float]]] = {what: [] for what in plan}
    for repeat in range(chosen.repeats):
        for name, count in plan:
            out = folder / f"{name}-{count}"
            subprocess.run(["rm", "-rf", str(out)], check=True)
            found[name, count].append(measure(name, path, SIX[-count:], out, chosen.memory))
        if repeat == 0:
            same(folder, ["ours", "sql", "pandas"])
    middle = {
        what: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for what, runs in found.items()
    }
    print(f"{chosen.lines:,} lines, {os.cpu_count()} cores, medians of {chosen.repeats}")
    print(
        f"{'engine':8}{'cutoffs':>8}{'wall s':>9}{'CPU s':>9}{'RSS GB':>9}{'CPU / SQL':>11}{'CPU / pandas':>14}"
    )
    for (name, count), run in middle.items():
        by_hand = run["cpu"] / middle["sql", count]["cpu"]
        pandas = f"{run['cpu'] / middle['pandas', 1]['cpu']:14.2f}" if count == 1 else ""
        print(f"{name:8}{count:8}{run['wall']:9.1f}{run['cpu']:9.1f}{run['gb']:9.2f}{by_hand:11.2f}{pandas}")
    print(f"six cutoffs / one, CPU: {middle['ours', 6]['cpu'] / middle['ours', 1]['cpu']:.2f}")
    if chosen.big:
        path.unlink()
        make_log(path, chosen.lines * 10, customers=chosen.lines // 2)
        big = measure("ours", path, [CUTOFF], folder / "big", "2GB")
        ratio = big["cpu"] / middle["ours", 1]["cpu"]
        print(f"{chosen.lines * 10:,} lines, one cutoff: {big}, {ratio:.1f} times the CPU")


if __name__ == "__main__":
    main()
