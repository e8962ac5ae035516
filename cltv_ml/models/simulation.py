"""Simulated histories from known rates: Poisson purchases until a moment or a number of purchases."""

from __future__ import annotations

import numpy as np

_LARGEST_MEAN = 1e15  # a Poisson mean beyond this overflows NumPy's generator


def draw_gamma(
    shape: np.ndarray, rate: np.ndarray, size: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Return draws from Gamma(shape, rate)."""
    return rng.gamma(shape, 1.0, size) / rate


def draw_poisson(mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return Poisson draws, int64."""
    return rng.poisson(np.minimum(mean, _LARGEST_MEAN))


def until_moment(
    rate: np.ndarray, life: np.ndarray, T: np.ndarray, horizon: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return frequency, recency, alive and later purchases of customers who leave at age `life`."""
    observed = np.minimum(life, T)
    x = draw_poisson(rate * observed, rng).astype(np.float64)
    recency = np.where(x > 0, observed * rng.random(len(T)) ** (1 / np.maximum(x, 1)), 0.0)
    later = draw_poisson(rate * (np.clip(life, T, T + horizon) - T), rng)
    return x, recency, life > T, later


def until_purchase(
    rate: np.ndarray, last: np.ndarray, T: np.ndarray, horizon: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return frequency, recency, alive and later purchases of customers who leave after purchase `last`."""
    would = draw_poisson(rate * T, rng)
    x = np.minimum(would, last).astype(np.float64)
    safe = np.maximum(x, 1)
    recency = np.where(x > 0, T * rng.beta(safe, np.maximum(would - x, 0) + 1), 0.0)
    alive = would < last
    later = np.where(alive, np.minimum(draw_poisson(rate * horizon, rng), last - np.minimum(would, last)), 0)
    return x, recency, alive, later


def draw_last(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the number of the purchase after which a customer leaves, who leaves after each with `p`."""
    # NumPy's own geometric generator loops for small p; the inverse does not.
    return np.ceil(
        np.minimum(np.log1p(-rng.random(p.shape)) / np.log1p(-np.clip(p, 1e-15, 1 - 1e-15)), 1e15)
    ).clip(1)
