"""Layout of a text file or sheet: the row that names the columns, or the rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from cltv_ml.errors import InputError
from cltv_ml.sources.measures import unit_of

#: Number of rows in which the header is sought; titles of reports are shorter.
TITLE_ROWS = 30

#: A header names nearly all columns that any row fills.
FULL = 0.8


#: Most words of the name of a group of columns.
_MOST_WORDS_OF_GROUP = 3

#: A day, and an amount with cents.
_DATE = re.compile(
    r"(\d{4}[-/.]?[01]\d[-/.]?[0-3]\d|[0-3]?\d[-/.][0-3]?\d[-/.](\d{4}|\d\d))([T ]\d\d:\d\d(:\d\d)?.*)?"
)
_FRACTION = re.compile(r"\D{0,4}[\d.,' ]*\d[.,]\d\d?\D{0,4}")

#: A year with its month or quarter, of which a few in order are names of columns.
_PERIOD, _FEWEST_PERIODS = re.compile(r"(19|20)\d\d[-/. ]?([01]\d|Q[1-4])"), 3

#: Names of types, units and forms, as a row below the columns' names states them.
_TYPES = re.compile(
    r"(text|string|varchar\S*|char|str|number|numeric|integer|int\d*|bigint|decimal\S*|float\d*|double|real|money|boolean|bool|"
    r"date|datetime\S*|timestamp\S*|time|zahl|nombre|texte?|fecha|n[uú]mero|[dmyjt]{1,4}([-/. ][dmyjt]{1,4}){1,2}.*|"
    r"[A-Z]{3}|[€$£%#]|pcs|pieces|units?|st(ü|ue)?ck|kg|id|key|uuid)",
    re.I,
)

#: What says in a title that numbers count thousands or millions.
_THOUSANDS = re.compile(
    r"\bt\.? ?kr\b|"
    r"\bT ?€|\bT(EUR|USD|CHF|GBP)\b|\bk ?€|\bk(EUR|USD)\b|'000|\b[Tt]housands?\b|\b[Tt]ausend|\b[Mm]illions?\b|\bMio\b"
    r"|\ben (milliers|miles)\b|\bin migliaia\b|\bem milhares\b|\bw tys|тыс|[百千万億亿백천만억](円|元|원)"
    r"|\b([Ll]akhs?|[Cc]rores?|mln|ribuan|jutaan|triệu đồng|nghìn đồng|bin TL|tis\. Kč|ezer Ft|[tm]kr)\b"
)


def find_header(rows: Sequence[Sequence[str]], name: str) -> int:
    """Return the index of the row that names the columns: the first, or one below a report's title.

    Raises
    ------
    InputError
        The header has two rows.

    >>> find_header([["Sales 2025"], [], ["Customer", "Date"], ["C1", "2025-01-05"]], "a.csv")
    2
    """
    filled = [number for number, row in enumerate(rows) if any(cell.strip() for cell in row)]
    if not filled:
        raise InputError(f"{name!r} is empty; check that the export is complete.")
    width = max(filled_cells(rows[number]) for number in filled)
    header = next((number for number in filled[:TITLE_ROWS] if names_columns(rows[number], width)), None)
    if header is None:
        return filled[0]
    before = filled.index(header) - 1
    above = filled[before] if before >= 0 else None
    below = filled[before + 2] if before + 2 < len(filled) else -1
    if above is not None and above == header - 1 and filled_cells(rows[above]) > 1 and _is_words(rows[above]):
        if _are_groups(rows, above):
            return above
        raise InputError(_two_rows(rows, above, header, name))
    if (
        below in filled[:TITLE_ROWS]
        and names_columns(rows[below], width)
        and _is_words(rows[below])
        and _values_follow(rows, below)
        and not _explains(rows[below], rows[header])
        and join_levels(rows, header)[1] == header
    ):
        raise InputError(_two_rows(rows, header, below, name))
    return header


def has_no_header(rows: Sequence[Sequence[str]], first: int) -> bool:
    """Whether the row in the header's place is a line of data like those below, with dates and amounts in it.

    >>> has_no_header([["C1", "2025-01-31", "9.50"], ["C2", "2025-02-03", "12"]], 0)
    True
    >>> has_no_header([["customer", "2024", "2025"], ["C1", "9.50", "12.00"]], 0)
    False
    """
    names = [cell.strip() for cell in rows[first]]
    below = [row for row in rows[first + 1 :] if len(row) == len(names) and any(cell.strip() for cell in row)]
    alike = 0
    for place, name in enumerate(names):
        values = [value for row in below if (value := row[place].strip())]
        if not values or not all(map(_is_value, values)):
            continue
        if not _is_value(name):
            return False
        dates = [bool(_DATE.fullmatch(value)) for value in (name, *values)]
        alike += all(dates) or bool(_FRACTION.fullmatch(name) and not any(dates))
    return alike > 0


def number_columns(columns: int) -> list[str]:
    """Return names for columns without a header.

    >>> number_columns(2)
    ['column_1', 'column_2']
    """
    return [f"column_{number + 1}" for number in range(columns)]


def tell_of_no_header(names: Sequence[str], row: int, name: str) -> str:
    """Return the note for a file whose columns were numbered; its first row of data is `row`."""
    return (
        f"{name!r} has no header, so its columns are called {names[0]} to {names[-1]} (--header-row {row} "
        f"takes the names from row {row}, which was read as data)."
    )


def tell_of_groups(names: Sequence[str], row: Sequence[str], name: str) -> list[str]:
    """Return a note if the columns' names are not those of their row, because another row was joined to it."""
    joined = [full for full, own in zip(names, row, strict=False) if full.strip() != own.strip()]
    note = f"The header of {name!r} has two rows, which were joined, as in {joined[:3]}."
    return [note] * bool(joined)


