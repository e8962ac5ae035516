"""New orders with their customers' predicted value, as ad platforms take them for value-based bidding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cltv_ml.engine import MONEY_SCALE, connect, frame, literal, view
from cltv_ml.errors import InputError
from cltv_ml.files import write_table


def check_new_orders(days: int, url: str) -> None:
    """Raise InputError if new orders cannot be written next to the scores."""
    if days < 0:
        raise InputError(
            f"--new-orders is a number of days and must not be negative, got {days}; write 7 for a week."
        )
    if days and url:
        raise InputError(
            "new orders are written to a file next to the scores, but a database has no place for one; give "
            "a .parquet or .csv file with --out."
        )


def new_orders_file(scores: Path) -> Path:
    """Return where the new orders are written, next to the scores.

    >>> new_orders_file(Path("out/scores.parquet")).name
    'scores.new_orders.csv'
    """
    return scores.with_name(f"{scores.stem}.new_orders.csv")


def check_orders(log: Path) -> None:
    """Raise InputError if a clean log in Parquet has no order ids."""
    con = connect()
    view(con, "log", log)
    if "order_id" not in con.table("log").columns:
        raise InputError(
            "the value of each new order needs order ids; map the receipt number to order_id, or leave out "
            "--new-orders."
        )


def write_new_orders(
    log: Path, pieces: Sequence[Path], cutoff: pd.Timestamp, days: int, out: Path, currency: str = ""
) -> pd.DataFrame:
    """Write and return one row per order of the last `days` before the cutoff, the latest first, without returns.

    Columns `order_id`, `customer_id`, `timestamp` (its first line), `amount` (currency), `first_order` (whether the
    customer had not bought before, with or without an order id), `previous_order` (when the customer's one before was,
    empty for the first), and the customer's `expected_value` (currency over the
    horizon from the cutoff on, with four decimals), `tier`, and `currency` if it is known.

    Parameters
    ----------
    log
        A clean log in Parquet.
    pieces
        Scores in Parquet: `customer_id`, `expected_value` and, where known, `tier`.
    """
    con = connect()
    view(con, "log", log)
    named = ", ".join(literal(str(piece)) for piece in pieces)
    con.execute(f"create view scores as from read_parquet([{named}], union_by_name = true)")
    tier = "tier" if "tier" in con.table("scores").columns else "null as tier"
    since = cutoff - pd.Timedelta(days=days)
    table = frame(
        con.sql(
            f"""with orders as (
                select order_id, customer_id, min(timestamp) as timestamp,
                    sum(cast(round(amount * {MONEY_SCALE}) as hugeint)) / {MONEY_SCALE}.0 as amount,
                    bool_or(amount >= 0) as bought
                from log where timestamp < timestamp '{cutoff}' group by 1, 2),
            numbered as (
                select *, timestamp = min(timestamp) over (partition by customer_id) as first_order,
                    lag(timestamp) over (partition by customer_id order by timestamp, order_id) as previous_order
                from orders where bought)
            select n.* exclude (bought), round(s.expected_value, 4) as expected_value, {tier}
            from numbered n left join scores s using (customer_id)
            where n.timestamp >= timestamp '{since}' and order_id is not null
            order by n.timestamp desc, order_id, customer_id"""
        )
    )
    if currency:
        table["currency"] = currency
    write_table(table, out)
    return table
