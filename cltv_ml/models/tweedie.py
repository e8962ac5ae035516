"""Tweedie model of zero-inflated spend: gradient-boosted trees under the Tweedie likelihood."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np
import pandas as pd

from cltv_ml.models import boosting
from cltv_ml.models.attribution import in_currency, tree_parts
from cltv_ml.models.bins import Matrix
from cltv_ml.models.search import TWEEDIE_TREES
from cltv_ml.models.trees import TrainingRows, TreeModel


@dataclass(eq=False, repr=False)
class Tweedie(TreeModel):
    """XGBoost with `reg:tweedie`: many zeros and a skewed positive part in one mean on the log scale.

    The Tweedie mean keeps the total unbiased, where a squared error follows the few largest customers and a
    log-transformed target loses most of the money. Labels are divided by their mean before training, so the settings
    mean the same in every currency.

    Parameters
    ----------
    tweedie_variance_power
        Between 1 (Poisson) and 2 (gamma).
    horizon, features, n_estimators, ...
        As in `TreeArguments`.
    """

    name = "tweedie"
    search_space = TWEEDIE_TREES

    _: KW_ONLY
    tweedie_variance_power: float = 1.5

    def _fit(self, rows: TrainingRows) -> None:
        self.scale_ = rows.mean(rows.labels)
        params = {
            "objective": "reg:tweedie",
            "tweedie_variance_power": self.tweedie_variance_power,
            "base_score": 1.0,
        }
        trained = self._train(rows, rows.labels / self.scale_, params)
        self.booster_ = trained.booster
        # Few boosting rounds leave the total up to a tenth too low; this corrects it.
        self.scale_ *= rows.balance(trained.own_scores(rows.matrix) * self.scale_)

    def _values(self, matrix: Matrix) -> np.ndarray:
        return boosting.booster_scores(self.booster_, matrix) * self.scale_

    def _explain(self, matrix: np.ndarray) -> pd.DataFrame:
        parts, before = tree_parts(self.booster_, matrix, list(self.feature_names_in_))
        return in_currency(parts, before + np.log(self.scale_), self._values(matrix))
