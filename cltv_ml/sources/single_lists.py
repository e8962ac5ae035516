"""Lists of one entry and objects of one key in nested records, which say no more than what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cltv_ml.engine import is_records

#: The types of values in exports of DynamoDB.
_DYNAMO_TYPES = {"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"}


def unwrap(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what stands under the one key that all records have, as APIs wrap each in an object of its kind.

    >>> unwrap([{"invoice": {"id": 1}}, {"invoice": {"id": 2}}])
    [{'id': 1}, {'id': 2}]
    """
    [key, *others] = {key for record in records for key in record} or {""}
    if others or not all(isinstance(record.get(key), dict) for record in records):
        return records
    return [record[key] for record in records]


def without_types(value: Any) -> Any:
    """Return a value without the types that DynamoDB writes around it and around all values in it.

    >>> without_types({"id": {"S": "A7"}, "paid": {"M": {"total": {"N": "9.5"}}}, "note": {"NULL": True}})
    {'id': 'A7', 'paid': {'total': '9.5'}, 'note': None}
    >>> without_types({"id": {"S": "A7"}, "total": 9})
    {'id': {'S': 'A7'}, 'total': 9}
    """
    if not isinstance(value, dict) or not all(map(_has_type, value.values())) or not value:
        return value
    return {name: _without_type(*next(iter(inner.items()))) for name, inner in value.items()}


def _has_type(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _DYNAMO_TYPES


def _without_type(kind: str, value: Any) -> Any:
    if kind == "NULL":
        return None
    if kind == "L":
        return [_without_type(*next(iter(entry.items()))) if _has_type(entry) else entry for entry in value]
    return without_types(value) if kind == "M" else value


def open_single_lists(records: list[dict[str, Any]], kept: set[str]) -> list[dict[str, Any]]:
    """Return the records with each list of objects that never has more than one entry as that object.

    Parameters
    ----------
    kept
        Names of lists that stay, such as those of items.

    >>> open_single_lists([{"id": 1, "payments": [{"state": "paid"}]}, {"id": 2, "payments": []}], set())
    [{'id': 1, 'payments': {'state': 'paid'}}, {'id': 2, 'payments': {}}]
    """
    longest: dict[str, int] = {}
    for record in records:
        for path, entries in _lists_of(record):
            longest[path] = max(
                longest.get(path, 0), len(entries) if is_records(entries) or not entries else 2
            )
    single = {path for path, entries in longest.items() if entries == 1} - kept
    return [_opened(record, single) for record in records] if single else records


def _lists_of(record: dict[str, Any], path: str = "") -> Iterator[tuple[str, list[Any]]]:
    for name, value in record.items():
        if isinstance(value, list):
            yield path + name, value
        elif isinstance(value, dict):
            yield from _lists_of(value, f"{path}{name}.")


def _opened(record: dict[str, Any], single: set[str], path: str = "") -> dict[str, Any]:
    opened: dict[str, Any] = {}
    for name, value in record.items():
        if path + name in single and isinstance(value, list):
            value = value[0] if value else {}
        opened[name] = _opened(value, single, f"{path}{name}.") if isinstance(value, dict) else value
    return opened
