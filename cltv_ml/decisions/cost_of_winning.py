"""The cost of winning each customer: one figure for all, or a table by channel, by month or by both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cltv_ml.decisions.acquisition_costs import spelled_as
from cltv_ml.decisions.lines import first_channels
from cltv_ml.engine import frame
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import pandas_only

#: Keys by which a table may be divided.
_KEYS = ("channel", "month")

#: Columns of money: the cost of one customer, or what was spent on all customers of the row together.
_EACH, _TOTAL = "acquisition_cost", "cost"


@pandas_only
def cost_of_winning(
    log: AnyLog, stated: float | pd.DataFrame, channels: pd.Series | None = None
) -> tuple[pd.Series, list[str]]:
    """Return the acquisition cost of each customer, by `customer_id`, and sentences on what has no figure.

    Parameters
    ----------
    stated
        One figure for every customer, or a table with `channel`, `month` (such as 2025-03) or both, and either
        `acquisition_cost`, the cost of one customer, or `cost`, the total spend, which is divided evenly among the
        customers won.
    channels
        Channel that won each customer, by `customer_id`; that of the first order by default.

    Raises
    ------
    InputError
        A cost is negative, or the table lacks a column, repeats a row or names a channel that won nobody.

    >>> log = pd.DataFrame({"customer_id": ["a", "b"], "timestamp": pd.to_datetime(["2024-01-05", "2024-02-05"]),
    ...                     "amount": [10.0, 20.0]})
    >>> paid, notes = cost_of_winning(log, pd.DataFrame({"month": ["2024-02"], "acquisition_cost": [7.0]}))
    >>> paid.tolist(), notes
    ([0.0, 7.0], ['No acquisition cost is stated for 1 of 2 customers, by their month or channel; they cost 0.'])
    """
    won = _won(log, channels)
    if not isinstance(stated, pd.DataFrame):
        if not 0 <= float(stated) < np.inf:
            raise InputError(f"the acquisition cost must be 0 or more, got {stated!r}.")
        return pd.Series(float(stated), index=won.index, name=_EACH), []
    keys, column, table, loose = _checked_costs(stated, won)
    table = table.groupby(keys)[column].sum()
    if column == _TOTAL:
        counts = won.groupby(keys).size().rename_axis(keys)
        lost = table[~table.index.isin(counts.index)].sum()
        table = table / counts.reindex(table.index)
    else:
        lost = 0.0
    places = pd.MultiIndex.from_frame(won[keys]) if len(keys) > 1 else pd.Index(won[keys[0]])
    paid = pd.Series(table.reindex(places).to_numpy(), index=won.index, name=_EACH)
    return paid.fillna(0.0), _cost_notes(paid, float(lost), loose)


def _won(log: AnyLog, channels: pd.Series | None) -> pd.DataFrame:
    """Return `month` and `channel` of each customer's first order."""
    log = Log.of(log)
    con, columns = log.connect(), set(log.columns)
    won = frame(
        con.sql(
            "select customer_id, strftime(coalesce(min(timestamp) filter (amount >= 0), min(timestamp)), '%Y-%m') "
            "as month from log group by 1 order by 1"
        )
    ).set_index("customer_id")
    if channels is None and "channel" in columns:
        channels = frame(con.sql(first_channels(columns))).set_index("customer_id")["channel"]
    return won.assign(channel=None if channels is None else channels.reindex(won.index))


def _checked_costs(
    table: pd.DataFrame, won: pd.DataFrame
) -> tuple[list[str], str, pd.DataFrame, pd.DataFrame]:
    """Return the keys, the column of money, the table with its keys as text, and the rows that name no channel."""
    keys = [name for name in _KEYS if name in table]
    money = [name for name in (_EACH, _TOTAL) if name in table]
    if not keys or len(money) != 1:
        raise InputError(
            "a table of acquisition costs needs channel or month (or both), and either acquisition_cost "
            f"(per customer) or cost (in total), found {list(table.columns)}."
        )
    column = money[0]
    table = table[[*keys, column]].assign(**{column: pd.to_numeric(table[column], errors="coerce")})
    wrong = ~(table[column] >= 0) | ~np.isfinite(table[column])
    if wrong.any():
        raise InputError(
            f"acquisition costs must be numbers of 0 or more, but row {int(np.flatnonzero(wrong)[0]) + 1} is "
            "not; correct it, or leave the row out."
        )
    if "month" in keys:
        table = table.assign(month=_month_starts(table["month"]))
    loose = table[:0]
    if "channel" in keys:
        table = table.assign(channel=table["channel"].fillna("").astype("str").str.strip())
        loose, table = table[table["channel"] == ""], table[table["channel"] != ""]
        table = table.assign(channel=spelled_as(table["channel"], won["channel"]))
        _check_channels(table["channel"], won["channel"])
    if column == _EACH and table.duplicated(keys).any():
        twice = table.loc[table.duplicated(keys), keys].iloc[0].tolist()
        raise InputError(f"acquisition costs list {', '.join(map(str, twice))} twice; keep one row.")
    return keys, column, table, loose


def _month_starts(column: pd.Series) -> pd.Series:
    days = pd.to_datetime(column.astype("str"), errors="coerce", format="ISO8601")
    if days.isna().any():
        wrong = str(column[days.isna()].iloc[0])
        raise InputError(f"acquisition costs contain the month {wrong!r}; write months such as 2025-03.")
    return days.dt.strftime("%Y-%m")


def _check_channels(named: Sequence[str], channels: pd.Series) -> None:
    channel_names = sorted(channels.dropna().unique())
    if not channel_names:
        raise InputError(
            "acquisition costs by channel need each customer's acquisition channel; map a column to "
            "channel, or give --customers with a column channel."
        )
    strangers = sorted(set(named) - set(channel_names))
    if strangers:
        raise InputError(
            f"no customer was won through the channel {strangers[0]!r} of the acquisition costs; the "
            f"customers' channels are such as {channel_names[:5]}. Use the same names."
        )


def _cost_notes(paid: pd.Series, lost: float, loose: pd.DataFrame) -> list[str]:
    notes, without = [], int(paid.isna().sum())
    if without:
        notes.append(
            f"No acquisition cost is stated for {without:,} of {len(paid):,} customers, by their month or "
            "channel; they cost 0."
        )
    if lost:
        notes.append(
            f"Acquisition costs of {lost:,.0f} fall where nobody was won, so no customer's profit includes "
            "them."
        )
    if len(loose):
        rows, phrase = len(loose), "row names" if len(loose) == 1 else "rows name"
        money = f"{loose[_TOTAL].sum():,.0f} in all" if _TOTAL in loose else "a cost of one customer"
        notes.append(
            f"{rows:,} {phrase} no channel ({money}), so no customer's profit includes these acquisition costs."
        )
    return notes
