"""JSON files: an array of records, an object that contains one, or one record per line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from cltv_ml.engine import Relation, is_records
from cltv_ml.errors import InputError
from cltv_ml.sources.archives import text_batches
from cltv_ml.sources.changes import states_of
from cltv_ml.sources.children import nest_children
from cltv_ml.sources.frames import MARK, SourceRows, inner_names, load_batches
from cltv_ml.sources.inner_lists import expand_lists, flat_record, have_money_and_date, money_of_parts
from cltv_ml.sources.parts import holds_no_sales
from cltv_ml.sources.single_lists import unwrap, without_types

#: Keys under which an API says that further pages follow.
_MORE = re.compile(
    "has_?(more|next)(_?page)?|next(_?(page|cursor|link|url|page_?token|href))?|@odata.nextLink", re.I
)

#: Names of lists of what was given back, in small letters.
_REFUND_LISTS = re.compile(
    "refund(ed|s|transactions|items|lines)?|returns?|(issued)?creditnotes?|erstattungen|gutschriften|remboursements|avoirs|"
    "reembolsos|devoluciones|rimborsi|resi|terugbetalingen|zwroty"
)

#: Keys of a refund's money, also inside the object of an amount.
_MONEY_KEYS = (
    *("amount", "total", "total_amount", "totalAmount", "refund_amount", "refundAmount", "amount_money"),
    *("totalRefundedSet", "shopMoney", "shop_money", "value"),
)


def read_json(
    con: duckdb.DuckDBPyConnection, path: Path, start: int = 0, wanted: str | None = None
) -> SourceRows:
    """Return the rows of a JSON file, all columns as text: nested objects become `customer.id`, lists stay JSON.

    Parameters
    ----------
    wanted
        The list in each record whose entries are the rows; None finds it.

    Raises
    ------
    InputError
        The file is not JSON, is nested too deeply, or holds neither an array of records nor a record a line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name!r} is JSON but not UTF-8 ({error.reason}); save it as UTF-8."
        ) from error
    try:
        records, broken, notes = _records(text, path.name, start)
        records, changes = states_of([without_types(record) for record in unwrap(nest_children(records))])
        records, summed = _sum_refunds(records)
        records, expanded_notes = expand_lists(records, wanted or "")
        rows = [dict(flat_record(record)) for record in records]
    except RecursionError as error:
        raise InputError(
            f"{path.name!r} nests objects or lists hundreds of levels deep; save its records without "
            "this nesting."
        ) from error
    if not any(rows):
        raise InputError(f"{path.name!r} contains no records; check that the export is complete.")
    return SourceRows(
        _load_flat(con, rows, start), tuple(broken), (*notes, *changes, *summed, *expanded_notes)
    )


def flatten_records(con: duckdb.DuckDBPyConnection, table: Relation) -> SourceRows:
    """Return the rows of a table, with nested records read like those of JSON; without any, as they are."""
    if not any("STRUCT(" in kind for kind in table.kinds.values()):
        return SourceRows(table)
    names = {name: name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)}
    rows = con.sql(f"from {table} order by source_row").to_arrow_table().to_pylist()
    return rows_of_records(con, [{name: row[inner] for inner, name in names.items()} for row in rows])


def rows_of_records(con: duckdb.DuckDBPyConnection, records: list[dict[str, Any]]) -> SourceRows:
    """Return nested records as rows, like those of a JSON file."""
    records, summed = _sum_refunds(records)
    records, expanded = expand_lists(records)
    return SourceRows(
        _load_flat(con, [dict(flat_record(record)) for record in records]), (), (*summed, *expanded)
    )


def _load_flat(con: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]], start: int = 0) -> Relation:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return load_batches(
        con, text_batches(([row.get(name) for name in names] for row in rows), inner_names(names), start)
    )


