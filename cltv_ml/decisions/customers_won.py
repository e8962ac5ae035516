"""Customers won by channel, month and age, with their revenue and contribution: the inputs of their value."""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb
import numpy as np
import pandas as pd

from cltv_ml.decisions.acquisition_costs import UNATTRIBUTED, letters_of
from cltv_ml.decisions.line_costs import Costs, check_costs_known, cost_of_line
from cltv_ml.decisions.lines import first_channels, make_by_customer, money, order_key
from cltv_ml.engine import MONEY_SCALE, frame, literal
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log

#: Ages in days at which bands end; the first day is a band of its own, then months of thirty days.
EDGES = (0, 1, *range(30, 721, 30))

#: Ages that are reported.
REPORTED_AGES = (30, 60, 90, 180, 365, 720)

#: All ages: ends of bands and those reported.
ALL_AGES = tuple(sorted({*EDGES, *REPORTED_AGES}))

#: What customers are counted by.
_COUNTED_BY = ["channel", "month", "observed"]

#: Most channels: with more, few would hold enough customers.
MOST_CHANNELS = 100


@dataclass(frozen=True)
class Won:
    """Customers won, by channel, month and days observed."""

    #: `channel`, `month`, `observed` (days), `customers`.
    customers: pd.DataFrame
    #: The same keys and `band` (its index among the ages): `revenue`, `contribution`, and `squared`, the sum
    #: of squares of customers' contribution up to the band's end.
    spent: pd.DataFrame
    #: Whether contribution is known; else it is revenue.
    known: bool
    #: The day on which the first customer was seen.
    first: pd.Timestamp

    def before(self, days: int) -> Won:
        """Return the customers and spend as of `days` earlier."""
        ends = np.array(ALL_AGES[1:])
        customers = self.customers[self.customers["observed"] > days]
        spent = self.spent[self.spent["observed"] - days >= ends[self.spent["band"]]]
        return replace(
            self,
            customers=customers.assign(observed=customers["observed"] - days),
            spent=spent.assign(observed=spent["observed"] - days),
        )

    @property
    def joined(self) -> np.ndarray:
        """The number of customers first seen on each day, from the first customer's day to the log's last."""
        if self.customers.empty:
            return np.zeros(0)
        observed = self.customers["observed"].to_numpy()
        return np.bincount(observed.max() - observed, self.customers["customers"], int(observed.max()))

    def split(self, observed: int) -> tuple[Won, Won]:
        """Return the customers observed for longer than this many days, and the others."""
        longer, spent_longer = (table["observed"] > observed for table in (self.customers, self.spent))
        return self.of(longer, spent_longer), self.of(~longer, ~spent_longer)

    def of(self, customers: pd.Series, spent: pd.Series) -> Won:
        """Return some rows of both tables."""
        return replace(self, customers=self.customers[customers], spent=self.spent[spent])


def read_won(
    log: AnyLog,
    channels: pd.Series | None = None,
    *,
    costs: Costs | None = None,
    per_order: float = 0.0,
    share_of_amount: float = 0.0,
) -> Won:
    """Return a log's customers by channel and month of their first purchase, with revenue and contribution by age.

    Parameters
    ----------
    channels
        First channel by customer_id; None takes that of the most expensive line of the first order.
    costs
        Margin rates where the log has no cost; None without a cost column leaves contribution unknown.
    per_order, share_of_amount
        Variable costs of an order, and in proportion to revenue; deducted from contribution only.

    Raises
    ------
    InputError
        A customer has two first channels, there are more than `MOST_CHANNELS`, the cost of a line is not known, or a
        variable cost is negative or more than the revenue.
    """
    Costs(per_order=per_order, share_of_amount=share_of_amount)  # refuses what is no cost or no share
    log = Log.of(log)
    con, columns = log.connect(), set(log.columns)
    has_cost = costs is not None or "cost" in columns
    if has_cost:
        check_costs_known(con, columns, costs or Costs())
    else:  # contribution is then revenue: no variable cost is deducted
        per_order = share_of_amount = 0.0
    _channels(con, columns, channels)
    margin = f"{money('amount')} - {cost_of_line(columns, costs or Costs())}" if has_cost else money("amount")
    left = f"cast(round({margin} - {share_of_amount!r} * {money('amount')}) as bigint)"
    _cohort(con)
    _check_levels(con.sql("select count(distinct channel) from cohort").fetchall()[0][0])
    _write_cells(con, order_key(columns), left, per_order)
    [(first,)] = con.sql("select min(day) from won").fetchall()
    return Won(*_counts_and_sums(con), has_cost, pd.Timestamp(first))


