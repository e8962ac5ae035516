"""Explanations of predictions: the effect of each feature, for all customers and for one."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from cltv_ml.errors import InputError, unknown_name
from cltv_ml.evaluation.metrics import gini
from cltv_ml.features import CATALOGUE
from cltv_ml.models.attribution import BASELINE
from cltv_ml.models.base import ValueModel
from cltv_ml.models.out_of_fold import for_each
from cltv_ml.money import format_number

#: Number of sampled customers; more change the result less than another sample does.
SAMPLE = 5_000

#: Number of customers whose contributions are computed: the leading features are the same in every sample.
EXPLAINED = 2_000

#: Customers drawn per feature in the table of contributions.
CUSTOMERS_DRAWN = 400

#: Titles of features whose declaration is shorter; the others take its first clause.
TITLES = {
    "frequency": "repeat purchase days",
    "recency": "days since the last purchase",
    "T": "days since the first purchase",
    "monetary_value": "mean spend per repeat purchase day",
    "model_value": "value expected by the purchase model",
    "model_purchases": "purchases expected by the purchase model",
    "model_p_alive": "probability of still being a customer",
    "p_alive": "probability of still being a customer",
    "value_lower": "lower end of the value's interval",
    "value_upper": "upper end of the value's interval",
    "value_median": "median of the value",
}


def compute_importance(model: ValueModel, X: pd.DataFrame, y: pd.Series, *, repeats: int = 3) -> pd.DataFrame:
    """Return the loss of normalised Gini when one feature is shuffled: `feature`, `importance`, `spread`.

    The most important first. A feature whose information another one also carries looks unimportant. Source:
    L. Breiman, Random Forests, 2001.
    """
    rng = np.random.default_rng(0)
    X, y = _sample_rows(X, y, rng)
    names = [str(name) for name in model.feature_names_in_]
    whole = gini(y, model.predict(X))
    orders = [(name, rng.permutation(len(X))) for name in names for _ in range(repeats)]

    def fall(place: int) -> float:
        """Return the loss of Gini with one feature shuffled once."""
        name, order = orders[place]
        return whole - gini(y, model.predict(_possible(X.assign(**{name: X[name].to_numpy()[order]}))))

    falls = np.reshape(for_each([model] * len(orders), fall), (len(names), repeats))
    table = pd.DataFrame({"feature": names, "importance": falls.mean(axis=1), "spread": falls.std(axis=1)})
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def compute_dependence(model: ValueModel, X: pd.DataFrame, feature: str, *, points: int = 20) -> pd.DataFrame:
    """Return the mean prediction as one feature takes each of its values and all others stay.

    Columns `feature`, `value` (at equal steps of the quantiles, in the terms of `feature_title`: recency as days since
    the last purchase; of a category its most frequent levels) and `predicted` (mean in currency). Source: J. Friedman,
    Greedy Function Approximation, 2001. It also evaluates combinations that no customer has, so read it with the
    importances.
    """
    if feature not in X:
        raise unknown_name("feature", feature, map(str, X.columns))
    sample, _ = _sample_rows(X, None, np.random.default_rng(0))
    readable = _readable_values(feature, X).dropna()
    if types.is_numeric_dtype(readable):
        values = np.unique(readable.quantile(np.linspace(0.01, 0.99, points), interpolation="nearest"))
    else:
        values = readable.value_counts().index[:points].to_numpy(dtype=object)
    predicted = [float(model.predict(_with(sample, feature, value)).mean()) for value in values]
    return pd.DataFrame({"feature": feature, "value": values, "predicted": predicted})


def _with(X: pd.DataFrame, feature: str, value: Any) -> pd.DataFrame:
    """Return the customers with one value of a feature for all, in the terms of its title."""
    if feature == "recency" and "T" in X:
        return _possible(X.assign(recency=(X["T"] - value).clip(lower=0.0)))
    return _possible(X.assign(**{feature: value}))


def _sample_rows(
    X: pd.DataFrame, y: pd.Series | None, rng: np.random.Generator, most: int = SAMPLE
) -> tuple[pd.DataFrame, pd.Series | None]:
    if len(X) <= most:
        return X, y
    chosen = np.sort(rng.choice(len(X), most, replace=False))
    return X.iloc[chosen], None if y is None else y.iloc[chosen]


def _possible(X: pd.DataFrame) -> pd.DataFrame:
    """Return customers with a consistent history, since models refuse any other.

    No last purchase lies after today, and no gaps are longer than the time in which they fall.
    """
    if not {"frequency", "recency", "T"} <= set(X.columns):
        return X
    recency = np.minimum(X["recency"], X["T"])
    repeat = X["frequency"] > 0
    histories = X.assign(recency=np.where(repeat, np.maximum(recency, np.minimum(1.0, X["T"])), 0.0))
    if "log_gaps" not in X:
        return histories
    even = (histories["recency"] / X["frequency"].clip(lower=1)).clip(lower=1e-9)  # the most regular gaps
    return histories.assign(
        log_gaps=np.where(repeat, np.minimum(X["log_gaps"], X["frequency"] * np.log(even)), 0.0)
    )


def explain(model: ValueModel, X: pd.DataFrame) -> pd.DataFrame:
    """Return each feature's contribution to each customer's expected value, in currency, by `X.index`.

    A column per feature, and `baseline`, the expected value without features; each row adds up to the expected value.
    Trees use exact TreeSHAP, purchase models the Shapley value over the history.
    """
    return model.contributions(X)


def top_reasons(
    model: ValueModel,
    X: pd.DataFrame,
    n: int = 3,
    *,
    scale: pd.Series | None = None,
    known: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the `n` features that change each customer's value most, in words: columns `reason_1` ... by `X.index`.

    Such as "days since the last purchase (12): +8.40" or "country: UK, +3.10"; the number is what the feature adds in
    currency, compared with a customer for whom it is unknown. Empty text where fewer features contribute.

    Parameters
    ----------
    scale
        Factor on each customer's reasons: the explained value over the model's.
    known
        Further parts of the value in currency, a column each, named in words.

    Raises
    ------
    InputError
        `n` is below one.
    """
    if n < 1:
        raise InputError(f"n must be at least 1, got {n!r}.")
    parts = explain(model, X).drop(columns=BASELINE)
    if scale is not None:
        parts = parts.mul(scale, axis=0)
    if known is not None:
        parts = pd.concat([parts, known], axis="columns")
    amounts, names = parts.to_numpy(), [str(name) for name in parts.columns]
    phrases = pd.DataFrame({name: _title_and_values(name, X) for name in names}, index=X.index)
    order = np.argsort(-np.abs(amounts), axis=1, kind="stable")[:, :n]
    columns = {}
    for place in range(n):
        if place >= len(names):
            columns[f"reason_{place + 1}"] = np.full(len(X), "", dtype=object)
            continue
        at = np.arange(len(X)), order[:, place]
        reasons = [_reason_text(*reason) for reason in zip(phrases.to_numpy()[at], amounts[at], strict=True)]
        columns[f"reason_{place + 1}"] = np.array(reasons, dtype=object)
    return pd.DataFrame(columns, index=X.index, dtype="str")


