"""Zero-inflated spend in one model: gradient-boosted trees under the Tweedie likelihood."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cltv_ml.models import boosting
from cltv_ml.models.attribution import in_currency, tree_parts
from cltv_ml.models.search import TWEEDIE_TREES
from cltv_ml.models.trees import TrainingRows, TreeModel


class Tweedie(TreeModel):
    """XGBoost with `reg:tweedie`: many zeros and a skewed positive part in one mean on the log scale.

    The Tweedie mean keeps the total honest where a squared error follows the few largest customers and a
    log-transformed target loses most of the money. Labels are divided by their mean before training, so
    the settings mean the same in every currency.

    Parameters
    ----------
    tweedie_variance_power
        Between 1 (Poisson) and 2 (gamma).
    horizon, features, n_estimators, ...
        As in `TreeModel`.
    """

    name = "tweedie"
    search_space = TWEEDIE_TREES

    def __init__(
        self,
        horizon: int = 91,
        *,
        features: Sequence[str] | None = None,
        n_estimators: int = 150,
        learning_rate: float = 0.05,
        max_depth: int = 4,
        min_child_weight: float = 20.0,
        subsample: float = 0.8,
        colsample_bytree: float = 0.7,
        tweedie_variance_power: float = 1.5,
        half_life: float | None = 180.0,
        random_state: int | None = 0,
        device: str = "cpu",
    ) -> None:
        super().__init__(
            horizon,
            features=features,
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            max_depth=max_depth,
            min_child_weight=min_child_weight,
            subsample=subsample,
            colsample_bytree=colsample_bytree,
            half_life=half_life,
            random_state=random_state,
            device=device,
        )
        self.tweedie_variance_power = tweedie_variance_power

    def _fit(self, rows: TrainingRows) -> None:
        self.scale_ = rows.mean(rows.labels)
        params = {
            "objective": "reg:tweedie",
            "tweedie_variance_power": self.tweedie_variance_power,
            "base_score": 1.0,
        }
        self.booster_ = self._train(rows, rows.labels / self.scale_, params)
        # Few steps towards the largest spenders leave the total short by up to a tenth; it is met here.
        self.scale_ *= rows.balance(self._values(rows.matrix))

    def _values(self, matrix: boosting.Matrix) -> np.ndarray:
        return boosting.score(self.booster_, matrix) * self.scale_

    def _explain(self, matrix: np.ndarray) -> pd.DataFrame:
        parts, before = tree_parts(self.booster_, matrix, list(self.feature_names_in_))
        return in_currency(parts, before + np.log(self.scale_), self._values(matrix))
