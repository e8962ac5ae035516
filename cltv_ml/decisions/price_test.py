"""A price test to run before a rollout: arms, size and duration."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from scipy import stats

from cltv_ml.errors import InputError


def propose_price_test(
    depths: Sequence[float],
    *,
    base_rate: float,
    uplift: float,
    customers_per_week: int,
    order_value: float = 0.0,
    weeks_to_read: int = 4,
    power: float = 0.8,
) -> pd.DataFrame:
    """Return one row per arm: `arm`, `depth`, `customers`, `start_weeks`, `weeks` and `expected_cost`.

    The arms are equal, one of them without a discount. Their size detects a rise of `uplift` in the share who buy,
    between any arm and the one at full price, with the given power; the error of 5% is divided by the number of such
    comparisons (Bonferroni). `start_weeks` is the length of enrolment, `weeks` the length of the test, `expected_cost`
    the discount given to those expected to buy.

    Parameters
    ----------
    depths
        Discounts to try, as shares of the price.
    base_rate
        Share of customers who buy at full price within the measured weeks.
    uplift
        Rise in that share that would change the decision.
    customers_per_week
        Number of customers who can enter the test per week.
    order_value
        Mean order in currency, for the cost.

    >>> propose_price_test([0.1, 0.2], base_rate=0.1, uplift=0.02, customers_per_week=5000)[
    ...     ["arm", "customers", "weeks"]].values.tolist()
    [['full price', 4648, 7], ['10% off', 4648, 7], ['20% off', 4648, 7]]
    """
    tried = sorted(set(depths))
    if not tried or not all(0 < depth < 1 for depth in tried):
        raise InputError(
            f"depths must be shares of the price between 0 and 1, got {list(depths)}; 0.1 is 10% off."
        )
    if not 0 < base_rate < 1 or not 0 < uplift < 1 - base_rate:
        raise InputError(
            f"base_rate and uplift must be shares with a sum below 1, got {base_rate} and {uplift}."
        )
    if customers_per_week < 1:
        raise InputError(f"customers_per_week must be at least 1, got {customers_per_week}.")
    z = stats.norm.ppf(1 - 0.05 / len(tried) / 2) + stats.norm.ppf(power)
    raised = base_rate + uplift
    size = math.ceil(z**2 * (base_rate * (1 - base_rate) + raised * (1 - raised)) / uplift**2)
    start = math.ceil(size * (len(tried) + 1) / customers_per_week)
    names = ["full price", *(f"{100 * depth:.3g}% off" for depth in tried)]
    table = pd.DataFrame({"arm": names, "depth": [0.0, *tried], "customers": size, "start_weeks": start})
    table["weeks"] = start + weeks_to_read
    table["expected_cost"] = table["depth"] * size * raised * order_value
    return table
