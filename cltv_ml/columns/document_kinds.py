"""Kinds and dates of documents that only their number states, such as "Credit note 0012 of 05.01.2025"."""

from __future__ import annotations

import re

from cltv_ml.columns.candidates import named
from cltv_ml.columns.dates_in_texts import split_date
from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.kinds import first_lines, look
from cltv_ml.columns.levels import read_levels
from cltv_ml.columns.number_endings import split_ending
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import Relation, literal, quoted, show
from cltv_ml.sources.frames import MARK

#: Headings of documents, and words before the number of one.
_DOCUMENTS = re.compile(
    "docum|dokument|beleg|документ|регистратор|voucher|comprobante|transaction|^doc"
    "|concept|libelle|buchungstext|^text|descri|detail|particulars|omschrijving|^opis|causale|narrat|memo"
)
_BEFORE_NUMBER = (
    r"^(\pL[^\d]{2,40}?)(?:[\s:,]+(?:№|#|(?i:no|nr|num)\b\.?)?\s*(?:[A-Za-z]{1,4}[-/]?|[-/])?|[№#]|[-/])?\d"
)

#: The most kinds of documents, and how the column of them is called.
_KINDS, KIND = 12, "document type"


def split_kind(table: Relation) -> tuple[Relation, list[str]]:
    """Return the table with the kind before the number of each document in a column of its own, and a note.

    Nothing changes unless each document has one of a few kinds, known to be sales and refunds, or numbers end in them,
    and no column is called the type of the line.
    """
    texts = [name.removeprefix(MARK) for name, kind in table.kinds.items() if kind == "VARCHAR"]
    texts = [name for name in texts if MARK + name in table.kinds]
    if named("type", texts):
        return table, []
    for column in (name for name in texts if _DOCUMENTS.search(plain_heading(name))):
        kind = f"regexp_extract(trim({quote(column)}), {literal(_BEFORE_NUMBER)}, 1)"
        rows = table.rows(f"select distinct {kind} as kind from {table} order by 1 limit {_KINDS + 1}")
        kinds = [str(value or "") for (value,) in rows]
        if len(kinds) <= _KINDS and all(kinds) and {"counts", "refund"} <= {*read_levels("type", kinds)}:
            view = show(table.con, "rows", f"select *, {kind} as {quoted(MARK + KIND)} from {table}")
            return view, [f"{KIND!r} is what stands before the number in column {column!r}."]
    numbers = named("order_id", texts)
    return split_ending(table, numbers[0], KIND) if numbers else (table, [])


def split_dates(table: Relation) -> tuple[Relation, list[str]]:
    """Return the table with the dates inside the texts of its documents in a column of their own, and a note.

    Nothing changes if a heading or the values of another column tell the time.
    """
    columns = [name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)]
    if named("timestamp", columns) or "timestamp" in look(first_lines(table)).values():
        return table, []
    return split_date(table)
