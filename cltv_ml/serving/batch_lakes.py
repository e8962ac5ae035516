"""Scores in a Delta or Iceberg table: one row per customer and cutoff, replaced if it exists."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from cltv_ml.sources.lakes import delta_folder, explained_lake, lake_of, open_delta, open_iceberg

#: The columns of which a table of scores has one row each.
MERGE_KEY = ("customer_id", "cutoff")


def upsert(place: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Write rows to a Delta or Iceberg table in one transaction; a table that does not exist is created.

    Raises
    ------
    InputError
        The table cannot be written, or the catalogue lacks the namespace of an Iceberg table.
    """
    reader = pa.RecordBatchReader.from_batches(schema, batches)
    with explained_lake(place, "written"):
        if lake_of(place) == "iceberg":
            open_iceberg(place, create=reader.schema).upsert(reader.read_all(), join_cols=list(MERGE_KEY))
        else:
            _merge(delta_folder(place), reader)


def _merge(folder: str, reader: pa.RecordBatchReader) -> None:
    from deltalake import write_deltalake

    if not Path(folder, "_delta_log").is_dir():
        write_deltalake(folder, reader)
        return
    same = " and ".join(f"old.{name} = new.{name}" for name in MERGE_KEY)
    merged = open_delta(folder).merge(reader, predicate=same, source_alias="new", target_alias="old")
    merged.when_matched_update_all().when_not_matched_insert_all().execute()
