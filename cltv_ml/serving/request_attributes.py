"""Attributes of customers in a request of transactions: columns `customers.NAME` next to the lines."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from cltv_ml import engine
from cltv_ml.columns.identifiers import unify
from cltv_ml.customers.attributes import read_attributes
from cltv_ml.data import Rules
from cltv_ml.errors import InputError
from cltv_ml.features import attribute_columns


def read_block(table: pd.DataFrame, features: Sequence[str]) -> pa.Table | None:
    """Return the attributes in columns `customers.NAME` of a request that the model learned from; None without any.

    Raises
    ------
    InputError
        A value cannot be read as what the model learned from, such as a birth date that lies ahead.
    """
    wanted = attribute_columns(features)
    columns = [str(name) for name in table.columns if str(name).startswith("customers.")]
    block = table[["customer_id", *columns]].dropna(subset=["customer_id"])
    if not wanted or not columns or not len(block):
        return None
    ids = _as_cleaned(block["customer_id"].astype("str"))
    block = block.assign(customer_id=ids).groupby("customer_id", sort=False).last().reset_index()
    named = block.rename(columns=lambda name: name.removeprefix("customers."))
    read = read_attributes(named, {"customer_id": "customer_id"}, wanted=wanted)
    for column, told in read.unreadable.items():
        raise InputError(f"Column 'customers.{column}': {told}; send one or nothing.")
    return read.table


def _as_cleaned(ids: pd.Series) -> pd.Series:
    """Return customers' ids as cleaning writes them, so that one customer does not become two."""
    distinct = pd.Series(ids.unique())
    con = engine.connect()
    engine.view(con, "ids", pd.DataFrame({"id": distinct}))
    unified = engine.frame(con.sql(f"select {unify('id', Rules().id_forms)} as id from ids"))["id"]
    return ids.map(dict(zip(distinct, unified, strict=True)))
