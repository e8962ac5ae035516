r"""The value of customers by channel and age, realised and expected, against the cost of winning them.

The mean contribution of a channel's customers in an age band \(b\) is \(r_{gb} = S_{gb} / n_{gb}\), over the customers
observed to the band's end; their sum up to an age is the value at that age. Where a channel has few such customers,
its rate is shrunk to the shop's rate times the channel's level, which counts as `PRIOR_CUSTOMERS` customers. Bands
that nobody has finished continue the decline of those before them. This is the chain ladder of insurance reserving (T.
Mack, ASTIN Bulletin 23, 1993) with credibility weights.

Customers who had bought before the log begins look new in its first weeks, and usually spend more than new ones. Where
there are such customers, a band counts only those first seen later. Bands that too few of these have finished take the
spend of the first ones, times a factor from the bands that both have finished.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cltv_ml.decisions.acquisition_costs import BLENDED
from cltv_ml.decisions.customers_won import ALL_AGES, Won
from cltv_ml.errors import InputError

#: Number of customers as which the shop's rate counts in a channel's rate.
PRIOR_CUSTOMERS = 50.0

#: Relative error expected of the rate of a band that nobody has finished.
UNSEEN = 0.5

#: Fewest customers first seen after the log's first weeks for a band to count only these.
LEAST_LATER = 30

#: Fewest customers on whom a realised value rests, if the channel has as many.
LEAST_SEEN = 30

#: Power of the ratio of their spend to that of customers first seen before: who stays is alike at later ages.
_LATER_POWER = 0.5

#: Age in days at which the values of months are compared.
DRIFT_AGE = 90

#: Two sides of an 80% interval, in standard errors.
_Z = 1.2816


def value_by_channel(won: Won, measure: str = "contribution", *, opening: int = 0) -> pd.DataFrame:
    """Return the value of a customer up to each age by channel, the blended row first.

    Columns `channel`, `age`, `customers` (first seen in the log), `seen` (observed to that age), `realised` (their
    mean, missing without any), `expected` (of a customer won), and an 80% interval `lower`, `upper` of the mean of the
    customers won, which holds chance among customers and the drift from month to month.

    Parameters
    ----------
    measure
        "contribution" or "revenue", which are the same where contribution is not known.
    opening
        Days at the log's start in which old customers look new (`evaluation.log_start`): those first seen then are not
        part of `seen` and `realised`.

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
    basis = _find_basis(won, measure, opening)
    curve, drift = _rates(won, measure, basis), _drift_of_new(won, measure, basis)
    parts = {BLENDED: won}
    for name in sorted(set(won.customers["channel"])):
        parts[name] = won.of(won.customers["channel"] == name, won.spent["channel"] == name)
    rows = [_channel(name, own, curve, measure, drift, basis) for name, own in parts.items()]
    return pd.concat(rows, ignore_index=True)


def _days_seen(won: Won) -> int:
    """Return the number of days for which the oldest customer has been observed."""
    return 0 if won.customers.empty else int(won.customers["observed"].max())


@dataclass(frozen=True)
class _Basis:
    """The customers on whose spend the values rest, by band."""

    #: Customers observed for longer were first seen at the log's start and may be older than they look.
    since: int
    #: Bands that only customers first seen later count in, and the factor on the others' spend in the rest.
    later_only: np.ndarray
    factor: float


def _find_basis(won: Won, measure: str, opening: int) -> _Basis:
    since = _days_seen(won) - opening
    (early, early_sums), (late, late_sums) = (_bands(part, measure) for part in won.split(since))
    later_only = late >= LEAST_LATER
    shared = later_only & (early > 0)
    shared[0] = False  # a first day has no age that old customers could be ahead in
    expected = float(late[shared] @ (early_sums[shared] / early[shared]))
    ratio = float(late_sums[shared].sum()) / expected if expected > 0 else 1.0
    return _Basis(since, later_only, float(np.clip(ratio, 0.0, 1.0)) ** _LATER_POWER)


def _bands_of_new(won: Won, measure: str, basis: _Basis) -> tuple[np.ndarray, np.ndarray]:
    """Return the result of `_bands` for customers as new as the basis allows."""
    (early, early_sums), (late, late_sums) = (_bands(part, measure) for part in won.split(basis.since))
    rest = ~basis.later_only
    return late + rest * early, late_sums + rest * early_sums * basis.factor


def _channel(
    name: str, own: Won, curve: np.ndarray, measure: str, drift: float, basis: _Basis
) -> pd.DataFrame:
    counts, sums = _bands_of_new(own, measure, basis)
    level = (
        sums.sum() / max(float(counts @ curve), 1e-12) if (counts > 0).any() and counts @ curve > 0 else 1.0
    )
    rates = (sums + PRIOR_CUSTOMERS * level * curve) / (counts + PRIOR_CUSTOMERS)
    expected = np.cumsum(rates)
    customers = int(own.customers["customers"].sum())
    _, later = own.split(basis.since)
    months = max(1, later.customers["month"].nunique())
    rows, before, chance = [], 0.0, 0.0
    for place, age in enumerate(ALL_AGES[1:]):
        count, mean, spread = realised_by(later, place, measure)
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


def _rates(won: Won, measure: str, basis: _Basis) -> np.ndarray:
    """Return the shop's rate per band, extrapolated where nobody has finished one."""
    counts, sums = _bands_of_new(won, measure, basis)
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
    return np.asarray(daily * length)


def realised_by(won: Won, place: int, measure: str) -> tuple[int, float, float]:
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


