"""The value of the latest customers next to that of those before: whether a shop wins better or worse ones than it did.

Expected values rest on all customers of the log. Where each cohort is worth less than those before, the next customer
is worth less than all of them on average.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cltv_ml.decisions.acquisition_costs import UNATTRIBUTED
from cltv_ml.decisions.acquisition_value import DRIFT_AGE, realised_by
from cltv_ml.decisions.customers_won import ALL_AGES, Won
from cltv_ml.money import format_amounts

#: Days in which the latest customers were won, and the days of a year after which the weekdays are the same again.
QUARTER, YEAR = 91, 364

#: Fewest customers on either side, standard errors, and log change of the value from which on a change is told.
_LEAST, _ERRORS, _CHANGE = 30, 2.58, 0.1


@dataclass(frozen=True)
class LatestValue:
    """The value at `DRIFT_AGE` of the latest customers who have reached it, and of those they are compared with."""

    since: pd.Timestamp
    until: pd.Timestamp
    value: float
    before: float
    #: Whether they are compared with customers won in the same days a year before.
    year_ago: bool

    @property
    def change(self) -> float:
        """Share by which the latest customers are worth more, below 0 if less."""
        return self.value / self.before - 1


def compare_latest(won: Won, opening: int = 0) -> LatestValue | None:
    """Return the value of customers of the latest quarter, if it differs from earlier ones' beyond chance; else None.

    Where the log holds the same quarter a year before, it has to differ from that too, because customers of one season
    may be worth more in every year; the smaller change counts. A change counts from a tenth on.

    Parameters
    ----------
    opening
        Days at the log's start whose customers do not count, as for `value_by_channel`.
    """
    if won.customers.empty:
        return None
    end, longest = DRIFT_AGE + QUARTER, int(won.customers["observed"].max())
    last, oldest = won.first + pd.Timedelta(days=longest), longest - opening
    latest = _value_of(won, DRIFT_AGE, end)
    days = {False: (end, oldest + 1)} | (
        {True: (DRIFT_AGE + YEAR, end + YEAR)} if oldest >= end + YEAR else {}
    )
    found = []
    for year_ago, (youngest, eldest) in days.items():
        before = _value_of(won, youngest, eldest)
        if not _differs(latest, before):
            return None
        since, until = (last - pd.Timedelta(days=day) for day in (end - 1, DRIFT_AGE))
        found.append(LatestValue(since, until, latest[1], before[1], year_ago))
    if len({one.change > 0 for one in found}) > 1:
        return None
    return min(found, key=lambda one: abs(one.change))


def describe_latest(won: Won, opening: int, currency: str) -> list[str]:
    """Return a sentence on the latest customers if they are worth more or less than those before, with the channels."""
    found = compare_latest(won, opening)
    if found is None:
        return []
    value, before = format_amounts([found.value, found.before], currency)
    others = "those won in the same days a year before" if found.year_ago else "those won before"
    measure = "contribution" if won.known else "revenue"
    less = f"{abs(found.change):.0%} {'less' if found.change < 0 else 'more'}"
    return [
        f"Customers won from {found.since:%Y-%m-%d} to {found.until:%Y-%m-%d} brought a {measure} of {value} by day "
        f"{DRIFT_AGE}, {less} than {others} ({before}).{_by_channel(won, opening)} Values, ratios and payback below "
        f"rest on all customers of the log, so they are too {'high' if found.change < 0 else 'low'} for customers "
        "won now if this lasts."
    ]


def _by_channel(won: Won, opening: int) -> str:
    """Return a sentence on the channels whose latest customers differ; empty if there is one channel or none does."""
    names = sorted(set(won.customers["channel"]) - {UNATTRIBUTED})
    if len(names) < 2:
        return ""
    each = {name: _of_channel(won, name, opening) for name in names}
    changed = [f"{name} {one.change:+.0%}" for name, one in each.items() if one is not None]
    return f" By channel: {', '.join(changed)}." if changed else ""


def _of_channel(won: Won, name: str, opening: int) -> LatestValue | None:
    own = won.of(won.customers["channel"] == name, won.spent["channel"] == name)
    return compare_latest(own, opening)


def _value_of(won: Won, youngest: int, eldest: int) -> tuple[int, float, float]:
    """Return number, mean value at `DRIFT_AGE` and its standard error of customers observed for these days."""
    customers, spent = (
        table[(table["observed"] >= youngest) & (table["observed"] < eldest)]
        for table in (won.customers, won.spent)
    )
    part = replace(won, customers=customers, spent=spent)
    count, mean, spread = realised_by(part, ALL_AGES.index(DRIFT_AGE) - 1, "contribution")
    return count, mean, abs(mean) * spread / np.sqrt(max(count, 1))


def _differs(latest: tuple[int, float, float], before: tuple[int, float, float]) -> bool:
    if min(latest[0], before[0]) < _LEAST or min(latest[1], before[1]) <= 0:
        return False
    apart = abs(latest[1] - before[1]) > _ERRORS * np.hypot(latest[2], before[2])
    return bool(apart and abs(np.log(latest[1] / before[1])) >= _CHANGE)
