r"""Posterior draws of a model's parameters: around the maximum where the posterior is nearly normal there, else by
Hamiltonian Monte Carlo.

Draws are first those of Student's t with the curvature at the maximum. The tail of the ratios of posterior to t shows
how near that is (Vehtari et al., 2024, "Pareto Smoothed Importance Sampling"): up to a shape of 0.4 the ratios correct
the draws. Their variance is infinite from 0.5 on, and the shape is known to about 0.1. Beyond it the draws come from a
Hamiltonian sampler (Neal, 2011, "MCMC Using Hamiltonian Dynamics") whose metric is the covariance of its own warm-up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_fitted
from cltv_ml.models.fitting import bounds_of
from cltv_ml.models.gamma_gamma import GammaGamma
from cltv_ml.models.likelihood import LogLikelihood, Maximum, maximize
from cltv_ml.models.predictive import draw_parameters
from cltv_ml.models.probabilistic import ProbabilisticValue
from cltv_ml.models.purchases import PurchaseModel
from cltv_ml.models.scaled import as_params, as_theta, scaled
from cltv_ml.models.spend_likelihood import POPULATION_BOUNDS, SHIFT

_DISAGREE = 1.05  # R-hat above which chains have not found the same
NEAR_NORMAL = 0.4  # shape of the ratios' tail up to which they correct the draws
_DEGREES = 5.0  # of Student's t, whose tails reach further than the normal's
_CHAINS, _WARM, _LEAST = (
    4,
    80,
    250,
)  # of the sampler: chains, steps of each half of a warm-up, states that a chain keeps
_TURN, _MOST_LEAPS = (1.2, 4.0), 24  # length of a path, of which half a turn is 1.6 in a standard normal
_WANTED = 0.8  # of the proposals that are accepted


@dataclass(frozen=True)
class Posterior:
    """Draws of the parameters by name, the method, and measures of their quality.

    `tail_shape` is that of the ratios of the posterior to the density drawn from; `r_hat` compares chains (1.01 and
    less is good) and is 1 where the draws are independent. `advice` puts both in words.
    """

    draws: pd.DataFrame
    method: str
    tail_shape: float
    r_hat: float

    @property
    def advice(self) -> str:
        """Advice on the use of the draws."""
        if self.r_hat > _DISAGREE:
            return (
                f"The chains do not agree (R-hat {self.r_hat:.2f}), so these draws are not the posterior "
                "yet. Request more draws, use a prior such as 3.0 in place of 'flat', under which the "
                "posterior may not be proper, or fit a simpler model."
            )
        if "laplace" in self.method and self.tail_shape >= NEAR_NORMAL:
            return (
                f"The posterior is far from normal (shape of the tail {self.tail_shape:.2f}): use method='hmc'; these "
                "draws are too close to the maximum."
            )
        return "Use the draws, their means and intervals."

    def summary(self) -> pd.DataFrame:
        """Return mean, standard deviation, and the ends of the central 95% interval by parameter."""
        lower, upper = self.draws.quantile(0.025), self.draws.quantile(0.975)
        return pd.DataFrame(
            {"mean": self.draws.mean(), "sd": self.draws.std(), "lower": lower, "upper": upper}
        )


def sample_posterior(
    model: PurchaseModel | GammaGamma | ProbabilisticValue,
    X: pd.DataFrame,
    draws: int = 1000,
    *,
    prior: float | Literal["flat"] = 3.0,
    method: str | None = None,
    seed: int = 0,
) -> Posterior:
    """Return draws of a fitted model's parameters given the customers `X` that it was fitted on, and keep them in the
    model: its `predict_interval`, its draws of values and `predict_total_interval` then carry them.

    Of a `ProbabilisticValue` both models are sampled; their parameters are independent given the customers. Of
    Gamma-Gamma p, q and v are sampled and slopes stay as they are; where its mean is held, draws come from the normal
    at the maximum.

    Parameters
    ----------
    prior
        Standard deviation of a normal prior of each parameter's logarithm (of q - 1 for Gamma-Gamma), and of each
        covariate's slope per standard deviation, around zero in the units of the fit (time in units of the customers'
        mean age, money in units of the mean spend); with 3 a parameter is believed to lie within a factor of 400 of
        one either way. "flat" makes every value of a parameter, not of its logarithm, equally likely beforehand, as
        pymc-marketing's flat priors do.
    method
        "laplace" or "hmc"; chosen by the tail of the ratios if None.

    Raises
    ------
    InputError
        A setting is impossible, or the model is not fitted.
    """
    check_fitted(model)
    if draws < 4 or not (prior == "flat" or prior > 0) or method not in (None, "laplace", "hmc"):
        raise InputError(
            f"sample_posterior: draws must be 4 or more, prior above 0 or 'flat', and method 'laplace' or 'hmc'; "
            f"got {draws!r}, {prior!r} and {method!r}."
        )
    if isinstance(model, ProbabilisticValue):
        spent = model.spenders(X)
        pairs: list[tuple[PurchaseModel | GammaGamma, pd.DataFrame]] = [
            (model.purchases_, X),
            (model.spend_, spent),
        ]
        posteriors = [
            sample_posterior(component, rows, draws, prior=prior, method=method, seed=seed + number)
            for number, (component, rows) in enumerate(pairs)
        ]
        return Posterior(
            pd.concat([posterior.draws for posterior in posteriors], axis=1),
            ", ".join(posterior.method for posterior in posteriors),
            max(posterior.tail_shape for posterior in posteriors),
            max(posterior.r_hat for posterior in posteriors),
        )
    rng = np.random.default_rng(seed)
    if isinstance(model, GammaGamma):
        return _sample_spend(model, X, draws, prior, method, rng)
    likelihood = scaled(model, X)
    names, shapes = model._all_names(), len(model.param_names)
    inside = Inside(
        _posterior(likelihood.objective, likelihood.problem.size, shapes, prior),
        likelihood.inward(as_theta(model, model.params_)),
        bounds_of(shapes, len(names) - shapes),
        names,
        likelihood.problem.size,
    )
    thetas, chosen, shape, r_hat = _sample(inside, draws, method, rng)
    table = pd.DataFrame([as_params(model, likelihood.outward(theta)) for theta in thetas])
    model.posterior_ = table.to_numpy()
    return Posterior(table, chosen, shape, r_hat)


def _sample_spend(
    model: GammaGamma,
    X: pd.DataFrame,
    draws: int,
    prior: float | Literal["flat"],
    method: str | None,
    rng: np.random.Generator,
) -> Posterior:
    """Return draws of p, q and v, and keep them in the model."""
    start, objective, size, money = model.likelihood(X)
    inside = Inside(_posterior(objective, size, 3, prior), start, POPULATION_BOUNDS, model.param_names, size)
    if model.convergence_["verdict"] == "mean_held":
        thetas, chosen, shape, r_hat = (
            draw_parameters(start, model.covariance_, draws, rng),
            "laplace",
            0.0,
            1.0,
        )
    else:
        thetas, chosen, shape, r_hat = _sample(inside, draws, method, rng)
    model.posterior_ = np.exp(thetas) * [1.0, 1.0, money] + SHIFT
    return Posterior(pd.DataFrame(model.posterior_, columns=list(model.param_names)), chosen, shape, r_hat)


@dataclass(frozen=True)
class Inside:
    """A posterior in units that make every population comparable: the logarithm of its density with the gradient, where
    the fit ended, bounds and names of the parameters, and the number of customers.
    """

    target: LogLikelihood
    start: np.ndarray
    bounds: np.ndarray
    names: Sequence[str]
    size: float


def _sample(
    inside: Inside, draws: int, method: str | None, rng: np.random.Generator
) -> tuple[np.ndarray, str, float, float]:
    """Return draws, the method that made them, the shape of the ratios' tail, and R-hat."""
    top = _top(inside)
    thetas, shape = _normal(inside.target, top, draws, rng)
    chosen, r_hat = method or ("laplace" if shape < NEAR_NORMAL else "hmc"), 1.0
    if chosen == "hmc":
        thetas, r_hat = _hamiltonian(inside.target, top, draws, rng)
    return thetas, chosen, float(shape), float(r_hat)


