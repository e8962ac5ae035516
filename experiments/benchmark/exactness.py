"""Parameters, likelihoods and customer checks of the probabilistic models compared with published numbers."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import cltv_ml
from cltv_ml.models import CATALOGUE
from experiments.benchmark import pages, rows
from experiments.benchmark.cases import HERE, ROOT

#: Frequency, recency and T in weeks of the customers that publications compute for.
CUSTOMERS = {
    "customer 1": (2, 213 / 7, 272 / 7),
    "customer 1516": (26, 216 / 7, 31),
    "a one-time buyer": (0, 0, 272 / 7),
}

#: Yearly 15%, compounded continuously, per week.
DISCOUNT = np.log(1.15) / 52


def run() -> pd.DataFrame:
    """Return one row per published number with ours next to it; write the rows and the page."""
    commit, machine = rows.commit(), rows.machine()
    entries = [
        {
            "task": group["data"],
            "model": group["model"],
            "metric": quantity,
            "protocol": "published",
            "version": f"cltv_ml {cltv_ml.__version__}",
            "value": (ours := float(compute(group["data"], group["model"], quantity))),
            "reference": published,
            "difference": ours - published,
            "commit": commit,
            "machine": machine,
            "note": f"{group['source']}, {group['digits']} decimals",
        }
        for group in read_published()["group"]
        for quantity, published in group["values"].items()
    ]
    table = rows.frame(entries)
    rows.write("exactness", table)
    pages.write_all()
    return table


@cache
def read_published() -> dict[str, Any]:
    """Return published.toml."""
    return tomllib.loads((HERE / "published.toml").read_text(encoding="utf-8"))


def compute(data: str, model: str, quantity: str) -> float:
    """Return our number for a quantity named as in published.toml."""
    fitted = _fit(data, model)
    if quantity in fitted.params_:
        return fitted.params_[quantity]
    if quantity == "log-likelihood":
        return fitted.log_likelihood_
    if match := re.fullmatch(r"P\(X\((\d+)\) = (\d+)\)", quantity):
        return fitted.new_customer_pmf(int(match[2]), int(match[1]))
    if quantity == "donations in 5 years of all":
        return fitted.expected_purchases(_donors(), 5) @ _donors()["count"]
    measure, _, customer = quantity.partition(" of ")
    if measure == "spend":
        return float(
            pd.Series(fitted.predict(_sample()), _sample().index)
            .sort_index()
            .iloc[int(customer.split()[-1]) - 1]
        )
    if customer == "a new customer":
        return fitted.expected_new_customer_purchases(_weeks(measure))
    X = pd.DataFrame([CUSTOMERS[customer]], columns=["frequency", "recency", "T"])
    if measure == "P(alive)":
        return fitted.p_alive(X)[0]
    if measure == "DERT":
        return fitted.discounted_expected_purchases(X, np.inf, DISCOUNT)[0]
    return fitted.expected_purchases(X, _weeks(measure))[0]


def _weeks(words: str) -> int:
    match = re.fullmatch(r"purchases in (\d+) weeks", words)
    if match is None:
        raise ValueError(f"published.toml: the quantity {words!r} cannot be computed.")
    return int(match[1])


@cache
def _fit(data: str, model: str) -> Any:
    if data == "rounded estimates":
        return CATALOGUE[model]("weeks").with_params({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    if data == "radio donors":
        return CATALOGUE[model]().fit(_donors(), weights=_donors()["count"])
    if data in read_published()["cohorts"]:
        lost = read_published()["cohorts"][data]
        periods = pd.DataFrame({"recency": np.arange(1.0, len(lost) + 1), "T": float(len(lost))})
        return CATALOGUE[model]().fit(periods, weights=lost)
    if model == "GammaGamma":
        return CATALOGUE[model]().fit(_sample())
    return CATALOGUE[model](time_unit="weeks").fit(_sample())


@cache
def _sample() -> pd.DataFrame:
    table = pd.read_csv(ROOT / "tests" / "references" / "cdnow_sample.csv", index_col="customer_id")
    table["monetary_value"] = table["repeat_cents"] / 100 / table["frequency"].clip(lower=1)
    return table.assign(recency=table["recency"] / 7, T=table["T"] / 7)


@cache
def _donors() -> pd.DataFrame:
    table = pd.DataFrame(read_published()["donors"]["rows"], columns=["frequency", "recency", "count"])
    return table.astype(float).assign(n_opportunities=6.0)
