"""Diagnostics of a purchase or spend model: the tables behind the usual BTYD figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import betainc

from cltv_ml.engine import frame
from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import GGompertzNBD, ParetoNBDAbe, ProbabilisticValue
from cltv_ml.models.distinct_rows import group_rows
from cltv_ml.models.gamma_gamma import GammaGamma
from cltv_ml.models.purchase_history import DAYS_IN
from cltv_ml.models.purchases import PurchaseModel
from cltv_ml.windows import Window

#: Number of age groups that sums over all customers use.
_AGES = 60

#: Frequency from which customers are counted together.
_HIGHEST = 7

#: Most groups of customers by frequency or recency.
_GROUPS = 12

#: Number of values of frequency, and of recency, in a grid of histories.
_GRID_POINTS = 40

#: Number of bins of mean spend.
_SPEND_BINS = 40


def diagnose(log: Log, result: WindowResult, name: str) -> dict[str, pd.DataFrame]:
    """Return the usual checks of a BTYD model by name: its fit before the cutoff and its forecast after it.

    Raises
    ------
    InputError
        The model is not probabilistic.
    """
    model = result.models[name]
    if not isinstance(model, ProbabilisticValue):
        raise InputError(
            f"{name!r} is not a probabilistic model; choose one, such as pareto_nbd_gamma_gamma."
        )
    X, window, purchases = result.training.X_now, result.window, model.purchases_
    expected = result.predictions[name]["expected_purchases"]
    actual = log.target(window, X.index, "purchases")
    lines, example = log.frame, typical_customer(X)
    days = lines.loc[(lines["customer_id"] == example) & (lines["timestamp"] < window.cutoff), "timestamp"]
    return {
        "frequency_fit": compute_frequency_fit(purchases, X),
        "tracking": compute_tracking(purchases, log, window),
        "by_frequency": compute_conditional(expected, actual, X, "frequency"),
        "by_recency": compute_conditional(expected, actual, X, "recency"),
        "grid": compute_history_grid(purchases, X, f"{window.horizon}d"),
        "alive": compute_alive_history(purchases, list(days), window.cutoff - pd.Timedelta(days=1)),
        "rates": compute_rates(purchases),
        "spend_fit": compute_spend_fit(model.spend_, X),
    }


def typical_customer(X: pd.DataFrame) -> str:
    """Return a typical repeat buyer: the one at the upper quartile of purchases, the oldest of several."""
    repeat = X[X["frequency"] > 0]
    level = repeat["frequency"].quantile(0.75, interpolation="lower")
    return str(repeat[repeat["frequency"] == level].sort_values("T", kind="stable").index[-1])


def compute_frequency_fit(model: PurchaseModel, X: pd.DataFrame) -> pd.DataFrame:
    """Return the number of customers by `frequency`, as observed (`actual`) and as expected (`model`).

    The last row counts all customers with at least 7 repeat purchases. The expected counts are the sum of the
    model's probabilities over customers at their ages, not a simulation.
    """
    counts = np.minimum(X["frequency"].to_numpy(), _HIGHEST).astype(int)
    ages, sizes = _ages(X["T"].to_numpy())
    expected = np.zeros(_HIGHEST + 1)
    for age, size in zip(ages, sizes, strict=True):
        mass = [model.new_customer_pmf(n, age) if age > 0 else float(n == 0) for n in range(_HIGHEST)]
        expected[:_HIGHEST] += size * np.array(mass)
    expected[_HIGHEST] = max(len(X) - expected[:_HIGHEST].sum(), 0.0)
    return pd.DataFrame(
        {
            "frequency": [*map(str, range(_HIGHEST)), f"{_HIGHEST}+"],
            "actual": np.bincount(counts, minlength=_HIGHEST + 1),
            "model": expected,
        }
    )


def compute_tracking(model: PurchaseModel, log: AnyLog, window: Window) -> pd.DataFrame:
    """Return repeat purchase days per week, observed and expected by the model.

    Columns `week` (first day), `actual`, `expected`, `actual_total`, `expected_total` (cumulative) and `calibration`
    (the week ends by the cutoff). Customers are those who first bought before the cutoff; the expectation is the
    model's for a new customer, summed from each one's first day, so that it does not use their purchases. Weeks are
    counted back from the cutoff; an incomplete first week is left out.
    """
    days = _daily_counts(log, window)
    start = days["seen"].iloc[0] - pd.Timedelta(days=int(days["day"].iloc[0]))
    length = (window.end - start).days
    born, bought = np.zeros(length), np.zeros(length)
    born[days["day"]], bought[days["day"]] = days["born"], days["bought"]
    unit = DAYS_IN[model.time_unit]
    reached = np.array(
        [0.0, *(model.expected_new_customer_purchases(day / unit) for day in range(1, length))]
    )
    expected = np.convolve(born, np.diff(reached, prepend=0.0))[:length]
    cutoff = (window.cutoff - start).days
    starts = np.arange(cutoff % 7, length - 6, 7)
    table = pd.DataFrame({"week": start + pd.to_timedelta(starts, unit="D")})
    for name, daily in (("actual", bought), ("expected", expected)):
        total = np.r_[0, daily.cumsum()]
        table[name], table[f"{name}_total"] = total[starts + 7] - total[starts], total[starts + 7]
    return table.assign(calibration=starts < cutoff)


def _daily_counts(log: AnyLog, window: Window) -> pd.DataFrame:
    """Return by `day` the number of customers who bought for the first time (`born`) and again (`bought`)."""
    con = Log.of(log).connect()
    return frame(
        con.sql(
            f"with first as (select customer_id, min(cast(timestamp as date)) as born from log group by 1 "
            f"having min(timestamp) < timestamp '{window.cutoff}') "
            "select cast(date_diff('day', (select min(born) from first), day) as integer) as day, "
            "count(*) filter (where day = born) as born, count(*) filter (where day > born) as bought, "
            "min(cast(day as timestamp)) as seen from "
            "(select distinct customer_id, cast(timestamp as date) as day from log) join first using (customer_id) "
            f"where day < date '{window.end:%Y-%m-%d}' group by 1 order by 1"
        )
    )


def compute_conditional(predicted: pd.Series, actual: pd.Series, X: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return mean purchases after the cutoff by frequency or recency before it, predicted and actual.

    Parameters
    ----------
    predicted, actual
        Purchases over the horizon by customer.
    by
        "frequency" (each count, the highest taken together) or "recency" (bins of equal numbers of days
        between the last purchase and the cutoff, `T - recency`).

    Returns columns `group` (text), `from` (its lower end), `predicted`, `actual` (means) and `customers`.
    """
    if by == "frequency":
        level = np.minimum(X["frequency"].to_numpy(), _GROUPS - 1)
        width, names = 1.0, [*map(str, range(_GROUPS - 1)), f"{_GROUPS - 1}+"]
    elif by == "recency":
        silent = (X["T"] - X["recency"]).to_numpy()
        width = max(1.0, float(np.ceil((silent.max() + 1) / _GROUPS)))
        level = silent // width
        names = [f"{int(n * width)}–{int((n + 1) * width) - 1}" for n in range(_GROUPS)]
    else:
        raise InputError(f"by must be 'frequency' or 'recency', got {by!r}.")
    grouped = pd.DataFrame(
        {"level": level.astype(int), "predicted": predicted.to_numpy(), "actual": actual.to_numpy()}
    ).groupby("level")
    table = grouped[["predicted", "actual"]].mean().assign(customers=grouped.size())
    table.insert(0, "group", [names[n] for n in table.index])
    table.insert(1, "from", table.index * width)
    return table.reset_index(drop=True)


