"""The raw table: unchanged rows of a source, with the mapping of its columns."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pandas as pd

from cltv_ml.columns.rules import Rules
from cltv_ml.engine import Relation, frame
from cltv_ml.sources.frames import MARK, Part


class Workspace:
    """A temporary folder that is deleted when nothing uses it any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="cltv_"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(frozen=True)
class Raw:
    """The unchanged rows of a source, with the mapping of its columns.

    Parameters
    ----------
    table
        Its rows, with its own column names and `source_row`, from 0.
    broken
        Lines that do not fit the table: `source_row` and `line`.
    mapping
        Standard name -> source column.
    source
        The source's name, without passwords.
    read_at
        Time of reading; later dates are future dates.
    rules
        The cleaning settings that suit this source.
    notes
        Notes on how the columns were understood, one sentence each.
    starts
        The first `source_row` of each file or sheet, if there are several.
    said
        Names and titles of the source's files and sheets, with the first `source_row` of each.
    """

    table: Relation = field(repr=False)
    broken: Relation = field(repr=False)
    mapping: Mapping[str, str]
    source: str
    read_at: pd.Timestamp = field(repr=False)
    rules: Rules = field(default_factory=Rules, repr=False)
    workspace: Workspace | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()
    said: tuple[Part, ...] = field(default=(), repr=False)

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The connection that reads the rows."""
        return self.table.con

    @property
    def columns(self) -> tuple[str, ...]:
        """The source's columns."""
        return tuple(name.removeprefix(MARK) for name in self.table.kinds if name.startswith(MARK))

    @property
    def unused(self) -> tuple[str, ...]:
        """The source's columns without a standard name."""
        return tuple(column for column in self.columns if column not in self.mapping.values())

    def head(self, rows: int = 5) -> pd.DataFrame:
        """Return the first rows with unchanged values, under the standard names where mapped."""
        names = {MARK + column: name for name, column in self.mapping.items()}
        return frame(
            self.con.sql(
                f"select * replace (source_row + 1 as source_row) from {self.table} as rows "
                f"order by rows.source_row limit {int(rows)}"
            )
        ).rename(columns=lambda name: names.get(name, name.removeprefix(MARK)))
