"""Gain from tables about customers: the order of a model that learned from them, and of the same model without."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cltv_ml.customers import CustomerSources, read_customers
from cltv_ml.evaluation.bootstrap import bootstrap_metrics
from cltv_ml.evaluation.metrics import gini
from cltv_ml.evaluation.panel import fit, prepare, trainable
from cltv_ml.features import is_text
from cltv_ml.log import Log
from cltv_ml.models import competitors
from cltv_ml.pipelines.competing import model_features
from cltv_ml.windows import Window, earliest_cutoff
from experiments.benchmark import pages, rows
from experiments.benchmark.attributes_table import TRUTH, WITHOUT
from experiments.benchmark.cases import chosen_tasks, customers_at, load_log
from experiments.benchmark.lifetimes import read_lifetime_log
from experiments.simulated_attributes import FIRST_DAY, expected_spend, simulate_attributes

#: A newcomer bought for the first time within these days before the cutoff.
NEW_DAYS = 30

#: Seeds of the boosted trees; their predictions are averaged, so that differences come from the tables.
SEEDS = (0, 1)

#: The groups of customers that are judged apart.
ALL, WITH_ROW, NEWCOMERS, ONCE = "all", "customers with a row", "newcomers", "one purchase so far"


@dataclass(frozen=True)
class AttributeTask:
    """A log, the tables about its customers, and the windows to predict."""

    load: Callable[[], tuple[pd.DataFrame, CustomerSources]]
    horizon: int
    cutoffs: tuple[str, ...]
    groups: tuple[str, ...] = (ALL,)


def run(tasks: list[str] | None = None, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Return a row per log, cutoff and group of customers with the Gini with the tables and, as its reference, without.

    Each log's rows are written when it is done, then the page.
    """
    about = rows.origin()
    tables = []
    for name in chosen_tasks(tasks, TASKS):
        about["protocol"] = "simulated" if name == SIMULATED else "out of time"
        try:
            task_rows = [{**about, **row} for row in _rows(name, TASKS[name])]
        except (FileNotFoundError, ValueError) as error:
            say(f"{name}: skipped, {error}")
            task_rows = [
                {**about, "task": name, "model": "all", "metric": "none", "note": f"skipped: {error}"}
            ]
        for row in task_rows:
            if "value" in row:
                say(
                    f"{row['task']} {row['cutoff']}: {row['value']:.3f} with, {row['reference']:.3f} {row['note']}"
                )
        tables.append(rows.frame(task_rows))
        rows.write("attributes", tables[-1])
    pages.write_all()
    return pd.concat(tables, ignore_index=True)


def _rows(name: str, task: AttributeTask) -> Iterator[dict]:
    table, sources = task.load()
    log = Log.of(table)
    known = read_customers(log, sources, earliest=earliest_cutoff(log.first, task.horizon)).of(log)
    listed = set(known.attributes["customer_id"].to_pylist()) if known.attributes is not None else set()
    for cutoff in task.cutoffs:
        window = Window(cutoff, task.horizon)
        customers = customers_at(table, window)
        true = log.target(window, customers)
        forecasts = pd.DataFrame({"with": predict(known, window), "without": predict(log, window)}).loc[
            customers
        ]
        past = table[table["timestamp"] < window.cutoff].groupby("customer_id")["timestamp"]
        first, days = (
            past.min().loc[customers],
            past.agg(lambda times: times.dt.normalize().nunique()).loc[customers],
        )
        groups = {
            ALL: np.ones(len(customers), bool),
            WITH_ROW: customers.isin(listed),
            NEWCOMERS: (first >= window.cutoff - pd.Timedelta(days=NEW_DAYS)).to_numpy(),
            ONCE: (days == 1).to_numpy(),
        }
        for group in task.groups:
            chosen = groups[group]
            about = {
                "task": f"{name}, {group}",
                "cutoff": cutoff,
                "horizon": task.horizon,
                "model": "tweedie",
            }
            about |= {"metric": "gini", "customers": int(chosen.sum()), "note": WITHOUT}
            yield {**about, **_paired(true[chosen], forecasts[chosen])}
            if name == SIMULATED:
                oracle = expected_spend(table, sources.customers, window).loc[customers][chosen]
                judged = pd.DataFrame({"with": forecasts["with"][chosen], "without": oracle})
                note = {"metric": "gini next to the truth", "note": TRUTH}
                yield {**about, **note, **_paired(true[chosen], judged)}


