"""Gamma-Gamma: a customer's mean spend per purchase, shrunk towards the population mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import BaseEstimator

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_columns, check_fitted
from cltv_ml.models.fitting import check_weights
from cltv_ml.models.inputs import as_pandas
from cltv_ml.models.likelihood import LogLikelihood, Maximum
from cltv_ml.models.predictive import draw_parameters
from cltv_ml.models.purchase_history import check_complete
from cltv_ml.models.spend_likelihood import SHIFT, fit_population, fit_slopes, spend_objective

_FREQUENCY = "log(frequency)"
_SIGNIFICANCE = 0.05


class GammaGamma(BaseEstimator):
    """Spend per purchase ~ Gamma(p, nu), nu ~ Gamma(q, v), independent of how often the customer buys.

    Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value". Fitted on repeat buyers only, it predicts for
    every customer: one without a repeat purchase gets the population mean p v / (q - 1).

    That mean is infinite at q = 1, and the maximum of the likelihood is there if a few customers spend much more than
    the others. A fitted mean that the repeat buyers' own mean rules out is therefore replaced by theirs: p and q are
    fitted again with v = (q - 1) mean / p, and `convergence_` has the verdict "mean_held".

    `independence_` tests its assumption: Spearman's correlation of frequency and monetary value among repeat buyers,
    the p-value of no correlation, and a sentence.

    With `correlated`, spend per purchase may go with frequency: it is multiplied by frequency^c (1 without a repeat),
    c and the other parameters by maximum likelihood, where a likelihood-ratio test rejects c = 0 at 5%;
    `independence_` has `likelihood_ratio` and `ratio_p_value`. Glady, Lemmens and Croux (2015), "Unveiling the
    Relationship between the Transaction Timing, Spending and Dropout Behavior of Customers",
    show what the dependence is worth.

    Parameters
    ----------
    covariates
        Columns that do not change with time: spend per purchase is multiplied by exp(slope z).
        The slopes are estimated first; p, q and v are those of the spend without that factor.
    penalty
        Weight of the sum of squared slopes against the mean log-likelihood, as in the purchase models.
    correlated
        Whether spend may depend on frequency.
    """

    param_names: ClassVar[tuple[str, ...]] = ("p", "q", "v")
    covariates: Sequence[str] = ()
    penalty: float = 0.0
    correlated: bool = False

    def __init__(
        self, covariates: Sequence[str] = (), penalty: float = 0.0, correlated: bool = False
    ) -> None:
        self.covariates = covariates
        self.penalty = penalty
        self.correlated = correlated

    def fit(
        self, X: pd.DataFrame, y: pd.Series | None = None, weights: np.ndarray | pd.Series | None = None
    ) -> Self:
        """Estimate p, q and v from the repeat buyers of `X` (`frequency`, `monetary_value`); return the model.

        Raises
        ------
        InputError
            No repeat buyer, or one whose mean spend is not positive.
        """
        self.__dict__.pop("posterior_", None)
        x, spend = self._read(X)
        weight = check_weights(self, weights, len(X))
        repeat = x > 0
        if not repeat.any():
            raise InputError(
                "GammaGamma: no customer has a repeat purchase, so there is no spend per repeat purchase to "
                "learn from; use a longer calibration window."
            )
        x, spend, weight = x[repeat], spend[repeat], weight[repeat]
        z = self._covariates(X)[repeat]
        if not spend.min() > 0:
            raise InputError(
                f"GammaGamma: monetary_value of a repeat buyer must be positive, found {spend.min():g} for "
                f"{int((spend <= 0).sum())} customers; net returns against their orders first, and leave out "
                "customers who only received free items."
            )
        order = np.argsort(x, kind="stable")
        x, spend, weight, z = x[order], spend[order], weight[order], z[order]
        self._estimate(x, spend, weight, z, self.covariates)
        self.independence_ = _independence(x, spend / self._factor_of(z, self.covariates))
        if self.correlated:
            self._correlate(x, spend, weight, z)
        self.feature_names_in_ = np.array(["frequency", "monetary_value", *self.covariates], dtype=object)
        return self

    def _estimate(
        self, x: np.ndarray, spend: np.ndarray, weight: np.ndarray, z: np.ndarray, names: Sequence[str]
    ) -> None:
        """Learn p, q, v and the slopes of columns `z`."""
        slopes = fit_slopes(x, spend, weight, z, self.penalty) if z.shape[1] else np.zeros(0)
        factor = np.exp(z @ slopes)
        spend = spend / factor
        size, money = weight.sum(), float(weight @ spend / weight.sum())
        self._learn(fit_population(x, spend / money, weight), money, size)
        self.log_likelihood_ -= float(weight @ np.log(factor))
        self.aic_ = 2 * (3 + len(slopes)) - 2 * self.log_likelihood_
        self.bic_ = (3 + len(slopes)) * float(np.log(size)) - 2 * self.log_likelihood_
        self.params_ |= {f"spend:{name}": float(slope) for name, slope in zip(names, slopes, strict=True)}

    def _correlate(self, x: np.ndarray, spend: np.ndarray, weight: np.ndarray, z: np.ndarray) -> None:
        """Let spend depend on frequency if the dependence is significant."""
        independent, height = dict(vars(self)), self.log_likelihood_
        self._estimate(x, spend, weight, np.column_stack([z, np.log(x)]), [*self.covariates, _FREQUENCY])
        ratio = max(2 * (self.log_likelihood_ - height), 0.0)
        p_value = float(stats.chi2.sf(ratio, 1))
        if p_value > _SIGNIFICANCE:
            self.__dict__.update(independent)
        else:
            slope = self.params_[f"spend:{_FREQUENCY}"]
            self.independence_["advice"] = (
                f"Spend depends on frequency, and the model accounts for it: frequency^{slope:.2f}, "
                f"likelihood ratio {ratio:.1f}."
            )
        self.independence_ |= {"likelihood_ratio": ratio, "ratio_p_value": p_value}

    def _learn(self, maximum: Maximum, money: float, size: float) -> None:
        """Store a maximum in the user's currency."""
        p, q, v = np.exp(maximum.theta) * [1.0, 1.0, money] + SHIFT
        self.params_ = {"p": float(p), "q": float(q), "v": float(v)}
        deviation = np.sqrt(np.maximum(np.diag(maximum.covariance), 0.0)) * [p, q - 1, v]
        self.standard_errors_ = dict(zip(self.param_names, map(float, deviation), strict=True))
        self.covariance_ = maximum.covariance
        self.log_likelihood_ = float(maximum.log_likelihood - size * np.log(money))
        self.n_customers_ = float(size)
        self.convergence_ = {
            "verdict": maximum.verdict,
            "gradient_norm": maximum.gradient_norm,
            "advice": maximum.advice.replace(" (NBD has no dropout)", ""),
        }

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend per future purchase, shape (n,), in currency units."""
        check_fitted(self)
        x, spend = self._read(X)
        factor = self.factor(X)
        p, q, v = (self.params_[name] for name in self.param_names)
        total = np.where(x > 0, x * np.maximum(spend, 0.0), 0.0) / factor
        return p * (v + total) / (p * x + q - 1) * factor

    def population_mean(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend per purchase of customers whose own spend is unknown, shape (n,), in currency
        units: the same for all with the same covariates.
        """
        check_fitted(self)
        p, q, v = (self.params_[name] for name in self.param_names)
        return p * v / (q - 1) * self.factor(X)

    def simulate(self, n: int, frequency: float | np.ndarray = 3, seed: int = 0) -> pd.DataFrame:
        """Return `frequency` and `monetary_value` of `n` simulated customers; needs `fit` or `with_params`."""
        check_fitted(self)
        p, q, v = (self.params_[name] for name in self.param_names)
        rng = np.random.default_rng(seed)
        x = np.broadcast_to(np.asarray(frequency, dtype=np.float64), (n,))
        rate = rng.gamma(q, 1.0, n) / v
        mean = rng.gamma(p * np.maximum(x, 1)) / np.maximum(x, 1) / np.maximum(rate, 1e-290)
        return pd.DataFrame({"frequency": x, "monetary_value": np.where(x > 0, mean, 0.0)})

    def with_params(self, params: Mapping[str, float]) -> Self:
        """Return the model with known parameters in place of fitted ones.

        >>> model = GammaGamma().with_params({"p": 6.25, "q": 3.74, "v": 15.44})
        >>> model.predict(pd.DataFrame({"frequency": [0.0], "monetary_value": [0.0]})).round(2)
        array([35.22])
        """
        if set(params) != set(self.param_names) or not params["q"] > 1:
            raise InputError(f"GammaGamma: params must give p, q above 1 and v, got {dict(params)}.")
        self.params_ = {name: float(params[name]) for name in self.param_names}
        return self

    def sample_total(
        self,
        X: pd.DataFrame,
        purchases: np.ndarray,
        rng: np.random.Generator,
        params: tuple[float, ...] | None = None,
    ) -> np.ndarray:
        """Return draws of each customer's total spend on `purchases` (n, size), shape (n, size).

        The customer's own spend rate is drawn from its posterior once per draw.
        """
        x, spend = self._read(X)
        factor = self.factor(X)
        p, q, v = params or tuple(self.params_[name] for name in self.param_names)
        total = np.where(x > 0, x * np.maximum(spend, 0.0), 0.0) / factor
        rate = rng.gamma((q + p * x)[:, None], 1.0, purchases.shape) / (v + total)[:, None]
        bought = purchases > 0
        drawn = np.where(bought, rng.gamma(p * np.maximum(purchases, 1)) / np.maximum(rate, 1e-290), 0.0)
        return drawn * np.reshape(factor, (-1, 1))

    def _plausible(self, rng: np.random.Generator, count: int) -> list[tuple[float, ...]]:
        """Return p, q and v drawn from their uncertainty."""
        if hasattr(self, "posterior_"):
            return [tuple(one) for one in self.posterior_[rng.integers(len(self.posterior_), size=count)]]
        if not hasattr(self, "covariance_"):
            return [tuple(self.params_[name] for name in self.param_names)] * count
        values = np.array([self.params_[name] for name in self.param_names])
        drawn = draw_parameters(np.log(values - SHIFT), self.covariance_, count, rng)
        return [tuple(theta) for theta in np.exp(np.clip(drawn, -300, 300)) + SHIFT]

    def likelihood(self, X: pd.DataFrame) -> tuple[np.ndarray, LogLikelihood, float, float]:
        """Return log p, log(q - 1) and log v; the mean log-likelihood of the repeat buyers of `X` as a function of
        these; the number of repeat buyers; and their mean spend, the unit of v. Slopes are as fitted.
        """
        check_fitted(self)
        x, spend = self._read(X)
        order = np.argsort(x, kind="stable")[(x <= 0).sum() :]
        x, spend = x[order], (spend / self.factor(X))[order]
        money = float(spend.mean())
        values = np.array([self.params_[name] for name in self.param_names]) - SHIFT
        objective = spend_objective(x, spend / money, np.ones(len(x)))
        return np.log(values / [1.0, 1.0, money]), objective, float(len(x)), money

    def _covariates(self, X: pd.DataFrame) -> np.ndarray:
        """Return the covariates, shape (n, k)."""
        if not len(self.covariates):
            return np.zeros((len(X), 0))
        matrix = check_columns(self, X, list(self.covariates))
        if np.isnan(matrix).any():
            raise InputError(
                f"GammaGamma: a covariate among {list(self.covariates)} has missing values; fill them."
            )
        return matrix

    def factor(self, X: pd.DataFrame) -> np.ndarray:
        """Return the factor of covariates on each customer's spend per purchase, 1 at covariates of zero, shape
        (n,).
        """
        names, z = list(self.covariates), self._covariates(X)
        if f"spend:{_FREQUENCY}" in self.params_:
            names, z = [*names, _FREQUENCY], np.column_stack([z, np.log(np.maximum(self._read(X)[0], 1.0))])
        return self._factor_of(z, names)

    def _factor_of(self, z: np.ndarray, names: Sequence[str]) -> np.ndarray:
        slopes = np.array([self.params_[f"spend:{name}"] for name in names])
        return np.exp(np.clip(z @ slopes, -300.0, 300.0)) if len(slopes) else np.ones(len(z))

    def _read(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        X = as_pandas(X)
        matrix = check_columns(self, X, ("frequency", "monetary_value"))
        check_complete(self, X, matrix[:, :1], ("frequency",))
        spend = np.where(matrix[:, 0] > 0, matrix[:, 1], 0.0)
        if np.isnan(spend).any():
            raise InputError(
                f"GammaGamma: column 'monetary_value' is missing for {int(np.isnan(spend).sum())} repeat "
                f"buyers, the first being {X.index[int(np.isnan(spend).argmax())]!r}; fill or drop them."
            )
        return np.ascontiguousarray(matrix[:, 0]), spend


def _independence(x: np.ndarray, spend: np.ndarray) -> dict[str, float | str]:
    """Return the correlation of spend with frequency among repeat buyers."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(spend) == 0:
        return {
            "spearman": 0.0,
            "p_value": 1.0,
            "advice": "Too few different customers to test independence.",
        }
    every = slice(
        None, None, max(1, len(x) // 50_000)
    )  # ranks of a million rows would cost more than the fit
    spearman, p_value = stats.spearmanr(x[every], spend[every])
    advice = "Spend is close to independent of frequency, as the model assumes."
    if abs(spearman) > 0.3 and p_value < 0.05:
        advice = (
            f"Spend depends on frequency (Spearman {spearman:+.2f}), so the value of frequent buyers is "
            f"biased {'down' if spearman > 0 else 'up'}; check it by frequency or use a machine-learning "
            "model."
        )
    return {"spearman": float(spearman), "p_value": float(p_value), "advice": advice}
