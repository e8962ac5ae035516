"""Numbers with a unit, such as "34 years" and "72 kg"."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from cltv_ml.columns.kinds import first_lines, look, look_further
from cltv_ml.columns.source_columns import quote
from cltv_ml.customers.column_levels import levels_of, with_levels
from cltv_ml.customers.kinds import is_code
from cltv_ml.engine import Relation, keep

#: A number without leading zeros, and the word or the letter after it.
_WITH_UNIT = re.compile(
    r"([-+]?(?:0|[1-9][0-9]*)(?:[., ][0-9]{3})*(?:[.,][0-9]+)?)"
    r"(?=\s|[^\W\d_]{2}|[^\W\d_\x00-\x7f]|°)\s*([^\W\d_]{1,12}|°[CF])[.]?"
)
_BARE_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:[.,][0-9]+)?")
#: The same in SQL: what stands before the unit.
_BARE = r"^\s*([-+]?[0-9](?:[0-9., ]*[0-9])?)\s*[^0-9]*$"

#: Words after a number that are no unit: time of day and endings of ordinals.
_NO_UNITS = {"am", "pm", "st", "nd", "rd", "th"}

#: Endings that separate the plural of a unit from its singular.
_PLURAL = re.compile("(s|es|e|n|en)?")


def without_units(table: Relation, stated: Mapping[str, str]) -> tuple[Relation, dict[str, str], list[str]]:
    """Return the table with bare numbers where the values of a column have one unit, with its columns' kinds and notes.

    Columns whose `stated` kind is not a number, and those whose heading stands for codes, stay as they are.
    """
    beginning = first_lines(table)
    first, inferred = look_further(table, beginning, look(beginning))
    texts = [
        column
        for column, kind in inferred.items()
        if kind == "text" and stated.get(column, "number") == "number" and not is_code(column)
    ]
    likely = [column for column in texts if _shared_unit(first, column)]
    units = {column: unit for column in likely if (unit := _shared_unit(table, column))}
    if not units:
        return table, inferred, []
    bare = ", ".join(
        f"regexp_replace({quote(column)}, '{_BARE}', '\\1') as {quote(column)}" for column in units
    )
    notes = [
        f"Column {column!r}: the values were read as numbers of {unit}." for column, unit in units.items()
    ]
    plain = keep(table.con, "without_units", f"select * replace ({bare}) from {table}")
    table = with_levels(plain, table, units)
    return table, inferred | dict.fromkeys(units, "number"), notes


def _shared_unit(table: Relation, column: str) -> str:
    """Return the unit of a column's values, some of which may be bare numbers; "" if two differ or one is neither."""
    units = set()
    for (text,) in table.rows(f"select t from {levels_of(table, column)} where trim(t) <> ''"):
        match = _WITH_UNIT.fullmatch(text.strip())
        if match:
            units.add(match[2])
        elif not _BARE_NUMBER.fullmatch(text.strip()):
            return ""
    return _one_unit(units) if units else ""


def _one_unit(units: Collection[str]) -> str:
    """Return the longest spelling of the one unit among words; "" if they are several units or none.

    >>> _one_unit({"year", "years"}), _one_unit({"Jahre", "Jahr"}), _one_unit({"m", "cm"}), _one_unit({"PM", "pm"})
    ('years', 'Jahre', '', '')
    """
    longest, shortest = max(units, key=lambda unit: (len(unit), unit)), min(units, key=len).casefold()
    same = all(
        unit.casefold().startswith(shortest) and _PLURAL.fullmatch(unit.casefold()[len(shortest) :])
        for unit in units
    )
    return longest if same and shortest not in _NO_UNITS else ""
