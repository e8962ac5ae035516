"""Which features move a model's predictions, for any model that predicts from a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.evaluation.metrics import gini
from cltv_ml.models.base import ValueModel

#: Customers that are asked; more change the answer less than another draw does.
SAMPLE = 5_000


def compute_importance(
    model: ValueModel, X: pd.DataFrame, y: pd.Series, *, repeats: int = 3, seed: int = 0
) -> pd.DataFrame:
    """Return by how much the normalised Gini falls when one feature is shuffled: `feature`, `importance`, `spread`.

    The most important first. A feature whose news another one also carries looks unimportant. Source:
    L. Breiman, Random Forests, 2001.
    """
    rng = np.random.default_rng(seed)
    X, y = _sample(X, y, rng)
    names = [str(name) for name in model.feature_names_in_]
    whole = gini(y, model.predict(X))
    falls = np.empty((len(names), repeats))
    for row, name in enumerate(names):
        for number in range(repeats):
            mixed = X.assign(**{name: X[name].to_numpy()[rng.permutation(len(X))]})
            falls[row, number] = whole - gini(y, model.predict(_possible(mixed)))
    table = pd.DataFrame({"feature": names, "importance": falls.mean(axis=1), "spread": falls.std(axis=1)})
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def compute_dependence(
    model: ValueModel, X: pd.DataFrame, feature: str, *, points: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Return the mean prediction as one feature takes each of its values and all others stay.

    Columns `feature`, `value` (at equal steps of the quantiles) and `predicted` (mean in currency).
    Source: J. Friedman, Greedy Function Approximation, 2001. Combinations that no customer has are asked
    too, so read it beside the importances.
    """
    if feature not in X:
        raise ValueError(f"Unknown feature {feature!r}. Available: {sorted(map(str, X.columns))}.")
    sample, _ = _sample(X, None, np.random.default_rng(seed))
    values = np.unique(X[feature].dropna().quantile(np.linspace(0.01, 0.99, points)))
    predicted = [
        float(model.predict(_possible(sample.assign(**{feature: value}))).mean()) for value in values
    ]
    return pd.DataFrame({"feature": feature, "value": values, "predicted": predicted})


def _sample(
    X: pd.DataFrame, y: pd.Series | None, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.Series | None]:
    if len(X) <= SAMPLE:
        return X, y
    chosen = np.sort(rng.choice(len(X), SAMPLE, replace=False))
    return X.iloc[chosen], None if y is None else y.iloc[chosen]


def _possible(X: pd.DataFrame) -> pd.DataFrame:
    """Return customers whose history can be: purchase models refuse a last purchase after today."""
    if not {"frequency", "recency", "T"} <= set(X.columns):
        return X
    recency = np.minimum(X["recency"], X["T"])
    repeat = X["frequency"] > 0
    return X.assign(recency=np.where(repeat, np.maximum(recency, np.minimum(1.0, X["T"])), 0.0))
