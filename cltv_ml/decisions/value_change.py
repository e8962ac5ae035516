"""The change in total predicted value between two scoring dates by cause; the parts add up exactly to the total."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cltv_ml.decisions.lines import by_customer, money
from cltv_ml.decisions.tiers import fit_tiers
from cltv_ml.engine import MONEY_SCALE, frame
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import pandas_only
from cltv_ml.windows import Window

#: The parts, in the order they are accounted for.
CHANGE_PARTS = (
    "new",
    "reactivated",
    "lost",
    "upgraded",
    "downgraded",
    "same tier",
    "prices and margins",
    "model",
)


@pandas_only
def account_for_change(changes: pd.DataFrame) -> pd.DataFrame:
    """Return each cause's part of the change in total predicted value: `part`, `customers`, `change` (currency).

    The last row is the total, after minus before; the parts sum to it exactly, because every amount is a
    whole number of ten-thousandths.

    Parameters
    ----------
    changes
        The result of `change_by_customer`.

    >>> before = pd.DataFrame({"expected_value": [10.0, 90.0]}, index=["a", "b"])
    >>> after = pd.DataFrame({"expected_value": [95.0, 20.0]}, index=["b", "c"])
    >>> table = account_for_change(change_by_customer(before, after, tiers={"high": 50, "low": 0}))
    >>> table[table["customers"] > 0].values.tolist()
    [['new', 1, 20.0], ['lost', 1, -10.0], ['same tier', 1, 5.0], ['total', 3, 15.0]]
    """
    causes = {"prices and margins": changes["prices_and_margins"], "model": changes["model"]}
    rows = []
    for part in CHANGE_PARTS:
        amounts = causes[part] if part in causes else changes.loc[changes["part"] == part, "behaviour"]
        touched = int((amounts != 0).sum()) if part in causes else len(amounts)
        rows.append([part, touched, int(amounts.sum()) / MONEY_SCALE])
    total = int(changes[["behaviour", "prices_and_margins", "model"]].sum().sum())
    rows.append(["total", len(changes), total / MONEY_SCALE])
    return pd.DataFrame(rows, columns=["part", "customers", "change"])


@pandas_only
def change_by_customer(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    same_model: pd.Series | None = None,
    price_ratio: float | pd.Series = 1.0,
    tiers: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return per customer of either date `part` and the changes `behaviour`, `prices_and_margins`, `model`.

    Changes are integers of ten-thousandths of the currency unit, computed in this order; the whole value of new
    customers is behaviour, because they had no earlier price or model:

    1. model: today's value less the earlier model's value today (`same_model`);
    2. prices and margins: that value less the same at the earlier prices and margins (`price_ratio`);
    3. behaviour, the rest, goes to one part per customer: new (first scored after), lost (no longer
       scored, or lapsed since), reactivated (lapsed before, not any more), upgraded or downgraded (moved
       to another tier, at the earlier prices, model and cut points), or same tier.

    Parameters
    ----------
    before, after
        PREDICTIONS at the two dates; a column `lifecycle`, where both have it, marks lapsed customers.
    same_model
        Expected value today by the model of the earlier date, by customer_id; None: both dates have the same model.
    price_ratio
        Today's value of the same purchases relative to the earlier date's: `price_index`, times the ratio of margin
        rates where value is profit; one number or one per customer.
    tiers
        Cut points (`fit_tiers`); default those of `before`.

    Raises
    ------
    InputError
        A value is missing, a customer appears twice, or a price ratio is not positive.
    """
    old, new = _expected_values(before, "before"), _expected_values(after, "after")
    everybody = old.index.union(new.index)
    # Each customer's position in both tables, -1 for absent: looked up once, because a million take seconds.
    then, now = old.index.get_indexer(everybody), new.index.get_indexer(everybody)
    ratio = by_customer(price_ratio, everybody, "price_ratio").to_numpy()
    if (ratio <= 0).any():
        raise InputError(f"price_ratio must be positive, got {ratio.min()}; 1.03 means prices rose by 3%.")
    was, is_now = _taken(old, then), _taken(new, now)
    by_old = is_now if same_model is None else _taken(by_customer(same_model, new.index, "same_model"), now)
    by_old = np.where(then < 0, is_now, by_old)
    at_old_prices = np.where(then < 0, is_now, by_old / ratio)
    steps = [_integers(values) for values in (was, at_old_prices, by_old, is_now)]
    cuts = fit_tiers(old) if tiers is None else dict(tiers)
    part = np.select(
        [then < 0, now < 0, *_lapses(before, after, then, now)],
        ["new", "lost", "reactivated", "lost"],
        _moves(was, at_old_prices, cuts),
    )
    return pd.DataFrame(
        {
            "part": pd.Series(part, index=everybody, dtype="str"),
            "behaviour": steps[1] - steps[0],
            "prices_and_margins": steps[2] - steps[1],
            "model": steps[3] - steps[2],
        },
        index=everybody,
    )


