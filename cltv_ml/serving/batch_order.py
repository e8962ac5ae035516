"""Order and manifest of a batch, and fingerprints that identify an interrupted batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import cltv_ml
from cltv_ml.engine import connect, view
from cltv_ml.inline import Inline
from cltv_ml.log import Log
from cltv_ml.serving.batch_pieces import Scorer
from cltv_ml.tracking.store_names import REGISTERED_NAME


@dataclass(frozen=True)
class Order:
    """The terms of a batch, apart from its customers."""

    #: Target of the scores; see `batch_targets.Target`.
    out: str | Path
    table: str = "scores"
    #: First day that the model may not see; by default the day after the log's last, or the features' own.
    as_of: str | pd.Timestamp | None = None
    #: Score only customers with a purchase on or after this day.
    since: str | pd.Timestamp | None = None
    #: Number of reasons per customer, in columns `reason_1` ...; slower.
    top_reasons: int = 0
    #: Days before the cutoff whose orders are also written, next to the scores.
    new_orders: int = 0
    #: Score only customers whose first purchase lies fewer than this many days before `as_of`.
    younger_than: int | None = None
    #: The registered model; the alias is resolved once.
    name: str = REGISTERED_NAME
    alias: str = "champion"
    #: Limit of the engine that cleans, builds features and sorts.
    memory: str = "1GB"
    #: Last day for which a clean log is complete, where the log does not state it.
    observed_until: str | None = None
    #: What campaigns and prices are from its first date on, where the model follows them; see `models.with_plan`.
    plan: Mapping[str, Mapping[str, float]] | None = None


@dataclass(frozen=True)
class Manifest(Inline):
    """The manifest of a batch: model, customers, total, and customers without a value by reason.

    `before` is the file to which the scores of an earlier day were copied, if the batch replaced any.
    """

    file: str
    model: str
    model_version: int
    cutoff: str
    horizon: int
    customers: int
    valued: int
    expected_value: float
    reasons: dict[str, int]
    since: str | None
    younger_than: int | None = None
    cltv_ml_version: str = cltv_ml.__version__
    before: str | None = None


def fingerprint(log: Path) -> str:
    """Return a number that changes with any value of the log but not with the order of its rows."""
    con = connect()
    view(con, "log", log)
    return str(con.sql("select count(*), sum(cast(hash(log) as hugeint)) from log").fetchall()[0])


def identity(order: Order, scorer: Scorer) -> dict[str, Any]:
    """Return everything that determines the scores of a log, apart from the log."""
    return {
        "model": f"{order.name}/{scorer.version}",
        "features": scorer.card.feature_version,
        "cutoff": f"{scorer.cutoff}",
        "since": str(order.since),
        "younger_than": str(order.younger_than),
        "top_reasons": order.top_reasons,
        "plan": repr(order.plan),
        "cltv_ml_version": cltv_ml.__version__,
    }


def fingerprints(log: Log) -> dict[str, str]:
    """Return a number for each table about customers that changes with any of its values."""
    digests = {}
    for name, table in (("customers", log.attributes), ("contacts", log.contacts)):
        if table is not None:
            con = connect()
            view(con, "given", table)
            digests[name] = str(
                con.sql("select count(*), sum(cast(hash(given) as hugeint)) from given").fetchall()[0]
            )
    return digests
