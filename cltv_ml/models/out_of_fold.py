"""Out-of-fold predictions: labelled rows, predicted by models that were not fitted on their labels.

The protocol follows this rule:

- "out of time": a validation window is predicted by models trained on the origins whose labels had ended by its
  cutoff, as in real use. It applies to every window with such origins, if anybody bought in them.
- "other customers": where no window has such origins. Customers are split into `FOLDS` groups, and each group is
predicted by models trained on the other groups, at all origins. It validates everything but the level, because the
other groups' labels come from the predicted window.

Models without labels use nothing after a cutoff: under both protocols they are fitted on all its customers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.models.base import ValueModel
from cltv_ml.models.bins import shared_bins
from cltv_ml.side_by_side import Result, side_by_side

OUT_OF_TIME = "out of time"
OTHER_CUSTOMERS = "other customers"

#: Groups of customers; each additional one costs another fit of every model.
FOLDS = 3

#: Predicted rows after which no further group of customers is predicted: a large log needs no more.
ENOUGH = 20_000

#: Fewest labelled rows before a window: fewer carry no information worth learning.
MIN_ROWS = 50

#: Fewest buyers in a window: with fewer there is nothing to compare with.
MIN_FOLD_BUYERS = 2

#: Cells of the largest rows that several models share in bins, which take 80 MB then; larger ones are binned again.
MOST_CELLS = 8_000_000


@dataclass(frozen=True)
class Fold:
    """One fit and the windows it predicts, as row numbers.

    `windows` holds, for each cutoff, the rows whose history may be used and the rows to predict.
    """

    protocol: str
    train: np.ndarray
    windows: tuple[tuple[np.ndarray, np.ndarray], ...]


@dataclass(frozen=True)
class OutOfFold:
    """Expected values of labelled rows, a column per model, NaN where a model could not be fitted.

    `failures` holds the reason for each such model and cutoff.
    """

    predictions: pd.DataFrame
    protocol: str
    failures: dict[tuple[str, pd.Timestamp], str] = field(default_factory=dict)


def split(
    X: pd.DataFrame, y: pd.Series, horizon: int, cutoffs: Sequence[pd.Timestamp] | None = None
) -> list[Fold]:
    """Return the folds that the module's rule gives for the windows at `cutoffs`, or the latest one.

    Rows are indexed by `cutoff` and `customer_id`; without a level `cutoff` they share one. Windows in which
    fewer than two customers bought are left out.

    Raises
    ------
    InputError
        There is no window in which two customers bought, so there is nothing to compare with.
    """
    labels = np.asarray(y, dtype=np.float64)
    at, customers = _keys(X)
    test_cutoffs = (
        [at.max()] if cutoffs is None else [np.datetime64(cutoff, "us") for cutoff in sorted(cutoffs)]
    )
    rows_at = {cutoff: np.flatnonzero(at == cutoff) for cutoff in test_cutoffs}
    buyers = {cutoff: int((labels[rows] > 0).sum()) for cutoff, rows in rows_at.items()}
    if max(buyers.values()) < MIN_FOLD_BUYERS:
        raise InputError(
            f"validation: {max(buyers.values())} customers bought in the latest labelled window, but at "
            f"least {MIN_FOLD_BUYERS} are needed; choose a longer horizon or another cutoff."
        )
    windows = {cutoff: rows for cutoff, rows in rows_at.items() if buyers[cutoff] >= MIN_FOLD_BUYERS}
    folds = []
    for cutoff, rows in windows.items():
        earlier = np.flatnonzero(at + np.timedelta64(horizon, "D") <= cutoff)
        if len(earlier) >= MIN_ROWS and (labels[earlier] > 0).any():
            folds.append(Fold(OUT_OF_TIME, earlier, ((rows, rows),)))
    return folds or _customer_folds(at, customers, labels, list(windows.values()))


def _customer_folds(
    at: np.ndarray, customers: np.ndarray, labels: np.ndarray, windows: Sequence[np.ndarray]
) -> list[Fold]:
    """Return folds by groups of customers, each predicting its customers of every window."""
    latest = at == at.max()
    dealt = _deal(customers[latest], labels[latest] > 0)
    # Customers of earlier cutoffs are all still known at the latest one; whoever is not belongs to no group.
    place = pd.Index(customers[latest]).get_indexer(pd.Index(customers))
    group = np.where(place >= 0, dealt[place], -1)
    folds: list[Fold] = []
    predicted = 0
    for number in np.unique(dealt):
        others = group != number
        parts = tuple((rows[others[rows]], rows[~others[rows]]) for rows in windows if not others[rows].all())
        folds.append(Fold(OTHER_CUSTOMERS, np.flatnonzero(others), parts))
        predicted += sum(len(rows) for _, rows in parts)
        if predicted >= ENOUGH:
            break
    return folds


def out_of_fold(
    models: Sequence[ValueModel],
    X: pd.DataFrame,
    y: pd.Series,
    horizon: int,
    cutoffs: Sequence[pd.Timestamp] | None = None,
) -> OutOfFold:
    """Return expected values by model for the rows of the windows at `cutoffs`, or of the latest cutoff.

    Models with labels are fitted once per fold, others once per window; rows keep the order of `X`. A model that
    cannot be fitted has no values there, and `failures` holds the reason.
    """
    folds = split(X, y, horizon, cutoffs)
    rows = np.sort(np.concatenate([predicted_rows for fold in folds for _, predicted_rows in fold.windows]))
    values = pd.DataFrame(np.nan, index=rows, columns=[model.name for model in models])
    failures: dict[tuple[str, pd.Timestamp], str] = {}
    free = _label_free(X, rows)
    tasks = [(model, fold) for model in models for fold in (folds if model.needs_labels else free)]
    outcomes = for_each([model for model, _ in tasks], lambda place: _try_fold(*tasks[place], X, y))
    for (model, fold), (answers, error) in zip(tasks, outcomes, strict=True):
        for predicted, answer in answers:
            values.loc[predicted, model.name] = answer
        if error is not None:
            failures |= {
                (model.name, _cutoff(X, predicted_rows)): str(error) for _, predicted_rows in fold.windows
            }
    protocol = folds[0].protocol if any(model.needs_labels for model in models) else OUT_OF_TIME
    return OutOfFold(values.set_axis(X.index[rows], axis=0), protocol, failures)


def for_each(models: Sequence[ValueModel], work: Callable[[int], Result]) -> list[Result]:
    """Return `work` of each model's position, in parallel; for the user's own models one after another.

    Code that is not ours may write to one file or share state, so it never runs twice at a time. Rows that several
    models learn from are binned once.
    """
    ours = [place for place, model in enumerate(models) if is_ours(model)]
    with shared_bins(MOST_CELLS):
        results = dict(zip(ours, side_by_side([partial(work, place) for place in ours]), strict=True))
        return [results[place] if place in results else work(place) for place in range(len(models))]


def is_ours(model: ValueModel) -> bool:
    """Return whether a model and all its components are this package's."""
    components = [
        model,
        *(component for component in model.get_params().values() if hasattr(component, "fit")),
        *model.components(),
    ]
    return all(type(component).__module__.startswith("cltv_ml.") for component in components)


