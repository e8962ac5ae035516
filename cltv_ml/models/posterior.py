r"""Posterior draws of a purchase model's parameters: from the normal at the maximum where that is near, else by
Hamiltonian Monte Carlo.

How near the normal is, the tail of the ratios of posterior to normal tells (Vehtari et al., 2024, "Pareto Smoothed
Importance Sampling"): up to a shape of 0.7 the ratios correct the draws. Beyond it the draws come from a Hamiltonian
sampler (Neal, 2011, "MCMC Using Hamiltonian Dynamics") that takes the curvature at the maximum as its metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_fitted
from cltv_ml.models.fitting import bounds_of
from cltv_ml.models.likelihood import LogLikelihood, Maximum, maximize
from cltv_ml.models.purchases import PurchaseModel
from cltv_ml.models.scaled import Scaled, as_params, as_theta, scaled

NEAR_NORMAL = 0.7  # shape of the ratios' tail up to which they correct a normal
_CHAINS, _WARM, _LEAPS = 4, 150, (3, 9)
_WANTED = 0.8  # of the proposals that are accepted


@dataclass(frozen=True)
class Posterior:
    """Draws of the parameters by name, how they were made, and how far to trust them.

    `tail_shape` is that of the ratios of posterior to normal; `r_hat` compares chains (1.01 and less is good) and is 1
    where the draws are independent.
    """

    draws: pd.DataFrame
    method: str
    tail_shape: float
    r_hat: float

    def summary(self) -> pd.DataFrame:
        """Return mean, standard deviation, and the ends of the central 95% interval by parameter."""
        lower, upper = self.draws.quantile(0.025), self.draws.quantile(0.975)
        return pd.DataFrame(
            {"mean": self.draws.mean(), "sd": self.draws.std(), "lower": lower, "upper": upper}
        )


def sample_posterior(
    model: PurchaseModel,
    X: pd.DataFrame,
    draws: int = 1000,
    *,
    prior: float | Literal["flat"] = 3.0,
    method: str | None = None,
    seed: int = 0,
) -> Posterior:
    """Return draws of a fitted model's parameters given the customers `X` that it was fitted on, and keep them in the
    model: its `predict_interval` and draws of values then carry them.

    Parameters
    ----------
    prior
        Standard deviation of a normal prior of each parameter's logarithm, and of each covariate's slope per standard
        deviation, around zero in the units of the fit (time in units of the customers' mean age); 3 says that a
        parameter lies within a factor of 400 of one either way. "flat" says that each value of a parameter, not of its
        logarithm, is as likely beforehand as any other, as pymc-marketing's flat priors do.
    method
        "laplace" or "hmc"; chosen by the tail of the ratios if None.
    """
    check_fitted(model)
    if draws < 4 or not (prior == "flat" or prior > 0) or method not in (None, "laplace", "hmc"):
        raise InputError(
            f"sample_posterior: draws must be 4 or more, prior above 0 or 'flat', and method 'laplace' or 'hmc'; "
            f"got {draws!r}, {prior!r} and {method!r}."
        )
    rng, likelihood = np.random.default_rng(seed), scaled(model, X)
    target = _posterior(likelihood, prior)
    top = _top(
        target, likelihood.inward(as_theta(model, model.params_)), len(model.param_names), model._all_names()
    )
    near, shape = _normal(target, top, draws, rng)
    chosen = method or ("laplace" if shape < NEAR_NORMAL else "hmc")
    thetas, r_hat = (near, 1.0) if chosen == "laplace" else _hamiltonian(target, top, draws, rng)
    table = pd.DataFrame([as_params(model, likelihood.outward(theta)) for theta in thetas])
    model.posterior_ = table.to_numpy()
    return Posterior(table, chosen, float(shape), float(r_hat))


def _posterior(likelihood: Scaled, prior: float | Literal["flat"]) -> LogLikelihood:
    """Return the logarithm of the posterior density and its gradient."""
    size, power = likelihood.problem.size, np.ones(len(likelihood.stretch))
    power[len(likelihood.model.param_names) :] = 0.0

    def target(theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return both at `theta`, within where parameters are looked for."""
        value, gradient = likelihood.objective(np.clip(theta, -11.0, 9.0))
        if prior == "flat":
            return size * value + float(power @ theta), size * gradient + power
        return size * value - float(theta @ theta) / (2 * prior**2), size * gradient - theta / prior**2

    return target


def _top(target: LogLikelihood, start: np.ndarray, shapes: int, names: list[str]) -> Maximum:
    """Return the maximum of the posterior with the covariance there."""
    return maximize(target, [start], bounds_of(shapes, len(names) - shapes), names=names, size=1.0)


def _root(top: Maximum) -> np.ndarray:
    """Return a square root of the covariance at the maximum."""
    variances, axes = np.linalg.eigh(
        np.where(np.isnan(top.covariance), np.eye(len(top.theta)), top.covariance)
    )
    return axes * np.sqrt(np.maximum(variances, 1e-12))


def _normal(
    target: LogLikelihood, top: Maximum, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Return draws from the normal at the maximum, drawn again by smoothed ratios, and the shape of their tail."""
    noise = rng.standard_normal((max(4 * draws, 1000), len(top.theta)))
    theta = top.theta + noise @ _root(top).T
    logs = np.array([target(one)[0] for one in theta]) + (noise**2).sum(axis=1) / 2
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
    """Return draws of several chains of Hamiltonian Monte Carlo, and how far the chains agree."""
    root, each = _root(top), -(-draws // _CHAINS)
    chains = np.array([_chain(target, top.theta, root, each, rng) for _ in range(_CHAINS)])
    halves = chains[:, : each // 2 * 2].reshape(2 * _CHAINS, -1, chains.shape[2])
    within = halves.var(axis=1, ddof=1).mean(axis=0)
    between = halves.mean(axis=1).var(axis=0, ddof=1)
    n = halves.shape[1]
    r_hat = np.sqrt((n - 1) / n + between / within).max()
    return chains.reshape(-1, chains.shape[2])[:draws], float(r_hat)


def _chain(
    target: LogLikelihood, start: np.ndarray, root: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Return one chain in coordinates in which the posterior is nearly a standard normal, its step learned first."""

    def at(z: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log-density and its gradient."""
        value, gradient = target(start + root @ z)
        return value, root.T @ gradient

    z, step, states = rng.standard_normal(len(start)), 0.5, []
    value, gradient = at(z)
    for number in range(_WARM + draws):
        speed = rng.standard_normal(len(z))
        energy, moved = value - float(speed @ speed) / 2, z
        new_value, new_gradient, size = value, gradient, step * rng.uniform(0.8, 1.2)
        for _ in range(rng.integers(*_LEAPS)):
            speed = speed + size / 2 * new_gradient
            moved = moved + size * speed
            new_value, new_gradient = at(moved)
            speed = speed + size / 2 * new_gradient
        rise = new_value - float(speed @ speed) / 2 - energy
        chance = float(np.exp(min(rise, 0.0))) if np.isfinite(rise) else 0.0
        if rng.random() < chance:
            z, value, gradient = moved, new_value, new_gradient
        if number < _WARM:
            step *= float(np.exp((chance - _WANTED) / (1 + number) ** 0.6))
        else:
            states.append(start + root @ z)
    return np.array(states)
