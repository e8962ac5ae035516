"""Bootstrap of metrics over customers, with the same draws for all models.

Customers are drawn in up to 1,000 random blocks and ranked in up to 400 bins, so that a draw is a row of a
matrix product: a million customers take seconds. Up to these numbers nothing is approximated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from cltv_ml.evaluation.metrics import TOP_SHARES, Targeting, deviances
from cltv_ml.models.fit_cache import once

#: Whole numbers below this are exact in single precision, whose products take half the time.
_EXACT = 2**24

#: With fewer customers most bins of most blocks are empty, and only nonzero cells are multiplied.
_SPARSE = 30_000

#: Most blocks into which customers are divided, most bins of their predictions, and the number of draws.
BLOCKS, BINS, DRAWS = 1_000, 400, 1_000


@dataclass(frozen=True)
class _Ranked:
    """Cumulative customers, money and forecast per draw from the highest prediction down, each (draws, bins + 1)."""

    customers: np.ndarray
    money: np.ndarray
    forecast: np.ndarray

    def reached(self, share: float, *curves: np.ndarray) -> list[np.ndarray]:
        """Return `curves` at a share of the customers, per draw; ties at the border share evenly."""
        border = share * self.customers[:, -1]
        right = np.clip((self.customers < border[:, None]).sum(axis=1), 1, self.customers.shape[1] - 1)
        rows = np.arange(len(border))
        start, end = self.customers[rows, right - 1], self.customers[rows, right]
        part = np.divide(border - start, end - start, out=np.zeros_like(border), where=end > start)
        return [
            curve[rows, right - 1] + part * (curve[rows, right] - curve[rows, right - 1]) for curve in curves
        ]

    def area(self) -> np.ndarray:
        """Return the area between the gains curve and the diagonal, times customers and money."""
        middle = (self.money[:, 1:] + self.money[:, :-1]) / 2
        whole = self.customers[:, -1] * self.money[:, -1]
        return (middle * np.diff(self.customers, axis=1)).sum(axis=1) - whole / 2


def bootstrap_metrics(
    y_true: pd.Series | np.ndarray,
    predictions: pd.DataFrame,
    *,
    targeting: Targeting | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Return each metric of each model on `draws` samples of the customers: a frame (draws x models) per metric.

    Every draw uses the same customers for all models, so that differences between columns are paired. The same seed
    and rows give the same draws. NaN where a draw holds nobody who bought. Source: B. Efron and R. Tibshirani, An
    Introduction to the Bootstrap, 1993; blocks as in a delete-a-group jackknife (P. Kott, 2001).

    Parameters
    ----------
    predictions
        Expected values, a column per model, rows as in `y_true`.
    targeting
        The campaign that `profit` stands for; without one there is no such metric.
    """
    true = np.asarray(y_true, dtype=np.float64)

    @cache
    def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the draws, and the area of the true order in each: the same for all models."""
        block, times = _draw_blocks(len(true), draws, seed)
        return block, times, _ranked_totals(true, true, block, times, forecast=False).area()

    def measure(pred: np.ndarray) -> dict[str, np.ndarray]:
        """Return each metric of a model's predictions per draw."""
        return _metrics(true, pred, *drawn(), targeting)

    by_metric: dict[str, dict[str, np.ndarray]] = {}
    for name in predictions.columns:
        pred = predictions[name].to_numpy(dtype=np.float64)
        # While a training lasts, its windows are asked about for the choice, the report and the card.
        metrics = once(
            partial(measure, pred),
            repr(("bootstrap", draws, seed, targeting)),
            true,
            pred,
        )
        for metric, values in metrics.items():
            by_metric.setdefault(metric, {})[str(name)] = values
    return {metric: pd.DataFrame(columns) for metric, columns in by_metric.items()}


