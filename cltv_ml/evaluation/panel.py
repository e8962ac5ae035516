"""The training panel: labelled customers at earlier origins, and the same customers as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from cltv_ml.engine import Tabular, connect, view
from cltv_ml.errors import InputError
from cltv_ml.features import build_features
from cltv_ml.models import ValueModel
from cltv_ml.models.unseen import fit_at
from cltv_ml.windows import Window, span, to_days

#: Same months of earlier years that are always included, where the log holds them.
MAX_YEARS = 2

#: Labelled rows to learn from. A log with more learns from a share of its customers, at all origins: time and
#: memory of a training then barely grow with the log.
MAX_ROWS = 300_000

#: Of the engine, next to the log and the predictions that a training holds itself.
MEMORY = "2GB"


@dataclass(frozen=True)
class Training:
    """What the models may learn from, and the customers as they are at the cutoff.

    `cutoff` is given where other customers' spending in the very window to predict is among the labels.
    """

    X: pd.DataFrame
    y: pd.Series
    origins: list[Window]
    X_now: pd.DataFrame
    cutoff: pd.Timestamp | None = None


def training_origins(
    first: pd.Timestamp, before: Window, step: int | str = "1m", max_origins: int = 6
) -> list[Window]:
    """Return training windows whose holdouts all end by `before.cutoff`, the latest first.

    The latest ends exactly at the test cutoff. `max_origins` of them follow each other about `step` apart,
    such that whole numbers of steps make a horizon. Two more kinds are always added where the log reaches:
    the one whose holdout ends where the latest begins, so that there are separate holdouts to validate on; and
    those of the same months in earlier years, so that the season of the test has been seen. Before each lies
    at least as much history as the horizon (or 90 days, if shorter).

    >>> test = Window("2011-09-10", "13w")
    >>> [f"{one.cutoff:%Y-%m-%d}" for one in training_origins(pd.Timestamp("2010-06-01"), test, max_origins=3)]
    ['2011-06-11', '2011-05-12', '2011-04-11', '2011-03-12', '2010-09-10']
    """
    horizon, near = before.horizon, to_days(step)
    pace = horizon / round(horizon / near) if horizon > near else horizon * round(near / horizon)
    history = pd.Timedelta(days=min(horizon, 90))
    latest = before.cutoff - pd.Timedelta(days=horizon)
    wanted = [
        latest,
        latest - pd.Timedelta(days=horizon),
        *(before.cutoff - pd.DateOffset(years=number) for number in range(1, 1 + MAX_YEARS)),
        *(latest - pd.Timedelta(days=round(number * pace)) for number in range(1, max_origins)),
    ]
    chosen: list[pd.Timestamp] = []
    for cutoff in wanted:
        alone = all(abs(cutoff - other) >= pd.Timedelta(days=7) for other in chosen)
        if alone and first.normalize() + history <= cutoff <= latest:
            chosen.append(cutoff)
    return [Window(cutoff, horizon) for cutoff in sorted(chosen, reverse=True)]


def prepare(
    log: Tabular,
    window: Window,
    features: Sequence[str],
    *,
    max_origins: int = 6,
    step: int | str = "1m",
    customers: float | None = None,
    max_rows: int = MAX_ROWS,
) -> Training:
    """Return training rows from origins whose holdouts end by `window.cutoff`, and today's customers.

    Everything comes from before `window.cutoff`: the latest origin lies one horizon before it. Where the
    log is too short for a single origin `X` and `y` are empty and only models without labels can compete.

    Parameters
    ----------
    customers
        Out of time if None. A share such as 0.5 divides the customers by the hash of their id instead: models
        learn from that share, whose spend in `window` itself is known, and are asked about the others. That
        is for logs of one cohort, in which everybody asked about is older than anybody learned from; it
        tells nothing about how well the level of a future window is known.
    max_rows
        Labelled rows at most, about: with more customers than that allows for, those learned from are chosen by
        the hash of their id. `X_now` holds all customers always.
    """
    if customers is not None and not 0 < customers < 1:
        raise InputError(f"customers must be a share between 0 and 1, or None, got {customers!r}.")
    first, _ = span(log)
    origins = training_origins(first, window, step, max_origins)
    some = _thin(log, max_rows / (1 + len(origins))) if customers is None and origins else None
    if some is not None:
        X = build_features(some, [one.cutoff for one in origins], names=list(features), memory=MEMORY)
        X_now = build_features(log, window.cutoff, names=list(features), memory=MEMORY)
        return Training(X, _labels(log, origins, X), origins, X_now)
    panel = build_features(
        log, [window.cutoff, *(one.cutoff for one in origins)], names=list(features), memory=MEMORY
    )
    now = panel.index.get_level_values("cutoff") == window.cutoff
    X, X_now = panel[~now], panel[now].droplevel("cutoff")
    if customers is not None:
        origins = [window, *origins]
        learns = learned_from(panel.index.get_level_values("customer_id"), customers)
        X, X_now = panel[learns], panel[now & ~learns].droplevel("cutoff")
    known = window.cutoff if customers is not None else None
    return Training(X, _labels(log, origins, X), origins, X_now, known)


def _labels(log: Tabular, origins: Sequence[Window], X: pd.DataFrame) -> pd.Series:
    """Return what each row's customer spent in the window after its cutoff."""
    labels = [
        origin.target(log, X.loc[[origin.cutoff]].index.get_level_values("customer_id")).to_numpy()
        for origin in sorted(origins, key=lambda origin: origin.cutoff)
    ]
    return pd.Series(np.concatenate([[], *labels]), index=X.index, dtype="float64", name="value")


def _thin(log: Tabular, most: float) -> pa.Table | None:
    """Return the lines of about `most` customers, chosen by the hash of the id; None where there are no more."""
    con = connect()
    view(con, "log", log)
    ids = con.sql("select distinct customer_id from log").to_arrow_table()["customer_id"].to_pandas()
    if len(ids) <= most:
        return None
    chosen = ids[_hashed(pd.Index(ids)) < most / len(ids)]
    view(con, "chosen", pa.table({"customer_id": pa.array(chosen)}))
    return con.sql("select log.* from log semi join chosen using (customer_id)").to_arrow_table()


def learned_from(customers: pd.Index, share: float) -> np.ndarray:
    """Return which customers are in the share that models learn from, by the hash of the id, shape (n,)."""
    return _hashed(customers) < share


def _hashed(customers: pd.Index) -> np.ndarray:
    """Return a number in [0, 1) per customer that depends on the id only."""
    return pd.util.hash_array(customers.to_numpy(dtype=object)) / 2.0**64


def fit(model: ValueModel, training: Training) -> ValueModel:
    """Return a fitted copy: on labelled earlier origins where it needs labels, else on today's customers.

    Raises
    ------
    InputError
        The model's horizon differs from that of the labels.
    """
    asked = training.origins[0].horizon if training.origins else model.horizon
    if model.horizon != asked:
        raise InputError(
            f"{model.name}: its horizon is {model.horizon} days, but the windows to learn from and to predict "
            f"have {asked}; give both the same."
        )
    X_now = training.X_now
    if training.cutoff is not None:
        X_now = pd.concat({training.cutoff: X_now}, names=["cutoff"])
    return fit_at(model, training.X, training.y, X_now)
