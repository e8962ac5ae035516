"""Dates that stand only inside the text of each document, such as "Invoice 0012 of 03.05.2025 12:10"."""

from __future__ import annotations

from cltv_ml.engine import Relation, literal, quoted, show
from cltv_ml.sources.frames import MARK

#: Rows that are looked at, and the share of them that must have exactly one date after a word.
_ROWS, _AGREE = 1000, 0.98

_INNER_DATE = r"(?:\d{1,2}[./]\d{1,2}[./]\d{4}|\d{4}-\d{2}-\d{2})(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?"
_WORD, _BEGINS = r"^[^\d]*\pL", r"^\s*\d{1,4}[-./]\d{1,2}[-./]\d{1,4}"

#: How the column of the dates is called.
DATE_OF = "date of the document"


def split_date(table: Relation) -> tuple[Relation, list[str]]:
    """Return the table with the dates inside one text column in a column of their own, and a note.

    Nothing changes unless nearly every text of one column has one date after a word, and no column begins with dates.
    """
    texts = [name for name, kind in table.kinds.items() if kind == "VARCHAR" and name.startswith(MARK)]
    if not texts:
        return table, []
    tests = {name: _tests(quoted(name)) for name in texts}
    counted = f"(from {table} limit {_ROWS})"
    rows, *counts = table.row(
        f"select count(*), {', '.join(f'count(*) filter ({test})' for pair in tests.values() for test in pair)} "
        f"from {counted}"
    )
    inside, begun = dict(zip(texts, counts[::2], strict=True)), counts[1::2]
    found = [name for name in texts if rows and inside[name] >= _AGREE * rows]
    if len(found) != 1 or any(count > (1 - _AGREE) * rows for count in begun):
        return table, []
    date = f"nullif(regexp_extract({quoted(found[0])}, {literal(_INNER_DATE)}), '')"
    view = show(table.con, "rows", f"select *, {date} as {quoted(MARK + DATE_OF)} from {table}")
    return view, [f"{DATE_OF!r} is the date inside the text of column {found[0].removeprefix(MARK)!r}."]


def _tests(text: str) -> tuple[str, str]:
    """Return SQL for whether a text has one date after a word, and whether it begins with one."""
    one = f"len(regexp_extract_all({text}, {literal(_INNER_DATE)})) = 1"
    return (
        f"regexp_matches({text}, {literal(_WORD)}) and {one}",
        f"regexp_matches({text}, {literal(_BEGINS)})",
    )
