"""Attributes that leak the future: facts up to the log's end that were unknown at earlier cutoffs."""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from cltv_ml.columns.mapping import flag
from cltv_ml.customers.attributes import Attributes
from cltv_ml.customers.closeness import FEWEST, closeness
from cltv_ml.customers.kinds import Attribute
from cltv_ml.customers.leak_headings import tells_behaviour
from cltv_ml.customers.recent import LATE_SPEND, follow_recent_spend, recent_facts
from cltv_ml.tables import ids_among

#: Closeness from which a column counts as a copy of a fact of the log.
TOO_CLOSE = 0.9

#: Closeness from which a column of few levels, and one of many, is doubtful. Ages, incomes and regions reach .1 to .5,
#: a channel of two levels that multiplies the rate of purchase by eight .82, and customers' true rates and spend .75.
_DOUBTFUL_LEVELS, _DOUBTFUL_NUMBERS, _FEW_LEVELS = 0.85, 0.76, 20

#: Most customers that are compared; more change nothing.
_SAMPLE = 5_000

#: Share of dates after the first purchase from which a column counts as reflecting later events.
_LATER = 0.2

#: Smallest share of rows whose end a column must match, to count as that end.
_LEAST_ENDS_TOLD = 0.95

#: Days after the first purchase by which a customer's first row is expected.
_SOON = 30

#: Facts of a customer's days of purchase up to the end of the log: `day`, `amount` and number of `lines` of each.
_FACTS = {
    "spend": "sum(amount)",
    "number of purchases": "count(*)",
    "number of lines": "sum(lines)",
    "mean spend per purchase": "avg(amount)",
    "largest purchase": "max(amount)",
    "amount of the last purchase": "arg_max(amount, day)",
    "last purchase": "date_diff('day', date '1970-01-01', max(day))",
    "time from the first to the last purchase": "date_diff('day', min(day), max(day))",
    "mean time between purchases": "date_diff('day', min(day), max(day)) / nullif(count(*) - 1, 0)",
}


def find_leaks(
    attributes: Attributes, facts: pd.DataFrame, earliest: pd.Timestamp, stated: Collection[str] = ()
) -> tuple[dict[str, str], list[str]]:
    """Return the attributes that leak the future, by name, each with the reason, and a sentence on each doubtful one.

    A table with `valid_from` states when each row became known and is trusted, except for columns that show when a row
    ended or which one is the last, and for those that were updated later without a row of their own.

    In a snapshot, columns are left out if their heading or values reflect customers' behaviour up to the end of the
    log: spend, orders, the last purchase, churn. Dates are left out if they are after both the first purchase and the
    earliest cutoff for more than a fifth of customers. Columns that follow customers' latest purchases less closely
    than a copy would are doubtful.

    Parameters
    ----------
    facts
        The result of `compute_facts`.
    earliest
        First cutoff at which features may be built.
    stated
        Columns whose kind the user states: their headings tell nothing then, only their values.
    """
    if not len(attributes.table):
        return {}, []
    end = facts["last purchase"].max()
    if attributes.dated:
        never = _not_yet_valid(attributes, end)
        return never or {**_overwritten(attributes, facts, end), **_ends_of_rows(attributes)}, []
    joined = _sample_customers(attributes.table, facts)
    leaks, doubts = {}, []
    for attribute in (attribute for attribute in attributes.account if attribute.name):
        values = joined[attribute.name]
        headed = "" if attribute.column in stated else _by_name(attribute.column)
        reason = headed or _by_date(attribute.name, joined, earliest)
        follows, close = ("", 0.0) if reason else _closest(values, joined, end)
        if reason or close >= TOO_CLOSE:
            leaks[attribute.name] = (
                f"{reason or follows}; provide a table with a valid_from column, which dates when each row became "
                f"known{_if_not(attribute) if headed else ''}."
            )
        elif follows and not attribute.protected:
            doubts.append(
                f"Column {attribute.column!r}: {follows}. If it was computed from these purchases, models "
                "learn from the future: provide a table with a valid_from column, or leave it out with "
                f"--attribute {flag(attribute.column, 'none')}."
            )
    return leaks, doubts


