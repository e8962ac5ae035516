"""Excel workbooks: the header and the unchanged rows of their sheets."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

from openpyxl import Workbook, load_workbook
from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from cltv_ml.errors import InputError, among
from cltv_ml.sources import layout
from cltv_ml.sources.archives import check_workbook
from cltv_ml.sources.frames import TablesError
from cltv_ml.sources.parts import holds_no_sales
from cltv_ml.sources.sheet_layout import check_calculated, look_at_sheet

#: The sign or code of a currency in the format of a cell.
_CURRENCY_SIGN = re.compile(r"[$€£¥₹₩₺₽₴₫฿₪]|[A-Z]{3}|kr\.?|zł|Kč|Ft|R\$|(US|CA|A)\$")

#: Days between the two starts from which spreadsheets count, and the numbers that are days from 1950 to 2100 from the
#: later one, 1904-01-01.
_LATER_START, _LATER_DAYS = 1462, (16802, 71953)

#: Headings of columns with days.
_DAYS = re.compile("dat|time|day|when|fecha|jour|giorno|zeit|tag$")

#: Fewest sheets of one header next to which sheets of other headers are left out.
_FEWEST_ALIKE = 3

#: Number of rows in which the header of a sheet is sought.
_HEADER_ROWS = 200


def workbook_rows(
    path: Path,
    sheet: str | None,
    header_row: int | None = None,
    starts: list[tuple[str, int]] | None = None,
    notes: list[str] | None = None,
    titles: list[tuple[str, str]] | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Yield the header and the rows of a workbook's sheet, or of all its sheets if they share one header.

    To `starts`, each sheet's name and the number of rows before it are appended; to `notes`, notes for the user; to
    `titles`, the lines above the headers with their sheets. Hidden sheets are read only if named, or if there are no
    others. If cells are formatted in several currencies, numbers keep their currency's sign.

    Raises
    ------
    InputError
        The file is damaged, the sheet does not exist, or several sheets have different headers and none was named.
    """
    check_workbook(path)
    opened = path.open("rb")
    with closing(opened), closing(_open_book(opened, path.name)) as book:
        for sheet_read in book.worksheets:
            sheet_read.reset_dimensions()  # what a file says of its size may be wrong, and cut rows off
        places = {
            sheet_of_book.title: _header(sheet_of_book, header_row, path.name)
            for sheet_of_book in book.worksheets
        }
        headers = {name: header for name, (header, _) in places.items()}
        filled = [name for name, header in headers.items() if header]
        visible = [name for name in filled if book[name].sheet_state == "visible"] or filled
        hidden = [name for name in filled if name not in visible and sheet is None]
        if notes is not None and hidden:
            notes.append(
                f"{path.name!r} has the hidden sheets {hidden}, which were not read; to read one, "
                "name it as table (--query)."
            )
        if notes is not None and header_row is None:
            above = [
                (name, row) for name in visible for row in _rows_above(book[name], places[name][1], path.name)
            ]
            lines = [(name, " ".join(str(cell) for cell in row if cell)) for name, row in above]
            if titles is not None:
                titles += [line for line in lines if line[1]]
            said = [str(cell) for _, row in above for cell in row if cell]
            named = [str(cell) for name in visible for cell in headers[name] if cell]
            notes += layout.tell_of_thousands(said, named, path.name)
        chosen = (
            _of_usual_header(visible, headers) if sheet is None else _only_sheet(sheet, headers, path.name)
        )
        _check_sheets(chosen, headers, path.name)
        names, place = places[chosen[0]]
        if notes is not None:
            left_out = [name for name in visible if name not in chosen and sheet is None]
            notes += _tell_of_left_out(book, left_out, places, path.name)
        if notes is not None and header_row is None:
            notes += _tell_of_header(book[chosen[0]], names, place, path.name)
        yield names
        count = 0
        for name in chosen:
            if starts is not None:
                starts.append((name, count))
            for row in _noted_rows(book, name, names, places[name][1] + 1, path.name, notes):
                count += 1
                yield row
        if hidden and not count:
            raise InputError(
                f"the visible sheets of {path.name!r} contain no rows; to read one of its hidden sheets {hidden}, "
                "name it as table (--query)."
            )


