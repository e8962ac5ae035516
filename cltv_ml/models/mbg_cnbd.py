"""MBG/CNBD-k: MBG/NBD with purchases that are more regular than Poisson."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import betainc, betaln, digamma, gammaln

from cltv_ml.errors import InputError
from cltv_ml.models import beta_geometric
from cltv_ml.models.base import check_columns
from cltv_ml.models.distinct_rows import in_parts, on_distinct
from cltv_ml.models.fitting import Params, check_weights
from cltv_ml.models.likelihood import Maximum
from cltv_ml.models.problem import Problem
from cltv_ml.models.purchase_history import Rows
from cltv_ml.models.purchases import Answer, PurchaseModel
from cltv_ml.models.simulation import draw_gamma, draw_last, draw_poisson

#: Between these a ladder's numbers stand for all others; from 200 on each is 1% above the one before.
_EDGES = np.unique(np.rint(np.r_[np.arange(200.0), 200 * 1.01 ** np.arange(2300)]))
_MOST_REGULAR, _SEARCHED = 12, 4  # as in BTYDplus: up to 12, and 1 to 4 in any case


class MBGCNBD(PurchaseModel):
    """Gaps ~ Erlang(k, lambda), lambda ~ Gamma(r, alpha); customers leave after each purchase with p ~ Beta(a, b).

    Reutterer, Platzer and Schroeder (2021), "Leveraging purchase regularity for predicting customer behavior
    the easy way". Every purchase is the k-th event of a Poisson process, and the number of events since the
    last purchase is integrated out; expectations are exact sums where BTYDplus approximates.

    Parameters
    ----------
    k
        Regularity; 1 is MBG/NBD. None tries 1, 2, ... 12 and keeps the most likely.
        With a column `litt`, the sum of the logarithms of a customer's gaps as in BTYDplus, each gap counts
        towards that choice; without it, only their sum, `recency`, does.
    """

    name = "mbg_cnbd"
    param_names = ("r", "alpha", "a", "b")
    chunk = 2048

    def __init__(self, time_unit: str = "days", k: int | None = None) -> None:
        self.time_unit = time_unit
        self.k = k

    def fit(
        self, X: pd.DataFrame, y: pd.Series | None = None, weights: np.ndarray | pd.Series | None = None
    ) -> Self:
        """Estimate k, r, alpha, a and b by maximum likelihood and return the model."""
        if self.k is not None and (self.k != int(self.k) or not 1 <= self.k <= 100):
            raise InputError(f"MBGCNBD: k must be a whole number from 1 to 100 or None, got {self.k!r}.")
        problem = self._problem(X, weights)
        self.k_, maximum = self._search(problem, X, weights)
        self._learn(maximum, problem)
        self.params_ = {"k": float(self.k_), **self.params_}
        self.log_likelihood_ += self._regularity(X, weights)
        free = 5 if self.k is None else 4
        self.aic_ = 2 * free - 2 * self.log_likelihood_
        self.bic_ = float(np.log(self.n_customers_)) * free - 2 * self.log_likelihood_
        return self

    def _search(
        self, problem: Problem, X: pd.DataFrame, weights: np.ndarray | pd.Series | None
    ) -> tuple[int, Maximum]:
        """Return the most likely k and its maximum: each k is climbed from where the one before ended, the
        most likely once more from every start.
        """
        best, highest, near = 1, -np.inf, None
        for k in range(1, _MOST_REGULAR + 1) if self.k is None else [int(self.k)]:
            self.k_ = k
            starts = self._starts(problem.rate)
            if near is not None:
                starts = [near * [1, (k - 1) / k, 1, 1], starts[0]]
            maximum = self._maximum(problem, starts)
            near, height = np.exp(maximum.theta), maximum.log_likelihood + self._regularity(X, weights)
            if height > highest + 1e-9:  # a regularity that explains nothing is none
                best, highest, best_maximum = k, height, maximum
            elif k >= _SEARCHED:
                break
        self.k_ = best
        if best > 1 and self.k is None:
            best_maximum = self._maximum(problem, [np.exp(best_maximum.theta), *self._starts(problem.rate)])
        return best, best_maximum

    def with_params(self, params: Mapping[str, float]) -> Self:
        """Return the model with known parameters; `k` is among them or the constructor's."""
        self.k_ = int(params.get("k", self.k or 1))
        super().with_params({name: value for name, value in params.items() if name != "k"})
        self.params_ = {"k": float(self.k_), **self.params_}
        return self

    def _regularity(self, X: pd.DataFrame, weights: np.ndarray | pd.Series | None) -> float:
        """Return the part of the log-likelihood that depends on k and the data only."""
        x, tx, T = self._read(X)
        weight = check_weights(self, weights, len(X))
        some = x > 0
        if not (tx > 0).any():
            return 0.0
        k, time = self.k_, np.log(weight @ T / weight.sum())
        # repeat purchases at age 0 are times rounded down: they came within half of the shortest one seen
        x, tx, weight = x[some], np.maximum(tx[some], tx[tx > 0].min() / 2), weight[some]
        if "litt" in X.columns:
            gaps = check_columns(self, X, ("litt",))[some, 0] - x * time
            return float(weight @ ((k - 1) * gaps - x * gammaln(k)))
        return float(weight @ ((k - 1) * x * (np.log(tx) - time) - gammaln(k * x) + gammaln(x)))

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        rate *= self.k_
        return [
            (r, r / rate, a, b)
            for r, a, b in ((0.7, 0.8, 2.5), (3.0, 1.0, 10.0), (0.3, 0.2, 0.5), (1, 5, 50))
        ]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        r, alpha, a, b = params
        p, log_T, log_tx = r + self.k_ * rows.x, np.log(alpha + rows.T), np.log(alpha + rows.tx)
        stages, stage = self._stages(params, rows.x, rows.tx, rows.T)
        alive = _log_sum(stages)
        within = np.exp(stages - alive)
        gone = np.log(a / (b + rows.x)) + gammaln(p) - p * log_tx
        dead = np.exp(-np.logaddexp(0.0, alive - gone))
        lives = 1 - dead
        stay, by_a, by_b = beta_geometric.stayed(a, b, rows, 1)
        value = r * np.log(alpha) - gammaln(r) + stay + np.logaddexp(alive, gone)
        by_r = lives * ((within * digamma(p + stage)).sum(axis=0) - log_T) + dead * (digamma(p) - log_tx)
        events = (within * stage).sum(axis=0)
        by_alpha = -lives * (p + events) / (alpha + rows.T) - dead * p / (alpha + rows.tx)
        return value, (
            np.log(alpha) - digamma(r) + by_r,
            r / alpha + by_alpha,
            by_a + dead / a,
            by_b - dead / (b + rows.x),
        )

    def _stages(
        self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the log-weight of being alive with 0 ... k - 1 events since the last purchase, shape (k, n)."""
        r, alpha, _, _ = params
        stage = np.arange(float(self.k_))[:, None]
        p = r + self.k_ * x + stage
        waited = np.log(np.maximum(T - tx, 1e-290))
        return gammaln(p) - gammaln(stage + 1) + stage * waited - p * np.log(alpha + T), stage

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        r, alpha, a, b = params
        p = r + self.k_ * x
        gone = np.log(a / (b + x)) + gammaln(p) - p * np.log(alpha + tx)
        return np.exp(-np.logaddexp(0.0, gone - _log_sum(self._stages(params, x, tx, T)[0])))

    def _newcomer(self, params: Params) -> tuple[np.ndarray | float, Params]:
        r, alpha, a, b = params
        return b / (a + b), (r, alpha, a, b + 1, 0.0 * r)

    def _if_alive(self, columns: tuple[np.ndarray, ...], answer: Answer) -> np.ndarray:
        """Return the answer as a mean over the unobserved events since the last purchase, given recency."""
        r, alpha, a, b = self._own(())
        x, tx, T = columns

        def by_stage(x: np.ndarray, T: np.ndarray) -> np.ndarray:
            """Return the answer for each number of events since the last purchase, shape (n, k)."""
            parts = [
                answer((r + self.k_ * x + stage, alpha + T, a + 0 * x, b + x + 1, stage + 0 * x))
                for stage in range(self.k_)
            ]
            return np.stack(parts, axis=1)

        # recency matters to the weights of the stages only
        answers = on_distinct(lambda *distinct: in_parts(by_stage, distinct, self.chunk), x, T)
        stages, _ = self._stages((r, alpha, a, b), x, tx, T)
        return np.einsum("kn,nk->n", np.exp(stages - _log_sum(stages)), answers)

    def _reached(self, params: Params, t: float) -> Callable[[np.ndarray], np.ndarray]:
        """Return the probability of at least m times k events, less those already made, in `t`."""
        r, alpha, _, _, stage = (np.asarray(param)[..., None] for param in params)
        z = t / (alpha + t)

        def reached(m: np.ndarray) -> np.ndarray:
            """Return P(time for at least `m` purchases)."""
            return np.where(m > 0, betainc(np.maximum(m * self.k_ - stage, 0.5), r, z), 1.0)

        return reached

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        """Return the sum over m of P(time for an m-th purchase) P(not gone before it)."""
        m, step = _ladder(params, t, self.k_)
        r, alpha, *_, stage = params
        most = betainc(np.maximum(m * self.k_ - np.max(stage), 0.5), np.max(r), t / (np.min(alpha) + t))
        m, step = m[most > 1e-20], step[most > 1e-20]  # beyond, nobody's next purchase adds to the last digit
        return (step * self._reached(params, t)(m) * _stays(params, m - 1)).sum(axis=-1)

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        m, step = _ladder(params, t, self.k_)
        lost = _stays(params, m - 1) - _stays(params, m)  # gone after purchase m, if time allowed it
        return np.maximum(1 - (step * self._reached(params, t)(m) * lost).sum(axis=-1), 0.0)

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        return 1 - self._reached(params, t)(np.array([1.0]))[..., 0]

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        """Return P(time for n but not n + 1, never gone) + P(time for n, gone after it)."""
        m = np.array([float(n), n + 1.0])
        reached, stays = self._reached(params, t)(m), _stays(params, m - 1)
        stays_on = _stays(params, m[:1])[..., 0]
        exactly = np.maximum(reached[..., 0] - reached[..., 1], 0.0) * stays_on
        return exactly + reached[..., 0] * (stays[..., 0] - stays_on)

    def _sample(
        self, params: Params, history: tuple[np.ndarray, ...], t: float, size: int, rng: np.random.Generator
    ) -> np.ndarray:
        (x, tx, T), (r, alpha, a, b) = history, params
        shape = (len(x), size)
        stages, _ = self._stages(params, x, tx, T)
        climbed = np.cumsum(np.exp(stages - _log_sum(stages)), axis=0)
        stage = (rng.random(shape)[None] > climbed[:-1, :, None]).sum(axis=0)
        alive = rng.random(shape) < self._p_alive(params, x, tx, T)[:, None]
        rate = rng.gamma(r + self.k_ * x[:, None] + stage) / (alpha + T[:, None])
        bought = (draw_poisson(rate * t, rng) + stage) // self.k_
        last = draw_last(rng.beta(a, b + x[:, None] + 1, shape), rng)
        return np.where(alive, np.minimum(bought, last), 0).astype(np.int64)

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        r, alpha, a, b = params
        rate = draw_gamma(r, alpha, T.shape, rng)
        last = draw_last(rng.beta(a, b, T.shape), rng) - 1
        events = draw_poisson(rate * T, rng)
        would = events // self.k_
        x = np.minimum(would, last).astype(np.float64)
        nth = np.maximum(x * self.k_, 1)
        recency = np.where(x > 0, T * rng.beta(nth, np.maximum(events - nth, 0) + 1), 0.0)
        after = (events + draw_poisson(rate * horizon, rng)) // self.k_
        later = np.where(would < last, np.minimum(after, last) - np.minimum(would, last), 0)
        return x, recency, would < last, later.astype(np.int64)


def _stays(params: Params, m: np.ndarray) -> np.ndarray:
    """Return the probability of not leaving after any of `m` purchases, shape (n, len(m))."""
    _, _, a, b, _ = (np.asarray(param)[..., None] for param in params)
    return np.exp(betaln(a, b + m) - betaln(a, b))


def _ladder(params: Params, t: float, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of purchases 1, 2, 3 ... and how many each stands for: every one up to 200, then ever
    fewer, as the terms of the sum change slowly. A longer `t` only adds numbers, so that no sum falls with it.
    """
    r, alpha, *_ = params
    mean = np.max(r / alpha) * t / k
    most = int(min(mean + 40 * np.sqrt(mean * (1 + t / np.min(alpha)) + 1) + 50, 1e12))
    if most <= 200:
        return np.arange(1.0, most + 1), np.ones(most)
    edges = _EDGES[: np.searchsorted(_EDGES, most) + 1]
    return (edges[:-1] + 1 + edges[1:]) / 2, np.diff(edges)


def _log_sum(logs: np.ndarray) -> np.ndarray:
    most = logs.max(axis=0)
    return most + np.log(np.exp(logs - most).sum(axis=0))
