"""Tables with JSON texts in their cells, as loaders of warehouses and event tools write the records of APIs."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from cltv_ml.engine import is_records, quoted
from cltv_ml.sources.frames import MARK, SourceRows
from cltv_ml.sources.inner_lists import flat_record, is_paid
from cltv_ml.sources.records import rows_of_records

#: Rows that show which columns hold JSON.
_ROWS_LOOKED_AT = 200

#: Most rows whose cells are read, because all of their records are in memory at once.
_MOST_IN_MEMORY = 1_000_000

#: Fewest values of an object that is a record rather than a part of one, such as an amount and its currency.
_OF_RECORD = 4

#: Headings of objects that say who bought.
_BUYER = re.compile("(customer|client|buyer|user|shopper|member|kunde|kaeufer|cliente|acheteur)s?", re.I)


def open_cells(con: duckdb.DuckDBPyConnection, rows: SourceRows) -> SourceRows:
    """Return rows whose cells with JSON texts are read like nested records, if money or the customer is only there.

    The values of a single object, such as the record of an API next to columns of the loader, keep their names.
    """
    names = {name: name.removeprefix(MARK) for name in rows.table.kinds if name.startswith(MARK)}
    texts = [name for name in names if rows.table.kinds[name] in ("VARCHAR", "JSON")]
    shown = ", ".join(f"cast({quoted(name)} as varchar)" for name in names)
    if not texts:
        return rows
    first = con.sql(f"select {shown} from {rows.table} limit {_ROWS_LOOKED_AT}").fetchall()
    rows.table.found["filled"] = bool(first)
    looked = [dict(zip(names.values(), row, strict=True)) for row in first]
    parsed = {names[name]: [_from_json(row[names[name]]) for row in looked] for name in texts}
    nested = {column: [value for value in values if value is not None] for column, values in parsed.items()}
    nested = {column: values for column, values in nested.items() if values and _are_nested(values)}
    if not (opened := _to_open(looked, nested)):
        return rows
    if (count := rows.table.count()) > _MOST_IN_MEMORY:
        note = (
            f"The JSON texts in {opened} were not read: the source has {count:,} rows, and those of at most "
            f"{_MOST_IN_MEMORY:,} are held in memory. Unpack them before, or with --query from a database."
        )
        return replace(rows, notes=(*rows.notes, note))
    whole = con.sql(f"select {shown} from {rows.table} order by source_row").fetchall()
    records = [
        _opened_row(dict(zip(names.values(), row, strict=True)), opened, names.values()) for row in whole
    ]
    read = rows_of_records(con, records)
    note = f"The JSON texts in {opened} were read as columns."
    parts = rows.parts if read.table.count() == len(records) else ()
    return replace(rows, table=read.table, parts=parts, notes=(*rows.notes, note, *read.notes))


def _to_open(looked: Sequence[Mapping[str, Any]], nested: Mapping[str, list[Any]]) -> list[str]:
    """Return the columns of JSON to read: those with money if no other column has any, and those of customers."""
    others = [{name: value for name, value in row.items() if name not in nested} for row in looked]
    paid = any(is_paid(name, value) for row in others for name, value in row.items())
    with_money = [column for column, values in nested.items() if not paid and _have_money(values)]
    who = [column for column in nested if _BUYER.fullmatch(column) and isinstance(nested[column][0], dict)]
    return [column for column in nested if column in {*with_money, *who}]


def _have_money(values: Sequence[Any]) -> bool:
    """Whether JSON values hold money, in themselves or in the records of their lists."""
    entries = [entry for value in values for entry in (value if isinstance(value, list) else [value])]
    flat = [part for entry in entries for part in flat_record(entry)]
    inner = [_from_json(value) for _, value in flat]
    return any(is_paid(*part) for part in flat) or any(_have_money(value) for value in inner if value)


def _opened_row(record: dict[str, Any], opened: Sequence[str], columns: Collection[str]) -> dict[str, Any]:
    """Return a row as a nested record; the values of the only object stand next to the row's own."""
    values = {column: _from_json(record[column]) for column in opened}
    record = record | {column: value for column, value in values.items() if value is not None}
    if (
        len(opened) > 1
        or not isinstance(record[opened[0]], dict)
        or _BUYER.fullmatch(opened[0])
        or len(record[opened[0]]) < _OF_RECORD
    ):
        return record
    inner = record.pop(opened[0])
    return record | {f"{opened[0]}.{name}" if name in columns else name: inner[name] for name in inner}


def _are_nested(values: Sequence[Any]) -> bool:
    return all(isinstance(value, dict) or is_records(value) or value == [] for value in values) and any(
        values
    )


def _from_json(text: Any) -> Any:
    """Return the content of a JSON text of an object or list, with numbers as written; None for anything else."""
    if not isinstance(text, str):
        return None
    if text.lstrip()[:2] in ('"{', '"['):  # written as JSON twice
        text = _content(text)
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, parse_int=str, parse_float=str)
    except (json.JSONDecodeError, RecursionError):
        return _of_python(text)


def _content(text: str) -> str:
    try:
        return str(json.loads(text))
    except json.JSONDecodeError:
        return ""


def _of_python(text: str) -> Any:
    """Return the content of a text as Python shows objects and lists, with single quotes; None for anything else.

    >>> _of_python("[{'sku': 'A', 'price': 9.5, 'gift': False}]"), _of_python("{a, b}")
    ([{'sku': 'A', 'price': '9.5', 'gift': 'False'}], None)
    """
    try:
        return _as_texts(ast.literal_eval(text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _as_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _as_texts(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_as_texts(inner) for inner in value]
    return value if value is None else str(value)
