"""Kinds of a source's columns, inferred from their first values."""

from __future__ import annotations

import re
from typing import NamedTuple

from cltv_ml.data.parse import Columns, is_number, is_time, quote
from cltv_ml.data.rules import Rules
from cltv_ml.engine import Relation, keep, keep_first

#: Number of lines of a source that are inspected first.
FIRST = 2000

#: Number of values inspected in all columns together, and the fewest in each column.
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
    """Return the first lines of a source, itself where it has no more."""
    return keep_first(table, FIRST)


def look(first: Relation) -> dict[str, str]:
    """Return what each column's first values look like: number, rate, timestamp, text or empty.

    All texts are read in one query, so that wide tables take no longer than their values do; so are all numbers.
    """
    kinds = Columns(first, Rules()).kinds
    each = max(_FEWEST, _VALUES // max(len(kinds), 1))
    typed = [name for name in kinds if each >= FIRST and _is_plain(name, kinds[name])]
    seen = _look_at_typed(first, typed, kinds) | _look_at_texts(
        first, [name for name in kinds if name not in typed], each
    )
    kind_of = {
        name: _kind_of_values(name, kinds[name], values) for name, values in seen.items() if values.values
    }
    return {name: kind_of.get(name, "empty") for name in kinds}


def _is_plain(name: str, kind: str) -> bool:
    """Whether a column's type says what it holds: a time, or a number that is called no date."""
    return is_time(kind) or (is_number(kind) and not _DATED.search(name.lower()))


def _look_at_typed(first: Relation, names: list[str], kinds: dict[str, str]) -> dict[str, _Seen]:
    """Return what columns of numbers and times hold."""
    if not names:
        return {}
    counts = []
    for name in names:
        value = f"cast({quote(name)} as double)" if is_number(kinds[name]) else "null::double"
        finite = f"filter (where isfinite({value}))"
        counts += [f"count({quote(name)})", f"count(*) {finite}", f"min({value}) {finite}"]
        counts += [f"max({value}) {finite}", f"bool_and({value} = floor({value})) {finite}"]
    found = iter(first.row(f"select {', '.join(counts)} from {first}"))
    return {
        name: _Seen(values, numbers, 0, low, high, whole, 0)
        for name, values, numbers, low, high, whole in zip(names, *[found] * 5, strict=False)
    }


def _look_at_texts(first: Relation, names: list[str], each: int) -> dict[str, _Seen]:
    """Return what columns of other types hold, at most so many values of each."""
    if not names:
        return {}
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
    # Equal values are read once.
    counted = values.rows(
        "select place, sum(n), sum(n) filter (where number is not null), sum(n) filter (where time is not null), "
        "min(number), max(number), bool_and(number = floor(number)), sum(n) filter (where suffix(value, '%')) "
        f"from (select place, {value} as value, n, {number} as number, {reading.timestamp('value')} as time "
        f"from (select place, {value}, count(*) as n from {values} group by all)) group by place"
    )
    return {
        names[place]: _Seen(count, numbers or 0, times or 0, low, high, whole, percents or 0)
        for place, count, numbers, times, low, high, whole, percents in counted
    }


def _kind_of_values(name: str, kind: str, seen: _Seen) -> str:
    """Return the kind of one column of the peek; three of four values decide."""
    values, numbers, times, low, high, whole, percents = seen
    dated = _DATED.search(name.lower()) is not None
    if is_time(kind) or (times >= 0.75 * values and (dated or numbers < 0.75 * values)):
        return "timestamp"
    if numbers >= 0.75 * values:
        share = (low >= 0 and high <= 1 and not whole) or percents >= 0.75 * values
        return "rate" if share else "number"
    return "text"
