r"""The value of customers by channel and age, realised and expected, against the cost of winning them.

The mean contribution of a channel's customers in an age band \(b\) is \(r_{gb} = S_{gb} / n_{gb}\), over the customers
observed to the band's end; their sum up to an age is the value at that age. Where a channel has few such customers,
its rate is shrunk to the shop's rate times the channel's level, which counts as `PRIOR_CUSTOMERS` customers. Bands
that nobody has finished continue the decline of those before them. This is the chain ladder of insurance reserving (T.
Mack, ASTIN Bulletin 23, 1993) with credibility weights.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.decisions.acquisition_costs import BLENDED
from cltv_ml.decisions.customers_won import ALL_AGES, Won
from cltv_ml.errors import InputError

#: Number of customers as which the shop's rate counts in a channel's rate.
PRIOR_CUSTOMERS = 50.0

#: Relative error expected of the rate of a band that nobody has finished.
UNSEEN = 0.5

#: Two sides of an 80% interval, in standard errors.
_Z = 1.2816


def value_by_channel(won: Won, measure: str = "contribution") -> pd.DataFrame:
    """Return the value of a customer up to each age by channel, the blended row first.

    Columns `channel`, `age`, `customers` (won), `seen` (observed to that age), `realised` (their mean, missing without
    any), `expected` (of all customers won), and an 80% interval `lower`, `upper` of the mean of the customers won,
    which holds chance among customers and the drift from month to month.

    Parameters
    ----------
    measure
        "contribution" or "revenue", which are the same where contribution is not known.

    Raises
    ------
    InputError
        No customer has been observed beyond the band of the first day, so later bands cannot be estimated.
    """
    if (days := _days_seen(won)) < ALL_AGES[2]:
        raise InputError(
            f"value by age needs customers observed for {ALL_AGES[2]} days, but the longest here was "
            f"observed for {days}; use data that start earlier."
        )
    groups = {BLENDED: np.ones(len(won.customers), dtype=bool)}
    groups |= {
        name: (won.customers["channel"] == name).to_numpy() for name in sorted(set(won.customers["channel"]))
    }
    shop = _rates(won, measure)
    drift = monthly_drift(won, measure)
    rows = []
    for name, group in groups.items():
        own = Won(
            won.customers[group],
            won.spent if name == BLENDED else won.spent[won.spent["channel"] == name],
            won.known,
        )
        rows.append(_channel(name, own, shop, measure, drift))
    return pd.concat(rows, ignore_index=True)


def _days_seen(won: Won) -> int:
    """Return the number of days for which the oldest customer has been observed."""
    return 0 if won.customers.empty else int(won.customers["observed"].max())


def _channel(
    name: str, own: Won, shop: tuple[np.ndarray, np.ndarray], measure: str, drift: float
) -> pd.DataFrame:
    counts, sums = _bands(own, measure)
    curve, _ = shop
    level = (
        sums.sum() / max(float(counts @ curve), 1e-12) if (counts > 0).any() and counts @ curve > 0 else 1.0
    )
    rates = (sums + PRIOR_CUSTOMERS * level * curve) / (counts + PRIOR_CUSTOMERS)
    expected = np.cumsum(rates)
    customers = int(own.customers["customers"].sum())
    months = max(1, own.customers["month"].nunique())
    rows, before, chance = [], 0.0, 0.0
    for place, age in enumerate(ALL_AGES[1:]):
        count, mean, spread = _realised(own, place, measure)
        if count:
            # Each band adds its own variance, over the customers who have been observed to its end.
            variance = (spread * mean) ** 2
            chance += max(variance - before, 0.0) / count
            before = max(before, variance)
        else:
            chance += (UNSEEN * rates[place]) ** 2
        reach = _Z * np.sqrt(chance + (drift * expected[place]) ** 2 / months)
        ends = (expected[place] - reach, expected[place] + reach)
        rows.append((name, age, customers, count, mean, expected[place], *ends))
    columns = ["channel", "age", "customers", "seen", "realised", "expected", "lower", "upper"]
    return pd.DataFrame(rows, columns=columns)


def _bands(won: Won, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of customers observed to each band's end, and their contribution in it."""
    ends = np.array(ALL_AGES[1:])
    observed = won.customers["observed"].to_numpy()
    counts = np.array(
        [won.customers["customers"].to_numpy()[observed >= end].sum() for end in ends], dtype=np.float64
    )
    complete = won.spent["observed"].to_numpy() >= ends[won.spent["band"].to_numpy()]
    sums = np.bincount(
        won.spent["band"].to_numpy()[complete],
        weights=won.spent[measure].to_numpy()[complete],
        minlength=len(ends),
    )
    return counts, sums


