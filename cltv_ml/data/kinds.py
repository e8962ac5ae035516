"""Kinds of a source's columns, seen from their first values."""

from __future__ import annotations

import re
from typing import NamedTuple

from cltv_ml.data.parse import Columns, is_time, quote
from cltv_ml.data.rules import Rules
from cltv_ml.engine import Relation, keep

#: So many lines of a source are looked at first.
FIRST = 2000

#: So many values of all columns together are looked at, and of each column at least so many.
_VALUES, _FEWEST = 60_000, 100

_DATED = re.compile("dat|time|day|when|[_ ]at$|fecha|jour|giorno|zeit|tag$|hora")


class _Seen(NamedTuple):
    """What the first values of one column hold: how many there are, and how many can be read as what."""

    values: int
    numbers: int
    times: int
    low: float
    high: float
    whole: bool
    percents: int


def first_lines(table: Relation) -> Relation:
    """Return the first lines of a source."""
    return keep(table.con, "first_lines", f"from {table} limit {FIRST}")


def look(first: Relation) -> dict[str, str]:
    """Return what each column's first values look like: number, rate, timestamp, text or empty.

    All columns are read in one query, so that wide tables take no longer than their values do.
    """
    kinds = Columns(first, Rules()).kinds
    each = max(_FEWEST, _VALUES // max(len(kinds), 1))
    names = list(kinds)
    texts = ", ".join(f'cast({quote(name)} as varchar) as "{place}"' for place, name in enumerate(names))
    values = keep(
        first.con,
        "first_values",
        f"select cast(place as integer) as place, value as {quote('value')} "
        f"from (unpivot (select {texts} from {first}) on columns(*) into name place value value) "
        f"where trim(value) <> '' qualify row_number() over (partition by place) <= {each}",
    )
    reading = Columns(values, Rules(), ask=False)
    value, number = quote("value"), reading.number("value")
    counted = values.rows(
        "select place, count(*), count(number), count(time), min(number), max(number), "
        "bool_and(number = floor(number)), count(*) filter (where suffix(value, '%')) "
        f"from (select place, {value} as value, {number} as number, {reading.timestamp('value')} as time "
        f"from {values}) group by place"
    )
    found = {
        names[place]: _kind(names[place], kinds[names[place]], _Seen(*counts)) for place, *counts in counted
    }
    return {name: found.get(name, "empty") for name in names}


def _kind(name: str, kind: str, seen: _Seen) -> str:
    """Return the kind of one column of the peek; three of four values decide."""
    values, numbers, times, low, high, whole, percents = seen
    dated = _DATED.search(name.lower()) is not None
    if is_time(kind) or (times >= 0.75 * values and (dated or numbers < 0.75 * values)):
        return "timestamp"
    if numbers >= 0.75 * values:
        share = (low >= 0 and high <= 1 and not whole) or percents >= 0.75 * values
        return "rate" if share else "number"
    return "text"
