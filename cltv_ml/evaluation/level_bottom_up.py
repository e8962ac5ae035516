"""Bottom-up forecasts of the level: sums of customers' values at the cutoff and at earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from cltv_ml.errors import InputError
from cltv_ml.evaluation.level_sample import sample_days, stand_for
from cltv_ml.features import Source, build_features
from cltv_ml.models import GammaGamma, ParetoNBD
from cltv_ml.models.fit_cache import once
from cltv_ml.models.level import past_days
from cltv_ml.models.level_candidates import CohortRevenue
from cltv_ml.models.level_spend import QUARTER_STEPS, Latest, factors_of_spend, latest_spend
from cltv_ml.tables import SUMMARY


def bottom_up(
    days: pa.Table,
    cohorts: CohortRevenue,
    start: pd.Timestamp,
    horizons: Sequence[int],
    on: np.ndarray,
    *,
    sized: bool,
) -> dict[int, dict[int, float]]:
    """Return by horizon the sum of a Pareto/NBD and Gamma-Gamma model's values by day, fitted on what lay before.

    With `sized` each sum is multiplied by what the latest purchases show of the spend per purchase (`level_spend`). In
    a large log a sample of the customers (`level_sample`) stands for all. A day at which the model cannot be fitted is
    left out. The model counts days as `on` does (`level_closures.open_days`).
    """
    dated = (days["timestamp"].to_numpy() - np.datetime64(start)).astype("timedelta64[D]").astype(int)
    moved = np.datetime64(start, "us") + on[dated].astype("timedelta64[D]")
    days = days.set_column(1, "timestamp", pa.array(moved))
    some, top = sample_days(days, cohorts.customers(cohorts.days))
    dates = {
        start + pd.Timedelta(days=int(on[day])): day
        for day in past_days(cohorts.days)
        if cohorts.revenue(0, day) > 0
    }
    by_horizon: dict[int, dict[int, float]] = {horizon: {} for horizon in horizons}
    if not dates:
        return by_horizon
    # The last purchase may lie days before the cutoff; the log is known until there all the same.
    source = Source(some, until=start + pd.Timedelta(days=int(on[-1])))
    X = build_features(source, list(dates), names=SUMMARY)
    near: Mapping[str, float] = {}
    largest = X.index.levels[-1].isin(top)[X.index.codes[-1]]
    rows = X.groupby(level="cutoff").indices
    by_date = {date: X.iloc[rows[date]].droplevel("cutoff") for date in dates if date in rows}
    earlier = [*list(by_date.values())[QUARTER_STEPS:], *[X.iloc[:0].droplevel("cutoff")] * QUARTER_STEPS]
    latest: list[Latest] = []
    for (date, then), before in zip(by_date.items(), earlier, strict=False):  # the latest first
        weights = (
            stand_for(largest[rows[date]], cohorts.customers(dates[date])) if len(top) else np.ones(len(then))
        )
        totals, near, seen = _own_totals(then, before, weights, horizons, near)
        latest.append(seen)
        for horizon, total in totals.items():
            by_horizon[horizon][dates[date]] = total
    if not sized:
        return by_horizon
    factors = dict(zip([dates[date] for date in by_date], factors_of_spend(latest), strict=True))
    return {
        horizon: {day: total * factors[day] for day, total in own.items()}
        for horizon, own in by_horizon.items()
    }


def _own_totals(
    X: pd.DataFrame,
    before: pd.DataFrame,
    weights: np.ndarray,
    horizons: Sequence[int],
    near: Mapping[str, float],
) -> tuple[dict[int, float], Mapping[str, float], Latest]:
    """Return the totals by horizon, the parameters and the size of the latest purchases.

    The parameters of a neighbouring day, `near`, are a start. Each row of `X` stands for as many customers as its
    weight says; `before` has the customers of a quarter earlier.
    """
    spends = ((X["frequency"] > 0) & (X["monetary_value"] != 0)).to_numpy()
    if not spends.any():  # too early: nobody has come back yet
        return {}, near, Latest()
    counts = weights / weights.mean()  # a sample shows no more than its own number of customers

    def fit() -> tuple[ParetoNBD, GammaGamma]:
        """Fit the purchases and the spend of the customers of this cutoff."""
        purchases = ParetoNBD()
        fitted = purchases.fit_near(X, near, weights=counts) if near else purchases.fit(X, weights=counts)
        return fitted, GammaGamma().fit(X[spends], weights=counts[spends])

    try:
        purchases, spend = once(fit, f"level {sorted(near.items())}", X.to_numpy(dtype=np.float64), weights)
        expected, each = purchases.expected_by_length(X, horizons), spend.predict(X)
    except InputError:
        return {}, near, Latest()
    totals = {day: float((expected[day] * each) @ weights) for day in horizons}
    seen = latest_spend(X, before, np.asarray(each), weights)
    return {day: total for day, total in totals.items() if total > 0}, purchases.params_, seen
