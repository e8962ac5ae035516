"""Layout of a workbook's sheet that only its XML says: hidden and struck-through rows, formulas, merged cells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from openpyxl.utils import column_index_from_string

from cltv_ml.errors import InputError

#: Cells of a sheet that are merged: the columns and rows of the first and the last.
_MERGED = re.compile(rb'<mergeCell ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')

#: A row that is hidden, by hand or by a filter.
_HIDDEN = re.compile(rb'<row [^>]*hidden="(?:1|true)"')

#: A cell with a formula but no result, as programs write it that do not calculate; an empty text is a result, and links
#: are no values.
_UNCALCULATED = re.compile(
    rb'<c (?:(?!t="str")[^>])*>\s*(?:<f[^>]*>(?!HYPERLINK)[^<]*</f>|<f[^>]*/>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)

#: A formula, and one with the result that other programs write before anybody has calculated it.
_FORMULA, _ZERO, _LATER = re.compile(rb"<f[ >]"), re.compile(rb"</f>\s*<v>0</v>"), b'fullCalcOnLoad="1"'

#: With formulas without a result in more than this share of a sheet's rows, they are a column of it.
_FEW_FORMULAS = 0.1


@dataclass
class SheetLayout:
    """What only the XML of a sheet says: rows, those hidden or struck through, formulas without result, merged cells.

    `merged` holds, for each column from 0, the first and last row, from 1, of the cells merged over several rows.
    """

    rows: int = 0
    hidden: int = 0
    struck: int = 0
    uncalculated: int = 0
    merged: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def describe(self, sheet: str) -> list[str]:
        """Return the notes for the user."""
        notes = []
        if self.merged:
            notes.append(
                f"Sheet {sheet!r} has cells merged over several rows; their text or date was "
                "copied to each row."
            )
        if self.hidden:
            notes.append(
                f"Sheet {sheet!r} has {self.hidden:,} hidden rows, by hand or by a filter; they were read like "
                "the others."
            )
        if self.struck:
            notes.append(
                f"Sheet {sheet!r} has {self.struck:,} rows with text that is struck through, which was read like "
                "other text. If it marks cancelled orders, remove these rows."
            )
        if self.uncalculated:
            notes.append(
                f"Sheet {sheet!r} has {self.uncalculated:,} cells with a formula but no result, which count as empty."
            )
        return notes


def look_at_sheet(book: Any, sheet: Any) -> SheetLayout:
    """Return the layout of a sheet of a workbook that is read as a stream."""
    layout, formulas, zeros = SheetLayout(), 0, 0
    struck = _struck_cells(book)
    with book._archive.open(sheet._worksheet_path) as packed:
        for piece in _divided(packed):
            layout.rows += piece.count(b"<row")
            formulas += len(_FORMULA.findall(piece))
            zeros += len(_ZERO.findall(piece))
            layout.hidden += len(_HIDDEN.findall(piece))
            layout.uncalculated += len(_UNCALCULATED.findall(piece)) if b"<f" in piece else 0
            layout.struck += sum(map(bool, map(struck.search, piece.split(b"<row")))) if struck else 0
            for column, first, end, last in _MERGED.findall(piece):
                if column == end and first != last:
                    place = column_index_from_string(column.decode()) - 1
                    layout.merged.setdefault(place, []).append((int(first), int(last)))
    if zeros == formulas and _LATER in book._archive.read("xl/workbook.xml"):
        layout.uncalculated += zeros
    return layout


def _struck_cells(book: Any) -> re.Pattern[bytes] | None:
    """Return the pattern of a filled cell whose text is struck through; None if no style of the workbook is."""
    fonts = [bool(font.strike) for font in book._fonts]
    styles = [str(place) for place, style in enumerate(book._cell_styles) if fonts[style.fontId]]
    return re.compile(rf'<c [^>]*\bs="(?:{"|".join(styles)})"[^>/]*>'.encode()) if styles else None


def _divided(packed: IO[bytes]) -> Iterator[bytes]:
    """Yield a sheet's XML in pieces that end between two rows."""
    left = b""
    while block := packed.read(1 << 20):
        done, sign, rest = (left + block).rpartition(b"<row")
        left = sign + rest
        yield done
    yield left


def check_calculated(layout: SheetLayout, sheet: str, name: str) -> None:
    """Raise InputError if more cells than a few sums contain formulas without results."""
    if layout.uncalculated > max(1, _FEW_FORMULAS * layout.rows):
        raise InputError(
            f"sheet {sheet!r} of {name!r} has {layout.uncalculated:,} cells with a formula but no result, because the "
            "program that wrote it did not calculate them; open it in a spreadsheet program, save it and read it again."
        )
