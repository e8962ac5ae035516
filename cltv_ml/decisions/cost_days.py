"""Days of acquisition costs: costs of several days divided by day, and costs of days outside a log left out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.decisions.acquisition_costs import check_costs
from cltv_ml.errors import InputError
from cltv_ml.money import format_money

#: Fewest different days, each seven after another, for costs to be weeks.
_LEAST_WEEKS = 4

#: Share of the days of a month from which on a log counts as covering all of it.
LEAST_COVERED = 0.9


def split_by_day(costs: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return costs of several days as costs by day, in equal parts, and a sentence; other costs as they are.

    A cost has a last day `until`, or lasts a week if all costs are dated every seven days.

    Raises
    ------
    InputError
        A cost ends before it begins, or `check_costs` refuses it.

    >>> weeks = pd.DataFrame({"date": pd.date_range("2024-01-29", periods=4, freq="7D"), "cost": 70.0})
    >>> daily, _ = split_by_day(weeks)
    >>> daily.groupby(daily["date"].dt.month)["cost"].sum().to_dict()
    {1: 30.0, 2: 250.0}
    """
    check_costs(costs)  # before a part of a cost is taken for it, or one outside the log is left out
    if "date" not in costs or not ("until" in costs or _are_weeks(costs["date"])):
        return costs, []
    costs = costs.reset_index(drop=True)
    since = costs["date"].dt.normalize()
    until = costs["until"].dt.normalize() if "until" in costs else since + pd.Timedelta(days=6)
    days = (until.fillna(since) - since).dt.days + 1
    if (days < 1).any():
        wrong = int(days.argmin())
        raise InputError(
            f"a cost begins on {since.iloc[wrong]:%Y-%m-%d} and ends on {until.iloc[wrong]:%Y-%m-%d}; correct it."
        )
    daily = costs.assign(date=since, cost=costs["cost"] / days).loc[costs.index.repeat(days)]
    daily["date"] += pd.to_timedelta(daily.groupby(level=0).cumcount(), unit="D")
    how = (
        "from their first to their last day" if "until" in costs else "over the seven days from their date on"
    )
    return daily.reset_index(drop=True), [
        f"Costs were divided evenly {how}, so they may lie in two months or more."
    ]


def _are_weeks(date: pd.Series) -> bool:
    gaps = np.diff(np.unique(date.dt.normalize().to_numpy())) // np.timedelta64(1, "D")
    return len(gaps) >= _LEAST_WEEKS - 1 and not (gaps % 7).any() and bool(np.median(gaps) == 7)


def within_log(
    costs: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp, currency: str = ""
) -> tuple[pd.DataFrame, list[str]]:
    """Return the costs of the log's days, or months if they are by month, and sentences on the others.

    Costs with a `date` are by day if some month has costs of two dates. Of costs by month, those of a month that the
    log covers only in part count in full, and a sentence says so.

    Raises
    ------
    InputError
        Every cost lies outside the log.

    >>> first, last = pd.Timestamp("2024-01-10"), pd.Timestamp("2024-01-20 18:00")
    >>> when = pd.to_datetime(["2024-01-09", "2024-01-20", "2024-01-21"])
    >>> days = pd.DataFrame({"date": when, "cost": [1.0, 2.0, 3.0]})
    >>> within_log(days, first, last)[0]["cost"].tolist()
    [2.0]
    """
    months = costs["date" if "date" in costs else "month"].dt.to_period("M")
    by_day = "date" in costs and costs["date"].dt.normalize().groupby(months).nunique().max() > 1
    if by_day:
        outside = (costs["date"] < first.normalize()) | (costs["date"].dt.normalize() > last)
    else:
        outside = (months < first.to_period("M")) | (months > last.to_period("M"))
    if outside.all():
        raise InputError(
            f"all {'days' if by_day else 'months'} of the costs lie outside the log: {months.min()} to "
            f"{months.max()} against {first:%Y-%m} to {last:%Y-%m}; give costs of the log's months."
        )
    notes = []
    if outside.any():
        left = format_money(float(costs.loc[outside, "cost"].sum()), currency)
        names = sorted(months[outside].astype("str").unique())
        listed = f"{', '.join(names[:3])}{' and others' if len(names) > 3 else ''}"
        notes.append(
            f"Costs of {left} fall before the log's first day, {first:%Y-%m-%d}, or after its last, "
            f"{last:%Y-%m-%d}, and are left out."
            if by_day
            else f"Costs of {left} fall in months outside the log and are left out: {listed}."
        )
    if not by_day:
        notes += _months_in_part(costs.groupby(months)["cost"].sum(), first, last, currency)
    return costs[~outside].reset_index(drop=True), notes


def _months_in_part(costs: pd.Series, first: pd.Timestamp, last: pd.Timestamp, currency: str) -> list[str]:
    """Return a sentence on each month of costs of which the log covers only a part."""
    notes = []
    for month in dict.fromkeys((first.to_period("M"), last.to_period("M"))):
        since, until = max(first.normalize(), month.start_time), min(last, month.end_time)
        covered = (until.normalize() - since).days + 1
        if costs.get(month, 0.0) > 0 and covered < LEAST_COVERED * month.days_in_month:
            notes.append(
                f"The log covers {covered} of the {month.days_in_month} days of {month}, but its costs of "
                f"{format_money(float(costs[month]), currency)} count in full; if they are those of the whole month, "
                "customers of that month look too expensive. Costs by day avoid this."
            )
    return notes