def _posterior(
    objective: LogLikelihood, size: float, shapes: int, prior: float | Literal["flat"]
) -> LogLikelihood:
    """Return the logarithm of the posterior density and its gradient from the mean log-likelihood of `size` customers,
    whose first `shapes` parameters are logarithms.
    """

    def target(theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return both at `theta`, within where parameters are looked for."""
        value, gradient = objective(np.clip(theta, -11.0, 9.0))
        if prior == "flat":
            power = (np.arange(len(theta)) < shapes).astype(float)
            return size * value + float(power @ theta), size * gradient + power
        return size * value - float(theta @ theta) / (2 * prior**2), size * gradient - theta / prior**2

    return target


def _top(inside: Inside) -> Maximum:
    """Return the maximum of the posterior with the covariance there."""

    def mean(theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the logarithm of the posterior and its gradient per customer, as `maximize` measures slopes."""
        value, gradient = inside.target(theta)
        return value / inside.size, gradient / inside.size

    return maximize(mean, [inside.start], inside.bounds, names=inside.names, size=inside.size)


def _root(top: Maximum) -> np.ndarray:
    """Return a square root of the covariance at the maximum."""
    variances, axes = np.linalg.eigh(
        np.where(np.isnan(top.covariance), np.eye(len(top.theta)), top.covariance)
    )
    return axes * np.sqrt(np.maximum(variances, 1e-12))


def _normal(
    target: LogLikelihood, top: Maximum, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Return draws from Student's t around the maximum, drawn again by smoothed ratios, and the shape of their tail."""
    size = max(4 * draws, 1000)
    noise = rng.standard_normal((size, len(top.theta)))
    noise *= np.sqrt(_DEGREES / rng.chisquare(_DEGREES, size))[:, None]
    theta = top.theta + noise @ _root(top).T
    density = -(_DEGREES + len(top.theta)) / 2 * np.log1p((noise**2).sum(axis=1) / _DEGREES)
    logs = np.array([target(one)[0] for one in theta]) - density
    ratios, shape = smooth_tail(np.exp(logs - logs.max()))
    return theta[rng.choice(len(theta), draws, p=ratios / ratios.sum())], shape


def smooth_tail(ratios: np.ndarray) -> tuple[np.ndarray, float]:
    """Return importance ratios, the largest replaced by quantiles of a generalised Pareto fitted to them, and its shape
    (Zhang and Stephens, 2009, with the weak prior of Vehtari et al.).

    >>> ratios, shape = smooth_tail(np.random.default_rng(0).pareto(2.0, 4000) + 1)
    >>> round(shape, 1)
    0.6
    """
    order = np.argsort(ratios)
    many = min(len(ratios) // 5, int(3 * np.sqrt(len(ratios))))
    last, least = order[-many:], ratios[order[-many - 1]]
    excess = ratios[last] - least
    if not excess[0] > 0:
        return ratios, 0.0
    count = 30 + int(np.sqrt(many))
    grid = 1 - np.sqrt(count / (np.arange(1, count + 1) - 0.5))
    grid = grid / (3 * excess[int(many / 4 + 0.5) - 1]) + 1 / excess[-1]
    shapes = np.log1p(-grid[:, None] * excess).mean(axis=1)
    heights = many * (np.log(-grid / shapes) - shapes - 1)
    best = float(grid @ (weights := np.exp(heights - heights.max())) / weights.sum())
    shape = float(np.log1p(-best * excess).mean())
    scale, shape = -shape / best, (shape * many + 5) / (many + 10)
    smoothed = ratios.copy()
    share = (np.arange(many) + 0.5) / many
    smoothed[last] = np.minimum(least + scale * np.expm1(-shape * np.log1p(-share)) / shape, ratios.max())
    return smoothed, shape


def _hamiltonian(
    target: LogLikelihood, top: Maximum, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Return draws of several chains of Hamiltonian Monte Carlo, and R-hat.

    The covariance of the states of a first warm-up, of all chains together, is the metric from there on.
    """
    centre, root, each = top.theta, _root(top), max(-(-draws // _CHAINS), _LEAST)
    first = [
        _chain(target, (centre, root), rng.standard_normal(len(centre)), (_WARM, _WARM), rng)
        for _ in range(_CHAINS)
    ]
    seen = np.concatenate(first)
    centre, share = seen.mean(axis=0), len(seen) / (len(seen) + 5.0 * len(centre))
    root = np.linalg.cholesky(share * np.cov(seen.T).reshape(2 * [len(centre)]) + (1 - share) * root @ root.T)
    starts = [np.linalg.solve(root, states[-1] - centre) for states in first]
    chains = np.array([_chain(target, (centre, root), start, (_WARM, each), rng) for start in starts])
    halves = chains[:, : each // 2 * 2].reshape(2 * _CHAINS, -1, chains.shape[2])
    within = halves.var(axis=1, ddof=1).mean(axis=0)
    between = halves.mean(axis=1).var(axis=0, ddof=1)
    n = halves.shape[1]
    r_hat = np.sqrt((n - 1) / n + between / within).max()
    thetas = chains.reshape(-1, chains.shape[2])
    return thetas[np.linspace(0, len(thetas) - 1, draws).round().astype(int)], float(r_hat)


def _chain(
    target: LogLikelihood,
    metric: tuple[np.ndarray, np.ndarray],
    z: np.ndarray,
    steps: tuple[int, int],
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the states of one chain after its warm-up, in which its step is learned.

    `metric` is the centre and the square root of the covariance of coordinates in which the posterior is nearly a
    standard normal, and `z` a start there; `steps` are those of the warm-up and those after it.
    """
    centre, root = metric

    def at(z: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log-density and its gradient."""
        value, gradient = target(centre + root @ z)
        return value, root.T @ gradient

    step, states = 0.5, []
    value, gradient = at(z)
    for number in range(sum(steps)):
        speed = rng.standard_normal(len(z))
        energy, moved = value - float(speed @ speed) / 2, z
        new_value, new_gradient, size = value, gradient, step * rng.uniform(0.8, 1.2)
        for _ in range(int(np.clip(rng.uniform(*_TURN) / size, 1, _MOST_LEAPS))):
            speed = speed + size / 2 * new_gradient
            moved = moved + size * speed
            new_value, new_gradient = at(moved)
            speed = speed + size / 2 * new_gradient
        rise = new_value - float(speed @ speed) / 2 - energy
        chance = float(np.exp(min(rise, 0.0))) if np.isfinite(rise) else 0.0
        if rng.random() < chance:
            z, value, gradient = moved, new_value, new_gradient
        if number < steps[0]:
            step *= float(np.exp((chance - _WANTED) / (1 + number) ** 0.6))
        else:
            states.append(centre + root @ z)
    return np.array(states)
