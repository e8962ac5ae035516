"""Tables of web pages and XML spreadsheets, which programs often save with a workbook's extension."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from cltv_ml.errors import InputError
from cltv_ml.sources.archives import check_workbook
from cltv_ml.sources.encodings import find_encoding
from cltv_ml.sources.frames import Part
from cltv_ml.sources.layout import find_header

#: What the beginning of such a file holds; a text file may begin with `<TICKER>` too.
_MARKUP = re.compile(
    rb"\s*<(\?xml|\?mso|!--|!doctype|html|head|meta|style|body|div|table|workbook)\b", re.IGNORECASE
)

#: The elements of HTML, of Excel's XML (SpreadsheetML) and of OpenDocument, by what they hold.
_ELEMENTS = {
    "table": "table",
    **dict.fromkeys(("tr", "row", "table-row"), "row"),
    **dict.fromkeys(("td", "th", "cell", "table-cell", "covered-table-cell"), "cell"),
}

#: Elements whose text is no value: notes on a cell, and what a browser runs.
_UNREAD = {"comment", "annotation", "script", "style"}

#: The most rows that a spreadsheet has.
_MOST_ROWS = 1 << 20

_FED_AT_ONCE = 1 << 20

_NO_TABLE = (
    "{name!r} is a web page or XML file without a table; open it in a spreadsheet and save it as xlsx or CSV."
)


def is_markup(path: Path) -> bool:
    """Whether a file is a web page or XML."""
    with path.open("rb") as file:
        head = file.read(256)
    for encoding, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
        if head.startswith(mark):
            head = head[2:].decode(encoding, "replace").encode()
    return _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def copy_table(path: Path, folder: Path) -> tuple[Path, list[str], list[Part]]:
    """Return a CSV copy, in `folder`, of the largest table of a web page or XML spreadsheet, notes, and its parts.

    Tables with the same first row, and so with the same header, are its parts, named after their sheets or the text
    above them. A cell that spans several rows is repeated in each.

    Raises
    ------
    InputError
        The file holds no table of two rows.
    """
    named = _tables_of(path)
    tables = [rows for _, rows in named]
    if not tables:
        raise InputError(_NO_TABLE.format(name=path.name))
    largest = max(tables, key=lambda rows: sum(map(len, rows)))
    above = find_header(largest, path.name) + 1
    parts, done = list[Part](), 0
    copy = folder / f"{path.name}.csv"
    with copy.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for title, rows in named:
            if rows[0] == largest[0]:
                own = rows[above:] if rows[:above] == largest[:above] else rows[1:]
                writer.writerows(own if parts else [*largest[:above], *own])
                parts.append(Part(title or f"table {len(parts) + 1}", done))
                done += len(own)
    note = f"{path.name!r} is a web page or XML file rather than a workbook; its largest table was read."
    notes = [] if path.suffix.lower() == ".ods" else [note]
    if skipped := [rows for rows in tables if rows[0] != largest[0]]:
        shown = ", ".join(repr([cell for cell in rows[0] if cell][:4]) for rows in skipped[:5])
        notes.append(
            f"{len(skipped)} other tables of {path.name!r} were skipped; their first rows are {shown}."
        )
    return copy, notes, parts


def copy_records(path: Path, folder: Path) -> Path | None:
    """Return a JSON copy, in `folder`, of an XML file whose elements are records; None for any other file."""
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, ValueError):
        return None
    often = Counter((id(parent), child.tag) for parent in root.iter() for child in parent)
    lists = {
        (parent.tag, child.tag)
        for parent in root.iter()
        for child in parent
        if often[id(parent), child.tag] > 1
    }
    names = {element.tag.rpartition("}")[2].lower() for element in root.iter()}
    if (
        not lists
        or "html" in names
        or {"tr", "td"} <= names
        or root.tag.rpartition("}")[2].lower() == "workbook"
    ):
        return None
    copy = folder / f"{path.name}.json"
    copy.write_text(json.dumps(_as_json(root, lists), ensure_ascii=False), encoding="utf-8")
    return copy


def _as_json(element: ElementTree.Element, lists: set[tuple[str, str]]) -> Any:
    """Return an element as JSON: its text, or its attributes and children by name, with repeated children as a list."""
    text = (element.text or "").strip() or None
    if not len(element) and not element.attrib:
        return text
    record: dict[str, Any] = dict(element.attrib)
    for child in element:
        name, value = child.tag.rpartition("}")[2], _as_json(child, lists)
        if (element.tag, child.tag) in lists:
            record.setdefault(name, []).append(value)
        elif isinstance(value, dict) and not len(
            child
        ):  # a text with attributes, such as a total with its currency
            record |= {name: (child.text or "").strip() or None}
            record |= {f"{name}.{attribute}": attribute_value for attribute, attribute_value in value.items()}
        else:
            record[name] = value
    return record


def _tables_of(path: Path) -> list[tuple[str, list[list[str]]]]:
    """Return the tables with at least two rows, row by row, and their titles."""
    reader = _Reader()
    if zipfile.is_zipfile(path):
        check_workbook(path)
        with zipfile.ZipFile(path) as archive:
            reader.feed(archive.read("content.xml").decode("utf-8", "replace"))
    else:
        _feed_text(reader, path)
    reader.close()
    for rows in reader.tables:
        while rows and not any(rows[-1]):
            rows.pop()
    named = zip(reader.titles, reader.tables, strict=True)
    return [(title, rows) for title, rows in named if len(rows) > 1 and max(map(len, rows)) > 1]


def _feed_text(reader: HTMLParser, path: Path) -> None:
    with path.open("rb") as file:
        declared = re.search(rb"""(?:charset|encoding)\s*=\s*["']?([\w-]+)""", file.read(4096))
    encoding, _, _ = find_encoding(path)
    if declared and not encoding.startswith("utf"):
        encoding = declared[1].decode()
    try:
        with path.open(encoding=encoding, errors="replace") as text:
            while block := text.read(_FED_AT_ONCE):
                reader.feed(block)
    except LookupError as error:
        raise InputError(
            f"{path.name!r} declares an encoding that does not exist, {encoding!r}; save it as xlsx or CSV."
        ) from error


