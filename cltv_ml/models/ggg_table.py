r"""Tables of Pareto/GGG's answers, from which large scorings read what small ones integrate.

A customer of x purchases is described by the mean gap g = t_x / x, the silence q = (T - t_x) / g in gaps, and how
unequal the gaps are, D = x log g - sum of their logarithms. With the rate in purchases per gap, rho = lambda g, the
weight of a rhythm and a rate is

    k^t e^{-(gamma + D) k} (k^k e^{-k} / Gamma(k))^x  (rho e^{1 - rho})^{k x}  rho^r e^{-alpha rho / g}

a product of functions of two numbers each, so that sums over all rhythms and rates are products of matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import gammaincc, gammaln

from cltv_ml.models.distinct_rows import in_parts
from cltv_ml.models.fitting import Params
from cltv_ml.models.gaps import legendre
from cltv_ml.models.ggg_renewals import LENGTHS, RHYTHMS, SILENCES, Axis, axis_over, purchases_ahead

_LOG_RATES = axis_over(-16.0, 6.0, 0.1, 0.0, 0.7)  # log rho
_WHOLE, _RATIO = 8, 1.2  # numbers of purchases that are nodes themselves, and the ratio of later nodes
_NONE = 1e-3  # gaps of silence added before its logarithm is taken
_SHORTEST, _UNEQUAL, _SILENT, _AHEAD = (
    1e-4,
    200.0,
    2_000.0,
    10.0,
)  # what a table holds of g / T, D, q and t / T
_TRIED, _OFF = (
    48,
    0.02,
)  # customers for whom the table is compared, and the largest share by which it may be off
_AGE_NODES = 60  # nodes of customers without a repeat purchase
_UNLIKELY = 1e-6  # probability of a silence below which purchases after it do not matter
_FEWEST = 1e-12  # purchases, times the gap, below which all count as this
_COUNTS_AS_NONE = 1e-14  # number of a matrix below which it counts as 0
_BATCH, _BLOCK = 32, 8_192  # numbers of purchases whose tables are held at once, and customers read at once
_PART, _SHARE = legendre(5)


class _Axes(NamedTuple):
    """Nodes of a table: numbers of purchases, log g, log(gamma + D), and log(q + a little)."""

    x: np.ndarray
    gap: Axis
    unequal: Axis
    silence: Axis


def answer_many(
    exact: Callable[..., tuple[np.ndarray, ...]], params: Params, t: float, columns: Sequence[np.ndarray]
) -> np.ndarray:
    """Return P(alive) and the expected purchases in `t`, shape (2, n), of many customers in the order of x.

    `exact` gives both for columns of x, t_x, T and the sum of the logarithms of the gaps. It answers for the table's
    nodes of customers without a repeat purchase, for histories that no table holds, and, where the two differ at some
    customers by more than 2%, for all.
    """
    x, tx, T, logs = columns
    gap = tx / np.maximum(x, 1)
    held = (gap > _SHORTEST * T.max()) & (T - tx <= _SILENT * gap) & (t <= _AHEAD * T.max())
    held &= x * np.log(np.maximum(gap, 1e-290)) - logs < _UNEQUAL
    found, none = np.empty((2, len(x))), x == 0
    if none.any():
        found[:, none] = _without_repeat(exact, T[none])
    if held.any():
        rows = np.flatnonzero(held)
        found[:, rows] = _read_answers(params, t, *(column[rows] for column in columns))
        some = rows[np.linspace(0, len(rows) - 1, _TRIED).astype(np.int64)]
        true = np.array(exact(*(column[some] for column in columns)))
        near = np.abs(found[:, some] - true) <= _OFF * (true + true.mean(axis=1, keepdims=True) / 100)
        held &= near.all()
    rest = ~held & ~none
    if rest.any():
        found[:, rest] = exact(*(column[rest] for column in columns))
    return found


def _without_repeat(exact: Callable[..., tuple[np.ndarray, ...]], T: np.ndarray) -> np.ndarray:
    """Return the answers for customers without a repeat purchase, who differ in their age only."""
    nodes = np.linspace(np.sqrt(T.min()), np.sqrt(T.max() + 1e-9), _AGE_NODES) ** 2
    if len(T) <= _AGE_NODES:
        return np.array(exact(0 * T, 0 * T, T, 0 * T))
    nothing = np.zeros(_AGE_NODES)
    return CubicSpline(np.sqrt(nodes), exact(nothing, nothing, nodes, nothing), axis=1)(np.sqrt(T))


def _read_answers(
    params: Params, t: float, x: np.ndarray, tx: np.ndarray, T: np.ndarray, logs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return P(alive) and the expected purchases in `t` of customers with a repeat purchase, read from a table."""
    gap = tx / x
    log_gap = np.log(gap)
    unequal = np.log(params[1] + np.maximum(x * log_gap - logs, 0.0))
    silence = np.log((T - tx) / gap + _NONE)
    axes = _Axes(
        _number_nodes(x.max()),
        axis_over(log_gap.min(), log_gap.max() + 1e-3, 0.25),
        axis_over(float(np.log(params[1])), unequal.max() + 1e-3, 0.35),
        axis_over(np.log(_NONE), silence.max() + 1e-3, 0.12, 0.0, 1.5),
    )
    table = CubicSpline(np.log(axes.x), _table(params, t, axes, float(T.max())))
    numbers, first = np.unique(x, return_index=True)
    found = []
    for start in range(0, len(numbers), _BATCH):
        batch = numbers[start : start + _BATCH]
        rows = slice(first[start], first[start + _BATCH] if start + _BATCH < len(first) else len(x))
        places = (
            axis.place(of[rows]) for axis, of in zip(axes[1:], (log_gap, unequal, silence), strict=True)
        )
        found.append(_read_cells(table(np.log(batch)), np.searchsorted(batch, x[rows]), *places))
    answers = np.concatenate(found)
    alive = np.exp(-np.maximum(answers.real, 0.0))
    return alive, alive * np.exp(answers.imag) / gap


