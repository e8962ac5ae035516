"""Periods of a customer-base audit: the calendar's, or those that end with the log."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import pandas as pd

from cltv_ml.errors import InputError, unknown_name

#: Months in a period.
MONTHS_IN = {"year": 12, "quarter": 3, "month": 1}

#: Largest number of periods: more are unreadable, and their tables grow with the square.
MOST_PERIODS = 130

Per = Literal["year", "quarter", "month"]


def make_spans(
    first: pd.Timestamp, last: pd.Timestamp, per: Per | None = None, *, calendar: bool = False
) -> pd.DataFrame:
    """Return the periods from the first moment of a log to its last: `period`, `name`, `since`, `until`, `complete`.

    >>> make_spans(pd.Timestamp("2010-02-03"), pd.Timestamp("2011-12-09"), "year")["name"].tolist()
    ['to 2010-12-09', 'to 2011-12-09']
    >>> spans = make_spans(pd.Timestamp("2010-02-03"), pd.Timestamp("2011-12-09"), "quarter", calendar=True)
    >>> spans["name"].tolist()[:2], spans["complete"].tolist()[:2], bool(spans["complete"].iloc[-1])
    (['2010-Q1', '2010-Q2'], [False, True], False)
    """
    if per is not None and per not in MONTHS_IN:
        raise unknown_name("period", per, MONTHS_IN)
    per = per or longest_period(first, last)
    start, end = first.normalize(), last.normalize() + pd.Timedelta(days=1)
    months = MONTHS_IN[per]
    edges = _edges_from(start, end, months) if calendar else _edges_to(start, end, months)
    if len(edges) - 1 > MOST_PERIODS:
        raise InputError(
            f"the log has {len(edges) - 1} periods of one {per}, but a table can show at most "
            f"{MOST_PERIODS}; choose a longer period with --per, one of {list(MONTHS_IN)}."
        )
    rows = [
        (
            number,
            _period_name(since, until, per, calendar=calendar),
            since,
            until,
            since >= start and until <= end,
        )
        for number, (since, until) in enumerate(pairwise(edges))
    ]
    return pd.DataFrame(rows, columns=["period", "name", "since", "until", "complete"])


def _edges_from(start: pd.Timestamp, end: pd.Timestamp, months: int) -> list[pd.Timestamp]:
    """Return the edges of calendar periods of some months each, the first at or before the start."""
    month = pd.Timestamp(start.year, (start.month - 1) // months * months + 1, 1)
    edges = [month]
    while edges[-1] < end:
        edges.append(month + pd.DateOffset(months=months * len(edges)))
    return edges


def _edges_to(start: pd.Timestamp, end: pd.Timestamp, months: int) -> list[pd.Timestamp]:
    """Return the edges of periods of some months each that end with the log."""
    edges = [end]
    while edges[0] > start:
        edges.insert(0, end - pd.DateOffset(months=months * len(edges)))
    return edges


def longest_period(first: pd.Timestamp, last: pd.Timestamp) -> Per:
    """Return the longest period that the log holds twice in full, else a month."""
    end = last.normalize() + pd.Timedelta(days=1)
    fitting: list[Per] = [
        name  # type: ignore[misc]
        for name, months in MONTHS_IN.items()
        if end - pd.DateOffset(months=2 * months) >= first.normalize()
    ]
    return fitting[0] if fitting else "month"


def _period_name(since: pd.Timestamp, until: pd.Timestamp, per: Per, *, calendar: bool) -> str:
    """Return the name of a calendar's period, or the last day of another."""
    if not calendar:
        return f"to {until - pd.Timedelta(days=1):%Y-%m-%d}"
    forms = {"year": "%Y", "month": "%Y-%m"}
    return since.strftime(forms[per]) if per in forms else f"{since.year}-Q{since.quarter}"
