"""Attributes of customers that are related to their later spend beyond their purchase history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cltv_ml.evaluation.panel import prepare, thin_log
from cltv_ml.log import Log
from cltv_ml.models.boosting import expected_by_history
from cltv_ml.windows import Window

#: Customers by whom attributes are judged, and the fewest: a smaller log cannot show that an attribute is useless.
MOST_CUSTOMERS, FEWEST_CUSTOMERS = 20_000, 5_000

#: Earlier windows from which the labels come.
_ORIGINS = 3

#: Share of attributes without any relation that pass each test, and the permutations behind it.
_ALPHA, _PERMUTATIONS = 0.05, 199

#: Groups of about equal size that numbers of more values are divided into, and the share of residuals left unclipped.
_TENTHS, _UNCLIPPED = 10, 0.99


def informative(log: Log, window: Window, history: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return those of the features `names` that are related to later spend beyond what `history` predicts.

    Only labels that end before the window's cutoff count. A small booster of the history predicts them, and a
    feature stays if its residuals say more than in 95% of permutations of customers, in one of three tests: the sum
    of squares between its levels (of a number, its tenths), the level furthest from zero among customers with or
    without a second purchase, and the trend of a number. All features stay where fewer than `FEWEST_CUSTOMERS` have
    labels.
    """
    if len(log.customers) < FEWEST_CUSTOMERS:
        return list(names)  # without building features
    sample = thin_log(log, MOST_CUSTOMERS) or log
    training = prepare(sample, window, [*history, *names], max_origins=_ORIGINS)
    X, y = training.X.sort_index(level="cutoff", kind="stable"), training.y
    now = X.droplevel("cutoff").groupby(level="customer_id").tail(1)
    if len(now) < FEWEST_CUSTOMERS or not y.any():
        return list(names)
    y = y.reindex(X.index)
    expected = np.maximum(expected_by_history(X[[*history]].to_numpy(dtype=np.float64), y.to_numpy()), 1e-6)
    residuals = (y / y.mean() - expected) / expected**0.75  # of equal variance for a Tweedie power of 1.5
    mean = residuals.groupby(level="customer_id").mean().reindex(now.index).to_numpy()
    bought_again = (now["frequency"] > 0).to_numpy().astype(np.int64)
    drawn = _permuted(np.minimum(mean, np.quantile(mean, _UNCLIPPED)), bought_again)
    return [name for name in names if _is_related(now[name], bought_again, drawn)]


def _permuted(residuals: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the residuals less their group's mean, and below them permutations within groups."""
    rng, drawn = np.random.default_rng(0), np.empty((1 + _PERMUTATIONS, len(residuals)))
    for group in np.unique(groups):
        rows = np.nonzero(groups == group)[0]
        drawn[0, rows] = residuals[rows] - residuals[rows].mean()
        for draw in range(1, len(drawn)):
            drawn[draw, rows] = drawn[0, rng.permutation(rows)]
    return drawn


def _is_related(values: pd.Series, groups: np.ndarray, drawn: np.ndarray) -> bool:
    """Return whether the residuals in the first row say more of these values than most permutations below."""
    ranks = values.rank() if pd.api.types.is_numeric_dtype(values) else None
    few = ranks is None or values.nunique() <= _TENTHS
    tenths = values if few else pd.qcut(ranks, _TENTHS, labels=False, duplicates="drop")
    levels = pd.factorize(tenths, use_na_sentinel=False)[0]
    tests = [
        _squares(levels, drawn).sum(axis=1),
        _squares(levels * (1 + groups.max()) + groups, drawn).max(axis=1),
    ]
    if ranks is not None:
        tests.append(np.abs(drawn @ (ranks - ranks.mean()).fillna(0.0).to_numpy()))
    return any((test[1:] >= test[0]).mean() < _ALPHA for test in tests)


def _squares(levels: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Return each level's share of the sum of squares between levels, shape (draws, levels)."""
    levels = np.unique(levels, return_inverse=True)[1]
    count = np.bincount(levels)
    return np.stack([np.bincount(levels, row) for row in drawn]) ** 2 / count
