"""Models trained on labels and scaled to a probabilistic model's total, for logs too short to show a level."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.models.base import ValueModel, check_fitted
from cltv_ml.models.inputs import as_pandas
from cltv_ml.models.out_of_fold import at_latest
from cltv_ml.models.pareto_nbd import ParetoNBD
from cltv_ml.models.probabilistic import ProbabilisticValue
from cltv_ml.models.tweedie import Tweedie


class AtTotal(ValueModel):
    """A model trained on labels, whose values are scaled to the total that a probabilistic model expects.

    Customers' shares of the total change slowly from window to window and with the window's length; the total changes
    quickly. Where the log holds no window as long as the horizon, or none from which a later one can be predicted, the
    shares are learned from the labels that exist, and the total comes from a probabilistic model, which is fitted on
    purchase histories and needs no labels.

    Parameters
    ----------
    horizon
        Days that a prediction covers.
    model
        The model to train, `Tweedie()` if None; its horizon is set to `label_days`.
    label_days
        Days over which `y` was summed, at most the horizon.
    probabilistic
        The model of the total, `ProbabilisticValue(ParetoNBD())` if None; its horizon is set to this one.
    """

    needs_labels = True

    def __init__(
        self,
        horizon: int = 91,
        *,
        model: ValueModel | None = None,
        label_days: int = 30,
        probabilistic: ProbabilisticValue | None = None,
    ) -> None:
        self.horizon = horizon
        self.model = model
        self.label_days = label_days
        self.probabilistic = probabilistic

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name of the model that is trained."""
        return (self.model or Tweedie()).name

    def fit(self, X: pd.DataFrame, y: pd.Series | None = None) -> Self:
        """Learn from customers at one or several cutoffs and what each spent in the days that followed."""
        if not 0 < self.label_days <= self.horizon:
            raise InputError(
                f"AtTotal: label_days must be above 0 and at most the horizon of {self.horizon} days, "
                f"got {self.label_days!r}."
            )
        X, model = as_pandas(X), clone(self.model) if self.model else Tweedie()
        self.model_ = model.set_params(horizon=self.label_days).fit(X, y)
        return self._bring_to_total(at_latest(X))

    def adapt(self, X: pd.DataFrame) -> Self:
        """Adapt the trained model to today's customers, and scale it to their total; return the model."""
        check_fitted(self)
        self.model_.adapt(X)
        return self._bring_to_total(at_latest(X))

    def _predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend over the horizon, shape (n,), in currency units."""
        check_fitted(self)
        return self.model_.predict(X) * self.factor_

    def p_buy(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probabilistic model's probability of any purchase within the horizon, shape (n,)."""
        check_fitted(self)
        return self.probabilistic_.p_buy(X)

    def sample_values(self, X: pd.DataFrame, size: int, *, seed: int = 0) -> np.ndarray:
        """Return the probabilistic model's draws of what each customer spends, shape (n, size), in currency units."""
        check_fitted(self)
        return self.probabilistic_.sample_values(X, size, seed=seed)

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return each feature's contribution to the expected value, in currency, scaled to the total."""
        check_fitted(self)
        return self.model_.contributions(X) * self.factor_

    def _table(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return PREDICTIONS for `X`: the value is the trained model's, the rest the probabilistic model's."""
        check_fitted(self)
        return self.probabilistic_._table(X).assign(expected_value=self._predict(X))

    def _bring_to_total(self, X: pd.DataFrame) -> Self:
        """Set the factor that scales the trained model's total to the probabilistic one over the horizon."""
        below = clone(self.probabilistic) if self.probabilistic else ProbabilisticValue(ParetoNBD())
        self.probabilistic_ = below.set_params(horizon=self.horizon).fit(X)
        own = float(self.model_.predict(X).sum())
        self.factor_ = float(self.probabilistic_.predict(X).sum()) / own if own > 0 else 1.0
        names = [*self.model_.feature_names_in_, *self.probabilistic_.feature_names_in_]
        self.feature_names_in_ = np.array(list(dict.fromkeys(map(str, names))), dtype=object)
        return self


def for_labels(model: ValueModel, days: int, *, own_level: bool = True) -> ValueModel:
    """Return an unfitted copy that can be trained on labels of `days`.

    The copy is plain where `days` is the model's horizon and its `own_level` may be trusted, and wrapped in `AtTotal`
    otherwise. A model that needs no labels, or whose level does not come from them, stays as it is.

    >>> for_labels(Tweedie(91), 30).label_days, type(for_labels(Tweedie(91), 91)).__name__
    (30, 'Tweedie')
    """
    members = [for_labels(member, days, own_level=own_level) for member in model.components()]
    if members:
        return clone(model).set_params(members=members)
    if isinstance(model, AtTotal):
        return clone(model).set_params(label_days=days)
    plain: ValueModel = clone(model)
    if not model.needs_labels or (days == model.horizon and (own_level or model.level_from_history)):
        return plain
    return AtTotal(model.horizon, model=plain, label_days=days)
