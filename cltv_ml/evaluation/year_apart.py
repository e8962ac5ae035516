"""Windows a year apart: what customers known on a day spent from then on and in the same days a year later."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from cltv_ml.engine import frame
from cltv_ml.features import build_features
from cltv_ml.log import AnyLog, Log
from cltv_ml.models.kept_spend import YEAR, YearApart
from cltv_ml.tables import SUMMARY

#: The least days of a window and of the log before it, and the most years compared.
_LEAST_DAYS, _MOST_YEARS = 91, 5

#: The least customers of a window, and the most that are read, drawn at random from a larger log.
_LEAST_CUSTOMERS, _MOST_CUSTOMERS = 50, 50_000


def windows_year_apart(log: AnyLog, cutoff: pd.Timestamp) -> list[YearApart]:
    """Return windows of a log before the cutoff, the latest year first; none if it is shorter than a year and a half.

    The later window of the first pair ends at the cutoff. It is as long as the log before the pair, up to a year.
    """
    log = Log.of(log)
    return log.once(f"windows a year apart before {cutoff}", lambda: _find_windows(log, cutoff))


def _find_windows(log: Log, cutoff: pd.Timestamp) -> list[YearApart]:
    start = log.first.normalize()
    days = (cutoff - start).days
    width = min(YEAR, (days - YEAR) // 2)
    if width < _LEAST_DAYS:
        return []
    first = days - YEAR - width
    known = [first - YEAR * back for back in range(_MOST_YEARS) if first - YEAR * back >= _LEAST_DAYS]
    customers, sample = log.customers, log
    if len(customers) > _MOST_CUSTOMERS:
        drawn = np.random.default_rng(0).choice(len(customers), _MOST_CUSTOMERS, replace=False)
        sample = log.only(customers[drawn])
    windows = [_read(sample, start + pd.Timedelta(days=day), width) for day in known]
    return [window for window in windows if len(window.X) >= _LEAST_CUSTOMERS]


def _read(log: Log, day: pd.Timestamp, width: int) -> YearApart:
    X = build_features(log, day, names=SUMMARY)
    halves = [(0, width // 2), (width // 2, width)]
    ends = _month_ends(log.first.normalize(), day, day + pd.Timedelta(days=YEAR + width))
    known = [one for one in ends if one >= 0]
    spans = [*halves, *((YEAR + since, YEAR + until) for since, until in halves), *pairwise(ends)]
    sums = ", ".join(
        f"coalesce(sum({log.lasting('amount')}) filter (timestamp >= timestamp '{day + pd.Timedelta(days=since)}' and "
        f"timestamp < timestamp '{day + pd.Timedelta(days=until)}'), 0.0) as spent_{place}"
        for place, (since, until) in enumerate(spans)
    )
    spent = frame(log.connect().sql(f"select customer_id, {sums} from log group by customer_id"))
    spent = spent.set_index("customer_id")
    shop = spent.iloc[:, 4:].sum().to_numpy(dtype=float) - _first_purchases(log, day, ends)
    aligned = spent.reindex(X.index, fill_value=0.0).to_numpy(dtype=float)
    return YearApart(X, width, aligned[:, :4], known, aligned[:, len(spans) + 1 - len(known) :], shop)


def _first_purchases(log: Log, day: pd.Timestamp, ends: list[int]) -> np.ndarray:
    """Return what customers spent on their first day, by month between `ends` in days from `day`."""
    spent = log.connect().sql(
        f"select first, sum(amount) as amount from (select {log.lasting('amount')} as amount, timestamp::date as date, "
        "min(timestamp::date) over (partition by customer_id) as first from log) where date = first group by first"
    )
    by_day = spent.fetchnumpy()
    since = (by_day["first"].astype("datetime64[D]") - np.datetime64(day, "D")).astype(int)
    within = np.searchsorted(ends, since, side="right") - 1
    held = (within >= 0) & (within < len(ends) - 1)
    return np.bincount(within[held], weights=by_day["amount"][held], minlength=len(ends) - 1)


def _month_ends(first: pd.Timestamp, day: pd.Timestamp, end: pd.Timestamp) -> list[int]:
    """Return the days from `day` to the ends of whole months before `end`, from a log's first day on.

    Months of the calendar, because many logs are dated by month.
    """
    months = (end.year - first.year) * 12 + end.month - first.month
    ends = (end - pd.DateOffset(months=back) for back in range(months, -1, -1))
    return [(one - day).days for one in ends if one >= first]
