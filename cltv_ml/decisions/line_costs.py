"""The cost of each line sold: the log's own, or the user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pandas as pd

from cltv_ml.decisions.lines import money
from cltv_ml.engine import literal
from cltv_ml.errors import InputError, as_share

#: The row of lines whose product, category or channel is not known.
UNKNOWN_GROUP = "unknown"


@dataclass(frozen=True)
class Costs:
    """Costs that the log does not hold; the user states each of them, none is assumed.

    Parameters
    ----------
    margin_rate
        Share of the amount left after the cost of goods, for lines without a cost: one rate, or one per
        category, "unknown" for lines without one. None: every line needs a cost.
    per_order
        Service cost of an order (picking, shipping, support) in currency, spread evenly over its lines.
    share_of_amount
        Cost in proportion to the amount, such as payment fees.
    acquisition
        Cost of winning a customer: one number or one per customer_id. Customers and segments only.
    """

    margin_rate: float | Mapping[str, float] | None = None
    per_order: float = 0.0
    share_of_amount: float = 0.0
    acquisition: float | pd.Series = 0.0

    def __post_init__(self) -> None:
        """Check that no part is negative and every rate lies between -1 and 1."""
        rates = self.margin_rate if isinstance(self.margin_rate, Mapping) else {"": self.margin_rate or 0.0}
        for category, rate in rates.items():
            if not -1 <= rate <= 1:
                where = f" of {category!r}" if category else ""
                raise InputError(
                    f"the margin rate{where} must be a share from -1 to 1, got {rate:g}; {as_share(rate)}."
                )
        if not self.per_order >= 0:
            raise InputError(f"per_order must be 0 or more, got {self.per_order:g}.")
        if not 0 <= self.share_of_amount < 1:
            raise InputError(
                f"share_of_amount must be a share from 0 to below 1, got {self.share_of_amount:g}; "
                f"{as_share(self.share_of_amount)}."
            )


def group_of_line(columns: set[str]) -> str:
    """Return SQL for the category of a line, missing where the log has none."""
    return "category" if "category" in columns else "cast(null as varchar)"


def cost_of_line(columns: set[str], costs: Costs) -> str:
    """Return SQL for the cost of a line: the log's, else by the margin rate, else missing."""
    own = money("cost") if "cost" in columns else "null"
    if costs.margin_rate is None:
        return f"cast({own} as bigint)"
    if isinstance(costs.margin_rate, Mapping):
        if "category" not in columns:
            raise InputError(
                "margin rates per category need the column 'category'; map one or give a single rate."
            )
        rates = " ".join(
            f"when {literal(name)} then {float(rate)!r}" for name, rate in costs.margin_rate.items()
        )
        rate = f"(case coalesce(category, {literal(UNKNOWN_GROUP)}) {rates} end)"
    else:
        rate = repr(float(costs.margin_rate))
    return f"coalesce({own}, cast(round({money('amount')} * (1 - {rate})) as bigint))"


def check_costs_known(con: duckdb.DuckDBPyConnection, columns: set[str], costs: Costs) -> None:
    """Raise InputError where the cost of a line of the view `log` is neither stated nor covered by a rate.

    Costs of the log in another unit than its amounts, or with the other sign, are refused too.
    """
    unknown = f"filter (where {cost_of_line(columns, costs)} is null)"
    own = "sum(amount) filter (cost is not null), sum(cost)" if "cost" in columns else "null, null"
    *counts, revenue, cost = con.sql(
        f"select count(*) {unknown}, count(*), min({group_of_line(columns)}) {unknown}, {own} from log"
    ).fetchall()[0]
    refuse_unknown(tuple(counts), columns, costs)
    check_cost_unit(float(revenue or 0), float(cost or 0))


def check_cost_unit(revenue: float, costs: float) -> None:
    """Raise InputError where the costs of lines cannot be those of their revenue: another unit, or the other sign.

    >>> check_cost_unit(100.0, 60.0)
    """
    if costs > 2 * revenue > 0:
        raise InputError(
            f"the costs are {costs / revenue:.0%} of the revenue, a margin below -100%; map the cost of each "
            "whole line, in the currency of the amounts, or map no cost and state --margin-rate."
        )
    if costs < 0 < revenue:
        raise InputError(
            f"the costs add up to {costs:,.2f}, less than 0, a margin above 100%; reverse their sign, or map no cost "
            "and state --margin-rate."
        )


def refuse_unknown(counts: tuple[Any, ...], columns: set[str], costs: Costs) -> None:
    """Raise InputError where costs are missing; `known`: lines without one, all lines, a category."""
    missing, lines, goods = counts
    if not missing:
        return
    if "cost" not in columns and costs.margin_rate is None:
        raise InputError(
            "margins need the column 'cost' or a margin rate, found neither; map the column with the cost "
            "of each line to cost, or state --margin-rate (in Python Costs(margin_rate=0.35)) or one rate "
            "per category."
        )
    where = f", for example in category {goods!r}" if goods is not None else ""
    raise InputError(
        f"the cost of {missing:,} of {lines:,} lines is unknown{where}; give a margin rate that covers them."
    )
