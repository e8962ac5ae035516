"""Returns still to come: what purchases of the last days will lose, by how long earlier returns took."""

from __future__ import annotations

import json
from datetime import date
from typing import NamedTuple

import numpy as np

from cltv_ml.engine import MONEY_SCALE, Relation

#: Fewest returns that show how long they take.
_FEWEST_LATE = 20

#: The share of the returns that comes within `ReturnsToCome.days`.
_MOST_OF_THEM = 0.95

#: Days of age that halve the weight of a purchase in what is expected of others.
_DAYS_TO_HALF = 60.0

#: The largest share that is believed to come back, and the smallest share still to come that counts.
_LARGEST_SHARE, _LEAST_TO_COME = 0.95, 0.001

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
    #: The share of a purchase's money left so far that stays, by its age in days, without ages at which all does.
    kept: tuple[float, ...] = ()
    #: The day until which returns are known.
    until: str = ""

    @property
    def stamp(self) -> str:
        """What a log carries of this (`stamps.RETURNS_TO_COME`); empty if nothing is still to come."""
        return json.dumps({"until": self.until, "kept": self.kept}) if self.kept else ""


def expect_returns(sold: np.ndarray, returned: np.ndarray) -> ReturnsToCome:
    r"""Return what is still to come back of purchases whose returns are known until the log's end.

    The share that comes back after \(d\) days is \(r_d\), the money returned after \(d\) days over that of purchases
    which are at least as old, and \(F(a) = \sum_{d \le a} r_d\). A purchase of age \(a\) loses
    \(F(\infty) - F(a)\) more, so that \((1 - F(\infty)) / (1 - F(a))\) of what is left of it stays. It is the
    chain-ladder method of claims reserving (T. Mack, Distribution-free calculation of the standard error of chain
    ladder reserve estimates, ASTIN Bulletin 23, 1993) with shares of what was sold. Purchases count by half for every
    `_DAYS_TO_HALF` days of age, because habits of returning change. Days beyond half of the log are not counted.

    Parameters
    ----------
    sold
        Money of purchases before returns, by age in days at the log's end.
    returned
        What came back: one row each of the purchase's age at the log's end, the days until the return, and money.

    >>> sold = np.full(100, 10.0)
    >>> returned = np.array([(age, 2, 2.0) for age in range(2, 100)])  # a fifth comes back after two days
    >>> to_come = expect_returns(sold, returned)
    >>> round(to_come.share, 3), to_come.days, round(to_come.money, 3), round(to_come.share_of_recent, 4), to_come.kept
    (0.2, 2, 4.0, 0.0044, (0.8, 0.8))
    """
    days, observed = len(sold), max(len(sold) // 2, 1)
    ages, lags = returned[:, :2].astype(int).T
    weights = 0.5 ** (np.arange(days) / _DAYS_TO_HALF)
    at_least = np.cumsum((sold * weights)[::-1])[::-1][:observed]
    back = np.bincount(lags, returned[:, 2] * weights[ages], minlength=days)[:observed]
    lost = np.divide(back, at_least, out=np.zeros(observed), where=at_least > 0).cumsum()
    lost *= min(1.0, _LARGEST_SHARE / max(lost[-1], 1e-9))
    by_age = np.append(lost, np.full(days - observed, lost[-1]))
    until = int(np.searchsorted(lost, _MOST_OF_THEM * lost[-1]))
    kept = (1.0 - lost[-1]) / (1.0 - by_age)
    young = kept[: int(np.flatnonzero(kept < 1.0 - _LEAST_TO_COME).max(initial=-1)) + 1]
    left = sold - np.bincount(ages, returned[:, 2], minlength=days)
    money, recent = float(left[: len(young)] @ (1.0 - young)), float(sold[:_COMPARED_DAYS].sum())
    return ReturnsToCome(
        float(lost[-1]), until, money, money / recent if recent else 0.0, tuple(young.round(6).tolist())
    )


def find_returns_to_come(
    sold: Relation, returned: Relation, observed_until: str | None = None
) -> ReturnsToCome | None:
    """Return what purchases of the last days will probably lose to later returns; None with too few returns to tell.

    Parameters
    ----------
    sold
        `day` and `money` of purchases before returns, money in integer minor units.
    returned
        `bought` and `came_back`, the days of a purchase and of its return, and `money`.
    observed_until
        The last day for which the data are complete, where it is known; else that of the last purchase or return.
    """
    [late, last_return] = returned.row(
        f"select count(*) filter (came_back > bought), max(came_back) from {returned}"
    )
    if late < _FEWEST_LATE:
        return None
    [first, last] = sold.row(f"select min(day), max(day) from {sold}")
    end = max(last, last_return, date.fromisoformat(observed_until[:10]) if observed_until else last)
    by_age = np.zeros((end - first).days + 1)
    for age, money in sold.rows(f"select date '{end}' - day, sum(money) from {sold} group by 1"):
        by_age[age] = float(money) / MONEY_SCALE
    pairs = returned.rows(
        f"select date '{end}' - bought, greatest(came_back - bought, 0), sum(money) / {MONEY_SCALE} from {returned} "
        f"where bought >= date '{first}' group by 1, 2 order by 1, 2"
    )
    return expect_returns(by_age, np.array(pairs, dtype=np.float64))._replace(until=f"{end}")
