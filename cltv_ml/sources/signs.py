"""Spreadsheet guards, digits of other scripts and ditto marks in text columns, converted to plain text."""

from __future__ import annotations

import unicodedata

from cltv_ml.engine import Relation, keep, quoted
from cltv_ml.sources.frames import MARK

#: Digits of other scripts and their decimal and thousands signs, and what they are here.
_DIGITS = "".join(
    chr(code) for code in range(0x660, 0xFF1A) if unicodedata.decimal(chr(code), None) is not None
)
_PLAIN_SIGNS = "".join(str(unicodedata.decimal(sign)) for sign in _DIGITS)

#: Number of rows that are all searched for such signs; of more rows, every 16th and the first of them are.
_ALL_ROWS, _FIRST_ROWS, _EVERY = 200_000, 2000, 16


#: Marks and words that stand for the value above.
_DITTO = r"[-–—~ ]*(?:\x22|″|”|“|„|〃|'''')[-–—~ ]*|(?:[Dd]itt?o|[Ii]dem)[.]?|[Dd]o[.]|同上"

#: Patterns that a row has if one of its values does, for its values joined by the character 0x1F.
_DITTO_HINT = f"(?:^|\x1f)(?:{_DITTO})(?:\x1f|$)"
_DIGIT_HINT = f"[{_DIGITS}]"
_GUARD_HINT = r"(?:^|\x1f)(?:=\x22|''|`)"


def make_plain(table: Relation) -> list[str]:
    """Remove spreadsheet guards, convert other digits to ASCII and repeat values for ditto marks; return notes."""
    names = [name for name, kind in table.kinds.items() if kind == "VARCHAR"]
    if not names or not _any_row(table, names, f"{_GUARD_HINT}|{_DIGIT_HINT}|{_DITTO_HINT}"):
        return []
    return [*_take_guards_off(table, names), *_write_digits(table, names), *_repeat_values(table, names)]


def _repeat_values(table: Relation, names: list[str]) -> list[str]:
    """Replace ditto marks by the value above in the columns that have some, below a value."""
    marked = f"regexp_full_match({{0}}, '{_DITTO}')"
    columns = _find(table, names, f"coalesce({marked}, false)", _DITTO_HINT)
    counts = {}
    for name in columns:
        is_mark, cell = marked.format(quoted(name)), quoted(name)
        marks, first, values = table.row(
            f"select count(*) filter (where {is_mark}), coalesce(arg_min({is_mark}, source_row), false), "
            f"count(distinct {cell}) filter (where not {is_mark}) from {table}"
        )
        if first or not values:
            continue
        above = keep(
            table.con,
            "repeated",
            f"select source_row, last_value(if({is_mark}, null, coalesce({cell}, '')) ignore nulls) over (order by "
            f"source_row) as value from {table}",
        )
        table.change(
            f"update {table} set {cell} = nullif(value, '') from {above} as above "
            f"where above.source_row = {table}.source_row and {is_mark}"
        )
        counts[name.removeprefix(MARK)] = marks
    shown = ", ".join(f"{count:,} in {name!r}" for name, count in counts.items())
    return [f"Ditto marks were replaced by the value above: {shown}."] if counts else []


def _write_digits(table: Relation, names: list[str]) -> list[str]:
    """Convert digits of other scripts to ASCII in the columns that have them."""
    columns = _find(table, names, f"regexp_matches({{0}}, '{_DIGIT_HINT}')", _DIGIT_HINT)
    for name in columns:
        grouped = f"regexp_replace({quoted(name)}, '٬([{_DIGITS}]{{3}})', '\\1', 'g')"  # only ever thousands
        plain = f"replace(translate({grouped}, '{_DIGITS}٫٬．，', '{_PLAIN_SIGNS}.,.,'), '،', ',')"
        table.change(f"update {table} set {quoted(name)} = {plain}")
    shown = [name.removeprefix(MARK) for name in columns]
    return (
        [f"Columns {shown} contain digits of another script, which were converted to 0 to 9."]
        if columns
        else []
    )


def _take_guards_off(table: Relation, names: list[str]) -> list[str]:
    """Remove spreadsheet guards such as ="00123", '00123 and `00123 in the columns that have them."""
    guarded = r"regexp_matches({0}, '^=\x22.*\x22$|^''[+-]?\d|^`.')"
    columns = _find(table, names, guarded, _GUARD_HINT)
    for name in columns:
        bare = rf"regexp_replace({quoted(name)}, '^=\x22(.*)\x22$|^''([+-]?\d.*)$|^`(.+)$', '\1\2\3')"
        table.change(f"update {table} set {quoted(name)} = {bare} where {guarded.format(quoted(name))}")
    shown = [name.removeprefix(MARK) for name in columns]
    return (
        [
            "The characters that protect texts from conversion by spreadsheets were removed from "
            f"columns {shown}."
        ]
        if columns
        else []
    )


def _find(table: Relation, names: list[str], test: str, hint: str) -> list[str]:
    """Return the columns in which some rows pass a test, where a row has the pattern that hints at it."""
    if not _any_row(table, names, hint):
        return []
    tests = ", ".join(f"bool_or({test.format(quoted(name))})" for name in names)
    present = table.row(f"select {tests} from {table} where {_searched(table)}")
    return [name for name, yes in zip(names, present, strict=True) if yes]


def _any_row(table: Relation, names: list[str], pattern: str) -> bool:
    """Whether a pattern occurs in some of the searched rows, their values joined by the character 0x1F.

    Nearly no source has such a row, and testing each of many columns takes long.
    """
    whole = f"concat_ws(chr(31), {', '.join(map(quoted, names))})"
    [some] = table.row(
        f"select bool_or(regexp_matches({whole}, '{pattern}')) from {table} where {_searched(table)}"
    )
    return bool(some)


def _searched(table: Relation) -> str:
    """Return SQL for the rows that are searched: signs begin late where exports were put together."""
    if table.count() <= _ALL_ROWS:
        return "true"
    return f"source_row < {_FIRST_ROWS} or source_row % {_EVERY} = 0"