def monthly_drift(won: Won, measure: str = "contribution") -> float:
    """Return the standard deviation of months' values at `DRIFT_AGE` over their mean, without chance among customers.

    Without three months of 30 customers it is assumed to be a tenth.
    """
    place = ALL_AGES.index(DRIFT_AGE) - 1
    by_month = []
    for month, of_month in won.customers.groupby("month"):
        own = replace(won, customers=of_month, spent=won.spent[won.spent["month"] == month])
        count, mean, spread = realised_by(own, place, measure)
        if count >= 30:
            by_month.append((mean, mean**2 * spread**2 / count))
    if len(by_month) < 3:
        return 0.1
    means, chance = np.array(by_month).T
    beyond = means.var(ddof=1) - chance.mean()
    return float(np.clip(np.sqrt(max(beyond, 0.0)) / abs(means.mean()), 0.0, 1.0))


def _drift_of_new(won: Won, measure: str, basis: _Basis) -> float:
    """Return the drift among customers first seen later, and among all where they have too few months."""
    _, later = won.split(basis.since)
    months = later.customers.loc[later.customers["observed"] >= DRIFT_AGE, "month"].nunique()
    return monthly_drift(later if months >= 3 else won, measure)


def judge_earlier(won: Won, age: int = 180, *, opening: int = 0) -> pd.DataFrame:
    """Return the errors of the expected value at an age for earlier months, next to those of the usual rule.

    One row per month of customers who have reached the age since: `month`, `customers`, `expected` (from the log as it
    stood `age` days before its end), `lower`, `upper` (80%), `rule` (the mean of older customers at that age at the
    time), `realised`.

    Parameters
    ----------
    opening
        As for `value_by_channel`, judged from the log up to `age` days before its end.
    """
    then, place = won.before(age), ALL_AGES.index(age) - 1
    if _days_seen(then) < ALL_AGES[2]:
        return pd.DataFrame(columns=["month", "customers", "expected", "lower", "upper", "rule", "realised"])
    measure = "contribution"
    basis = _find_basis(then, measure, opening)
    curve, drift = _rates(then, measure, basis), _drift_of_new(then, measure, basis)
    _, rule, spread = realised_by(then, place, measure)
    blended = _channel(BLENDED, then, curve, measure, drift, basis).iloc[place]
    expected, estimated = blended["expected"], blended["upper"] - blended["expected"]
    rows = []
    for month, of_month in won.customers.groupby("month"):
        spent = won.spent[(won.spent["month"] == month) & (won.spent["observed"] < 2 * age)]
        late = replace(won, customers=of_month[of_month["observed"] < 2 * age], spent=spent)
        count, mean, _ = realised_by(late, place, measure)
        if count >= 30:
            own = _Z * abs(expected) * np.sqrt(spread**2 / count + drift**2)
            reach = float(np.hypot(estimated, own))
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


def enough_seen(value: pd.DataFrame) -> pd.Series:
    """Return whether the realised value of each row rests on enough customers: 30, or all of a smaller channel.

    >>> enough_seen(pd.DataFrame({"customers": [80, 80, 9], "seen": [30, 29, 9]})).tolist()
    [True, False, True]
    """
    return value["seen"] >= value["customers"].clip(upper=LEAST_SEEN)


def compute_returns(value: pd.DataFrame, cac: pd.DataFrame, age: int = 365) -> pd.DataFrame:
    """Return, by channel with a cost, value over cost at an age and the months until the cost is back.

    Columns `channel`, `customers`, `cac`, `value`, `ratio`, `ratio_lower`, `ratio_upper`, `payback_realised` (missing
    where the cost is not back within `months_observed`, the months for which enough customers have been observed),
    `payback` (expected), `payback_early`, `payback_late` (the ends of its 80% interval), in months of thirty days and
    missing where the cost is not back within 24, and `never` (customers of a channel whose cost is not expected back,
    or the sum of these for all channels together).
    """
    rows = []
    for row in cac[cac["cac"].notna()].itertuples():
        of_channel = value[value["channel"] == row.channel]
        at = of_channel[of_channel["age"] == age].iloc[0]
        paid = {
            name: _payback_months(of_channel, name, float(row.cac)) for name in ("expected", "upper", "lower")
        }
        observed = of_channel[enough_seen(of_channel)]
        rows.append(
            {
                "channel": row.channel,
                "customers": row.customers,
                "cac": row.cac,
                "value": at["expected"],
                **{name: at[of] / row.cac if row.cac > 0 else float("nan") for name, of in _RATIOS.items()},
                "payback_realised": _payback_months(observed, "realised", float(row.cac)),
                "months_observed": 0 if observed.empty else int(observed["age"].max()) // 30,
                "payback": paid["expected"],
                "payback_early": paid["upper"],
                "payback_late": paid["lower"],
                "never": row.customers if np.isnan(paid["expected"]) else 0,
            }
        )
    returns = pd.DataFrame(rows)
    if len(returns) > 1:
        whole = returns["channel"] == BLENDED
        returns.loc[whole, "never"] = returns.loc[~whole, "never"].sum()
    return returns


#: Columns of the ratio of value to cost, and the value behind each.
_RATIOS = {"ratio": "expected", "ratio_lower": "lower", "ratio_upper": "upper"}


def _payback_months(rows: pd.DataFrame, name: str, cost: float) -> float:
    back = rows[(rows[name] >= cost) & ((rows["age"] % 30 == 0) | (rows["age"] == 1))]
    return float(max(1, -(-int(back["age"].iloc[0]) // 30))) if len(back) else float("nan")
