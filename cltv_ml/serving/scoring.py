"""Batch scoring in bounded memory, resumable, with a value or a reason for every customer."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cltv_ml.customers import (
    CleanedShop,
    CustomerSources,
    describe_contacts,
    describe_scored,
    read_customers,
)
from cltv_ml.data import Cleaned, Raw, Rules, clean_to_parquet
from cltv_ml.engine import MONEY_SCALE, connect, literal, view
from cltv_ml.errors import InputError
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.features import DuckDB, Source, Spark, attribute_columns, model_input, write_features
from cltv_ml.files import atomic
from cltv_ml.log import AnyLog, Log, check_clean_log
from cltv_ml.models import with_plan
from cltv_ml.serving.batch_order import Manifest, Order, fingerprint, fingerprints, identity
from cltv_ml.serving.batch_pieces import CHUNK, Scorer, in_batches, joined, score_files
from cltv_ml.serving.batch_targets import Target
from cltv_ml.serving.feature_tables import check_feature_files, find_feature_files
from cltv_ml.serving.new_orders import check_new_orders, check_orders, new_orders_file, write_new_orders
from cltv_ml.serving.registered_model import open_registered, warn_of_total
from cltv_ml.serving.responses import find_unscored
from cltv_ml.serving.resumable import Work, opened
from cltv_ml.serving.unseen_attributes import describe_unseen
from cltv_ml.windows import to_cutoff

logger = logging.getLogger("cltv_ml")


def score_log(
    source: Raw | Cleaned | Path,
    order: Order,
    *,
    tables: CustomerSources | None = None,
    rules: Rules | None = None,
    spark: Any = None,
    progress: Progress = silent,
) -> Manifest:
    """Score every customer of a source, of a result of `clean` or of a clean log in Parquet; return the manifest.

    One row per customer, sorted by `customer_id`: `expected_value` (currency over the horizon), `value_median`,
    `value_lower` and `value_upper` where the model has them, `expected_purchases` and `p_alive` (empty where it has
    none), `tier`, `reason` (for a missing value), `model`, `model_version`, `cutoff`, `horizon` (days). The same call
    after a kill continues and writes the same file; `<out>.manifest.json` describes it.

    Parameters
    ----------
    tables
        Tables about the customers besides their purchases. Attributes that the model learned from and that are not
        passed count as missing for all customers, and a warning names them.
    rules
        How to read their dates, numbers and ids; as in the source by default.
    spark
        A SparkSession that builds the features and scores, instead of this process.

    Raises
    ------
    InputError
        There is no such registered model, a day lies outside the log, this version builds the features differently, or
        the output cannot be written; an existing output then stays.
    """
    target = Target(order.out, order.table)
    target.check()
    check_new_orders(order.new_orders, target.url)
    with opened(target.work) as work, _explained_engine():
        scorer = _open_scorer(order)
        log, quarantine = _clean(source, work, scorer, progress)
        if order.new_orders:
            check_orders(log)
        source_rules = source.rules if isinstance(source, Raw) else None
        observed = source_rules.observed_until if source_rules else order.observed_until
        cutoff = check_as_of(log, order.as_of, observed)
        scorer = scorer.at(cutoff)
        warn_of_total(Log(str(log)), vars(scorer.card), cutoff, scorer.version)
        described = _with_customers(source, log, scorer, tables or CustomerSources(), rules or source_rules)
        work.start({**identity(order, scorer), "log": fingerprint(log), **fingerprints(described)})
        if order.since is not None or order.younger_than is not None:
            log = _chosen(log, order, cutoff, work)
            quarantine = None
        progress("building features", 0.2)
        features = write_features(
            Source(str(log), described.attributes, described.contacts, until=cutoff),
            cutoff,
            work.folder / "features",
            scorer.features,
            engine=_engine(spark, order.memory),
            progress=lambda done, total, step: progress(
                f"building features: {step}", 0.2 + 0.4 * done / max(total, 1)
            ),
        )
        files, _ = find_feature_files(features)
        pieces = _score_files(files, scorer, order.name, work, spark, progress, sort=True)
        pieces.append(_write_unscored(log, quarantine, scorer, work.folder / "unscored.parquet"))
        progress("writing", 0.9)
        if order.new_orders:
            file = new_orders_file(target.path)
            write_new_orders(log, pieces, cutoff, order.new_orders, file, scorer.currency)
        manifest = _deliver(pieces, target, scorer, order, sort=True)
        work.finish()
    return manifest


def score_features(
    features: str | Path, order: Order, *, spark: Any = None, progress: Progress = silent
) -> Manifest:
    """Score an existing feature table in Parquet, a file or the folder of `write_features`; return the manifest.

    Rows keep the table's order and have the columns of `score_log`. The table's columns are cast to the model's types;
    an impossible row gets a reason.

    Raises
    ------
    InputError
        As for `score_log`; the table lacks a column, does not hold exactly one cutoff and `as_of` chooses none, or was
        built with other definitions of its features.
    """
    target = Target(order.out, order.table)
    target.check()
    with opened(target.work) as work, _explained_engine():
        scorer = _open_scorer(order)
        files, cutoff = find_feature_files(Path(features), order.as_of)
        since = None if order.since is None else to_cutoff(order.since, "since")
        scorer = replace(scorer.at(cutoff, since), younger_than=order.younger_than)
        check_feature_files(files, scorer.features)
        stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        work.start({**identity(order, scorer), "files": stats})
        pieces = _score_files(files, scorer, order.name, work, spark, progress, sort=False)
        progress("writing", 0.9)
        manifest = _deliver(pieces, target, scorer, order, sort=False)
        work.finish()
    return manifest


def predict_in_chunks(model: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Return the pyfunc's predictions for features `X`, cast to its schema, indexed like `X`."""
    parts = [
        model.predict(model_input(X.iloc[start : start + CHUNK], X.columns))
        for start in range(0, len(X), CHUNK)
    ]
    return pd.concat(parts).set_axis(X.index)


