"""Interface of purchase models: expected purchases, time of the next one, and P(alive) per customer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Self

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_fitted
from cltv_ml.models.distinct_rows import group_rows, in_parts, on_distinct
from cltv_ml.models.fitting import LikelihoodModel, Params
from cltv_ml.models.inputs import as_pandas
from cltv_ml.models.predictive import PLAUSIBLE, between, check_coverage, draw_parameters, row_blocks
from cltv_ml.models.purchase_history import to_time

(_NODES, _WEIGHTS), (_MOMENTS, _SHARES) = (
    ((nodes + 1) / 2, weights / 2) for nodes, weights in map(np.polynomial.legendre.leggauss, (12, 32))
)

#: The behaviour of a customer known to be alive, as a function of their parameters.
Answer = Callable[[Params], np.ndarray]


class PurchaseModel(LikelihoodModel):
    """A model of how often customers buy and when they stop.

    Besides `_terms` a subclass writes `_p_alive`, P(alive now | history), and the process of a customer
    known to be alive: `_survivor` gives its parameters after a history, the functions `_alive_*` its
    answers. Lengths of time `t` are in the model's `time_unit`, or a text with a unit, such as "39w".
    Answers have shape (n,), aligned with the rows of `X`; a new customer is a row of zeros (of ones for SBG).
    """

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns besides the history that a prediction reads: the covariates."""
        return (*self.purchase_covariates, *self.dropout_covariates)

    @property
    def learns_from(self) -> tuple[str, ...]:
        """The columns besides those that `fit` reads."""
        return ()

    def predict(self, X: pd.DataFrame, t: float | str = 1.0) -> np.ndarray:
        """Return the expected purchases in the next `t`, by default one unit of time, shape (n,)."""
        return self.expected_purchases(X, t)

    def expected_purchases(self, X: pd.DataFrame, t: float | str) -> np.ndarray:
        """Return the expected purchases in the next `t`."""
        length = self._length(t)
        return self._now(X, lambda params: self._alive_expected(params, length))

    def expected_by_length(self, X: pd.DataFrame, lengths: Sequence[float]) -> dict[float, np.ndarray]:
        """Return `expected_purchases(X, t)` for several `t`, for little more than the cost of one."""
        answers = [partial(self._alive_expected, t=self._length(t)) for t in lengths]
        return dict(zip(lengths, self._alive_and_now(X, *answers)[1:], strict=True))

    def alive_and_expected(self, X: pd.DataFrame, t: float | str) -> tuple[np.ndarray, np.ndarray]:
        """Return `p_alive(X)` and `expected_purchases(X, t)` for little more than the cost of one."""
        length = self._length(t)
        alive, expected = self._alive_and_now(X, lambda params: self._alive_expected(params, length))
        return alive, expected

    def p_alive(self, X: pd.DataFrame, t: float | str = 0.0) -> np.ndarray:
        """Return the probability of still being a customer `t` from now."""
        length = self._length(t)
        return self._now(X, (lambda params: self._alive_survival(params, length)) if length else None)

    def p_no_purchase(self, X: pd.DataFrame, t: float | str) -> np.ndarray:
        """Return the probability of no purchase in the next `t`: the usual meaning of churn."""
        length = self._length(t)
        return np.clip(1 - self._now(X, lambda params: 1 - self._alive_none(params, length)), 0.0, 1.0)

    def purchase_pmf(self, X: pd.DataFrame, n: int, t: float | str) -> np.ndarray:
        """Return the probability of exactly `n` purchases in the next `t`."""
        if n != int(n) or n < 0:
            raise InputError(f"{type(self).__name__}: n counts purchases and must be whole, got {n!r}.")
        if n == 0:
            return self.p_no_purchase(X, t)
        length = self._length(t)
        return np.clip(self._now(X, lambda params: self._alive_pmf(params, int(n), length)), 0.0, 1.0)

    def discounted_expected_purchases(self, X: pd.DataFrame, t: float | str, rate: float) -> np.ndarray:
        """Return the expected purchases in the next `t`, one at time u counted as exp(-rate u).

        `rate` is compounded continuously, per unit of the model's time: an effective yearly rate of 15% is
        ln(1.15) / 52 for weeks. Each purchase is discounted from its own moment. `t` may be infinite where
        the sum is known to be finite (Pareto/NBD's DERT, which needs a positive rate).
        """
        length = to_time(self, t, infinite=True)
        if not (np.isfinite(rate) and rate >= 0):
            raise InputError(f"{type(self).__name__}: rate must be finite and not negative, got {rate!r}.")
        return self._now(X, lambda params: self._alive_discounted(params, length, float(rate)))

    def expected_next_purchase(self, X: pd.DataFrame, t: float | str) -> np.ndarray:
        """Return the expected time until the next purchase, if there is one in the next `t`.

        Without that condition the mean is infinite for most customers: some never come back. The
        probability of that condition is 1 - p_no_purchase(X, t); the date is the cutoff plus this time.
        """
        length = self._length(t)

        def wait(params: Params) -> np.ndarray:
            """Return the mean wait of customers who buy within the length."""
            last = self._alive_none(params, length)
            grid = [(float(i), 1.0) for i in range(int(length))] if self.discrete else _time_grid(length)
            area = sum(weight * np.maximum(self._alive_none(params, u) - last, 0.0) for u, weight in grid)
            return np.where(
                last < 1 - 1e-12, np.minimum(area / np.maximum(1 - last, 1e-12), length), length / 2
            )

        return self._mean_now(X, wait)

    def expected_new_customer_purchases(self, t: float | str) -> float:
        """Return the expected repeat purchases of a new customer in their first `t`."""
        return self._new(self._alive_expected, t, 0.0)

    def new_customer_pmf(self, n: int, t: float | str) -> float:
        """Return the probability that a new customer makes exactly `n` repeat purchases in their first `t`."""
        if n == 0:
            return self._new(self._alive_none, t, 1.0)
        return self._new(lambda params, length: self._alive_pmf(params, n, length), t, 0.0)

    def sample(self, X: pd.DataFrame, t: float | str, size: int = 1000, seed: int = 0) -> np.ndarray:
        """Return `size` draws of each customer's purchases in the next `t`, shape (n, size), int64.

        Each draw takes the customer's own rates from their posterior given their history and the fitted
        parameters, then their purchases. The same seed gives the same draws.
        """
        check_fitted(self)
        return np.concatenate([draws for _, draws in self._draw([self], X, self._length(t), size, seed)])

    def predict_interval(
        self, X: pd.DataFrame, t: float | str, coverage: float = 0.9, *, size: int = 500, seed: int = 0
    ) -> pd.DataFrame:
        """Return `purchases_lower` and `purchases_upper`, between which the purchases of the next `t` lie with a
        probability as near to `coverage` as whole numbers allow, by `X.index`.

        The interval holds both the chance in purchases given the customer's rates and the uncertainty of the
        parameters. Over a population it covers `coverage`. Customers who buy nothing with a higher probability are
        covered more often: their interval is zero alone, and no interval is narrower.
        """
        check_fitted(self)
        check_coverage(self, coverage)
        models = self._plausible(np.random.default_rng([seed, 1]))
        bounds = [between(draws, coverage) for _, draws in self._draw(models, X, self._length(t), size, seed)]
        return pd.DataFrame(
            np.concatenate(bounds), index=as_pandas(X).index, columns=["purchases_lower", "purchases_upper"]
        )

    def _draw(
        self, models: Sequence[Self], X: pd.DataFrame, t: float, size: int, seed: int
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield draws of purchases for one block of rows after another, in equal parts from each of `models`."""
        columns = (*self._read(X), *np.column_stack(self._covariates(X)).T)
        counts = [len(block) for block in np.array_split(np.arange(size), len(models))]
        rng = np.random.default_rng(seed)
        for rows in row_blocks(len(X), size):
            x, tx, T, *covariates = (column[rows] for column in columns)
            draws = [
                model._sample(model._own(covariates), (x, tx, T), t, count, rng)
                for model, count in zip(models, counts, strict=True)
            ]
            yield rows, np.concatenate(draws, axis=1)

    def draw_with(self, rng: np.random.Generator, X: pd.DataFrame, t: float, size: int) -> np.ndarray:
        """Return draws of each customer's purchases in `t` of the model's units, shape (n, size), by a generator."""
        columns = (*self._read(X), *np.column_stack(self._covariates(X)).T)
        x, tx, T, *covariates = columns
        return self._sample(self._own(covariates), (x, tx, T), t, size, rng)

    def _plausible(self, rng: np.random.Generator, count: int = PLAUSIBLE) -> list[Self]:
        """Return copies of the model with parameters drawn from their uncertainty."""
        names, shapes = self._all_names(), len(self.param_names)
        if hasattr(self, "posterior_"):
            drawn = self.posterior_[rng.integers(len(self.posterior_), size=count)]
            return [
                copy.copy(self).with_params(dict(zip(names, map(float, one), strict=True))) for one in drawn
            ]
        if not hasattr(self, "covariance_"):
            return [self]
        centre = np.array([self.params_[name] for name in names])
        centre[:shapes] = np.log(centre[:shapes])
        models = []
        for theta in draw_parameters(centre, self.covariance_, count, rng):
            values = np.r_[np.exp(np.clip(theta[:shapes], -300, 300)), theta[shapes:]]
            model = copy.copy(self)
            model.params_ = {**self.params_, **dict(zip(names, map(float, values), strict=True))}
            models.append(model)
        return models

    def simulate(self, n: int, T: float | np.ndarray, seed: int = 0, horizon: float = 0.0) -> pd.DataFrame:
        """Return `n` simulated customers observed until age `T`, with what they do in the `horizon` after.

        Columns `frequency`, `recency`, `T` (or how the model calls them), `alive` at T and `purchases` in
        the horizon: the truth to test forecasts against. Covariates are zero. Needs `fit` or `with_params`.
        """
        check_fitted(self)
        rng = np.random.default_rng(seed)
        age = np.broadcast_to(np.asarray(T, dtype=np.float64), (n,))
        values = tuple(np.asarray(self.params_[name]) for name in self.param_names)
        x, tx, alive, later = self._simulate(values, age, horizon, rng)
        frame = dict(zip(self.columns, (x, tx, age)[-len(self.columns) :], strict=True))
        return pd.DataFrame({**frame, "alive": alive, "purchases": later})

    def with_params(self, params: Mapping[str, float]) -> Self:
        """Return the model with known parameters in place of fitted ones.

        >>> from cltv_ml.models import BGNBD
        >>> model = BGNBD("weeks").with_params({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
        >>> round(model.expected_new_customer_purchases(52), 3)
        1.446
        """
        names = self._all_names()
        if set(params) != set(names) or not all(np.isfinite(value) for value in params.values()):
            raise InputError(
                f"{type(self).__name__}: params must give a finite number for each of {names}, got {params}."
            )
        self.params_ = {name: float(params[name]) for name in names}
        return self

    # ------------------------------------------------------------ how it is done

    def _length(self, t: float | str) -> float:
        """Return `t` in the model's unit, whole for a model that counts opportunities."""
        length = to_time(self, t)
        if self.discrete and length != int(length):
            raise InputError(f"{type(self).__name__}: t counts opportunities and must be whole, got {t!r}.")
        return length

    def _now(self, X: pd.DataFrame, answer: Answer | None) -> np.ndarray:
        """Return P(alive) times the `answer` for a customer known to be alive, P(alive) itself without one."""
        return self._alive_and_now(X, *([] if answer is None else [answer]))[-1]

    def _alive_and_now(self, X: pd.DataFrame, *answers: Answer) -> tuple[np.ndarray, ...]:
        """Return P(alive), and that times each of the `answers`."""
        check_fitted(self)
        distinct, place = group_rows((*self._read(X), *np.column_stack(self._covariates(X)).T))
        return tuple(part[place] for part in self._of_distinct(tuple(distinct), answers))

    def _of_distinct(
        self, columns: tuple[np.ndarray, ...], answers: Sequence[Answer]
    ) -> tuple[np.ndarray, ...]:
        """Return `_alive_and_now` of distinct customers."""
        alive = self._alive_now(columns)
        return (alive, *(alive * self._if_alive(columns, answer) for answer in answers))

    def _alive_now(self, columns: tuple[np.ndarray, ...]) -> np.ndarray:
        """Return P(alive) of distinct customers."""
        return in_parts(
            lambda x, tx, T, *covariates: self._p_alive(self._own(covariates), x, tx, T), columns, self.chunk
        )

    def _mean_now(self, X: pd.DataFrame, answer: Answer) -> np.ndarray:
        """Return the `answer` for a customer known to be alive."""
        check_fitted(self)
        columns = (*self._read(X), *np.column_stack(self._covariates(X)).T)
        return on_distinct(lambda *columns: self._if_alive(columns, answer), *columns)

    def _if_alive(self, columns: tuple[np.ndarray, ...], answer: Answer) -> np.ndarray:
        """Return the answer, once for each distinct purchases and age: recency matters to P(alive) only."""
        x, _, T, *covariates = columns

        def once(x: np.ndarray, T: np.ndarray, *given: np.ndarray) -> np.ndarray:
            """Return the answer for customers known to be alive."""
            return answer(self._survivor(self._own(given), x, T))

        return on_distinct(lambda *distinct: in_parts(once, distinct, self.chunk), x, T, *covariates)

    def _new(self, answer: Callable[[Params, float], np.ndarray], t: float | str, if_gone: float) -> float:
        """Return an answer for a customer who has just made their first purchase."""
        check_fitted(self)
        values = tuple(np.array([self.params_[name]]) for name in self.param_names)
        alive, params = self._newcomer(values)
        return float(np.mean(alive * answer(params, self._length(t)) + (1 - alive) * if_gone))

    def _sample(
        self, params: Params, history: tuple[np.ndarray, ...], t: float, size: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Return draws of the purchases in `t`, shape (n, size), of customers with the x, tx and T in `history`."""
        x, tx, T = history
        alive = rng.random((len(x), size)) < self._p_alive(params, x, tx, T)[:, None]
        later = self._alive_sample(
            tuple(np.asarray(p)[..., None] for p in self._survivor(params, x, T)), t, size, rng
        )
        return np.where(alive, later, 0)

    # ------------------------------------------------- what a paper's file says

    def _newcomer(self, params: Params) -> tuple[np.ndarray | float, Params]:
        """Return P(alive) and the process of a customer right after their first purchase."""
        return 1.0, params

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        """Return the parameters of a customer alive at `T` after `x` purchases."""
        raise NotImplementedError

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        """Return the expected purchases in `t`."""
        raise NotImplementedError

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        """Return the probability of being alive after `t` more."""
        raise NotImplementedError

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        """Return the probability of no purchase in `t`."""
        raise NotImplementedError

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        """Return the probability of `n` > 0 purchases in `t`."""
        raise NotImplementedError

    def _alive_discounted(self, params: Params, t: float, rate: float) -> np.ndarray:
        """Return the discounted purchases in `t`; by parts, the rate times the integral of exp(-rate u) E(u)
        joins exp(-rate t) E(t), so that nothing is subtracted.
        """
        if np.isinf(t):
            raise InputError(f"{type(self).__name__}: t must be finite; only ParetoNBD accepts t = inf.")
        total = np.exp(-rate * t) * self._alive_expected(params, t)
        if rate > 0 and t > 0:
            for node, weight in zip(_NODES, _WEIGHTS, strict=True):
                u = t * node**2  # dense where purchases begin
                total = total + 2 * node * weight * t * rate * np.exp(-rate * u) * self._alive_expected(
                    params, u
                )
        return total

    def _alive_sample(self, params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
        """Return draws of the purchases in `t`; parameters have shape (n, 1)."""
        raise NotImplementedError

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return purchases until T, age at the last, whether alive at T, and purchases in the horizon."""
        raise NotImplementedError


def _time_grid(t: float) -> list[tuple[float, float]]:
    """Return points and weights of an integral over [0, t], dense at 0: a heavy buyer's next purchase is hours away."""
    return [(t * node**5, 5 * t * node**4 * weight) for node, weight in zip(_MOMENTS, _SHARES, strict=True)]