class _Reader(HTMLParser):
    """Parser that collects the rows of all tables; an element that is not closed ends at the next of its kind."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.titles: list[str] = []
        self._title = ""
        self._unread = ""
        self._open: list[list[list[str]]] = []
        self._spans: dict[int, tuple[int, str]] = {}
        self._text: list[str] | None = None
        self._value = self._number = ""
        self._width = 1
        self._equal = self._equal_rows = 1
        self._rows = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a table, a row or a cell."""
        kind = _ELEMENTS.get(tag.rpartition(":")[2])
        attributes = {name.rpartition(":")[2]: value or "" for name, value in attrs}
        if tag.rpartition(":")[2] in _UNREAD:
            self._unread = self._unread or tag
        if tag.rpartition(":")[2] == "worksheet":
            self._title = attributes.get("name", "")
        if kind == "table":
            self._open.append([])
            self.tables.append(self._open[-1])
            self.titles.append(attributes.get("name") or self._title)
            self._title = ""
            self._text, self._spans = None, {}
        elif kind == "row" and self._open:
            self._end_row()
            self._open[-1].append([])
            self._equal_rows = max(_span_of(attributes.get("number-rows-repeated"), _MOST_ROWS), 1)
        elif kind == "cell" and self._open:
            self._end_cell()
            self._begin_cell(attributes)
        elif tag == "br" and self._text is not None:
            self._text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """End a table, a row or a cell."""
        kind = _ELEMENTS.get(tag.rpartition(":")[2])
        self._unread = "" if tag == self._unread else self._unread
        if kind == "table" and self._open:
            self._end_row()
            self._open.pop()
        elif kind == "row":
            self._end_row()
        elif kind == "cell":
            self._end_cell()

    def handle_data(self, data: str) -> None:
        """Add text to the current cell, or keep it as the title of a table."""
        if self._unread or not data.strip(" \n\r\t"):
            return
        if self._text is not None:
            self._text.append(data)
        elif not self._open:
            self._title = " ".join(data.split())
        elif not self._open[-1] and self._open[-1] is self.tables[-1]:  # a caption
            self.titles[-1] = " ".join(data.split())

    def unknown_decl(self, data: str) -> None:
        """Add the text of a CDATA section, as in XML records."""
        if data.startswith("CDATA["):
            self.handle_data(data.removeprefix("CDATA["))

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        rows = self._open[-1]
        if not rows:
            rows.append([])
        if (place := _span_of(attributes.get("index"))) > 1:  # cells of XML spreadsheets may skip empty ones
            rows[-1].extend([""] * (place - 1 - len(rows[-1])))
        self._take_spanned()
        self._width = max(_span_of(attributes.get("colspan")), _span_of(attributes.get("mergeacross")) + 1, 1)
        self._rows = max(_span_of(attributes.get("rowspan")), _span_of(attributes.get("mergedown")) + 1, 1)
        self._equal = max(_span_of(attributes.get("number-columns-repeated")), 1)
        self._value = attributes.get("value") or attributes.get("date-value") or ""
        self._number = attributes.get("num", "")
        self._text = []

    def _end_cell(self) -> None:
        if self._text is None:
            return
        row, value = self._open[-1][-1], self._value or " ".join("".join(self._text).split())
        if self._number and re.fullmatch(r"-?\d[\d.,' ]*", value):  # the text of a number may be rounded
            value = self._number
        if self._rows > 1:
            self._spans[len(row)] = (self._rows - 1, value)
        row.extend([value, *[""] * (self._width - 1)] * self._equal)
        self._text = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._open and self._open[-1] and self._open[-1][-1]:
            self._take_spanned()
            more = self._equal_rows - 1 if any(self._open[-1][-1]) else 0
            self._open[-1].extend([list(self._open[-1][-1]) for _ in range(more)])
            self._equal_rows = 1

    def _take_spanned(self) -> None:
        """Repeat in the row the cells above that span it."""
        row = self._open[-1][-1]
        while (spanned := self._spans.pop(len(row), None)) is not None:
            rows, value = spanned
            if rows > 1:
                self._spans[len(row)] = (rows - 1, value)
            row.append(value)


def _span_of(text: str | None, most: int = 1000) -> int:
    return int(text) if text and text.isdecimal() and int(text) < most else 0
