"""Change of season between the window that a version's total was forecast for and the window of a later batch.

A version is scaled to the total of the horizon after its training. A batch months later has that horizon in another
season, which the version does not know. What the same days brought a year before shows by how much they differ.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import pandas as pd

from cltv_ml.log import Log
from cltv_ml.models.kept_spend import YEAR

#: A smaller change is not told with a batch.
_WORTH_TELLING = 0.1

#: Where the log does not show how seasons differ, a batch that begins this much later is told, in days and in horizons.
_LATER_DAYS = 28
_LATER_HORIZONS = 0.5

_TRAIN_AGAIN = "Train again before you use totals; `cltv forecast` shows that of these days."


class SeasonChange(NamedTuple):
    """The revenue of a later horizon as a share more or less than that of an earlier one, with a 95% interval."""

    change: float
    lower: float
    upper: float


def compute_season_change(
    log: Log, horizon: int, then: pd.Timestamp, now: pd.Timestamp
) -> SeasonChange | None:
    """Return how the `horizon` days from `now` differ in season from those from `then`, by the year before each.

    Both are the revenue of all customers in these days a year before, over that of the year that begins there, so that
    growth nearly cancels out. The interval is that of the customers' spending. None where the log does not reach back a
    year before `then`, the horizon is a year or longer, or nobody bought in one of the windows.

    >>> days = pd.date_range("2022-01-01", "2024-12-31")
    >>> log = Log(pd.DataFrame({"customer_id": "a", "timestamp": days, "amount": 1.0 + (days.month == 12)}))
    >>> round(compute_season_change(log, 31, pd.Timestamp("2024-10-01"), pd.Timestamp("2024-12-01")).change, 1)
    1.0
    """
    if horizon >= YEAR or log.first.normalize() > min(then, now) - pd.Timedelta(days=YEAR):
        return None
    sums = ", ".join(
        f"coalesce(sum(amount) filter (where timestamp >= timestamp '{start}' and timestamp < timestamp "
        f"'{start + pd.Timedelta(days=days)}'), 0) as {name}"
        for start, name in (
            (now - pd.Timedelta(days=YEAR), "later"),
            (then - pd.Timedelta(days=YEAR), "earlier"),
        )
        for days, name in ((horizon, name), (YEAR, f"year_of_{name}"))
    )
    names = ("later", "earlier", "year_of_later", "year_of_earlier")
    customers = f"(select {sums} from log group by customer_id)"
    con = log.connect()
    later, earlier, year_later, year_earlier = con.sql(
        f"select {', '.join(f'sum({name})' for name in names)} from {customers}"
    ).fetchall()[0]
    if not min(later, earlier, year_later, year_earlier) > 0:
        return None
    share = f"later / {later} - earlier / {earlier} - year_of_later / {year_later} + year_of_earlier / {year_earlier}"
    [variance] = con.sql(f"select sum(pow({share}, 2)) from {customers}").fetchall()[0]
    log_ratio, reach = math.log(later / earlier * year_earlier / year_later), 1.96 * math.sqrt(variance)
    change, lower, upper = (math.expm1(log_ratio + step) for step in (0.0, -reach, reach))
    return SeasonChange(change, lower, upper)


def tell_season(season: SeasonChange, horizon: int, then: pd.Timestamp, now: pd.Timestamp) -> str:
    """Return a sentence on a change of season.

    >>> tell_season(SeasonChange(-0.48, -0.5, -0.4), 45, pd.Timestamp("2024-10-01"), pd.Timestamp("2025-01-10"))
    "A year earlier, the 45 days from 2024-01-11 brought in 48% less of a year's revenue than those from 2023-10-02."
    """
    starts = [f"{day - pd.Timedelta(days=YEAR):%Y-%m-%d}" for day in (now, then)]
    return (
        f"A year earlier, the {horizon} days from {starts[0]} brought in {abs(season.change):.0%} "
        f"{'more' if season.change > 0 else 'less'} of a year's revenue than those from {starts[1]}."
    )


def doubt_season(log: Log, horizon: int, then: pd.Timestamp, now: pd.Timestamp, version: int) -> str:
    """Return why a version's values as of `now` may be off as a whole: its total was forecast from `then` on.

    Empty where the seasons differ by less than a tenth beyond chance, or where the log does not show how they differ
    and the batch begins soon after.
    """
    if now <= then or horizon >= YEAR:
        return ""
    season = compute_season_change(log, horizon, then, now)
    set_for = f"The total of version {version} was forecast for the {horizon} days from {then:%Y-%m-%d}"
    if season is None:
        if (now - then).days <= max(_LATER_DAYS, _LATER_HORIZONS * horizon):
            return ""
        return (
            f"{set_for}, {(now - then).days} days before these, and the log does not show how the seasons differ. "
            f"{_TRAIN_AGAIN}"
        )
    if max(season.lower, -season.upper) < _WORTH_TELLING:
        return ""
    direction = "low" if season.change > 0 else "high"
    return (
        f"{set_for}. {tell_season(season, horizon, then, now)} So the values are probably too {direction} as a whole; "
        f"the order of the customers does not depend on it. {_TRAIN_AGAIN}"
    )
