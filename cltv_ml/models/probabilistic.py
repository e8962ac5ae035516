"""Customer value from two small models: expected purchases times expected spend per purchase, discounted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Self, cast

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from cltv_ml.errors import InputError
from cltv_ml.models.attribution import BASELINE, history_parts
from cltv_ml.models.base import ValueModel, check_columns, check_fitted
from cltv_ml.models.bg_nbd import BGNBD
from cltv_ml.models.common_draws import DRAWS, CommonDraws, even_numbers
from cltv_ml.models.fit_cache import once
from cltv_ml.models.gamma_gamma import GammaGamma
from cltv_ml.models.inputs import as_pandas
from cltv_ml.models.predictive import PLAUSIBLE, between, check_coverage, row_blocks
from cltv_ml.models.purchase_history import DAYS_IN
from cltv_ml.models.purchases import PurchaseModel

#: Number of parameter vectors that represent the uncertainty of an estimate in a request, which must be fast.
_VECTORS = 16


class NamedByPurchases:
    """The name of a model of value that no other was given: its purchase model's family and an ending."""

    def __init__(self, ending: str) -> None:
        self.ending = ending

    def __get__(self, model: ProbabilisticValue | None, owner: type) -> str:
        """Return the name, such as "pareto_nbd_gamma_gamma"; a name that is assigned to a model comes first."""
        return f"{((model and model.purchases) or BGNBD()).name}_{self.ending}"