def _rates(won: Won, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the shop's rate per band, extrapolated where nobody has finished one, and the customers observed."""
    counts, sums = _bands(won, measure)
    length = np.diff(ALL_AGES)
    daily = np.divide(sums, counts, out=np.zeros(len(sums)), where=counts > 0) / length
    finished = int((counts >= 1).sum())
    if 0 < finished < len(daily):
        half = max(1, finished // 2)
        later, before = (
            daily[half:finished].mean(),
            daily[1 : max(2, half)].mean() if finished > 2 else daily[0],
        )
        fade = float(np.clip(later / before, 0.0, 1.0)) if before > 0 else 0.0
        steps = np.arange(1, len(daily) - finished + 1)
        start = daily[max(1, finished - 3) : finished].mean() if finished > 1 else 0.0
        daily[finished:] = start * fade ** (steps / max(1, half))
    return daily * length, counts


def _realised(won: Won, place: int, measure: str) -> tuple[int, float, float]:
    """Return the number of customers observed to a band's end, their mean so far, and the spread over the mean."""
    end = ALL_AGES[place + 1]
    who = won.customers["observed"].to_numpy() >= end
    count = int(won.customers["customers"].to_numpy()[who].sum())
    if not count:
        return 0, float("nan"), 2.0
    counted = (won.spent["observed"].to_numpy() >= end) & (won.spent["band"].to_numpy() <= place)
    mean = float(won.spent[measure].to_numpy()[counted].sum()) / count
    squares = float(won.spent["squared"].to_numpy()[counted].sum()) / count
    own = float(won.spent["contribution"].to_numpy()[counted].sum()) / count
    variance = max(squares - own**2, 0.0)
    return count, mean, float(np.sqrt(variance) / abs(own)) if own else 2.0


def monthly_drift(won: Won, measure: str = "contribution", age: int = 90) -> float:
    """Return the standard deviation of months' values at an age over their mean, without chance among customers.

    Without three months of 30 customers it is assumed to be a tenth.
    """
    place = ALL_AGES.index(age) - 1
    by_month = []
    for month, of_month in won.customers.groupby("month"):
        own = Won(of_month, won.spent[won.spent["month"] == month], won.known)
        count, mean, spread = _realised(own, place, measure)
        if count >= 30:
            by_month.append((mean, mean**2 * spread**2 / count))
    if len(by_month) < 3:
        return 0.1
    means, chance = np.array(by_month).T
    beyond = means.var(ddof=1) - chance.mean()
    return float(np.clip(np.sqrt(max(beyond, 0.0)) / abs(means.mean()), 0.0, 1.0))


def judge_earlier(won: Won, age: int = 180, measure: str = "contribution") -> pd.DataFrame:
    """Return the errors of the expected value at an age for earlier months, next to those of the usual rule.

    One row per month of customers who have reached the age since: `month`, `customers`, `expected` (from the log as it
    stood `age` days before its end), `lower`, `upper` (80%), `rule` (the mean of older customers at that age at the
    time), `realised`.
    """
    then, place = won.before(age), ALL_AGES.index(age) - 1
    if _days_seen(then) < ALL_AGES[2]:
        return pd.DataFrame(columns=["month", "customers", "expected", "lower", "upper", "rule", "realised"])
    curve, drift = _rates(then, measure), monthly_drift(then, measure)
    _, rule, spread = _realised(then, place, measure)
    expected = float(np.cumsum(curve[0])[place])
    rows = []
    for month, of_month in won.customers.groupby("month"):
        own = Won(of_month[of_month["observed"] < 2 * age], won.spent[won.spent["month"] == month], won.known)
        late = Won(own.customers, own.spent[own.spent["observed"] < 2 * age], won.known)
        count, mean, _ = _realised(late, place, measure)
        if count >= 30:
            reach = _Z * abs(expected) * np.sqrt(spread**2 / count + drift**2)
            rows.append((month, count, expected, expected - reach, expected + reach, rule, mean))
    return pd.DataFrame(
        rows, columns=["month", "customers", "expected", "lower", "upper", "rule", "realised"]
    )


def judged_errors(judged: pd.DataFrame) -> dict[str, float]:
    """Return the error of the expected value of `judge_earlier` over all its customers; NaN if unknown.

    `bias` of the expected value and `rule_bias` of the average of older customers (each a share of the realised value,
    best 0), and `coverage`, the share of months whose realised value lies within its 80% interval.
    """
    weight = judged["customers"] / judged["customers"].sum()
    means = {
        name: float((weight * judged[name]).sum(skipna=False)) for name in ("expected", "rule", "realised")
    }
    realised = means["realised"] or float("nan")
    return {
        "bias": means["expected"] / realised - 1 if len(judged) else float("nan"),
        "rule_bias": means["rule"] / realised - 1 if len(judged) else float("nan"),
        "coverage": float(judged["realised"].between(judged["lower"], judged["upper"]).mean()),
    }


def compute_returns(value: pd.DataFrame, cac: pd.DataFrame, age: int = 365) -> pd.DataFrame:
    """Return, by channel with a cost, value over cost at an age and the months until the cost is back.

    Columns `channel`, `customers`, `cac`, `value`, `ratio`, `ratio_lower`, `ratio_upper`, `payback_realised`,
    `payback` (expected), `payback_early`, `payback_late` (the ends of its 80% interval), in months of thirty days and
    missing where the cost is not back within 24, and `never` (customers of a channel whose cost is not expected back).
    """
    rows = []
    for row in cac[cac["cac"].notna()].itertuples():
        of_channel = value[value["channel"] == row.channel]
        at = of_channel[of_channel["age"] == age].iloc[0]
        paid = {
            name: _payback_months(of_channel, name, float(row.cac))
            for name in ("realised", "expected", "upper", "lower")
        }
        rows.append(
            {
                "channel": row.channel,
                "customers": row.customers,
                "cac": row.cac,
                "value": at["expected"],
                **{name: at[of] / row.cac if row.cac > 0 else float("nan") for name, of in _RATIOS.items()},
                "payback_realised": paid["realised"],
                "payback": paid["expected"],
                "payback_early": paid["upper"],
                "payback_late": paid["lower"],
                "never": row.customers if np.isnan(paid["expected"]) else 0,
            }
        )
    return pd.DataFrame(rows)


#: Columns of the ratio of value to cost, and the value behind each.
_RATIOS = {"ratio": "expected", "ratio_lower": "lower", "ratio_upper": "upper"}


def _payback_months(rows: pd.DataFrame, name: str, cost: float) -> float:
    back = rows[(rows[name] >= cost) & ((rows["age"] % 30 == 0) | (rows["age"] == 1))]
    return float(max(1, -(-int(back["age"].iloc[0]) // 30))) if len(back) else float("nan")
