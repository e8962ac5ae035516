r"""Pareto/NBD with rates that depend on the calendar: season, campaigns, prices, holidays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_columns, check_fitted
from cltv_ml.models.calendar_likelihood import by_slope, factor, log_gone, overlaps, terms, weigh_rows
from cltv_ml.models.calendar_path import (
    CUTOFF_DAY,
    MONTHS,
    Periods,
    at_purchases,
    path_weights,
    periods,
    spans,
    sums_at_purchases,
)
from cltv_ml.models.covariates import CovariateModel
from cltv_ml.models.fitting import Params, check_weights
from cltv_ml.models.pareto_nbd import expm1_over, log_nbd
from cltv_ml.models.problem import Problem
from cltv_ml.models.purchase_history import DAYS_IN, Rows
from cltv_ml.models.simulation import draw_gamma, draw_poisson

_SHRINK = 0.5  # log size expected of a month's effect, whose prior is normal around zero
_CELLS = 1 << 13  # customers times periods worked on at once
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


class ParetoNBDCalendar(CovariateModel):
    r"""Pareto/NBD with rates \(\lambda e^{\gamma'z(t)}\) of purchases and \(\mu e^{\delta'z(t)}\) of leaving.

    Bachmann, Meierer and Naef (2021), "The Role of Time-Varying Contextual Factors in Latent Attrition Models for
    Customer Base Analysis". With \(A\) and \(D\) the integrals of both factors from the first purchase on, a customer
    has the likelihood of Pareto/NBD in which \(A(t)\) and \(D(t)\) stand for the time, times the factors at their
    purchases. The integral over the moment of leaving is a sum over the periods in which nothing changes.

    Next to the history a row has the column `cutoff_day`, the day of its cutoff since 1970-01-01, and, for fitting,
    the columns that count repeat purchases by month and while a path keeps a value (`learns_from`, which are features),
    or one per path that sums it over the customer's repeat purchases (`calendar_path.at_purchases`).

    Parameters
    ----------
    time_unit, purchase_covariates, dropout_covariates, penalty
        As in `ParetoNBD`.
    months
        Whether purchases depend on the month of the year. A normal prior of standard deviation 0.5 holds the log
        effects near zero, and at zero for months outside the log.
    paths
        Further covariates by name: a value from each date to the next one, until the end of the forecast.
    dropout_paths
        Those of `paths` that move dropout as well.
    path_prior
        Standard deviation of a normal prior of each path's effect: of the log of a rate at the path's highest value
        less that at its lowest. Without it there is no prior.
    """

    name = "pareto_nbd_calendar"
    param_names = ("r", "alpha", "s", "beta")
    time_params = ("alpha", "beta")
    dropout_effect = (("beta", -1),)
    chunk = 1024
    samples = (4_000, 20_000)

    def __init__(  # noqa: PLR0913 -- scikit-learn reads a parameter from each argument
        self,
        time_unit: str = "days",
        purchase_covariates: Sequence[str] = (),
        dropout_covariates: Sequence[str] = (),
        penalty: float | tuple[float, float] = 0.0,
        months: bool = True,
        paths: Mapping[str, Mapping[str, float]] | None = None,
        dropout_paths: Sequence[str] = (),
        path_prior: float | None = None,
    ) -> None:
        super().__init__(time_unit, purchase_covariates, dropout_covariates, penalty)
        self.months = months
        self.paths = paths
        self.dropout_paths = dropout_paths
        self.path_prior = path_prior

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns besides the history that a prediction reads."""
        return (CUTOFF_DAY, *super().reads)

    @property
    def learns_from(self) -> tuple[str, ...]:
        """The columns that `fit` reads besides those of a prediction."""
        counted = [column for name, path in (self.paths or {}).items() for column in spans(name, path)]
        return tuple(dict.fromkeys([*(map(at_purchases, MONTHS) if self.months else ()), *counted]))

    def fit(
        self, X: pd.DataFrame, y: pd.Series | None = None, weights: np.ndarray | pd.Series | None = None
    ) -> Self:
        """Estimate the parameters and the effects of the calendar by maximum likelihood; return the model."""
        unknown = sorted(set(self.dropout_paths) - set(self.paths or {}))
        if unknown:
            raise InputError(f"{type(self).__name__}: dropout_paths {unknown} are not among the paths.")
        return super().fit(X, y, weights)

    @property
    def _path_names(self) -> tuple[str, ...]:
        return (*(MONTHS if self.months else ()), *(self.paths or {}))

    @property
    def _today(self) -> float:
        """The latest cutoff that was fitted; 2020-01-01 with known parameters."""
        return float(getattr(self, "last_day_", 18_262.0))

    def _all_names(self) -> list[str]:
        moving = [f"purchase:{name}" for name in self._path_names]
        return [*super()._all_names(), *moving, *(f"dropout:{name}" for name in self.dropout_paths)]

    def _penalties(self) -> np.ndarray:
        """Return the penalty of each slope, that of the months from their prior."""
        months = len(MONTHS) if self.months else 0
        paths = self.paths or {}
        free = path_weights(paths, [*paths, *self.dropout_paths], self.path_prior)
        half = 0.5 / self.n_customers_
        return np.r_[super()._penalties(), np.full(months, half / _SHRINK**2), half * free]

    def _covariates(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return the day of the cutoff with the covariates of purchase, and those of dropout."""
        day = check_columns(self, X, (CUTOFF_DAY,))
        if not (day == np.rint(day)).all():
            wrong = day[day != np.rint(day)][0]
            raise InputError(
                f"{type(self).__name__}: {CUTOFF_DAY} must be a whole number of days since 1970-01-01, found {wrong:g}."
            )
        purchase, dropout = super()._covariates(X)
        return np.hstack([day, purchase]), dropout

    def _own(self, covariates: Sequence[np.ndarray]) -> Params:
        """Return r, alpha, s and beta, and the last day that is known, in the model's unit."""
        first = 4 + len(self.purchase_covariates)
        values = np.array([self.params_[name] for name in self._all_names()])
        slopes = values[4 : first + len(self.dropout_covariates)]
        columns = np.array(covariates[1:]).reshape(len(slopes), len(covariates[0])).T
        shapes = self._spread(values[:4], slopes, columns[:, : first - 4], columns[:, first - 4 :])
        return (*shapes, (covariates[0] - 1) / DAYS_IN[self.time_unit])

    # ---------------------------------------------------------- the likelihood

    def _problem(self, X: pd.DataFrame, weights: np.ndarray | pd.Series | None) -> Problem:
        counted = sums_at_purchases(self, X, self.months, self.paths or {})
        weight = check_weights(self, weights, len(X))
        self.n_customers_ = float(weight.sum())
        sums = (weight[:, None] * counted).sum(axis=0)
        self.means_ = sums[1:] / max(sums[0], 1.0)
        problem = super()._problem(X, weights)
        day, (scale, *spread) = DAYS_IN[self.time_unit], problem.spread
        moving = np.ones(len(self._path_names) + len(self.dropout_paths))
        purchase = problem.rows.purchase.copy()
        self.last_day_ = np.rint(purchase[:, 0] * scale).max()
        purchase[:, 0] = (np.rint(purchase[:, 0] * scale) - 1) / day / problem.time
        rows = replace(problem.rows, purchase=purchase)
        born = (purchase[:, 0] - rows.T).min() * problem.time
        self._seen = self._periods(born, purchase[:, 0].max() * problem.time, problem.time)
        return Problem(rows, problem.time, [*spread, *moving])

    def _objective(
        self, rows: Rows, spread: Sequence[float] = ()
    ) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
        periods, scale, size = self._seen, np.asarray(spread), rows.weight.sum()
        step = max(64, _CELLS // len(periods.edges))
        chunks = [rows.take(slice(at, at + step)) for at in range(0, len(rows), step)]
        static = (
            4 + len(self.purchase_covariates),
            4 + len(self.purchase_covariates) + len(self.dropout_covariates),
        )
        sums = self.means_ * float((rows.weight * rows.x).sum())
        dropout = [self._path_names.index(name) for name in self.dropout_paths]

        def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
            """Return the mean log-likelihood and its gradient."""
            purchase_slopes, dropout_slopes = np.split(theta[static[1] :], [len(sums)])
            a, d = factor(periods.values, purchase_slopes), factor(periods.values[:, dropout], dropout_slopes)
            value, gradient = float(sums @ purchase_slopes), np.zeros(len(theta))
            by_a, by_d = np.zeros(len(a)), np.zeros(len(d))
            for chunk in chunks:
                columns = chunk.purchase[:, 1:], chunk.dropout
                params = self._spread(np.exp(theta[:4]), theta[4 : static[1]], *columns)
                values, by, chunk_a, chunk_d = terms(params, chunk, periods.edges, a, d)
                value += chunk.weight @ values
                pairs = zip(self.param_names, params, by, strict=True)
                by_log = {name: chunk.weight * param * one for name, param, one in pairs}
                gradient[:4] += [one.sum() for one in by_log.values()]
                gradient[4 : static[0]] += by_slope(by_log, self.purchase_effect, columns[0])
                gradient[static[0] : static[1]] += by_slope(by_log, self.dropout_effect, columns[1])
                by_a += chunk_a
                by_d += chunk_d
            gradient[static[1] :] = np.r_[sums + by_a @ periods.values, by_d @ periods.values[:, dropout]]
            shrink = self._penalties() * theta[4:] / np.square(scale)
            gradient = gradient / size
            gradient[4:] -= 2 * shrink
            return value / size - float(shrink @ theta[4:]), gradient

        return objective

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        return [(r, r / rate, s, s / 0.7) for r, s in ((0.7, 0.7), (2.0, 3.0), (0.3, 0.1), (10.0, 0.5))]

    # ------------------------------------------------------------ the calendar

    def _periods(self, first: float, last: float, scale: float = 1.0) -> Periods:
        """Return the periods between two moments in the model's unit, in units of `scale` of it."""
        day = DAYS_IN[self.time_unit]
        return periods(first * day, last * day, self.months, self.paths or {}, scale * day)

    def _factors(self, periods: Periods) -> tuple[np.ndarray, np.ndarray]:
        """Return the factors of each period on the rates of purchase and of dropout."""
        names = self._path_names
        moving = np.array([self.params_[f"purchase:{name}"] for name in names])
        leaving = np.array([self.params_[f"dropout:{name}"] for name in self.dropout_paths])
        dropout = [names.index(name) for name in self.dropout_paths]
        return factor(periods.values, moving), factor(periods.values[:, dropout], leaving)

    def _past(self, params: Params, tx: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return alpha + A and beta + D at the last purchase, and each later period's increment of both."""
        _, alpha, _, beta, end = params
        periods = self._periods((end - T).min(), end.max())
        a, d = self._factors(periods)
        before, after = overlaps(periods.edges, end, tx, T)
        return alpha + weigh_rows(before, a), beta + weigh_rows(before, d), after * a, after * d

    def _ahead(self, params: Params, t: float, answer: Callable[..., np.ndarray]) -> np.ndarray:
        """Return an answer from the parameters and the increments of A and D in each period of the next `t`."""
        params = np.broadcast_arrays(*params)
        answers = np.empty(params[0].shape)
        for end in np.unique(params[4]):
            rows = params[4] == end
            ahead = self._periods(end, end + t)
            length = np.clip(ahead.edges[1:], end, end + t) - np.clip(ahead.edges[:-1], end, end + t)
            a, d = self._factors(ahead)
            some = length > 0
            answers[rows] = answer(*(p[rows] for p in params[:4]), (length * a)[some], (length * d)[some])
        return answers

    # ------------------------------------------------------------- the answers

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        A, B, by_a, by_d = self._past(params, tx, T)
        p, s = params[0] + x, params[2] + 0 * T
        alive = -p * np.log(A + by_a.sum(axis=1)) - s * np.log(B + by_d.sum(axis=1))
        return expit(alive - log_gone(p, s, A, B, by_a, by_d)[0])

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        A, B, by_a, by_d = self._past(params, T, T)
        return params[0] + x, A + by_a.sum(axis=1), params[2] + 0 * T, B + by_d.sum(axis=1), params[4] + 0 * T

    def _newcomer(self, params: Params) -> tuple[float, Params]:
        return 1.0, (*params, np.array([(self._today - 1) / DAYS_IN[self.time_unit]]))

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        def expected(
            r: np.ndarray, alpha: np.ndarray, s: np.ndarray, beta: np.ndarray, a: Any, d: Any
        ) -> Any:
            """Return the expected number of purchases."""
            total, B = 0.0 * r, beta
            for rise, fall in zip(a, d, strict=True):
                stays = np.exp(-s * np.log(B / beta)) * expm1_over(1 - s, np.log1p(fall / B)) * B / fall
                total, B = total + r / alpha * rise * stays, B + fall
            return total

        return self._ahead(params, t, expected)

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        return self._ahead(params, t, lambda r, alpha, s, beta, a, d: np.exp(-s * np.log1p(d.sum() / beta)))

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        def none(
            r: np.ndarray, alpha: np.ndarray, s: np.ndarray, beta: np.ndarray, a: Any, d: Any
        ) -> np.ndarray:
            """Return the probability of no purchase."""
            stays = np.exp(-r * np.log1p(a.sum() / alpha) - s * np.log1p(d.sum() / beta))
            both = [np.broadcast_to(one, (len(r), len(a))) for one in (a, d)]
            gone = log_gone(r, s, alpha, beta, *both)[0] if len(a) else -np.inf
            return np.minimum(stays + np.exp(gone + r * np.log(alpha) + s * np.log(beta)), 1.0)

        return self._ahead(params, t, none)

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        def pmf(
            r: np.ndarray, alpha: np.ndarray, s: np.ndarray, beta: np.ndarray, a: Any, d: Any
        ) -> np.ndarray:
            """Return the probability of `n` purchases."""
            r, alpha, s, beta = (one[:, None] for one in (r, alpha, s, beta))
            stays = np.exp(log_nbd(r, alpha, n, a.sum()) - s * np.log1p(d.sum() / beta))[:, 0]
            risen, fallen = np.cumsum(a) - a, np.cumsum(d) - d
            for rise, fall, A, D in zip(a, d, risen, fallen, strict=True):
                u = log_nbd(r, alpha, n, A + rise * _NODES) - (s + 1) * np.log1p((D + fall * _NODES) / beta)
                stays = stays + (s[:, 0] / beta[:, 0] * fall * (_WEIGHTS * np.exp(u)).sum(axis=1))
            return np.minimum(stays, 1.0)

        return 0.0 * params[0] if t == 0 else self._ahead(params, t, pmf)

    def _alive_sample(self, params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
        r, alpha, s, beta, end = params
        life = rng.exponential(1.0, (len(r), size)) / np.maximum(
            draw_gamma(s, beta, (len(r), size), rng), 1e-290
        )
        rate = draw_gamma(r, alpha, (len(r), size), rng)
        means = np.zeros((len(r), size))
        for moment in np.unique(end):
            rows = np.ravel(np.broadcast_to(end, (len(r), 1)) == moment)
            ahead = self._periods(moment, moment + t)
            length = np.diff(np.clip(ahead.edges, moment, moment + t))
            a, d = (np.r_[0.0, np.cumsum(length * rise)] for rise in self._factors(ahead))
            means[rows] = rate[rows] * np.interp(life[rows], d, a)
        return draw_poisson(means, rng)

    def simulate(self, n: int, T: float | np.ndarray, seed: int = 0, horizon: float = 0.0) -> pd.DataFrame:
        """Return simulated customers as `PurchaseModel.simulate` does, with `cutoff_day` and the sums of the covariates
        at their purchases; the cutoff is that of the fit, or 2020-01-01.
        """
        check_fitted(self)
        rng, age = np.random.default_rng(seed), np.broadcast_to(np.asarray(T, dtype=np.float64), (n,))
        end = (self._today - 1) / DAYS_IN[self.time_unit]
        r, alpha, s, beta = (self.params_[name] for name in self.param_names)
        periods = self._periods(end - age.max(), end + horizon)
        clock = np.minimum(periods.edges, end + horizon)
        A, D = (np.r_[0.0, np.cumsum(np.diff(clock) * rise)] for rise in self._factors(periods))
        rate, leaving = rng.gamma(r, 1 / alpha, n), np.maximum(rng.gamma(s, 1 / beta, n), 1e-290)
        death = rng.exponential(1.0, n) / leaving + np.interp(end - age, clock, D)
        left = np.interp(death, D, clock, right=np.inf)  # the moment of leaving
        ends = end - age, np.minimum(left, end), np.minimum(left, clock[-1])
        begun, now, over = (np.interp(moment, clock, A) for moment in ends)
        x, later = draw_poisson(rate * (now - begun), rng), draw_poisson(rate * (over - now), rng)
        who = np.repeat(np.arange(n), x)
        moment = np.interp(begun[who] + rng.random(len(who)) * (now - begun)[who], A, clock)
        last = np.zeros(n)
        np.maximum.at(last, who, moment - (end - age)[who])
        place = np.searchsorted(periods.edges, moment, side="right") - 1
        values = periods.values[np.clip(place, 0, len(periods.values) - 1)]
        names = map(at_purchases, self._path_names)
        sums = {name: np.bincount(who, values[:, number], n) for number, name in enumerate(names)}
        history = dict(zip(self.columns, (x.astype(np.float64), last, age), strict=True))
        return pd.DataFrame(
            {**history, "alive": left > end, "purchases": later, CUTOFF_DAY: self._today, **sums}
        )