def price_index(log: AnyLog, before: Window, after: Window) -> float:
    """Return Fisher's price index of the products sold in both periods, the later over the earlier.

    The geometric mean of Laspeyres (earlier quantities) and Paasche (later quantities) over products
    sold in both; 1.03 means prices rose by 3%. New and dropped products do not count. Source: I. Fisher,
    The Making of Index Numbers, 1922.

    Raises
    ------
    InputError
        The log lacks product_id or quantity, or no product was sold in both periods.
    """
    con, _ = Log.of(log).connect_for("a price index", ["product_id", "quantity"])
    sold = [
        f"select product_id, sum({money('amount')}) / sum(quantity) as price, sum(quantity) as quantity from log "
        f"where timestamp >= timestamp '{window.cutoff}' and timestamp < timestamp '{window.end}' "
        "and quantity > 0 and amount > 0 group by 1"
        for window in (before, after)
    ]
    table = frame(
        con.sql(
            f"select sum(b.price * a.quantity) / nullif(sum(a.price * a.quantity), 0) as laspeyres, "
            f"sum(b.price * b.quantity) / nullif(sum(a.price * b.quantity), 0) as paasche "
            f"from ({sold[0]}) a join ({sold[1]}) b using (product_id)"
        )
    )
    index = float(np.sqrt(table["laspeyres"].iloc[0] * table["paasche"].iloc[0]))
    if not np.isfinite(index):
        raise InputError(
            f"no product was sold both in the {before.horizon} days from {before.cutoff:%Y-%m-%d} and in "
            f"those from {after.cutoff:%Y-%m-%d}; choose periods with common products."
        )
    return index


def _expected_values(predictions: pd.DataFrame, name: str) -> pd.Series:
    values = predictions["expected_value"].astype(float)
    if not values.index.is_unique or values.isna().any():
        raise InputError(
            f"{name} must list each customer once and with a value, but {int(values.isna().sum())} values "
            f"are missing and {int(values.index.duplicated().sum())} customers are repeated; drop or score "
            "them first."
        )
    return values


def _taken(values: pd.Series, places: np.ndarray) -> np.ndarray:
    """Return the values at these places, missing at -1."""
    return np.append(values.to_numpy(dtype=np.float64), np.nan)[places]


def _integers(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values * MONEY_SCALE).round().astype(np.int64)


def _lapses(before: pd.DataFrame, after: pd.DataFrame, then: np.ndarray, now: np.ndarray) -> list[np.ndarray]:
    """Return the customers who came back from a lapse and those who have lapsed since, where both tables show it."""
    if "lifecycle" not in before or "lifecycle" not in after:
        return [np.zeros(len(then), dtype=bool)] * 2
    lapsed, lapsed_now = (
        np.append(table["lifecycle"].eq("lapsed").to_numpy(dtype=bool, na_value=False), False)[places]
        for table, places in ((before, then), (after, now))
    )
    return [lapsed & ~lapsed_now, lapsed_now & ~lapsed]


def _moves(old: np.ndarray, new: np.ndarray, cuts: Mapping[str, float]) -> np.ndarray:
    """Return "upgraded", "downgraded" or "same tier" from the tiers of both values under one set of cuts."""
    lowest = np.array(list(cuts.values()), dtype=np.float64)[:-1]
    was, now = ((values[:, None] >= lowest).sum(axis=1) for values in (old, new))
    return np.select([now > was, now < was], ["upgraded", "downgraded"], "same tier")
