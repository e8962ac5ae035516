"""Pieces of a batch: feature files scored one after the other, each piece written whole, then joined."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cltv_ml.engine import connect, literal
from cltv_ml.evaluation.explain import top_reasons
from cltv_ml.evaluation.progress import Progress
from cltv_ml.features import is_text
from cltv_ml.files import atomic
from cltv_ml.serving.registered_model import Registered
from cltv_ml.serving.responses import answer, find_faults

logger = logging.getLogger("cltv_ml")

#: Customers in memory at a time.
CHUNK = 200_000


@dataclass(frozen=True)
class Scorer(Registered):
    """A registered version of a model, as of a day."""

    #: Number of reasons for each value, in words.
    top_reasons: int = 0
    cutoff: pd.Timestamp = pd.NaT
    #: Only customers with a purchase on or after this day are scored.
    since: pd.Timestamp | None = None
    #: Only customers whose first purchase lies fewer than this many days before the cutoff are scored.
    younger_than: int | None = None

    @property
    def features(self) -> list[str]:
        """The columns that the model reads."""
        return self.card.features

    @property
    def columns(self) -> list[str]:
        """The columns to read from a feature file."""
        needed = [] if self.since is None and self.younger_than is None else ["recency", "T"]
        return list(dict.fromkeys(["customer_id", *self.features, *needed]))

    def at(self, cutoff: pd.Timestamp, since: pd.Timestamp | None = None) -> Scorer:
        """Return the scorer as of a day; warn if its model was fitted on later days too."""
        seen = pd.Timestamp(self.card.cutoff)
        if cutoff < seen:
            logger.warning(
                "Note      version %s was fitted on data before %s, so it has seen what customers did from %s on: "
                "these scores do not show how well it forecasts; cltv backtest does.",
                self.version,
                f"{seen:%Y-%m-%d}",
                f"{cutoff:%Y-%m-%d}",
            )
        return replace(self, cutoff=cutoff, since=since)

    def compare_currency(self, stated: str) -> None:
        """Warn if every line of a log states another currency than the model's values have."""
        if stated and self.currency and stated != self.currency:
            logger.warning(
                "Note      version %s predicts amounts in %s, but every line of the data states %s: unless both mean "
                "the same, the values are wrong. Train on these data, or convert them first.",
                self.version,
                self.currency,
                stated,
            )

    def score(self, rows: pa.RecordBatch) -> pa.Table:
        """Return `customer_id`, the outputs, `tier`, `reason` and top reasons of customers, in their order."""
        if self.since is not None:
            silent = _as_block(rows, ["T"])["T"] - _as_block(rows, ["recency"])["recency"]
            days = (self.cutoff - self.since).days - 1
            rows = rows.filter(pa.array((silent <= days).to_numpy()))
        if self.younger_than is not None:
            young = _as_block(rows, ["T"])["T"] < self.younger_than
            rows = rows.filter(pa.array(young.to_numpy()))
        X = _as_block(rows, self.features)
        faults = _faults(X)
        scorable = X if faults is None else X[faults.isna().to_numpy()]
        table = self._answer(scorable).reindex(X.index)
        columns: dict[str, pa.Array] = {"customer_id": rows["customer_id"].cast(pa.string())}
        columns |= {name: pa.array(table[name], pa.float64(), from_pandas=True) for name in self.outputs}
        columns["tier"] = pa.array(table["tier"], pa.string(), from_pandas=True)
        columns["reason"] = pa.nulls(len(X), pa.string()) if faults is None else pa.array(faults, pa.string())
        for name in (f"reason_{place + 1}" for place in range(self.top_reasons)):
            columns[name] = pa.array(table[name], pa.string(), from_pandas=True)
        return pa.table(columns)

    def _answer(self, X: pd.DataFrame) -> pd.DataFrame:
        if not len(X):
            return pd.DataFrame(
                columns=[*self.outputs, "tier", *(f"reason_{n + 1}" for n in range(self.top_reasons))]
            )
        table = answer(self.model, self.card.tiers, X)
        return table.join(top_reasons(self.model, X, self.top_reasons)) if self.top_reasons else table


