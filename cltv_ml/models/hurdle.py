"""Zero-inflated spend in two models: who buys, and what a buyer spends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import log_expit

from cltv_ml.models import boosting
from cltv_ml.models.attribution import in_currency, through, tree_parts
from cltv_ml.models.base import ValueModel, check_fitted
from cltv_ml.models.feature_files import FeatureFiles
from cltv_ml.models.search import TREES


class Hurdle(ValueModel):
    """P(buy) x E[spend | buy], each by XGBoost: logistic for the hurdle, gamma for the amount.

    The probability multiplies the conditional amount as it is; rounding it to a yes or no first would
    throw away most of what it knows.

    Parameters
    ----------
    horizon
        Days over which `y` was summed; `predict` answers for the same length.
    features
        Columns of `X` to learn from; all if None, text is refused. Prefer features that do not grow with age.
    half_life
        A row counts half for every so many days that its cutoff lies before the latest (`origin_weights`).
    """

    name = "hurdle"
    needs_labels = True
    search_space = TREES

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
        self.half_life = half_life
        self.seed = seed
        self.device = device

    def fit(self, X: pd.DataFrame | FeatureFiles, y: pd.Series | None = None) -> Self:
        """Learn both parts from customers at one or several cutoffs and what each then spent."""
        names, matrix, labels = boosting.check_training(self, X, y)
        bought, weight = labels > 0, boosting.origin_weights(self, X)
        self.feature_names_in_ = np.array(names, dtype=object)
        self.scale_ = float(labels[bought].mean())
        self.buy_booster_ = boosting.train(
            matrix,
            bought.astype(np.float64),
            names,
            self._params("binary:logistic", _inside(bought.mean())),
            rounds=self.rounds,
            weight=weight,
        )
        self.spend_booster_ = boosting.train(
            matrix[bought],
            labels[bought] / self.scale_,
            names,
            self._params("reg:gamma", 1.0),
            rounds=self.rounds,
            weight=None if weight is None else weight[bought],
        )
        p_buy, spend = (boosting.score(part, matrix) for part in (self.buy_booster_, self.spend_booster_))
        self.scale_ *= boosting.balance(labels, p_buy * spend * self.scale_)
        return self

    def p_buy(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probability of spending anything within the horizon, shape (n,)."""
        return boosting.score(self.buy_booster_, self._matrix(X))

    def expected_spend(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend of those who buy, shape (n,), in currency units."""
        return boosting.score(self.spend_booster_, self._matrix(X)) * self.scale_

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return P(buy) x E[spend | buy] over the horizon, shape (n,), in currency units."""
        return self.p_buy(X) * self.expected_spend(X)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature adds to the expected value, in currency: exact TreeSHAP of both parts."""
        matrix, names = self._matrix(X), list(self.feature_names_in_)
        buys, log_probability = through(log_expit, *tree_parts(self.buy_booster_, matrix, names))
        spends, log_amount = tree_parts(self.spend_booster_, matrix, names)
        before = log_probability + log_amount + np.log(self.scale_)
        return in_currency(buys + spends, before, self.predict(X)).set_axis(X.index)

    def _matrix(self, X: pd.DataFrame) -> np.ndarray:
        check_fitted(self)
        return boosting.read(self, X, list(self.feature_names_in_))

    def _params(self, objective: str, base_score: float) -> dict[str, Any]:
        return {"objective": objective, "base_score": base_score, **boosting.tree_params(self)}


def _inside(share: float) -> float:
    """Keep a base probability away from 0 and 1, where the log-odds are infinite."""
    return float(np.clip(share, 1e-6, 1 - 1e-6))