def _if_not(attribute: Attribute) -> str:
    """Return how to keep a column whose heading misleads."""
    return f", or state its kind if it does not: --attribute {flag(attribute.column, attribute.kind)}"


def _sample_customers(table: pa.Table, facts: pd.DataFrame) -> pd.DataFrame:
    """Return attributes and facts side by side, for enough customers to measure how closely they agree."""
    ids = pd.Index(table["customer_id"].to_pandas())
    there = np.flatnonzero(ids_among(ids, facts.index))
    if len(there) > _SAMPLE:
        there = np.sort(np.random.default_rng(0).choice(there, _SAMPLE, replace=False))
    return table.take(there).to_pandas().set_index("customer_id").join(facts, how="inner")


def _not_yet_valid(attributes: Attributes, end: float) -> dict[str, str]:
    """Return all attributes of a dated table whose rows all become valid after the last day of the log."""
    first = pd.Timestamp("1970-01-01") + pd.Timedelta(days=float(end) + 1)
    if (attributes.table["valid_from"].to_pandas() < first).any():
        return {}
    reason = "every row is valid only from after the last purchase of the log, so no cutoff can see it."
    return {attribute.name: reason for attribute in attributes.account if attribute.name}


def _ends_of_rows(attributes: Attributes) -> dict[str, str]:
    """Return the columns of a dated table that contain the start of a customer's next row or identify the last row."""
    table = attributes.table.to_pandas().sort_values(["customer_id", "valid_from"])
    following = table.groupby("customer_id")["valid_from"].shift(-1)
    day = (following - pd.Timestamp("1970-01-01")).dt.days
    replaced = following.notna()
    ends = {}
    for attribute in (attribute for attribute in attributes.account if attribute.name):
        values = table[attribute.name]
        if attribute.name.startswith("date_"):
            comparable = replaced & values.notna()
            agreeing = (values[comparable] - day[comparable]).abs() <= 1
        else:
            comparable = values.notna()
            last = replaced.groupby(values).transform("mean").round() == 0
            agreeing = (
                last[comparable] == ~replaced[comparable] if values.nunique() == 2 else pd.Series(dtype=bool)
            )
        if comparable.sum() >= FEWEST and replaced.any() and agreeing.mean() >= _LEAST_ENDS_TOLD:
            ends[attribute.name] = "it shows how long a row was valid, which was unknown at that time."
    return ends


def _overwritten(attributes: Attributes, facts: pd.DataFrame, end: float) -> dict[str, str]:
    """Return the columns of a dated table that tell of purchases after the day from which their rows are valid.

    Rows from before the first purchase are compared, of customers who bought again and have no later row.
    """
    table = attributes.table.to_pandas().sort_values("valid_from").drop_duplicates("customer_id", keep="last")
    day = (table["valid_from"] - pd.Timestamp("1970-01-01")).dt.days
    first, last = (table["customer_id"].map(facts[fact]) for fact in ("first_day", "last purchase"))
    early = table[(day <= first) & (first < last)].drop(columns="valid_from")
    joined = _sample_customers(pa.Table.from_pandas(early, preserve_index=False), facts)
    copies = {}
    for attribute in (attribute for attribute in attributes.account if attribute.name):
        follows, close = _closest(joined[attribute.name], joined, end)
        if close >= TOO_CLOSE:
            copies[attribute.name] = (
                f"{follows}, though its rows are valid from before the first purchase: it was updated later. Provide a "
                "row for each change, with its own valid_from."
            )
    return copies


