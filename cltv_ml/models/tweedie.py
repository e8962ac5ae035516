"""Zero-inflated spend in one model: gradient-boosted trees under the Tweedie likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from cltv_ml.models import boosting
from cltv_ml.models.attribution import in_currency, tree_parts
from cltv_ml.models.base import ValueModel, check_fitted
from cltv_ml.models.feature_files import FeatureFiles
from cltv_ml.models.search import TWEEDIE_TREES


class Tweedie(ValueModel):
    """XGBoost with `reg:tweedie`: many zeros and a skewed positive part in one mean on the log scale.

    The Tweedie mean keeps the total honest where a squared error follows the few largest customers and a
    log-transformed target loses most of the money. Labels are divided by their mean before training, so
    the settings mean the same in every currency.

    Parameters
    ----------
    horizon
        Days over which `y` was summed; `predict` answers for the same length.
    features
        Columns of `X` to learn from; all if None, text is refused. Prefer features that do not grow with age.
    variance_power
        Between 1 (Poisson) and 2 (gamma).
    half_life
        A row counts half for every so many days that its cutoff lies before the latest (`origin_weights`).
    """

    name = "tweedie"
    needs_labels = True
    search_space = TWEEDIE_TREES

    def __init__(
        self,
        horizon: int = 91,
        *,
        features: Sequence[str] | None = None,
        rounds: int = 150,
        learning_rate: float = 0.05,
        max_depth: int = 4,
        min_child_weight: float = 20.0,
        subsample: float = 0.8,
        colsample: float = 0.7,
        variance_power: float = 1.5,
        half_life: float | None = 180.0,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.horizon = horizon
        self.features = features
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample = colsample
        self.variance_power = variance_power
        self.half_life = half_life
        self.seed = seed
        self.device = device

    def fit(self, X: pd.DataFrame | FeatureFiles, y: pd.Series | None = None) -> Self:
        """Learn from customers at one or several cutoffs and what each then spent."""
        names, matrix, labels = boosting.check_training(self, X, y)
        self.feature_names_in_ = np.array(names, dtype=object)
        self.scale_ = float(labels.mean())
        self.booster_ = boosting.train(
            matrix,
            labels / self.scale_,
            names,
            self._params(),
            rounds=self.rounds,
            weight=boosting.origin_weights(self, X),
        )
        # Few steps towards the largest spenders leave the total short by up to a tenth; it is met here.
        self.scale_ *= boosting.balance(labels, boosting.score(self.booster_, matrix) * self.scale_)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend over the horizon, shape (n,), in currency units."""
        check_fitted(self)
        matrix = boosting.read(self, X, list(self.feature_names_in_))
        return boosting.score(self.booster_, matrix) * self.scale_

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature adds to the expected value, in currency: exact TreeSHAP."""
        check_fitted(self)
        names = list(self.feature_names_in_)
        parts, before = tree_parts(self.booster_, boosting.read(self, X, names), names)
        return in_currency(parts, before + np.log(self.scale_), self.predict(X)).set_axis(X.index)

    def _params(self) -> dict[str, Any]:
        return {
            "objective": "reg:tweedie",
            "tweedie_variance_power": self.variance_power,
            "base_score": 1.0,
            **boosting.tree_params(self),
        }