def _tell_of_left_out(
    book: Workbook, sheets: Sequence[str], places: Mapping[str, tuple[tuple[str, ...], int]], file: str
) -> list[str]:
    """Return a note on sheets that were not read, with their rows."""
    rows = {
        name: sum(1 for row in islice(_parsed_rows(book[name], file), places[name][1] + 1, None) if any(row))
        for name in sheets
    }
    listed = ", ".join(f"{name!r} ({number:,} rows)" for name, number in rows.items())
    return [
        f"Sheets of {file!r} with other headings than most were not read: {listed}. To read one, name it as table "
        "(--query)."
    ] * bool(rows)


def _tell_of_header(sheet: Any, names: tuple[Any, ...], place: int, file: str) -> list[str]:
    """Return a note on a missing header or on one of two rows."""
    if names == tuple(layout.number_columns(len(names))):
        return [layout.tell_of_no_header(names, place + 2, file)]
    rows = islice(_parsed_rows(sheet, file), place, place + 1)
    return [
        note
        for row in rows
        for note in layout.tell_of_groups(names, ["" if cell is None else str(cell) for cell in row], file)
    ]


def _noted_rows(
    book: Workbook, name: str, names: tuple[Any, ...], start: int, file: str, notes: list[str] | None
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a sheet below its header, after a note on each peculiarity of how they were read."""
    look = look_at_sheet(book, book[name])
    check_calculated(look, name, file)
    days = _counted_days(book, book[name], names, start, file)
    if notes is not None:
        notes += look.describe(name)
        if days:
            notes.append(
                f"Sheet {name!r} counts days from 1904; the numbers in columns {[names[day] for day in days]} "
                "were read so."
            )
    whole = _give_merged(_sheet_rows(book, book[name], start, file), look.merged, start + 1)
    yield from _with_later_days(whole, days)


def _open_book(opened: IO[bytes], name: str) -> Workbook:
    with _undamaged(name):
        return load_workbook(opened, read_only=True, data_only=True)


@contextmanager
def _undamaged(name: str) -> Iterator[None]:
    """Raise InputError for any error inside openpyxl, which has no exception class for damaged files."""
    try:
        yield
    except Exception as error:
        raise InputError(f"{name!r} cannot be read as a workbook; save it as xlsx or CSV.") from error


def _parsed_rows(sheet: Any, name: str, *, values_only: bool = True) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a sheet, which is parsed as it is read."""
    with _undamaged(name):
        yield from sheet.iter_rows(values_only=values_only)


def _rows_above(sheet: Any, header_row: int, name: str) -> Iterator[tuple[Any, ...]]:
    return islice(_parsed_rows(sheet, name), max(header_row, 0))


def _only_sheet(sheet: str, headers: Mapping[str, tuple[Any, ...]], name: str) -> list[str]:
    if sheet not in headers:
        raise InputError(f"{name!r} has no sheet {sheet!r}{among(sheet, headers)}")
    return [sheet] if headers[sheet] else []


def _of_usual_header(sheets: Sequence[str], headers: Mapping[str, tuple[Any, ...]]) -> Sequence[str]:
    """Return the sheets of the header that most of them have, such as months, if the others share few of its names."""
    [(usual, number)] = Counter(headers[sheet] for sheet in sheets).most_common(1) or [((), 0)]
    others = [sheet for sheet in sheets if headers[sheet] != usual]
    like_it = [sheet for sheet in others if 2 * len({*usual} & {*headers[sheet]}) >= len(usual)]
    if number < max(_FEWEST_ALIKE, 2 * len(others)) or like_it or any(map(holds_no_sales, others)):
        return sheets
    return [sheet for sheet in sheets if sheet not in others]


def _check_sheets(sheets: Sequence[str], headers: Mapping[str, tuple[Any, ...]], name: str) -> None:
    """Raise InputError if the workbook has no rows, or if its sheets do not share one header."""
    if not sheets:
        raise InputError(f"{name!r} is empty; check that the export is complete.")
    if len({headers[sheet] for sheet in sheets}) > 1:
        widest = max(sheets, key=lambda sheet: len(headers[sheet]))
        raise TablesError(
            f"{name!r} has sheets with different headers; name one as table, such as --query {shlex.quote(widest)}. "
            f"Available: {list(sheets)}.",
            sheets,
        )


def _sheet_rows(book: Any, sheet: Any, start: int, name: str) -> Iterator[tuple[Any, ...]]:
    """Yield a sheet's rows from `start`; numbers carry their currency if cells are formatted in several."""
    formats = {style.numFmtId: "" for style in book._cell_styles}
    for number in formats:
        own = number - BUILTIN_FORMATS_MAX_SIZE
        formats[number] = book._number_formats[own] if own >= 0 else BUILTIN_FORMATS.get(number, "")
    signs = {written: _currency_of(written) for written in formats.values()}
    if len(set(filter(None, signs.values()))) < 2:
        yield from islice(_parsed_rows(sheet, name), start, None)
        return
    for row in islice(_parsed_rows(sheet, name, values_only=False), start, None):
        yield tuple(
            f"{cell.value} {sign}"
            if isinstance(cell.value, int | float) and (sign := signs.get(cell.number_format))
            else cell.value
            for cell in row
        )


def _counted_days(book: Any, sheet: Any, names: Sequence[str], start: int, name: str) -> list[int]:
    """Return the columns, from 0, that hold days as bare numbers counted from 1904, as the workbook says it counts."""
    if book.epoch != CALENDAR_MAC_1904:
        return []
    first = list(islice(_parsed_rows(sheet, name), start, start + _HEADER_ROWS))
    return [
        place
        for place, heading in enumerate(names)
        if _DAYS.search(heading.lower())
        and (values := [row[place] for row in first if place < len(row) and row[place] is not None])
        and all(map(_is_later_day, values))
    ]


def _is_later_day(value: Any) -> bool:
    low, high = _LATER_DAYS
    return isinstance(value, int | float) and low <= value <= high


def _with_later_days(rows: Iterator[tuple[Any, ...]], days: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """Yield rows with the days that are counted from 1904 counted from 1900, as in other workbooks."""
    if not days:
        yield from rows
        return
    for row in rows:
        yield tuple(
            value + _LATER_START if place in days and _is_later_day(value) else value
            for place, value in enumerate(row)
        )


def _give_merged(
    rows: Iterator[tuple[Any, ...]], merged: Mapping[int, Sequence[tuple[int, int]]], start: int
) -> Iterator[tuple[Any, ...]]:
    """Yield rows, numbered from `start`, with the text or date of merged cells in each; a number is not repeated."""
    tops = {(column, row): last for column, ranges in merged.items() for row, last in ranges}
    running: dict[int, tuple[int, Any]] = {}
    for number, row in enumerate(rows, start):
        cells = list(row)
        for column in (column for column in merged if column < len(cells)):
            if (column, number) in tops and not isinstance(cells[column], int | float):
                running[column] = (tops[column, number], cells[column])
            elif column in running and number <= running[column][0] and cells[column] is None:
                cells[column] = running[column][1]
        yield tuple(cells)


def _currency_of(written: str) -> str:
    """Return the sign or code of the currency in a cell's format.

    >>> [_currency_of(one) for one in ('[$€-407]#,##0.00', '#,##0 "USD"', '[$-409]d-mmm', '0.00 "kg"')]
    ['€', 'USD', '', '']
    """
    currencies = (
        bracketed or quoted for bracketed, quoted in re.findall(r'\[\$([^\]-]+)|"([^"]+)"', written)
    )
    return next((sign.strip() for sign in currencies if _CURRENCY_SIGN.fullmatch(sign.strip())), "")


def _header(sheet: Any, header_row: int | None, name: str) -> tuple[tuple[str, ...], int]:
    """Return the names of a sheet's columns and the index of the row above its data; no names for an empty sheet."""
    rows = [
        ["" if value is None else str(value) for value in row]
        for row in islice(_parsed_rows(sheet, name), max(_HEADER_ROWS, header_row or 0))
    ]
    width = max(map(len, rows), default=0)
    rows = [row + [""] * (width - len(row)) for row in rows]
    if not any(map(any, rows)):
        return (), 0
    if header_row is None:
        names, place = layout.join_levels(rows, layout.find_header(rows, name))
    else:
        layout.check_header_row(header_row, len(rows), name)
        names, place = rows[header_row - 1], header_row - 1
    while names and not names[-1].strip():
        names.pop()
    if header_row is None and layout.has_no_header(rows, place):
        return tuple(layout.number_columns(len(names))), place - 1
    return tuple(names), place