def check_as_of(
    log: AnyLog, as_of: str | pd.Timestamp | None, observed_until: str | None = None
) -> pd.Timestamp:
    """Return the day to score as of, by default the day after the last observed one; InputError outside the log."""
    first, last = Log.of(log).span
    if observed_until is not None:
        last = max(last, to_cutoff(observed_until, "observed_until"))
    if first is pd.NaT:
        raise InputError(
            "the log has no valid purchase, so there is no customer to score; see the quarantine table."
        )
    end = last.normalize() + pd.Timedelta(days=1)
    cutoff = end if as_of is None else to_cutoff(as_of, "as-of")
    if not first.normalize() < cutoff <= end:
        raise InputError(
            f"as-of {cutoff:%Y-%m-%d} lies outside the log, which runs from {first:%Y-%m-%d} to "
            f"{last:%Y-%m-%d}; choose a day after the first and up to {end:%Y-%m-%d}, or give the last day with "
            "complete data as --observed-until."
        )
    return cutoff


def _open_scorer(order: Order) -> Scorer:
    """Return the scorer of the version behind the alias."""
    registered = open_registered(order.name, order.alias)
    model = registered.model if order.plan is None else with_plan(registered.model, order.plan)
    return Scorer(**{**vars(registered), "model": model}, top_reasons=order.top_reasons)


def _clean(
    source: Raw | Cleaned | Path, work: Work, scorer: Scorer, progress: Progress
) -> tuple[Path, Path | None]:
    """Return the path of the clean log and, if it was cleaned here, that of the quarantine."""
    if isinstance(source, Path):
        if not source.exists():
            raise InputError(f"no file {source}; give a clean log in Parquet.")
        check_clean_log(source)
        return source, None
    folder = work.folder / "log"
    if isinstance(source, Cleaned):
        report = source.report
        folder.mkdir(exist_ok=True)
        for name, table in {
            "log": source.log,
            "quarantine": source.quarantine[["customer_id"]].astype("str"),
        }.items():
            with atomic(folder / f"{name}.parquet") as temporary:
                table.to_parquet(temporary, index=False)
    else:
        report = clean_to_parquet(source, folder, progress=lambda step, done: progress(step, 0.2 * done))
    if report is not None:
        scorer.compare_currency(report.currency)
    return folder / "log.parquet", folder / "quarantine.parquet"


def _with_customers(
    source: Raw | Cleaned | Path, log: Path, scorer: Scorer, tables: CustomerSources, rules: Rules | None
) -> Log:
    """Return the log with the attributes and contacts that the model learned from; the source's without tables."""
    wanted = attribute_columns(scorer.features)
    whole = Log(str(log))
    if isinstance(source, CleanedShop) and not tables.given:
        return source.customers.of(whole)
    read_as = {column: name for name, column in source.mapping.items()} if isinstance(source, Raw) else {}
    customers = read_customers(whole, tables, rules=rules, wanted=wanted, headings=read_as)
    if customers.attributes is not None and customers.coverage is not None:
        headings = {attribute.name: attribute.column for attribute in customers.attributes.used}
        unseen = describe_unseen(customers.attributes.learned, scorer.model, headings)
        for sentence in (*describe_scored(customers.attributes, customers.coverage, wanted), *unseen):
            logger.warning("Customers %s", sentence)
    if customers.contacts is not None and customers.contact_coverage is not None:
        for sentence in describe_contacts(customers.contacts, customers.contact_coverage):
            logger.warning("Contacts  %s", sentence)
    return customers.of(whole)