def _transposed(content: Any) -> list[dict[str, Any]] | None:
    """Return the records of a JSON table that names its columns once, with rows as lists or by key; None otherwise."""
    if not isinstance(content, dict):
        return None
    names, rows = content.get("columns"), content.get("data", content.get("rows"))
    if (
        isinstance(names, list)
        and isinstance(rows, list)
        and rows
        and all(isinstance(row, list) for row in rows)
    ):
        names = [cell.get("name") if isinstance(cell, dict) else cell for cell in names]
        return [dict(zip(names, row, strict=False)) for row in rows]
    if len(content) > 1 and all(
        isinstance(column, list) and not is_records(column) for column in content.values()
    ):
        same = len({len(column) for column in content.values()}) == 1
        return (
            [dict(zip(content, row, strict=True)) for row in zip(*content.values(), strict=True)]
            if same
            else None
        )
    columns = [value for value in content.values() if isinstance(value, dict)]
    if len(columns) < max(2, len(content)) or any(list(column) != list(columns[0]) for column in columns):
        return None
    if len(columns) > len(columns[0]) and not all(row.isdigit() for row in columns[0]):
        return None  # one record under each key
    return [{name: value[row] for name, value in content.items()} for row in columns[0]]


def _keyed(content: Any) -> list[dict[str, Any]] | None:
    """Return the records of an object that holds one under each key, with the key among their values; None otherwise.

    >>> _keyed({"orders": {"A1": {"total": 9}, "A2": {"total": 5}, "A3": {"total": 7, "tip": 1}}})
    [{'key': 'A1', 'total': 9}, {'key': 'A2', 'total': 5}, {'key': 'A3', 'total': 7, 'tip': 1}]
    """
    if not isinstance(content, dict):
        return None
    records = list(content.values())
    if len(records) == 1:
        return _keyed(records[0])
    if not all(isinstance(record, dict) and record for record in records):
        return None
    names = {name for record in records for name in record}
    shared = [name for name in names if sum(name in record for record in records) >= 0.5 * len(records)]
    alike = all(sum(name in record for name in shared) >= 0.5 * len(record) for record in records)
    if len(records) <= len(shared) or len(records) < 3 or not shared or not alike:
        return None
    return [{"key": key, **record} for key, record in content.items()]