class ProbabilisticValue(ValueModel):
    """Expected spend over the horizon: purchases x spend per purchase x margin, discounted.

    Purchases are purchase days, as `frequency` counts them; `monetary_value` is the mean spend per purchase
    day. Fitted on everything before the cutoff, without a label.

    Parameters
    ----------
    purchases, spend
        The two models, BGNBD() and GammaGamma() by default; they are cloned, never changed.
    horizon
        In days, whatever the unit of the purchase model.
    discount_rate
        Effective yearly rate: money received after a year is worth 1 / (1 + discount_rate).
    margin
        Contribution margin as a share of revenue; it multiplies the value after both models.

    >>> X = pd.DataFrame({"frequency": [2.0, 0, 5, 1], "recency": [30.0, 0, 80, 5],
    ...                   "T": [90.0, 80, 90, 60], "monetary_value": [10.0, 0, 20, 15]})
    >>> ProbabilisticValue(horizon=30).fit(X).predict_table(X).columns.tolist()
    ['expected_value', 'expected_purchases', 'p_alive']
    """

    name = NamedByPurchases("gamma_gamma")

    def __init__(
        self,
        purchases: PurchaseModel | None = None,
        spend: GammaGamma | None = None,
        horizon: int = 91,
        discount_rate: float = 0.0,
        margin: float = 1.0,
    ) -> None:
        self.purchases = purchases
        self.spend = spend
        self.horizon = horizon
        self.discount_rate = discount_rate
        self.margin = margin

    @property
    def reads(self) -> tuple[str, ...]:  # type: ignore[override]
        """The columns besides the history that `fit` reads."""
        purchases = self.purchases or BGNBD()
        return (*purchases.reads, *purchases.learns_from)

    def fit(self, X: pd.DataFrame, y: pd.Series | None = None) -> Self:
        """Fit both models on `frequency`, `recency`, `T`, `monetary_value`; `y` is not used.

        Raises
        ------
        InputError
            A setting or a column is impossible, spend is negative, or no customer has spent on a second day.
        """
        self._check_settings()
        X = as_pandas(X)
        purchases = self.fit_purchases(X)
        return self.with_parts(purchases, self.fit_spend(X))

    def fit_purchases(self, X: pd.DataFrame) -> PurchaseModel:
        """Return the purchase model fitted to the customers of `X`; models of equal settings share it."""
        purchases = clone(self.purchases or BGNBD())
        others = [name for name in X if name in self.reads or str(name).startswith("at_purchases_")]
        data = check_columns(self, X, (*purchases.columns, "monetary_value", *others))
        return once(lambda: purchases.fit(X), _settings_of(purchases), data)

    def fit_spend(self, X: pd.DataFrame) -> GammaGamma:
        """Return the spend model fitted to the repeat customers of `X`; models that differ in purchases share it."""
        spenders, spend = self.spenders(X), clone(self.spend or GammaGamma())
        if not len(spenders):
            raise InputError(
                "ProbabilisticValue: no customer has spent on a repeat purchase, so spend cannot be learned; "
                "use a longer calibration window or value customers by purchases alone."
            )
        paid = check_columns(self, spenders, ("frequency", "monetary_value", *spend.covariates))
        return once(lambda: spend.fit(spenders), _settings_of(spend), paid)

    def with_parts(self, purchases: PurchaseModel, spend: GammaGamma) -> Self:
        """Return the model with fitted parts in place of its own."""
        self.purchases_, self.spend_ = purchases, spend
        names = ["frequency", "recency", "T", "monetary_value", *purchases.reads, *spend.covariates]
        self.feature_names_in_ = np.array(list(dict.fromkeys(names)), dtype=object)
        return self

    def spenders(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the repeat customers that the spend model learns from.

        Customers whose later purchases were all free carry no information about spend; negative spend is left in for
        `GammaGamma` to refuse.
        """
        X = as_pandas(X)
        matrix = check_columns(self, X, ("frequency", "monetary_value"))
        return X[(matrix[:, 0] > 0) & (matrix[:, 1] != 0)]

    def _predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected discounted margin over the horizon, shape (n,), in currency units."""
        check_fitted(self)
        return self._purchases(X) * self.spend_.predict(X) * self.margin

    def _table(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return `expected_value`, `expected_purchases` over the horizon and `p_alive` now, by `X.index`."""
        check_fitted(self)
        alive, expected = self.purchases_.alive_and_expected(X, self._length())
        worth = expected if self.discount_rate == 0 else self._purchases(X)
        return pd.DataFrame(
            {
                "expected_value": worth * self.spend_.predict(X) * self.margin,
                "expected_purchases": expected,
                "p_alive": alive,
            },
            index=X.index,
        )

    def p_buy(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probability of any purchase within the horizon, shape (n,)."""
        check_fitted(self)
        return 1 - self.purchases_.p_no_purchase(X, self._length())

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the contribution of each part of a customer's history to the expected value, in currency."""
        parts, new = self.explain_history(X)
        return parts.assign(**{BASELINE: new}).set_axis(X.index)

    def explain_history(
        self, X: pd.DataFrame, of: Callable[[np.ndarray], np.ndarray] = np.asarray
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the contribution of each part of a customer's history to a function of the value, and that function
        for a new customer with the same covariates.
        """
        check_fitted(self)
        covariates = dict.fromkeys([*self.purchases_.reads, *self.spend_.covariates])
        usual = self.spend_.population_mean(X)
        return history_parts(lambda rows: of(self._predict(rows)), X, usual, list(covariates))

    def residual_value(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected discounted margin of each customer's whole future, shape (n,), in currency units:
        Fader, Hardie and Lee's DERT times spend, for a Pareto/NBD and a positive `discount_rate`.
        """
        check_fitted(self)
        purchases = self.purchases_.discounted_expected_purchases(X, np.inf, self._rate())
        return purchases * self.spend_.predict(X) * self.margin

    def predict_interval(
        self, X: pd.DataFrame, coverage: float = 0.9, *, size: int = 500, seed: int = 0
    ) -> pd.DataFrame:
        """Return `value_lower` and `value_upper`, between which the realised value lies with probability
        `coverage`, by `X.index`. Both are zero for customers who buy nothing with a higher probability. A population
        of mostly such customers is covered more often, since no interval is narrower.

        The interval holds the chance in purchases and spend given the customer's rates, and the uncertainty of
        both models' parameters. It is discounted like `predict`. The same seed gives the same interval.
        """
        check_fitted(self)
        check_coverage(self, coverage)
        bounds = [between(draws, coverage) for draws in self.draw_values(X, size, seed=seed)]
        table = np.concatenate(bounds) * self._level_factor
        return pd.DataFrame(table, index=as_pandas(X).index, columns=["value_lower", "value_upper"])

    def sample_values(self, X: pd.DataFrame, size: int, *, seed: int = 0) -> np.ndarray:
        """Return `size` draws of what each customer spends over the horizon, shape (n, size), in currency units.

        They hold each customer's randomness and the uncertainty of both models' parameters, at the model's own total
        whatever `bring_to` has set.
        """
        check_fitted(self)
        return np.concatenate(list(self.draw_values(X, size, seed=seed)))

    def draw_values(self, X: pd.DataFrame, size: int, *, seed: int = 0) -> Iterator[np.ndarray]:
        """Yield `sample_values` for one block of rows after another, for tables whose draws do not fit in memory.

        The parameters are drawn once for all rows, so sums over rows hold their uncertainty.
        """
        check_fitted(self)
        rng = np.random.default_rng([seed, 2])
        models, spends = self.purchases_._plausible(rng), self.spend_._plausible(rng, PLAUSIBLE)
        parts = np.array_split(np.arange(size), len(spends))
        worth = (self.margin * self._discount(X))[:, None]
        for rows, purchases in self.purchases_._draw(models, X, self._length(), size, seed):
            drawn = [
                self.spend_.sample_total(X[rows], purchases[:, part], rng, params)
                for part, params in zip(parts, spends, strict=True)
            ]
            yield np.concatenate(drawn, axis=1) * worth[rows]

    def common_values(self, X: pd.DataFrame, *, seed: int = 0) -> Iterator[np.ndarray]:
        """Yield `common_draws.DRAWS` draws of each customer's spend, for one block of rows after another.

        A customer's draws depend only on their own row, and all customers share the same random numbers: use them for
        the bounds of one customer, not for sums over customers.
        """
        check_fitted(self)
        rng = np.random.default_rng([seed, 2])
        models, spends = self.purchases_._plausible(rng, _VECTORS), self.spend_._plausible(rng, _VECTORS)
        numbers, worth = even_numbers(seed), (self.margin * self._discount(X))[:, None]
        for rows in row_blocks(len(X), DRAWS):
            drawn = []
            for place, part in enumerate(np.array_split(np.arange(DRAWS), max(len(models), len(spends)))):
                common = cast("np.random.Generator", CommonDraws(numbers[:, part]))
                bought = models[place % len(models)].draw_with(common, X[rows], self._length(), len(part))
                spend = spends[place % len(spends)]
                drawn.append(self.spend_.sample_total(X[rows], bought, common, spend))
            yield np.concatenate(drawn, axis=1) * worth[rows]

    def _discount(self, X: pd.DataFrame) -> np.ndarray:
        """Return the mean present value of one unit spent by each customer over the horizon."""
        if self.discount_rate == 0:
            return np.ones(len(X))
        expected = self.purchases_.expected_purchases(X, self._length())
        return np.where(expected > 0, self._purchases(X) / np.where(expected > 0, expected, 1.0), 1.0)

    def _purchases(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected purchases over the horizon, each discounted from its own moment."""
        if self.discount_rate == 0:
            return self.purchases_.expected_purchases(X, self._length())
        return self.purchases_.discounted_expected_purchases(X, self._length(), self._rate())

    def _rate(self) -> float:
        """Return the yearly discount rate, compounded continuously per unit of the purchase model's time."""
        return float(np.log1p(self.discount_rate) / 365.25 * DAYS_IN[self.purchases_.time_unit])

    def _length(self) -> float:
        """Return the horizon in the purchase model's unit."""
        return self.horizon / DAYS_IN[self.purchases_.time_unit]

    def _check_settings(self) -> None:
        if not (isinstance(self.horizon, (int, float, np.number)) and 0 < self.horizon < np.inf):
            raise InputError(
                f"ProbabilisticValue: horizon must be a positive number of days, got {self.horizon!r}."
            )
        if not (np.isfinite(self.discount_rate) and self.discount_rate >= 0):
            raise InputError(
                f"ProbabilisticValue: discount_rate must not be negative (0.1 is 10% a year), "
                f"got {self.discount_rate!r}."
            )
        if not 0 < self.margin <= 1:
            raise InputError(
                f"ProbabilisticValue: margin must be above 0 and at most 1, got {self.margin!r}."
            )


def _settings_of(model: BaseEstimator) -> str:
    """Return the settings that identify a model's fits."""
    return repr((type(model).__name__, model.get_params()))
