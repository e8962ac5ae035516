"""The values of attributes, each converted to its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cltv_ml.customers.column_levels import levels_of
from cltv_ml.customers.kinds import Attribute
from cltv_ml.data.parse import Columns
from cltv_ml.data.source_columns import quote
from cltv_ml.tables import NO, YES, postcode_sql

#: Valid dates; tools write days outside this range, and these two days, for a missing date.
_DATES = "between date '1760-01-01' and date '2199-12-31'"
_NO_DATES = "(date '1899-12-30', date '1900-01-01')"

#: Texts for a missing value.
_NO_VALUE = ("", "null", "nan", "none", "n/a", "na", "<na>", "nat")
_IS_NOTHING = f"lower(trim(t)) in {_NO_VALUE}"

#: Valid values of each kind; others count as missing. `Columns` handles numbers.
_UNREAD = {"yes/no": "yes or no", "birth date": "a date or a year", "date": "a date between 1760 and 2199"}


def note_unread(columns: Columns, account: Sequence[Attribute], values: Mapping[str, str]) -> dict[str, str]:
    """Add notes on values of the wrong kind; return the attributes without a valid value, each with the reason."""
    typed = [attribute for attribute in account if attribute.name and attribute.kind in _UNREAD]
    empty = {}
    for attribute in typed:
        column, levels = quote(attribute.column), levels_of(columns.table, attribute.column)
        texts = f"(select n, t, t as {column} from {levels})"
        if columns.kinds[attribute.column] != "VARCHAR":
            texts = f"(select 1 as n, cast({column} as varchar) as t, {column} from {columns.table})"
        filled, unread = levels.row(
            f"select coalesce(sum(n), 0), coalesce(sum(n) filter (where {values[attribute.name]} is null), 0) "
            f"from {texts} where not ({_IS_NOTHING})"
        )
        expected = _UNREAD[attribute.kind]
        if unread and unread == filled:
            empty[attribute.name] = f"none of its values is {expected}."
        elif unread:
            columns.notes.append(
                f"Column {attribute.column!r}: {unread:,} of {filled:,} values are not {expected}, "
                "and count as missing."
            )
    return empty


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
        return f"if(lower({text}) in {_NO_VALUE}, null, {plain})" if levels.holds(_IS_NOTHING) else plain
    moment = f"cast({columns.timestamp(attribute.column)} as date)"
    if attribute.kind == "birth date":
        moment = _birth(text, moment)
    day = f"date_diff('day', date '1970-01-01', {moment})"
    return f"cast(if({moment} {_DATES} and {moment} not in {_NO_DATES}, {day}, null) as double)"


def _birth(text: str, moment: str) -> str:
    """Return SQL for a birth date: a year alone becomes the middle of that year, a two-digit year is in the past."""
    year = f"try_cast({text} as double)"
    middle = f"make_date(cast(if({year} < 100, 2000 + {year}, {year}) as integer), 7, 1)"
    alone = f"{year} between 1850 and 2100 or {year} between 1 and 99 or {text} = '00'"
    born = f"if({alone}, {middle}, {moment})"
    return f"if({born} between current_date and date '2099-12-31', {born} - interval 100 year, {born})"
