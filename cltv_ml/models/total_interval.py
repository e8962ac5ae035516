"""Interval of the total of many customers, from chance and the shared uncertainty of the parameters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_fitted
from cltv_ml.models.predictive import check_coverage
from cltv_ml.models.probabilistic import ProbabilisticValue
from cltv_ml.models.purchases import PurchaseModel


def predict_total_interval(
    model: PurchaseModel | ProbabilisticValue,
    X: pd.DataFrame,
    t: float | str | None = None,
    coverage: float = 0.9,
    *,
    size: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the ends between which the total of all customers of `X` lies with probability `coverage`.

    The total is the purchases in the next `t` for a purchase model, and the spend over the horizon, in currency units,
    for a `ProbabilisticValue`.

    It uses the draws of `sample_posterior` if the model holds them, else the normal approximation at the maximum. It
    does not cover effects that no customer model knows, such as a season or a campaign.

    Raises
    ------
    InputError
        `t` is missing for a purchase model or given for a value model, or coverage lies outside 0 to 1.
    """
    check_fitted(model)
    check_coverage(model, coverage)
    if (t is None) == isinstance(model, PurchaseModel):
        raise InputError(
            "predict_total_interval: a purchase model needs t, a value model has its horizon; "
            f"got {type(model).__name__} and t = {t!r}."
        )
    total = np.zeros(size)
    if isinstance(model, ProbabilisticValue):
        for draws in model.draw_values(X, size, seed=seed):
            total += draws.sum(axis=0) * model._level_factor
    else:
        models = model._plausible(np.random.default_rng([seed, 1]))
        for _, draws in model._draw(models, X, model._length(0.0 if t is None else t), size, seed):
            total += draws.sum(axis=0)
    lower, upper = np.quantile(total, [(1 - coverage) / 2, (1 + coverage) / 2])
    return float(lower), float(upper)
