"""Zero-inflated spend as a whole distribution: who buys, and the lognormal of what buyers spend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
import xgboost as xgb
from scipy.special import expit, log_expit, logit

from cltv_ml.models import boosting
from cltv_ml.models.attribution import in_currency, output_parts, through
from cltv_ml.models.base import ValueModel, check_fitted
from cltv_ml.models.feature_files import FeatureFiles
from cltv_ml.models.search import TREES

#: Bounds of log sigma: beyond them exp(mu + sigma²/2) explodes for a leaf with a few odd customers.
LOG_SIGMA = (-2.0, 0.7)

#: What rows say about an output they know nothing of; zero would make leaves without a value.
_NOTHING = 1e-6


class ZILN(ValueModel):
    """Trees with three outputs: P(buy), mean and spread of the log of what a buyer spends.

    One objective, the likelihood of the zero-inflated lognormal, with Fisher's information as second
    derivative: always positive, so no leaf runs away. The log of spend is modelled, hence the level is not:
    it is set on the training rows, and no value exceeds the largest label. Source: X. Wang, T. Liu and
    J. Miao, A deep probabilistic model for customer lifetime value prediction, 2019.

    Parameters
    ----------
    horizon
        Days over which `y` was summed; `predict` answers for the same length.
    features
        Columns of `X` to learn from; all if None, text is refused. Prefer features that do not grow with age.
    learning_rate, min_child_weight
        Smaller leaves or larger steps make totals explode.
    half_life
        A row counts half for every so many days that its cutoff lies before the latest (`origin_weights`).
    """

    name = "ziln"
    needs_labels = True
    search_space = TREES

    def __init__(
        self,
        horizon: int = 91,
        *,
        features: Sequence[str] | None = None,
        rounds: int = 100,
        learning_rate: float = 0.1,
        max_depth: int = 4,
        min_child_weight: float = 100.0,
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
        """Learn from customers at one or several cutoffs and what each then spent."""
        names, matrix, labels = boosting.check_training(self, X, y)
        self.feature_names_in_ = np.array(names, dtype=object)
        bought = labels > 0
        self.scale_ = float(labels[bought].mean())
        logs = np.log(labels[bought] / self.scale_)
        share = float(np.clip(bought.mean(), 1e-6, 1 - 1e-6))
        spread = float(np.clip(np.log(max(logs.std(), 1e-12)), *LOG_SIGMA))
        params = {
            **boosting.tree_params(self),
            "num_target": 3,
            "base_score": [float(logit(share)), float(logs.mean()), spread],
            "disable_default_eval_metric": True,
        }
        self.booster_ = boosting.train(
            matrix,
            labels / self.scale_,
            names,
            params,
            rounds=self.rounds,
            weight=boosting.origin_weights(self, X),
            objective=_derivatives,
        )
        self.most_ = float(labels.max())
        self.level_ = 1.0
        self.level_ = boosting.balance(labels, self._values(self._parts(matrix)))
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return P(buy) x exp(mu + sigma²/2) at the level of the training rows, shape (n,), in currency units."""
        return self._values(self._parts(self._matrix(X)))

    def p_buy(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probability of spending anything within the horizon, shape (n,)."""
        return expit(self._parts(self._matrix(X))[:, 0])

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature adds to the expected value, in currency: exact TreeSHAP of all outputs."""
        outputs = output_parts(self.booster_, self._matrix(X), list(self.feature_names_in_))
        buys, log_probability = through(log_expit, *outputs[0])
        middle, mu = outputs[1]
        spread, half = through(lambda logs: np.exp(2 * np.clip(logs, *LOG_SIGMA)) / 2, *outputs[2])
        before = log_probability + mu + half + np.log(self.scale_ * self.level_)
        return in_currency(buys + middle + spread, before, self.predict(X)).set_axis(X.index)

    def _matrix(self, X: pd.DataFrame) -> np.ndarray:
        check_fitted(self)
        return boosting.read(self, X, list(self.feature_names_in_))

    def _parts(self, matrix: boosting.Matrix) -> np.ndarray:
        """Return log-odds of buying, mu and log sigma, shape (n, 3)."""
        return boosting.score(self.booster_, matrix)

    def _values(self, parts: np.ndarray) -> np.ndarray:
        sigma = np.exp(np.clip(parts[:, 2], *LOG_SIGMA))
        spend = np.exp(np.minimum(parts[:, 1] + sigma**2 / 2, np.log(self.most_ / self.scale_)))
        return np.minimum(expit(parts[:, 0]) * spend * self.scale_ * self.level_, self.most_)


def _derivatives(outputs: np.ndarray, data: xgb.QuantileDMatrix) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and Fisher information of the negative log-likelihood, each of shape (n, 3)."""
    y = data.get_label()
    bought = y > 0
    log_y = np.log(np.where(bought, y, 1.0))
    p = expit(outputs[:, 0])
    log_sigma = np.clip(outputs[:, 2], *LOG_SIGMA)
    precision = np.exp(-2 * log_sigma)
    miss = outputs[:, 1] - log_y
    gradient = np.column_stack(
        [p - bought, np.where(bought, miss * precision, 0.0), np.where(bought, 1 - miss**2 * precision, 0.0)]
    )
    information = np.column_stack(
        [
            np.maximum(p * (1 - p), _NOTHING),
            np.where(bought, precision, _NOTHING),
            np.where(bought, 2.0, _NOTHING),
        ]
    )
    return gradient.astype(np.float32), information.astype(np.float32)
