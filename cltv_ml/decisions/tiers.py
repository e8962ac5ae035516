"""Value tiers: cut points learned once, stored, and applied to every later batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.tables import pandas_only

#: Top fifth, the next three tenths, the rest.
DEFAULT_SHARES = {"high": 0.2, "medium": 0.5}

#: The tier of a customer without a value.
NOT_SCORED = "not scored"


@pandas_only
def fit_tiers(
    values: pd.Series,
    *,
    shares: Mapping[str, float] | Sequence[float] | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return the lowest value of each tier, highest tier first; the last tier takes everyone below.

    The last tier is called "low", or "rest" under a sequence of shares. The result is a plain dictionary: store it
    with the model, so that next month's customers are cut at the same values. Customers of equal value are never
    separated, and no tier reaches beyond its share of customers: if too many tie at a cut, they all fall into the tier
    below (customers who are all alike are all in the last tier).

    Parameters
    ----------
    values
        Predicted value per customer; missing ones are left out.
    shares
        Share of customers from the top down to the end of each tier, by name, or a sequence such as
        (0.01, 0.05, 0.25), whose tiers are called "top 1%", "top 5%" and so on.
    thresholds
        Lowest value of each tier in currency, instead of shares.

    Raises
    ------
    InputError
        There is no value, both shares and thresholds are given, or they are not in order.

    >>> fit_tiers(pd.Series(range(1, 11)))
    {'high': 9.0, 'medium': 6.0, 'low': 0.0}
    >>> fit_tiers(pd.Series(range(1, 11)), shares=(0.1, 0.5))
    {'top 10%': 10.0, 'top 50%': 6.0, 'rest': 0.0}
    >>> fit_tiers(pd.Series([5.0, 80.0]), thresholds={"gold": 100, "silver": 50})
    {'gold': 100.0, 'silver': 50.0, 'low': 0.0}
    """
    if shares is not None and thresholds is not None:
        raise InputError("give shares or thresholds, not both.")
    if thresholds is not None:
        return _checked_cuts({name: float(cut) for name, cut in thresholds.items()})
    if shares is None or isinstance(shares, Mapping):
        named, last = dict(shares or DEFAULT_SHARES), "low"
    else:
        named, last = {f"top {100 * share:.3g}%": share for share in shares}, "rest"
    limits = list(named.values())
    if not limits or limits != sorted(set(limits)) or limits[0] <= 0 or limits[-1] >= 1:
        raise InputError(
            f"shares must increase and be between 0 and 1, got {limits}; for example (0.2, 0.5)."
        )
    present = values.dropna().to_numpy(dtype=np.float64)
    if not len(present):
        raise InputError("tiers need at least one customer with a value, got none; score customers first.")
    return {**{name: _cut(present, share) for name, share in named.items()}, last: 0.0}


@pandas_only
def apply_tiers(values: pd.Series, tiers: Mapping[str, float]) -> pd.Series:
    """Return the name of each customer's tier, "not scored" where the value is missing.

    >>> apply_tiers(pd.Series([120.0, 50.0, -3.0, None]), {"gold": 100, "silver": 50, "base": 0}).tolist()
    ['gold', 'silver', 'base', 'not scored']
    """
    names, cuts = list(tiers), np.array(list(tiers.values()), dtype=np.float64)
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    reached = (numbers[:, None] >= cuts[None, :-1]).sum(axis=1)
    labels = np.array(names[::-1], dtype=object)[reached]
    return pd.Series(
        np.where(np.isnan(numbers), NOT_SCORED, labels), index=values.index, name="tier", dtype="str"
    )


def _cut(values: np.ndarray, share: float) -> float:
    """Return the lowest value v with at most `share` of customers at v or above; above the maximum if none."""
    distinct, counts = np.unique(values, return_counts=True)
    at_or_above = counts[::-1].cumsum()[::-1]
    within = distinct[at_or_above <= share * len(values) * (1 + 1e-12)]
    return float(within[0]) if len(within) else float(np.nextafter(distinct[-1], np.inf))


def _checked_cuts(thresholds: dict[str, float]) -> dict[str, float]:
    cuts = list(thresholds.values())
    if not cuts or not np.isfinite(cuts).all() or cuts != sorted(set(cuts), reverse=True):
        raise InputError(
            f"thresholds must decrease from the highest tier to the lowest, got {thresholds}; for example "
            f"{{'gold': 500, 'silver': 100}}."
        )
    return {**thresholds, "low": 0.0}