def _draw_blocks(customers: int, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the block of each customer, and how often each draw takes each block."""
    rng = np.random.default_rng(seed)
    blocks = min(customers, BLOCKS)
    block = np.arange(customers) if customers <= BLOCKS else rng.permutation(customers) % blocks
    times = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=draws)
    return block, times.astype(np.float64, order="F")  # read by block


def _gini(ranked: _Ranked, perfect: np.ndarray) -> np.ndarray:
    """Return the normalised Gini per draw, NaN where nobody bought or everybody spent the same."""
    money = ranked.money[:, -1]
    least = 1e-9 * ranked.customers[:, -1] * np.where(money > 0, money, 0.0)
    return ranked.area() / np.where(perfect > least, perfect, np.nan)


def _metrics(
    true: np.ndarray,
    pred: np.ndarray,
    block: np.ndarray,
    times: np.ndarray,
    perfect: np.ndarray,
    targeting: Targeting | None,
) -> dict[str, np.ndarray]:
    ranked = _ranked_totals(true, pred, block, times)
    customers, forecast = ranked.customers[:, -1], ranked.forecast[:, -1]
    money = np.where(ranked.money[:, -1] > 0, ranked.money[:, -1], np.nan)
    error = np.abs(pred - true)
    missed, squared, deviant = (
        times @ np.bincount(block, weights=values, minlength=times.shape[1])
        for values in (error, error**2, deviances(true, pred))
    )
    metrics = {
        "bias": forecast / money - 1,
        "decile_mape": _decile_mape(ranked, money),
        "gini": _gini(ranked, perfect),
        "deviance": deviant / customers,
        "wmape": missed / money,
        **{name: ranked.reached(share, ranked.money)[0] / money for name, share in TOP_SHARES.items()},
        "mae": missed / customers,
        "rmse": np.sqrt(squared / customers),
    }
    if targeting is not None:
        earned = targeting.margin * ranked.reached(targeting.share, ranked.money)[0]
        metrics["profit"] = earned - targeting.cost * targeting.share * customers
    return metrics


def _decile_mape(ranked: _Ranked, money: np.ndarray) -> np.ndarray:
    at_borders = [ranked.reached(border, ranked.forecast, ranked.money) for border in np.arange(11) / 10]
    predicted, realised = (np.diff(np.column_stack(curve), axis=1) for curve in zip(*at_borders, strict=True))
    scale = np.where(realised > 1e-9 * money[:, None], realised, money[:, None] / 10)
    return np.asarray((np.abs(predicted - realised) / scale).mean(axis=1))


def _ranked_totals(
    true: np.ndarray, pred: np.ndarray, block: np.ndarray, times: np.ndarray, *, forecast: bool = True
) -> _Ranked:
    """Return the cumulative tables of all draws: block totals per bin of the ranking, times the draws."""
    bins, size = _bins(pred)
    cell, blocks = block * size + bins, times.shape[1]

    def curve(values: np.ndarray | None, dtype: type) -> np.ndarray:
        """Return the cumulated sums of each draw, from 0 on."""
        if len(true) < _SPARSE:
            amounts = np.ones(len(true)) if values is None else values
            some = amounts != 0
            by_bin = csr_array((amounts[some], (bins[some], block[some])), shape=(size, blocks))
            drawn = (by_bin @ times.T).T
        else:
            table = np.bincount(cell, weights=values, minlength=blocks * size).reshape(blocks, size)
            drawn = times.astype(dtype, copy=False) @ table.astype(dtype, copy=False)
        return np.pad(np.cumsum(drawn, axis=1, dtype=np.float64), ((0, 0), (1, 0)))

    customers = curve(None, np.float32 if len(true) * times.max() < _EXACT else np.float64)
    return _Ranked(
        customers, curve(true, np.float64), curve(pred, np.float64) if forecast else customers[:, :0]
    )


def _bins(pred: np.ndarray) -> tuple[np.ndarray, int]:
    """Return each customer's bin, 0 for the highest prediction, and their number; ties share a bin.

    One bin per distinct prediction where there are few; else narrow ones at the top, where the money is.
    """
    levels, where, counts = np.unique(-pred, return_inverse=True, return_counts=True)
    if len(levels) <= BINS:
        return where, len(levels)
    middle = (np.cumsum(counts) - counts / 2) / len(pred)
    return np.floor(np.sqrt(middle) * BINS).astype(int)[where], BINS
