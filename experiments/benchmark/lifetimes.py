"""Accuracy of the tail: values learned from 91-day labels, extended to a year, to the end of the log, and to a
lifetime.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cltv_ml import decisions
from cltv_ml.data import DATASETS
from cltv_ml.evaluation.bootstrap import bootstrap_metrics
from cltv_ml.evaluation.future import Future, forecast_future
from cltv_ml.evaluation.interval_metrics import coverage
from cltv_ml.evaluation.levels import forecast_level, set_level
from cltv_ml.evaluation.metrics import bias, decile_mape, gini, group_totals
from cltv_ml.evaluation.panel import fit, prepare, trainable
from cltv_ml.features import default_features
from cltv_ml.log import Log
from cltv_ml.models import ParetoNBD, ProbabilisticValue, competitors
from cltv_ml.windows import Window
from experiments.benchmark import pages, rows
from experiments.benchmark.cases import chosen_tasks, load_log
from experiments.lifetime_worlds import WORLDS, Known, simulate_lifetimes

#: Days of the labels that were learned from, days of a lifetime, and the yearly discount rate of profits.
LEARNED, LIFETIME, DISCOUNT = 91, 1826, 0.1

#: Cutoffs of real logs; seeds of the simulated ones.
TASKS: dict[str, tuple[str, ...]] = {
    "online_retail_ii": ("2010-09-10", "2010-12-01"),
    "salic": ("2012-01-01", "2015-01-01"),
    "superstore": ("2018-01-01",),
    "cdnow": ("1997-07-01",),
    **dict.fromkeys(WORLDS, ("0", "1")),
}

#: What was wanted, by metric.
GOALS = {"bias": 0.15, "profit bias": 0.05, "profit decile error": 0.1, "profit decile gap": 0.1}


def run(tasks: list[str] | None = None, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Return a row per log, cutoff, horizon and metric; write each log's rows when it is done, then the page."""
    about = rows.origin()
    tables = []
    for name in chosen_tasks(tasks, TASKS):
        protocol = "simulated" if name in WORLDS else "out of time"
        try:
            log_rows = [{**about, "protocol": protocol, **row} for row in _rows(name)]
        except FileNotFoundError as error:
            say(f"{name}: skipped, {error}")
            note = f"skipped: {error}"
            log_rows = [
                {**about, "task": name, "model": "all", "metric": "none", "protocol": protocol, "note": note}
            ]
        for row in log_rows:
            if "value" in row:
                say(f"{row['task']} {row['cutoff']}: {row['metric']} {row['value']:+.3f}")
        tables.append(rows.frame(log_rows))
        rows.write("lifetime", tables[-1])
    pages.write_all()
    return pd.concat(tables, ignore_index=True)


def read_lifetime_log(name: str) -> pd.DataFrame:
    """Return a real log by name; raise FileNotFoundError if it is not on this machine. Salic counts licences."""
    if name in DATASETS:
        try:
            return load_log(name)
        except ValueError as error:
            raise FileNotFoundError(str(error)) from None
    folder = Path(os.environ.get("CLTV_DATA_DIR", "data"))
    if name == "superstore":
        table = pd.read_parquet(folder / "superstore" / "superstore.parquet")
        return pd.DataFrame(
            {
                "customer_id": table["Customer ID"].astype("str"),
                "timestamp": pd.to_datetime(table["Order Date"]),
                "amount": table["Sales"].astype(float),
                "order_id": table["Order ID"].astype("str"),
                "cost": (table["Sales"] - table["Profit"]).astype(float),
            }
        )
    table = pd.read_parquet(folder / "salic_hunt_fish_licences" / "sale.parquet")
    first = pd.to_datetime({"year": table["year"], "month": table["month"], "day": 1})
    return pd.DataFrame({"customer_id": table["cust_id"].astype("str"), "timestamp": first, "amount": 1.0})


