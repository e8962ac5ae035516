"""Targets of a batch: a Parquet or CSV file or a database table, written whole or not at all."""

from __future__ import annotations

import glob
import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cltv_ml.addresses import is_url, without_secrets
from cltv_ml.engine import connect, literal
from cltv_ml.errors import InputError
from cltv_ml.files import atomic, neutral, read_earlier_json
from cltv_ml.remote import address, as_path, check_writable, is_remote, send, waiting_folder
from cltv_ml.serving.batch_lakes import upsert
from cltv_ml.sources.lakes import check_namespace, explained_lake, lake_of

_FILES = (".parquet", ".csv")

#: Digits after the point in a CSV file, as in those of `cltv act`; Parquet and databases hold every digit.
_SCORE_DECIMALS = 4
_REPEATED = {"tier", "reason", "model", "model_version", "cutoff", "horizon"}


class Target:
    """A file, which is replaced once the scores are complete, or a table in a database or lake that they are added to.

    Parameters
    ----------
    out
        A path that ends in .parquet or .csv, a folder, in which the file is named scores.parquet, or a connection URL:
        `duckdb:///shop.duckdb`, `sqlite:///shop.db`, `postgresql://user:password@host/shop`. A file or folder of an
        object store, `s3://bucket/scores.parquet`, is written to a folder of this machine first. A table of a database
        or a lake, `delta:///folder` or `iceberg://catalogue/namespace.table`, keeps the rows of other cutoffs.
    table
        Name of the table in a database.
    """

    def __init__(self, out: str | Path, table: str = "scores") -> None:
        self.place, self.options = _with_file(address(out)) if is_remote(out) else ("", "")
        self.lake = str(out) if lake_of(out) else ""
        self.url = str(out) if is_url(str(out)) and not (self.place or self.lake) else ""
        self.table = table
        if self.place:
            self.shown = without_secrets(address(out))
            file = PurePosixPath(self.shown).name
            self.path = waiting_folder(self.place) / (file if file.endswith(_FILES) else "scores.parquet")
        elif self.lake:
            self.path, self.shown = Path(f"{PurePosixPath(self.lake).name}.lake"), self.lake
        elif self.url:
            self.path, self.shown = Path(f"{table}.db"), f"{without_secrets(self.url)} {table}"
            if not re.fullmatch(r"[A-Za-z_]\w*", table):
                raise InputError(f"table {table!r} is not a plain name; use letters, digits and _.")
        else:
            path = as_path(out)
            if path.suffix not in ("", *_FILES) and not path.is_dir():
                raise InputError(
                    f"cannot write {path.name!r}; use a name that ends in .parquet or .csv, or a folder."
                )
            self.path = path if path.suffix in _FILES else path / "scores.parquet"
            self.shown = str(self.path)

    @property
    def work(self) -> Path:
        """The absolute path of the folder for unfinished scores; Spark may have another working folder."""
        return self.path.absolute().with_name(f".{self.path.name}.work")

    @property
    def manifest(self) -> Path:
        """The file that describes what was written."""
        return manifest_of(self.path)

    def check(self) -> None:
        """Raise InputError if the target cannot be written, before any work is done."""
        if self.place:
            check_writable(self.place + self.options)
        elif self.lake.startswith("iceberg"):
            with explained_lake(self.lake, "written"):
                check_namespace(self.lake)
        elif self.url:
            from cltv_ml.serving.batch_databases import check_table  # late: SQLAlchemy is slow to import

            check_table(self.url, self.table, self.shown)
        elif self.path.is_dir():
            raise InputError(f"{self.shown} is a folder; use a file name that ends in .parquet or .csv.")
        elif self.path.is_file() and self.manifest.is_file():
            self._earlier_manifest()

    def keep_earlier(self, cutoff: str) -> str | None:
        """Copy the scores of an earlier day to a file next to the target and return its path; None if there are none.

        `scores.parquet` becomes `scores_before.parquet`, with its manifest. Scores of only some customers are not
        copied, nor are those in an object store, a database or a lake.
        """
        if self.place or self.lake or self.url or not (self.path.is_file() and self.manifest.is_file()):
            return None
        manifest = self._earlier_manifest()
        partial = manifest.get("since") or manifest.get("younger_than")
        if partial or not self._first_cutoff() == str(manifest.get("cutoff")) < cutoff:
            return None
        copy = self.path.with_stem(f"{self.path.stem}_before")
        with atomic(copy, private=True) as temporary:
            shutil.copyfile(self.path, temporary)
        with atomic(manifest_of(copy)) as temporary:
            temporary.write_text(json.dumps({**manifest, "file": str(copy)}, indent=1), encoding="utf-8")
        return str(copy)

    def _earlier_manifest(self) -> dict[str, Any]:
        """Return the manifest of the scores that are in place of the target; raise InputError where it is damaged."""
        what = f"the manifest of {self.path.name}"
        way_out = "move both to another folder, or delete them, and run the same command again"
        return read_earlier_json(self.manifest, what, way_out)

    def _first_cutoff(self) -> str:
        """Return the cutoff in the file, "" if it has no scores; after a kill the manifest may be out of date."""
        reader = "read_parquet" if self.path.suffix == ".parquet" else "read_csv"
        query = f"select cast(cutoff as varchar) from {reader}({literal(str(self.path))}) limit 1"
        try:
            first = connect().sql(query).fetchall()
        except duckdb.Error:
            return ""
        return str(first[0][0])[:10] if first else ""

    def deliver(self) -> None:
        """Send complete files to the object store, the manifest last; do nothing for other targets."""
        if self.place:
            waiting = [file for file in self.path.parent.iterdir() if file.is_file()]
            for file in sorted(waiting, key=lambda path: path == self.manifest):
                send(file, self.place.rpartition("/")[0] + f"/{file.name}{self.options}")
                file.unlink()

    def write(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        """Replace the file with these rows; write them to a database or lake next to those of other days.

        Raises
        ------
        InputError
            The database refuses, with its reason and without passwords; the old table stays.
        """
        if self.lake:
            upsert(self.lake, schema, batches)
        elif self.url:
            from cltv_ml.serving.batch_databases import upsert_rows

            upsert_rows(self.url, self.table, schema, batches, self.shown)
        else:
            for left in self.path.parent.glob(f".{glob.escape(self.path.name)}.*.part"):
                left.unlink()  # of a process that was killed while it wrote
            with atomic(self.path, private=True) as temporary:
                writer = _write_parquet if self.path.suffix == ".parquet" else _write_csv
                writer(temporary, schema, batches)


def manifest_of(scores: Path) -> Path:
    """Return the file next to scores that describes them: one for Parquet, another for a CSV of the same name.

    >>> manifest_of(Path("scores.parquet")).name, manifest_of(Path("scores.csv")).name
    ('scores.manifest.json', 'scores.csv.manifest.json')
    """
    return scores.with_suffix(".csv.manifest.json" if scores.suffix == ".csv" else ".manifest.json")


def _with_file(place: str) -> tuple[str, str]:
    """Return the URL of the file, either `place` or scores.parquet in that folder, and the URL's options."""
    if place.startswith("http"):  # refused by `check`
        return place, ""
    base, mark, options = place.partition("?")
    path = PurePosixPath(without_secrets(place).partition("://")[2].partition("/")[2])
    if path.suffix and path.suffix not in _FILES:
        raise InputError(f"cannot write {path.name!r}; use a name that ends in .parquet or .csv.")
    return base if path.suffix else f"{base.rstrip('/')}/scores.parquet", mark + options


def _write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    # A dictionary only where values repeat: trying one for amounts costs as much as the rest of the writing.
    repeated = [name for name in schema.names if name in _REPEATED]
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=repeated) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_csv(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        schema.empty_table().to_pandas().to_csv(file, index=False)
        for batch in batches:
            rows = batch.to_pandas()
            rows = rows.round(dict.fromkeys(rows.select_dtypes("float").columns, _SCORE_DECIMALS))
            neutral(rows).to_csv(file, index=False, header=False)
