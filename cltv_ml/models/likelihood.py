"""The maximum-likelihood engine: several starts, exact gradients, a Newton finish and a verdict on the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from cltv_ml.models.verdict import advise, covariance, doubtful, on_bound, projected, reach_verdict

#: Takes parameters, returns the mean log-likelihood and its gradient.
LogLikelihood = Callable[[np.ndarray], tuple[float, np.ndarray]]


@runtime_checkable
class Curved(Protocol):
    """A `LogLikelihood` that knows its Hessian, and is climbed by Newton steps."""

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean log-likelihood and its gradient."""

    def hessian(self, theta: np.ndarray, rough: bool = False) -> np.ndarray:
        """Return the second derivatives, `rough` ones to four digits."""


_STEP = 1e-4  # of the differences that make a Hessian of gradients
_EXACT, _ROUGH = 1e-7, 1e-4  # slopes of the mean log-likelihood at which a climb ends
_FLATTEST = 1e-8  # the same at the end of Newton steps
_NOISE = 1e-11  # differences of a mean log-likelihood below this say less than its slopes
_LOOK = 10  # rounds of a climb after which it looks whether it is on its way to a maximum that is known


@dataclass(frozen=True)
class Maximum:
    """The maximum of a likelihood, the verdict on it, and advice if it is doubtful."""

    theta: np.ndarray
    log_likelihood: float
    covariance: np.ndarray
    gradient_norm: float
    verdict: str
    advice: str


def maximize(
    objective: LogLikelihood,
    starts: Sequence[np.ndarray],
    bounds: np.ndarray,
    *,
    names: Sequence[str],
    size: float,
    samples: Sequence[LogLikelihood] = (),
) -> Maximum:
    """Return the maximum of a likelihood of `size` customers in log-parameters.

    The climb begins at the first start; if it ends on a bound or a ridge, the other starts are tried too. The first of
    `samples`, likelihoods of parts of a large population, is climbed first, from every start if its end is doubtful,
    and each larger one from there: the full data then need only a few Newton steps. If the end is doubtful only on the
    full data, the other starts are climbed on the first sample, and on the full data from where these climbs end
    elsewhere.

    Parameters
    ----------
    bounds
        Shape (k, 2); a parameter that ends on one is reported, never pushed further.
    size
        Sum of the weights, which turns the mean log-likelihood into the total.
    """
    starts = [np.clip(start, bounds[:, 0], bounds[:, 1]) for start in starts]
    if not samples:
        theta, value, hessian = _highest(objective, starts, bounds)
    else:
        sample = samples[0]
        near, height, curvature = _highest(sample, starts, bounds)
        top = near, height
        for larger in samples[1:]:
            near, _, curvature = _polish(larger, near, curvature, bounds)
        theta, value, hessian = _polish(objective, near, curvature, bounds)
        if doubtful(theta, hessian, bounds) and not doubtful(near, curvature, bounds):
            ends = [_climb(sample, start, bounds, best=top) for start in starts[1:]]
            elsewhere = [end for end, reached in ends if not _leads_to(sample, end, reached, top)]
            theta, value, hessian = _highest_of(objective, elsewhere, (theta, value, hessian), bounds)
    gradient = objective(theta)[1]
    verdict, loose = reach_verdict(theta, gradient, hessian, bounds, size)
    return Maximum(
        theta=theta,
        log_likelihood=value * size,
        covariance=covariance(hessian * size, loose, theta, bounds),
        gradient_norm=float(np.abs(projected(gradient, theta, bounds)).max()),
        verdict=verdict,
        advice=advise(verdict, [name for name, is_loose in zip(names, loose, strict=True) if is_loose]),
    )


