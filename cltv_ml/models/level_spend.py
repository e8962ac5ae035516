r"""Size of the latest purchases next to the spend per purchase that a model expects.

Gamma-Gamma weighs all purchases of a customer alike, however old. After a price rise, or while baskets grow, it
therefore expects too little of everybody, for as long as the old purchases outnumber the new ones. With \(n_i\)
repeat purchases of customer \(i\) in the last quarter, \(s_i\) spent on them, and \(\hat m_i\) expected of each,

\[ I = \frac{\sum_i s_i}{\sum_i n_i \hat m_i}. \]

Seasons move \(I\) as well, but do not last. How much of \(\log I\) was still there a quarter later, at earlier cutoffs
of the same log, tells the two apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

#: Steps between the cutoffs of `level.past_days` that make a quarter.
QUARTER_STEPS = 3

#: The ratio is followed as far as its squared log exceeds this multiple of its squared standard error.
_BEYOND_CHANCE = 4.0

#: Prior log ratio, which lasts, and the number of quarters that it counts as.
_USUAL_CHANGE, _PRIOR_QUARTERS = 0.05, 2.0

#: Largest change of the spend per purchase (log units).
_LARGEST_CHANGE = 0.5


class Latest(NamedTuple):
    """Log ratio of the latest purchases' size to the expected one, and its standard error over customers."""

    change: float = 0.0
    error: float = 0.0


def latest_spend(now: pd.DataFrame, before: pd.DataFrame, each: np.ndarray, weights: np.ndarray) -> Latest:
    r"""Return \(\log I\) at a cutoff.

    Parameters
    ----------
    now, before
        `frequency` and `monetary_value` of the customers at the cutoff, and of those known a quarter earlier.
    each
        Expected spend per purchase of the customers of `now`.
    weights
        How many customers each of `now` stands for.
    """
    place = before.index.get_indexer(now.index)  # pandas' isin converts texts one by one
    known = place >= 0
    later, earlier, weights = now[known], before.iloc[place[known]], weights[known]
    bought = (later["frequency"] - earlier["frequency"]).to_numpy(dtype=np.float64)
    money = [
        (one["frequency"] * one["monetary_value"]).to_numpy(dtype=np.float64) for one in (later, earlier)
    ]
    spent, expected = money[0] - money[1], bought * each[known]
    totals = float(weights @ spent), float(weights @ expected)
    if min(totals) <= 0:
        return Latest()
    ratio = totals[0] / totals[1]
    error = float(np.sqrt(np.square(weights * (spent - ratio * expected)).sum())) / totals[0]
    return Latest(float(np.clip(np.log(ratio), -_LARGEST_CHANGE, _LARGEST_CHANGE)), error)


def factors_of_spend(latest: Sequence[Latest]) -> list[float]:
    r"""Return the factor of the spend per purchase at each cutoff; cutoffs are a twelfth of a year apart, latest first.

    It is \(I^{\phi \psi}\). \(\phi = \max(0, 1 - 4 \sigma^2 / \log^2 I)\), \(\sigma\) being the standard error: a
    handful of large orders shows nothing. \(\psi\) is the share of earlier ratios that was still there a quarter
    later, from 0 to 1.

    >>> [round(factor, 2) for factor in factors_of_spend([Latest(0.2, 0.01), *[Latest(0.0, 0.01)] * 9])][:2]
    [1.22, 1.0]
    """
    factors = []
    for place, (change, error) in enumerate(latest):
        beyond = max(0.0, 1 - _BEYOND_CHANCE * error**2 / max(change**2, 1e-12))
        factors.append(
            float(np.exp(change * beyond * _lasting_share([one.change for one in latest[place:]])))
        )
    return factors


def _lasting_share(changes: Sequence[float]) -> float:
    """Return how much of a change is expected to last, from those at a cutoff and before it, latest first."""
    later, earlier = np.array(changes[:-QUARTER_STEPS]), np.array(changes[QUARTER_STEPS:])
    prior = _PRIOR_QUARTERS * _USUAL_CHANGE**2
    lasted = (prior + later @ earlier / QUARTER_STEPS) / (prior + earlier @ earlier / QUARTER_STEPS)
    return float(np.clip(lasted, 0.0, 1.0))
