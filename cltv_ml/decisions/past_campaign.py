"""Lessons of a past campaign of one or several arms: the effect by customer, and the best arm for each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from cltv_ml.decisions.lines import by_customer
from cltv_ml.decisions.off_policy import compare_policies
from cltv_ml.decisions.qini import compute_qini, qini_curve
from cltv_ml.decisions.uplift import LEARNERS, UpliftModel, compare_learners
from cltv_ml.errors import InputError
from cltv_ml.tables import pandas_only


@dataclass(frozen=True)
class CampaignLesson:
    """The lesson of a past campaign: effects by arm and a fitted uplift model.

    Parameters
    ----------
    arms
        Indexed by `arm`: `treated`, `untreated`, `rate_treated`, `rate_untreated` (means of the outcome), `uplift`
        with its 95% interval `uplift_lower`, `uplift_upper`, the `learner` and, on the held-out half of the customers,
        `qini`, `qini_lower`, `qini_upper`, `p_chance`; `verdict` in words.
    models
        The learner by arm, fitted on all customers; only for arms whose learner ranks customers better than chance.
    curves
        Column `arm`, and those of `qini_curve` on the held-out half, at most about 200 points per arm.
    held
        Uplift of each arm for the held-out customers, predicted from the other half only; policies are judged on it
        (`judge_policies`).
    """

    arms: pd.DataFrame
    models: dict[str, UpliftModel] = field(repr=False)
    curves: pd.DataFrame = field(repr=False)
    held: pd.DataFrame = field(repr=False)

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the expected uplift of each arm for each customer, one column per arm.

        If an arm's learner does not rank customers better than chance, its uplift is the same for all: the mean, or
        zero if the interval of the mean contains zero.
        """
        columns = {}
        for arm, row in self.arms.iterrows():
            sure = row["uplift_lower"] > 0 or row["uplift_upper"] < 0
            same = np.full(len(X), row["uplift"] if sure else 0.0)
            columns[str(arm)] = self.models[str(arm)].predict(X) if str(arm) in self.models else same
        return pd.DataFrame(columns, index=X.index)


@pandas_only
def learn_from_campaign(
    X: pd.DataFrame, arm: pd.Series, y: pd.Series, *, control: str = "control", random_state: int = 0
) -> CampaignLesson:
    """Return the effect of each arm of a randomised campaign, and how well it is predicted customer by customer.

    Half of the customers, drawn at random, choose the learner of each arm by cross-validation; the other half, read
    once, measures how well that learner ranks customers. Learners whose Qini coefficient has an interval above zero
    are then fitted on all customers.

    Parameters
    ----------
    X
        Customers as they were before the campaign; text columns become one column per value.
    arm
        The arm of each customer.
    y
        The outcome: 0 or 1, or an amount.
    control
        The arm without treatment.

    Raises
    ------
    InputError
        There is no such control, no other arm, or an arm is too small to learn from.
    """
    names, outcome = arm.astype("str").to_numpy(dtype=object), y.to_numpy(dtype=np.float64)
    arm_names = _treated_arms(names, control)
    # A random stream of its own, so that draws elsewhere with the same seed do not decide the halves.
    learning = np.random.default_rng([len(X), random_state]).random(len(X)) < 0.5
    rows, models, curves = {}, {}, []
    predicted = pd.DataFrame(index=X.index[~learning])
    for name in arm_names:
        in_arms = np.isin(names, (name, control))
        treated, learning_rows = pd.Series((names == name).astype(int)), in_arms & learning
        lesson = X[learning_rows], treated[learning_rows], pd.Series(outcome[learning_rows])
        chosen = compare_learners(*lesson, rounds=0).index[0]
        predicted[name] = LEARNERS[chosen]().fit(*lesson).predict(X[~learning])
        holdout = in_arms & ~learning
        score = predicted.loc[in_arms[~learning], name].to_numpy()
        quality = compute_qini(outcome[holdout], treated[holdout], score, random_state=random_state)
        curves.append(_thinned(qini_curve(outcome[holdout], treated[holdout], score)).assign(arm=name))
        rows[name] = {**_effect(outcome[in_arms], treated[in_arms].to_numpy()), "learner": chosen, **quality}
        if quality["qini_lower"] > 0:
            models[name] = LEARNERS[chosen]().fit(X[in_arms], treated[in_arms], pd.Series(outcome[in_arms]))
    arms = pd.DataFrame(rows.values(), index=pd.Index(rows, name="arm"))
    arms["verdict"] = [_qini_verdict(row) for _, row in arms.iterrows()]
    return CampaignLesson(arms, models, pd.concat(curves, ignore_index=True), predicted)


