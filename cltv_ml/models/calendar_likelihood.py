"""The likelihood of Pareto/NBD whose rates change from period to period, with its derivatives.

`A` and `B` are alpha and beta plus the integrals of the factors of purchase and of dropout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cltv_ml.models.fitting import Params
from cltv_ml.models.pareto_nbd import alive_or_gone, moments, visible
from cltv_ml.models.purchase_history import Rows

_FALL = 60.0  # how far the integrand falls until nothing more of it is seen


def terms(
    params: Params, rows: Rows, edges: np.ndarray, a: np.ndarray, d: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    """Return each row's log-likelihood and its derivatives by r, alpha, s, beta, and the weighted sums of those by the
    logarithm of each period's factors; the factors at the purchases are left to the caller.
    """
    r, alpha, s, beta = params
    before, after = overlaps(edges, rows.purchase[:, 0], rows.tx, rows.T)
    by_a, by_d = after * a, after * d
    A, B = alpha + weigh_rows(before, a), beta + weigh_rows(before, d)
    AT, BT = A + by_a.sum(axis=1), B + by_d.sum(axis=1)
    p, s = r + rows.x, s + 0 * rows.T
    gone, by_r, by_s, rise, fall = log_gone(p, s, A, B, by_a, by_d)
    alive = -p * np.log(AT) - s * np.log(BT)
    value, lives, dead, digammas = alive_or_gone((r, alpha, s, beta), rows, alive, gone)
    at_A, at_B = -lives * p / AT, -lives * s / BT
    by_A, by_B = at_A + dead * rise[0].sum(axis=1), at_B + dead * fall[0].sum(axis=1)
    weight = rows.weight[:, None]
    sums = [
        (weight * (by[:, None] * before + (at[:, None] + dead[:, None] * _later(*moves)) * after)).sum(axis=0)
        * multiplier
        for by, at, moves, multiplier in ((by_A, at_A, rise, a), (by_B, at_B, fall, d))
    ]
    by = (
        digammas + np.log(alpha) - lives * np.log(AT) + dead * by_r,
        r / alpha + by_A,
        np.log(beta) - lives * np.log(BT) + dead * by_s,
        s / beta + by_B,
    )
    return value, by, sums[0], sums[1]


def log_gone(
    p: np.ndarray, s: np.ndarray, A: np.ndarray, B: np.ndarray, by_a: np.ndarray, by_d: np.ndarray
) -> tuple[Any, ...]:
    """Return log s + log of the integral of A(u)^-p B(u)^-(s+1) over D(u) from the last purchase on, its derivatives by
    p and s, and for A and for B those by the value where each period begins and by what the period adds.

    `A` and `B` are the values at the last purchase, `by_a` and `by_d` what each period adds, shape (n, k).
    """
    q = s + 1
    at_A, at_B = A[:, None] + np.cumsum(by_a, axis=1) - by_a, B[:, None] + np.cumsum(by_d, axis=1) - by_d
    logs_A, logs_B, level = np.log(at_A), np.log(at_B), p * np.log(A) + q * np.log(B)
    falls = p[:, None] * logs_A + q[:, None] * logs_B - level[:, None]
    cells = np.flatnonzero((by_d > 0) & (falls < _FALL))
    i = cells // by_d.shape[1]
    a, d, A0, B0 = (table.ravel()[cells] for table in (by_a, by_d, at_A, at_B))
    pi, qi = p[i], q[i]
    by_p, by_q = A0 / a, B0 / d  # lengths, in this period, in which A and B double
    first = by_p <= by_q
    near, far = np.minimum(by_p, by_q), np.maximum(by_p, by_q)
    far_A, far_B = visible(p, s)
    reach = np.log1p(np.minimum(1.0, np.minimum(by_p * far_A[i], by_q * far_B[i])) / near)
    total, *means = moments(np.where(first, pi, qi), np.where(first, qi, pi), reach, near / far)
    logs = np.full(by_a.shape, -np.inf)
    logs.ravel()[cells] = np.log(d * near * total) - falls.ravel()[cells]
    top = np.maximum(logs.max(axis=1), -1e300)
    shares = np.exp(logs - top[:, None])
    sums = shares.sum(axis=1)
    share = shares.ravel()[cells] / np.maximum(sums, 1e-300)[i]
    log_A, inverse_A = (np.where(first, means[one], means[one + 1]) for one in (0, 2))
    log_B, inverse_B = (np.where(first, means[one + 1], means[one]) for one in (0, 2))
    with np.errstate(divide="ignore"):
        value = np.log(s) + top + np.log(sums) - level

    def spread(of: np.ndarray) -> np.ndarray:
        """Return values of the cells, weighted with their shares, as a table of rows and periods."""
        table = np.zeros(by_a.shape)
        table.ravel()[cells] = share * of
        return table

    return (
        value,
        -np.bincount(i, share * (logs_A.ravel()[cells] + log_A), len(p)),
        1 / s - np.bincount(i, share * (logs_B.ravel()[cells] + log_B), len(p)),
        (spread(-pi * inverse_A / A0), spread(-pi * (1 - inverse_A) / a)),
        (spread(-qi * inverse_B / B0), spread((1 - qi * (1 - inverse_B)) / d)),
    )


def _later(begins: np.ndarray, adds: np.ndarray) -> np.ndarray:
    """Return the derivative by what each period adds, through its own integral and those of later periods."""
    return adds + begins.sum(axis=1, keepdims=True) - np.cumsum(begins, axis=1)


def overlaps(
    edges: np.ndarray, end: np.ndarray, tx: np.ndarray, T: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the time of each customer in each period until the last purchase, and since, shapes (n, k)."""
    place = edges - (end - T)[:, None]  # the customer's age at each edge
    until = np.minimum(np.maximum(place, 0.0), tx[:, None])
    since = np.minimum(np.maximum(place, tx[:, None]), T[:, None])
    return np.diff(until, axis=1), np.diff(since, axis=1)


def factor(values: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return the factor of each period on a rate."""
    return np.exp(np.clip((values * slopes).sum(axis=1), -50.0, 50.0))


def weigh_rows(table: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return the sum of each row's products with `row`."""
    return np.einsum("ij,j->i", table, row)


def by_slope(
    by_log: dict[str, np.ndarray], effect: Sequence[tuple[str, int]], columns: np.ndarray
) -> np.ndarray:
    """Return the derivative by a covariate's slopes through every parameter it moves."""
    total = np.zeros(columns.shape[1])
    for name, sign in effect:
        total += sign * (by_log[name] @ columns)
    return total
