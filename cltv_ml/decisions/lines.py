"""SQL expressions over the lines of a log: money as integers, orders, and one number per customer."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pandas as pd

from cltv_ml.engine import MONEY_SCALE
from cltv_ml.errors import InputError

#: Lines whose customers `make_by_customer` takes at once: orders of ten million lines fill 1.5 GB.
LINES_AT_ONCE = 2_000_000


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


def order_key(columns: set[str]) -> str:
    """Return SQL that identifies an order: the order id, else, also where a line has none, the customer's day.

    >>> order_key(set())
    "customer_id || ' ' || strftime(timestamp, '%Y-%m-%d')"
    >>> order_key({"order_id"})
    "coalesce(cast(order_id as varchar), customer_id || ' ' || strftime(timestamp, '%Y-%m-%d'))"
    """
    day = "customer_id || ' ' || strftime(timestamp, '%Y-%m-%d')"
    return f"coalesce(cast(order_id as varchar), {day})" if "order_id" in columns else day


def first_channels(columns: set[str]) -> str:
    """Return SQL for `customer_id` and `channel` of the view `log`: that of the most expensive line of the first order.

    Lines without a channel are passed over; customers whose first order has none are left out.
    """
    order = order_key(columns)
    return (
        f"with lines as (select customer_id, timestamp, amount, channel, {order} as order_key from log "
        "where amount >= 0), opening as (select customer_id, arg_min(order_key, (timestamp, order_key)) as order_key "
        "from lines group by 1) select customer_id, arg_max(channel, (amount, channel)) as channel "
        "from lines join opening using (customer_id, order_key) where channel is not null group by 1"
    )


def make_by_customer(con: duckdb.DuckDBPyConnection, name: str, query: Callable[[str], str]) -> None:
    """Create a temporary table of the view `log`, some customers after others, which takes less memory.

    Parameters
    ----------
    query
        Returns SQL that computes each customer from their own lines, given the test for the customers to compute.

    >>> con = duckdb.connect()
    >>> _ = con.execute("create view log as select unnest(['a', 'b', 'a']) as customer_id")
    >>> make_by_customer(con, "lines", lambda some: f"select customer_id, count(*) from log where {some} group by 1")
    >>> sorted(con.sql("from lines").fetchall())
    [('a', 2), ('b', 1)]
    """
    [(lines,)] = con.sql("select count(*) from log").fetchall()
    parts = max(1, -(-lines // LINES_AT_ONCE))
    for part in range(parts):
        some = f"hash(customer_id) % {parts} = {part}" if parts > 1 else "true"
        con.execute(f"{f'insert into {name}' if part else f'create temp table {name} as'} {query(some)}")


def by_customer(values: float | pd.Series, customers: pd.Index, name: str) -> pd.Series:
    """Return one number per customer, from a single number for all or from a series by customer.

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