def _treated_arms(names: np.ndarray, control: str) -> list[str]:
    """Return the arms besides the control; InputError where there are none, or no control."""
    arms = sorted(set(names))
    if control not in arms or len(arms) < 2:
        raise InputError(
            f"the campaign needs the control {control!r} and at least one other arm, found {arms[:10]}; name "
            "the arm that received nothing."
        )
    return [name for name in arms if name != control]


@pandas_only
def judge_policies(
    lesson: CampaignLesson,
    X: pd.DataFrame,
    arm: pd.Series,
    profit: pd.Series,
    *,
    worth: float | pd.Series,
    cost: float,
    propensity: pd.Series | None = None,
) -> pd.DataFrame:
    """Return the profit per customer of each policy for choosing arms, by `compare_policies`.

    The policies are each arm for everyone, and "each customer's best": the arm with the highest predicted
    uplift x worth - cost, the control where none is positive. All are measured on the held-out half of the customers.

    Parameters
    ----------
    X, arm
        As passed to `learn_from_campaign`, with the same index of unique customers.
    profit
        Profit of each customer, the cost of the treatment deducted.
    worth
        Value of one unit of the learned outcome: one number, or one per customer.
    cost
        Cost of treating one customer.
    propensity
        Probability with which each customer's arm was drawn; None: the share of customers in that arm.
    """
    names, customers = arm.astype("str"), lesson.held.index
    control = next(name for name in names.unique() if name not in set(lesson.arms.index))
    chance = names.map(names.value_counts(normalize=True)) if propensity is None else propensity
    offers = pd.DataFrame({"offer": names, "propensity": chance, "outcome": profit}).loc[customers]
    gain = lesson.held.mul(by_customer(worth, customers, "worth"), axis=0) - cost
    best = gain.idxmax(axis=1).where(gain.max(axis=1) > 0, control)
    everybody = {f"{name} for everyone": pd.Series(name, index=customers) for name in (control, *lesson.held)}
    numbers = pd.get_dummies(X.loc[customers], dtype=float)
    return compare_policies(offers, {**everybody, "each customer's best": best}, numbers)


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """Return the first and the last row, and between them the first row beyond each of 200 evenly spaced shares."""
    places = curve["share"].searchsorted(np.linspace(0, 1, 201))
    return curve.iloc[np.unique(np.minimum(places, len(curve) - 1))]


def _effect(outcome: np.ndarray, treated: np.ndarray) -> dict[str, float]:
    """Return the difference of the means with its normal 95% interval."""
    sides = [outcome[treated == side] for side in (1, 0)]
    means = [float(side.mean()) for side in sides]
    error = float(np.sqrt(sum(side.var(ddof=1) / len(side) for side in sides)))
    uplift, z = means[0] - means[1], float(stats.norm.ppf(0.975))
    return {
        "treated": len(sides[0]),
        "untreated": len(sides[1]),
        "rate_treated": means[0],
        "rate_untreated": means[1],
        "uplift": uplift,
        "uplift_lower": uplift - z * error,
        "uplift_upper": uplift + z * error,
    }


def _qini_verdict(row: pd.Series) -> str:
    if row["qini_lower"] > 0:
        return "ranks customers better than chance: treat those with the highest uplift"
    if row["uplift_lower"] > 0:
        return "works on average, but does not show which customers respond most: treat by value"
    if row["uplift_upper"] < 0:
        return "does harm on average: treat nobody"
    return "shows no effect beyond chance: treat nobody, or test on more customers"
