"""The cost of winning customers: costs by month and channel, checked against a log, and cost per customer."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.money import format_money

#: The row of costs and customers without a channel; they are never spread over the others.
UNATTRIBUTED = "unattributed"

#: The row of all channels together.
BLENDED = "all channels"

#: Fewest months with cost and customers, and least variation of spend (standard deviation of its logarithm), for a
#: marginal cost.
_LEAST_MONTHS, _LEAST_VARIATION = 6, 0.1


def check_costs(table: pd.DataFrame) -> pd.DataFrame:
    """Return costs by `month` (its first day) and `channel`, summed over campaigns and days.

    Parameters
    ----------
    table
        `month` or `date`, `cost`, and optionally `channel` and `campaign`.

    Raises
    ------
    InputError
        A column is missing, a month cannot be read, or a cost is negative or not a number.

    >>> costs = pd.DataFrame({"month": ["2024-01"], "channel": ["ads"], "cost": [100.0]})
    >>> check_costs(costs)["cost"].tolist()
    [100.0]
    """
    when = next((name for name in ("month", "date") if name in table), None)
    if when is None or "cost" not in table:
        raise InputError(
            f"the costs need the columns month (or date) and cost, found {list(table.columns)}; channel, "
            "campaign and currency are optional."
        )
    months = _cost_months(table[when])
    cost = pd.to_numeric(table["cost"], errors="coerce")
    bad = cost.isna() | (cost < 0)
    if (cost <= 0).all() and (cost < 0).any():
        raise InputError(
            f"every cost is negative or 0, such as {cost[cost < 0].iloc[0]:g} in {months[cost < 0].iloc[0]:%Y-%m}, as "
            "expenses are in accounts; write costs without the minus sign."
        )
    if bad.any():
        raise InputError(
            f"a cost must be a number of 0 or more, got {str(table.loc[bad, 'cost'].iloc[0])!r} in "
            f"{months[bad].iloc[0]:%Y-%m}; correct it, or deduct a credit from the cost that it reduces."
        )
    channel = table["channel"] if "channel" in table else pd.Series(UNATTRIBUTED, index=table.index)
    channel = channel.where(channel.notna(), UNATTRIBUTED).astype("str").str.strip().replace("", UNATTRIBUTED)
    clean = pd.DataFrame({"month": months, "channel": channel, "cost": cost.astype(float)})
    return clean.groupby(["month", "channel"], as_index=False)["cost"].sum().round({"cost": 4})


def spelled_as(written: pd.Series, channels: pd.Series) -> pd.Series:
    """Return channels in the spelling of the customers' channels, if only case, blanks, signs or accents differ.

    >>> spelled_as(pd.Series(["Paid Search", "tele"]), pd.Series(["paid_search", "Télé"])).tolist()
    ['paid_search', 'Télé']
    """
    own = set(channels.dropna())
    times = Counter(map(letters_of, own))
    spelling = {letters_of(channel): channel for channel in own if times[letters_of(channel)] == 1}
    return written.map(
        lambda channel: channel if channel in own else spelling.get(letters_of(channel), channel)
    )


def letters_of(channel: str) -> str:
    """Return what spellings of one channel have in common.

    >>> letters_of("Paid Search"), letters_of("paid_search"), letters_of("!")
    ('paidsearch', 'paidsearch', '!')
    """
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKD", channel.casefold())) or channel


def _cost_months(written: pd.Series) -> pd.Series:
    """Return the first day of each month; InputError where one cannot be read."""
    texts = written.astype("str")
    months = pd.to_datetime(texts, errors="coerce", format="ISO8601")
    if months.isna().any():
        raise InputError(
            f"the costs contain the {written.name} {texts[months.isna()].iloc[0]!r}; write months such as "
            "2025-03, or days."
        )
    return months.dt.to_period("M").dt.to_timestamp()


def describe_repeated_costs(spent: pd.DataFrame, currency: str = "") -> list[str]:
    """Return a sentence if rows of costs equal another row in every column, as in an export that was appended twice.

    >>> describe_repeated_costs(pd.DataFrame({"month": ["2024-01"] * 2, "cost": [5.0, 5.0]}))
    ['Rows of the costs that repeat another count too: 1 row, 5.00 in all. Remove any that is a duplicate.']
    """
    again = spent.duplicated() & (spent["cost"] != 0)
    if not again.any():
        return []
    total = format_money(float(spent.loc[again, "cost"].sum()), currency)
    rows = f"{again.sum():,} row{'s' if again.sum() > 1 else ''}, {total} in all"
    return [f"Rows of the costs that repeat another count too: {rows}. Remove any that is a duplicate."]


def compute_cac(costs: pd.DataFrame, won: pd.DataFrame, since: pd.Timestamp | None = None) -> pd.DataFrame:
    """Return cost, customers and cost per customer by channel, the blended row first.

    Columns `channel`, `customers`, `cost`, `cac` (missing where nobody was won, or where costs without a channel may
    belong to an unnamed channel), `marginal_cac` with an 80% interval (`marginal_lower`, `marginal_upper`; missing
    where spend varied too little): the cost of one more customer, from the slope of log customers on log cost over the
    months.

    Parameters
    ----------
    costs
        `check_costs`.
    won
        `month`, `channel`, `customers`.
    since
        First month that counts, if any month of the costs from then on has customers: before it old customers look
        new, so a new one would look too cheap.

    Raises
    ------
    InputError
        A channel of the costs has no customer at all.
    """
    _check_names(costs["channel"], won["channel"])
    won = won[won["month"].isin(costs["month"])]
    if since is not None and (won["month"] >= since).any():
        won, costs = won[won["month"] >= since], costs[costs["month"] >= since]
    months = won.merge(costs, on=["month", "channel"], how="outer").fillna({"customers": 0, "cost": 0.0})
    total = months.groupby("month", as_index=False)[["customers", "cost"]].sum().assign(channel=BLENDED)
    rows = [_channel_row(BLENDED, total, has_costs=True)]
    named, loose = set(costs["channel"]), (costs["channel"] == UNATTRIBUTED) & (costs["cost"] > 0)
    names = sorted(set(months["channel"]) - {UNATTRIBUTED})
    rows += [
        _channel_row(name, months[months["channel"] == name], has_costs=name in named or not loose.any())
        for name in names
    ]
    rest = months[months["channel"] == UNATTRIBUTED]
    if len(rest) and rest[["customers", "cost"]].to_numpy().sum() > 0:
        rows.append(_channel_row(UNATTRIBUTED, rest, has_costs=False))
    return pd.DataFrame(rows)


def _check_names(channels: pd.Series, of_customers: pd.Series) -> None:
    """Raise InputError where no customer came through one of the channels of the costs."""
    strangers = sorted(set(channels) - set(of_customers) - {UNATTRIBUTED})
    if strangers and set(of_customers) <= {UNATTRIBUTED}:
        raise InputError(
            f"the costs name channels such as {strangers[0]!r}, but no customer has a channel; add --customers, and "
            "--channel for its column of channels, or leave the channels out of the costs."
        )
    if strangers:
        raise InputError(
            f"no customer came through the channel {strangers[0]!r} of the costs; the customers' channels "
            f"are {sorted(set(of_customers) - {UNATTRIBUTED})}. Use the same names, leave the channel empty, or leave "
            "out rows that add up others."
        )


def _channel_row(channel: str, months: pd.DataFrame, *, has_costs: bool) -> dict[str, object]:
    customers, cost = int(months["customers"].sum()), float(months["cost"].sum())
    own = cost / customers if customers and has_costs else float("nan")
    low, middle, high = _marginal(months) if has_costs else (float("nan"),) * 3
    return {
        "channel": channel,
        "customers": customers,
        "cost": round(cost, 4),
        "cac": own,
        "marginal_cac": middle * own,
        "marginal_lower": low * own,
        "marginal_upper": high * own,
    }


def _marginal(months: pd.DataFrame) -> tuple[float, float, float]:
    """Return marginal over average cost with an 80% interval: one over the elasticity of customers to cost."""
    spent = months[(months["cost"] > 0) & (months["customers"] > 0)]
    nothing = (float("nan"),) * 3
    if len(spent) < _LEAST_MONTHS:
        return nothing
    x, y = np.log(spent["cost"].to_numpy()), np.log(spent["customers"].to_numpy(dtype=np.float64))
    if x.std() < _LEAST_VARIATION:
        return nothing
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    left = y - y.mean() - slope * x
    error = float(np.sqrt(left @ left / (len(x) - 2) / (x @ x)))
    low, high = slope - 1.2816 * error, slope + 1.2816 * error
    if low <= 0:  # that more spend wins more customers is not shown
        return nothing
    return 1 / high, 1 / slope, 1 / low