def score_files(
    files: Sequence[Path], scorer: Scorer, folder: Path, progress: Progress, *, sort: bool
) -> list[Path]:
    """Write the scores of feature files to `folder`, one piece at a time, and return the pieces in order.

    A piece appears whole or not at all; existing pieces are not computed again.

    Parameters
    ----------
    sort
        Whether each file is read in the order of `customer_id`: files rebuilt after a kill hold the same rows in any
        order, and the last digit of a value depends on its position.
    """
    folder.mkdir(exist_ok=True)
    total = sum(pq.ParquetFile(file).metadata.num_rows for file in files)
    done = 0
    for number, file in enumerate(files):
        complete = folder / f"file-{number:04d}.complete"
        rows = pq.ParquetFile(file).metadata.num_rows
        if not complete.exists():
            for piece, batch in enumerate(_column_batches(file, scorer.columns, folder if sort else None)):
                progress(f"scoring {total:,} customers", 0.6 + 0.3 * (done + piece * CHUNK) / max(total, 1))
                _write_piece(folder / f"scores-{number:04d}-{piece:06d}.parquet", scorer, batch)
            complete.touch()
        done += rows
    return sorted(folder.glob("scores-*.parquet"))


def _column_batches(file: Path, columns: Sequence[str], scratch: Path | None) -> Iterator[pa.RecordBatch]:
    """Yield a file's columns in the order of its rows, or of `customer_id` if a folder for sorting is given."""
    if scratch is None:
        # One thread: several take more than twice the processor time here, and the model has its own.
        yield from pq.ParquetFile(file).iter_batches(CHUNK, columns=list(columns), use_threads=False)
        return
    con = connect("1GB", scratch)
    chosen = ", ".join(f'"{name}"' for name in columns)
    query = f"select {chosen} from read_parquet({literal(str(file))}) order by customer_id"
    yield from in_batches(con.sql(query).to_arrow_reader(CHUNK), CHUNK)


def _write_piece(path: Path, scorer: Scorer, batch: pa.RecordBatch) -> None:
    if not path.exists():
        with atomic(path) as temporary:
            pq.write_table(
                scorer.score(batch), temporary, compression="none", use_dictionary=["tier", "reason"]
            )


def joined(
    con: duckdb.DuckDBPyConnection, pieces: Sequence[Path], scorer: Scorer, *, sort: bool
) -> duckdb.DuckDBPyRelation:
    """Return all pieces as one relation with the columns of a table of scores."""
    files = ", ".join(literal(str(piece)) for piece in pieces)
    available = [
        name
        for name, *_ in con.execute(f"describe from read_parquet([{files}], union_by_name = true)").fetchall()
    ]
    values = {
        name: f"cast({name if name in available else 'null'} as double)"
        for name in _ordered_outputs(scorer.outputs)
    }
    values |= {
        name: f"cast({name if name in available else 'null'} as varchar)" for name in ("tier", "reason")
    }
    values |= {name: name for name in available if name.startswith("reason_")}
    values |= {
        "model": literal(scorer.card.model),
        "model_version": f"cast({scorer.version} as bigint)",
        "cutoff": f"timestamp '{scorer.cutoff}'",
        "horizon": f"cast({int(scorer.card.horizon)} as bigint)",
    }
    chosen = ", ".join(f"{value} as {name}" for name, value in values.items())
    order = "order by customer_id" if sort else ""
    return con.sql(f"select customer_id, {chosen} from read_parquet([{files}], union_by_name = true) {order}")


def in_batches(reader: Iterable[pa.RecordBatch], rows: int = CHUNK) -> Iterator[pa.RecordBatch]:
    """Yield batches of exactly `rows` rows, except the last, so that the same rows give the same file."""
    waiting: list[pa.RecordBatch] = []
    for batch in reader:
        waiting.append(batch)
        while sum(len(part) for part in waiting) >= rows:
            table = pa.Table.from_batches(waiting).combine_chunks()
            yield table.slice(0, rows).combine_chunks().to_batches()[0]
            waiting = table.slice(rows).to_batches()
    remaining = [part for part in waiting if len(part)]
    if remaining:
        yield pa.Table.from_batches(remaining).combine_chunks().to_batches()[0]


def _ordered_outputs(outputs: Sequence[str]) -> list[str]:
    """Return a model's outputs, with purchases and P(alive), which every table of scores has."""
    always = [name for name in outputs if name not in ("expected_purchases", "p_alive")]
    return [*always, "expected_purchases", "p_alive"]


def _as_block(rows: pa.RecordBatch, names: Sequence[str]) -> pd.DataFrame:
    """Return columns as float64 in one block of memory, missing values as NaN; text as text."""
    columns = [rows[name].cast(pa.string() if is_text(name) else pa.float64()) for name in names]
    return pa.RecordBatch.from_arrays(columns, list(names)).to_pandas()


def _faults(X: pd.DataFrame) -> pd.Series | None:
    """Return the reason why each customer cannot be scored; None if all can."""
    faults = find_faults(X)
    if not faults:
        return None
    sentences = pd.Series(None, index=X.index, dtype="object")
    for sentence, rows in reversed(faults):
        sentences[rows] = sentence
    return sentences
