"""Returns still to come: what purchases of the last days will lose, by how long earlier returns took."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cltv_ml.engine import MONEY_SCALE, Relation

#: Fewest returns that show how long they take.
_FEWEST_LATE = 20

#: The share of the returns that comes within `ReturnsToCome.days`.
_MOST_OF_THEM = 0.95

#: The days before the log's end with whose money the returns to come are compared.
_COMPARED_DAYS = 91


class ReturnsToCome(NamedTuple):
    """Money that purchases will lose to later returns."""

    #: The money of purchases that comes back, as a share.
    share: float
    #: Days within which 95% of that does.
    days: int
    #: The money still to come back.
    money: float
    #: Its share of what the last 91 days sold.
    share_of_recent: float


def expect_returns(sold: np.ndarray, returned: np.ndarray) -> ReturnsToCome:
    r"""Return what is still to come back of purchases whose returns are known until the log's end.

    The share that comes back after \(d\) days is \(r_d\), the money returned after \(d\) days over that of purchases
    which are at least as old; a purchase of age \(a\) loses \(\sum_{d>a} r_d\) more. It is the chain-ladder method of
    claims reserving (T. Mack, Distribution-free calculation of the standard error of chain ladder reserve estimates,
    ASTIN Bulletin 23, 1993) with shares of what was sold. Days beyond half of the log are not counted.

    Parameters
    ----------
    sold
        Money of purchases before returns, by age in days at the log's end.
    returned
        Money that came back, by days since the purchase; as long as `sold`.

    >>> sold, came_back = np.full(100, 10.0), np.zeros(100)
    >>> came_back[2] = 0.2 * 10 * 98  # a fifth comes back after two days
    >>> to_come = expect_returns(sold, came_back)
    >>> round(to_come.share, 3), to_come.days, round(to_come.money, 3), round(to_come.share_of_recent, 4)
    (0.2, 2, 4.0, 0.0044)
    """
    observed = max(len(sold) // 2, 1)
    at_least = np.cumsum(sold[::-1])[::-1][:observed]
    lost = np.where(at_least > 0, returned[:observed] / np.maximum(at_least, 1e-9), 0.0).cumsum()
    by_age = np.append(lost, np.full(len(sold) - observed, lost[-1]))
    days = int(np.searchsorted(lost, _MOST_OF_THEM * lost[-1]))
    money, recent = float(sold @ (lost[-1] - by_age)), float(sold[:_COMPARED_DAYS].sum())
    return ReturnsToCome(float(lost[-1]), days, money, money / recent if recent else 0.0)


def find_returns_to_come(sold: Relation, returned: Relation) -> ReturnsToCome | None:
    """Return what purchases of the last days will probably lose to later returns; None with too few returns to tell.

    Parameters
    ----------
    sold
        `day` and `money` of purchases before returns, money in integer minor units.
    returned
        `bought` and `came_back`, the days of a purchase and of its return, and `money`.
    """
    [late, last_return] = returned.row(
        f"select count(*) filter (came_back > bought), max(came_back) from {returned}"
    )
    if late < _FEWEST_LATE:
        return None
    [first, last] = sold.row(f"select min(day), max(day) from {sold}")
    end = max(last, last_return)
    days = (end - first).days + 1
    by_age = _sums_by_place(sold, f"datediff('day', day, date '{end}')", days)
    by_lag = _sums_by_place(returned, "greatest(datediff('day', bought, came_back), 0)", days)
    return expect_returns(by_age, by_lag)


def _sums_by_place(money: Relation, place: str, days: int) -> np.ndarray:
    """Return the sums of money by place, in currency units, shape (days,)."""
    sums = np.zeros(days)
    for number, total in money.rows(f"select {place} as place, sum(money) from {money} group by 1"):
        if number is not None and 0 <= number < days:
            sums[number] = float(total) / MONEY_SCALE
    return sums