def tell_of_thousands(titles: Sequence[str], header: Sequence[str], name: str) -> list[str]:
    """Return a note if a title says that numbers are in thousands or millions, or a heading whose unit is not known.

    >>> tell_of_thousands(["Umsatz in TEUR"], ["Umsatz (TEUR)"], "a.csv")[0][:58]
    "The heading 'Umsatz in TEUR' of 'a.csv' mentions thousands"
    """
    said = [title for title in titles if _THOUSANDS.search(title)]
    said += [heading for heading in header if _THOUSANDS.search(heading) and not unit_of(heading)]
    return [
        f"The heading {title.strip()[:60]!r} of {name!r} mentions thousands or millions, but numbers were read "
        f"unchanged (--rule money_unit={max(unit_of(title) or 1e3, 1e3):.0f} multiplies them)."
        for title in said[:1]
    ]


def check_header_row(header_row: int, rows: int, name: str) -> None:
    """Raise InputError if the file does not have the row `header_row`."""
    if not 1 <= header_row <= rows:
        raise InputError(f"header_row must be a row of {name!r}, from 1 to {rows}, got {header_row}.")


def fit_names(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the header fitted to the width of the rows if they differ only by empty fields.

    >>> fit_names(["a", "b"], [["1", "2", ""], ["3", "4", ""]]), fit_names(["a", "b", ""], [["1", "2"]])
    (['a', 'b', ''], ['a', 'b'])
    """
    names = list(header)
    widths = Counter(len(row) for row in rows if any(cell.strip() for cell in row))
    if not widths or (names and len(names) in widths and widths[len(names)] > 1):
        return names
    usual = widths.most_common(1)[0][0]
    if usual > len(names) and not any(cell.strip() for row in rows for cell in row[len(names) : usual]):
        return names + [""] * (usual - len(names))
    if usual < len(names) and not any(cell.strip() for cell in names[usual:]):
        return names[:usual]
    if (
        usual == len(names) + 1
        and all(names)
        and _are_numbered([row[0] for row in rows if len(row) == usual])
        and not _are_divided([row for row in rows if len(row) == usual])
    ):
        return ["", *names]
    return names


def _are_numbered(values: Sequence[str]) -> bool:
    """Whether values count up by one, like the row names that R writes."""
    if not all(value.isdecimal() for value in values):
        return False
    return all(int(after) == int(before) + 1 for before, after in pairwise(values))


def _are_divided(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a delimiter seems to divide numbers at their decimal sign: two digits, such as 05, follow whole numbers.

    >>> _are_divided([["1", "85", "50"], ["2", "9", "05"]]), _are_divided([["1", "85", "50"], ["2", "9", "15"]])
    (True, False)
    """
    return any(
        all(re.fullmatch(r"-?\d+", whole) and re.fullmatch(r"\d\d", cents) for whole, cents in pairs)
        and any(cents.startswith("0") for _, cents in pairs)
        for pairs in (
            list(zip(column, after, strict=True)) for column, after in pairwise(zip(*rows, strict=True))
        )
    )


def join_levels(rows: Sequence[Sequence[str]], header: int) -> tuple[list[str], int]:
    """Return a header's names and its last row; a second row that distinguishes repeated names is joined to the first.

    A third row may name columns that the first two leave blank, as pandas writes the names of an index. A first row
    that names groups of columns stands before the names of each.

    >>> rows = [["", "paid", "paid"], ["", "net", "gross"], ["customer", "", ""], *[["C1", "10", "12"]] * 3]
    >>> join_levels(rows, 0)
    (['customer', 'paid net', 'paid gross'], 2)
    """
    if _are_groups(rows, header):
        return _name_in_groups(rows[header], rows[header + 1]), header + 1
    names = [name.strip() for name in rows[header]]
    often = Counter(filter(None, names))
    repeated = [place for place, name in enumerate(names) if often[name] > 1]
    if not repeated or len(rows) < header + 3 or len(rows[header + 1]) != len(names):
        return list(rows[header]), header
    below = [name.strip() for name in rows[header + 1]]
    joined = [f"{above} {under}".strip() for above, under in zip(names, below, strict=True)]
    tells_apart = all(below[place] for place in repeated) and len(set(filter(None, joined))) == len(
        list(filter(None, joined))
    )
    if not tells_apart or not _is_words(below):
        return list(rows[header]), header
    last, named = header + 1, [name.strip() for name in rows[header + 2]]
    filled = {place for place, name in enumerate(named) if name}
    if (
        filled
        and len(named) == len(joined)
        and filled <= {place for place, name in enumerate(joined) if not name}
    ):
        last, joined = (
            header + 2,
            [joined_name or third_name for joined_name, third_name in zip(joined, named, strict=True)],
        )
    return (joined, last) if _values_follow(rows, last) else (list(rows[header]), header)


def _are_groups(rows: Sequence[Sequence[str]], header: int) -> bool:
    """Whether a row names groups of the columns that the row below names, with blanks where a first one goes on.

    >>> rows = [["Order", "", "Customer"], ["No.", "Date", "Name"], *[["7", "2025-01-31", "C1"]] * 3]
    >>> _are_groups(rows, 0), _are_groups([["Shop: A", "Currency: EUR", ""], *rows[1:]], 0)
    (True, False)
    """
    if len(rows) < header + 2:
        return False
    groups, below = ([cell.strip() for cell in rows[number]] for number in (header, header + 1))
    named = [cell for cell in groups if cell]
    if len(named) < 2:
        return False
    start, end = groups.index(named[0]), len(groups) - groups[::-1].index(named[-1])
    goes_on = any(
        name and not group for group, name in zip(groups[start:end], below[start:end], strict=False)
    )
    return (
        len(named) < filled_cells(below)
        and len(groups) <= len(below)
        and goes_on
        and _is_words(groups)
        and all(":" not in group and len(group.split()) <= _MOST_WORDS_OF_GROUP for group in named)
        and all(re.search(r"[^\W\d_]", cell) and not _is_value(cell) for cell in below if cell)
        and _values_follow(rows, header + 1)
    )


def _name_in_groups(groups: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the names of columns behind those of their groups.

    >>> _name_in_groups(["", "Order", ""], ["Shop", "No.", "Date"])
    ['Shop', 'Order No.', 'Order Date']
    """
    joined, group = [], ""
    for place, name in enumerate(names):
        group = (groups[place].strip() if place < len(groups) else "") or group
        joined.append(f"{group} {name.strip()}".strip())
    return joined


def filled_cells(row: Sequence[str]) -> int:
    """Return the number of cells that hold something."""
    return sum(bool(cell.strip()) for cell in row)


def names_columns(row: Sequence[str], width: int) -> bool:
    """Whether a row contains names in nearly every column of the table, even names as short as codes.

    >>> names_columns(["Customer", "Date", "x1"], 3), names_columns(["q1", "q2", "q3"], 3)
    (True, True)
    >>> names_columns(["C1", "2025-01-31", "9.50"], 3), names_columns(["Customer", "2025-01", "2025-02", "2025-03"], 4)
    (False, True)
    """
    cells = [cell.strip() for cell in row if cell.strip()]
    if len(cells) < FULL * width:
        return False
    codes = len(set(cells)) == len(cells) and all(cell[0].isalpha() for cell in cells)
    periods = [cell for cell in cells if _PERIOD.fullmatch(cell)]
    if len(periods) >= _FEWEST_PERIODS and periods == sorted(set(periods)):  # months as columns
        cells = [cell for cell in cells if cell not in periods]
    return codes or sum(map(_is_value, cells)) <= (1 - FULL) * len(cells)


def _is_value(cell: str) -> bool:
    """Whether a cell contains a number, a date or a short code rather than a name."""
    return re.search(r"\d", cell) is not None and len(re.findall(r"[^\W\d_]", cell)) < 3


def _is_words(row: Sequence[str]) -> bool:
    return all(re.search(r"[^\W\d_]{2}", cell) and not re.search(r"\d", cell) for cell in row if cell.strip())


def _explains(row: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a row describes the columns in sentences, types or units rather than being a second header.

    >>> _explains(["When the order was placed.", "What the buyer paid."], ["Created", "Amount"])
    True
    >>> _explains(["Customer", "Order date"], ["Kunde", "Bestelldatum"])
    False
    >>> _explains(["number", "text", "dd/mm/yyyy", "EUR"], ["order", "buyer", "day", "sum"])
    True
    """
    if all(_TYPES.fullmatch(cell.strip()) for cell in row if cell.strip()):
        return len(row) > 1
    cells = [cell.split() for cell in row if cell.strip()]
    longer = sum(map(len, row)) >= 1.5 * sum(map(len, header))
    return longer and sum(len(words) >= 3 for words in cells) >= 0.5 * len(cells)


def _values_follow(rows: Sequence[Sequence[str]], header: int) -> bool:
    """Whether at least three rows follow a header, each with two values or more."""
    body = [row for row in rows[header + 1 :] if any(cell.strip() for cell in row)]
    return len(body) >= 3 and all(sum(map(_is_value, row)) >= 2 for row in body[:20])


def _two_rows(rows: Sequence[Sequence[str]], first: int, second: int, name: str) -> str:
    shown = [[cell for cell in rows[number] if cell.strip()][:4] for number in (first, second)]
    return (
        f"{name!r}: the header seems to have two rows, {first + 1} {shown[0]} and {second + 1} {shown[1]}. "
        f"Choose the row with the column names (--header-row {second + 1}), or keep only one of them."
    )
