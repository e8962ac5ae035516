"""Kinds of a source's columns, inferred from their first values."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

import pyarrow as pa

from cltv_ml.columns.parse import Columns, is_number, is_time
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import Relation, keep, keep_first, lend
from cltv_ml.sources.frames import MARK

#: Number of lines inspected first.
FIRST = 2000

#: Number of values inspected in all columns together, and the fewest in each column.
_VALUES, _FEWEST = 60_000, 100

_DATED = re.compile("dat|time|day|when|[_ ](at|on)$|fecha|jour|giorno|zeit|tag$|hora")

#: Texts that are neither a number nor a time: those without a digit, and a letter before digits. An x may be a sign.
_NEITHER = re.compile("[^0-9]*|[A-WYZa-wyz][-_]?[0-9]+")

#: Numbers that are no time, which are larger, and dates; both as the engine reads them by itself.
_SMALL_NUMBER = re.compile(r"-?[0-9]{1,4}(\.[0-9]+)?")
_DATE_AND_TIME = re.compile(
    "([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?)?"
)


class _Seen(NamedTuple):
    """Counts of one column's first values, in total and by what they can be read as."""

    values: int
    numbers: int
    times: int
    low: float
    high: float
    whole: bool
    percents: int


def first_lines(table: Relation) -> Relation:
    """Return the first lines of a source, copied once; the source itself if it has no more."""
    if "first_lines" not in table.found:
        table.found["first_lines"] = keep_first(table, FIRST)
    first: Relation = table.found["first_lines"]
    return first


def look_further(
    table: Relation, first: Relation, kinds: Mapping[str, str]
) -> tuple[Relation, dict[str, str]]:
    """Return the first lines and the kinds of columns, with some later lines of columns that the first leave blank.

    A column may begin late, as refunds do in an export sorted by date.
    """
    blank = [column for column, kind in kinds.items() if kind == "empty"] if table.count() > FIRST else []
    counts = (
        table.row(f"select {', '.join(f'count({quote(name)})' for name in blank)} from {table}")
        if blank
        else ()
    )
    begun = [column for column, count in zip(blank, counts, strict=True) if count]
    filled = (f"trim(cast({quote(column)} as varchar)) <> ''" for column in begun)
    found = [table.rows(f"select source_row from {table} where {some} limit {_FEWEST}") for some in filled]
    rows = sorted({int(row) for later in found for (row,) in later})
    if not rows:
        return first, dict(kinds)
    lines = keep(
        table.con,
        "first_rows",
        f"from {first} union all from {table} where source_row in (select unnest({rows}))",
    )
    later_kinds = look(lines)
    return lines, {column: later_kinds[column] if column in begun else kind for column, kind in kinds.items()}


def look(first: Relation) -> dict[str, str]:
    """Return the kind of each column, judged by its first values: number, rate, timestamp, text or empty.

    Several steps ask for the kinds of the same lines. One query reads all texts and one all numbers, so the time
    depends on the number of values, not of columns.
    """
    if "kinds" not in first.found:
        first.found["kinds"] = _look(first)
    return dict(first.found["kinds"])


