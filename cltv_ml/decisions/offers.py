"""Offers: the depth of each customer's discount under a margin floor; none for those who would buy anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.decisions.lines import by_customer
from cltv_ml.errors import InputError
from cltv_ml.money import digits
from cltv_ml.tables import pandas_only

_CUSTOMER_COLUMNS = ("expected_purchases", "order_value", "margin_rate", "slope")


@dataclass(frozen=True)
class GuardRails:
    """Limits that every offer keeps.

    Parameters
    ----------
    max_depth
        Deepest discount, as a share of the price.
    margin_floor
        Smallest margin that must remain, as a share of the discounted price; 0 sells at cost.
    allow_below_cost
        Must be True for a negative floor.
    protected
        Columns that must not be used to set a discount.
    """

    max_depth: float = 0.3
    margin_floor: float = 0.0
    allow_below_cost: bool = False
    protected: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the cap and the floor."""
        if not 0 < self.max_depth < 1:
            raise InputError(f"max_depth must be between 0 and 1, got {self.max_depth}; 0.3 is 30% off.")
        if self.margin_floor < 0 and not self.allow_below_cost:
            raise InputError(
                f"a margin_floor of {self.margin_floor} sells below cost; set allow_below_cost=True if that is meant."
            )


@pandas_only
def profit_by_depth(
    customers: pd.DataFrame,
    depths: Sequence[float] = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3),
    guard: GuardRails | None = None,
) -> pd.DataFrame:
    """Return each depth's expected gain in profit over no discount, per customer; NaN where a guard rail forbids it.

    One column per depth (the depth itself, 0.0 first and always zero), indexed as `customers`. The offer holds for one
    order over the horizon: with m = expected purchases, P(buys) is 1 - exp(-m) at full price and 1 - exp(-m exp(slope
    x depth)) at a discount, so for a customer who is certain to buy, the discount is a pure loss. Orders pulled
    forward from later are not deducted.

    Parameters
    ----------
    customers
        By customer_id, `expected_purchases` over the horizon, `order_value` (mean order in currency),
        `margin_rate` (contribution margin at full price), `slope` (`customer_slopes`, or your own).

    Raises
    ------
    InputError
        A column is missing or protected, a value is missing, or a depth is not between 0 and 1.
    """
    guard = guard or GuardRails()
    _check_offers(customers, depths, guard)
    expected, order_value, margin, slope = (
        by_customer(customers[name], customers.index, name).to_numpy() for name in _CUSTOMER_COLUMNS
    )
    cost = 1 - margin
    full = -np.expm1(-np.maximum(expected, 0)) * order_value * margin
    table = {0.0: np.zeros(len(customers))}
    for depth in sorted(set(depths) - {0.0}):
        buys = -np.expm1(-np.maximum(expected, 0) * np.exp(slope * depth))
        left = (1 - depth) - cost
        allowed = (depth <= guard.max_depth + 1e-12) & (left >= guard.margin_floor * (1 - depth) - 1e-12)
        table[depth] = np.where(allowed, buys * order_value * left - full, np.nan)
    return pd.DataFrame(table, index=customers.index)


