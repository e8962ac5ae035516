"""Predictions for labelled rows that the model making them has not seen, from the labelled rows alone.

The rule which protocol is used:

- "earlier windows": the latest cutoff is predicted by models fitted on the cutoffs whose holdouts had ended
  by then, as it will be with the real future. Used whenever there is such a cutoff after which somebody bought.
- "other customers": the customers of the latest cutoff are dealt into `FOLDS` groups, and each group is
  predicted by models fitted on the others, at all cutoffs. Used where the log is too short for the first. It
  checks everything but the level: the others' labels come from the window that is predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.models.base import ValueModel

EARLIER_WINDOWS = "earlier windows"
OTHER_CUSTOMERS = "other customers"

#: Groups of customers; each more costs another fit of every model.
FOLDS = 3

#: With fewer labelled rows before the latest cutoff, nothing that is learned from them means anything.
MIN_ROWS = 50

#: With fewer customers who bought after the latest cutoff there is nothing to compare with.
MIN_BUYERS = 2


@dataclass(frozen=True)
class Fold:
    """Row numbers: labelled rows to learn from, customers known at the latest cutoff, rows to predict."""

    learn: np.ndarray
    known: np.ndarray
    ask: np.ndarray


def split(X: pd.DataFrame, y: pd.Series, horizon: int) -> tuple[str, list[Fold]]:
    """Return the protocol that the module's rule gives for these rows, and its folds.

    Rows are indexed by `cutoff` and `customer_id`; without a level `cutoff` they share one.

    Raises
    ------
    InputError
        Fewer than two customers bought after the latest cutoff: there is nothing to compare with.
    """
    labels = np.asarray(y, dtype=np.float64)
    cutoffs, customers = _keys(X)
    latest = cutoffs == cutoffs.max()
    buyers = int((labels[latest] > 0).sum())
    if buyers < MIN_BUYERS:
        raise InputError(
            f"validation: {buyers} customers bought in the latest labelled window, at least {MIN_BUYERS} are "
            "needed; choose a longer horizon or another cutoff."
        )
    at_latest = np.flatnonzero(latest)
    earlier = np.flatnonzero(cutoffs + np.timedelta64(horizon, "D") <= cutoffs.max())
    if len(earlier) >= MIN_ROWS and (labels[earlier] > 0).any():
        return EARLIER_WINDOWS, [Fold(earlier, at_latest, at_latest)]
    group = _deal(customers[at_latest], labels[at_latest] > 0)
    # Customers of earlier cutoffs are all still known at the latest one; whoever is not belongs to no group.
    place = pd.Index(customers[at_latest]).get_indexer(pd.Index(customers))
    everybody = np.where(place >= 0, group[place], -1)
    return OTHER_CUSTOMERS, [
        Fold(np.flatnonzero(everybody != number), at_latest[group != number], at_latest[group == number])
        for number in np.unique(group)
    ]


def predict_unseen(
    models: Sequence[ValueModel], X: pd.DataFrame, y: pd.Series, horizon: int
) -> tuple[pd.DataFrame, str]:
    """Return a column of expected values per model for rows of the latest cutoff, and the protocol.

    Each model is cloned and fitted once per fold; rows come in the order of `X`.
    """
    protocol, folds = split(X, y, horizon)
    parts = []
    for fold in folds:
        learn, known, ask = X.iloc[fold.learn], X.iloc[fold.known], X.iloc[fold.ask]
        if protocol == EARLIER_WINDOWS:
            known = _customers(known)  # with its cutoff, a window already learned from would be recognised
        labels = y.iloc[fold.learn]
        values = {
            model.name: fit_at(model, learn, labels, known).predict(_customers(ask)) for model in models
        }
        parts.append(pd.DataFrame(values, index=ask.index).set_axis(fold.ask, axis=0))
    together = pd.concat(parts).sort_index()
    return together.set_axis(X.index[together.index], axis=0), protocol


def fit_at(model: ValueModel, X: pd.DataFrame, y: pd.Series, X_now: pd.DataFrame) -> ValueModel:
    """Return a fitted copy: on labelled rows `X, y` where it needs labels, else on the customers `X_now`."""
    fresh: ValueModel = clone(model)
    if model.needs_labels:
        return fresh.fit(X, y).adapt(X_now)
    return fresh.fit(X_now)


def by_cutoff(X: pd.DataFrame) -> list[tuple[pd.Timestamp, np.ndarray]]:
    """Return each cutoff with its row numbers, the earliest first; one group where there is no such level."""
    if "cutoff" not in X.index.names:
        return [(pd.Timestamp(0), np.arange(len(X)))]
    codes, cutoffs = pd.factorize(X.index.get_level_values("cutoff"), sort=True)
    return [(cutoff, np.flatnonzero(codes == code)) for code, cutoff in enumerate(cutoffs)]


def at_latest(X: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the latest cutoff, indexed by customer."""
    cutoffs, _ = _keys(X)
    return _customers(X[cutoffs == cutoffs.max()])


def _keys(X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the cutoff and the customer of each row as arrays."""
    if "cutoff" not in X.index.names:
        return np.zeros(len(X), dtype="datetime64[us]"), X.index.to_numpy()
    cutoffs = X.index.get_level_values("cutoff").to_numpy()
    return cutoffs, X.index.get_level_values("customer_id").to_numpy()


def _customers(X: pd.DataFrame) -> pd.DataFrame:
    """Return rows of one cutoff indexed by customer, as at prediction time."""
    return X.droplevel("cutoff") if "cutoff" in X.index.names else X


def _deal(customers: np.ndarray, bought: np.ndarray) -> np.ndarray:
    """Return each customer's group: by the hash of the id, and as many buyers in one as in another.

    >>> _deal(np.array(["a", "b", "c", "d", "e", "f"]), np.array([True, False] * 3)).tolist()
    [2, 2, 1, 1, 0, 0]
    """
    order = np.lexsort((pd.util.hash_array(customers.astype(object)), bought))
    group = np.empty(len(customers), dtype=np.int64)
    group[order] = np.arange(len(customers)) % FOLDS
    return group
