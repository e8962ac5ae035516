"""Hybrid of a probabilistic model and trees: the model gives the level, the trees correct it customer by customer."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.models import boosting
from cltv_ml.models.attribution import in_currency, tree_parts
from cltv_ml.models.feature_files import FeatureFiles
from cltv_ml.models.inputs import as_frame
from cltv_ml.models.out_of_fold import by_cutoff
from cltv_ml.models.pareto_nbd import ParetoNBD
from cltv_ml.models.probabilistic import ProbabilisticValue
from cltv_ml.models.search import TWEEDIE_TREES
from cltv_ml.models.trees import TrainingRows, TreeModel
from cltv_ml.side_by_side import side_by_side

#: Outputs of the probabilistic model that the trees read as features, besides the offset.
MODEL_OUTPUTS = ("model_value", "model_purchases", "model_p_alive")


@dataclass(eq=False, repr=False)
class Hybrid(TreeModel):
    """Tweedie trees whose starting point is the log of a probabilistic model's expected value.

    At each training cutoff the probabilistic model is fitted on that cutoff's customers alone, so it sees nothing
    later. Its log value, shifted so that it meets the total of that cutoff's own holdout, is the offset
    (`base_margin`); the trees learn only how the money is distributed around it. They cannot learn a level that
    belonged to another age of the cohort or another season. The level of a prediction is the probabilistic model's,
    corrected by what the trees learned about customers who buy more or less often than it expects; `models.level`
    decides the weight of that total.

    Parameters
    ----------
    probabilistic
        The probabilistic model, `ProbabilisticValue(ParetoNBD())` if None; its horizon is set to this one.
    n_estimators, min_child_weight
        Fewer and larger leaves than the plain trees have: the starting point is good already. Chosen on
        windows before the ones that results are reported for (`experiments/LOG.md`).
    horizon, features, learning_rate, ...
        As in `TreeArguments`.
    """

    name = "hybrid"
    level_from_history = True
    search_space = TWEEDIE_TREES

    _: KW_ONLY
    probabilistic: ProbabilisticValue | None = None
    n_estimators: int = 60
    min_child_weight: float = 100.0
    tweedie_variance_power: float = 1.5

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from customers at one or several cutoffs (index level `cutoff`) and what each then spent.

        The probabilistic model of the latest cutoff is kept; `adapt` replaces it by today's. It ignores weights:
        `sample_weight` affects the trees and the level.
        """
        if isinstance(X, FeatureFiles):
            raise InputError(
                "Hybrid: its probabilistic model learns from a DataFrame in memory, got files; read them "
                "with read_features, or fit Tweedie, Hurdle, Quantile or ZILN on them."
            )
        frame = as_frame(self, X)
        rows = self._rows(frame, y, sample_weight)
        if len(rows.labels) < len(frame):
            frame = frame[np.asarray(sample_weight) > 0]
        self._learn(frame, rows)
        return self

    def _learn(self, X: pd.DataFrame, rows: TrainingRows) -> None:
        outputs, offset, levels = self._offsets(X, rows)
        self.tree_features_ = rows.names
        self.scale_ = rows.mean(rows.labels)
        self.levels_ = {f"{cutoff:%Y-%m-%d}": level for cutoff, level in levels.items()}
        self.level_ = 1.0
        params = {
            "objective": "reg:tweedie",
            "tweedie_variance_power": self.tweedie_variance_power,
        }
        self.booster_ = self._train(
            replace(rows, matrix=np.hstack([np.asarray(rows.matrix), outputs])),
            rows.labels / self.scale_,
            params,
            margin=offset - np.log(self.scale_),
        ).booster
        self._keep_names()

    def adapt(self, X: Any) -> Self:
        """Refit the probabilistic model, which needs no labels, on today's customers; return the model.

        Where `X` has an index level `cutoff`, and other customers' spend after that cutoff was in the training data,
        that window's own level is used.
        """
        X = self._frame(X)
        self.probabilistic_ = self._fresh().fit(X)
        if "cutoff" in X.index.names:
            cutoff = X.index.get_level_values("cutoff").max()
            self.level_ = self.levels_.get(f"{cutoff:%Y-%m-%d}", self.level_)
        return self

    def _predict(self, X: Any) -> np.ndarray:
        """Return the expected spend over the horizon, shape (n,), in currency units."""
        X = self._frame(X)
        return self._moved(X, self.probabilistic_.predict_table(X))

    def _table(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return PREDICTIONS for `X`: the value is the hybrid's, the rest the probabilistic model's."""
        table = self.probabilistic_.predict_table(X)
        return table.assign(expected_value=self._moved(X, table))

    def _contributions(self, X: Any) -> pd.DataFrame:
        """Return each feature's contribution to the expected value, in currency.

        The history's parts come from the probabilistic model, the rest from the trees' exact TreeSHAP; a feature that
        both use has one column.
        """
        X = self._frame(X)
        below, table = self.probabilistic_, self.probabilistic_.predict_table(X)
        matrix = np.hstack([self._matrix(X, self.tree_features_), table.to_numpy(dtype=np.float32)])
        offset = _log_value(table, self.scale_) - np.log(self.scale_)
        trees, margin = tree_parts(self.booster_, matrix, [*self.tree_features_, *MODEL_OUTPUTS], offset)
        history, new = below.explain_history(X, np.log)
        before = new + (margin - offset) + np.log(self.level_)
        return in_currency(history.add(trees, fill_value=0.0), before, self._predict(X)).set_axis(X.index)

    def _moved(self, X: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
        matrix = self._matrix(X, self.tree_features_)
        offset = _log_value(table, self.scale_) - np.log(self.scale_)
        moved = boosting.booster_scores(
            self.booster_, np.hstack([matrix, table.to_numpy(dtype=np.float32)]), margin=offset
        )
        return moved * self.scale_ * self.level_

    def _offsets(
        self, X: pd.DataFrame, training: TrainingRows
    ) -> tuple[np.ndarray, np.ndarray, dict[pd.Timestamp, float]]:
        """Return the probabilistic outputs per row, the offset, and the ratio of realised to expected by cutoff."""
        outputs, offset = np.empty((len(X), len(MODEL_OUTPUTS)), np.float32), np.empty(len(X))
        levels, labels, mean = {}, training.labels, training.mean(training.labels)
        counted = np.ones(len(X)) if training.sample_weight is None else training.sample_weight
        groups = by_cutoff(X)
        below = side_by_side([partial(self._fit_below, X, rows) for _, rows in groups])
        for (cutoff, rows), self.probabilistic_ in zip(groups, below, strict=True):
            table = self.probabilistic_.predict_table(X.iloc[rows])
            expected = table["expected_value"].to_numpy()
            level = (labels[rows] * counted[rows]).sum() / (expected * counted[rows]).sum()
            outputs[rows] = table.to_numpy()
            # A cutoff after which nobody bought says nothing about the level.
            offset[rows] = _log_value(table, mean) + (np.log(level) if level > 0 else 0.0)
            if level > 0:
                levels[cutoff] = float(level)
        return outputs, offset, levels

    def _fit_below(self, X: pd.DataFrame, rows: np.ndarray) -> ProbabilisticValue:
        return self._fresh().fit(X.iloc[rows])

    def _fresh(self) -> ProbabilisticValue:
        model = clone(self.probabilistic) if self.probabilistic else ProbabilisticValue(ParetoNBD())
        fresh: ProbabilisticValue = model.set_params(horizon=self.horizon)
        return fresh

    def _keep_names(self) -> None:
        summary = [str(name) for name in self.probabilistic_.feature_names_in_]
        names = [*summary, *(name for name in self.tree_features_ if name not in summary)]
        self.feature_names_in_ = np.array(names, dtype=object)


def _log_value(table: pd.DataFrame, scale: float) -> np.ndarray:
    """Return the log of the expected value, kept above a millionth of what customers spent in training."""
    return np.log(np.maximum(table["expected_value"].to_numpy(), 1e-6 * scale))
