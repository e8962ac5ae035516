"""Months of acquisition costs: columns of their own, months without a day, a year and a month apart."""

from __future__ import annotations

import logging
import re

import pandas as pd

from cltv_ml.columns.calendars import QUARTER_FORM
from cltv_ml.columns.date_parts import join_date
from cltv_ml.columns.periods import first_day_named, period_columns
from cltv_ml.columns.source_columns import quote
from cltv_ml.customers.cost_headings import headed
from cltv_ml.engine import Relation, keep, literal, quoted
from cltv_ml.errors import InputError
from cltv_ml.sources.frames import MARK

logger = logging.getLogger("cltv_ml")

#: A month alone, 2025-03, 03.2025 or 202503, and how it becomes the first of them.
_MONTH_FORMS = {
    r"(\d{4})[-/.](\d{1,2})": r"\1-\2",
    r"(\d{1,2})[-/.](\d{4})": r"\2-\1",
    r"((?:19|20)\d{2})(\d{2})": r"\1-\2",
}

#: Costs of several months: a quarter or a year.
_SEVERAL_MONTHS = re.compile(rf"(19|20)\d\d|{QUARTER_FORM}", re.IGNORECASE)

#: Fewest headings that are months for a table with a column per month.
_FEWEST_MONTHS = 2

#: What cells without an entry hold.
NO_ENTRY = "[-–—]?"


def months_as_rows(table: Relation) -> Relation:
    """Return one row per month of a table with a column per month, else the table; cells without a cost are left out.

    Raises
    ------
    InputError
        A heading names a period that is no month, or a month without its year.
    """
    names = source_names(table)
    months = {column: first_day_named(column) for column in period_columns(names)}
    others = [name for name in names if name not in months]
    if len(months) < _FEWEST_MONTHS or {"month", "date"} & set(headed(others)):
        return table
    if unknown := [column for column, first in months.items() if not first]:
        raise InputError(
            f"the heading {unknown[0]!r} of the costs names no month with its year; write 2025-03, or give one row "
            "per month with the columns month, channel and cost."
        )
    kept = "".join(
        f"{quote(column)} as {quoted(MARK + name)}, " for name, column in _row_labels(table, others)
    )
    rows = " union all ".join(
        f"select source_row, {place} as place, {kept}{literal(first)} as {quoted(MARK + 'month')}, "
        f"cast({quote(column)} as varchar) as {quoted(MARK + 'cost')} from {table}"
        for place, (column, first) in enumerate(months.items())
    )
    return keep(
        table.con,
        "months",
        "select row_number() over (order by source_row, place) - 1 as source_row, * exclude (source_row, place) "
        f"from ({rows}) where not regexp_full_match(trim({quoted(MARK + 'cost')}), '{NO_ENTRY}')",
    )


def _row_labels(table: Relation, columns: list[str]) -> list[tuple[str, str]]:
    """Return the meaning and name of the columns that name a row's costs; a text column alone is the channel."""
    meaning = headed(columns)
    kinds: tuple[str, ...] = ("channel", "campaign", "currency")
    named = [(name, meaning[name]) for name in kinds if name in meaning]
    texts = [column for column in columns if table.kinds[MARK + column] == "VARCHAR"]
    if named or len(texts) != 1:
        return named
    logger.warning("Costs     read as %s=channel.", texts[0])
    return [("channel", texts[0])]


def join_year(table: Relation) -> Relation:
    """Return the table with year and month joined in the column `month`, if they are columns of their own."""
    month = headed(source_names(table)).get("month")
    joined, notes = join_date(table) if month else (table, [])
    if not month or not notes:
        return table
    added = source_names(joined)[-1]
    rest = ", ".join(quote(name) for name in source_names(table) if name != month)
    together = f"{quote(added)} as {quoted(MARK + 'month')}"
    return keep(table.con, "months", f"select source_row, {rest}, {together} from {joined}")


def source_names(table: Relation) -> list[str]:
    """Return the headings of a source's columns."""
    return [name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)]


def refuse_several_months(texts: pd.Series, when: str) -> None:
    """Raise InputError if costs are dated by a quarter or a year."""
    longer = [text for text in texts.dropna().unique() if _SEVERAL_MONTHS.fullmatch(text.removesuffix(".0"))]
    if longer:
        raise InputError(
            f"the costs contain the {when} {longer[0]!r}, which is several months; divide its cost among months such "
            "as 2025-03."
        )


def as_months(texts: pd.Series) -> pd.Series | None:
    """Return the first days of months that are written without a day; None if they are not."""
    for form, iso in _MONTH_FORMS.items():
        if texts.notna().all() and texts.str.fullmatch(form).all():
            return pd.to_datetime(texts.str.replace(form, iso, regex=True), format="%Y-%m", errors="coerce")
    words = pd.to_datetime(texts, format="%b %Y", errors="coerce")
    words = words.fillna(pd.to_datetime(texts, format="%B %Y", errors="coerce"))
    return words if words.notna().all() else None
