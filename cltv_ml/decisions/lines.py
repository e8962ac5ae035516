"""The log as the decisions read it: opened in DuckDB, money in integers, and the columns that must be there."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pandas as pd

from cltv_ml.engine import MONEY_SCALE
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log

#: How a user supplies an optional column of the log.
_WAY_OUT = {
    "order_id": "map the receipt or invoice number to order_id",
    "product_id": "map the article number to product_id",
    "category": "map the product group to category",
    "quantity": "map the number of items to quantity",
    "discount": "map the money taken off each line to discount",
    "cost": "map what each line cost the shop to cost, or give a margin rate",
    "channel": "map the place of purchase to channel",
}


def open_log(log: AnyLog, task: str, needs: Sequence[str] = ()) -> tuple[duckdb.DuckDBPyConnection, set[str]]:
    """Return a connection of its own in which `log` is a view, and the names of its columns.

    Parameters
    ----------
    log
        TRANSACTIONS.
    task
        What the log is needed for, the subject of the error's sentence.
    needs
        Columns without which the task cannot be done.

    Raises
    ------
    InputError
        A needed column is missing; the message says how to supply it.

    >>> open_log(pd.DataFrame({"customer_id": ["a"]}), "cross-selling", ["product_id"])
    Traceback (most recent call last):
    cltv_ml.errors.InputError: cross-selling needs the column 'product_id', found ['customer_id']; map the article
    number
    to product_id.
    """
    log = Log.of(log)
    found = log.columns
    for name in ("customer_id", "timestamp", "amount", *needs):
        if name in needs and name not in found:
            way_out = _WAY_OUT.get(name, f"map a column to {name}")
            raise InputError(f"{task} needs the column {name!r}, found {found}; {way_out}.")
    return log.connect(), set(found)


def money(column: str) -> str:
    """Return SQL for a money column as an integer, so that sums do not depend on the order of the rows.

    >>> money("amount")
    'cast(round(amount * 10000) as bigint)'
    """
    return f"cast(round({column} * {MONEY_SCALE}) as bigint)"


def currency(sum_of_integers: str) -> str:
    """Return SQL that turns a sum of integer money back into currency units.

    >>> currency("sum(money)")
    'cast(coalesce(sum(money), 0) as double) / 10000.0'
    """
    return f"cast(coalesce({sum_of_integers}, 0) as double) / {MONEY_SCALE}.0"


def total(column: str) -> str:
    """Return SQL for the sum of a money column in currency units, exact to the cent in any order of rows.

    >>> total("amount")
    'cast(coalesce(sum(cast(round(amount * 10000) as bigint)), 0) as double) / 10000.0'
    """
    return currency(f"sum({money(column)})")


def order_key(found: set[str]) -> str:
    """Return SQL that tells one order from another: the order id, else the customer's day.

    >>> order_key({"order_id"}), order_key(set())
    ('order_id', "customer_id || ' ' || strftime(timestamp, '%Y-%m-%d')")
    """
    return "order_id" if "order_id" in found else "customer_id || ' ' || strftime(timestamp, '%Y-%m-%d')"


def by_customer(values: float | pd.Series, customers: pd.Index, name: str) -> pd.Series:
    """Return one number per customer: a single number for all, or a series read by customer.

    Raises
    ------
    InputError
        A customer has no value, or a value is not finite.

    >>> by_customer(2.5, pd.Index(["a", "b"]), "cost").tolist()
    [2.5, 2.5]
    """
    if isinstance(values, pd.Series):
        row = values.reindex(customers).astype(float)
    else:
        row = pd.Series(float(values), index=customers)
    bad = ~row.abs().lt(float("inf"))
    if bad.any():
        raise InputError(
            f"{name} is missing or not finite for {int(bad.sum())} of {len(row)} customers, for example "
            f"{row.index[bad.to_numpy()][0]!r}; give one number for all or a value for each."
        )
    return row.rename(name)
