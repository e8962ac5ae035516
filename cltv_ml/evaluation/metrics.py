"""Metrics of predictions against the truth: `(y_true, y_pred) -> float`, in the catalogue METRICS.

Ties do not depend on the order of rows: customers with the same prediction count with their mean spend.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cltv_ml.errors import InputError
from cltv_ml.models.fit_cache import once
from cltv_ml.models.inputs import paired


def mae(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean absolute error per customer, in currency; zero is best.

    With many customers who spend nothing it rewards predicting too little: read it after `bias`.

    >>> mae([0, 10], [1, 7])
    2.0
    """
    true, pred = paired(y_true, y_pred)
    return float(np.abs(true - pred).mean())


def wmape(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Weighted absolute percentage error: the sum of absolute errors over the sum spent; zero is best.

    `mae` as a share of the mean spend, comparable between currencies. NaN when nobody spent anything.

    >>> wmape([0, 10], [1, 7])
    0.4
    """
    true, pred = paired(y_true, y_pred)
    return float(np.abs(true - pred).sum() / true.sum()) if true.sum() > 0 else float("nan")


def rmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Root of the mean squared error, in currency; zero is best. A few large customers decide it.

    >>> rmse([0, 0], [3, 3])
    3.0
    """
    true, pred = paired(y_true, y_pred)
    return float(np.sqrt(np.square(true - pred).mean()))


def bias(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Predicted total over realised total, minus one: zero is best, +0.1 is 10% too much.

    NaN when nobody spent anything. It cannot see errors that cancel between customers.

    >>> bias([10, 0], [6, 5])
    0.1...
    """
    true, pred = paired(y_true, y_pred)
    return float(pred.sum() / true.sum() - 1) if true.sum() > 0 else float("nan")


def deviance(y_true: ArrayLike, y_pred: ArrayLike, power: float = 1.5) -> float:
    """Tweedie deviance per customer: zero is best, and in expectation the expected value scores best.

    It covers ranking and level together and, unlike `mae`, does not reward predicting nothing. A prediction below a
    thousandth of what the customer then spent counts as that: zero would be infinitely wrong. Source: B. Jørgensen,
    The Theory of Dispersion Models, 1997.

    >>> deviance([0, 8], [4, 4]) < min(deviance([0, 8], [0, 0]), deviance([0, 8], [8, 8]))
    True
    """
    return float(deviances(y_true, y_pred, power).mean())


def deviances(y_true: ArrayLike, y_pred: ArrayLike, power: float = 1.5) -> np.ndarray:
    """Return the Tweedie deviance of each customer, shape (n,)."""
    true, pred = paired(y_true, y_pred)
    pred = np.maximum(np.maximum(pred, 0.0), 1e-3 * true)
    own = np.maximum(true, 0.0) ** (2 - power) / ((1 - power) * (2 - power))
    ratio = np.divide(true, pred ** (power - 1), out=np.zeros(len(true)), where=pred > 0)
    return np.asarray(2 * np.maximum(own - ratio / (1 - power) + pred ** (2 - power) / (2 - power), 0.0))


def spearman(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Rank correlation, 1 is best; zero when either side is constant. Blind to money and level.

    >>> spearman([1, 2, 3], [10, 20, 30])
    1.0
    """
    true, pred = paired(y_true, y_pred)
    if np.ptp(true) == 0 or np.ptp(pred) == 0:
        return 0.0
    return float(np.corrcoef(stats.rankdata(true), stats.rankdata(pred))[0, 1].clip(-1, 1))


def gini(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Normalised Gini: how well the prediction ranks customers by money, 1 is best, 0 is chance.

    The area between the gains curve and the diagonal, over the same area for a perfect ranking. Blind to
    level: twice every prediction scores the same. NaN when all customers spent the same.

    >>> gini([0, 0, 30], [1, 2, 3])
    1.0
    """
    true, pred = paired(y_true, y_pred)
    best = _gains_area(true, true)
    return _gains_area(true, pred) / best if best > 0 else float("nan")


def top_capture(y_true: ArrayLike, y_pred: ArrayLike, share: float = 0.1) -> float:
    """Share of realised money spent by the `share` of customers ranked highest; more is better.

    NaN when nobody spent anything.

    >>> top_capture([50] + [50 / 9] * 9, range(10, 0, -1), share=0.1)
    0.5
    """
    customers, gained = gains(y_true, y_pred)
    return float(np.interp(share, customers, gained))


@dataclass(frozen=True)
class Targeting:
    """A campaign that spends `cost` on each of the `share` of customers ranked highest and earns `margin` on
    what they then spend.

    Raises
    ------
    InputError
        Share or margin is not above 0 and at most 1, or the cost is negative.
    """

    share: float = 0.1
    cost: float = 0.0
    margin: float = 1.0

    def __post_init__(self) -> None:
        for name in ("share", "margin"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(
                    f"campaign: {name} must be above 0 and at most 1 (0.3 is 30%), got {getattr(self, name):g}."
                )
        if not 0 <= self.cost < np.inf:
            raise InputError(f"campaign: cost per customer must not be negative, got {self.cost:g}.")


def profit(y_true: ArrayLike, y_pred: ArrayLike, targeting: Targeting) -> float:
    """Profit of a campaign to the customers ranked highest, in currency; more is better.

    Their realised money times the margin, less the cost: the value of the ranking if customers spend only when they
    are contacted. It cannot see what they would have spent anyway. Ties at the border share evenly.

    >>> profit([30, 10, 0, 0], [9, 5, 2, 1], Targeting(share=0.5, cost=3.0, margin=0.5))
    14.0
    """
    true, pred = paired(y_true, y_pred)
    counts, money, _ = _tied(true, pred)
    targeted = targeting.share * len(true)
    earned = np.interp(targeted, np.r_[0, np.cumsum(counts)], np.r_[0, np.cumsum(money)])
    return float(targeting.margin * earned - targeting.cost * targeted)


def auc(bought: ArrayLike, p_buy: ArrayLike) -> float:
    """Probability that a random buyer has a higher P(buy) than a random non-buyer, ties counting half; 1 is best.

    One half is chance. Blind to level. NaN when all or none bought. Source: J. Hanley and B. McNeil, The
    Meaning and Use of the Area under a ROC Curve, 1982.

    >>> auc([1, 0, 0], [0.5, 0.5, 0.1])
    0.75
    """
    did, score = paired(bought, p_buy)
    buyers = did > 0
    ranks, n = stats.rankdata(score), buyers.sum()
    if n in (0, len(did)):
        return float("nan")
    return float((ranks[buyers].sum() - n * (n + 1) / 2) / (n * (len(did) - n)))


def brier(bought: ArrayLike, p_buy: ArrayLike) -> float:
    """Mean squared difference between P(buy) and what happened (1 or 0); zero is best.

    It covers ranking and level together. Source: G. Brier, Verification of Forecasts, 1950.

    >>> brier([1, 0], [0.8, 0.4])
    0.1
    """
    did, score = paired(bought, p_buy)
    return float(np.square((did > 0) - score).mean())


def decile_mape(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean over ten groups by prediction of |predicted - realised| / realised; zero is best.

    It shows wrong levels within parts of the range that cancel in `bias`. A tenth in which nothing was spent is
    measured against the average tenth. NaN when nobody spent anything.

    >>> decile_mape(np.arange(1, 101), np.arange(1, 101))
    0.0
    """
    true, pred = paired(y_true, y_pred)
    if true.sum() <= 0:
        return float("nan")
    return float(relative_errors(*group_totals(true, pred, groups=10)).mean())


def relative_errors(predicted: np.ndarray, realised: np.ndarray) -> np.ndarray:
    """Return |predicted - realised| / realised of each group, against the mean group where nothing was spent.

    >>> relative_errors(np.array([1.0, 3.0]), np.array([0.0, 4.0])).tolist()
    [0.5, 0.25]
    """
    mean = realised.mean(axis=-1, keepdims=True)
    return np.abs(predicted - realised) / np.where(realised > 1e-8 * mean, realised, mean)


def gains(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the gains curve: share of customers from the highest prediction down, share of money they spent.

    One point per distinct prediction, both arrays starting at 0 and ending at 1 (NaN if nobody spent).

    >>> gains([3, 1, 0], [9, 5, 5])
    (array([0.        , 0.33333333, 1.        ]), array([0.  , 0.75, 1.  ]))
    """
    true, pred = paired(y_true, y_pred)
    counts, money, _ = _tied(true, pred)
    total = true.sum() if true.sum() > 0 else np.nan
    return np.r_[0, np.cumsum(counts)] / len(true), np.r_[0, np.cumsum(money)] / total


def group_totals(y_true: ArrayLike, y_pred: ArrayLike, groups: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Return predicted and realised totals of equally large groups by prediction, highest first.

    Customers who tie across a border are divided between its two groups in proportion.

    >>> group_totals([4, 0, 2, 2], [5, 3, 1, 1], groups=2)
    (array([8., 2.]), array([4., 4.]))
    """
    true, pred = paired(y_true, y_pred)
    counts, money, forecast = _tied(true, pred)
    reached = np.r_[0, np.cumsum(counts)]
    borders = np.linspace(0, len(true), groups + 1)
    return (
        np.diff(np.interp(borders, reached, np.r_[0, np.cumsum(forecast)])),
        np.diff(np.interp(borders, reached, np.r_[0, np.cumsum(money)])),
    )


#: Number of rankings cached during a training: the true one and the latest ones measured.
_MOST_ORDERS = 4


@dataclass(frozen=True)
class Metric:
    """A metric with its best value, whether more is better, and its unit."""

    function: Callable[[ArrayLike, ArrayLike], float]
    best: float
    unit: str
    more_is_better: bool = False


#: Shares of customers from the top whose captured money is reported, by the metric's name.
TOP_SHARES = {
    "top_1pct_capture": 0.01,
    "top_5pct_capture": 0.05,
    "top_decile_capture": 0.10,
    "top_20pct_capture": 0.20,
}

#: Every metric of expected values by name.
METRICS = {
    "bias": Metric(bias, 0.0, "share"),
    "decile_mape": Metric(decile_mape, 0.0, "share"),
    "gini": Metric(gini, 1.0, "", more_is_better=True),
    "spearman": Metric(spearman, 1.0, "", more_is_better=True),
    **{
        name: Metric(partial(top_capture, share=share), 1.0, "share", more_is_better=True)
        for name, share in TOP_SHARES.items()
    },
    "deviance": Metric(deviance, 0.0, ""),
    "wmape": Metric(wmape, 0.0, "share"),
    "mae": Metric(mae, 0.0, "currency"),
    "rmse": Metric(rmse, 0.0, "currency"),
}

#: Metrics of "buys in the horizon": (bought, p_buy) -> float, for models that give a probability.
PURCHASE_METRICS = {
    "buy_auc": Metric(auc, 1.0, "", more_is_better=True),
    "buy_brier": Metric(brier, 0.0, ""),
}


def _tied(true: np.ndarray, pred: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, per distinct prediction from the highest: customers, money spent, money predicted.

    During a training each ranking is computed once, because seven metrics read it.
    """
    return once(partial(_ties, true, pred), "ties", true, pred, most=_MOST_ORDERS)


def _ties(true: np.ndarray, pred: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = np.argsort(-pred)
    starts = np.flatnonzero(np.diff(pred[order], prepend=np.nan))
    counts = np.diff(starts, append=len(pred))
    place = np.repeat(np.arange(len(starts)), counts)
    tied = np.flatnonzero(counts[place] > 1)
    # Ties sorted by what was spent: sums of floats then come out the same in every order of the rows.
    rows = order[tied]
    order[tied] = rows[np.lexsort((true[rows], place[tied]))]
    return counts, np.bincount(place, weights=true[order]), pred[order[starts]] * counts


def _gains_area(true: np.ndarray, pred: np.ndarray) -> float:
    share, gained = gains(true, pred)
    return float(np.trapezoid(gained, share) - 0.5)
