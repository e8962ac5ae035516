"""Read, check, clean and roll 10 million lines of Parquet up to orders, against a bare scan-and-group.

Run `python tests/benchmarks/bench_data.py [lines]`. Each run is a process of its own, so that peak memory
is its own; the two alternate, and medians and their ratio are printed.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 3

MAKE = """
copy (
    with line as (
        select i, i // 4 as o, (hash((i // 4) * 7) % {customers})::int as c, (hash(i * 13) % 20000)::int as p,
            1 + (hash(i * 17) % 6)::int as q
        from range({sales}) as t(i)
    ), sale as (
        select 'C' || lpad(c::varchar, 7, '0') as customer_id,
            timestamp '2022-01-01' + to_seconds((hash(o * 31) % 63072000)::bigint) as timestamp,
            'O' || o::varchar as order_id, 'P' || p::varchar as product_id, q::double as quantity,
            round(q * (1 + (hash(p) % 5000) / 100.0), 2) as amount, i
        from line
    )
    select if(i % 100 = 7, null, customer_id) as customer_id, * exclude (i, customer_id) from sale
    union all select customer_id, timestamp + interval 3 day, 'R' || order_id, product_id, -quantity, -amount
    from sale where i % 50 = 1
    union all select * exclude (i) from sale where i % 1000 = 2
) to '{path}' (format parquet)
"""

BARE = """
import duckdb
con = duckdb.connect(config={{"memory_limit": "2GB"}})
con.execute("set enable_progress_bar = false")
orders = con.sql(
    "select customer_id, order_id, min(timestamp) as timestamp, sum(amount) as amount, sum(quantity) as quantity, "
    "max(product_id) as product_id from '{path}' group by 1, 2"
).to_arrow_table().to_pandas()
"""

OURS = """
from cltv_ml.data import clean, read
orders = clean(read({path!r}), grain="order").log
"""

MEASURE = """
import json, time
from experiments.benchmark.peers.memory import peak_mb
start, cpu = time.perf_counter(), time.process_time()
{code}
print(json.dumps([time.perf_counter() - start, time.process_time() - cpu,
                  peak_mb() / 1024, len(orders)]))
"""


def measure(code):
    program = "import cltv_ml.data\n" + MEASURE.format(code=code)
    return json.loads(
        subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE).stdout
    )


def main(lines):
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "lines.parquet"))
        duckdb.connect().execute(
            MAKE.format(path=path, sales=int(lines / 1.021), customers=max(lines // 10, 1))
        )
        print(
            f"{lines:,} lines, {Path(path).stat().st_size / 2**20:,.0f} MiB of Parquet, {time.strftime('%Y-%m-%d')}"
        )
        runs = {"bare scan-and-group": BARE, "read, clean, roll up": OURS}
        found = {name: [] for name in runs}
        for _ in range(RUNS):
            for name, code in runs.items():
                found[name].append(measure(code.format(path=path)))
    print(f"{'':24}{'wall s':>9}{'CPU s':>9}{'peak GiB':>10}{'orders':>12}")
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in found.items()
    }
    for name, (wall, cpu, memory, orders) in medians.items():
        print(f"{name:24}{wall:9.2f}{cpu:9.2f}{memory:10.2f}{orders:12,.0f}")
    bare, ours = medians.values()
    print(f"{'ratio':24}{ours[0] / bare[0]:9.2f}{ours[1] / bare[1]:9.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