def _sum_refunds(records: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the records with each order's list of refunds replaced by its total, and notes.

    Shops' APIs write such lists, some inside an object. If any refund has no money, nothing is changed, which leads to
    a question.
    """
    lists = [_list_of_refunds(record) for record in records]
    names = {name for name, refunds in lists if refunds}
    sums = [_refunds_added_up(refunds) for _, refunds in lists]
    if len(names) != 1 or None in sums:
        return records, []
    summed = [
        record if refunds is None else _without_list(record, refunds) | {"refunds": str(money)}
        for record, (_, refunds), money in zip(records, lists, sums, strict=True)
    ]
    return summed, [f"The list {min(names)!r} of each record was summed and read as the refunded money."]


def _without_list(record: dict[str, Any], entries: list[Any]) -> dict[str, Any]:
    """Return a record without one list, which may stand in an object of it."""
    return {
        name: _without_list(value, entries) if isinstance(value, dict) else value
        for name, value in record.items()
        if value is not entries
    }


def _list_of_refunds(record: dict[str, Any]) -> tuple[str, Any]:
    """Return the name and the entries of the list of refunds of a record, or else of an object in it."""
    inner = (value for value in record.values() if isinstance(value, dict))
    found = [
        (name, value)
        for part in (record, *inner)
        for name, value in part.items()
        if _REFUND_LISTS.fullmatch(name.replace("_", "").lower()) and (value == [] or is_records(value))
    ]
    return found[0] if found else ("", None)


def _refunds_added_up(refunds: Any) -> Decimal | None:
    """Return the sum of refunds: of their transactions that did not fail, else of their own amounts."""
    total = Decimal(0)
    for refund in refunds if is_records(refunds) else []:
        inner = refund.get("transactions")
        for entry in inner if is_records(inner) else [refund]:
            failed = str(entry.get("status", "")).lower() in ("failure", "failed", "error", "pending")
            amount = _money_in(entry)
            if not re.fullmatch(r"-?\d+(\.\d+)?", amount):
                return None
            total += 0 if failed else abs(Decimal(amount))
    return total


def _money_in(entry: Any) -> str:
    """Return the amount of a refund, which may stand in an object with its currency; empty without one.

    >>> _money_in({"id": 7, "amount_money": {"amount": 950, "currency": "EUR"}}), _money_in({"amount": "9.50"})
    ('950', '9.50')
    """
    if not isinstance(entry, dict):
        return str(entry)
    money, rest = money_of_parts(entry)
    totals = (name for name in rest if re.search("(^|_)(total|amount)$", name))
    return money or _money_in(next((rest[name] for name in (*_MONEY_KEYS, *totals) if rest.get(name)), ""))


def _records(
    text: str, name: str, start: int
) -> tuple[list[dict[str, Any]], list[tuple[int, str]], list[str]]:
    """Return a file's records, the lines that are not records, and notes for the user."""
    try:
        content = _parse(text)
    except json.JSONDecodeError as error:
        return *_by_line(text, name, error, start), []
    if (table := _transposed(content)) is not None:
        return table, [], [f"The records of {name!r} were assembled from its columns."]
    if isinstance(content, list) and content and all(is_records(page) or page == [] for page in content):
        content = [record for page in content for record in page]
    if (keyed := _keyed(content)) is not None:
        note = f"The {len(keyed):,} records of {name!r} were read from one object each; its name is the column 'key'."
        return keyed, [], [note]
    if isinstance(content, dict):
        lists = {key: value for key, value in content.items() if is_records(value)}
        more = _tell_of_more(content, name)
        if lists:
            key, others = _find_sales(lists, name)
            left = f" Its other lists, {others}, were not read." * bool(others)
            note = f"The records of {name!r} were read from its list {key!r}.{left}"
            return lists[key], [], [note, *more]
        deeper = dict(_lists_within(content))
        dated = [path for path, records in deeper.items() if have_money_and_date(records)]
        chosen = list(deeper) if len(deeper) == 1 else dated
        if len(chosen) == 1:
            left = f" Its other lists, {sorted({*deeper} - {*chosen})}, were not read." * (len(deeper) > 1)
            note = f"The records of {name!r} were read from {chosen[0]!r}.{left}"
            return [_unwrapped(record) for record in deeper[chosen[0]]], [], [note, *more]
        content = [content]
    if not is_records(content):
        raise InputError(
            f"{name!r} is JSON but contains no array of records; write [{{...}}, ...] or one record per line."
        )
    return content, [], []


def _find_sales(lists: dict[str, list[dict[str, Any]]], name: str) -> tuple[str, list[str]]:
    """Return the one list whose records have money and a date, and the names of the others.

    Raises
    ------
    InputError
        Several lists have both, none has, another has the same fields, or one is called refunds or the like.
    """
    dated = [key for key, records in lists.items() if have_money_and_date(records)]
    if len(lists) == 1:
        dated = list(lists)
    others = [key for key in lists if key not in dated]
    alike = [key for key in others for chosen in dated if lists[key][0].keys() == lists[chosen][0].keys()]
    if len(dated) != 1 or alike or any(map(holds_no_sales, others)):
        raise InputError(
            f"{name!r} contains several lists of records, {sorted(lists)}; save one of them as a file."
        )
    return dated[0], sorted(others)


def _tell_of_more(content: dict[str, Any], name: str) -> list[str]:
    """Return a note if an answer of a shop's API says that further pages follow."""
    for key, value in content.items():
        if _MORE.fullmatch(key) and value not in (None, False, "", {}, []):
            return [
                f"{name!r} is one page of several ({key!r} is {str(value)[:40]}); export the others, too."
            ]
        if isinstance(value, dict) and (note := _tell_of_more(value, name)):
            return note
    return []


def _lists_within(content: dict[str, Any], path: str = "") -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the lists of records inside an API response, each with its path."""
    for key, value in content.items():
        if path and is_records(value):
            yield path + key, value
        elif isinstance(value, dict):
            yield from _lists_within(value, f"{path}{key}.")


def _unwrapped(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without its wrapper, such as GraphQL's `node` or a search engine's `_source`."""
    inner = [value for key, value in record.items() if key in ("node", "_source") and isinstance(value, dict)]
    return inner[0] if len(inner) == 1 else record


def _by_line(
    text: str, name: str, error: json.JSONDecodeError, start: int
) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """Return one record per line; an invalid line becomes an empty record and is reported as broken."""
    records: list[dict[str, Any]] = []
    broken = []
    for line in filter(str.strip, re.split(r"[\r\n]+", text)):  # other line separators may be part of a text
        try:
            record = _parse(line)
        except (json.JSONDecodeError, RecursionError):
            record = None
        if not isinstance(record, dict):
            broken.append((start + len(records), line))
        records.append(record if isinstance(record, dict) else {})
    if len(broken) > 0.5 * len(records):
        raise InputError(f"{name!r} is not valid JSON: {error.msg} in line {error.lineno}.")
    return records, broken


def _parse(text: str) -> Any:
    """Return the content of a JSON text; numbers stay as written, so long identifiers keep their digits."""
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
