"""Off-policy estimates: the profit of other offer policies, from randomised offers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xgboost
from scipy import stats
from sklearn.model_selection import KFold

from cltv_ml.errors import InputError
from cltv_ml.tables import pandas_only

_OFFER_COLUMNS = ("offer", "propensity", "outcome")


@pandas_only
def compare_policies(
    offers: pd.DataFrame,
    policies: Mapping[str, pd.Series],
    X: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the estimates of several policies in one table: `policy` and the rows of `evaluate_policy`.

    The policy "as it was" is the realised profit (estimator `logged`). A policy whose offer nobody received is
    left out.

    Parameters
    ----------
    policies
        The offer per customer of each policy, by the policy's name.
    """
    parts: list[pd.DataFrame] = []
    for name, policy in policies.items():
        if (offers["offer"].astype("str") != policy.astype("str")).all():
            continue
        table = evaluate_policy(offers, policy, X)
        table.insert(0, "policy", name)
        if not parts:
            parts.append(table.loc[["logged"]].assign(policy="as it was"))
        parts.append(table.drop(index="logged"))
    if not parts:
        raise InputError(
            "nobody received an offer that one of the policies would make, so the log cannot show what they "
            "would earn."
        )
    return pd.concat(parts).reset_index()


@pandas_only
def evaluate_policy(
    offers: pd.DataFrame,
    policy: pd.Series,
    X: pd.DataFrame | None = None,
    *,
    confidence: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return the mean outcome per customer had `policy` chosen the offers, by each estimator.

    Indexed by `estimator`: `value`, `lower`, `upper` (currency per customer) and `customers` (those who happened to
    get the policy's offer). `logged` is the realised outcome; `ips` weights the customers who got the policy's offer
    by one over its probability; `snips` divides by the sum of the weights: which adds a little bias and removes much
    noise; `doubly_robust` (with X) corrects a model of the outcome by its errors on them, and is unbiased if either
    the model or the probabilities are right (Dudik, Langford and Li, 2011).

    Parameters
    ----------
    offers
        One row per customer: `offer` received, `propensity` (probability with which it was drawn for this
        customer), `outcome` (profit, offer deducted).
    policy
        The offer the policy would give, aligned with `offers`.
    X
        Numeric features of each customer before the offer, for the doubly robust estimate.

    Raises
    ------
    InputError
        A column is missing, a propensity is not in (0, 1], or nobody got the policy's offer.
    """
    _check_randomised(offers, policy)
    agrees = (offers["offer"].astype("str").to_numpy() == policy.astype("str").to_numpy()).astype(float)
    if not agrees.any():
        raise InputError(
            "nobody received the offer that the policy would make, so the log cannot show what it would earn."
        )
    outcome = offers["outcome"].to_numpy(dtype=np.float64)
    weight = agrees / offers["propensity"].to_numpy(dtype=np.float64)
    value = float((weight * outcome).sum() / weight.sum())
    parts = {
        "logged": outcome,
        "ips": weight * outcome,
        "snips": value + weight * (outcome - value) / weight.mean(),
    }
    if X is not None:
        of_policy, of_logged = _modelled(offers, policy, X, random_state)
        parts["doubly_robust"] = of_policy + weight * (outcome - of_logged)
    z = float(stats.norm.ppf((1 + confidence) / 2))
    rows = {}
    for name, terms in parts.items():
        mean, error = float(terms.mean()), float(terms.std(ddof=1) / np.sqrt(len(terms)))
        used = len(terms) if name == "logged" else int(agrees.sum())
        rows[name] = {"value": mean, "lower": mean - z * error, "upper": mean + z * error, "customers": used}
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="estimator"))


def _check_randomised(offers: pd.DataFrame, policy: pd.Series) -> None:
    missing = [name for name in _OFFER_COLUMNS if name not in offers]
    if missing:
        raise InputError(
            f"an off-policy estimate needs randomised offers with the columns {list(_OFFER_COLUMNS)}; missing "
            f"{missing}. Found {list(offers.columns)}."
        )
    if not offers.index.equals(policy.index):
        raise InputError("policy must be aligned with offers: give one offer per row, under the same index.")
    propensity = offers["propensity"].astype(float)
    if not propensity.between(0, 1, inclusive="right").all():
        raise InputError(
            f"propensity must be above 0 and at most 1, got {propensity.min()} to {propensity.max()}; it is "
            "the probability with which the offer was drawn."
        )
    if not np.isfinite(offers["outcome"].astype(float)).all():
        raise InputError(
            "outcome is missing or infinite for some customers; give 0 where they bought nothing."
        )


def _modelled(
    offers: pd.DataFrame, policy: pd.Series, X: pd.DataFrame, random_state: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the modelled outcome of the policy's offer and of the one received, from models fitted on others."""
    received, recommended = (
        values.astype("str").to_numpy(dtype=object) for values in (offers["offer"], policy)
    )
    matrix, outcome = X.to_numpy(dtype=np.float64), offers["outcome"].to_numpy(dtype=np.float64)
    answers = np.zeros((2, len(outcome)))
    for train, test in KFold(3, shuffle=True, random_state=random_state).split(matrix):
        for offer in np.unique(np.r_[received, recommended]):
            rows = train[received[train] == offer]
            predicted = np.full(len(test), outcome[train].mean())
            if len(rows) >= 20:
                model = xgboost.XGBRegressor(
                    n_estimators=60, max_depth=2, learning_rate=0.1, random_state=random_state, n_jobs=1
                )
                predicted = model.fit(matrix[rows], outcome[rows]).predict(matrix[test])
            for row, chosen in enumerate((recommended, received)):
                answers[row, test] = np.where(chosen[test] == offer, predicted, answers[row, test])
    return answers[0], answers[1]