def _number_nodes(most: float) -> np.ndarray:
    """Return the numbers of purchases that are nodes."""
    later = _WHOLE * _RATIO ** np.arange(1, 2 + max(np.log(most / _WHOLE) / np.log(_RATIO), 0))
    return np.r_[np.arange(1.0, _WHOLE + 1), later]


# ---------------------------------------------------------------------- reading


def _read_cells(table: np.ndarray, number: np.ndarray, *places: np.ndarray) -> np.ndarray:
    """Return the complex numbers of a table at places of its last three axes, by cubic polynomials, shape (n,)."""
    _, *counts = table.shape
    cells = table.ravel()

    def read(number: np.ndarray, *places: np.ndarray) -> np.ndarray:
        """Return what a block of customers reads."""
        (a, wa), (b, wb), (c, wc) = (_four(place, count) for place, count in zip(places, counts, strict=True))
        base = ((number.astype(np.int64) * counts[0] + a) * counts[1] + b) * counts[2] + c
        total = np.zeros(len(base), dtype=cells.dtype)
        for i in range(4):
            for j in range(4):
                pair, start = wa[i] * wb[j], base + (i * counts[1] + j) * counts[2]
                for k in range(4):
                    total += cells.take(start + k) * (pair * wc[k])
        return total

    return in_parts(read, (number, *places), _BLOCK)


