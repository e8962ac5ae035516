"""Tables of customers by period, such as one column per month: a layout without dates to read."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from cltv_ml.data.date_parts import fiscal_columns
from cltv_ml.data.headings import plain_text
from cltv_ml.data.mapping import flag
from cltv_ml.data.questions import Question
from cltv_ml.data.times import is_month_name

#: A period: a month or quarter with its year, a year, or a numbered month, quarter, week or period.
_PERIOD = re.compile(
    r"(19|20)\d\d( ?(0?[1-9]|1[0-2]|q[1-4]|[wm]\d\d?))?( \d\d)?|(0?[1-9]|1[0-2]|q[1-4]|[wm]\d\d?) ?(19|20)\d\d"
    r"|(19|20)\d\d(0[1-9]|1[0-2])|((19|20)\d\d ?[年년] ?)?(0?[1-9]|1[0-2])[月월]"
    r"|(q|m|w|kw|cw|month|monat|mois|mes|mese|week|woche|semaine|semana|p|period) ?\d\d?"
)
_YEAR_DIGITS = r"(?:19|20)\d\d|\d\d"

#: Headings of numbers that count days or weeks.
_HEADED_COUNTS = re.compile(
    "(trans|sales?|order|visit|purchase)?(day|week|kw|woche)(no|num|nr|number|nummer|index|id)?"
)

#: Fewer headings than this may be periods by chance; and from the second number on they are a table's body, so that a
#: date next to them is the customer's, not a purchase's.
_FEWEST, _BODY = 3, 6


def ask_for_rows(
    kinds: Mapping[str, str], chosen: Mapping[str, str], explicit: Collection[str]
) -> Question | None:
    """Return the question to ask about a table whose columns are periods; None if it has dates of purchases."""
    periods = period_columns(kinds)
    body = len(periods) >= max(_BODY, 0.5 * len(kinds)) and not {"timestamp", "amount"} <= set(explicit)
    if len(periods) < _FEWEST or ("timestamp" in chosen and not body):
        return None
    return Question(
        f"{len(periods)} columns, such as {periods[:2]}, contain one period each, so a row is a customer "
        "rather than a purchase. Export one row per purchase, or at least one row per customer and "
        "period with the columns customer, date and amount (in pandas: melt)."
    )


def tell_of_periods(kinds: Mapping[str, str], name: str) -> str:
    """Return remarks on columns that may stand for dates, to follow the question for the column `name`."""
    if name != "timestamp":
        return ""
    remark = ""
    if fiscal := fiscal_columns(kinds):
        remark = (
            f" Columns {fiscal} seem to contain fiscal periods, whose calendar months depend on the "
            "start of the fiscal year; add a column with dates."
        )
    counted = [c for c, kind in kinds.items() if kind == "number" and _HEADED_COUNTS.fullmatch(plain_text(c))]
    if counted:
        remark += (
            f" If column {counted[0]!r} counts days or weeks from a start, use --mapping "
            f"{flag('timestamp', counted[0])} --rule first_day=YYYY-MM-DD with the day of the first, number 1."
        )
    return remark


def period_columns(columns: Collection[str]) -> list[str]:
    """Return the columns whose headings are periods, perhaps with a word that all of them share.

    >>> period_columns(["customer", "M1", "M2", "M3", "Total"])
    ['M1', 'M2', 'M3']
    >>> period_columns(["Kunde", "Umsatz Jan 23", "Umsatz Feb 23", "Umsatz März 23", "Menge 2023"])
    ['Umsatz Jan 23', 'Umsatz Feb 23', 'Umsatz März 23']
    """
    found: dict[tuple[str, str], list[str]] = {}
    for column in columns:
        words = plain_text(column, " ").split()
        around = next((around for around in _divisions(words) if _is_period(around[1])), None)
        if around:
            found.setdefault((around[0], around[2]), []).append(column)
    return max(found.values(), key=len, default=[])


def _divisions(words: list[str]) -> list[tuple[str, str, str]]:
    """Return the ways to divide a heading's words into some before, a period of one to three, and some after."""
    return [
        (" ".join(words[:first]), " ".join(words[first : first + length]), " ".join(words[first + length :]))
        for length in (3, 2, 1)
        for first in range(len(words) - length + 1)
    ]


def _is_period(text: str) -> bool:
    month = re.fullmatch(
        rf"(?:(?P<ahead>{_YEAR_DIGITS}) ?)?(?P<name>[^\W\d_]+) ?(?P<behind>{_YEAR_DIGITS})?", text
    )
    named = month is not None and is_month_name(month["name"])
    return named or _PERIOD.fullmatch(text) is not None
