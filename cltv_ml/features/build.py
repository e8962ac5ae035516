"""Builder of feature tables: one row per customer and cutoff, from a transaction log."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from cltv_ml.errors import InputError
from cltv_ml.features.catalogue import CATALOGUE, available, default_features, needs
from cltv_ml.features.compile import Plan, summary_first
from cltv_ml.features.customer import attribute_columns
from cltv_ml.features.engines import DuckDB, Engine
from cltv_ml.features.labels import check_windows, choose_labels, label_query
from cltv_ml.features.source import Base, Source, before, register_source, with_attributes
from cltv_ml.log import AnyLog
from cltv_ml.tables import CUSTOMERS
from cltv_ml.windows import Window, to_cutoff

Cutoff: TypeAlias = str | date | pd.Timestamp

#: Generous estimate of the bytes of a line in a shard file.
_SHARD_BYTES_PER_ROW = 60

#: Rows from which Arrow's memory is released at once: it would hold as much memory as the frame.
_LARGE_FRAME = 100_000


def build_features(
    log: AnyLog | Source,
    cutoffs: Cutoff | Sequence[Cutoff],
    names: Sequence[str] | str | None = None,
    *,
    engine: Engine | None = None,
    memory: str = "4GB",
) -> pd.DataFrame:
    """Return one row of features per customer with a purchase before the cutoff, and per cutoff.

    Nothing that happened at or after a cutoff can change its rows, nor can any other customer.

    Parameters
    ----------
    log
        A clean transaction log: customer_id, timestamp (naive, in the business time zone), amount, and
        any of the optional columns; or a `Source`, which adds tables about customers and a time zone.
    cutoffs
        One cutoff or several, built in one pass. A cutoff is the first instant that features do not see.
    names
        Names from `CATALOGUE`, `"all"` for every feature that the log's columns allow, or None for the
        numeric ones that stay comparable as customers age (`default_features`).
    engine
        `DuckDB(...)` or `Spark(session)`; by default DuckDB with `memory`.
    memory
        Limit beyond which DuckDB works in shards and spills to disk.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`, or by `cutoff` and `customer_id` where several cutoffs are
        given. First the summary columns frequency, recency, T (days) and monetary_value (currency), then
        the named features: float64, missing as NaN; text features as strings. `attrs["time_unit"]` is
        "days", which a model in another unit refuses; name your own there if you convert the columns.

    Raises
    ------
    InputError
        A cutoff is not a midnight or lies outside the log, a feature is unknown or needs a column that the log lacks,
        or the log lacks a required column.

    >>> log = pd.DataFrame({
    ...     "customer_id": ["a", "a", "a", "b"],
    ...     "timestamp": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-15", "2024-01-03"]),
    ...     "amount": [10.0, 20.0, 40.0, 5.0],
    ... })
    >>> build_features(log, "2024-01-12", ["days_since_last"])
                 frequency  recency     T  monetary_value  days_since_last
    customer_id
    a                  1.0     10.0  10.0            20.0              1.0
    b                  0.0      0.0   8.0             0.0              9.0
    """
    table = _build(log, cutoffs, names, engine or DuckDB(memory))
    frame = _framed(table, several=not isinstance(cutoffs, (str, date)))
    del table
    if len(frame) >= _LARGE_FRAME:
        pa.default_memory_pool().release_unused()
    frame.attrs["time_unit"] = "days"  # a model in weeks refuses it
    return CUSTOMERS.check(frame)


def _build(
    log: AnyLog | Source,
    cutoffs: Cutoff | Sequence[Cutoff],
    names: Sequence[str] | str | None,
    engine: Engine,
) -> pa.Table:
    """Return the rows of `build_features` as an Arrow table, `cutoff` and `customer_id` its first columns."""
    moments = sorted_cutoffs(cutoffs)
    try:
        base = register_source(engine, log if isinstance(log, Source) else Source(log))
        base.check(moments)
        base = offering(names, base)
        plan = Plan(choose_features(names, base), CATALOGUE)
        with tempfile.TemporaryDirectory(prefix="cltv_") as folder:
            parts = [
                _with_cutoff(cutoff, engine.answer(plan.query(cutoff, base.dated)))
                for _ in each_shard(engine, base, plan, moments, Path(folder))
                for cutoff in moments
            ]
    finally:
        engine.clear()
    return _sorted(parts)


def build_labels(
    log: AnyLog | Source,
    windows: Window | Sequence[Window],
    names: Sequence[str] | None = None,
    *,
    engine: Engine | None = None,
    memory: str = "4GB",
) -> pd.DataFrame:
    """Return the labels of each cutoff's customers in the holdout, in the order of the rows of `build_features`.

    Parameters
    ----------
    log, engine, memory
        As for `build_features`.
    windows
        One window or several, each with a cutoff of its own.
    names
        Of `cltv_ml.labels.LABELS`: value (spend less returns, currency), purchases (days), orders, margin (currency),
        active (0 or 1); by default all that the log's columns allow.

    Raises
    ------
    InputError
        The log ends before a holdout does (a censored label), or a label is unknown or impossible.

    >>> log = pd.DataFrame({
    ...     "customer_id": ["a", "a", "b", "b"],
    ...     "timestamp": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-03", "2024-01-20"]),
    ...     "amount": [10.0, 20.0, 40.0, 5.0],
    ... })
    >>> build_labels(log, Window("2024-01-08", 7), ["value", "active"])
                 value  active
    customer_id
    a             20.0     1.0
    b              0.0     0.0
    """
    each = [windows] if isinstance(windows, Window) else sorted(windows, key=lambda window: window.cutoff)
    running = engine or DuckDB(memory)
    try:
        base = register_source(running, log if isinstance(log, Source) else Source(log))
        check_windows(each, base.first, base.last)
        labels = choose_labels(names, base.columns)
        plan = Plan(summary_first([]), CATALOGUE, tuple(labels))
        ends = [window.end for window in each]
        with tempfile.TemporaryDirectory(prefix="cltv_") as folder:
            parts = [
                _with_cutoff(window.cutoff, running.answer(label_query(window, labels)))
                for _ in each_shard(running, base, plan, ends, Path(folder))
                for window in each
            ]
    finally:
        running.clear()
    columns = [label.name for label in labels]
    return _framed(_sorted(parts), several=windows is not each[0])[columns]


def _framed(table: pa.Table, several: bool) -> pd.DataFrame:
    if several:
        return table.to_pandas().set_index(["cutoff", "customer_id"])
    return table.drop_columns("cutoff").to_pandas().set_index("customer_id")


def _sorted(parts: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(parts).sort_by([("cutoff", "ascending"), ("customer_id", "ascending")])


def _with_cutoff(cutoff: pd.Timestamp, rows: pa.Table) -> pa.Table:
    moment = pa.scalar(cutoff, pa.timestamp("us"))
    return rows.add_column(0, "cutoff", pa.repeat(moment, len(rows)))


def sorted_cutoffs(cutoffs: Cutoff | Sequence[Cutoff]) -> list[pd.Timestamp]:
    """Return the cutoffs as midnights, each once, in order."""
    return sorted({to_cutoff(day) for day in ([cutoffs] if isinstance(cutoffs, (str, date)) else cutoffs)})


def offering(names: Sequence[str] | str | None, base: Base) -> Base:
    """Return base tables that hold every attribute among the names."""
    if names is None or isinstance(names, str):
        return base
    return with_attributes(base, attribute_columns(names))


def choose_features(names: Sequence[str] | str | None, base: Base) -> tuple[str, ...]:
    """Return the names to build, the summary first; InputError if these tables do not allow one of them."""
    if names is None or isinstance(names, str):
        if names not in (None, "all"):
            raise InputError(f"names must be a list of feature names, 'all' or None, got {names!r}.")
        return summary_first(available(base.columns) if names == "all" else default_features(base.columns))
    for name in names:
        missing = sorted(needs(name) - base.columns)
        if missing and missing[0].startswith("contacts."):
            found = [column for column in base.columns if column.startswith("contacts.")]
            lacks = (
                f"the columns {missing} of campaign contacts, found {found}" if found else "campaign contacts"
            )
            raise InputError(
                f"feature {name!r} needs {lacks}; give a table of contacts with --contacts, as in the training, "
                "because no table does not mean that nobody was contacted."
            )
        if missing:
            raise InputError(
                f"feature {name!r} needs {missing}, which the log lacks. Found {sorted(base.columns)}; add "
                "the column or leave the feature out."
            )
    return summary_first(names)


def each_shard(
    engine: Engine,
    base: Base,
    plan: Plan,
    ends: Sequence[pd.Timestamp],
    folder: Path,
    wanted: Callable[[int], bool] = lambda shard: True,
) -> Iterator[int]:
    """Prepare base tables and ledgers shard by shard, and yield each wanted shard's number when ready.

    `ends` has, for each query that follows, the first day that it does not read. `folder` takes the lines of the shards
    and is reused if a pass over the log was completed there before.
    """
    shards = engine.split(base.rows)
    tables = {"cltv_lines": before(base.lines, max(ends)), **base.extra}
    engine.base(tables, base.rows, keep=len(ends) > 1)
    if shards > 1:
        _spread_by_customer(engine, base, folder, shards)
    for shard in filter(wanted, range(shards)):
        if shards > 1:
            engine.take(folder, shard, shards, base.extra)
        for ledger, sql in plan.ledgers("order_id" in base.columns).items():
            engine.ledger(ledger, sql)
        yield shard


def _spread_by_customer(engine: Engine, base: Base, folder: Path, shards: int) -> None:
    done = folder / "_complete"
    if done.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wanted, free = base.rows * _SHARD_BYTES_PER_ROW, shutil.disk_usage(folder).free
    if wanted > free:
        raise InputError(
            f"{shards} shards of {base.rows:,} lines need about {wanted / 1e9:.1f} GB on disk, but "
            f"{str(folder)!r} has only {free / 1e9:.1f} GB left; free some space, or build in another "
            "folder."
        )
    engine.spread(folder, shards)
    done.touch()