def _look(first: Relation) -> dict[str, str]:
    kinds = Columns(first, Rules()).kinds
    per_column = max(_FEWEST, _VALUES // max(len(kinds), 1))
    typed = [name for name in kinds if per_column >= FIRST and _is_plain(name, kinds[name])]
    counts = _look_at_typed(first, typed, kinds) | _look_at_texts(
        first, [name for name in kinds if name not in typed], per_column
    )
    kind_of = {
        name: _kind_of_values(name, kinds[name], values) for name, values in counts.items() if values.values
    }
    return {name: kind_of.get(name, "empty") for name in kinds}


def _is_plain(name: str, kind: str) -> bool:
    """Whether a column's type determines its kind: a time, or a number whose heading does not suggest a date."""
    return is_time(kind) or (is_number(kind) and not _DATED.search(name.lower()))


def _look_at_typed(first: Relation, names: list[str], kinds: dict[str, str]) -> dict[str, _Seen]:
    """Return the counts for columns of numbers and times."""
    counts = {}
    for name in names:
        value = f"cast({quote(name)} as double)" if is_number(kinds[name]) else "null::double"
        measures = ("count(*)", f"min({value})", f"max({value})", f"bool_and({value} = floor({value}))")
        finite = f"filter (where isfinite({value}))"
        counts[name] = [f"count({quote(name)})", *(f"{measure} {finite}" for measure in measures)]
    return {
        name: _Seen(values, numbers, 0, low, high, whole, 0)
        for name, (values, numbers, low, high, whole) in first.aggregate(counts).items()
    }


def _look_at_texts(first: Relation, names: list[str], per_column: int) -> dict[str, _Seen]:
    """Return the counts for columns of other types, from at most this many values each."""
    if not names:
        return {}
    texts = ", ".join(f'cast({quote(name)} as varchar) as "{place}"' for place, name in enumerate(names))
    rows = first.rows(
        "select cast(place as integer), value, count(*) from (select place, value "
        f"from (unpivot (select {texts} from {first}) on columns(*) into name place value value) "
        f"where trim(value) <> '' qualify row_number() over (partition by place) <= {per_column}) group by all"
    )
    read = _read_first_texts(first, {value for _, value, _ in rows})
    counted: dict[int, list[tuple[str, int]]] = {}
    for place, value, count in rows:
        counted.setdefault(place, []).append((value, count))
    return {names[place]: _sum_up(values, read) for place, values in counted.items()}


def _sum_up(counted: list[tuple[str, int]], read: Mapping[str, tuple[float | None, bool]]) -> _Seen:
    """Return the counts for one column from its texts, each with its number of lines."""
    numbers = [number for value, _ in counted if (number := read[value][0]) is not None]
    return _Seen(
        values=sum(count for _, count in counted),
        numbers=sum(count for value, count in counted if read[value][0] is not None),
        times=sum(count for value, count in counted if read[value][1]),
        low=min(numbers, default=math.nan),
        high=max(numbers, default=math.nan),
        whole=all(number == math.floor(number) for number in numbers),
        percents=sum(count for value, count in counted if value.endswith("%")),
    )


def _read_first_texts(first: Relation, texts: Collection[str]) -> dict[str, tuple[float | None, bool]]:
    """Return for each text its number (None if it is not one) and whether it is a time.

    The engine takes longer to plan a query with every format than to read most tables, so it reads only texts that are
    not plain dates and may be numbers or times.
    """
    read: dict[str, tuple[float | None, bool]] = {
        text: (None, False) for text in texts if _NEITHER.fullmatch(text)
    }
    read |= {text: (None, True) for text in texts if _is_plain_date(text)}
    left = [text for text in texts if text not in read]
    if all(_SMALL_NUMBER.fullmatch(text) for text in left):
        return read | {text: (float(text), False) for text in left}
    values = lend(first.con, "first_values", pa.table({MARK + "value": pa.array(left, pa.string())}))
    reading = Columns(values, Rules(), ask=False)
    rows = values.rows(
        f"select {quote('value')}, {reading.number('value')}, {reading.timestamp('value')} is not null from {values}"
    )
    return read | {text: (number, time) for text, number, time in rows}


def _is_plain_date(text: str) -> bool:
    """Whether a text is an existing ISO 8601 date, with or without a time of day."""
    written = _DATE_AND_TIME.fullmatch(text)
    if not written:
        return False
    try:
        datetime.date.fromisoformat(written[1])
    except ValueError:
        return False
    return True


def _kind_of_values(name: str, kind: str, counts: _Seen) -> str:
    """Return the kind of a column: that of at least three in four of its first values."""
    values, numbers, times, low, high, whole, percents = counts
    dated = _DATED.search(name.lower()) is not None
    if is_time(kind) or (times >= 0.75 * values and (dated or numbers < 0.75 * values)):
        return "timestamp"
    if numbers >= 0.75 * values:
        share = (low >= 0 and high <= 1 and not whole) or percents >= 0.75 * values
        return "rate" if share else "number"
    return "text"
