r"""Customer value beyond the horizon: a champion's values, extended by a purchase model at a year's level.

A purchase model and a spend model give each customer two things: the ratio \(m(t)\) of their purchases in the next
\(t\) days to those within the horizon \(h\), and a value of their own, \(e(t)\). With the champion's value \(v\) the
two tails are \(v\,(m(t) - 1)\) and \(e(t) - e(h)\). Both are scaled to the level of a whole year, since a horizon
shorter than a year holds one season only, and their mean is taken: the weight of the first is the share of the year's
value within the horizon, the part of the year that the champion has learned. Beyond the year \(y\) all customers
together spend the year's level times \(\sum e(t) / \sum e(y)\), whatever the champion. Where the log's customers left
faster than the purchase model expects (`models.kept_spend`), everybody's spend beyond the year fades at that further
rate \(\delta\) a year: an increment at \(u\) years counts as \(\exp(-\delta (u - y))\).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Self

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import BaseEstimator

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_fitted
from cltv_ml.models.bg_nbd import BGNBD
from cltv_ml.models.common_draws import even_numbers
from cltv_ml.models.gamma_gamma import GammaGamma
from cltv_ml.models.kept_spend import YEAR, MissedDropout, YearApart, missed_dropout
from cltv_ml.models.mbg_nbd import MBGNBD
from cltv_ml.models.pareto_nbd import ParetoNBD
from cltv_ml.models.predictive import between
from cltv_ml.models.probabilistic import ProbabilisticValue
from cltv_ml.models.purchases import PurchaseModel
from cltv_ml.models.value_curve import NO_DROPOUT, ValueCurve

#: Days within which dropout must show: if nearly all of today's customers stay, none is identified.
_LONG = 1826

_TINY = np.finfo(float).tiny


class FutureValue(BaseEstimator):
    """Customers' spend within any number of days, given a model's values for one horizon.

    Dropout follows the most likely of Pareto/NBD, BG/NBD and MBG/NBD: the wrong one is up to 20% off over five years.

    Parameters
    ----------
    horizon
        Days that the values are for.

    Attributes
    ----------
    spread_
        Scale and degrees of freedom of the year's log error (`models.level`); None in tails that version 0.1.0 stored.
    curve_, spend_
        The most likely purchase model's `ValueCurve`, and a Gamma-Gamma.
    weight_
        Weight of the champion's tail; the rest is that of the purchase and spend models' tail.
    factors_
        By last day of a stretch, factors of the two tails' increments within it; "beyond" for all later days.
    missed_
        Shares of a year's spend that the log kept and that the purchase model expects, and the yearly rate at which
        spend beyond the year fades faster (`models.kept_spend`); None without windows a year apart.
    """

    spread_: tuple[float, float] | None = None
    missed_: tuple[float, float, float] | None = None

    def __init__(self, horizon: int = 91) -> None:
        self.horizon = horizon

    def fit(
        self,
        X: pd.DataFrame,
        values: pd.Series,
        totals: Mapping[int, float] | None = None,
        spread: tuple[float, float] = (0.0, 3.0),
        *,
        exact: Sequence[int] = (),
        earlier: Sequence[YearApart] = (),
    ) -> Self:
        """Fit on today's customers and their `values` for the horizon; return self.

        Parameters
        ----------
        totals
            Expected totals by days: a year's, and those of fewer days beyond the horizon. Without a year's, or with a
            horizon of a year or more, the horizon's own level continues.
        spread
            Scale and degrees of freedom of the log error of the year's total.
        exact
            Days beyond a year for which the total is exactly the year's times the growth of the purchase and spend
            models' total; between them it is close to that.
        earlier
            What the log's customers spent a year apart, which tells dropout that the purchase model misses.

        Raises
        ------
        InputError
            No customer has spent on a second day.
        """
        self.curve_, self.spend_ = fit_purchases(X, self.horizon)
        self.year_, self.spread_ = max(YEAR, self.horizon), spread
        self.missed_ = missed_by(self.curve_, self.spend_, earlier)
        levels = {day: total for day, total in (totals or {}).items() if self.horizon < day <= YEAR}
        days = sorted({self.horizon, self.year_, *levels, *(day for day in exact if day > self.year_)})
        v = values.to_numpy()
        carried, own = v @ self._multiples(X, days), self._own(X, days).sum(axis=0)
        place = days.index(self.year_)
        year = max(levels.get(self.year_, float(carried[place])), float(v.sum()))
        reached = [float(v.sum()), *(min(levels[day], year) for day in days[1:place]), year][: place + 1]
        reached += [year * float(total) / _positive(own[place]) for total in own[place + 1 :]]
        steps = [np.diff(np.maximum.accumulate(reached)), np.diff(carried), np.diff(own)]
        self.weight_ = 1.0 if self.horizon >= YEAR else float(min(v.sum() / max(year, _TINY), 1.0))
        self.factors_ = {
            str(day): (float(grown) / _positive(ratio), float(grown) / _positive(rest))
            for day, grown, ratio, rest in zip(days[1:], *steps, strict=True)
        }
        self.factors_["beyond"] = (reached[-1] / _positive(carried[-1]), reached[-1] / _positive(own[-1]))
        return self

    def predict(
        self, X: pd.DataFrame, values: pd.Series, days: Sequence[int], discount_rate: float = 0.0
    ) -> pd.DataFrame:
        """Return each customer's expected spend within each of `days`, by `X.index`; columns are `days`.

        They never fall as the days grow. At the horizon they are `values` where nothing is discounted; a purchase at
        time u, in years, counts as (1 + discount_rate)^(-u).
        """
        check_fitted(self)
        stretches = self._stretches()
        ends = sorted({self.horizon, *days, *(first for first, _ in stretches)})
        v = values.to_numpy()[:, None]
        ratio, own = v * self._multiples(X, ends, discount_rate), self._own(X, ends, discount_rate)
        at = {day: place for place, day in enumerate(ends)}
        weights = (self.weight_, 1 - self.weight_)
        values_by_day = {}
        for day in days:
            value = ratio[:, at[min(day, self.horizon)]]
            lasts = [*(first for first, _ in stretches[1:]), day]
            for (first, factors), last in zip(stretches, lasts, strict=True):
                last = min(last, day)
                if last > first:
                    shares = zip(weights, factors, (ratio, own), strict=True)
                    value = value + sum(w * f * (of[:, at[last]] - of[:, at[first]]) for w, f, of in shares)
            values_by_day[day] = value
        return pd.DataFrame(values_by_day, index=X.index)

    def _stretches(self) -> list[tuple[int, tuple[float, float]]]:
        """Return the first day of each stretch beyond the horizon, in order, and the factors within it."""
        named = {"within the year": self.year_, "beyond": np.inf}  # the first in tails of earlier versions
        ends = sorted((named.get(day) or int(day), factors) for day, factors in self.factors_.items())
        firsts = [self.horizon, *(int(end) for end, _ in ends[:-1])]
        return [(first, factors) for first, (_, factors) in zip(firsts, ends, strict=True)]

    def interval(
        self, X: pd.DataFrame, expected: pd.Series, days: int, coverage: float = 0.9
    ) -> pd.DataFrame:
        """Return `lower` and `upper`, which hold each customer's spend within `days` with that probability.

        The draws are the purchase and spend models' (`ProbabilisticValue.common_values`), scaled to the mean
        `expected`; they hold the uncertainty of the parameters and, where there is a `spread_`, of the level.
        """
        model, (sigma, freedom) = self.within(days), self.spread_ or (0.0, 3.0)
        scale = expected.to_numpy() / np.maximum(model.predict(X), _TINY)
        level = np.exp(stats.t.ppf(even_numbers()[-1], freedom) * sigma)
        bounds, first = [], 0
        for block in model.common_values(X):
            rows = slice(first, first + len(block))
            bounds.append(between(block * scale[rows, None] * level, coverage))
            first += len(block)
        return pd.DataFrame(np.concatenate(bounds), index=X.index, columns=["lower", "upper"])

    def within(self, days: int) -> ProbabilisticValue:
        """Return the fitted purchase and spend models as one for `days`."""
        model = ProbabilisticValue(self.curve_.purchases, GammaGamma(), horizon=days)
        model.purchases_, model.spend_ = self.curve_.purchases_, self.spend_
        return model

    def no_dropout(self, X: pd.DataFrame) -> float | None:
        """Return the share of today's customers who stay for five years if nearly all do, else None."""
        check_fitted(self)
        stays = self.curve_.survival(X, _LONG) * np.exp(-_rate(self.missed_) * _LONG / YEAR)
        return float(stays) if stays > NO_DROPOUT else None

    def _multiples(self, X: pd.DataFrame, days: Sequence[int], discount_rate: float = 0.0) -> np.ndarray:
        """Return the multiples of the value within the horizon after each of `days`, shape (n, len(days))."""
        by_day = partial(self.curve_.discounted_multiples, X)
        return _fade(by_day, days, discount_rate, self.year_, _rate(self.missed_))

    def _own(self, X: pd.DataFrame, days: Sequence[int], discount_rate: float = 0.0) -> np.ndarray:
        """Return the purchase and spend models' own values within each of `days`, shape (n, len(days))."""
        by_day = partial(expected_spend, self.curve_.purchases_, self.spend_, X)
        return _fade(by_day, days, discount_rate, self.year_, _rate(self.missed_))


