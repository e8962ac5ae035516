"""Replaced ids: a day from which no earlier customer returns, although the shop sells as before."""

from __future__ import annotations

import numpy as np

from cltv_ml.models.level_candidates import CohortRevenue

#: Days before and after a day that are compared.
_FOUR_WEEKS = 28

#: Largest share of the revenue from earlier customers after their ids were replaced, and smallest share before.
_GONE, _USUAL = 0.02, 0.3

#: Smallest share of the earlier revenue that remains, so that the shop is still open.
_GOING_ON = 0.5

#: Fewest purchases by earlier customers; those with the same first day and day count as one.
_LEAST_PURCHASES = 30


def find_replaced_ids(log: CohortRevenue) -> int | None:
    """Return the last day on which all ids were replaced, None where there is none.

    A new shop system or a new way to hash addresses makes every customer a new one, and no model can know that they are
    the same.
    """
    days = np.arange(_FOUR_WEEKS, log.days - _FOUR_WEEKS + 1)
    sums = np.concatenate([[0.0], np.cumsum(np.bincount(log.day, weights=log.amount, minlength=log.days))])
    before, after = sums[days] - sums[days - _FOUR_WEEKS], sums[days + _FOUR_WEEKS] - sums[days]
    revenue, purchases = (_by_known(log, one, _FOUR_WEEKS) for one in (log.amount, np.ones(len(log.day))))
    replaced = (
        (revenue[days] <= _GONE * after)
        & (
            _by_known(log, log.amount, log.days)[days] <= _GONE * (sums[-1] - sums[days])
        )  # nor do they return later
        & (revenue[days - _FOUR_WEEKS] >= _USUAL * before)
        & (after >= _GOING_ON * before)
        & (purchases[days - _FOUR_WEEKS] >= _LEAST_PURCHASES)
    )
    return int(days[replaced][-1]) if replaced.any() else None


def _by_known(log: CohortRevenue, weights: np.ndarray, within: int) -> np.ndarray:
    """Return by day the sum of purchases in the days `within` from then on, by customers first seen before it."""
    since = np.maximum(log.first + 1, log.day - within + 1)
    counted = since <= log.day
    starts = np.bincount(since[counted], weights=weights[counted], minlength=log.days + 1)
    ends = np.bincount(log.day[counted] + 1, weights=weights[counted], minlength=log.days + 1)
    return np.cumsum(starts - ends)
