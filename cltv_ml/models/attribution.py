"""Exact attribution of a customer's expected value to the features, in currency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import xgboost as xgb

#: The column of the expected value before any feature is known.
BASELINE = "baseline"


def tree_parts(
    booster: xgb.Booster, matrix: np.ndarray, names: Sequence[str], margin: np.ndarray | None = None
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return each feature's contribution to the booster's margin, and the margin without features, shapes (n, k) and
    (n,).

    Exact TreeSHAP from XGBoost itself. Source: S. Lundberg, G. Erion and S.-I. Lee, Consistent Individualized
    Feature Attribution for Tree Ensembles, 2018.
    """
    return output_parts(booster, matrix, names, margin)[0]


def output_parts(
    booster: xgb.Booster, matrix: np.ndarray, names: Sequence[str], margin: np.ndarray | None = None
) -> list[tuple[pd.DataFrame, np.ndarray]]:
    """Return `tree_parts` of each output of a booster that has several."""
    types = booster.feature_types
    data = xgb.DMatrix(
        matrix.astype(np.float32),
        base_margin=margin,
        feature_names=booster.feature_names,
        feature_types=types,
        enable_categorical="c" in (types or ()),
    )
    contributions = np.asarray(booster.predict(data, pred_contribs=True), dtype=np.float64)
    outputs = contributions.reshape(len(matrix), -1, len(names) + 1)
    return [
        (pd.DataFrame(outputs[:, number, :-1], columns=list(names)), outputs[:, number, -1])
        for number in range(outputs.shape[1])
    ]


def through(
    link: Callable[[np.ndarray], np.ndarray], parts: pd.DataFrame, before: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return parts of a margin as parts of `link(margin)`, along the straight line between both ends.

    >>> parts, before = through(np.square, pd.DataFrame({"a": [1.0], "b": [2.0]}), np.zeros(1))
    >>> parts.loc[0].tolist(), before.tolist()
    ([3.0, 6.0], [0.0])
    """
    total = parts.sum(axis="columns").to_numpy()
    step = np.where(np.abs(total) < 1e-6, 1e-6, total)
    slope = (link(before + step) - link(before)) / step
    return parts.mul(slope, axis="index"), link(before)


def in_currency(parts: pd.DataFrame, log_before: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    """Return parts of the log value as currency, with the column `baseline`; each row sums to its value.

    The difference between value and baseline is divided in proportion to the parts, which keeps their signs and their
    order and leaves no remainder.

    >>> in_currency(pd.DataFrame({"a": [np.log(2)], "b": [0.0]}), np.zeros(1), np.array([2.0])).round(6)
         a    b  baseline
    0  1.0  0.0       1.0
    """
    total = parts.sum(axis="columns").to_numpy()
    near = np.abs(total) < 1e-9
    rate = np.exp(log_before) * np.where(near, 1.0, np.expm1(total) / np.where(near, 1.0, total))
    scaled = parts.mul(rate, axis="index")
    # Boosters predict in single precision; the rounding stays in the baseline.
    return scaled.assign(**{BASELINE: values - scaled.sum(axis="columns").to_numpy()})


def shapley(
    value: Callable[[frozenset[str]], np.ndarray], players: Sequence[str]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return each player's Shapley value per row, shape (n, players), and the value without any of them.

    `value` returns the values where a set of features is known and the others are not. The average runs over every
    order of the players, so keep them few. Source: L. Shapley, A Value for n-Person Games, 1953.

    >>> parts, nothing = shapley(lambda known: np.array([2.0 * len(known)]), ["a", "b"])
    >>> parts.loc[0].tolist(), nothing.tolist()
    ([2.0, 2.0], [0.0])
    """
    n = len(players)
    worths = {
        frozenset(coalition): value(frozenset(coalition))
        for size in range(n + 1)
        for coalition in combinations(players, size)
    }
    parts = {
        player: sum(
            factorial(len(coalition))
            * factorial(n - len(coalition) - 1)
            / factorial(n)
            * (worths[coalition | {player}] - worth)
            for coalition, worth in worths.items()
            if player not in coalition
        )
        for player in players
    }
    return pd.DataFrame(parts), worths[frozenset()]


def history_parts(
    value: Callable[[pd.DataFrame], np.ndarray],
    X: pd.DataFrame,
    usual: np.ndarray,
    covariates: Sequence[str] = (),
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the contributions of a customer's history to a purchase model's prediction, and the prediction for a new
    customer.

    Shapley values of `frequency` (the repeat purchases and the time they took), `recency` (the days since the last
    purchase) and `monetary_value`; columns named in `covariates` stay as they are. If none of the three is known, the
    customer has just bought for the first time; without `recency` the last purchase was today; without
    `monetary_value` the customer spends what is `usual`, shape (n,).
    """
    own = X[["frequency", "recency", "T", "monetary_value", *covariates]].astype(np.float64)
    since = own["T"] - own["recency"]

    def answer(columns: frozenset[str]) -> np.ndarray:
        """Return the values of customers if only some columns are known."""
        repeat = (own["frequency"] > 0) & ("frequency" in columns)
        recency = own["recency"].where(repeat, 0.0)
        spend = own["monetary_value"] if "monetary_value" in columns else usual
        return value(
            own.assign(
                frequency=own["frequency"].where(repeat, 0.0),
                recency=recency,
                T=recency + (since if "recency" in columns else 0.0),
                monetary_value=np.where(repeat, spend, 0.0),
            )
        )

    return shapley(answer, ["frequency", "recency", "monetary_value"])