def compute_history_grid(model: PurchaseModel, X: pd.DataFrame, t: float | str) -> pd.DataFrame:
    """Return expected purchases in `t` days and P(alive) over a grid of possible purchase histories.

    A grid of at most 40 x 40 values, whatever the number of customers: `frequency` to the
    99.5% quantile of `X`, `recency` to the greatest age, one `T` for all, the greatest. Columns
    `frequency`, `recency`, `T`, `expected_purchases`, `p_alive`.
    """
    oldest = float(X["T"].max())
    most = max(1, int(X["frequency"].quantile(0.995)))
    frequency = np.unique(np.linspace(0, most, _GRID_POINTS).round())
    recency = np.unique(np.linspace(0, oldest, _GRID_POINTS).round())
    grid = pd.MultiIndex.from_product([frequency, recency], names=["frequency", "recency"]).to_frame(False)
    grid = grid[(grid["frequency"] > 0) == (grid["recency"] > 0)].assign(T=oldest).reset_index(drop=True)
    return grid.assign(expected_purchases=model.expected_purchases(grid, t), p_alive=model.p_alive(grid))


def compute_alive_history(
    model: PurchaseModel, purchases: Sequence[str | pd.Timestamp], end: str | pd.Timestamp
) -> pd.DataFrame:
    """Return P(alive) of one customer on each day from the first purchase to `end`.

    Columns `day`, `p_alive` (as seen at the end of that day) and `bought`.
    """
    days = pd.DatetimeIndex(pd.to_datetime(list(purchases))).normalize().unique().sort_values()
    last = pd.Timestamp(end).normalize()
    days = days[days <= last]
    if not len(days):
        raise InputError(f"the customer has no purchase until {last:%Y-%m-%d}; choose a later end.")
    calendar = pd.date_range(days[0], last, freq="D")
    number = np.searchsorted(days, calendar, side="right") - 1
    unit = DAYS_IN[model.time_unit]
    history = pd.DataFrame(
        {
            "frequency": number.astype(float),
            "recency": (days[number] - days[0]).days / unit,
            "T": (calendar - days[0]).days / unit,
        }
    )
    return pd.DataFrame({"day": calendar, "p_alive": model.p_alive(history), "bought": calendar.isin(days)})


