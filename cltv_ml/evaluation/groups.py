"""Groups of customers by facts known before the cutoff, to show where predictions are biased."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.decisions.rfm import apply_rfm, fit_rfm


def tenure_groups(X: pd.DataFrame, groups: int = 4) -> pd.Series:
    """Return customers in groups of about equal size by the days since their first purchase, in words.

    Customers of one age stay together, so there may be fewer groups.

    >>> tenure_groups(pd.DataFrame({"T": [10.0, 20.0, 300.0, 400.0]}), groups=2).tolist()
    ['10–20 days', '10–20 days', '300–400 days', '300–400 days']
    """
    age = X["T"].to_numpy()
    edges = np.unique(np.quantile(age, np.arange(1, groups) / groups))
    code = np.searchsorted(edges, age, side="left")
    names = {
        number: f"{age[code == number].min():.0f}–{age[code == number].max():.0f} days"
        for number in set(code)
    }
    return pd.Series([names[number] for number in code], index=X.index)


def cohort_groups(X: pd.DataFrame, cutoff: pd.Timestamp) -> pd.Series:
    """Return customers by the quarter of their first purchase; the earliest beyond eight quarters together.

    >>> cohort_groups(pd.DataFrame({"T": [0.0, 100.0]}), pd.Timestamp("2024-04-10")).tolist()
    ['2024 Q2', '2023 Q4']
    """
    first = (cutoff - pd.to_timedelta(X["T"] + 1, unit="D")).dt.to_period("Q")
    quarters = sorted(first.unique())
    oldest = quarters[-8:][0]
    names = {one: f"{one.year} Q{one.quarter}" for one in quarters if one >= oldest}
    if oldest > quarters[0]:
        names |= dict.fromkeys((one for one in quarters if one <= oldest), f"{names[oldest]} or earlier")
    return first.map(names).rename(None)


def segment_groups(rfm: pd.DataFrame, X: pd.DataFrame) -> pd.Series:
    """Return the customers of `X` by their segment in a table of `compute_rfm`."""
    segments: pd.Series = apply_rfm(rfm, fit_rfm(rfm))["segment"].astype("str")
    return segments.reindex(X.index)
