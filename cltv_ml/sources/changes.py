"""Change records, as databases stream them: the state of a row before and after each change."""

from __future__ import annotations

from typing import Any

#: Letters for the deletion of a row, of Debezium and of others.
_DELETIONS = {"d", "delete", "remove"}


def states_of(records: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the state after each change, with its time as `updated_at`, and a note; other records as they are.

    A deletion keeps the state before it, with `deleted` set.

    >>> created = {"before": None, "after": {"id": 1, "total": 9}, "op": "c", "ts_ms": 5}
    >>> states_of([created, {"before": {"id": 1, "total": 9}, "after": None, "op": "d", "ts_ms": 7}])[0]
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'id': 1, 'total': 9, 'updated_at': 5, 'deleted': None},
     {'id': 1, 'total': 9, 'updated_at': 7, 'deleted': 'true'}]
    """
    bodies = [record["payload"] if _is_wrapped(record) else record for record in records]
    if not bodies or not all(map(_is_change, bodies)):
        return records, []
    states = []
    for body in bodies:
        state = body["after"] or body["before"]
        deleted = str(body["op"]).lower() in _DELETIONS
        time = body.get("ts_ms")
        states.append(
            {**state, "updated_at": state.get("updated_at", time), "deleted": "true" if deleted else None}
        )
    return states, [
        "Each record is a change of a row; the state after it was read, with its time as 'updated_at'."
    ]


def _is_wrapped(record: dict[str, Any]) -> bool:
    return set(record) <= {"schema", "payload"} and isinstance(record.get("payload"), dict)


def _is_change(body: Any) -> bool:
    return (
        isinstance(body, dict)
        and {"before", "after", "op"} <= set(body)
        and isinstance(body["after"] or body["before"], dict)
    )
