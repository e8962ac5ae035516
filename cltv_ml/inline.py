"""Results at the end of a cell of a notebook: a small HTML table of their parts, all text escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from html import escape
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import pandas as pd

#: Rows of a table that are shown, and characters of a text.
ROWS, CHARACTERS = 10, 300

_CELL = 'style="text-align:left;vertical-align:top;padding:2px 8px"'


class Inline:
    """A result that a notebook shows as a table of its parts; by default these are a dataclass's fields."""

    def _parts(self) -> Mapping[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self) if one.repr}  # type: ignore[arg-type]

    def _repr_html_(self) -> str:
        return card(type(self).__name__, {name.replace("_", " "): one for name, one in self._parts().items()})


def card(title: str, parts: Mapping[str, Any]) -> str:
    """Return a titled HTML table with a row per part; empty parts are left out.

    >>> card("Verdict", {"level": "no-go", "reasons": ("<50 customers.",), "rows": 1234, "nothing": None})
    '<div><b>Verdict</b>...<td ...>no-go</td>...<li>&lt;50 customers.</li>...<td ...>1,234</td>...</div>'
    """
    shown = {name: show(value) for name, value in parts.items()}
    rows = "".join(
        f"<tr><th {_CELL}>{escape(name)}</th><td {_CELL}>{value}</td></tr>"
        for name, value in shown.items()
        if value
    )
    return f"<div><b>{escape(title)}</b><table>{rows}</table></div>"


def show(value: Any) -> str:
    """Return one value as HTML: a table's first rows, a list's items, a number, a text; empty where there is none."""
    if isinstance(value, pd.DataFrame):
        return _table_html(value)
    if isinstance(value, pd.Series):
        return _table_html(value.to_frame())
    if isinstance(value, Inline):
        return value._repr_html_()
    if isinstance(value, Mapping):
        items = [f"{escape(_value_text(name))}: {show(one)}" for name, one in value.items()]
        return _list_html(items)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return _list_html([show(item) for item in value])
    return escape(_value_text(value))


def _list_html(items: Sequence[str]) -> str:
    if not items:
        return ""
    points = "".join(f"<li>{item}</li>" for item in items[: 2 * ROWS])
    return (
        f'<ul style="margin:0;padding-left:16px">{points}</ul>{_more_html(len(items), 2 * ROWS, "entries")}'
    )


def _table_html(frame: pd.DataFrame) -> str:
    if frame.empty:
        return ""
    numbered = isinstance(frame.index, pd.RangeIndex)
    head = frame.head(ROWS).to_html(border=0, index=not numbered, float_format=_value_text)
    return head + _more_html(len(frame), ROWS, "rows")


def _more_html(count: int, shown: int, what: str) -> str:
    return f"<small>{shown} of {count:,} {what}</small>" if count > shown else ""


def _value_text(value: Any) -> str:
    """Return a plain value as text; of other objects only what is short.

    >>> _value_text(12345.678), _value_text(0.12345), _value_text(3), _value_text(True), _value_text(None)
    ('12,345.68', '0.1235', '3', 'True', '')
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        return f"{int(value):,}"
    if isinstance(value, Real) and not isinstance(value, bool):
        return f"{float(value):,.2f}" if abs(float(value)) >= 100 else f"{float(value):.4g}"
    text = "" if value is None else str(value)
    if len(text) > CHARACTERS:
        return f"{text[:CHARACTERS]} …" if isinstance(value, (str, Path)) else ""
    return text
