"""Attributes of customers without information for a model: without any value, or with levels that it has never seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cltv_ml.models.categories import as_spelled, learned_levels


def describe_unseen(table: pa.Table, model: Any, headings: Mapping[str, str]) -> list[str]:
    """Return a sentence for each attribute that is missing in all rows or has levels unknown to a model.

    Parameters
    ----------
    table
        `customer_id` and the attributes `<kind>_<name>`.
    model
        A fitted model, which learned from the features `attribute_<kind>_<name>`.
    headings
        The heading of each attribute in the user's table.

    >>> class Trees:
    ...     categories_ = {"attribute_text_country": {"UK": 0}}
    >>> people = pa.table({"customer_id": ["1", "2"], "text_country": ["UK", "IS"]})
    >>> describe_unseen(people, Trees(), {"text_country": "Country"})
    ["Country: 1 of 2 values are levels that the model has never seen, such as 'IS'; they count as unknown."]
    """
    levels = learned_levels(model)
    sentences = []
    for name in (column for column in table.column_names if column not in ("customer_id", "valid_from")):
        values = table[name].drop_null()
        if not len(values):
            sentences.append(
                f"{headings[name]}: no customer has a value, so it is treated as missing for all."
            )
        elif f"attribute_{name}" in levels:
            sentences += _unseen(headings[name], values.value_counts(), levels[f"attribute_{name}"])
    return sentences


def count_missing(X: pd.DataFrame, model: Any) -> np.ndarray:
    """Return by customer how many features have no value, or a level that the model has never seen, shape (n,).

    >>> class Trees:
    ...     categories_ = {"country": {"UK": 0}}
    >>> X = pd.DataFrame({"country": ["uk", "IS", None], "orders": [1.0, 2.0, None]})
    >>> count_missing(X, Trees())
    array([0, 1, 2])
    """
    missing = X.isna()
    for name, learned in learned_levels(model).items():
        if name in X:
            spelled = as_spelled(X[name].dropna().astype(str).unique(), learned)
            strange = [level for level, known in spelled.items() if known not in learned]
            missing[name] |= X[name].astype(str).isin(strange)
    return missing.sum(axis=1).to_numpy()


def _unseen(heading: str, counts: pa.StructArray, learned: set[str]) -> list[str]:
    pairs = [(entry["values"], entry["counts"]) for entry in counts.to_pylist()]
    spelled = as_spelled((str(level) for level, _ in pairs), learned)
    strange = {level: count for level, count in pairs if spelled[str(level)] not in learned}
    if not strange:
        return []
    return [
        f"{heading}: {sum(strange.values()):,} of {sum(count for _, count in pairs):,} values are levels that "
        f"the model has never seen, such as {next(iter(strange))!r}; they count as unknown."
    ]
