"""Delta and Iceberg tables: the rows of the newest snapshot, not of every file in the folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from cltv_ml.engine import quoted
from cltv_ml.errors import InputError
from cltv_ml.sources.frames import SourceRows, inner_names, load_batches

_ICEBERG = re.compile(r"iceberg://([^/]+)/(.+)")
_EXTRAS = {"delta": "deltalake", "iceberg": "pyiceberg"}

#: Where the errors of these libraries come from.
_THEIRS = ("deltalake", "_internal", "pyiceberg")


def lake_of(place: str | Path) -> str:
    """Return "delta" or "iceberg" if the path or URL is such a table, else an empty text.

    Without a scheme, a folder with the log of a Delta table or the metadata of an Iceberg table is recognised.

    >>> lake_of("delta:///lake/orders"), lake_of("iceberg://shop/sales.orders"), lake_of("orders.csv")
    ('delta', 'iceberg', '')
    """
    scheme = str(place).partition("://")[0]
    if scheme in _EXTRAS:
        return scheme
    if Path(place, "_delta_log").is_dir():
        return "delta"
    return "iceberg" if any(Path(place, "metadata").glob("*.metadata.json")) else ""


def read_lake(con: duckdb.DuckDBPyConnection, place: str | Path) -> SourceRows:
    """Return the rows of a Delta or Iceberg table, streamed into the engine.

    Raises
    ------
    InputError
        There is no such table, it cannot be read, or the library for it is not installed.
    """
    with explained_lake(place, "read"):
        if lake_of(place) == "delta":
            reader = open_delta(place).to_pyarrow_dataset().scanner().to_reader()
        else:
            reader = open_iceberg(place).scan().to_arrow_batch_reader()
        names = zip(reader.schema.names, inner_names(reader.schema.names), strict=True)
        columns = ", ".join(f"{quoted(name)} as {quoted(inner)}" for name, inner in names)
        return SourceRows(load_batches(con, reader, f"{columns}, row_number() over () - 1 as source_row"))


def open_delta(place: str | Path) -> Any:
    """Return the Delta table of a folder or of a URL `delta:///folder`."""
    from deltalake import DeltaTable

    return DeltaTable(delta_folder(place))


def delta_folder(place: str | Path) -> str:
    """Return the folder of a Delta table.

    >>> delta_folder("delta:///lake/orders"), delta_folder("delta:lake"), delta_folder("lake/orders")
    ('/lake/orders', 'delta:lake', 'lake/orders')
    """
    return str(place).removeprefix("delta://")


def open_iceberg(place: str | Path, create: pa.Schema | None = None) -> Any:
    """Return the Iceberg table of a folder, or of a catalogue: `iceberg://catalogue/namespace.table`.

    With `create`, a table that is not in the catalogue is made with these columns.
    """
    if match := _ICEBERG.fullmatch(str(place)):
        catalogue, name = _open_catalogue(match[1]), match[2]
        return catalogue.create_table_if_not_exists(name, create) if create else catalogue.load_table(name)
    from pyiceberg.table import StaticTable

    return StaticTable.from_metadata(str(_newest(Path(place))))


def check_namespace(place: str) -> None:
    """Raise an error of pyiceberg, or InputError, if no table could be made at `iceberg://catalogue/namespace.table`."""
    if match := _ICEBERG.fullmatch(place):
        _open_catalogue(match[1]).list_tables(match[2].rpartition(".")[0])


def _open_catalogue(name: str) -> Any:
    from pyiceberg.catalog import load_catalog

    try:
        return load_catalog(name)
    except ValueError as error:
        raise InputError(f"pyiceberg does not know the catalogue {name!r}: {error}") from None


def _newest(folder: Path) -> Path:
    """Return the metadata file of an Iceberg table's newest snapshot: the one with the highest number in its name."""
    files = (folder / "metadata").glob("*.metadata.json")
    return max(files, key=lambda file: int((re.search(r"\d+", file.name) or ["0"])[0]))


@contextmanager
def explained_lake(place: str | Path, outcome: str) -> Iterator[None]:
    """Raise InputError with one sentence in place of an exception of the Delta or Iceberg library."""
    try:
        yield
    except ModuleNotFoundError as error:
        extra = next((name for name, library in _EXTRAS.items() if library in str(error.name)), None)
        if extra is None:
            raise
        raise InputError(
            f"{place} is a {extra.title()} table; to read it, install cltv-ml[{extra}]."
        ) from None
    except Exception as error:
        # The libraries' errors share no class with each other; whatever is not of theirs keeps its trace.
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in _THEIRS:
            raise
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(f"{place} cannot be {outcome}: {reason}.") from None
