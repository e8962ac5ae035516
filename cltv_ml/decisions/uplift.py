"""Uplift models, learned from a past campaign with randomised treatment."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
import pandas as pd
import xgboost
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.utils.validation import check_is_fitted

from cltv_ml.decisions.qini import compute_qini
from cltv_ml.errors import InputError
from cltv_ml.tables import pandas_only


class UpliftModel(BaseEstimator):
    """A model of the change in a customer's outcome caused by a treatment.

    Fit it on a campaign with randomised treatment; without randomisation it measures whom the shop preferred to treat.
    """

    name: ClassVar[str]

    def fit(self, X: pd.DataFrame, treated: pd.Series, y: pd.Series) -> Self:
        """Learn from customers `X` before the campaign, who was `treated` (0 or 1), and the outcome `y`.

        `y` is 0 or 1 (visited, bought) or an amount. Columns of text become one column per value.

        Raises
        ------
        InputError
            The three are not equally long, `treated` is not 0 or 1, or an arm or the outcome is empty.
        """
        arm, outcome = _as_arrays(X, treated, y)
        self.is_share_ = bool(np.isin(outcome, (0.0, 1.0)).all())
        self.categories_ = {
            name: sorted(X[name].dropna().astype("str").unique())
            for name in X.columns
            if not pd.api.types.is_numeric_dtype(X[name])
        }
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self._fit(self._matrix(X), arm, outcome)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected outcome with treatment less the one without, per row, in the unit of `y`."""
        check_is_fitted(self)
        missing = [name for name in self.feature_names_in_ if name not in X.columns]
        if missing:
            raise InputError(f"{type(self).__name__}: missing columns {missing}. Found {list(X.columns)}.")
        return self._predict(self._matrix(X))

    def _fit(self, matrix: np.ndarray, arm: np.ndarray, outcome: np.ndarray) -> None:
        raise NotImplementedError

    def _predict(self, matrix: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _matrix(self, X: pd.DataFrame) -> np.ndarray:
        parts: list[np.ndarray] = []
        for name in self.feature_names_in_:
            if name in self.categories_:
                text = X[name].astype("str").to_numpy(dtype=object)
                parts.extend((text == value).astype(np.float64) for value in self.categories_[name])
            else:
                parts.append(X[name].to_numpy(dtype=np.float64, na_value=np.nan))
        return np.column_stack(parts)


class BoostedUplift(UpliftModel):
    """The base of the learners on gradient boosting.

    The trees are small and their leaves large, because an uplift is a difference of two noisy means and a flexible
    model fits the noise.

    Parameters
    ----------
    n_estimators, max_depth, learning_rate, random_state
        As in `xgboost.XGBRegressor`.
    leaf_share
        Smallest leaf, as a share of the information in the campaign.
    """

    def __init__(
        self,
        *,
        n_estimators: int = 50,
        max_depth: int = 2,
        learning_rate: float = 0.05,
        leaf_share: float = 0.05,
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.leaf_share = leaf_share
        self.random_state = random_state

    def _trees(
        self, matrix: np.ndarray, outcome: np.ndarray, is_share: bool, weight: np.ndarray | None = None
    ) -> xgboost.XGBModel:
        """Return boosted trees for one mean outcome."""
        weights = np.ones(len(outcome)) if weight is None else weight
        mean = float(np.average(outcome, weights=weights))
        information = weights.sum() * (mean * (1 - mean) if is_share else 1.0)
        kind = xgboost.XGBClassifier if is_share else xgboost.XGBRegressor
        model = kind(
            n_estimators=self.n_estimators,
            max_depth=self.max_depth,
            learning_rate=self.learning_rate,
            subsample=0.8,
            min_child_weight=self.leaf_share * information,
            reg_lambda=0.0,
            base_score=mean,
            random_state=self.random_state,
            n_jobs=1,
        )
        return model.fit(matrix, outcome, sample_weight=weights)


class TwoModels(BoostedUplift):
    """One model of the treated, one of the others; the uplift is the difference of their predictions.

    The simplest learner, and hard to beat where the effect is strong; but each model fits the outcome itself, which
    may have little to do with the uplift.
    """

    name = "two_models"

    def _fit(self, matrix: np.ndarray, arm: np.ndarray, outcome: np.ndarray) -> None:
        self.models_ = [
            self._trees(matrix[arm == side], outcome[arm == side], self.is_share_) for side in (0, 1)
        ]

    def _predict(self, matrix: np.ndarray) -> np.ndarray:
        control, treated = (_predicted_mean(model, matrix) for model in self.models_)
        return treated - control


class ClassTransformation(BoostedUplift):
    """One model of the uplift itself, through a transformed outcome.

    For a 0/1 outcome: treated who responded and untreated who did not form class 1; with each arm weighted
    by one over its share, uplift = 2 P(class 1) - 1 (Jaskowski and Jaroszewicz, 2012). For an amount: the
    regression of y (treated - share) / (share (1 - share)) around the mean of y (Athey and Imbens, 2015).
    """

    name = "class_transformation"

    def _fit(self, matrix: np.ndarray, arm: np.ndarray, outcome: np.ndarray) -> None:
        share = arm.mean()
        if self.is_share_:
            transformed, weight = (
                np.where(arm == 1, outcome, 1 - outcome),
                np.where(arm == 1, 1 / share, 1 / (1 - share)),
            )
        else:
            centred = outcome - outcome.mean()
            transformed, weight = centred * (arm - share) / (share * (1 - share)), None
        self.model_ = self._trees(matrix, transformed, self.is_share_, weight)

    def _predict(self, matrix: np.ndarray) -> np.ndarray:
        mean = _predicted_mean(self.model_, matrix)
        return 2 * mean - 1 if self.is_share_ else mean


class LinearInteractions(UpliftModel):
    """A linear model of the uplift, which needs few customers and is the most stable where the effect is weak.

    The part of the outcome that a ridge regression does not explain is regressed on the columns times
    (treated - share treated), the R-learner of Nie and Wager (2021) with the share treated as propensity.
    Amounts enter by their signed logarithm, columns are scaled, missing values are set to the mean.

    Parameters
    ----------
    shrinkage
        Penalty on the squared slopes per customer; 0.3 shrinks the slope of an uncorrelated column by a quarter.
    """

    name = "linear"

    def __init__(self, *, shrinkage: float = 0.3) -> None:
        self.shrinkage = shrinkage

    def _fit(self, matrix: np.ndarray, arm: np.ndarray, outcome: np.ndarray) -> None:
        logs = _signed_log(matrix)
        finite = np.isfinite(logs)
        self.mean_ = np.where(finite, logs, 0.0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1)
        spread = np.where(finite, logs - self.mean_, 0.0)
        self.scale_ = np.sqrt((spread**2).sum(axis=0) / np.maximum(finite.sum(axis=0), 1))
        columns, contrast = self._scaled(matrix), arm - arm.mean()
        penalty = self.shrinkage * len(arm)
        left = outcome - Ridge(penalty).fit(columns, outcome).predict(columns)
        self.average_ = float(contrast @ left / (contrast @ contrast))
        # The same penalty in units of the contrast's variance, share treated times share untreated.
        slopes = Ridge(penalty * float(contrast @ contrast) / len(arm), fit_intercept=False)
        slopes.fit(columns * contrast[:, None], left - self.average_ * contrast)
        self.slopes_ = slopes.coef_

    def _predict(self, matrix: np.ndarray) -> np.ndarray:
        return self.average_ + self._scaled(matrix) @ self.slopes_

    def _scaled(self, matrix: np.ndarray) -> np.ndarray:
        scale = np.where(self.scale_ > 0, self.scale_, 1.0)
        return np.nan_to_num((_signed_log(matrix) - self.mean_) / scale)


LEARNERS: dict[str, type[UpliftModel]] = {
    model.name: model for model in (TwoModels, ClassTransformation, LinearInteractions)
}


@pandas_only
def compare_learners(
    X: pd.DataFrame,
    treated: pd.Series,
    y: pd.Series,
    *,
    folds: int = 4,
    rounds: int = 200,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return the Qini coefficient of each learner on held-out customers, the best first.

    Indexed by `learner`: `qini` with `qini_lower` and `qini_upper` (`decisions.qini`), `p_chance`, and `mean_uplift`
    (treated mean less the other, the same for all learners). A learner whose interval contains zero ranks no better
    than chance: choose customers by value instead. `rounds` is the number of bootstrap draws; with 0 the interval is
    missing.
    """
    arm, outcome = _as_arrays(X, treated, y)
    rows = {}
    for name, learner in LEARNERS.items():
        scores = np.zeros(len(outcome))
        for train, test in KFold(folds, shuffle=True, random_state=random_state).split(arm):
            model = learner().fit(X.iloc[train], pd.Series(arm[train]), pd.Series(outcome[train]))
            scores[test] = model.predict(X.iloc[test])
        rows[name] = compute_qini(outcome, arm, scores, rounds=rounds, random_state=random_state)
    table = pd.DataFrame(rows.values(), index=pd.Index(rows, name="learner"))
    table["mean_uplift"] = outcome[arm == 1].mean() - outcome[arm == 0].mean()
    return table.sort_values("qini", ascending=False, kind="stable")


@pandas_only
def balance_table(X: pd.DataFrame, treated: pd.Series) -> pd.DataFrame:
    """Return the differences of treated and untreated customers before the campaign, the largest first.

    Indexed by `column`: `mean_treated`, `mean_control`, `difference` in standard deviations, and `looks_random`:
    within four standard errors of zero. If a single value is False, the campaign is unlikely to have been drawn at
    random, and its uplift cannot be trusted. Text columns are compared value by value.
    """
    wide = pd.get_dummies(X, dtype=float).astype(float)
    arm = np.asarray(treated) == 1
    rows = pd.DataFrame({"mean_treated": wide[arm].mean(), "mean_control": wide[~arm].mean()}).rename_axis(
        "column"
    )
    spread = np.sqrt((wide[arm].var() + wide[~arm].var()) / 2)
    apart = rows["mean_treated"] - rows["mean_control"]
    # Without spread in either arm, even the smallest difference is infinitely large.
    rows["difference"] = (apart / spread.where(spread > 0)).fillna(np.sign(apart) * np.inf).fillna(0.0)
    error = np.sqrt(1 / max(arm.sum(), 1) + 1 / max((~arm).sum(), 1))
    rows["looks_random"] = rows["difference"].abs() < 4 * error
    return rows.sort_values("difference", key=np.abs, ascending=False, kind="stable")


def _as_arrays(X: pd.DataFrame, treated: pd.Series, y: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return treatment and outcome as numbers, checked."""
    arm, outcome = np.asarray(treated, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not len(X) == len(arm) == len(outcome):
        raise InputError(
            f"X, treated and y must have the same length, got {len(X)}, {len(arm)} and {len(outcome)}."
        )
    if not np.isin(arm, (0.0, 1.0)).all() or not np.isfinite(outcome).all():
        raise InputError(
            "treated must be 0 or 1 and y finite for every customer; drop or fix the other rows."
        )
    if min(arm.sum(), len(arm) - arm.sum()) < 50:
        raise InputError(
            f"uplift needs at least 50 customers in each arm, got {int(arm.sum())} treated and "
            f"{int(len(arm) - arm.sum())} not; run a campaign with a control group first."
        )
    if min(np.ptp(outcome[arm == side]) for side in (0, 1)) == 0:
        raise InputError(
            "the outcome is the same for everyone in one arm, so there is no uplift to learn from it."
        )
    return arm, outcome


def _signed_log(matrix: np.ndarray) -> np.ndarray:
    return np.sign(matrix) * np.log1p(np.abs(matrix))


def _predicted_mean(model: xgboost.XGBModel, matrix: np.ndarray) -> np.ndarray:
    if isinstance(model, xgboost.XGBClassifier):
        return model.predict_proba(matrix)[:, 1].astype(np.float64)
    return model.predict(matrix).astype(np.float64)