def compute_facts(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return facts of each customer up to the end of the view `log`, with the day of their first purchase."""
    facts = ", ".join(
        f'cast({sql} as double) as "{name}"' for name, sql in {**_FACTS, **recent_facts()}.items()
    )
    rows = con.sql(
        "with days as (select cast(customer_id as varchar) as customer_id, cast(timestamp as date) as day, "
        "sum(amount) as amount, count(*) as lines from log group by all) "
        f"select customer_id, {facts}, date_diff('day', date '1970-01-01', min(day)) as first_day from days group by 1"
    )
    return rows.to_arrow_table().to_pandas().set_index("customer_id")


def _by_name(column: str) -> str:
    if tells_behaviour(column):
        return "its heading suggests that it contains customers' behaviour up to the end of the log"
    return ""


def _by_date(name: str, joined: pd.DataFrame, earliest: pd.Timestamp) -> str:
    """Return the reason if dates show what happened after customers' first purchases and after the earliest cutoff."""
    if not name.startswith("date_"):
        return ""
    dated = joined.dropna(subset=[name])
    day = (earliest - pd.Timestamp("1970-01-01")).days
    later = (dated[name] >= day) & (dated[name] > dated["first_day"] + 1)
    if len(dated) < FEWEST or later.mean() <= _LATER:
        return ""
    return f"{later.mean():.0%} of its dates are after the first purchase and on or after {earliest:%Y-%m-%d}"


def _closest(values: pd.Series, joined: pd.DataFrame, end: float) -> tuple[str, float]:
    """Return which fact a column follows, in words, and how closely; ("", 0) if it is as close as honest ones are."""
    told = _followed("it", values, joined)
    if values.isna().any():
        there = _followed("whether it has a value", values.notna().astype(float), joined)
        told = there if there[1] > told[1] else told
    if told[1] >= TOO_CLOSE:
        return told
    follows, close = follow_recent_spend(values, joined, end)
    return (f"it follows {follows}", close) if follows else told


def _followed(subject: str, values: pd.Series, joined: pd.DataFrame) -> tuple[str, float]:
    """Return the first fact that values copy, else the one that they follow most closely if that is doubtful.

    A date of sign-up or a cohort follows the day of the first purchase, and with it all that longer-known customers
    have more of. Only facts that are followed more closely than this day count.
    """
    told = "", 0.0
    if values.nunique() < 2:
        return told
    doubtful = _DOUBTFUL_LEVELS if values.nunique() <= _FEW_LEVELS else _DOUBTFUL_NUMBERS
    least = closeness(values, joined["first_day"])
    for fact in (*_FACTS, *LATE_SPEND):
        close = closeness(values, joined[fact])
        if close >= max(doubtful, told[1]) and close > least:
            told = (
                f"{subject} follows each customer's {fact} in the log ({close:.0%} of the order in common)",
                close,
            )
            if close >= TOO_CLOSE:
                break
    return told


def doubtful_rows(attributes: Attributes, facts: pd.DataFrame) -> list[str]:
    """Return doubts about which customers have a row and from what date, one sentence each.

    A snapshot of active customers reveals who left; rows dated by an export count as missing before that date.
    """
    if not len(attributes.table):
        return []
    if not attributes.dated:
        return _doubt_missing_customers(attributes, facts)
    rows = attributes.table.select(["customer_id", "valid_from"]).to_pandas()
    first = rows.groupby("customer_id")["valid_from"].min()
    days = (first - pd.Timestamp("1970-01-01")).dt.days.reindex(facts.index).dropna()
    late = int((days > facts["first_day"].reindex(days.index) + _SOON).sum())
    doubt = (
        f"The first row of {late:,} of {len(days):,} customers is valid only from more than {_SOON} days "
        "after their first purchase, so their attributes are missing until then."
    )
    if late > _LEAST_ENDS_TOLD / 2 * len(days):
        return [f"{doubt} If the date is the date of an export, leave it out with --attribute COLUMN=none."]
    if late > (1 - _LEAST_ENDS_TOLD) * len(days) and len(first) == len(rows):
        return [
            f"{doubt} No customer has several rows: if these are the current rows of a table with history, provide "
            "all of its rows, because a row that is missing at a cutoff shows that it changed later."
        ]
    return []


def _doubt_missing_customers(attributes: Attributes, facts: pd.DataFrame) -> list[str]:
    """Return a doubt about a table without dates if having a row reveals who left."""
    there = pd.Series(ids_among(facts.index, attributes.table["customer_id"].to_pandas()), index=facts.index)
    reason, close = _followed("who has a row", there.astype(float), facts)
    if close < TOO_CLOSE:
        return []
    return [f"{reason[0].upper()}{reason[1:]}: the table may contain only active customers."]
