"""Replaced ids: a day from which few earlier customers return, although the shop sells as before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cltv_ml.models.level_candidates import CohortRevenue

#: Days before and after a day that are compared.
_FOUR_WEEKS = 28

#: Smallest usual share of the revenue from earlier customers, and the largest part of it that is left after their ids
#: were replaced. A part of the ids may stay: customers with an account, or those of one branch.
_USUAL, _LEFT = 0.3, 0.4

#: Smallest share of the earlier revenue that remains, so that the shop is still open.
_GOING_ON = 0.5

#: Fewest purchases by earlier customers; those with the same first day and day count as one.
_LEAST_PURCHASES = 30


class Replaced(NamedTuple):
    """A day from which many customers have new ids, and earlier customers' shares of four weeks before and after it."""

    day: int
    before: float
    after: float


def find_replaced_ids(log: CohortRevenue) -> Replaced | None:
    """Return the last day on which all or most ids were replaced, None where there is none.

    A new shop system or a new way to hash addresses makes every customer a new one, and no model can know that they are
    the same.
    """
    days = np.arange(_FOUR_WEEKS, log.days - _FOUR_WEEKS + 1)
    sums = np.concatenate([[0.0], np.cumsum(np.bincount(log.day, weights=log.amount, minlength=log.days))])
    before, after = sums[days] - sums[days - _FOUR_WEEKS], sums[days + _FOUR_WEEKS] - sums[days]
    known, purchases = (_by_known(log, one, _FOUR_WEEKS) for one in (log.amount, np.ones(len(log.day))))
    usual, left = known[days - _FOUR_WEEKS] / np.maximum(before, 1e-9), known[days] / np.maximum(after, 1e-9)
    few_left = (
        (known[days] <= _LEFT * known[days - _FOUR_WEEKS])
        & (left <= _LEFT * usual)
        & (usual >= _USUAL)
        & (after >= _GOING_ON * before)
        & (purchases[days - _FOUR_WEEKS] >= _LEAST_PURCHASES)
    )
    gone = [place for place in np.flatnonzero(few_left) if not _is_back(log, int(days[place]), usual[place])]
    if not gone:
        return None
    near = [place for place in gone if days[place] > days[gone[-1]] - _FOUR_WEEKS]
    place = min(reversed(near), key=lambda place: left[place])
    return Replaced(int(days[place]), float(usual[place]), float(left[place]))


def _is_back(log: CohortRevenue, day: int, usual: float) -> bool:
    """Return whether customers first seen before a day bought again in the third four weeks from it on."""
    until = min(day + 3 * _FOUR_WEEKS, log.days)
    since = max(until - _FOUR_WEEKS, day + _FOUR_WEEKS)
    return log.revenue(since, until, known=day) > _LEFT * usual * log.revenue(since, until)


def _by_known(log: CohortRevenue, weights: np.ndarray, within: int) -> np.ndarray:
    """Return by day the sum of purchases in the days `within` from then on, by customers first seen before it."""
    since = np.maximum(log.first + 1, log.day - within + 1)
    counted = since <= log.day
    starts = np.bincount(since[counted], weights=weights[counted], minlength=log.days + 1)
    ends = np.bincount(log.day[counted] + 1, weights=weights[counted], minlength=log.days + 1)
    return np.cumsum(starts - ends)