def learn(log: Log, cutoff: pd.Timestamp, days: Sequence[int] = ()) -> Future:
    """Return the future of a log's customers by a Tweedie model that learned only from 91-day labels.

    `days` are the horizons to predict.
    """
    window, features = Window(cutoff, LEARNED), default_features(log.columns)
    training = prepare(log, window, features)
    (tweedie,) = competitors(LEARNED, list(features), ["tweedie"])
    model = fit(trainable(tweedie, training), training)
    set_level(model, forecast_level(log, window), training.X_now)
    values = pd.Series(model.predict(training.X_now), training.X_now.index)
    return forecast_future(log, training.X_now, values.to_frame(window.horizon), window.cutoff, days=days)


def _rows(name: str) -> Iterator[dict]:
    for cutoff in TASKS[name]:
        if name in WORLDS:
            yield from _simulated_rows(name, simulate_lifetimes(name, int(cutoff)), cutoff)
        else:
            yield from _real_rows(name, Log.of(read_lifetime_log(name)), pd.Timestamp(cutoff))


def _real_rows(name: str, log: Log, cutoff: pd.Timestamp) -> Iterator[dict]:
    remaining = (log.last.normalize() - cutoff).days + 1
    future = learn(log, cutoff, [365, remaining])
    for span, days in (("a year", 365), ("all that follows", remaining)):
        if days > remaining or (span == "all that follows" and remaining == 365):
            continue
        true, expected = log.target(Window(cutoff, days), future.X.index), future.expected([days])[days]
        bounds = future.interval(days, expected)
        sums, _ = future.totals(days, expected)
        row = {"task": f"{name}, {span}", "cutoff": f"{cutoff:%Y-%m-%d}", "horizon": days}
        row |= {"model": "tweedie", "customers": len(true)}
        low, high = np.quantile(sums, [0.05, 0.95]) / true.sum() - 1
        value = bias(true, expected)
        yield {
            **row,
            "metric": "bias",
            "value": value,
            "lower": low,
            "upper": high,
            "reference": GOALS["bias"],
        }
        yield {**row, "metric": "coverage", "value": coverage(true, bounds["lower"], bounds["upper"])}
        yield {**row, "metric": "gini", **_order(future, true, expected, days)}


def _order(future: Future, true: pd.Series, expected: pd.Series, days: int) -> dict:
    """Return the Gini, that of a Pareto/NBD with Gamma-Gamma fitted for the same days, and the paired difference."""
    peer = ProbabilisticValue(ParetoNBD(), horizon=days).fit(future.X).predict(future.X)
    drawn = bootstrap_metrics(true, pd.DataFrame({"own": expected, "peer": peer}), draws=400)["gini"]
    low, high = (drawn["own"] - drawn["peer"]).quantile([0.025, 0.975])
    ours, peer_gini = gini(true, expected), gini(true, peer)
    return {
        "value": ours,
        "reference": peer_gini,
        "difference": ours - peer_gini,
        "difference_lower": low,
        "difference_upper": high,
    }


def _simulated_rows(name: str, simulated: Known, seed: str) -> Iterator[dict]:
    log = Log.of(simulated.log)
    future = learn(log, simulated.world.cutoff, [LIFETIME])
    customers = future.X.index
    margins = decisions.compute_margins(log, "customer_id", costs=decisions.Costs())
    prior = decisions.margin_credibility(log)
    rates = decisions.customer_margin_rates(margins, prior).reindex(customers)
    true = simulated.expected(LIFETIME, DISCOUNT).reindex(customers)
    true_profit = true * simulated.truth["margin"].reindex(customers)
    expected = future.expected([LIFETIME], DISCOUNT)[LIFETIME]
    about = {"task": f"{name}, a lifetime", "cutoff": f"seed {seed}", "horizon": LIFETIME}
    about |= {"model": "tweedie", "customers": len(customers)}
    pairs = {"revenue": (true, expected), "profit": (true_profit, expected * rates)}
    for money, (truth, forecast) in pairs.items():
        for metric, measure in (("bias", bias), ("decile error", decile_mape), ("decile gap", _decile_gap)):
            named = f"{money} {metric}"
            yield {**about, "metric": named, "value": measure(truth, forecast), "reference": GOALS.get(named)}


def _decile_gap(true: pd.Series, expected: pd.Series) -> float:
    """Return the sum of the deciles' absolute errors, in money, as a share of the total."""
    forecast, truth = group_totals(true, expected, groups=10)
    return float(np.abs(forecast - truth).sum() / truth.sum())