def _try_fold(
    model: ValueModel, fold: Fold, X: pd.DataFrame, y: pd.Series
) -> tuple[list[tuple[np.ndarray, np.ndarray]], InputError | None]:
    """Return a model's predictions for a fold, and why some are missing."""
    answers = []
    try:
        for one in predict_fold(model, X, y, fold):
            answers.append(one)
    except InputError as error:
        return answers, error
    return answers, None


def predict_fold(
    model: ValueModel, X: pd.DataFrame, y: pd.Series, fold: Fold
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield row numbers and expected values of each window of a fold, by a copy fitted on its rows to train on."""
    fitted: ValueModel = clone(model)
    if model.needs_labels:
        fitted.fit_before_adapting(X.iloc[fold.train], y.iloc[fold.train])
    for present, rows in fold.windows:
        learned_from = X.iloc[present]
        if not model.needs_labels:
            fitted = clone(model).fit(_at_prediction_time(learned_from))
        else:
            # The cutoff identifies a window whose labels the model has learned from other customers.
            fitted.adapt(
                learned_from if fold.protocol == OTHER_CUSTOMERS else _at_prediction_time(learned_from)
            )
        yield rows, fitted.predict(_at_prediction_time(X.iloc[rows]))


def _label_free(X: pd.DataFrame, rows: np.ndarray) -> list[Fold]:
    """Return a fold per window for models without labels: fitted on all its customers, predicting the `rows` in it."""
    at, _ = _keys(X)
    none = np.empty(0, dtype=np.int64)
    windows = [(np.flatnonzero(at == cutoff), rows[at[rows] == cutoff]) for cutoff in np.unique(at[rows])]
    return [Fold(OUT_OF_TIME, none, (window,)) for window in windows]


def fit_at(model: ValueModel, X: pd.DataFrame, y: pd.Series, X_now: pd.DataFrame) -> ValueModel:
    """Return a fitted copy: on labelled rows `X, y` where it needs labels, else on the customers `X_now`."""
    fresh: ValueModel = clone(model)
    if model.needs_labels:
        return fresh.fit_before_adapting(X, y).adapt(X_now)
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
    return _at_prediction_time(X[cutoffs == cutoffs.max()])


def _cutoff(X: pd.DataFrame, rows: np.ndarray) -> pd.Timestamp:
    """Return the cutoff that some rows share."""
    return pd.Timestamp(_keys(X.iloc[rows[:1]])[0][0])


def _keys(X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the cutoff and the customer of each row as arrays."""
    if "cutoff" not in X.index.names:
        return np.zeros(len(X), dtype="datetime64[us]"), X.index.to_numpy()
    cutoffs = X.index.get_level_values("cutoff").to_numpy()
    return cutoffs, X.index.get_level_values("customer_id").to_numpy()


def _at_prediction_time(X: pd.DataFrame) -> pd.DataFrame:
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