@pandas_only
def choose_offers(
    customers: pd.DataFrame,
    depths: Sequence[float] = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3),
    guard: GuardRails | None = None,
    currency: str = "",
) -> pd.DataFrame:
    """Return the most profitable depth per customer, no discount unless one brings more.

    Indexed as `customers`: `depth`, `p_buy` (at full price), `p_buy_with_offer`, `cost` (expected discount given),
    `expected_profit` (over no discount, discount deducted), `offer` ("10% off one order" or "none") and `reason` in
    words. Arguments as in `profit_by_depth`; the currency decides the number of digits of the amounts in a reason.

    >>> people = pd.DataFrame({"expected_purchases": [0.1, 6.0], "order_value": 50.0, "margin_rate": 0.5,
    ...                        "slope": 6.0}, index=["seldom", "often"])
    >>> choose_offers(people)["offer"].tolist()
    ['30% off one order', 'none']
    """
    profits = profit_by_depth(customers, depths, guard)
    values = profits.fillna(-np.inf).to_numpy()
    best = values.argmax(axis=1)
    depth = profits.columns.to_numpy(dtype=np.float64)[best]
    expected = customers["expected_purchases"].to_numpy(dtype=np.float64).clip(min=0)
    with_offer = -np.expm1(-expected * np.exp(customers["slope"].to_numpy(dtype=np.float64) * depth))
    table = pd.DataFrame(
        {
            "depth": depth,
            "p_buy": -np.expm1(-expected),
            "p_buy_with_offer": with_offer,
            "cost": with_offer * customers["order_value"].to_numpy(dtype=np.float64) * depth,
            "expected_profit": values[np.arange(len(best)), best],
        },
        index=customers.index,
    )
    labels = {
        value: "none" if value == 0 else f"{100 * value:.3g}% off one order" for value in np.unique(depth)
    }
    table["offer"] = table["depth"].map(labels).astype("str")
    table["reason"] = _offer_reasons(table, profits, currency)
    return table


@pandas_only
def discount_by_segment(offers: pd.DataFrame, segments: pd.Series) -> pd.DataFrame:
    """Return the average discount of each segment, to check before offers go out.

    Indexed by `segment`: `customers`, `with_offer` (share), `mean_depth` (of all), `mean_depth_of_offers`,
    `cost`, `expected_profit`. To audit groups that must not be treated differently, pass them as `segments`.
    """
    grouped = offers.assign(given=offers["depth"] > 0).groupby(
        segments.reindex(offers.index).astype("str").rename("segment")
    )
    table = pd.DataFrame(
        {
            "customers": grouped.size(),
            "with_offer": grouped["given"].mean(),
            "mean_depth": grouped["depth"].mean(),
            "cost": grouped["cost"].sum(),
            "expected_profit": grouped["expected_profit"].sum(),
        }
    )
    of_offers = table["mean_depth"] / table["with_offer"].where(table["with_offer"] > 0)
    table.insert(3, "mean_depth_of_offers", of_offers.fillna(0.0))
    return table.sort_values("mean_depth", ascending=False, kind="stable")


def _check_offers(customers: pd.DataFrame, depths: Sequence[float], guard: GuardRails) -> None:
    used = [name for name in _CUSTOMER_COLUMNS if name in guard.protected]
    if used:
        raise InputError(
            f"the column {used[0]!r} is protected but sets the discount; compute {used[0]} without protected "
            "data and remove it from the protected columns."
        )
    missing = [name for name in _CUSTOMER_COLUMNS if name not in customers]
    if missing:
        raise InputError(
            f"offers need the columns {list(_CUSTOMER_COLUMNS)}; missing {missing}. Found {list(customers.columns)}."
        )
    wrong = [depth for depth in depths if not 0 <= depth < 1]
    if wrong or not len(depths):
        raise InputError(
            f"depths must be shares of the price from 0 to below 1, got {list(depths)}; 0.1 is 10% off."
        )


def _offer_reasons(table: pd.DataFrame, profits: pd.DataFrame, currency: str) -> pd.Series:
    """Return one sentence per customer with the reason for their offer, or for none."""
    chance = (100 * table["p_buy"]).round().astype("int64").astype("str")
    raised = (100 * table["p_buy_with_offer"]).round().astype("int64").astype("str")
    gain = table["expected_profit"].map(f"{{:.{digits(currency)}f}}".format).astype("str")
    offered = (
        "buys with a probability of "
        + chance
        + "% at full price and "
        + raised
        + "% with the offer; gains "
        + gain
    )
    tried = profits.drop(columns=0.0).notna().any(axis=1)
    none = pd.Series(
        np.where(
            tried,
            "buys with a probability of " + chance + "% at full price; no discount earns more",
            "margin too thin",
        ),
        index=table.index,
    )
    return offered.where(table["depth"] > 0, none).astype("str")