def _chosen(log: Path, order: Order, cutoff: pd.Timestamp, work: Work) -> Path:
    """Write and return the log of customers who bought on or after a day, or who first bought recently."""
    path = work.folder / "changed.parquet"
    if not path.exists():
        con = connect()
        view(con, "log", log)
        conditions, reasons = [], []
        if order.since is not None:
            since = to_cutoff(order.since, "since")
            before = f"max(timestamp) filter (where timestamp < timestamp '{cutoff}')"
            conditions.append(f"{before} >= timestamp '{since}'")
            reasons.append(f"bought on or after {since:%Y-%m-%d}; choose an earlier --since")
        if order.younger_than is not None:
            first = cutoff - pd.Timedelta(days=order.younger_than)
            conditions.append(
                f"min(timestamp) >= timestamp '{first}' and min(timestamp) < timestamp '{cutoff}'"
            )
            reasons.append(f"first bought on or after {first:%Y-%m-%d}; increase --younger-than")
        customers = f"select customer_id from log group by 1 having {' and '.join(conditions)}"
        if not con.sql(f"{customers} limit 1").fetchall():
            raise InputError(f"no customer in the log {' and '.join(reasons)}.")
        with atomic(path) as temporary:
            con.execute(
                f"copy (from log semi join ({customers}) using (customer_id)) to {literal(str(temporary))} "
                "(format parquet)"
            )
    return path


def _score_files(
    files: Sequence[Path],
    scorer: Scorer,
    name: str,
    work: Work,
    spark: Any,
    progress: Progress,
    *,
    sort: bool,
) -> list[Path]:
    folder = work.folder / "scores"
    if spark is None:
        return score_files(files, scorer, folder, progress, sort=sort)
    from cltv_ml.serving.spark import score_on_spark

    progress("scoring on Spark", 0.6)
    return score_on_spark(spark, files, scorer, name, folder)


def _write_unscored(log: Path, quarantine: Path | None, scorer: Scorer, path: Path) -> Path:
    with atomic(path) as temporary:
        pq.write_table(pa.Table.from_pandas(find_unscored(log, quarantine, scorer.cutoff)), temporary)
    return path


def _deliver(pieces: Sequence[Path], target: Target, scorer: Scorer, order: Order, *, sort: bool) -> Manifest:
    """Write the pieces to the target as one table, then the manifest next to it, and return the manifest."""
    con = connect(order.memory, target.work)
    rows = joined(con, pieces, scorer, sort=sort)
    earlier = target.keep_earlier(f"{scorer.cutoff:%Y-%m-%d}")
    manifest = replace(_count_scores(con, rows, target, scorer, order), before=earlier)
    reader = rows.to_arrow_reader(CHUNK)
    target.write(reader.schema, in_batches(reader))
    with atomic(target.manifest) as temporary:
        temporary.write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
    target.deliver()
    return manifest


def _count_scores(
    con: duckdb.DuckDBPyConnection, rows: Any, target: Target, scorer: Scorer, order: Order
) -> Manifest:
    rows.create_view("scores")
    # Whole ten-thousandths: a sum of floats would depend on the order of the rows.
    total = f"coalesce(sum(cast(round(expected_value * {MONEY_SCALE}) as hugeint)), 0) / {MONEY_SCALE}.0"
    customers, valued, value = con.execute(
        f"select count(*), count(expected_value), {total} from scores"
    ).fetchall()[0]
    reasons = con.execute(
        "select reason, count(*) from scores where reason is not null group by 1 order by 2 desc, 1"
    ).fetchall()
    return Manifest(
        file=target.shown,
        model=scorer.card.model,
        model_version=scorer.version,
        cutoff=f"{scorer.cutoff:%Y-%m-%d}",
        horizon=int(scorer.card.horizon),
        customers=customers,
        valued=valued,
        expected_value=float(value),
        reasons=dict(reasons),
        since=None if order.since is None else str(order.since),
        younger_than=order.younger_than,
    )


def _engine(spark: Any, memory: str) -> Any:
    return DuckDB(memory) if spark is None else Spark(spark)


@contextmanager
def _explained_engine() -> Iterator[None]:
    """Raise InputError with one sentence in place of an engine's error, such as a full disk; finished work is kept."""
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        if "No space left" in reason:
            reason = "no space is left on the disk of the output"
        raise InputError(
            f"the scores could not be completed: {reason}; fix that and run the same command again to "
            "continue."
        ) from error
