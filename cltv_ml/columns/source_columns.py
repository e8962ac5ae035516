"""Columns of a source: their types, the rules on reading them, and notes on how they were read."""

from __future__ import annotations

import datetime
from typing import Any

from cltv_ml.columns.clocks import clock_of
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.text_bytes import Signs
from cltv_ml.columns.zones import once
from cltv_ml.engine import Relation, quoted
from cltv_ml.sources.frames import MARK


def quote(column: str) -> str:
    """Return the quoted SQL identifier of a source's column, which cannot clash with names of our own.

    >>> quote("order date")
    '"source:order date"'
    """
    return quoted(MARK + column)


def id_text(column: str) -> str:
    """Return SQL for a column's values as ids that another column may name: without blanks, 12.0 as 12, empty as null.

    >>> import duckdb
    >>> duckdb.sql(f"select {id_text('n')} from (select unnest([7.0, null]) as {quote('n')})").fetchall()
    [('7',), (None,)]
    """
    return rf"nullif(regexp_replace(trim(cast({quote(column)} as varchar)), '^(-?\d+)\.0+$', '\1'), '')"


class SourceColumns:
    """The columns of a source with their types, the rules on reading them, and notes.

    Parameters
    ----------
    table
        The table of the columns.
    rules
        The user's rules about them.
    ask
        Whether a column that can be read in two ways raises an InputError; else each value is read in the
        first way that fits, for columns whose meaning is not known yet.
    groups
        Whether an ambiguous sign before three digits separates thousands, with a note instead of a question:
        for numbers whose order matters more than their unit.

    Attributes
    ----------
    notes
        Notes on how the columns were read, one sentence each.
    signs
        The bytes of the texts that were read as identifiers unchanged.
    clocks
        Column of days -> column with the times of day on them.
    """

    quote = staticmethod(quote)

    def __init__(self, table: Relation, rules: Rules, ask: bool = True, *, groups: bool = False) -> None:
        self.table = table
        self.rules = rules
        self.ask = ask
        self.groups = groups
        self.notes: list[str] = []
        self.signs: dict[str, Signs] = {}
        self.clocks: dict[str, str] = {}
        self.kinds = {
            name.removeprefix(MARK): kind for name, kind in table.kinds.items() if name.startswith(MARK)
        }

    @property
    def last_year(self) -> int:
        """The last year that two digits may stand for: the one after this."""
        return datetime.date.today().year + 1

    def row(self, query: str) -> tuple[Any, ...]:
        """Return the one row of a query."""
        return self.table.row(query)

    def with_clock(self, column: str, day: str) -> str:
        """Return SQL for a column's days with the times of day from a column of their own; times keep their own."""
        if column not in self.clocks:
            return day
        clock, text = clock_of(self.table, self.clocks[column])
        if self.ask:
            [unread] = self.row(f"select count(*) from {self.table} where {text} <> '' and {clock} is null")
            note = f"Column {self.clocks[column]!r}: {unread:,} texts are no times of day and were read as midnight."
            self.notes += [note] * bool(unread)
        return once(day, "d", f"if(d = date_trunc('day', d), d + coalesce({clock}, to_seconds(0)), d)")