def predict(log: Log, window: Window) -> pd.Series:
    """Return the values of a Tweedie model with its defaults, the mean of several seeds, by customer."""
    features = model_features(log, window, competitors(window.horizon, [], ["tweedie"]))
    training = prepare(log, window, features)
    texts = [name for name in features if is_text(name)]
    numbers = [name for name in features if name not in texts]
    (tweedie,) = competitors(window.horizon, numbers, ["tweedie"], text=texts)
    found = []
    for seed in SEEDS:
        tweedie.random_state = seed
        found.append(fit(trainable(tweedie, training), training).predict(training.X_now))
    return pd.Series(np.mean(found, axis=0), training.X_now.index)


def _paired(true: pd.Series, forecasts: pd.DataFrame) -> dict:
    """Return the Gini of both forecasts and the 95% interval of their difference, over the same draws of customers."""
    drawn = bootstrap_metrics(true, forecasts, draws=400)["gini"]
    low, high = (drawn["with"] - drawn["without"]).quantile([0.025, 0.975])
    own, other = gini(true, forecasts["with"]), gini(true, forecasts["without"])
    return {
        "value": own,
        "reference": other,
        "difference": own - other,
        "difference_lower": low,
        "difference_upper": high,
    }


def _folder() -> Path:
    return Path(os.environ.get("CLTV_DATA_DIR", "data"))


def _grocer() -> tuple[pd.DataFrame, CustomerSources]:
    log, folder = load_log("complete_journey"), _folder() / "completejourney"
    people = pd.read_parquet(folder / "demographics.parquet").rename(columns={"household_id": "customer_id"})
    sent = pd.read_parquet(folder / "campaigns.parquet").merge(
        pd.read_parquet(folder / "campaign_descriptions.parquet"), on="campaign_id"
    )
    contacts = sent[["household_id", "start_date", "campaign_type"]].set_axis(
        ["customer_id", "timestamp", "campaign"], axis=1
    )
    return log, CustomerSources(customers=people, contacts=contacts)


def _wholesaler() -> tuple[pd.DataFrame, CustomerSources]:
    lines = pd.read_parquet(_folder() / "online_retail_ii" / "online_retail_ii_2y_overlap_removed.parquet")
    known = lines.dropna(subset=["Customer ID"])
    people = known.groupby("Customer ID", as_index=False)["Country"].first()
    return load_log("online_retail_ii"), CustomerSources(customers=people)


def _stationer() -> tuple[pd.DataFrame, CustomerSources]:
    lines = pd.read_parquet(_folder() / "superstore" / "superstore.parquet").sort_values("Order Date")
    people = lines.groupby("Customer ID", as_index=False)[["Segment", "State", "Region", "City"]].first()
    return read_lifetime_log("superstore"), CustomerSources(customers=people)


def _licences() -> tuple[pd.DataFrame, CustomerSources]:
    people = pd.read_parquet(_folder() / "salic_hunt_fish_licences" / "cust.parquet")
    return read_lifetime_log("salic"), CustomerSources(customers=people)


def _simulated() -> tuple[pd.DataFrame, CustomerSources]:
    log, people = simulate_attributes()
    return log, CustomerSources(customers=people)


#: The shop whose customers' true rates are known.
SIMULATED = "simulated channels and areas"

TASKS = {
    "complete_journey": AttributeTask(
        _grocer,
        60,
        ("2017-07-01", "2017-08-01", "2017-09-01", "2017-10-01", "2017-10-15", "2017-11-01"),
        (ALL, WITH_ROW),
    ),
    "online_retail_ii": AttributeTask(
        _wholesaler, 91, ("2011-03-10", "2011-06-10", "2011-09-10"), (ALL, NEWCOMERS, ONCE)
    ),
    "superstore": AttributeTask(_stationer, 180, ("2019-01-01", "2019-07-01")),
    "salic": AttributeTask(_licences, 365, ("2014-01-01", "2016-01-01")),
    SIMULATED: AttributeTask(
        _simulated,
        182,
        tuple(f"{FIRST_DAY + pd.Timedelta(days=days):%Y-%m-%d}" for days in (456, 547)),
        (ALL, ONCE),
    ),
}
