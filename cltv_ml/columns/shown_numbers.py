"""Numbers of text columns as most of their values show them, without questions and notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cltv_ml.columns import numerals
from cltv_ml.columns.texts import read_finite, read_written
from cltv_ml.engine import Relation

_READ_PLAINLY = (
    "count(*) filter (where try_cast(t as double) is null)",
    "count(*) filter (where contains(t, '.'))",
    f"count(*) filter (where {numerals.is_open('trim(t)', '.')})",
)
_DECIMALS = tuple(f"count(*) filter (where {numerals.is_decimal(numerals.bare('t'), sign)})" for sign in ",.")
_IN_WHOLE_UNITS = (
    *(f"count(*) filter (where {numerals.is_open(numerals.bare('t'), sign)})" for sign in ",."),
    f"count(*) filter (where trim(t) <> '' and not {numerals.in_whole_units('t')})",
)


def read_shown(table: Relation, texts: Mapping[str, str], decimal: str | None) -> dict[str, str]:
    """Return SQL for the finite numbers of texts; two queries inspect all of them, however many there are.

    Parameters
    ----------
    texts
        SQL of each column's text.
    decimal
        The decimal separator, if it is known. Otherwise it is the one that some values show and none contradicts,
        else the only one that other columns show. Amounts in a currency without minor units have thousands.
    """
    plain = {
        column: not unread and (not dotted or (dotted > open_ and decimal != ","))
        for column, (unread, dotted, open_) in _count_each(table, texts, _READ_PLAINLY).items()
    }
    written = {} if decimal else {column: text for column, text in texts.items() if not plain[column]}
    counted = _count_each(table, written, _DECIMALS)
    shown = {
        column: "," if commas and not dots else "." if dots and not commas else None
        for column, (commas, dots) in counted.items()
    }
    signs = {sign for sign in shown.values() if sign}
    if len(signs) == 1:
        shown |= {column: min(signs) for column, figures in counted.items() if not any(figures)}
    open_still = {column: text for column, text in written.items() if not shown[column]}
    for column, (commas, dots, parted) in _count_each(table, open_still, _IN_WHOLE_UNITS).items():
        if not parted and (commas > 0) != (dots > 0):
            shown[column] = "." if commas else ","
    return {
        column: read_finite(text) if plain[column] else read_written(text, decimal or shown[column])
        for column, text in texts.items()
    }


def _count_each(
    table: Relation, texts: Mapping[str, str], counts: tuple[str, ...]
) -> dict[str, tuple[Any, ...]]:
    """Return the counts over the values `t` of each text."""
    if not texts:
        return {}
    listed = ", ".join(f'{text} as "{place}"' for place, text in enumerate(texts.values()))
    rows = table.rows(
        f"select place, {', '.join(counts)} from (unpivot (select {listed} from {table}) on columns(*) "
        "into name place value t) group by place"
    )
    found = {int(place): tuple(figures) for place, *figures in rows}
    return {column: found.get(place, (0,) * len(counts)) for place, column in enumerate(texts)}
