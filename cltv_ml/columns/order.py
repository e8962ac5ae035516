"""The order of day, month and year in dates of three short numbers, inferred from the whole column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cltv_ml.columns import times
from cltv_ml.columns.questions import Question, QuestionsError
from cltv_ml.columns.rules import Rules
from cltv_ml.engine import Relation, keep
from cltv_ml.errors import InputError

#: An order is rejected if its dates span more years than this and several times as many as in another order.
_MOST_YEARS = 12


#: Shops kept no files before this year; the years of two digits of another calendar lead there, as 67 for 2567.
_OLDEST = 1980

#: The rule that selects each order.
_FLAGS = {"dmy": "day_first=true", "mdy": "day_first=false", "ymd": "year_first=true"}


def order_of(table: Relation, text: str, column: str, rules: Rules, last: int, points: bool) -> str | None:
    """Return dmy, mdy or ymd; None if no date is written this way.

    An order fails if it leaves values without a date that another order reads, or if its years span far more than
    another's or are three times as many. Dates with points have the day first, and dates with slashes do not have the
    year first, unless that order fails.

    Parameters
    ----------
    text, column
        SQL of the trimmed text, and the column's name for messages.
    last
        The last year that two digits may stand for.
    points
        Whether dates divided by points are meant, or the others.

    Raises
    ------
    QuestionsError
        Two orders are left, or each reads what the others do not; the message shows the readings.
    """
    short = keep(
        table.con,
        "short_dates",
        "select f.a as a, f.b as b, f.c as c, count(*) as n, min(t) as t, bool_and(f.sign = '/') as slashed from "
        f"(select {times.short_fields('t')} as f, t from (select {text} as t from {table}) "
        f"where {times.is_short('t')}) where (f.sign = '.') = {points} group by all",
    )
    orders = allowed(rules, points)
    dates = {order: f"try_cast({times.short_date('f', order, last)} as date)" for order in orders}
    slashed, some = short.row(f"select bool_and(slashed), count(*) from {short}")
    priors = (("dmy",) if points else (), ("dmy", "mdy") if slashed else ())
    order = choose_date_order(short, dates, column, priors) or (orders[0] if some else None)
    _check_short_years(short, dates, order, column)
    return order


def _check_short_years(short: Relation, dates: Mapping[str, str], order: str | None, column: str) -> None:
    """Raise InputError if years of two digits put even the latest date far back, as those of another calendar do."""
    if order is None:
        return
    year = times.ORDERS[order][0]
    latest, example = short.row(
        f"select max({dates[order]}), max_by(t, {dates[order]}) from {short} as f where length({year}) = 2"
    )
    if latest and latest.year < _OLDEST:
        raise InputError(
            f"column {column!r}: with years of two digits the latest date, {example!r}, would be {latest}, which seems "
            "to be a year of another calendar. Export dates with years of four digits."
        )


def choose_date_order(
    short: Relation, dates: Mapping[str, str], column: str, priors: Sequence[Sequence[str]] = ()
) -> str | None:
    """Return the order in which the dates parse; None if no order parses any.

    Parameters
    ----------
    short
        The different texts `t`, and how often each occurs, `n`.
    dates
        SQL of the date that an order reads, null where it reads none; the alias of `short` is `f`.
    column
        Its name, for messages.
    priors
        Orders that go before others, where one of them is left.

    Raises
    ------
    QuestionsError
        See `order_of`.
    """
    reads = " or ".join(f"{date} is not null" for date in dates.values())
    counted = ", ".join(
        f"coalesce(sum(n) filter (where {date} is not null), 0), min({date}), max({date}), "
        f"count(distinct year({date}))"
        for date in dates.values()
    )
    rows, *counts = short.row(
        f"select coalesce(sum(n) filter (where {reads}), 0), {counted} from {short} as f"
    )
    if not rows:
        return None
    read = {
        order: counts[4 * place : 4 * place + 4] for place, order in enumerate(dates) if counts[4 * place]
    }
    left = [order for order in read if read[order][0] == rows]
    left = left or [order for order in read if read[order][0] >= 0.99 * rows]
    says_both = not left
    left = _with_plausible_years(left, read)
    for prior in priors:
        left = [order for order in left if order in prior] or left
    if len(left) > 1:
        differ = " or ".join(f"{dates[order]} <> {dates[left[0]]}" for order in left[1:])
        if not short.rows(f"select 1 from {short} as f where {differ} limit 1"):
            left = left[:1]
    if len(left) == 1:
        return left[0]
    open_ = {order: dates[order] for order in left or read}
    raise QuestionsError(
        [Question(_question(short, open_, column, says_both), tuple(_FLAGS[order] for order in open_))]
    )


def _with_plausible_years(left: list[str], read: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the orders whose years do not span far more than another's and are not three times as many."""
    spans = {order: (read[order][2] - read[order][1]).days / 365.25 for order in left}
    left = [order for order in left if spans[order] <= max(_MOST_YEARS, 3 * min(spans.values()))]
    fewest = min((read[order][3] for order in left), default=0)
    return [order for order in left if read[order][3] < 3 * fewest]


def allowed(rules: Rules, points: bool) -> list[str]:
    """Return the orders that the user's rules allow."""
    if rules.year_first:
        return ["ymd"]
    orders = ["dmy", "mdy"] if rules.year_first is False else list(times.ORDERS)
    if rules.day_first:
        return ["dmy"]
    return ["mdy"] if rules.day_first is False and not points else orders


def _question(short: Relation, dates: dict[str, str], column: str, says_both: bool) -> str:
    """Return the remaining question, with an example and the rules that answer it."""
    all_read = " and ".join(f"{date} is not null" for date in dates.values())
    pairs = [(first, second) for first in dates.values() for second in dates.values() if first < second]
    differ = " or ".join(f"{first} <> {second}" for first, second in pairs) or "true"
    shown = f"select t, {', '.join(dates.values())} from {short} as f"
    rows = short.rows(f"{shown} where {all_read} and ({differ}) order by t limit 1")
    rows = rows or short.rows(f"{shown} order by t limit 1")
    example, *days = rows[0]
    verdict = _contradiction(short, dates) if says_both else "do not settle it"
    if list(dates) == ["dmy", "mdy"] and days[0] and days[1]:
        day, month = days[0].day, days[0].month
        way_out = ", or export all dates in one form" if says_both else ""
        return (
            f"column {column!r}: {example!r} could be day {day} of month {month} or day {month} of month "
            f"{day}, and the other dates {verdict}. Use --rule day_first=true or --rule day_first=false{way_out}."
        )
    choices = ", ".join(
        f"{day or 'no date'} (--rule {_FLAGS[order]})" for order, day in zip(dates, days, strict=True)
    )
    return f"column {column!r}: {example!r} could be {choices}, and the other dates {verdict}. Choose one."


def _contradiction(short: Relation, dates: Mapping[str, str]) -> str:
    """Return how many dates only one order reads, as the end of a question."""
    if list(dates) != ["dmy", "mdy"]:
        return "contradict each other"
    day_first, month_first = dates.values()
    only = short.row(
        f"select sum(n) filter (where {day_first} is not null and {month_first} is null), "
        f"sum(n) filter (where {month_first} is not null and {day_first} is null) from {short} as f"
    )
    first, second = (int(lines or 0) for lines in only)
    return f"contradict each other: {first:,} have only the day first, {second:,} only the month"
