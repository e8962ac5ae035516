"""Responses of a model for customers: the same numbers from a server, in a batch and on Spark."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.engine import Tabular, connect, frame, view
from cltv_ml.errors import InputError
from cltv_ml.features import CATALOGUE, is_text
from cltv_ml.models import ValueModel
from cltv_ml.models.future_value import FutureValue
from cltv_ml.models.value_curve import check_discount_rate
from cltv_ml.tables import SUMMARY
from cltv_ml.windows import to_days

#: The columns of a response, in order, besides `customer_id`; intervals where the model has them.
OUTPUTS = ("expected_value", "value_median", "value_lower", "value_upper", "expected_purchases", "p_alive")
_MONEY_OUTPUTS = ("expected_value", "value_median", "value_lower", "value_upper")

#: The columns of one horizon, for a model of several.
_OF_HORIZON = re.compile(r"(expected_value|value_lower|value_upper)_\d+d")


@dataclass(frozen=True)
class AnswerTerms:
    """Terms of a response that replace the model's own settings; None keeps the model's."""

    #: Days ahead.
    horizon: float | None = None
    #: Effective yearly rate.
    discount_rate: float | None = None
    #: Share of revenue left after costs; it multiplies value and interval.
    margin: float | None = None


def under(model: ValueModel, terms: AnswerTerms) -> ValueModel:
    """Return the fitted model under other terms; the same object if they change nothing.

    Raises
    ------
    InputError
        A term is impossible, or fixed by the training of this family of models.
    """
    if terms.margin is not None and not 0 < terms.margin <= 1:
        raise InputError(f"margin must be above 0 and at most 1 (0.3 is 30%), got {terms.margin:g}.")
    changed = _changed_settings(model, terms)
    if not changed:
        return model
    adjusted = copy.copy(model).set_params(**changed)
    for attribute in ("intervals_", "horizons_"):  # they hold under the model's own terms
        adjusted.__dict__.pop(attribute, None)
    return adjusted


def _changed_settings(model: ValueModel, terms: AnswerTerms) -> dict[str, Any]:
    """Return the settings that the terms change; raise InputError if the model cannot change one."""
    settings = model.get_params(deep=False)
    changed: dict[str, Any] = {}
    if terms.horizon is not None and to_days(terms.horizon) != model.horizon:
        if model.needs_labels:
            raise InputError(
                f"horizon {terms.horizon:g} is not available: {model.name} has learned what customers spend "
                f"in {_horizons(model)} days; send one of them, leave horizon out, or train with another "
                "--horizon."
            )
        changed["horizon"] = to_days(terms.horizon)
    rate = terms.discount_rate
    if rate is not None and rate != settings.get("discount_rate", 0.0):
        if "discount_rate" not in settings:
            raise InputError(
                f"discount_rate {rate:g} is not available: {model.name} predicts the sum over the horizon, "
                "not when it is spent; leave discount_rate out."
            )
        check_discount_rate(rate)
        changed["discount_rate"] = rate
    return changed


def _horizons(model: ValueModel) -> str:
    """Return the horizons that a model predicts for, in words."""
    return ", ".join(map(str, model.horizons_.days if hasattr(model, "horizons_") else [model.horizon]))


def answer(
    model: ValueModel,
    tiers: Mapping[str, float],
    X: pd.DataFrame,
    terms: AnswerTerms | None = None,
    beyond: FutureValue | None = None,
) -> pd.DataFrame:
    """Return expected value, interval, purchases, P(alive) and tier per row of `X`, with its index.

    Columns that this family of models does not predict are left out. The tier is that of the value under the model's
    own terms, so another horizon moves no customer to another tier. Values for a horizon that the model was not trained
    for are consistent with those it was trained for; beyond the longest of these they are `beyond`'s.
    """
    terms = terms or AnswerTerms()
    predicted = model.predict_table(X)
    day = _learned_horizon(model, terms)
    if day is not None:
        under(model, replace(terms, horizon=None))
        table = _at_horizon(predicted, day)
    else:
        adjusted = under(model, terms)
        table = predicted if adjusted is model else adjusted.predict_table(X)
        if adjusted.horizon != model.horizon:
            factor = _to_one_curve(model, adjusted, predicted, X, beyond)
            table = table.assign(**{name: table[name] * factor for name in _MONEY_OUTPUTS if name in table})
    table = table[known_outputs(table)]
    if terms.margin is not None and terms.margin != 1:
        money = [name for name in table if name in _MONEY_OUTPUTS or is_of_horizon(name)]
        table = table.assign(**{name: table[name] * terms.margin for name in money})
    return table.assign(tier=tier_names(predicted["expected_value"].to_numpy(), tiers))


def _learned_horizon(model: ValueModel, terms: AnswerTerms) -> int | None:
    """Return the requested days if they are another horizon of the model's training, else None."""
    if terms.horizon is None or not hasattr(model, "horizons_"):
        return None
    days = to_days(terms.horizon)
    rate = model.get_params(deep=False).get("discount_rate", 0.0)
    same = terms.discount_rate in (None, rate)
    return days if same and days != model.horizon and days in model.horizons_.days else None


