"""Reports by day: a row with only a date precedes the lines of that day, which only have a time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cltv_ml.engine import Relation, keep, quoted, show
from cltv_ml.sources.frames import MARK, first_rows

_CLOCK = r"\d{1,2}[:.h]\d\d(?:[:.]\d\d)?(?: ?[AaPp]\.?[Mm]\.?)?(?: Uhr)?"
_HAS_DAY = r"(?:19|20)\d\d|\d{1,2}[./-]\d{1,2}[./-]\d\d"

#: A day and a month without a year, and a year in a title.
_SHORT_DAY = r"^([0-3]?\d[./-][0-3]?\d[./]?|[0-3]?\d[. -]+[^\W\d_]{3,9}[.]?|[^\W\d_]{3,9}[. ]+[0-3]?\d)$"
_TITLE_YEAR = r"(?<!\d)(20\d\d|19\d\d)(?!\d)"

#: Rows that are searched for times without a date.
_SEARCHED_ROWS = 200


def join_day_headings(table: Relation) -> tuple[Relation, list[str]]:
    """Return the lines with the day of the heading above before their time, without the headings; and a note.

    >>> from cltv_ml.data import clean
    >>> import pandas as pd
    >>> rows = [["5 May 2025", None, None], ["09:30", "a", 2.0], ["6 May 2025", None, None], ["10:15", "b", 3.0]]
    >>> [str(time) for time in clean(pd.DataFrame(rows, columns=["Time", "Customer", "Total"])).log["timestamp"]]
    ['2025-05-05 09:30:00', '2025-05-06 10:15:00']
    """
    names = [
        name.removeprefix(MARK)
        for name, kind in table.kinds.items()
        if name.startswith(MARK) and kind == "VARCHAR"
    ]
    clocks = _clock_columns(table, names) if len(table.kinds) > 2 else []
    if len(clocks) != 1:
        return table, []
    [clock] = clocks
    cell = quoted(MARK + clock)
    cells = ", ".join(
        f"trim(cast({quoted(name)} as varchar))" for name in table.kinds if name.startswith(MARK)
    )
    marked = keep(
        table.con,
        "by_day",
        "select source_row, heading, last_value(heading ignore nulls) over (order by source_row) as day from ("
        f"select source_row, if(len(cells) = 1 and regexp_matches(cells[1], '{_HAS_DAY}'), cells[1], null) as heading "
        f"from (select source_row, list_filter([{cells}], lambda cell: cell <> '') as cells from {table}))",
    )
    headings, example = marked.row(f"select count(heading), min(heading) from {marked}")
    if headings < 2:
        return table, []
    time = f"regexp_full_match(trim({cell}), '{_CLOCK}')"
    time = f"if({time}, concat_ws(' ', day, {cell}), {cell})"
    joined = keep(
        table.con,
        "rows",
        f"select raw.* replace ({time} as {cell}) from {table} as raw join {marked} as marked "
        "using (source_row) where heading is null order by source_row",
    )
    return joined, [
        f"{headings:,} rows with only a day, such as {str(example)[:40]!r}, head the lines of that day; it was put "
        f"before the times in column {clock!r}."
    ]


def join_title_year(table: Relation, said: Sequence[str]) -> tuple[Relation, list[str]]:
    """Return the lines with the only year that the source's name or titles state behind days without one; and a note.

    >>> from cltv_ml.engine import connect, keep
    >>> con = connect()
    >>> rows = keep(con, "rows", f"select '03.01.' as {quoted('source:Tag')}, 9 as {quoted('source:Sum')}")
    >>> dated, _ = join_title_year(rows, ["Kasse 2024"])
    >>> dated.rows(f"from {dated}")
    [('03.01.2024', 9)]
    """
    stated = {year: text for text in said for year in re.findall(_TITLE_YEAR, text)}
    names = [
        name.removeprefix(MARK)
        for name, kind in table.kinds.items()
        if name.startswith(MARK) and kind == "VARCHAR"
    ]
    if len(stated) != 1 or not names:
        return table, []
    cells = ", ".join(quoted(MARK + name) for name in names)
    columns = list(zip(*table.rows(f"select {cells} from {table} limit {_SEARCHED_ROWS}"), strict=True))
    short = [
        name for name, values in zip(names, columns, strict=False) if _share_of(values, _SHORT_DAY) >= 0.9
    ]
    if len(short) != 1 or any(_share_of(values, _HAS_DAY) > 0.5 for values in columns):
        return table, []
    [(year, text)] = stated.items()
    cell = quoted(MARK + short[0])
    sign = (
        f"case when {cell} like '%.' then '' when {cell} like '%/%' then '/' when {cell} like '%.%' then '.' "
    )
    sign += f"when {cell} like '%-%' then '-' else ' ' end"
    dated = f"if(regexp_full_match(trim({cell}), '{_SHORT_DAY}'), trim({cell}) || {sign} || '{year}', {cell})"
    view = show(table.con, "rows", f"select * replace ({dated} as {cell}) from {table}")
    return view, [
        f"Column {short[0]!r} contains days without a year, which is {year} because of {text.strip()[:60]!r}; years "
        "before or after it cannot be recognised."
    ]


def _share_of(values: Sequence[str | None], pattern: str) -> float:
    """Return the share of the filled values in which a pattern occurs."""
    texts = [value.strip() for value in values if value and value.strip()]
    return sum(bool(re.search(pattern, text, re.ASCII)) for text in texts) / max(len(texts), 1)


def _clock_columns(table: Relation, names: list[str]) -> list[str]:
    """Return the columns that contain times of day in most of the first rows, where no column has dates."""
    if not names:
        return []
    # In Python, because DuckDB takes longer to plan a thousand tests than to run them.
    cells = ", ".join(quoted(MARK + name) for name in names)
    rows = table.rows(f"select {cells} from {first_rows(table, _SEARCHED_ROWS)}")
    columns = [[value.strip(" ") for value in column if value] for column in zip(*rows, strict=True)]
    clocks = [
        name
        for name, texts in zip(names, columns, strict=False)  # without rows there are no columns
        if (times := _matching_texts(rf"^{_CLOCK}\Z", texts)) and times >= 0.5 * sum(map(bool, texts))
    ]
    dated = clocks and any(_matching_texts(_HAS_DAY, texts) > 0.5 * len(rows) for texts in columns)
    return [] if dated else clocks


def _matching_texts(pattern: str, texts: Sequence[str]) -> int:
    """Return the number of texts in which a pattern occurs."""
    search = re.compile(pattern, re.ASCII).search
    return sum(search(text) is not None for text in texts)
