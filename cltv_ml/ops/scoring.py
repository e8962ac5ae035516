"""Batch scoring: every customer of a log comes back, with a value or a reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException

from cltv_ml.data import Cleaned
from cltv_ml.evaluation.backtest import Progress, silent
from cltv_ml.features import build_features, feature_version
from cltv_ml.ops import registry, tracking
from cltv_ml.ops.files import write_table
from cltv_ml.windows import span, to_cutoff

CHUNK = 200_000


def score(
    cleaned: Cleaned, out: Path, *, as_of: str | pd.Timestamp | None = None,
    name: str = registry.REGISTERED_NAME, alias: str = "champion", progress: Progress = silent,
) -> pd.DataFrame:  # fmt: skip
    """Return and write one row per customer, scored by the registered model as of a day.

    Columns: `customer_id`, `expected_value` (currency over the horizon), `expected_purchases` and `p_alive`
    (empty where the model has none), `tier`, `reason` (why there is no value), `model`, `model_version`,
    `cutoff`, `horizon` (days).

    Parameters
    ----------
    as_of
        First day the model may not see; the day after the log's last by default.

    Raises
    ------
    ValueError
        No such registered model, a day outside the log, or features this version builds differently.
    """
    cutoff = check_as_of(cleaned.log, as_of)
    tracking.open_store()
    model, version = load_registered(name, alias)
    card = model.metadata.metadata
    progress("building features", 0.1)
    X = build_features(cleaned.log, cutoff, names=card["features"])[card["features"]]
    progress(f"scoring {len(X):,} customers", 0.6)
    table = _all_customers(predict_in_chunks(model, X), cleaned, cutoff)
    table = table.assign(
        model=card["model"], model_version=version, cutoff=cutoff, horizon=int(card["horizon"])
    ).sort_values("customer_id", ignore_index=True)
    progress("writing", 0.9)
    write_table(table, out)
    return table


def load_registered(name: str = registry.REGISTERED_NAME, alias: str = "champion") -> tuple[Any, int]:
    """Return the pyfunc behind an alias and its version, resolved once.

    Raises
    ------
    ValueError
        There is no such model or alias, or this package builds the model's features differently.
    """
    version = registry.alias_version(name, alias)
    if version is None:
        raise ValueError(
            f"no model {name!r} with alias {alias!r} is registered in {tracking.store_name()}; run `cltv train` first."
        )
    try:
        model = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
    except (MlflowException, OSError) as error:
        raise ValueError(f"version {version} of model {name!r} cannot be read: {error}") from error
    card: Mapping[str, Any] = model.metadata.metadata
    if feature_version(card["features"]) != card["feature_version"]:
        raise ValueError(
            f"version {version} of model {name!r} was trained on other definitions of its features than this "
            f"cltv_ml has; train again or install cltv_ml {card['cltv_ml_version']}."
        )
    return model, version


def predict_in_chunks(model: Any, X: pd.DataFrame, chunk: int = CHUNK) -> pd.DataFrame:
    """Return the pyfunc's answers for features `X`, cast to its schema, indexed like `X`."""
    parts = [
        model.predict(X.iloc[start : start + chunk].astype(np.float64)) for start in range(0, len(X), chunk)
    ]
    return pd.concat(parts).set_axis(X.index)


def check_as_of(log: pd.DataFrame, as_of: str | pd.Timestamp | None) -> pd.Timestamp:
    """Return the day to score as of, the day after the log's last by default; ValueError outside the log."""
    first, last = span(log)
    end = last.normalize() + pd.Timedelta(days=1)
    cutoff = end if as_of is None else to_cutoff(as_of, "as-of")
    if not first.normalize() < cutoff <= end:
        raise ValueError(
            f"as-of {cutoff:%Y-%m-%d} lies outside the log, which runs from {first:%Y-%m-%d} to {last:%Y-%m-%d}; "
            f"choose a day after the first and up to {end:%Y-%m-%d}."
        )
    return cutoff


def _all_customers(scored: pd.DataFrame, cleaned: Cleaned, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return the scores with a row and a reason for each customer who could not be scored."""
    bought = pd.Index(cleaned.log["customer_id"].unique())
    seen = bought.union(pd.Index(cleaned.quarantine["customer_id"].dropna().astype(str).unique()))
    table = scored.reindex(seen.rename("customer_id"))
    for column in ("expected_purchases", "p_alive"):
        if column not in table:
            table[column] = np.nan
    late, never = (
        f"first purchase on or after {cutoff:%Y-%m-%d}",
        "no valid purchase; see the quarantine table",
    )
    unscored = table["expected_value"].isna()
    reason = pd.Series(np.where(table.index.isin(bought), late, never), index=table.index, dtype="str")
    table["reason"] = reason.where(unscored)
    columns = ["expected_value", "expected_purchases", "p_alive", "tier", "reason"]
    return table[columns].reset_index()
