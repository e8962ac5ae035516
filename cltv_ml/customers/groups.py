"""Groups of customers by the levels of an attribute, named in words, as of a cutoff."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.customers.attributes import Attributes
from cltv_ml.models.categories import first_spelling
from cltv_ml.money import format_number

UNKNOWN = "unknown"
OTHER = "other"


def group_customers(
    attributes: Attributes, cutoff: pd.Timestamp, customers: pd.Index, most: int = 12
) -> dict[str, pd.Series]:
    """Return each customer's level of every attribute, by its heading; numbers and dates are divided into quarters.

    Spellings of a level are one, as in models. Levels beyond the `most` frequent are "other"; customers without a
    value, or without a row, are "unknown".
    """
    table = attributes.table.to_pandas()
    if attributes.dated:
        table = table[table["valid_from"].isna() | (table["valid_from"] < cutoff)].sort_values("valid_from")
        table = table.groupby("customer_id", as_index=False).last()
    states = table.set_index("customer_id").reindex(customers)
    today = (cutoff - pd.Timestamp("1970-01-01")).days
    groups = {}
    for attribute in (attribute for attribute in attributes.account if attribute.name):
        values = states[attribute.name]
        if attribute.kind == "category":
            groups[attribute.column] = _most(values.astype("object"), most)
        elif attribute.kind == "yes/no":
            groups[attribute.column] = values.map({1.0: "yes", 0.0: "no"}).astype("object").fillna(UNKNOWN)
        elif attribute.kind == "birth date":
            groups[attribute.column] = _quarters((today - values) / 365.25, "years")
        elif attribute.kind == "date":
            groups[attribute.column] = _quarters(today - values, "days ago")
        else:
            groups[attribute.column] = _quarters(values, "")
    return groups


def _most(values: pd.Series, most: int) -> pd.Series:
    values = values.map(first_spelling(values.value_counts().index), na_action="ignore")
    levels = values.value_counts().index[:most]
    return values.where(values.isin(levels) | values.isna(), OTHER).fillna(UNKNOWN)


def _quarters(values: pd.Series, unit: str) -> pd.Series:
    """Return customers in four groups of about equal size, each named by its range of values.

    >>> _quarters(pd.Series([1.0, 2.0, 30.0, 40.0, None]), "years").tolist()
    ['1–1 years', '2–2 years', '30–30 years', '40–40 years', 'unknown']
    """
    present = values.dropna()
    if not len(present):
        return pd.Series(UNKNOWN, index=values.index, dtype="object")
    edges = np.unique(np.quantile(present, [0.25, 0.5, 0.75]))
    code = np.searchsorted(edges, present.to_numpy(), side="left")
    names = {
        number: "–".join(map(format_number, (part.min(), part.max()))) + f" {unit}".rstrip()
        for number in set(code)
        for part in [present[code == number]]
    }
    named = pd.Series([names[number] for number in code], index=present.index, dtype="object")
    return named.reindex(values.index).fillna(UNKNOWN)
