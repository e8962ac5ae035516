"""Lifetime value: realised plus expected value of customers, in revenue and in profit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.decisions.lines import currency, money
from cltv_ml.decisions.margins import customer_margin_rates
from cltv_ml.engine import frame
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import pandas_only


def value_to_date(log: AnyLog) -> pd.Series:
    """Return each customer's spend so far, net of refunds, in currency, by `customer_id`."""
    con = Log.of(log).connect()
    spent = f"sum({money('amount')})"
    rows = frame(con.sql(f"select customer_id, {currency(spent)} as spent from log group by 1 order by 1"))
    return rows.set_index("customer_id")["spent"].rename("value_to_date")


def money_to_come_back(log: AnyLog) -> float:
    """Return the part of all spend so far that later returns will probably take (`stamps.RETURNS_TO_COME`)."""
    log = Log.of(log)
    taken = f"cast(sum(amount) as double) - cast(sum({log.lasting('amount')}) as double)"
    return float(log.connect().sql(f"select {taken} from log").fetchall()[0][0] or 0.0)


#: Values on which decisions may rest, and the first word of their column.
VALUES = {"horizon": "expected", "remaining": "remaining", "lifetime": "lifetime"}


def value_column(value: str, basis: str) -> str:
    """Return the column of `compute_lifetime` for a value and a basis.

    >>> value_column("remaining", "profit"), value_column("horizon", "revenue")
    ('remaining_profit', 'expected_value')
    """
    return f"{VALUES[value]}_{'profit' if basis == 'profit' else 'value'}"


@pandas_only
def choose_value(table: pd.DataFrame, value: str, basis: str) -> pd.Series:
    """Return the column of a table of `compute_lifetime` on which decisions rest.

    Raises
    ------
    InputError
        The table holds no profit, or it is missing for every customer.
    """
    column = value_column(value, basis)
    if column not in table or table[column].isna().all():
        raise InputError(
            f"the lifetime values have no {column.replace('_', ' ')}; when you run cltv lifetime, map a cost "
            "column or state --margin-rate."
        )
    return table[column]


@pandas_only
def with_rates(margins: pd.DataFrame, *, returned_share: float, rebate_share: float) -> pd.DataFrame:
    """Return margins by customer after returns and rebates that the log does not show.

    The rebate is deducted from each unit of revenue, and the returned share earns nothing; service costs stay.

    >>> margins = pd.DataFrame({"revenue": [100.0], "gross_margin": [40.0], "service": [3.0]})
    >>> with_rates(margins, returned_share=0.1, rebate_share=0.05)["contribution_margin"].tolist()
    [28.5]
    """
    left = (1 - returned_share) * (margins["gross_margin"] - rebate_share * margins["revenue"])
    return margins.assign(contribution_margin=left - margins["service"])


@pandas_only
def compute_lifetime(
    to_date: pd.Series,
    future: pd.DataFrame,
    margins: pd.DataFrame | None = None,
    *,
    rates: pd.Series | None = None,
    paid: pd.Series | None = None,
) -> pd.DataFrame:
    """Return the lifetime value of each customer as a sum of its parts, in revenue and, with margins, in profit.

    Parameters
    ----------
    to_date
        `value_to_date`.
    future
        By `customer_id`: `expected_value` within the horizon and `residual_value` beyond it, both discounted.
    margins
        `compute_margins(log, "customer_id", costs=...)`. A customer without a row has no profit.
    rates
        Contribution rate of each customer, which turns future revenue into future profit; `customer_margin_rates` of
        the margins by default, capped at -1 and 1.
    paid
        Acquisition cost of each customer, deducted once from the past; that of the margins by default.

    Returns
    -------
    DataFrame
        By `customer_id`: `value_to_date`, `expected_value`, `residual_value`, `remaining_value` (the last two
        together), `lifetime_value` (all three); with margins the same with `profit` for `value`, `margin_rate` and
        `acquisition_cost`. The sums are exact.

    Raises
    ------
    InputError
        A customer of `future` has no past.

    >>> future = pd.DataFrame({"expected_value": [20.0], "residual_value": [30.0]}, index=["a"])
    >>> compute_lifetime(pd.Series({"a": 50.0}), future)[["remaining_value", "lifetime_value"]].iloc[0].tolist()
    [50.0, 100.0]
    """
    strangers = future.index.difference(to_date.index)
    if len(strangers):
        raise InputError(
            f"{len(strangers):,} customers have a future value but no purchase in the log, for example "
            f"{str(strangers[0])!r}; use the log that the values were predicted from."
        )
    past = to_date.reindex(future.index)
    table = _lifetime_sums(past, future["expected_value"], future["residual_value"], "value")
    if margins is None:
        return table
    rates = customer_margin_rates(margins) if rates is None else rates
    rates = rates.reindex(future.index).clip(-1.0, 1.0)
    won = (margins["acquisition"] if paid is None else paid).reindex(future.index)
    earned = margins["contribution_margin"].reindex(future.index) - won
    profit = _lifetime_sums(
        earned, future["expected_value"] * rates, future["residual_value"] * rates, "profit"
    )
    return pd.concat([table, profit], axis=1).assign(margin_rate=rates, acquisition_cost=won)


def _lifetime_sums(past: pd.Series, expected: pd.Series, residual: pd.Series, basis: str) -> pd.DataFrame:
    remaining = expected + residual
    return pd.DataFrame(
        {
            f"{basis}_to_date": past,
            f"expected_{basis}": expected,
            f"residual_{basis}": residual,
            f"remaining_{basis}": remaining,
            f"lifetime_{basis}": past + remaining,
        }
    )


@pandas_only
def residual_share(table: pd.DataFrame) -> float:
    """Return the share of all customers' lifetime value that lies beyond the horizon.

    >>> residual_share(pd.DataFrame({"residual_value": [30.0], "lifetime_value": [120.0]}))
    0.25
    """
    total = float(table["lifetime_value"].sum())
    return float(table["residual_value"].sum()) / total if total else float(np.nan)