def fit_purchases(X: pd.DataFrame, horizon: int) -> tuple[ValueCurve, GammaGamma]:
    """Return the most likely of three purchase models as a curve, and the spend model, fitted on customers `X`.

    Raises
    ------
    InputError
        No customer has spent on a second day.
    """
    spenders = X[(X["frequency"] > 0) & (X["monetary_value"] > 0)]
    if not len(spenders):
        raise InputError(
            "nobody has bought on a second day, so what customers spend beyond the horizon cannot be learned; use a "
            "longer log."
        )
    curves = [ValueCurve(model, horizon).fit(X) for model in (ParetoNBD(), BGNBD(), MBGNBD())]
    return max(curves, key=lambda curve: curve.purchases_.log_likelihood_), GammaGamma().fit(spenders)


def expected_spend(
    purchases: PurchaseModel,
    spend: GammaGamma,
    X: pd.DataFrame,
    days: Sequence[int],
    discount_rate: float = 0.0,
) -> np.ndarray:
    """Return the expected spend within each of `days` by fitted models of purchases and spend, shape (n, len(days))."""
    rate = float(np.log1p(discount_rate) / 365.25)
    expected = [purchases.discounted_expected_purchases(X, day, rate) for day in days]
    return spend.predict(X)[:, None] * np.column_stack(expected)


