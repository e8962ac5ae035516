"""Gaps between purchases ~ Gamma(k, k lambda) where the rate lambda ~ Gamma(a, b): densities, integrals and draws."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import betainc, betaln, digamma


def legendre(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes and weights of Gauss-Legendre quadrature between 0 and 1.

    >>> nodes, weights = legendre(2)
    >>> round(float(weights @ nodes**3), 6)
    0.25
    """
    nodes, weights = np.polynomial.legendre.leggauss(size)
    return (nodes + 1) / 2, weights / 2


MOMENTS = legendre(28)
_EIGHT = legendre(8)
# of the logarithm of 1 + time / scale
_STRETCHES = (0.0, 0.7, 1.4, 2.1, 3.0, 4.5, 6.5, 9, 12, 16, 21, 28, 36)
_SINGLE = 12  # purchases ahead whose densities are summed one by one
NATS = 20.0  # what lies further down than this does not count
_FOLLOWED_PURCHASES = 60.0  # purchases up to which a drawn path is followed one by one


def log_gap(k: np.ndarray, a: np.ndarray, c: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the log-density of a gap of shape k at a rate ~ Gamma(a, b), c = b / k."""
    return (k - 1) * np.log(v) - (a + k) * np.log1p(v / c) - k * np.log(c) - betaln(a, k)


def quiet(k: np.ndarray, a: np.ndarray, b: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the probability of a gap longer than v."""
    return betainc(a, k, b / (b + k * v))


def log_quiet(k: np.ndarray, a: np.ndarray, b: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the logarithm of `quiet`, which may be smaller than any floating-point number."""
    chance, rest = quiet(k, a, b, v), -np.log1p(k * v / b)
    far = a * rest + k * np.log(-np.expm1(np.minimum(rest, -1e-12))) - np.log(a) - betaln(a, k)
    return np.where(chance > 1e-280, np.log(np.maximum(chance, 1e-300)), np.minimum(far, -600.0))


def window(
    k: np.ndarray, a: np.ndarray, c: np.ndarray, first: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of log v that holds the mass of a gap's density, within [first, last]."""
    with np.errstate(divide="ignore"):
        first, last = np.log(first / c), np.log(np.maximum(last, 1e-300) / c)
    top = np.clip(np.log(k / a), first, last)
    ends = []
    for side, tail in ((-1.0, k), (1.0, a)):
        end = side * np.minimum(8 * np.sqrt(1 / k + 1 / a) + NATS / tail, 500.0)
        for _ in range(4):  # Newton's method from beyond, where the density falls the more steeply
            far = np.exp(top + end)
            fallen = (a + k) * (np.log1p(far) - np.log1p(np.exp(top))) - k * end
            end = np.clip(end - (fallen - NATS) / ((a + k) * far / (1 + far) - k), -500.0, 500.0)
        ends.append(np.clip(top + end, first, last) + np.log(c))
    return np.where(top <= first, first + np.log(c), ends[0]), np.where(
        top >= last, last + np.log(c), ends[1]
    )


def gap_series(k: np.ndarray, a: np.ndarray, count: int) -> np.ndarray:
    """Return the parts of the densities of one gap, two gaps ... `count` gaps that depend on k and a only, shape
    (count, n): log B(k, a), log B(k, a) / B(2 k, a), and the ratios of the later B((j - 1) k, a) / B(j k, a) to it.
    """
    fresh = np.r_[True, (k[1:] != k[:-1]) | (a[1:] != a[:-1])][: len(k)]  # neighbours share both
    logs = np.array([betaln(j * k[fresh], a[fresh]) for j in range(1, count + 1)])
    steps = -np.diff(logs, axis=0)
    return np.vstack([logs[:1], steps[:1], np.exp(steps[1:] - steps[0])])[:, np.cumsum(fresh) - 1]


def density_after(
    k: np.ndarray, a: np.ndarray, b: np.ndarray, w: np.ndarray, series: np.ndarray
) -> np.ndarray:
    """Return the density of purchases at w after a purchase, as a multiple of the rate's mean.

    The density is the sum of those of one gap, two gaps and so on, each from the one before by `gap_series`; beyond
    some number of gaps an integral replaces the sum.
    """
    log_beta, log_step, *ratios = series
    u = k * w / b
    log_u, longer = np.log(u), np.log1p(u)
    share = log_u - longer
    term = np.exp(np.log(k / a) - log_u - a * longer + k * share - log_beta)
    before, step, total = term, np.exp(k * share + log_step), term.copy()
    for ratio in (1.0, *ratios):
        before, term = term, term * step
        term *= ratio
        total += term
        if not (term > 1e-18 * total).any():
            break
    # terms fall the faster the later, so that the rest is less than the last one where it is half of the one before
    more = np.flatnonzero(~((term < 1e-13 * total) & (term < before / 2)))
    least = np.maximum((len(series) + 0.5) * k[more] - 0.5, 1e-3)
    total[more] += betainc(least, a[more] + 1, np.exp(share[more]))
    return total


def after_next(
    k: np.ndarray, a: np.ndarray, b: np.ndarray, s: np.ndarray, B: np.ndarray, left: np.ndarray
) -> np.ndarray:
    """Return the expected purchases in the time left after a purchase.

    Only the last stretch depends on that time, and nothing is subtracted, so that no sum falls with it.
    """
    scale, gaps = np.minimum(b / a, B / s), gap_series(k, a, _SINGLE)
    reach, power = np.log1p(np.minimum(left / scale, 1e15)), np.clip(1.5 / k, 1.0, 40.0)
    order = np.argsort(-reach, kind="stable")  # those that reach a stretch come first
    k, a, b, B, scale, reach, power = (one[order] for one in (k, a, b, B, scale, reach, power))
    gaps, later = gaps[:, order], 0.0 * reach
    for low, high in pairwise(_STRETCHES):
        reached = slice(0, int(np.searchsorted(-reach, -low)))
        width, unit, life = np.minimum(reach[reached], high) - low, scale[reached], B[reached]
        bend = power[reached] if low == 0 else 1.0  # dense after a purchase, where the others come if k < 1
        for node, share in zip(*_EIGHT, strict=True):
            at = low + width * node**bend
            w = np.maximum(unit * np.expm1(at), 1e-290)
            step = share * width * bend * node ** (bend - 1) * unit * np.exp(at - s * np.log1p(w / life))
            later[reached] += step * density_after(k[reached], a[reached], b[reached], w, gaps[:, reached])
    expected = np.empty_like(later)
    expected[order] = a / b * later
    return expected


def waits(
    k: np.ndarray, a: np.ndarray, b: np.ndarray, s: Any, B: np.ndarray, v: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return the probability of no purchase in v since the last one, for a customer who was alive then and whose
    lifetime has the scale B: by leaving before the next purchase or by its coming later; and its derivatives by a, b,
    s and B.
    """
    v, B = (one[:, None] + 0 * k for one in (np.maximum(v, 1e-12), B))
    silent, c = quiet(k, a, b, v), b / k
    came, came_log, gone, by_log, shrunk, aged, older = (np.zeros(k.shape) for _ in range(7))
    low, high = window(k + 1 / (1 + s * c / B), a, c, 0 * v, v)
    log_c, width, height = np.log(c), high - low, -betaln(a, k)
    for node, share in zip(
        *MOMENTS, strict=True
    ):  # one array of a node at a time stays in the processor's cache
        log_u = np.maximum(low + width * node, -660.0)
        u = np.exp(log_u)
        longer, age = np.log1p(u / c), np.log1p(u / B)
        density = np.exp(height + k * (log_u - log_c) - (a + k) * longer) * (width * share)
        left = density * -np.expm1(-s * age)
        stays = density - left
        came += density
        came_log += density * longer
        gone += left
        by_log += left * longer
        shrunk += left * np.exp(-longer)
        aged += stays * age
        older += stays * (1 - np.exp(-age))
    before, before_by_a = _beta_before(k, a, np.exp(low) / c)
    wait, slope = silent + gone, digamma(a + k) - digamma(a)
    by_a = came_log - came * slope - before_by_a
    off = np.nonzero((np.abs(came + before + silent - 1) > 1e-7 * wait) & (silent > 1e-10 * wait))
    by_a[silent <= 1e-10 * wait] = 0.0
    by_a[off] = _slope_of_quiet(*(one[off] for one in np.broadcast_arrays(k, a, b, v)))
    by_b = np.exp(log_gap(k, a, c, v)) * v / b
    return (
        wait,
        by_a + gone * slope - by_log,
        by_b + (gone * a - shrunk * (a + k)) / b,
        aged,
        -older * s / B,
    )


def _beta_before(k: np.ndarray, a: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of a gap below a small u, in units of b / k, and its derivative by a."""
    y, term, by_a = u / (1 + u), np.ones_like(k), np.zeros_like(k)
    series, slope = term, by_a
    for number in range(4):
        factor = (a + k + number) / (k + 1 + number) * y
        term, by_a = term * factor, by_a * factor + term * y / (k + 1 + number)
        series, slope = series + term, slope + by_a
    height = np.exp(k * np.log(y) - a * np.log1p(u) - np.log(k) - betaln(a, k))
    return height * series, height * (series * (digamma(a + k) - digamma(a) - np.log1p(u)) + slope)


def _slope_of_quiet(k: np.ndarray, a: np.ndarray, b: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the derivative of `quiet` by a."""
    step = 1e-4 * a
    return (quiet(k, a + step, b, v) - quiet(k, a - step, b, v)) / (2 * step)


def draw_renewals(k: np.ndarray, length: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return draws of the number of gaps ~ Gamma(k) within a length; many gaps are drawn by the normal limit."""
    spread = np.sqrt(np.maximum(length, 0.0)) * rng.standard_normal(k.shape)
    counts = np.clip(np.rint((length + (1 - k) / 2 + spread) / k), 0, 1e15)
    short = np.flatnonzero(length / k < _FOLLOWED_PURCHASES)
    count, shape, left = np.zeros(len(short)), k.ravel()[short], length.ravel()[short].copy()
    going = np.arange(len(short))
    while len(going):
        left[going] -= rng.gamma(shape[going])
        going = going[left[going] > 0]
        count[going] += 1
    counts.ravel()[short] = count
    return counts.astype(np.int64)