def _highest(
    objective: LogLikelihood, starts: Sequence[np.ndarray], bounds: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return the end of the climb from the first start, or from a later one if the first is doubtful and the later is
    higher: point, height, Hessian.

    Along a ridge a climb takes hundreds of steps, and most starts end at the same point: a later climb stops once a
    straight line from it rises to the best point so far.
    """
    best = _newton_steps(objective, *_climb(objective, starts[0], bounds), bounds)
    return _highest_of(objective, starts[1:], best, bounds) if doubtful(best[0], best[2], bounds) else best


def _highest_of(
    objective: LogLikelihood,
    starts: Sequence[np.ndarray],
    best: tuple[np.ndarray, float, np.ndarray],
    bounds: np.ndarray,
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return the highest of `best` and the ends of climbs from the starts: point, height, Hessian."""
    for start in starts:
        end, height = _climb(objective, start, bounds, best=best[:2])
        if height > best[1] + 1e-9:
            best = max(best, _newton_steps(objective, end, height, bounds), key=lambda reached: reached[1])
    return best


def _climb(
    objective: LogLikelihood,
    theta: np.ndarray,
    bounds: np.ndarray,
    rounds: int = 60,
    best: tuple[np.ndarray, float] | None = None,
    flat: float = _EXACT,
    inverse: np.ndarray | None = None,
) -> tuple[np.ndarray, float]:
    """Return the end of projected BFGS from `theta`, and its height; it stops early on its way to `known`.

    It ends where no slope is steeper than `flat`, or along a ridge where that is not reached in so many rounds.
    `inverse` approximates the inverse of minus the Hessian.

    SciPy's L-BFGS-B does the same, but for four parameters its BLAS threads make it a hundred times slower on a busy
    machine.
    """
    if isinstance(objective, Curved):
        return _climb_ridge(objective, theta, bounds, flat if flat > _EXACT else _FLATTEST)
    value, gradient = objective(theta)
    inverse = np.eye(len(theta)) if inverse is None else inverse
    for number in range(rounds):
        if best is not None and number % _LOOK == _LOOK - 1 and _leads_to(objective, theta, value, best):
            break
        at_bound = gradient != projected(gradient, theta, bounds)
        if np.abs(gradient[~at_bound]).max(initial=0.0) < flat:
            break
        direction = np.where(at_bound, 0.0, inverse @ np.where(at_bound, 0.0, gradient))
        if direction @ gradient <= 0:
            inverse = np.eye(len(theta))
            direction = np.where(at_bound, 0.0, gradient)
        direction = direction * min(1.0, 2.0 / np.abs(direction).max())
        accepted = _search(objective, theta, value, gradient, direction, bounds)
        if accepted is None:
            if np.array_equal(inverse, np.eye(len(theta))):
                return _climb_ridge(objective, theta, bounds) if flat <= _EXACT else (theta, value)
            inverse = np.eye(len(theta))
            continue
        new_theta, new_value, new_gradient = accepted
        inverse = _update(inverse, new_theta - theta, gradient - new_gradient)
        theta, value, gradient = new_theta, new_value, new_gradient
    else:
        return _climb_ridge(objective, theta, bounds) if flat <= _EXACT else (theta, value)
    return theta, value


def climb_roughly(
    objective: LogLikelihood, start: np.ndarray, bounds: np.ndarray, rounds: int = 20
) -> np.ndarray:
    """Return parameters near the maximum next to `start`: good enough for a total, without a verdict."""
    start = np.clip(start, bounds[:, 0], bounds[:, 1])
    return _climb(objective, start, bounds, rounds=rounds, flat=_ROUGH)[0]


def _leads_to(
    objective: LogLikelihood, theta: np.ndarray, value: float, best: tuple[np.ndarray, float]
) -> bool:
    """Return whether the likelihood only rises on the straight line from `theta` to a known maximum."""
    end, top = best
    heights = [objective(theta + share * (end - theta))[0] for share in np.linspace(0, 1, 10)[1:-1]]
    return bool((np.diff([value, *heights, top]) >= -1e-12).all())


def _climb_ridge(
    objective: LogLikelihood, theta: np.ndarray, bounds: np.ndarray, flat: float = _FLATTEST
) -> tuple[np.ndarray, float]:
    """Return the end of up to 40 damped Newton steps; along a narrow bent ridge BFGS takes hundreds of steps.

    A step that leaves a tenth of the slope shows that the curvature still holds: where it is dear, the next step takes
    it again.
    """
    value, gradient = objective(theta)
    damping, before = 1e-6, 0.0
    curvature, axes, known = np.zeros(0), np.zeros((0, 0)), np.zeros(0, dtype=bool)
    for _ in range(40):
        free = gradient == projected(gradient, theta, bounds)
        steepest = float(np.abs(gradient[free]).max(initial=0.0))
        if steepest < flat:
            break
        fresh = steepest > before / 10 or not np.array_equal(free, known)
        if fresh:
            hessian = _hessian(objective, theta, bounds, gradient)[np.ix_(free, free)]
            curvature, axes = np.linalg.eigh(-hessian)
        slope = axes.T @ gradient[free]
        before, known = steepest if isinstance(objective, Curved) else 0.0, free
        for _ in range(8):
            step = np.zeros_like(theta)
            step[free] = axes @ (slope / (np.abs(curvature) + damping))
            step *= min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
            candidate = np.clip(theta + step, bounds[:, 0], bounds[:, 1])
            height, incline = objective(candidate)
            if height > value:
                break
            damping *= 10
        else:
            if fresh:
                break
            before = 0.0
            continue
        theta, value, gradient = candidate, height, incline
        damping = max(damping / 10, 1e-12)
    return theta, value


def _search(
    objective: LogLikelihood,
    theta: np.ndarray,
    value: float,
    gradient: np.ndarray,
    direction: np.ndarray,
    bounds: np.ndarray,
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """Return the first point along `direction`, within the bounds, that is clearly higher, or as high and flatter."""
    length = 1.0
    for _ in range(30):
        candidate = np.clip(theta + length * direction, bounds[:, 0], bounds[:, 1])
        new_value, new_gradient = objective(candidate)
        flatter = np.abs(new_gradient).max() < np.abs(gradient).max()
        if new_value > value + 1e-4 * gradient @ (candidate - theta) or (
            flatter and new_value > value - _NOISE
        ):
            return candidate, new_value, new_gradient
        length *= 0.3
    return None


def _update(inverse: np.ndarray, step: np.ndarray, fall: np.ndarray) -> np.ndarray:
    """Return the BFGS update of the inverse of minus the Hessian; unchanged where the surface is not concave."""
    along = float(step @ fall)
    if along <= 1e-12 * float(np.sqrt((step @ step) * (fall @ fall))):
        return inverse
    if np.array_equal(inverse, np.eye(len(step))):
        inverse = inverse * (along / float(fall @ fall))
    shift = np.eye(len(step)) - np.outer(step, fall) / along
    return shift @ inverse @ shift.T + np.outer(step, step) / along


def _polish(
    objective: LogLikelihood, theta: np.ndarray, hessian: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return the maximum of the full data from a sample's, whose Hessian serves until the end is reached."""
    start = theta, *objective(theta)
    theta, value, gradient = _newton(objective, start, hessian, bounds, rounds=8)
    if not _is_flat(theta, gradient, bounds):
        # where a sample says little of a parameter, what is climbed corrects its curvature on the way
        theta, value = _climb(objective, theta, bounds, inverse=_inverse(-hessian, bounds, theta))
        return _newton_steps(objective, theta, value, bounds, one_sided=True)
    return theta, value, _hessian(objective, theta, bounds, gradient)


def _is_flat(theta: np.ndarray, gradient: np.ndarray, bounds: np.ndarray) -> bool:
    return bool(np.abs(gradient[~on_bound(theta, bounds)]).max(initial=0.0) <= 1e-7)


def _newton_steps(
    objective: LogLikelihood, theta: np.ndarray, value: float, bounds: np.ndarray, one_sided: bool = False
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return the end of a few Newton steps from `theta`, its height and the Hessian of the mean."""
    gradient = objective(theta)[1]
    hessian = _hessian(objective, theta, bounds, gradient if one_sided else None)
    theta, value, _ = _newton(objective, (theta, value, gradient), hessian, bounds, rounds=4)
    return theta, value, hessian


def _newton(
    objective: LogLikelihood,
    start: tuple[np.ndarray, float, np.ndarray],
    hessian: np.ndarray,
    bounds: np.ndarray,
    rounds: int,
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return the end of steps with a fixed Hessian: point, height, gradient; each step must climb and flatten."""
    theta, value, gradient = start
    for _ in range(rounds):
        free = ~on_bound(theta, bounds)
        norm = np.abs(gradient[free]).max(initial=0.0)
        if norm < 1e-10:
            break
        step = np.zeros_like(theta)
        step[free] = _solve(-hessian[np.ix_(free, free)], gradient[free])
        if np.abs(step).max() > 0.5:
            break
        candidate = np.clip(theta + step, bounds[:, 0], bounds[:, 1])
        new_value, new_gradient = objective(candidate)
        if not (new_value >= value - _NOISE and np.abs(new_gradient[free]).max(initial=0.0) < norm):
            break
        theta, value, gradient = candidate, new_value, new_gradient
    return theta, value, gradient


def _inverse(matrix: np.ndarray, bounds: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Return a positive definite inverse: 1 for parameters on a bound, bounded where the matrix is nearly singular."""
    free = np.flatnonzero(~on_bound(theta, bounds))
    values, vectors = np.linalg.eigh(matrix[np.ix_(free, free)])
    inverse = np.eye(len(theta))
    least = 1e-3 * max(float(values.max(initial=0.0)), 1e-300)
    inverse[np.ix_(free, free)] = (vectors / np.maximum(values, least)) @ vectors.T
    return inverse


def _solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the solution in the directions that the matrix determines."""
    values, vectors = np.linalg.eigh(matrix)
    large = values > 1e-10 * max(float(values.max(initial=0.0)), 1e-300)
    return (vectors[:, large] / values[large]) @ (vectors[:, large].T @ right)


def _hessian(
    objective: LogLikelihood, theta: np.ndarray, bounds: np.ndarray, gradient: np.ndarray | None = None
) -> np.ndarray:
    """Return the second derivatives by differences of the exact gradient, kept inside the bounds: central
    ones, or, where `gradient` at `theta` is given, one-sided ones for half the price and four digits.
    """
    if isinstance(objective, Curved):
        return objective.hessian(theta, rough=gradient is not None)
    rows = []
    for number in range(len(theta)):
        up, down = theta.copy(), theta.copy()
        up[number] = min(theta[number] + _STEP, bounds[number, 1])
        if gradient is None or up[number] == theta[number]:
            down[number] = max(theta[number] - _STEP, bounds[number, 0])
            lower = objective(down)[1]
        else:
            lower = gradient
        rows.append((objective(up)[1] - lower) / (up[number] - down[number]))
    hessian = np.array(rows)
    return (hessian + hessian.T) / 2
