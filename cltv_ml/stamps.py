"""Stamps of a clean log: facts that its lines do not show, which travel with the table as metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cltv_ml.engine import Tabular

_Table = TypeVar("_Table", pd.DataFrame, pa.Table)

#: The day until which a table is complete, and what returns still to come will leave of the latest purchases: `until`,
#: the day until which returns are known, and `kept`, the share of the money that stays, by age in days at that day.
OBSERVED_UNTIL, RETURNS_TO_COME = "observed_until", "returns_to_come"


def stamps_of(table: Tabular) -> dict[str, str]:
    """Return the stamps of a table by name; a frame has them in `attrs`, Arrow and Parquet in their metadata."""
    names = (OBSERVED_UNTIL, RETURNS_TO_COME)
    if isinstance(table, pd.DataFrame):
        found = table.attrs
    else:
        metadata = (
            table.schema.metadata if isinstance(table, pa.Table) else _file_metadata(Path(table))
        ) or {}
        found = json.loads(metadata.get(b"PANDAS_ATTRS", b"{}"))
        found |= {name: metadata[name.encode()].decode() for name in names if name.encode() in metadata}
    return {name: found[name] for name in names if found.get(name)}


def observed_until(table: Tabular) -> str | None:
    """Return the day until which a table is complete by its own metadata, None without any."""
    return stamps_of(table).get(OBSERVED_UNTIL)


def lasting_share(table: Tabular) -> str:
    """Return SQL for the share of a line's money that later returns will probably leave; empty if nothing tells.

    >>> stamp = '{"until": "2024-01-31", "kept": [0.75, 0.9]}'
    >>> table = pa.table({"amount": [1.0]}).replace_schema_metadata({RETURNS_TO_COME: stamp})
    >>> lasting_share(table)
    "coalesce(list_extract([0.75, 0.9]::double[], greatest(datediff('day', timestamp, date '2024-01-31'), 0) + 1), 1)"
    """
    stamp = stamps_of(table).get(RETURNS_TO_COME)
    if stamp is None:
        return ""
    told = json.loads(stamp)
    age = f"greatest(datediff('day', timestamp, date '{told['until']}'), 0)"
    return f"coalesce(list_extract({told['kept']}::double[], {age} + 1), 1)"


def with_stamps(table: _Table, source: Tabular) -> _Table:
    """Return a table with the stamps of the one that it was made from.

    >>> source = pd.DataFrame({"amount": [1.0]})
    >>> source.attrs["observed_until"] = "2024-01-31"
    >>> with_stamps(pa.table({"amount": [2.0]}), source).schema.metadata
    {b'observed_until': b'2024-01-31'}
    """
    stamps = stamps_of(source)
    if isinstance(table, pd.DataFrame):
        table.attrs |= stamps
        return table
    return table.replace_schema_metadata(stamps) if stamps else table


def _file_metadata(path: Path) -> dict[bytes, bytes] | None:
    """Return the metadata of a Parquet file, None for a folder or a file of another kind."""
    try:
        metadata: dict[bytes, bytes] | None = pq.read_schema(path).metadata if path.is_file() else None
    except pa.ArrowInvalid:
        return None
    return metadata
