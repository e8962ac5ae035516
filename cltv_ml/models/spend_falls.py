r"""Falls of what the same customers spend that are too sharp to be customers who leave.

Customers leave one after another, so what they spend falls slowly. A rival, a lower price, the end of a boom, a closure
or a lockdown makes it fall within weeks. With \(A\) what they spent in two months, \(B\) in the two that follow and
\(\rho\) the ratio that a purchase model expects, the fall between them is \(f = \ln \rho - \ln (B/A)\). A season may
end as sharply. So the smaller of \(f\) and of its excess over the shop's own falls in the same months of the years
before and after counts, and nothing if these have opposite signs or the log holds no other year of these months. What
customers spend on their first day is left out of the shop's own falls: newcomers come after a season too, which would
make its end look less sharp than it is for those who are already customers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

#: Months on either side of a fall, and months of a year.
_MONTHS_EACH, _IN_A_YEAR = 2, 12

#: Standard errors by which a fall must exceed a steady one: chance alone makes the sharpest of fifteen exceed it in
#: at most one of seven logs.
_BEYOND = 2.5


class GrownSum(NamedTuple):
    """The log of the ratio of two sums over the same customers, its standard error and the degrees of freedom of that.

    The error is that of the customers who happen to be in the log, by linearisation (W. G. Cochran, 1977, Sampling
    Techniques, ch. 6). Where few customers bring most of the money it rests on few: its degrees of freedom are those
    of a sum of squares of such sizes (F. E. Satterthwaite, 1946).
    """

    log: float
    error: float
    freedom: float


def growth_of_sum(before: np.ndarray, after: np.ndarray) -> GrownSum:
    """Return how the sum over customers grew from one period to another."""
    squares = (after / after.sum() - before / before.sum()) ** 2
    total = float(squares.sum())
    freedom = total**2 / float((squares**2).sum()) - 1 if total > 0 else np.inf
    return GrownSum(float(np.log(after.sum() / before.sum())), total**0.5, max(freedom, 0.5))


def sharpest_fall(monthly: np.ndarray, expected: np.ndarray, shop: np.ndarray, rate: float) -> float:
    """Return the sharpest fall (log units) beyond chance and beyond a steady one at a yearly rate; 0 if none is.

    Parameters
    ----------
    monthly
        What each customer spent in each month, shape (n, m).
    expected
        What a model expects of all of them, shape (m,).
    shop
        What all of the shop's customers spent in these months and in those before, but for their first days, shape
        (m or more,).
    """
    known_since, steady, sharpest = len(shop) - len(expected), rate * _MONTHS_EACH / _IN_A_YEAR, 0.0
    for month in range(_MONTHS_EACH, len(expected) - _MONTHS_EACH + 1):
        before, after = slice(month - _MONTHS_EACH, month), slice(month, month + _MONTHS_EACH)
        spent = monthly[:, before].sum(axis=1), monthly[:, after].sum(axis=1)
        if min(spent[0].sum(), spent[1].sum()) > 0:
            grown = growth_of_sum(*spent)
            fall = float(np.log(expected[after].sum() / expected[before].sum())) - grown.log
            fall = _beyond_season(fall, shop, known_since + month)
            sharpest = max(sharpest, fall - _BEYOND * grown.error - steady)
    return sharpest


def _beyond_season(fall: float, shop: np.ndarray, month: int) -> float:
    """Return the part of a fall that the shop's sales do not show in the same months of other years."""
    kept, compared = fall, False
    for other in (month - _IN_A_YEAR, month + _IN_A_YEAR):
        before, after = (
            shop[max(other - _MONTHS_EACH, 0) : max(other, 0)],
            shop[max(other, 0) : other + _MONTHS_EACH],
        )
        if len(before) == len(after) == _MONTHS_EACH and min(before.sum(), after.sum()) > 0:
            excess = fall - float(np.log(before.sum() / after.sum()))
            kept, compared = (min(kept, excess, key=abs) if kept * excess > 0 else 0.0), True
    return kept if compared else 0.0
