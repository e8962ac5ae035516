r"""Pareto/GGG: each customer has an individual rhythm and may leave at any moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import betaincinv, digamma, gammaln

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_columns, check_fitted
from cltv_ml.models.distinct_rows import group_rows, in_parts
from cltv_ml.models.fitting import Params
from cltv_ml.models.gaps import (
    MOMENTS,
    NATS,
    after_next,
    draw_renewals,
    legendre,
    log_gap,
    log_quiet,
    quiet,
    waits,
    window,
)
from cltv_ml.models.ggg_table import answer_many
from cltv_ml.models.likelihood import Maximum
from cltv_ml.models.problem import Problem
from cltv_ml.models.purchase_history import DAYS_IN, Rows
from cltv_ml.models.purchases import Answer, PurchaseModel
from cltv_ml.models.simulation import draw_gamma

#: The sum of the logarithms of the days between a customer's purchase days.
LOG_GAPS = "log_gaps"

_RHYTHMS = legendre(24)
_LEAST, _MOST = -40.0, 11.0  # log k: below, all purchases come at once; above, like clockwork
_REACH = np.array([4.0, 5, 6, 7.5, 10, 14, 20, 30, 50, 90])  # standard deviations tried for it
_TABLE_FROM = 5_000  # distinct customers from which answers are read from a table
_CLOCKWORK = 40.0  # k from which later purchases are spread as if it were this, which quadrature can follow


class ParetoGGG(PurchaseModel):
    """Gaps ~ Gamma(k, k lambda), k ~ Gamma(t, gamma), lambda ~ Gamma(r, alpha), until a lifetime of rate mu ~ Gamma(s,
    beta) ends: the larger a customer's k, the more regular their purchases, and the sooner silence shows that they
    have left.

    Platzer and Reutterer (2016), "Ticking Away the Moments: Timing Regularity Helps to Better Predict Customer
    Activity". The paper samples the parameters; here they maximise the likelihood. The purchase rate is
    integrated out exactly, which leaves beta distributions; k and the moment of the purchase that did not come are
    integrated by Gauss-Legendre quadrature around their mass. With k = 1 for everyone it is Pareto/NBD.

    A row needs the column `log_gaps`, the sum of the logarithms of the gaps between purchase days, in days.
    """

    name = "pareto_ggg"
    param_names = ("t", "gamma", "r", "alpha", "s", "beta")
    time_params = ("alpha", "beta")
    chunk = 256
    samples: ClassVar[tuple[int, ...]] = (600, 4_000)

    @property
    def reads(self) -> tuple[str, ...]:
        """The column that measures the rhythm."""
        return (LOG_GAPS,)

    def _covariates(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return the sum of the logarithms of the gaps in the model's unit, zero without a repeat purchase."""
        x, tx, _ = self._read(X)
        day = DAYS_IN[self.time_unit]
        logs = np.where(x > 0, check_columns(self, X, (LOG_GAPS,))[:, 0] - x * np.log(day), 0.0)
        most = x * np.log(np.maximum(tx, 1e-9) / np.maximum(x, 1))
        wrong = ~(logs <= most + 1e-6 * (1 + np.abs(most))) & (tx > 0)
        if wrong.any():
            impossible = check_columns(self, X, (LOG_GAPS,))[wrong, 0]
            raise InputError(
                f"ParetoGGG: {LOG_GAPS} is the sum of the logarithms of the days between purchases, at most frequency "
                f"times log(recency / frequency); found {impossible[0]:g} in {len(impossible)} rows."
            )
        return np.where(x > 0, np.minimum(logs, most), 0.0)[:, None], np.zeros((len(X), 0))

    def _problem(self, X: pd.DataFrame, weights: np.ndarray | pd.Series | None) -> Problem:
        problem = super()._problem(X, weights)
        gaps = problem.rows.purchase * problem.spread[0] - problem.rows.x[:, None] * np.log(problem.time)
        return Problem(replace(problem.rows, purchase=gaps), problem.time, ())

    def _own(self, covariates: Sequence[np.ndarray]) -> Params:
        return (*(np.asarray(self.params_[name]) for name in self.param_names), covariates[0])

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        shapes = ((2.0, 1.0, 0.7, 0.7), (8.0, 8.0, 0.7, 0.7), (1.0, 0.3, 2.0, 2.0), (1.0, 2.0, 0.3, 0.2))
        return [(t, gamma, r, r / rate, s, s / 0.7) for t, gamma, r, s in shapes]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        t, gamma, r, alpha, s, beta = params
        k, logs, a, b = _rhythms(params, rows.x, rows.tx, rows.purchase[:, 0])
        wait, by_a, by_b, by_s, by_beta = waits(k, a, b, s, beta + rows.tx, rows.T - rows.tx)
        logs = logs + np.log(wait)
        top = logs.max(axis=1, keepdims=True)
        share = np.exp(logs - top)
        total = share.sum(axis=1, keepdims=True)
        share /= total
        log_b, left = np.log(b), s * (np.log(beta) - np.log(beta + rows.tx))

        def mean(of: np.ndarray) -> np.ndarray:
            """Return the mean over rhythms."""
            return (share * of).sum(axis=1)

        value = (
            np.log(total[:, 0])
            + top[:, 0]
            + t * np.log(gamma)
            - gammaln(t)
            + r * np.log(alpha)
            - gammaln(r)
            + left
        )
        return value, (
            np.log(gamma) - digamma(t) + mean(np.log(k)),
            t / gamma - mean(k),
            np.log(alpha) - digamma(r) + mean(digamma(a) - log_b + by_a / wait),
            r / alpha + mean(by_b / wait - a / b),
            left / s + mean(by_s / wait),
            s / beta - s / (beta + rows.tx) + mean(by_beta / wait),
        )

    def _maximum(
        self,
        problem: Problem,
        starts: Sequence[Sequence[float]],
        near: np.ndarray | None = None,
        samples: Sequence[int] | None = None,
    ) -> Maximum:
        """Return the highest likelihood; a sample as small as the first serves where it leads to a clear peak only."""
        found = super()._maximum(problem, starts, near, samples)
        if found.verdict == "converged" or near is not None or len(problem.rows) <= 2 * self.samples[0]:
            return found
        again = super()._maximum(problem, starts, near, self.samples[1:])
        return max(found, again, key=lambda end: end.log_likelihood)

    # ------------------------------------------------------------- the answers

    def alive_and_expected(self, X: pd.DataFrame, t: float | str) -> tuple[np.ndarray, np.ndarray]:
        """Return `p_alive(X)` and `expected_purchases(X, t)`: integrals for some thousands of distinct customers, for
        more of them what a table of these holds.
        """
        check_fitted(self)
        expected = partial(self._alive_expected, t=self._length(t))
        columns, place = group_rows((*self._read(X), self._covariates(X)[0][:, 0]))
        if len(columns[0]) < _TABLE_FROM:
            alive, bought = self._of_distinct(tuple(columns), [expected])
        else:
            params = tuple(np.asarray(self.params_[name]) for name in self.param_names)
            alive, bought = answer_many(
                lambda *some: self._of_distinct(some, [expected]), params, self._length(t), columns
            )
        return alive[place], bought[place]

    def expected_purchases(self, X: pd.DataFrame, t: float | str) -> np.ndarray:
        """Return the expected purchases in the next `t`."""
        return self.alive_and_expected(X, t)[1]

    def expected_by_length(self, X: pd.DataFrame, lengths: Sequence[float]) -> dict[float, np.ndarray]:
        """Return `expected_purchases(X, t)` for several `t`, none below that of a shorter one."""
        known = {} if len(X) >= _TABLE_FROM else super().expected_by_length(X, lengths)
        found, most = dict.fromkeys(lengths, np.zeros(len(X))), np.zeros(len(X))
        for t in sorted(lengths, key=self._length):
            found[t] = most = np.maximum(most, known[t] if known else self.expected_purchases(X, t))
        return found

    def p_alive(self, X: pd.DataFrame, t: float | str = 0.0) -> np.ndarray:
        """Return the probability of still being a customer `t` from now."""
        if len(X) < _TABLE_FROM:
            return super().p_alive(X, t)
        T = self._read(X)[2]
        stays = self._alive_survival((*self._own([T]), T), self._length(t))
        return self.alive_and_expected(X, 1.0)[0] * stays

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        *rates, beta, gaps = params
        k, logs, a, b = _rhythms((*rates, beta), x, tx, gaps)
        wait = waits(k, a, b, rates[4], beta + tx, T - tx)[0]
        weight = np.exp(logs - logs.max(axis=1, keepdims=True))
        stays = np.exp(-rates[4] * np.log1p((T - tx) / (beta + tx)))
        silent = (weight * quiet(k, a, b, (T - tx)[:, None])).sum(axis=1)
        return np.clip(stays * silent / (weight * wait).sum(axis=1), 0.0, 1.0)

    def _newcomer(self, params: Params) -> tuple[float, Params]:
        nothing = np.zeros(1)
        return 1.0, (*params, nothing, nothing, nothing, nothing)

    def _if_alive(self, columns: tuple[np.ndarray, ...], answer: Answer) -> np.ndarray:
        def of_alive(x: np.ndarray, tx: np.ndarray, T: np.ndarray, gaps: np.ndarray) -> np.ndarray:
            """Return the answer for customers known to be alive whose gaps show their rhythm."""
            return answer((*self._own((gaps,)), x, tx, T))

        return in_parts(of_alive, columns, self.chunk)

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        s, beta, T = params[4], params[5], params[-1]
        return np.exp(-s * np.log1p(t / (beta + T)))

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        return np.clip(1 - _next(params, t)[0], 0.0, 1.0)

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        """Return the expected purchases: the next one, and later ones by their density after it."""
        total, rows, comes, k, a, b, s, B, left = _next(params, t)
        return total + np.bincount(
            rows, comes * after_next(np.minimum(k, _CLOCKWORK), a, b, s, B, left), len(total)
        )

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        """Return P(at least n) - P(at least n + 1)."""
        total, rows, comes, k, a, b, s, B, left = _next(params, t)

        def at_least(m: int) -> np.ndarray:
            """Return the probability of m purchases within t, all while alive."""
            if m == 1:
                return total
            shape, integral = (m - 1) * k, 0.0 * left
            low, high = window(shape, a, b / k, 0 * left, left)
            for node, share in zip(*MOMENTS, strict=True):
                w = np.maximum(np.exp(low + (high - low) * node), 1e-290)
                density = log_gap(shape, a, b / k, w)
                integral = integral + (high - low) * share * w * np.exp(density - s * np.log1p(w / B))
            return np.bincount(rows, comes * integral, len(total))

        return np.clip(at_least(n) - at_least(n + 1), 0.0, 1.0)

    def _sample(
        self, params: Params, history: tuple[np.ndarray, ...], t: float, size: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Return draws, one step after the other: rhythm, next purchase, rate, lifetime, and purchases after the
        next.
        """
        (x, tx, T), (*rates, gaps) = history, params
        k, logs, a, b = _rhythms(params, x, tx, gaps)
        silent = log_quiet(k, a, b, (T - tx)[:, None])
        climbed = np.exp(logs + silent - (logs + silent).max(axis=1, keepdims=True)).cumsum(axis=1)
        shape = (len(x), size)
        place = (rng.random(shape)[:, :, None] * climbed[:, None, -1:] > climbed[:, None, :]).sum(axis=2)
        k, a, b = (
            np.take_along_axis(np.broadcast_to(values, k.shape), place, axis=1) for values in (k, a, b)
        )
        chance = np.exp(np.take_along_axis(silent, place, axis=1))
        share = np.maximum(betaincinv(a, k, rng.random(shape) * chance), 1e-290)
        y = np.maximum(b * (1 / share - 1) / k, (T - tx)[:, None])
        rate = draw_gamma(a + k, b + k * y, shape, rng)
        *_, s, beta = rates
        life = (beta + T)[:, None] * np.expm1(np.minimum(rng.exponential(1.0, shape) / s, 600.0))
        ahead = np.minimum(life, t) - (y - (T - tx)[:, None])
        alive = rng.random(shape) < self._p_alive(params, x, tx, T)[:, None]
        return np.where(alive & (ahead > 0), 1 + draw_renewals(k, k * rate * ahead, rng), 0)

    def simulate(self, n: int, T: float | np.ndarray, seed: int = 0, horizon: float = 0.0) -> pd.DataFrame:
        """Return simulated customers as `PurchaseModel.simulate` does, with the column `log_gaps`."""
        check_fitted(self)
        rng, age = np.random.default_rng(seed), np.broadcast_to(np.asarray(T, dtype=np.float64), (n,))
        t, gamma, r, alpha, s, beta = (np.asarray(self.params_[name]) for name in self.param_names)
        k, rate = draw_gamma(t, gamma, (n,), rng), draw_gamma(r, alpha, (n,), rng)
        life = rng.exponential(1.0, n) / np.maximum(draw_gamma(s, beta, (n,), rng), 1e-290)
        x, last, logs, moment, later = (np.zeros(n) for _ in range(5))
        going = np.arange(n)
        while len(going):
            gap = rng.gamma(k[going]) / np.maximum(k[going] * rate[going], 1e-290)
            moment[going] += gap
            going, gap = (one[moment[going] < np.minimum(life, age + horizon)[going]] for one in (going, gap))
            observed = moment[going] <= age[going]
            x[going] += observed
            later[going] += ~observed
            last[going[observed]] = moment[going[observed]]
            logs[going[observed]] += np.log(np.maximum(gap[observed], 1e-290) * DAYS_IN[self.time_unit])
        seen_by = dict(zip(self.columns, (x, last, age), strict=True))
        return pd.DataFrame(
            {**seen_by, LOG_GAPS: logs, "alive": life > age, "purchases": later.astype(np.int64)}
        )


def _rhythms(
    params: Params, x: np.ndarray, tx: np.ndarray, gaps: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return values of k, the logarithms of how much each counts given a customer's gaps, and the shape and scale of
    their rate given k, shapes (n, nodes) each.
    """
    t, gamma, r, alpha = (np.asarray(param) for param in params[:4])
    x, tx, gaps = x[:, None], tx[:, None], gaps[:, None]

    def height(log_k: np.ndarray) -> np.ndarray:
        """Return the log-density of log k."""
        k = np.exp(log_k)
        a, b = r + k * x, alpha + k * tx
        own = x * (k * log_k - gammaln(k)) + (k - 1) * gaps + gammaln(a) - a * np.log(b)
        return t * log_k - gamma * k + own

    def slope(log_k: np.ndarray) -> np.ndarray:
        """Return its derivative."""
        k = np.exp(log_k)
        a, b = r + k * x, alpha + k * tx
        own = x * (log_k + 1 - digamma(k) + digamma(a) - np.log(b)) + gaps - a * tx / b
        return t - gamma * k + k * own

    low, high = np.full(x.shape, _LEAST), np.full(x.shape, _MOST)
    for _ in range(16):
        middle = (low + high) / 2
        rises = slope(middle) > 0
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    mode, step = (low + high) / 2, 1e-3
    spread = 1 / np.sqrt(np.maximum((slope(mode - step) - slope(mode + step)) / (2 * step), 1e-2))
    ends = [mode + side * spread * _reach_of(height, mode, side * spread) for side in (-1.0, 1.0)]
    low, high = np.exp(np.clip(ends[0], _LEAST, _MOST) / 6), np.exp(np.clip(ends[1], _LEAST, _MOST) / 6)
    root = low + (high - low) * _RHYTHMS[0]  # of the cube root, which makes a gamma density nearly normal
    k = root**6
    logs = height(np.log(k)) + np.log(6 * (high - low) * _RHYTHMS[1] / root)
    return k, logs, r + k * x, alpha + k * tx


def _reach_of(height: Callable[[np.ndarray], np.ndarray], mode: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return the reach of a density around its mode, in units of `spread`."""
    fallen = height(mode) - height(np.clip(mode + spread * _REACH, _LEAST, _MOST)) > NATS
    return _REACH[np.where(fallen.any(axis=1), fallen.argmax(axis=1), len(_REACH) - 1)][:, None]


def _next(params: Params, t: float) -> tuple[np.ndarray, ...]:
    """Return the probability of a purchase within t of a customer who is alive; and by rhythm and moment of the next
    purchase, those that count one below the other: the customer's row, the probability, the process after it (k, a, b,
    s and the scale of the lifetime), and the time that is then left.
    """
    *_, s, beta, gaps, x, tx, T = params
    k, logs, a, b = _rhythms(params, x, tx, gaps)
    v = np.maximum(T - tx, 0.0)[:, None]
    silent = logs + log_quiet(k, a, b, v)
    top = silent.max(axis=1, keepdims=True)
    total = np.log(np.exp(silent - top).sum(axis=1, keepdims=True)) + top
    low, high = window(k, a, b / k, v + 0 * k, v + t + 0 * k)
    width = np.maximum(high - low, 0.0)[..., None]
    y = np.maximum(np.exp(low[..., None] + width * MOMENTS[0]), 1e-290)
    density = log_gap(k[..., None], a[..., None], (b / k)[..., None], y) + (logs - total)[..., None]
    B = (beta + tx)[:, None, None]
    comes = np.exp(density - s * np.log1p((y - v[..., None]) / (B + v[..., None]))) * y * width * MOMENTS[1]
    chance = comes.sum(axis=(1, 2))
    some = np.nonzero(comes > 1e-7 * chance[:, None, None])
    y, k, a, b, B = (
        np.broadcast_to(one, comes.shape)[some] for one in (y, *(z[..., None] for z in (k, a, b)), B)
    )
    return chance, some[0], comes[some], k, a + k, b + k * y, s, B + y, np.maximum(v[some[0], 0] + t - y, 0.0)
