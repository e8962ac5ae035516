"""Qini curve and coefficient: how well an uplift score ranks customers of a randomised campaign."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cltv_ml.errors import InputError


def qini_curve(y: ArrayLike, treated: ArrayLike, uplift: ArrayLike) -> pd.DataFrame:
    """Return the gain from treating the customers with the highest scores, by length of the list.

    Columns `customers`, `share`, `incremental` (outcomes of the treated on the list less those of its untreated,
    scaled to the same number: Radcliffe, 2007) and `random` (the gain of a random list of this length). One row per
    distinct score, the empty list first; customers with equal scores come together, so the order of the rows does not
    matter.

    >>> qini_curve([1, 0, 1, 1], [1, 0, 1, 0], [0.9, 0.9, 0.1, 0.1])["incremental"].tolist()
    [0.0, 1.0, 1.0]
    """
    outcome, arm, score = _checked_arrays(y, treated, uplift)
    starts, order = _score_starts(score)
    sums = _cumulative(outcome[order], arm[order], starts, np.ones((1, len(score))))
    incremental = _incremental(*sums)[0]
    customers = np.r_[starts, len(score)]
    share = customers / len(score)
    return pd.DataFrame(
        {
            "customers": customers,
            "share": share,
            "incremental": incremental,
            "random": share * incremental[-1],
        }
    )


def compute_qini(
    y: ArrayLike, treated: ArrayLike, uplift: ArrayLike, *, rounds: int = 200, random_state: int = 0
) -> dict[str, float]:
    """Return `qini`, its 95% interval `qini_lower`, `qini_upper`, and `p_chance`.

    `qini` is the area between the curve and the line of a random list, per treated customer, in the unit of y: the
    additional gain per customer of a list in this order over a random one, on average over all lengths. Zero is
    chance, negative worse than chance; there is no upper bound of 1.

    The interval is a bootstrap over customers; `p_chance` is the share of random orders of the same
    customers (scores shuffled) that do at least as well. Without `rounds` they are missing.
    """
    outcome, arm, score = _checked_arrays(y, treated, uplift)
    starts, order = _score_starts(score)
    outcome, arm, n = outcome[order], arm[order], len(score)
    rng = np.random.default_rng(random_state)
    estimate = float(_qini_area(outcome, arm, starts, np.ones((1, n)))[0])
    if not rounds:
        return {"qini": estimate, "qini_lower": np.nan, "qini_upper": np.nan, "p_chance": np.nan}
    again = [
        _qini_area(outcome, arm, starts, rng.poisson(1.0, (1, n)).astype(float))[0] for _ in range(rounds)
    ]
    # 2 x estimate - quantile: the basic bootstrap, which reflects the quantiles around the estimate.
    high, low = 2 * estimate - np.nanquantile(again, [0.025, 0.975])
    shuffles = (rng.permutation(n) for _ in range(rounds))
    chance = [_qini_area(outcome[shuffle], arm[shuffle], starts, np.ones((1, n)))[0] for shuffle in shuffles]
    p_chance = (1 + sum(area >= estimate for area in chance)) / (1 + rounds)
    return {
        "qini": estimate,
        "qini_lower": float(low),
        "qini_upper": float(high),
        "p_chance": float(p_chance),
    }


def _checked_arrays(
    y: ArrayLike, treated: ArrayLike, uplift: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    outcome, arm, score = (np.asarray(values, dtype=np.float64) for values in (y, treated, uplift))
    if not len(outcome) == len(arm) == len(score):
        raise InputError(
            f"y, treated and uplift must have the same length, got {len(outcome)}, {len(arm)}, {len(score)}."
        )
    if not np.isin(arm, (0.0, 1.0)).all() or arm.min(initial=1) == arm.max(initial=0):
        raise InputError(
            "treated must be 1 for treated and 0 for untreated customers, and contain both, since Qini "
            f"compares them; got {np.unique(arm)[:5].tolist()}."
        )
    if not (np.isfinite(outcome).all() and np.isfinite(score).all()):
        raise InputError("y or uplift contains a missing or infinite value; leave those customers out.")
    return outcome, arm, score


def _score_starts(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the position at which each distinct score starts in descending order, and that order."""
    order = np.argsort(-score, kind="stable")
    return np.flatnonzero(np.r_[True, np.diff(score[order]) != 0]), order


def _cumulative(
    outcome: np.ndarray, arm: np.ndarray, starts: np.ndarray, weight: np.ndarray
) -> list[np.ndarray]:
    """Return cumulative treated, control, and their outcomes at the end of each group, from an empty list."""
    sums = []
    for part in (arm, 1 - arm, arm * outcome, (1 - arm) * outcome):
        groups = np.add.reduceat(weight * part, starts, axis=1)
        sums.append(np.concatenate([np.zeros((len(weight), 1)), groups.cumsum(axis=1)], axis=1))
    return sums


def _incremental(
    n_treated: np.ndarray, n_control: np.ndarray, y_treated: np.ndarray, y_control: np.ndarray
) -> np.ndarray:
    scale = np.divide(n_treated, n_control, out=np.zeros_like(n_treated), where=n_control > 0)
    return y_treated - y_control * scale


def _qini_area(outcome: np.ndarray, arm: np.ndarray, starts: np.ndarray, weight: np.ndarray) -> np.ndarray:
    n_treated, n_control, y_treated, y_control = _cumulative(outcome, arm, starts, weight)
    incremental = _incremental(n_treated, n_control, y_treated, y_control)
    share = (n_treated + n_control) / (n_treated + n_control)[:, -1:]
    above = incremental - share * incremental[:, -1:]
    width = np.diff(share, axis=1)
    return ((above[:, 1:] + above[:, :-1]) / 2 * width).sum(axis=1) / n_treated[:, -1]
