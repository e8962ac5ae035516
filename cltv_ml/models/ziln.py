"""Zero-inflated lognormal spend: the probability of buying, and the distribution of a buyer's spend."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from scipy.special import expit, log_expit, logit

from cltv_ml.models import boosting
from cltv_ml.models.attribution import in_currency, output_parts, through
from cltv_ml.models.bins import Matrix
from cltv_ml.models.trees import TrainingRows, TreeModel

#: Bounds of log sigma: beyond them exp(mu + sigma²/2) diverges for a leaf with a few unusual customers.
LOG_SIGMA = (-2.0, 0.7)

#: Hessian of a row for an output without information in the row; with zero, leaves would have no value.
_FLAT_HESSIAN = 1e-6


@dataclass(eq=False, repr=False)
class ZILN(TreeModel):
    """Trees with three outputs: P(buy), mean and spread of the log of what a buyer spends.

    One objective, the likelihood of the zero-inflated lognormal, with Fisher's information as second derivative, which
    is always positive, so no leaf diverges. The model predicts the log of spend, so its level is set on the training
    rows, and no value exceeds the largest label. Source: X. Wang, T. Liu and J. Miao, A deep probabilistic model for
    customer lifetime value prediction, 2019.

    Parameters
    ----------
    learning_rate, min_child_weight
        Smaller leaves or larger steps let totals diverge.
    horizon, features, n_estimators, ...
        As in `TreeArguments`.
    """

    name = "ziln"

    _: KW_ONLY
    n_estimators: int = 100
    learning_rate: float = 0.1
    min_child_weight: float = 100.0

    def _fit(self, rows: TrainingRows) -> None:
        bought = rows.labels > 0
        buyers = rows.where(bought)
        self.scale_ = buyers.mean(buyers.labels)
        logs = np.log(buyers.labels / self.scale_)
        middle, share = buyers.mean(logs), float(np.clip(rows.mean(bought), 1e-6, 1 - 1e-6))
        deviation = np.sqrt(buyers.mean((logs - middle) ** 2))
        spread = float(np.clip(np.log(max(deviation, 1e-12)), *LOG_SIGMA))
        params = {
            "num_target": 3,
            "base_score": [float(logit(share)), middle, spread],
            "disable_default_eval_metric": True,
        }
        self.booster_ = self._train(rows, rows.labels / self.scale_, params, objective=_derivatives).booster
        self.most_ = float(rows.labels.max())
        self.level_ = 1.0
        self.level_ = rows.balance(self._values(rows.matrix))

    def p_buy(self, X: Any) -> np.ndarray:
        """Return the probability of spending anything within the horizon, shape (n,)."""
        return expit(self._parts(self._matrix(self._frame(X)))[:, 0])

    def _values(self, matrix: Matrix) -> np.ndarray:
        """Return P(buy) x exp(mu + sigma²/2) at the level of the training rows."""
        return self._money(self._parts(matrix))

    def _explain(self, matrix: np.ndarray) -> pd.DataFrame:
        """Return the TreeSHAP values of all three outputs."""
        outputs = output_parts(self.booster_, matrix, list(self.feature_names_in_))
        buys, log_probability = through(log_expit, *outputs[0])
        middle, mu = outputs[1]
        spread, half = through(lambda logs: np.exp(2 * np.clip(logs, *LOG_SIGMA)) / 2, *outputs[2])
        before = log_probability + mu + half + np.log(self.scale_ * self.level_)
        return in_currency(buys + middle + spread, before, self._values(matrix))

    def _parts(self, matrix: Matrix) -> np.ndarray:
        """Return log-odds of buying, mu and log sigma, shape (n, 3)."""
        return boosting.booster_scores(self.booster_, matrix).reshape(-1, 3)

    def _money(self, parts: np.ndarray) -> np.ndarray:
        sigma = np.exp(np.clip(parts[:, 2], *LOG_SIGMA))
        spend = np.exp(np.minimum(parts[:, 1] + sigma**2 / 2, np.log(self.most_ / self.scale_)))
        return np.minimum(expit(parts[:, 0]) * spend * self.scale_ * self.level_, self.most_)


def _derivatives(outputs: np.ndarray, data: xgb.QuantileDMatrix) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and Fisher information of the negative log-likelihood, each of shape (n, 3).

    XGBoost leaves the weights of rows to the objective.
    """
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
            np.maximum(p * (1 - p), _FLAT_HESSIAN),
            np.where(bought, precision, _FLAT_HESSIAN),
            np.where(bought, 2.0, _FLAT_HESSIAN),
        ]
    )
    weight = data.get_weight()[:, None] if len(data.get_weight()) else np.float64(1.0)
    return (gradient * weight).astype(np.float32), (information * weight).astype(np.float32)
