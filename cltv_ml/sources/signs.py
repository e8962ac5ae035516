"""Spreadsheet guards and digits of other scripts in text columns, converted to plain text."""

from __future__ import annotations

from cltv_ml.engine import Relation, quoted
from cltv_ml.sources.frames import MARK

#: Digits of other scripts and their decimal and thousands signs, and what they are here.
_DIGITS = "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९๐๑๒๓๔๕๖๗๘๙０１２３４５６７８９"
_PLAIN_SIGNS = "0123456789" * 5

#: Columns whose first lines have such signs are brought to plain ones.
_FIRST_LINES = 2000


def make_plain(table: Relation) -> list[str]:
    """Remove spreadsheet guards and convert digits of other scripts to ASCII; return notes for the user."""
    names = [name for name, kind in table.kinds.items() if kind == "VARCHAR"]
    return [*_take_guards_off(table, names), *_write_digits(table, names)] if names else []


def _write_digits(table: Relation, names: list[str]) -> list[str]:
    """Convert digits of other scripts to ASCII in the columns whose first rows have them."""
    digits = f"regexp_matches({{0}}, '[{_DIGITS}]')"
    columns = _find(table, names, digits, digits)
    for name in columns:
        plain = f"replace(translate({quoted(name)}, '{_DIGITS}٫٬．，', '{_PLAIN_SIGNS}.,.,'), '،', ',')"
        table.change(f"update {table} set {quoted(name)} = {plain}")
    shown = [name.removeprefix(MARK) for name in columns]
    return (
        [f"Columns {shown} contain digits of another script, which were converted to 0 to 9."]
        if columns
        else []
    )


def _take_guards_off(table: Relation, names: list[str]) -> list[str]:
    """Remove spreadsheet guards such as ="00123", '00123 and `00123 in the columns whose first rows have them."""
    guarded = r"regexp_matches({0}, '^=\x22.*\x22$|^''[+-]?\d|^`.')"
    columns = _find(table, names, guarded, r"regexp_matches({0}, '(^|\x1f)(=\x22|''|`)')")
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
    """Return the columns in which some of the first rows pass a test.

    `hint` tests the values of a row joined by the character 0x1F. Nearly no source has a row that passes, and testing
    each of many columns takes long.
    """
    whole = f"concat_ws(chr(31), {', '.join(map(quoted, names))})"
    if not table.row(f"select bool_or({hint.format(whole)}) from (from {table} limit {_FIRST_LINES})")[0]:
        return []
    tests = ", ".join(f"bool_or({test.format(quoted(name))})" for name in names)
    present = table.row(f"select {tests} from (from {table} limit {_FIRST_LINES})")
    return [name for name, yes in zip(names, present, strict=True) if yes]
