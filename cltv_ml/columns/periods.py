"""Tables of customers by period: one column per month is read as dates, other periods are a layout without dates."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from cltv_ml.columns.candidates import find_columns, named
from cltv_ml.columns.date_parts import fiscal_columns
from cltv_ml.columns.headings import SYNONYMS, plain_text
from cltv_ml.columns.kinds import first_lines, look
from cltv_ml.columns.levels import LEVEL_NAMES
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.times import is_month_name, month_of_name
from cltv_ml.engine import Relation, keep, literal, quoted
from cltv_ml.errors import InputError
from cltv_ml.sources.frames import MARK

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


#: In a mapping, what the headings of columns of numbers are, such as customers or products.
HEADINGS = "column headings"


def join_months(table: Relation) -> tuple[Relation, list[str]]:
    """Return one row per customer and month of a table with the money of each month in a column of its own; a note.

    >>> from cltv_ml.data import clean
    >>> import pandas as pd
    >>> wide = pd.DataFrame({"Customer": ["a", "b"], "Jan 24": [5.0, None], "Feb 24": [0.0, 2.0], "Mar 24": [1.5, 4.0]})
    >>> clean(wide).log["timestamp"].dt.month.tolist()
    [1, 3, 2, 3]
    """
    columns = [name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)]
    months = {column: first_day_named(column) for column in period_columns(columns)}
    others = [column for column in columns if column not in months]
    if len(months) < _FEWEST or not all(months.values()) or {"date", "amount"} & set(others):
        return table, []
    first = first_lines(table)
    kinds = look(first)
    if not {kinds[column] for column in months} <= {"number", "rate", "empty"} or not find_columns(
        "customer_id", others, kinds, {}, {}
    ):
        return table, []
    number = Columns(first, Rules(), ask=False).number
    total = " + ".join(f"coalesce({number(column)}, 0)" for column in months if kinds[column] != "empty")
    sums = [
        column
        for column in others
        if kinds[column] == "number" and not table.holds(f"abs({number(column)} - ({total})) > 0.011")
    ]
    if "timestamp" in {kinds[column] for column in others} or not total:
        return table, []
    rows = _one_row_each(table, [column for column in others if column not in sums], months, "date")
    shown = [*months]
    return rows, [
        f"Columns {shown[:2]} and {len(shown) - 2:,} more contain one month each, so each of their numbers was read as "
        "one purchase on the first day of the month. Purchases of a customer in the same month count as one."
    ]


def join_headings(table: Relation, explicit: Mapping[str, str | None]) -> tuple[Relation, list[str]]:
    """Return one row per number of a table whose headings are customers or products, as the user says; and a note."""
    if HEADINGS not in explicit.values():
        return table, []
    columns = [name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)]
    kinds = look(first_lines(table))
    headed = headed_columns(kinds)
    if not headed:
        raise InputError(f"no columns of numbers have headings without another meaning among {columns}.")
    rows = _one_row_each(
        table, [column for column in columns if column not in headed], {one: one for one in headed}, HEADINGS
    )
    left = [column for column, kind in kinds.items() if kind in ("number", "rate") and column not in headed]
    others = f" The numbers in {left} were left as they are." * bool(left)
    return rows, [
        f"Each number in columns {headed[:2]} and {len(headed) - 2:,} more was read as one row.{others}"
    ]


def headed_columns(kinds: Mapping[str, str]) -> list[str]:
    """Return the columns of numbers whose headings have no other meaning, such as names of customers or products.

    >>> headed_columns({"Date": "timestamp", "Order No": "number", "Mug": "number", "Clock": "number"})
    ['Mug', 'Clock']
    """
    numbers = [column for column, kind in kinds.items() if kind in ("number", "rate")]
    meanings = [name for name in SYNONYMS if name not in (*LEVEL_NAMES, "time_of_day", "category", "channel")]
    return [column for column in numbers if not any(named(name, [column]) for name in meanings)]


def _one_row_each(
    table: Relation, others: Collection[str], columns: Mapping[str, str], heading: str
) -> Relation:
    """Return one row per number in some columns, with what each column stands for under a heading.

    Parameters
    ----------
    columns
        What each column stands for.
    """
    named_others = "".join(f"{quote(column)}, " for column in others)
    cells = ", ".join(
        f'cast({quote(column)} as varchar) as "{place}"' for place, column in enumerate(columns)
    )
    meanings = ", ".join(literal(meaning) for meaning in columns.values())
    return keep(
        table.con,
        "rows",
        f"select row_number() over (order by source_row, place) - 1 as source_row, {named_others}"
        f"[{meanings}][place + 1] as {quoted(MARK + heading)}, value as {quoted(MARK + 'amount')} from "
        "(select * replace (cast(place as bigint) as place) from "
        f"(unpivot (select source_row, {named_others}{cells} from {table}) "
        f"on {', '.join(map(quoted, map(str, range(len(columns)))))} into name place value value)) "
        r"where not regexp_full_match(trim(value), '[-–—]?|0*[.,]?0*')",
    )


def first_day_named(column: str) -> str:
    """Return the first day of the month that a heading names with its year, "" if it names none.

    >>> [first_day_named(heading) for heading in ("2024-03", "Umsatz Mär 24", "202411", "M1", "2024")]
    ['2024-03-01', '2024-03-01', '2024-11-01', '', '']
    """
    words = plain_text(column, " ")
    named = re.search(r"([^\W\d]+) ?((?:19|20)?\d\d)$|\b((?:19|20)\d\d) ?([^\W\d]+)$", words)
    if named:
        word, year = named[1] or named[4], named[2] or named[3]
        month = month_of_name(word)
        return f"{year if len(year) == 4 else f'20{year}'}-{month:02d}-01" if month else ""
    plain = re.search(r"\b((?:19|20)\d\d) ?(0?[1-9]|1[0-2])$|\b(0?[1-9]|1[0-2]) ((?:19|20)\d\d)$", words)
    return f"{plain[1] or plain[4]}-{int(plain[2] or plain[3]):02d}-01" if plain else ""


def offer_products(first: Relation, kinds: Mapping[str, str], question: Question) -> Question:
    """Return the question for the amount of a table whose columns may be products; any other question as it is.

    Columns of products have numbers on some lines each.
    """
    if not question.text.startswith("no column found for amount"):
        return question
    headed = [column for column in headed_columns(kinds) if kinds[column] != "empty"]
    if len(headed) < _FEWEST_PRODUCTS:
        return question
    shares = ", ".join(f"avg(cast(coalesce({quote(column)} <> '0', false) as integer))" for column in headed)
    filled = first.row(f"select {shares} from (select columns(*)::varchar from {first})")
    if max(filled) > _MOST_FILLED:
        return question
    return Question(
        f"{len(headed)} columns, such as {headed[:2]}, contain numbers on some lines each, and no column contains the "
        f"amount. If each column is a product with the money paid for it, use --mapping "
        f"{flag('product_id', HEADINGS)}; if one of them is the amount, name it, for example --mapping "
        f"{flag('amount', headed[0])}.",
        (f"product_id={HEADINGS}", *(f"amount={column}" for column in headed)),
    )


#: Fewest columns that may be products, and the largest share of lines on which each has a number.
_FEWEST_PRODUCTS, _MOST_FILLED = 4, 0.8

#: Fewest columns of numbers next to one date that may be customers.
_MANY_CUSTOMERS = 6


def ask_for_rows(
    kinds: Mapping[str, str], chosen: Mapping[str, str], explicit: Collection[str]
) -> Question | None:
    """Return the question to ask about a table whose columns are periods; None if it has dates of purchases."""
    numbers = [column for column, kind in kinds.items() if kind in ("number", "rate")]
    others = [kind for column, kind in kinds.items() if kind != "empty" and column not in numbers]
    if (
        others == ["timestamp"]
        and len(numbers) >= _MANY_CUSTOMERS
        and not {"customer_id", "amount"} & {*chosen, *explicit}
    ):
        return Question(
            f"{len(numbers)} columns, such as {numbers[:2]}, contain numbers for each date and no column names "
            "customers. If each of them is a customer, use --mapping "
            f"{flag('customer_id', HEADINGS)}; otherwise export one row per customer and date with the columns "
            "customer, date and amount (in pandas: melt).",
            (f"customer_id={HEADINGS}",),
        )
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


_MONTH_NAMED = re.compile(
    rf"(?:(?P<ahead>{_YEAR_DIGITS}) ?)?(?P<name>[^\W\d_]+) ?(?P<behind>{_YEAR_DIGITS})?"
)


def _is_period(text: str) -> bool:
    month = _MONTH_NAMED.fullmatch(text)
    named = month is not None and is_month_name(month["name"])
    return named or _PERIOD.fullmatch(text) is not None