def _to_one_curve(
    model: ValueModel,
    adjusted: ValueModel,
    predicted: pd.DataFrame,
    X: pd.DataFrame,
    beyond: FutureValue | None,
) -> np.ndarray:
    """Return factors that make values of another horizon consistent with those of the training (`predicted`).

    Between two horizons of the training, the model's own curve interpolates; beyond the last it continues if no tail is
    known.
    """
    days = adjusted.horizon
    values = {model.horizon: predicted["expected_value"].to_numpy(), 0: np.zeros(len(X))}
    if hasattr(model, "horizons_"):
        values |= {day: predicted[f"expected_value_{day}d"].to_numpy() for day in model.horizons_.days}
    before = max(day for day in values if day < days)
    after = min((day for day in values if day > days), default=days)
    curve = {0: np.zeros(len(X))} | {
        day: under(model, AnswerTerms(horizon=day)).predict(X) for day in {before, days, after} - {0}
    }
    if after > days:
        share = (curve[days] - curve[before]) / np.maximum(curve[after] - curve[before], np.finfo(float).tiny)
        value = values[before] + share * (values[after] - values[before])
    elif beyond is not None:
        value = beyond.predict(X, pd.Series(values[before], X.index), [days])[days].to_numpy()
    else:
        value = values[before] * np.maximum(
            curve[days] / np.maximum(curve[before], np.finfo(float).tiny), 1.0
        )
    return value / np.maximum(curve[days], np.finfo(float).tiny)


def _at_horizon(table: pd.DataFrame, days: int) -> pd.DataFrame:
    """Return a table with the value and bounds of another horizon, without columns unknown for it."""
    own = [
        name for name in ("value_median", "value_lower", "value_upper", "expected_purchases") if name in table
    ]
    names = ("expected_value", "value_lower", "value_upper")
    outputs = {name: table[f"{name}_{days}d"] for name in names if f"{name}_{days}d" in table}
    return table.drop(columns=own).assign(**outputs)


def known_outputs(table: pd.DataFrame) -> list[str]:
    """Return the columns of PREDICTIONS for which a model has values, in the order of `OUTPUTS`."""
    present = [*(name for name in OUTPUTS if name in table), *filter(is_of_horizon, table)]
    return [name for name in present if name == "expected_value" or table[name].notna().any()]


def is_of_horizon(name: str) -> bool:
    """Whether a column belongs to one of several horizons.

    >>> is_of_horizon("expected_value_91d"), is_of_horizon("expected_value")
    (True, False)
    """
    return _OF_HORIZON.fullmatch(name) is not None


def tier_names(values: np.ndarray, cuts: Mapping[str, float]) -> np.ndarray:
    """Return the tier of each value: the highest whose cut point it reaches.

    >>> tier_names(np.array([9.0, 6.0, 1.0]), {"high": 8.2, "medium": 5.5, "low": 0.0}).tolist()
    ['high', 'medium', 'low']
    """
    names = np.array(["low", "medium", "high"], dtype=object)
    return names[(values >= cuts["medium"]).astype(int) + (values >= cuts["high"])]


#: Largest feature of any shop: products of larger values overflow.
LARGEST = 1e15

#: Up to this many rows, all columns are first checked together.
_ROWS_TOGETHER = 100