def merge_spellings(won: Won) -> tuple[Won, list[str]]:
    """Return customers under one spelling of each channel, that of most customers, and a sentence on the others.

    >>> rows = {"channel": ["Ads", "ads"], "month": "2024-01", "observed": 9, "customers": [3, 1]}
    >>> spent = pd.DataFrame({**rows, "band": 0, "revenue": 5.0}).drop(columns="customers")
    >>> merged, notes = merge_spellings(Won(pd.DataFrame(rows), spent, True, pd.Timestamp("2024-01-05")))
    >>> merged.customers["customers"].tolist(), merged.spent["revenue"].tolist(), notes
    ([4], [10.0], ["Spellings of one channel count as one: 'ads' as 'Ads'."])
    """
    counts = won.customers.groupby("channel")["customers"].sum().sort_values(ascending=False, kind="stable")
    spelling: dict[str, str] = {}
    for channel in counts.index:
        spelling.setdefault(letters_of(channel), channel)
    kept = {channel: spelling[letters_of(channel)] for channel in counts.index}
    merged = [f"{one!r} as {other!r}" for one, other in kept.items() if one != other]
    if not merged:
        return won, []
    customers, spent = (
        table.assign(channel=table["channel"].map(kept)).groupby(keys, as_index=False).sum()
        for table, keys in ((won.customers, _COUNTED_BY), (won.spent, [*_COUNTED_BY, "band"]))
    )
    listed = ", ".join(merged[:3]) + (f" and {len(merged) - 3} more" if len(merged) > 3 else "")
    return replace(won, customers=customers, spent=spent), [
        f"Spellings of one channel count as one: {listed}."
    ]


def _cohort(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables `won` and `cohort`: each customer's first day, month, channel and days observed."""
    con.execute(
        "create temp table won as select customer_id, min(cast(timestamp as date)) filter (amount >= 0) as day "
        "from log group by 1 having day is not null"
    )
    con.execute(
        "create temp table cohort as select won.customer_id, day, "
        "cast(date_trunc('month', day) as timestamp) as month, "
        f"coalesce(channel, {literal(UNATTRIBUTED)}) as channel, "
        "date_diff('day', day, (select max(cast(timestamp as date)) from log)) + 1 as observed "
        "from won left join named using (customer_id)"
    )


def _write_cells(con: duckdb.DuckDBPyConnection, order: str, left: str, per_order: float) -> None:
    """Create the table `cell`: each customer's amounts by band of age, per order, in integers."""
    con.register("bands", pd.DataFrame({"since": ALL_AGES[:-1], "band": range(len(ALL_AGES) - 1)}))
    make_by_customer(
        con,
        "cell",
        lambda some: (
            "with orders as (select customer_id, "
            f"greatest(0, date_diff('day', day, cast(timestamp as date))) as age, {order} as order_key, "
            f"sum({money('amount')}) as revenue, sum({left}) as contribution, bool_or(amount >= 0) as bought "
            f"from log join won using (customer_id) where {some} group by 1, 2, 3) "
            "select customer_id, band, sum(revenue) as revenue, "
            f"sum(contribution) - {round(per_order * MONEY_SCALE)} * count(*) filter (bought) as contribution "
            f"from orders asof join bands on age >= since where age < {ALL_AGES[-1]} group by 1, 2"
        ),
    )


def _counts_and_sums(con: duckdb.DuckDBPyConnection) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `Won.customers` and `Won.spent` of the tables."""
    customers = frame(
        con.sql(
            "select channel, month, observed, count(*) as customers from cohort group by all order by all"
        )
    )
    spent = frame(
        con.sql(
            f"select channel, month, observed, band, cast(sum(revenue) as double) / {MONEY_SCALE} as revenue, "
            f"cast(sum(contribution) as double) / {MONEY_SCALE} as contribution, "
            "sum(cast(upto as double) * upto - cast(upto - contribution as double) * (upto - contribution)) "
            f"/ {MONEY_SCALE**2} as squared from (select *, "
            "sum(contribution) over (partition by customer_id order by band) as upto from cell) "
            "join cohort using (customer_id) group by all order by all"
        )
    )
    return customers, spent


def _channels(con: duckdb.DuckDBPyConnection, columns: set[str], channels: pd.Series | None) -> None:
    """Create the view `named`: the first channel of each customer that has one."""
    if channels is not None:
        named = channels.dropna().astype("str").rename("channel").rename_axis("customer_id").reset_index()
        named = named[named["channel"].str.strip() != ""].drop_duplicates()
        twice = named.loc[named["customer_id"].duplicated(), "customer_id"]
        if len(twice):
            both = sorted(named.loc[named["customer_id"] == twice.iloc[0], "channel"])
            raise InputError(
                f"customer {twice.iloc[0]!r} has two first channels, {both[0]!r} and {both[1]!r}; keep one of them."
            )
        con.register("named", named)
    elif "channel" in columns:
        con.execute(f"create temp table named as {first_channels(columns)}")
    else:
        con.register(
            "named", pd.DataFrame({"customer_id": pd.Series(dtype="str"), "channel": pd.Series(dtype="str")})
        )


def _check_levels(levels: int) -> None:
    if levels > MOST_CHANNELS:
        raise InputError(
            f"customers come through {levels:,} channels, but at most {MOST_CHANNELS} can be compared; map a "
            "column that groups them."
        )