def growth_beyond_year(X: pd.DataFrame, days: int, earlier: Sequence[YearApart]) -> float:
    """Return the expected spend of customers `X` within more than a year as a multiple of that within a year.

    Raises
    ------
    InputError
        No customer has spent on a second day.
    """
    curve, spend = fit_purchases(X, YEAR)
    missed = missed_by(curve, spend, earlier)
    by_day = partial(expected_spend, curve.purchases_, spend, X)
    within, beyond = _fade(by_day, [YEAR, days], 0.0, YEAR, _rate(missed)).sum(axis=0)
    return float(beyond / within)


def missed_by(curve: ValueCurve, spend: GammaGamma, earlier: Sequence[YearApart]) -> MissedDropout | None:
    """Return the dropout in a log's windows a year apart that fitted models miss; None without such windows."""
    return missed_dropout(earlier, partial(expected_spend, curve.purchases_, spend))


def _fade(
    by_day: Callable[[Sequence[int], float], np.ndarray | pd.DataFrame],
    days: Sequence[int],
    discount_rate: float,
    since: int,
    dropout: float,
) -> np.ndarray:
    """Return values by increasing days at a yearly discount rate; those beyond `since` grow less by a yearly rate."""
    late = [day for day in days if day > since]
    if not dropout or not late:
        return np.asarray(by_day(days, discount_rate))
    early = [day for day in days if day <= since]
    near = np.asarray(by_day(sorted({*early, since}), discount_rate))
    # Leaving at a constant rate acts on what is spent later as a discount does.
    far = np.asarray(by_day([since, *late], float((1 + discount_rate) * np.exp(dropout) - 1)))
    grown = (far[:, 1:] - far[:, :1]) * np.exp(dropout * since / 365.25)
    return np.column_stack([near[:, : len(early)], near[:, -1:] + grown])


def _rate(missed: tuple[float, float, float] | None) -> float:
    return missed[-1] if missed else 0.0


def _positive(total: float) -> float:
    return max(float(total), _TINY)