def _four(place: np.ndarray, count: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the first of the four nodes around a place, and their weights."""
    first = np.clip(place.astype(np.int64) - 1, 0, count - 4)
    d = place - first
    a, b, c = d - 1, d - 2, d - 3
    return first, [-a * b * c / 6, d * b * c / 2, -d * a * c / 2, d * a * b / 6]


# ---------------------------------------------------------------------- laying


def _table(params: Params, t: float, axes: _Axes, oldest: float) -> np.ndarray:
    """Return -log P(alive) and, as the imaginary part, the logarithm of the expected purchases of a customer who is
    alive, times the gap; shape (x, gap, D, q). Between nodes, cubic polynomials would cut purchases that fall steeply
    at zero, for one horizon and not for the next; their logarithm stays one.
    """
    *_, s, beta = params
    gap, q = np.exp(axes.gap.nodes), np.maximum(np.exp(axes.silence.nodes) - _NONE, 0.0)
    q[0] = 0.0
    scale, bend = beta + oldest / 4, np.log1p(t / (beta + oldest / 4))
    times = np.r_[t, scale * np.expm1(_PART * bend)]
    steps = _SHARE * bend * (scale + times[1:])
    quiet, ahead = np.ones((len(axes.x), len(gap), axes.unequal.size, len(q))), []
    for place, (still, bought) in enumerate(_by_gap(params, axes, times, q, oldest)):
        quiet[: len(still), place] = still
        ahead.append(bought)
    gone = _gone(quiet, s, beta + axes.x[:, None] * gap, gap, axes.silence, q)
    bought = _bought(ahead, s, beta + gap[:, None] * (axes.x[:, None, None] + q), times, steps)
    return gone + 1j * np.log(np.maximum(bought * gap[:, None, None], _FEWEST))


def _gone(
    quiet: np.ndarray, s: np.ndarray, life: np.ndarray, gap: np.ndarray, axis: Axis, q: np.ndarray
) -> np.ndarray:
    """Return -log P(alive): those who stayed and are silent next to those who left during the silence."""
    age = np.log1p(q * gap[:, None] / life[..., None])
    leaves = s * np.exp(-(s + 1) * age) / life[..., None] * gap[:, None]
    at = np.arcsinh((axis.nodes - axis.centre) / axis.width)
    by_place = axis.width * np.cosh(at) * (q + _NONE)
    left = CubicSpline(at, quiet * (leaves * by_place)[:, :, None], axis=-1).antiderivative()(at)
    odds = np.maximum(left, 0.0) / np.maximum(quiet * np.exp(-s * age)[:, :, None], 1e-30)
    return np.minimum(np.log1p(odds), -np.log(_UNLIKELY))


def _bought(
    ahead: list[np.ndarray], s: np.ndarray, life: np.ndarray, times: np.ndarray, steps: np.ndarray
) -> np.ndarray:
    """Return the expected purchases within the lifetime, of which `life` is the scale now: those of the whole time if
    it lasts as long, those until it ends otherwise.
    """
    total = np.zeros((len(life), len(ahead), *ahead[0].shape[1:-1]))
    for place, bought in enumerate(ahead):
        scale = life[: len(bought), place, :, None]
        stays = np.exp(-s * np.log1p(times / scale))
        share = np.concatenate([stays[..., :1], steps * s * stays[..., 1:] / (scale + times[1:])], axis=-1)
        total[: len(bought), place] = np.einsum("xdqu,xqu->xdq", bought, share)
        total[len(bought) :, place] = total[len(bought) - 1, place]  # nobody is there
    return total


def _by_gap(
    params: Params, axes: _Axes, times: np.ndarray, q: np.ndarray, oldest: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each gap the probability of the silence, shape (x, D, q), and the purchases that customers who never
    leave make within each of `times` after it, shape (x, D, q, times), means over rhythms and rates. Numbers of
    purchases that take longer than twice the oldest customer's age are left out.
    """
    k, log_rho = np.exp(RHYTHMS.nodes), _LOG_RATES.nodes
    still = _in_single_precision(gammaincc(k[:, None, None], k[:, None, None] * np.exp(log_rho)[:, None] * q))
    silent = _in_single_precision(SILENCES.weights(log_rho[:, None] + np.log(np.maximum(q, 1e-12))))
    joint = np.matmul(silent, purchases_ahead()[:, None]) * still[..., None]  # k, rho, q, length
    weigh = _weights(params, axes)
    for gap in np.exp(axes.gap.nodes):
        weight = weigh(gap, axes.x[axes.x * gap <= 2 * oldest])
        by_time = _in_single_precision(LENGTHS.weights(log_rho[:, None] + np.log(times / gap)))
        bought = np.matmul(joint, by_time.transpose(0, 2, 1)).reshape(weight.shape[-1], -1)
        quiet = np.maximum((weight @ still.reshape(weight.shape[-1], -1)).astype(np.float64), 0.0)
        first = np.maximum(quiet[..., :1], 1e-30)
        quiet /= first
        mean = (weight @ bought).reshape(*quiet.shape, len(times)).astype(np.float64)
        yield quiet, np.maximum(mean / (np.maximum(quiet, _UNLIKELY) * first)[..., None], 0.0)


def _weights(params: Params, axes: _Axes) -> Callable[[float, np.ndarray], np.ndarray]:
    """Return how much each rhythm and rate counts given a gap and numbers of purchases, as a function of these, shape
    (x, D, k times rho): the weights at points between the nodes are shared out as a cubic spline through them would.
    """
    t, _, r, alpha = params[:4]
    # weights of many purchases are narrow
    log_k, to_rhythms = _finer_points(RHYTHMS, np.sqrt(2 / axes.x[-1]))
    log_rho, to_rates = _finer_points(_LOG_RATES, np.sqrt(0.1 / axes.x[-1]))
    k, rho = np.exp(log_k), np.exp(log_rho)
    bend = np.sqrt(_LOG_RATES.width**2 + (log_rho - _LOG_RATES.centre) ** 2)
    unequal = np.exp(axes.unequal.nodes)[:, None]  # gamma + D
    own, both = k * log_k - gammaln(k) - k, k[:, None] * (log_rho - rho + 1)
    rhythm, pair = [], []
    for x in axes.x:
        height = t * log_k - unequal * k + x * own
        by_rhythm = np.exp(height - height.max(axis=1, keepdims=True))
        rhythm.append(by_rhythm[:, None] * to_rhythms.T)
        pair.append(np.exp(x * both))

    def weigh(gap: float, numbers: np.ndarray) -> np.ndarray:
        """Return the weights, of which the largest is 1."""
        height = r * log_rho - alpha / gap * rho
        rate = (np.exp(height - height.max()) * bend)[:, None] * to_rates
        found = []
        for by_rhythm, by_pair in zip(rhythm, pair[: len(numbers)], strict=False):
            weight = by_rhythm @ (by_pair @ rate)
            found.append((weight / np.abs(weight).max(axis=(1, 2), keepdims=True)).reshape(len(weight), -1))
        return _in_single_precision(np.array(found))

    return weigh


def _in_single_precision(values: np.ndarray) -> np.ndarray:
    """Return numbers of at most about 1 in single precision, tiny ones as 0: processors multiply those slowly."""
    return np.where(np.abs(values) < _COUNTS_AS_NONE, 0.0, values).astype(np.float32)


def _finer_points(axis: Axis, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points at most so far apart, nodes among them, and the weights of the nodes in a cubic spline at each."""
    finer = max(int(np.ceil(axis.step * axis.width / apart)), 2)
    points = axis._replace(step=axis.step / finer, size=(axis.size - 1) * finer + 1).nodes
    return points, axis.weights(points)
