"""Hurdle model of zero-inflated spend: the probability of buying, and a buyer's expected spend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import log_expit

from cltv_ml.models import boosting
from cltv_ml.models.attribution import in_currency, through, tree_parts
from cltv_ml.models.bins import Matrix
from cltv_ml.models.trees import TrainingRows, TreeModel


class Hurdle(TreeModel):
    """P(buy) x E[spend | buy], each by XGBoost: logistic for the hurdle, gamma for the amount.

    The probability multiplies the conditional amount unrounded; rounding it to yes or no would discard most of its
    information. The arguments are those of `TreeArguments`.
    """

    name = "hurdle"

    def _fit(self, rows: TrainingRows) -> None:
        bought = rows.labels > 0
        buyers, share = rows.where(bought), rows.mean(bought)
        self.scale_ = buyers.mean(buyers.labels)
        spends = self._train(
            buyers, buyers.labels / self.scale_, {"objective": "reg:gamma", "base_score": 1.0}
        )
        buys = self._train(  # by now nobody else may be using the bins of all rows
            rows,
            bought.astype(np.float64),
            {"objective": "binary:logistic", "base_score": _inside_bounds(share)},
        )
        self.buy_booster_, self.spend_booster_ = buys.booster, spends.booster
        p_buy, spend = buys.own_scores(rows.matrix), np.empty(len(bought))
        spend[bought] = spends.own_scores(buyers.matrix)
        if not bought.all():
            spend[~bought] = boosting.booster_scores(spends.booster, rows.where(~bought).matrix)
        self.scale_ *= rows.balance(p_buy * spend * self.scale_)

    def p_buy(self, X: Any) -> np.ndarray:
        """Return the probability of spending anything within the horizon, shape (n,)."""
        return boosting.booster_scores(self.buy_booster_, self._matrix(self._frame(X)))

    def expected_spend(self, X: Any) -> np.ndarray:
        """Return the expected spend of those who buy, shape (n,), in currency units."""
        return boosting.booster_scores(self.spend_booster_, self._matrix(self._frame(X))) * self.scale_

    def _values(self, matrix: Matrix) -> np.ndarray:
        spend = boosting.booster_scores(self.spend_booster_, matrix) * self.scale_
        return boosting.booster_scores(self.buy_booster_, matrix) * spend

    def _explain(self, matrix: np.ndarray) -> pd.DataFrame:
        names = list(self.feature_names_in_)
        buys, log_probability = through(log_expit, *tree_parts(self.buy_booster_, matrix, names))
        spends, log_amount = tree_parts(self.spend_booster_, matrix, names)
        before = log_probability + log_amount + np.log(self.scale_)
        return in_currency(buys + spends, before, self._values(matrix))


def _inside_bounds(share: float) -> float:
    """Keep a base probability away from 0 and 1, where the log-odds are infinite."""
    return float(np.clip(share, 1e-6, 1 - 1e-6))
