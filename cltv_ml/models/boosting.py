"""Training and prediction with XGBoost boosters, on rows that are binned once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import xgboost as xgb

from cltv_ml.models.bins import Examples, Matrix, binned
from cltv_ml.models.feature_files import FeatureFiles, StoredRows
from cltv_ml.models.fit_cache import once
from cltv_ml.side_by_side import is_inside

#: Most levels of a category that a split separates from the others. XGBoost's default of 64 fits noise: with 8,
#: simulated customers were ranked better on average in each scenario tried, and training took a third less time.
MOST_LEVELS_APART = 8

#: Predictions and data in, gradient and second derivative out.
Gradient: TypeAlias = Callable[[np.ndarray, xgb.QuantileDMatrix], tuple[np.ndarray, np.ndarray]]


#: Predictions of at least this many rows, more than explanations need, are cached during a training: a model's level,
#: table, probabilities and each mean of models need the same ones, and comparing rows is faster than predicting.
_MANY_ROWS = 6_000

#: Number of cached predictions: those of every booster for today's customers.
_MOST_SCORES = 8

#: Approximate number of rows that the booster of `expected_by_history` is fitted on.
_EXPECT_ROWS = 20_000


@dataclass(frozen=True)
class Trained:
    """A booster, and its predictions of its training rows, None if they must be predicted again."""

    booster: xgb.Booster
    scores: np.ndarray | None

    def own_scores(self, matrix: Matrix) -> np.ndarray:
        """Return the scores of `booster_scores` for the `matrix` that the booster learned from."""
        return booster_scores(self.booster, matrix) if self.scores is None else self.scores


class _OwnScores(xgb.callback.TrainingCallback):
    """Keeps a booster's predictions of its own rows, which XGBoost has summed up until the training ends."""

    bins: xgb.QuantileDMatrix
    scores: np.ndarray | None = None

    def after_training(self, model: xgb.Booster) -> xgb.Booster:
        """Read the sums before they are forgotten."""
        self.scores = _frozen(model.predict(self.bins))
        return model


def train_booster(
    rows: Examples, params: Mapping[str, Any], *, rounds: int, objective: Gradient | None = None
) -> Trained:
    """Return a booster trained for `rounds` on quantile-binned rows.

    `objective` computes the derivatives of a loss that XGBoost lacks. Whatever `device` it was trained on, the booster
    predicts on the CPU, where it is served and where its rows are. It identifies columns by position: XGBoost refuses
    names with "<", "[" or "]", which features may have.
    """
    settings = {"tree_method": "hist", "verbosity": 0, **params}
    if rows.types is not None:
        settings.setdefault("max_cat_threshold", MOST_LEVELS_APART)
    # Neither a function nor a file shows its content.
    hidden = objective is not None or isinstance(rows.matrix, StoredRows)

    def grow() -> Trained:
        """Train the booster, and leave it on the processor; the number of threads changes nothing in it."""
        threads = {"nthread": 1} if is_inside() else {}
        own = _OwnScores()
        # What another device sums may differ in the last digit.
        known = not hidden and settings.get("device", "cpu") == "cpu"
        with binned(rows) as own.bins:
            booster = xgb.train(
                {**settings, **threads},
                own.bins,
                num_boost_round=rounds,
                obj=objective,
                callbacks=[own] if known else None,
            )
        booster.set_param({"device": "cpu", "nthread": 0})
        return Trained(booster, own.scores)

    return grow() if hidden else once(grow, repr((settings, rounds, rows.digest)), rows.labels)


def booster_scores(booster: xgb.Booster, matrix: Matrix, margin: np.ndarray | None = None) -> np.ndarray:
    """Return the booster's prediction per row as float64, shape (n,), each row starting at its `margin`."""
    if isinstance(matrix, StoredRows):
        return np.concatenate([booster_scores(booster, batch) for batch in matrix])

    def predict() -> np.ndarray:
        """Return the predictions; callers must not change them."""
        return _frozen(booster.inplace_predict(matrix, validate_features=False, base_margin=margin))

    if len(matrix) < _MANY_ROWS:
        return predict()
    trees = np.frombuffer(booster.save_raw("ubj"), dtype=np.uint8)
    return once(predict, "scores", trees, matrix, margin, most=_MOST_SCORES)


def _frozen(answer: np.ndarray) -> np.ndarray:
    scores = np.asarray(answer, dtype=np.float64)
    scores.setflags(write=False)
    return scores


def expected_by_history(history: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return a rough forecast of each row's label relative to the mean, by a small booster fitted on a sample.

    >>> history, labels = np.repeat([[0.0], [9.0]], 500, axis=0), np.repeat([1.0, 3.0], 500)
    >>> expected_by_history(history, labels)[[0, -1]].round(1).tolist()
    [0.5, 1.5]
    """
    mean = float(labels.mean())
    if not mean > 0:
        return np.ones(len(labels))
    some = slice(None, None, max(1, len(labels) // _EXPECT_ROWS))
    settings = {"objective": "reg:tweedie", "tweedie_variance_power": 1.5, "base_score": 1.0, "max_depth": 3}
    trained = train_booster(Examples(history[some], labels[some] / mean), {**settings, "eta": 0.3}, rounds=15)
    return booster_scores(trained.booster, history)


def origin_weights(model: Any, X: pd.DataFrame | FeatureFiles) -> np.ndarray | None:
    """Return each row's weight by its cutoff, mean 1; None if all are equal.

    A weight halves with every `half_life` days between the cutoff and the latest cutoff, or its anniversary in an
    earlier year, whichever is nearer: last year's season counts as much as last month.

    >>> X = pd.DataFrame(index=pd.MultiIndex.from_product(
    ...     [pd.to_datetime(["2023-10-01", "2024-04-03", "2024-07-02"]), ["a"]], names=["cutoff", "customer_id"]))
    >>> class Model:
    ...     horizon, half_life = 91, 90
    >>> (origin_weights(Model, X) / origin_weights(Model, X).max()).round(1).tolist()
    [1.0, 0.5, 1.0]
    """
    cutoffs = _cutoffs(X)
    if model.half_life is None or cutoffs is None:
        return None
    age = (cutoffs.max() - cutoffs).days.to_numpy(dtype=np.float64)
    season = np.abs((age + model.horizon + 182.6) % 365.25 - 182.6)
    distance = np.where(age + model.horizon > 182.6, np.minimum(age, season), age)
    if not distance.any():
        return None
    weight = 0.5 ** (distance / model.half_life)
    return weight / weight.mean()


def _cutoffs(X: pd.DataFrame | FeatureFiles) -> pd.DatetimeIndex | None:
    if isinstance(X, FeatureFiles):
        return X.cutoffs()
    return X.index.get_level_values("cutoff") if "cutoff" in X.index.names else None