def _reason_text(phrase: str, added: float) -> str:
    """Return a feature's title with its contribution as text, empty for less than half a cent."""
    return f"{phrase}{', ' if ': ' in phrase else ': '}{added:+,.2f}" if abs(added) >= 0.005 else ""


def compute_contributions(model: ValueModel, X: pd.DataFrame) -> pd.DataFrame:
    """Return the contributions of the 12 most important features, a row per sampled customer and feature.

    Columns `feature`, `title` (in words), `value` (of the feature), `rank` (of that value among the customers,
    0 lowest to 1 highest) and `contribution` (currency). Features come by their mean absolute contribution,
    the largest first.
    """
    rng = np.random.default_rng(0)
    sample, _ = _sample_rows(X, None, rng, EXPLAINED)
    parts = explain(model, sample).drop(columns=BASELINE)
    ordered = parts.abs().mean().sort_values(ascending=False, kind="stable").index[:12]
    drawn = np.sort(rng.choice(len(sample), min(CUSTOMERS_DRAWN, len(sample)), replace=False))
    rows = []
    for name in ordered:
        value = _readable_values(str(name), sample)
        rows.append(
            pd.DataFrame(
                {
                    "feature": str(name),
                    "title": feature_title(str(name)),
                    "value": value.to_numpy()[drawn],
                    "rank": _ranks(value)[drawn],
                    "contribution": parts[name].to_numpy()[drawn],
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def feature_title(name: str) -> str:
    """Return a feature's name in words, from its declaration.

    >>> feature_title("order_rate_30d"), feature_title("attribute_text_country")
    ('orders in the last 30 days, per day', 'country')
    """
    if name in TITLES:
        return TITLES[name]
    if name not in CATALOGUE:
        return name.replace("_", " ")
    clause = re.split(r"[:;.](?:\s|$)", CATALOGUE[name].doc)[0]
    clause = re.sub(r", as a rate.*", ", per day", clause)
    clause = re.sub(r", as last known.*", "", clause)
    return clause if clause[:2].isupper() else clause[0].lower() + clause[1:]


def _readable_values(name: str, X: pd.DataFrame) -> pd.Series:
    """Return a feature's values in the terms of its title; missing for features that only the model knows."""
    if name == "recency" and "T" in X:
        return X["T"] - X["recency"]
    return X[name] if name in X else pd.Series(np.nan, index=X.index)


def _ranks(values: pd.Series) -> np.ndarray:
    """Return the rank of each value among all, 0 lowest to 1 highest; levels of a category have none."""
    if not types.is_numeric_dtype(values):
        return np.full(len(values), np.nan)
    return values.rank(pct=True).to_numpy()


def _title_and_values(name: str, X: pd.DataFrame) -> list[str]:
    title, values = feature_title(name), _readable_values(name, X)
    if not types.is_numeric_dtype(values):
        return [title if pd.isna(value) else f"{title}: {value}" for value in values]
    if name in CATALOGUE and CATALOGUE[name].unit == "0 or 1":
        words = {1.0: f"{title}: yes", 0.0: f"{title}: no"}
        return [words.get(value, title) for value in values]
    return [f"{title} ({format_number(value)})" if np.isfinite(value) else title for value in values]
