"""Measures of how closely a column of any kind follows a fact of the log."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Fewest customers for closeness to mean anything.
FEWEST = 30


def closeness(values: pd.Series, fact: pd.Series) -> float:
    """Return the closeness of a column's order to that of a fact: 1 if it is the same, or the reverse.

    This is the rank correlation divided by the highest one possible with as many ties; the levels of a category are
    sorted by their mean rank, less what chance contributes.

    >>> closeness(pd.Series([0.0, 0.0, 1.0, 1.0] * 20), pd.Series([1.0, 2.0, 3.0, 4.0] * 20))
    1.0
    """
    there = values.notna() & fact.notna()
    values = values[there]
    if len(values) < FEWEST or values.nunique() < 2:
        return 0.0
    ranks = fact[there].rank()
    if ranks.nunique() < 2:
        return 0.0
    shrink = 1.0
    if not pd.api.types.is_numeric_dtype(values):
        levels = values.nunique()
        if levels > len(values) / 3:
            return 0.0
        values = ranks.groupby(values).transform("mean")
        if values.nunique() < 2:
            return 0.0
        share = 1 - (1 - _correlation(values, ranks) ** 2) * (len(values) - 1) / (len(values) - levels)
        shrink = np.sqrt(max(share, 0.0)) / max(_correlation(values, ranks), 1e-12)
    own = values.rank()
    correlation = _correlation(own, ranks)
    ends = pd.Series(np.sort(ranks)[:: 1 if correlation > 0 else -1])
    highest = abs(_correlation(pd.Series(np.sort(own)), ends))
    return round(abs(correlation) * min(float(shrink), 1.0) / max(highest, 1e-12), 12)


def _correlation(x: pd.Series, y: pd.Series) -> float:
    return float(np.corrcoef(x.to_numpy(), y.to_numpy())[0, 1])
