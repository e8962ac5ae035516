"""The values of attributes, each converted to its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cltv_ml.columns.parse import Columns
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.zones import once
from cltv_ml.customers.column_levels import levels_of
from cltv_ml.customers.kinds import Attribute
from cltv_ml.tables import NO, YES, postcode_sql

#: Days that tools write for a missing date, as they write days before 1760 and after 2199.
_NO_DATES = "(date '1899-12-30', date '1900-01-01')"

#: Texts for a missing value.
NO_VALUE = ("", "null", "nan", "none", "n/a", "na", "<na>", "nat")
_IS_NOTHING = f"lower(trim(t)) in {NO_VALUE}"

#: Valid values of each kind; others count as missing.
_VALID = {
    "number": "a number",
    "yes/no": "yes or no",
    "birth date": "a date or a year in the past",
    "date": "a date between 1760 and 2199",
}


def note_unread(
    columns: Columns, account: Sequence[Attribute], values: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Add notes on values of the wrong kind; return the attributes without a valid value, each with the reason.

    The second result has by column, in words, how many values nobody can read: all of these but days that stand for a
    missing date.
    """
    empty, unreadable = {}, {}
    for attribute in (one for one in account if one.name and one.kind in _VALID):
        valid = _VALID[attribute.kind]
        unread, illegible, filled = _count_unread(columns, attribute, values[attribute.name])
        if illegible:
            unreadable[attribute.column] = f"{illegible:,} of {filled:,} values are not {valid}"
        if unread and unread == filled:
            empty[attribute.name] = f"none of its values is {valid}."
        elif unread and attribute.kind != "number":  # for numbers `Columns` adds the note
            columns.notes.append(
                f"Column {attribute.column!r}: {unread:,} of {filled:,} values are not {valid}, and count as missing."
            )
    return empty, unreadable


def _count_unread(columns: Columns, attribute: Attribute, value: str) -> tuple[int, int, int]:
    """Return the number of values that count as missing, of those that nobody can read, and of all."""
    kind, moment, illegible = columns.kinds[attribute.column], "null", "value is null"
    if attribute.kind == "number" and kind != "VARCHAR":
        return 0, 0, 0
    if attribute.kind in ("date", "birth date"):
        moment = _moment(columns, attribute)
        ahead = " or moment between current_date and date '2199-12-31'"
        illegible = f"moment is null{ahead if attribute.kind == 'birth date' else ''}"
    column, levels = quote(attribute.column), levels_of(columns.table, attribute.column)
    texts = f"(select n, t, t as {column} from {levels})"
    if kind != "VARCHAR":
        texts = f"(select 1 as n, cast({column} as varchar) as t, {column} from {columns.table})"
    counts = levels.row(
        f"select coalesce(sum(n) filter (where value is null), 0), coalesce(sum(n) filter (where {illegible}), 0), "
        f"coalesce(sum(n), 0) from (select n, {value} as value, {moment} as moment from {texts} "
        f"where not ({_IS_NOTHING}))"
    )
    return int(counts[0]), int(counts[1]), int(counts[2])


def value_sql(columns: Columns, attribute: Attribute) -> str:
    """Return SQL for a column's value, converted to its kind."""
    if attribute.kind == "number":
        return f"cast({columns.number(attribute.column)} as double)"
    text = f"trim(cast({quote(attribute.column)} as varchar))"
    if attribute.kind == "yes/no":
        return f"case when lower({text}) in {YES} then 1e0 when lower({text}) in {NO} then 0e0 end"
    if attribute.kind == "category":
        levels = levels_of(columns.table, attribute.column)
        if not levels.holds("t <> trim(t)"):
            text = f"cast({quote(attribute.column)} as varchar)"
        whole = levels.holds(r"regexp_matches(t, '^\s*-?\d+\.0+\s*$')")
        plain = rf"regexp_replace({text}, '^(-?\d+)\.0+$', '\1')" if whole else text
        plain = postcode_sql(plain, attribute.part)
        return f"if(lower({text}) in {NO_VALUE}, null, {plain})" if levels.holds(_IS_NOTHING) else plain
    latest = "current_date" if attribute.kind == "birth date" else "date '2199-12-31'"
    valid = f"day between date '1760-01-01' and {latest} and day not in {_NO_DATES}"
    days = f"cast(if({valid}, date_diff('day', date '1970-01-01', day), null) as double)"
    return once(_moment(columns, attribute), "day", days)


def _moment(columns: Columns, attribute: Attribute) -> str:
    """Return SQL for the date of a value."""
    moment = f"cast({columns.timestamp(attribute.column)} as date)"
    if attribute.kind != "birth date":
        return moment
    return _birth(f"trim(cast({quote(attribute.column)} as varchar))", moment)


def _birth(text: str, moment: str) -> str:
    """Return SQL for a birth date: a year alone becomes the middle of that year, a two-digit year is in the past."""
    year = "try_cast(one.written as double)"
    middle = f"make_date(cast(if({year} < 100, 2000 + {year}, {year}) as integer), 7, 1)"
    alone = f"{year} between 1850 and 2100 or {year} between 1 and 99 or one.written = '00'"
    born = f"if({alone}, {middle}, one.moment)"
    ahead = f"{born} between current_date and date '2099-12-31'"
    in_full = f"contains(one.written, cast(year({born}) as varchar))"
    corrected = f"if({ahead} and not {in_full}, {born} - interval 100 year, {born})"
    return once(f"{{'written': {text}, 'moment': {moment}}}", "one", corrected)
