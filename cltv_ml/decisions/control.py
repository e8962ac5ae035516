"""The control group: the size needed to detect an uplift, and a seeded, stratified draw."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from cltv_ml.decisions.lines import by_customer
from cltv_ml.decisions.retention import knows_who_left, probability_to_buy, probability_to_stay
from cltv_ml.errors import InputError
from cltv_ml.tables import pandas_only


def control_size(
    customers: int,
    uplift: float,
    *,
    base_rate: float | None = None,
    spread: float | None = None,
    power: float = 0.8,
) -> int:
    """Return the smallest control group out of `customers` that detects `uplift` with the given power.

    Two-sided test of two means at 5%, normal approximation. The outcome is either buying (give `base_rate`,
    `uplift` in points of it) or an amount (give `spread`, its standard deviation, `uplift` in currency).

    Raises
    ------
    InputError
        Even half of the list is too small; the message names the smallest uplift that it can detect.

    >>> control_size(20_000, 0.02, base_rate=0.10)
    1996
    """
    treated_variance, control_variance = _variances(uplift, base_rate, spread)
    allowed = (uplift / _z(power)) ** 2
    # control_variance / n + treated_variance / (customers - n) = allowed, a quadratic in n.
    b = control_variance - treated_variance + allowed * customers
    root = b * b - 4 * allowed * control_variance * customers
    n = math.ceil((b - math.sqrt(root)) / (2 * allowed)) if root >= 0 else customers
    if not 2 <= max(n, 2) <= customers - 2:
        detectable = detectable_uplift(
            customers, customers // 2, base_rate=base_rate, spread=spread, power=power
        )
        raise InputError(
            f"{customers:,} customers cannot show an uplift of {uplift:.3g} with a power of {power:.0%}: "
            "even with half of them as the control group, the smallest detectable uplift is "
            f"{detectable:.3g}; treat more customers or look for a larger uplift."
        )
    return max(n, 2)


def detectable_uplift(
    customers: int,
    control: int,
    *,
    base_rate: float | None = None,
    spread: float | None = None,
    power: float = 0.8,
) -> float:
    """Return the smallest uplift that a control group of this size detects with the given power.

    >>> round(detectable_uplift(20_000, 1996, base_rate=0.10), 4)
    0.02
    """
    if not 0 < control < customers:
        raise InputError(f"control must be between 0 and {customers}, got {control}.")
    uplift = 0.0
    for _ in range(50):  # the variance of a rate depends a little on the uplift itself
        treated_variance, control_variance = _variances(uplift or 1e-12, base_rate, spread)
        error = math.sqrt(control_variance / control + treated_variance / (customers - control))
        uplift = _z(power) * error
        if base_rate is not None:
            uplift = min(uplift, 1 - base_rate)
    return uplift


@pandas_only
def expected_rates(predictions: pd.DataFrame, uplift: float | pd.Series) -> tuple[float, float]:
    """Return the share of customers who buy over the horizon without treatment, and with one that saves `uplift`.

    `uplift` is a share of the value at risk, as `compute_treatment` takes it, which is not a difference in purchase
    rates: for a customer who is alive with probability p it raises the expected value, and with orders of the same
    size the probability of buying, by the factor 1 + uplift (1 - p). So the two rates are means over customers of b =
    p (1 - exp(-m / p)), m the expected purchases, and of b (1 + uplift (1 - p)). Without P(alive), p stands for the
    probability of buying at all, 1 - exp(-m), and m rises by that factor. Their difference, much smaller than the
    uplift, is what `control_size` must detect.

    Raises
    ------
    InputError
        The predictions lack `expected_purchases`.

    >>> seldom = pd.DataFrame({"expected_purchases": [0.3], "p_alive": [0.5]})
    >>> [round(rate, 4) for rate in expected_rates(seldom, uplift=0.1)]
    [0.2256, 0.2369]
    """
    if "expected_purchases" not in predictions:
        raise InputError(
            "the size of a control group needs expected_purchases, which these predictions lack; score with "
            "a model that has them, such as pareto_nbd."
        )
    saved = by_customer(uplift, predictions.index, "uplift")
    rise = 1 + saved * (1 - probability_to_stay(predictions))
    before = probability_to_buy(predictions)
    after = before * rise
    if not knows_who_left(predictions):
        after = -np.expm1(-predictions["expected_purchases"].astype(float).clip(lower=0) * rise)
    return float(before.mean()), float(after.mean())


@pandas_only
def draw_control(
    customers: pd.Index, size: int, *, strata: pd.Series | None = None, seed: int = 0
) -> pd.Series:
    """Return True for the customers who are left untreated, drawn at random in each stratum.

    Each stratum contributes its share of `size`, whole customers by largest remainder. The draw depends on the
    seed and the set of customers, not on their order.

    Parameters
    ----------
    customers
        All customers of the list.
    size
        `control_size`, or your own number.
    strata
        Group by customer_id, such as the value tier; None draws from all customers together.

    >>> drawn = draw_control(pd.Index(list("abcdefgh")), 2, strata=pd.Series(list("xxxxyyyy"), list("abcdefgh")))
    >>> int(drawn[:4].sum()), int(drawn[4:].sum())
    (1, 1)
    """
    if not 0 < size < len(customers):
        raise InputError(
            f"with {len(customers)} customers, the control must leave at least one on each side, got {size}."
        )
    if not customers.is_unique:
        raise InputError(
            f"customer {customers[customers.duplicated()][0]!r} is on the list twice; list each customer "
            "once."
        )
    ordered = customers.sort_values()
    groups = (
        pd.Series("all", index=ordered)
        if strata is None
        else strata.reindex(ordered).astype("str").fillna("none")
    )
    counts = groups.value_counts().sort_index()
    quota = counts * size / counts.sum()
    take = np.floor(quota + 1e-9).astype(int)
    missing = size - int(take.sum())
    take[(take - quota).sort_values(kind="stable").index[:missing]] += 1
    shuffled = groups.iloc[np.random.default_rng(seed).permutation(len(groups))]
    place = shuffled.groupby(shuffled).cumcount()
    return (place < shuffled.map(take)).reindex(customers).rename("control")


def _variances(uplift: float, base_rate: float | None, spread: float | None) -> tuple[float, float]:
    """Return the variance of the outcome with and without treatment."""
    if (base_rate is None) == (spread is None):
        raise InputError("give exactly one of base_rate (buying) and spread (an amount).")
    if not uplift > 0:
        raise InputError(
            f"uplift must be positive, got {uplift}; it is the difference you want to be able to see."
        )
    if spread is not None:
        if not spread > 0:
            raise InputError(f"spread must be positive, got {spread}.")
        return spread**2, spread**2
    if base_rate is None or not 0 < base_rate < 1 or base_rate + uplift > 1:
        raise InputError(
            f"base_rate must be between 0 and 1 - uplift, got {base_rate} with an uplift of {uplift}."
        )
    treated = base_rate + uplift
    return treated * (1 - treated), base_rate * (1 - base_rate)


def _z(power: float) -> float:
    """Return how many standard errors an uplift needs to be detected at 5% with this power."""
    if not 0 < power < 1:
        raise InputError(f"power must be between 0 and 1, got {power}.")
    return float(stats.norm.ppf(0.975) + stats.norm.ppf(power))