def find_faults(X: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    """Return the faults in customers' features: a sentence that names the column, and the affected rows.

    >>> X = pd.DataFrame({"frequency": [0.0, -1.0], "recency": [0.0, 9.0], "T": [5.0, 5.0]})
    >>> [(sentence[:28], rows.tolist()) for sentence, rows in find_faults(X)]
    [("Column 'frequency' contains ", [False, True]), ("Column 'recency' exceeds col", [False, True])]
    """
    faults: list[tuple[str, np.ndarray]] = []
    for name in _unusual_columns(X, [name for name in X.columns if not is_text(str(name))]):
        column = X[name].to_numpy(dtype=np.float64)
        faults.append((f"Column {name!r} contains an infinite value; send a number.", np.isinf(column)))
        huge = np.isfinite(column) & (np.abs(column) > LARGEST)
        faults.append((f"Column {name!r} contains a value beyond {LARGEST:g}; check its unit.", huge))
        if name in SUMMARY:
            wrong = ~(column >= 0)
            faults.append(
                (f"Column {name!r} contains a negative or missing value; send zero or more.", wrong)
            )
        elif name in CATALOGUE and CATALOGUE[name].unit in ("days", "orders", "products", "categories"):
            faults.append((f"Column {name!r} contains a negative value; send zero or more.", column < 0))
    for name in (name for name in X.columns if str(name).startswith("attribute_flag_")):
        neither = ~X[name].isin([0, 1]).to_numpy() & X[name].notna().to_numpy()
        faults.append((f"Column {name!r} is yes or no; send 1, 0 or nothing.", neither))
    for name in (name for name in X.columns if str(name).startswith("attribute_age_")):
        impossible = ~X[name].between(0, 150).to_numpy() & X[name].notna().to_numpy()
        faults.append((f"Column {name!r} is an age in years; send 0 to 150 or nothing.", impossible))
    faults += _find_contradictions(X)
    return [(sentence, rows) for sentence, rows in faults if rows.any()]


def _unusual_columns(X: pd.DataFrame, names: list[str]) -> list[str]:
    """Return the columns with a missing, negative or too large value; all columns if there are many rows."""
    if len(X) > _ROWS_TOGETHER:
        return names
    values = X[names].to_numpy(dtype=np.float64)
    usual = ((values >= 0) & (values <= LARGEST)).all(axis=0)
    return [name for name, fine in zip(names, usual, strict=True) if not fine]


def _find_contradictions(X: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    faults = []
    columns = {name: X[name].to_numpy(dtype=np.float64) for name in SUMMARY if name in X}
    if "frequency" in columns:
        parted = np.isfinite(columns["frequency"]) & (np.floor(columns["frequency"]) != columns["frequency"])
        faults.append(("Column 'frequency' counts repeat purchase days; send whole numbers.", parted))
    if {"recency", "T"} <= set(columns):
        late = columns["recency"] > columns["T"]
        sentence = "Column 'recency' exceeds column 'T'; recency is the age at the last purchase, in days."
        faults.append((sentence, late))
    if {"frequency", "recency"} <= set(columns):
        frequency, recency = columns["frequency"], columns["recency"]
        sentence = (
            "Column 'recency' is above zero where column 'frequency' is zero; send 0 for customers without a "
            "repeat purchase."
        )
        faults.append((sentence, (frequency == 0) & (recency > 0)))
        sentence = (
            "Column 'recency' is below column 'frequency', which counts days; recency is the age at the last "
            "purchase, in days, not the days since then."
        )
        faults.append((sentence, recency < frequency))
    return faults


#: How the reason of a customer begins who was none yet at the cutoff; the day follows.
BOUGHT_LATER = "first purchase on or after"


def find_unscored(log: Tabular, quarantine: Tabular | None, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return `customer_id` and `reason` of the customers for whom no model has a value as of `cutoff`.

    They first bought later, or all their lines were quarantined.
    """
    con = connect("1GB")
    view(con, "log", log)
    late = f"{BOUGHT_LATER} {cutoff:%Y-%m-%d}"
    query = (
        f"select cast(customer_id as varchar) as customer_id, '{late}' as reason from log "
        f"group by 1 having min(timestamp) >= timestamp '{cutoff}'"
    )
    if quarantine is not None:
        view(con, "aside", quarantine)
        query += (
            " union all select distinct cast(customer_id as varchar), 'no valid purchase; see the quarantine table' "
            "from aside where customer_id is not null "
            "and cast(customer_id as varchar) not in (select cast(customer_id as varchar) from log)"
        )
    return frame(con.sql(f"select * from ({query}) order by customer_id"))


def as_objects(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of Python's objects with None for what is missing, column by column: a mask costs more.

    >>> as_objects(pd.DataFrame({"value": [1.5, np.nan], "reason": [None, "new"]})).values.tolist()
    [[1.5, None], [None, 'new']]
    """
    columns = {}
    for name, column in table.items():
        columns[name] = column.to_numpy(dtype=object, copy=True)
        columns[name][column.isna().to_numpy()] = None
    return pd.DataFrame(columns, index=table.index, dtype=object)