def compute_rates(model: PurchaseModel, points: int = 200) -> pd.DataFrame:
    """Return the fitted densities of purchase and dropout rates over customers.

    Columns `rate` ("purchases per week", "dropout per week" or "dropout after a purchase"), `x` and
    `density`, between the 0.5% and the 99% quantile, and `mean`. Source: the mixing distributions of the
    model's paper, such as Gamma(r, alpha) and Gamma(s, beta) or Beta(a, b). A dropout rate that rises with time is
    that right after the first purchase.
    """
    laws = _rate_laws(model)
    if not laws:
        raise InputError(
            f"{type(model).__name__} has no rates that differ between customers, only {sorted(model.params_)}; "
            "choose a model with such rates, for example pareto_nbd."
        )
    parts = []
    for name, law in laws.items():
        # A density that grows without bound at zero is read from its half percent on.
        x = np.linspace(max(law.ppf(0.005), 1e-4 * law.mean()), law.ppf(0.99), points)
        with np.errstate(over="ignore"):
            density = law.pdf(x)
        if np.isfinite(density).all():  # not of rates that are all but zero, as where nobody leaves
            parts.append(pd.DataFrame({"rate": name, "x": x, "density": density, "mean": law.mean()}))
    return pd.concat(parts, ignore_index=True)


def _rate_laws(model: PurchaseModel) -> dict[str, Any]:
    """Return the distribution of each rate over customers, by its name."""
    params, week = model.params_, 7 / DAYS_IN[model.time_unit]
    laws = {}
    if isinstance(model, ParetoNBDAbe):
        names = {"purchases per week": "lambda", "dropout per week": "mu"}
        return {
            rate: stats.lognorm(params[f"sigma_{name}"], scale=week * params[name])
            for rate, name in names.items()
        }
    if {"r", "alpha"} <= set(params):  # of k events only the last is a purchase
        laws["purchases per week"] = stats.gamma(
            params["r"], scale=week / params["alpha"] / params.get("k", 1.0)
        )
    if {"s", "beta"} <= set(params):
        pace = params["b"] if isinstance(model, GGompertzNBD) else 1.0
        laws["dropout per week"] = stats.gamma(params["s"], scale=week * pace / params["beta"])
    if {"a", "b"} <= set(params):
        laws["dropout after a purchase"] = stats.beta(params["a"], params["b"])
    return laws


def compute_spend_fit(model: GammaGamma, X: pd.DataFrame) -> pd.DataFrame:
    """Return the distribution of repeat buyers over their mean spend, observed and as fitted.

    Columns `lower`, `upper` (currency, equal ratios), `actual` and `model` (customers). Given x purchases
    the share x z / (x z + v) of a mean spend z follows Beta(p x, q): Fader and Hardie (2013), equation 1a. Where spend
    depends on covariates or on frequency, z is the spend without their factor.
    """
    repeat = X[(X["frequency"] > 0) & (X["monetary_value"] > 0)]
    if repeat.empty:
        raise InputError(
            "no customer has spent anything on a repeat purchase, so there is no spend to compare."
        )
    spend = repeat["monetary_value"].to_numpy()
    low, high = np.quantile(spend, [0.001, 0.999])
    edges = np.geomspace(low * 0.99, max(high, low * 1.1) * 1.01, _SPEND_BINS + 1)
    p, q, v = (model.params_[name] for name in ("p", "q", "v"))
    reached = np.zeros(len(edges))
    (purchases, factors), place = group_rows([repeat["frequency"].to_numpy(float), model.factor(repeat)])
    for x, factor, size in zip(purchases, factors, np.bincount(place), strict=True):
        reached += size * betainc(p * x, q, x * edges / (x * edges + v * factor))
    return pd.DataFrame(
        {
            "lower": edges[:-1],
            "upper": edges[1:],
            "actual": np.histogram(spend, edges)[0],
            "model": np.diff(reached),
        }
    )


def _ages(T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return at most sixty ages and the number of customers of each: groups of equal size at their mean age."""
    distinct, counts = np.unique(T, return_counts=True)
    if len(distinct) <= _AGES:
        return distinct, counts
    group = (np.cumsum(counts) - counts) * _AGES // counts.sum()
    sizes = np.bincount(group, counts)
    ages = np.bincount(group, counts * distinct) / np.maximum(sizes, 1)
    return ages[sizes > 0], sizes[sizes > 0]
