"""Parts of a source that are read as one table: files, sheets, and tables stacked in one file."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from cltv_ml.engine import Relation, lend, literal, quoted
from cltv_ml.errors import InputError
from cltv_ml.sources.frames import MARK, Part
from cltv_ml.sources.joined_files import stem

#: Names of files, sheets and tables that hold no sales.
_NO_SALES = re.compile(
    r"refund|(?<![a-z])returns?(?![a-z])|chargeback|cancel|credit.?note|credit.?memo|storn|gutschrift|retoure|ruckgab|rückgab|"
    r"erstatt|rembours|(?<![a-z])avoirs?(?![a-z])|annul|reembols|devoluc|devoluç|rimbors|(?<![a-z])resi(?![a-z])|terugbetal|"
    r"aterbetal|återbetal|zwrot|вернут|возврат|退款|退货|返金|返品|환불|반품|iade|مرتجع",
    re.IGNORECASE,
)

_CURRENCY_CODE = re.compile(
    r"(?<![A-Za-z])(EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK|HUF|CAD|AUD|NZD|CNY|INR|BRL|MXN)(?![A-Za-z])"
)


#: First lines whose decimals are compared with those of the last.
_MANY_NUMBERS = 20

#: Files are one table if one has all columns of the other and at most this many more, as a share.
_FEW_COLUMNS = 0.25

#: The fewest headings of groups that are lines of one field.
_FEWEST_GROUPS = 3

#: How words for refunds end.
_ENDINGS = "ungs?|ements?|ed|en|es|ad[ao]|o|s|n|e|é[es]?"


def holds_no_sales(name: str) -> bool:
    """Whether a file, sheet, table or heading is called refunds or the like.

    >>> holds_no_sales("Credit memos"), holds_no_sales("Orders")
    (True, False)
    """
    return _NO_SALES.search(name) is not None


def without_refund(heading: str) -> str:
    """Return a heading without the words for refunds.

    >>> [without_refund(one) for one in ("Refund Amount", "Return date", "Refunded", "Erstattungsbetrag")]
    ['Amount', 'date', '', 'betrag']
    """
    return re.sub(rf"({_NO_SALES.pattern})({_ENDINGS})?", " ", heading, flags=re.IGNORECASE).strip(" _-.:")


def name_parts(table: Relation, parts: Sequence[Part], kind: str, titles: Sequence[Part] = ()) -> list[str]:
    """Add a column with the name of each row's part if the names distinguish kinds of sales; return notes.

    The column is added if some parts are named refunds and others are not, and if each name, or else its titles,
    contains one currency and not all the same. It is then read like a column of the source.
    """
    undone = [part.name for part in parts if _NO_SALES.search(part.name)]
    titled = [" ".join(title.name for title in titles if title.start == part.start) for part in parts]
    codes = [
        {*_CURRENCY_CODE.findall(part.name)} or {*_CURRENCY_CODE.findall(title)}
        for part, title in zip(parts, titled, strict=True)
    ]
    if undone and len(undone) < len(parts):
        _add(table, kind, [(re.sub(r"\.[A-Za-z]+$", "", part.name), part.start) for part in parts])
        return [
            f"A column {kind!r} with the {kind} of each row was added, because the name {undone[0]!r} "
            "suggests something other than sales."
        ]
    if (
        all(len(in_name) == 1 for in_name in codes)
        and len({code for in_name in codes for code in in_name}) > 1
    ):
        values = [(next(iter(in_name)), part.start) for in_name, part in zip(codes, parts, strict=True)]
        _add(table, f"currency of the {kind}", values)
        return [f"The currency of each {kind} was taken from its name or title."]
    return []


def fit_columns(first_name: str, first: Relation, name: str, table: Relation) -> list[str]:
    """Add to the first file's table the columns that only another file has; return the columns that one of them lacks.

    Raises
    ------
    InputError
        Each file has a column that the other lacks, or one lacks many.
    """
    ours, theirs = set(first.kinds), set(table.kinds)
    lacking = sorted(column.removeprefix(MARK) for column in ours ^ theirs)
    if not lacking:
        return []
    if not (ours < theirs or theirs < ours) or len(lacking) > max(1, _FEW_COLUMNS * len(ours & theirs)):
        shared = sorted(column.removeprefix(MARK) for column in ours & theirs - {"source_row"})
        them = "them" if shared else "tables that share a column"
        pair = (stem(first_name), stem(name), stem(shared[0])) if shared else ("FIRST", "SECOND", "COLUMN")
        joined = "select * from {} join {} using ({})".format(*pair)
        raise InputError(
            f"{first_name!r} and {name!r} have different columns, so they are not one table: only one of "
            f"them has {lacking[:6]}; name one file, as in --query {shlex.quote(first_name)}, give both the same "
            f"columns, or join {them}, such as --query {shlex.quote(joined)}."
        )
    for column, kind in table.kinds.items():
        if column not in ours:
            first.change(f"alter table {first} add column {quoted(column)} {kind}")
            first.kinds[column] = kind
    return lacking


def tell_of_lacking(columns: dict[str, str], first: str) -> str:
    """Return a note on columns that some files lack; `columns` names a file in which each differs from the first."""
    return (
        f"The columns {list(columns)[:6]} are not in every file ({first!r} and {next(iter(columns.values()))!r} "
        "differ); they are blank on the lines of the others."
    )


def _add(table: Relation, column: str, values: Sequence[tuple[str, int]]) -> None:
    name = quoted(MARK + column)
    if MARK + column in table.kinds:
        return
    cases = " ".join(f"when source_row >= {start} then {literal(value)}" for value, start in reversed(values))
    table.change(f"alter table {table} add column {name} varchar")
    table.change(f"update {table} set {name} = case {cases} end")
    table.kinds[MARK + column] = "VARCHAR"


def take_headers_out(table: Relation, broken: Sequence[tuple[int, str]], name: str) -> list[str]:
    """Remove rows that repeat the header, as in files of stacked pages or tables; return notes for the user.

    Raises
    ------
    InputError
        Such a table has its columns in another order.
    """
    names = [column for column, kind in table.kinds.items() if column.startswith(MARK) and kind == "VARCHAR"]
    if len(names) < 2:
        return []
    listed = ", ".join(literal(column.removeprefix(MARK)) for column in names)
    # Quicker than to compare hundreds of columns.
    cells = [f"trim({quoted(column)}, ' ' || chr(65279))" for column in names]
    named = [(cell, column.removeprefix(MARK)) for cell, column in zip(cells, names, strict=True)]
    named = [pair for pair in named if not re.fullmatch(r"column_\d+", pair[1])] or named  # without a heading
    if not table.holds(" and ".join(f"{cell} in ({listed})" for cell, _ in named[:2])):
        return []
    repeats = " and ".join(f"{cell} = {literal(name)}" for cell, name in named)
    rows = [
        int(row)
        for (row,) in table.rows(f"select source_row from {table} where {repeats} order by 1 limit 10000")
    ]
    _check_columns_order(table, names, name)
    if not rows:
        return []
    titled = [(row, title) for row in rows[:20] for title in _titles(table, names, broken, row)]
    titles = [title for _, title in titled]
    notes = []
    if any(map(holds_no_sales, titles)):
        _add(table, "table", [("sales", 0), *((title, row) for row, title in titled)])
        notes = name_tables(titles)
    table.change(f"delete from {table} where {repeats}")
    shown = f", below {titles[0][:60]!r}" if titles else ""
    return [f"{len(rows):,} lines of {name!r} repeat the header and were left out{shown}.", *notes]


def name_tables(titles: Sequence[str]) -> list[str]:
    """Return the note on a column that tells tables of sales and of refunds apart."""
    undone = next(filter(holds_no_sales, titles))
    return [
        f"A column 'table' with the title of each row's table was added, because {undone!r} suggests something other "
        "than sales."
    ]


def _check_titles(titles: Sequence[str], name: str) -> None:
    for title in titles:
        if _NO_SALES.search(title):
            raise InputError(
                f"{name!r} contains several tables, and the one below {title[:60]!r} does not seem to "
                "contain sales. Keep one table per file, or add a column with the kind of each row."
            )


def _check_columns_order(table: Relation, names: list[str], name: str) -> None:
    """Raise InputError if a row contains the names of the columns in another order."""
    wanted = sorted(column.removeprefix(MARK) for column in names)
    first, listed = names[0].removeprefix(MARK), "[" + ", ".join(map(literal, wanted)) + "]"
    texts = ", ".join(f"trim({quoted(column)})" for column in names)
    moved = f"trim({quoted(names[0])}) in {listed} and list_sort([{texts}]) = {listed} and [{texts}] <> "
    moved += "[" + ", ".join(literal(column.removeprefix(MARK)) for column in names) + "]"
    for (row,) in table.rows(f"select source_row from {table} where {moved} order by 1 limit 1"):
        raise InputError(
            f"{name!r} contains a second table with its columns in a different order ({first!r} is its first "
            f"column), starting at row {int(row) + 1} below the header. Put each table into a separate file "
            "and name their folder."
        )


def _titles(table: Relation, names: list[str], broken: Sequence[tuple[int, str]], row: int) -> list[str]:
    """Return the titles of a repeated header: texts that are alone on one of the two lines above it."""
    above = [text for number, text in broken if row - 3 < number < row]
    filled = ", ".join(quoted(column) for column in names)
    for (values,) in table.rows(
        f"select list_filter([{filled}], lambda v: trim(v) <> '') from {table} "
        f"where source_row between {row - 2} and {row - 1}"
    ):
        above += [str(values[0])] if len(values) == 1 else []
    return [text.strip().strip(",;\t") for text in above]


def tell_of_second_table(broken: Sequence[tuple[int, str]], delimiter: str, name: str) -> list[str]:
    """Return a note if lines that do not fit the header begin with column names, as a second table does.

    Raises
    ------
    InputError
        That table is called refunds or the like, so that the sales are too high without it.
    """
    rows = [(number, next(csv.reader([line], delimiter=delimiter), [])) for number, line in broken[:200]]
    for place, (number, cells) in enumerate(rows[:-1]):
        _, below = rows[place + 1]
        words = all(re.search(r"[^\W\d]", cell) and not re.search(r"\d", cell) for cell in cells)
        if len(cells) < 2 or len(below) != len(cells) or not words or not re.search(r"\d", "".join(below)):
            continue
        above = [row[0] for at, row in rows[:place] if at >= number - 2 and len(row) == 1]
        _check_titles([*above, " ".join(cells)], name)
        return [
            f"{name!r} contains a second table with the columns {cells[:6]}, starting at row {number + 1} "
            "below the header, whose lines were quarantined as broken. Put each table into a separate file."
        ]
    return []


def take_lone_headings(
    table: Relation, column: str, broken: list[tuple[int, str]], delimiter: str
) -> list[tuple[int, str]]:
    """Add lines of one field, which head groups of lines that are blank there, to the table; return the other lines.

    Parameters
    ----------
    column
        The table's first.
    broken
        The lines that do not fit the header, and their numbers.
    """
    lone = [
        (number, text.strip().strip('"')) for number, text in broken if delimiter not in text.strip(delimiter)
    ]
    lone = [(number, text.strip(delimiter)) for number, text in lone if text.strip(delimiter)]
    if len(lone) < _FEWEST_GROUPS or len(lone) > table.count():
        return broken
    blank = f"count(*) filter (coalesce(trim({quoted(column)}), '') = '')"
    [grouped] = table.row(f"select {blank} >= {len(lone)} and {blank} >= 0.5 * count(*) from {table}")
    if not grouped:
        return broken
    rows = ", ".join(f"({number}, {literal(text)})" for number, text in lone)
    table.change(
        f"insert into {table} by name select n as source_row, t as {quoted(column)} from (values {rows}) v(n, t)"
    )
    taken = {number for number, _ in lone}
    return [line for line in broken if line[0] not in taken]


def take_padded(
    table: Relation, names: Sequence[str], broken: list[tuple[int, str]], delimiter: str
) -> list[tuple[int, str]]:
    """Add lines that have more fields than names, but only blank ones, to the table; return the other lines."""
    padded: dict[int, list[str | None]] = {}
    for number, text in broken:
        cells = next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter), [])
        if len(cells) > len(names) and not any(map(str.strip, cells[len(names) :])) and "\ufffd" not in text:
            padded[number] = [cell or None for cell in cells[: len(names)]]
    if padded:
        columns = zip(names, zip(*padded.values(), strict=True), strict=True)
        lines = pa.table({name: pa.array(values, pa.string()) for name, values in columns})
        lines = lines.append_column("source_row", pa.array(padded, pa.int64()))
        table.change(f"insert into {table} by name from {lend(table.con, 'padded_lines', lines)}")
    return [line for line in broken if line[0] not in padded]


def tell_of_cut_end(path: Path, table: Relation, name: str) -> list[str]:
    """Return a note if a file breaks off inside its last number: no line end, and fewer decimals than all others."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 4, 0))
        if file.read().rstrip(b"\0").endswith((b"\n", b"\r")):
            return []
    names = [column for column, kind in table.kinds.items() if kind == "VARCHAR"]
    if not names or table.count() < _MANY_NUMBERS:
        return []
    cell = quoted(names[-1])
    [last] = table.row(f"select arg_max({cell}, source_row) from {table}")
    decimals = r"length(regexp_extract(trim({}), '[.,](\d+)$', 1))"
    [own], [fewest] = (
        table.row(f"select {decimals.format(literal(str(last)))}"),
        table.row(f"select min({decimals.format(cell)}) from (from {table} limit {_MANY_NUMBERS})"),
    )
    if last is None or not fewest or own >= fewest:
        return []
    return [
        f"{name!r} ends without a line break, and its last value, {str(last)[:40]!r}, has fewer decimals than the "
        "others: it may be cut off there. Check that the export is complete."
    ]
