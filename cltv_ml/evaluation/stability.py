"""Stability of the choice: the best model of each validation window, and the models that cannot be chosen."""

from __future__ import annotations

import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.evaluation.validation import Validation, eligible, ineligible


def choice_notes(result: WindowResult, champion: str) -> list[str]:
    """Return sentences that say how stable the choice of `champion` is and why others could not be chosen."""
    validation = result.validation
    if validation is None:
        return []
    models = list(result.models.values())
    reasons = pd.Series(ineligible(models, validation), dtype=object)
    notes = [
        f"{', '.join(names)} could not be chosen: {reason}."
        for reason, names in reasons.groupby(reasons, sort=False).groups.items()
    ]
    names = eligible(models, validation)
    ginis = window_ginis(validation)[names].dropna()  # a window in which nobody spent orders nobody
    if len(ginis) > 1 and len(names) > 1 and champion in names:
        notes.append(_stability(ginis, champion))
    return notes


def window_ginis(validation: Validation) -> pd.DataFrame:
    """Return the Gini of each model (columns) on each validation window (rows), the latest first."""
    gini = METRICS["gini"].function
    return pd.DataFrame(
        {
            cutoff: {
                name: gini(validation.y_true.loc[cutoff], validation.predictions.loc[cutoff, name])
                for name in validation.predictions
            }
            for cutoff in validation.cutoffs
        }
    ).T


def _stability(ginis: pd.DataFrame, champion: str) -> str:
    """Return the number of windows in which each model was the best; models with equal Ginis share the first place.

    >>> ginis = pd.DataFrame({"bg_nbd": [0.5, 0.5], "hybrid": [0.5, 0.4]})
    >>> print(_stability(ginis, "hybrid"))
    Over 2 earlier windows bg_nbd had the best Gini in 2, hybrid in 1. The champion's Gini was at most 0.100 below the
    best.
    >>> print(_stability(ginis, "bg_nbd"))
    Over 2 earlier windows bg_nbd had the best Gini in 2, hybrid in 1.
    """
    best = ginis.max(axis="columns")
    lost = (best - ginis[champion]).max()
    wins = ginis.ge(best, axis="index").sum().sort_values(ascending=False, kind="stable")
    [(first, most), *others] = [(name, count) for name, count in wins.items() if count]
    counts = "".join(f", {name} in {count}" for name, count in others)
    wins_of_each = f"Over {len(ginis)} earlier windows {first} had the best Gini in {most}{counts}."
    if not lost:
        return wins_of_each
    return f"{wins_of_each} The champion's Gini was at most {lost:.3f} below the best."
