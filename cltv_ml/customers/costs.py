"""Acquisition costs from any source: by day or month, channel and campaign."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.customers.cost_headings import COST_HEADINGS, currency_of_costs, map_costs
from cltv_ml.customers.cost_layouts import channels_as_rows, split_ranges
from cltv_ml.customers.cost_months import (
    NO_ENTRY,
    as_months,
    join_year,
    months_as_rows,
    refuse_several_months,
)
from cltv_ml.data.raw import open_source
from cltv_ml.engine import Relation
from cltv_ml.errors import InputError
from cltv_ml.sources.measures import unit_of
from cltv_ml.sources.paths import readable

logger = logging.getLogger("cltv_ml")

#: Channels that are the sum of all others, by name.
_TOTAL = r"\W*(grand |sub ?)?(totals?|summe|gesamt(summe)?|somme|suma|totaal|totale|all( channels)?|sum)\W*"


def read_costs(source: Any, rules: Rules | None = None) -> pd.DataFrame:
    """Return costs from any source: `month` or `date`, `cost` and, if known, `channel`, `campaign` and `currency`.

    `until` is the last day of a cost that begins on `date`.

    Columns are identified by headings in several languages; numbers and days are read as in a log. Each month or each
    channel may have a column of its own.

    Parameters
    ----------
    rules
        Those of the log: they state the order of day and month and the decimal sign where the costs leave them open.

    Raises
    ------
    InputError
        The source cannot be read, no single column is clearly the day or month, or the cost, or a value cannot be read.

    >>> read_costs(pd.DataFrame({"Monat": ["03.2025"], "Kanal": ["ads"], "Kosten": ["1.250,50"]})).to_dict("records")
    [{'month': Timestamp('2025-03-01 00:00:00'), 'cost': 1250.5, 'channel': 'ads'}]
    """
    opened = open_source(source)
    with readable(opened.table, opened.name), _as_a_table_of_costs():
        rows, unpivoted = _as_rows(opened.table)
        columns = Columns(rows, _rules_of_costs(rules))
        mapping = map_costs(list(columns.kinds))
        if not {"month", "date"} & set(mapping) or "cost" not in mapping:
            raise InputError(
                "the costs need the columns month (or date) and cost, and may also have channel, campaign "
                f"and currency. Found {list(columns.kinds)}; "
                + (
                    "write month above the months."
                    if "cost" in mapping
                    else "write cost above what was spent."
                )
            )
        for unused in ["acquisition_cost", *(["until"] if "month" in mapping else [])]:
            mapping.pop(unused, None)
        table = _read_cost_columns(columns, mapping, unpivoted=unpivoted)
    _refuse_totals(table)
    return table


def read_acquisition_costs(source: Any, rules: Rules | None = None) -> pd.DataFrame:
    """Return `channel`, `month` or both, and `acquisition_cost` (per customer) or `cost` (in total), from any source.

    Columns are identified and read as by `read_costs`; a `date` becomes the first day of its `month`.

    Raises
    ------
    InputError
        The source or a value cannot be read, or a column is missing.

    >>> read_acquisition_costs(pd.DataFrame({"Kanal": ["ads"], "CAC": ["12,50"]})).to_dict("records")
    [{'acquisition_cost': 12.5, 'channel': 'ads'}]
    """
    opened = open_source(source)
    with readable(opened.table, opened.name), _as_a_table_of_costs():
        columns = Columns(split_ranges(opened.table), _rules_of_costs(rules))
        mapping = map_costs(list(columns.kinds))
        money = [name for name in ("acquisition_cost", "cost") if name in mapping]
        if len(money) != 1 or not {"channel", "month", "date"} & set(mapping):
            raise InputError(
                "a table of acquisition costs needs channel or month (or both), and either acquisition_cost "
                f"(per customer) or cost (total). Found {list(columns.kinds)}."
            )
        table = _read_cost_columns(
            columns, {name: column for name, column in mapping.items() if name not in ("campaign", "until")}
        )
    if "date" in table:
        table = table.assign(month=table.pop("date").dt.to_period("M").dt.to_timestamp())
    return table


def _as_rows(table: Relation) -> tuple[Relation, bool]:
    """Return one row per cost of a table that may have a column per month or channel, or two dates in one cell.

    The second item is whether a row of the table held several costs.
    """
    by_month = months_as_rows(table)
    dated = join_year(by_month)
    rows = channels_as_rows(dated)
    return split_ranges(rows), by_month is not table or rows is not dated


@contextmanager
def _as_a_table_of_costs() -> Iterator[None]:
    """Add to a question that a rule answers how to do without the rule, which holds for the log too."""
    try:
        yield
    except InputError as error:
        if "--rule" not in str(error):
            raise
        raise InputError(
            f"the costs: {error} The rule holds for the log too; if that is written otherwise, write costs as 1250.00 "
            "and dates as 2025-03-31."
        ) from error


def _rules_of_costs(rules: Rules | None) -> Rules:
    """Return the rules of a log that say how dates and numbers are written."""
    rules = rules or Rules()
    return Rules(day_first=rules.day_first, decimal=rules.decimal)


def _read_cost_columns(columns: Columns, mapping: dict[str, str], *, unpivoted: bool = False) -> pd.DataFrame:
    """Return the mapped columns with their values read; raise InputError if a value cannot be."""
    when = next((name for name in ("month", "date") if name in mapping), None)
    money = "acquisition_cost" if "acquisition_cost" in mapping else "cost"
    chosen = {money: _in_units(columns, mapping[money])}
    months = None if when is None else _months_alone(columns, mapping[when], when)
    if when is not None and months is None:
        chosen[when] = columns.timestamp(mapping[when])
    ends = _months_alone(columns, mapping["until"], "end date") if "until" in mapping else None
    if "until" in mapping:
        chosen["until"] = columns.timestamp(mapping["until"])
    names = [name for name in ("channel", "campaign", "currency") if name in mapping]
    chosen |= {name: columns.identifier(mapping[name]) for name in names}
    if "currency" not in mapping and (code := currency_of_costs(columns, mapping[money])):
        chosen["currency"], names = code, [*names, "currency"]
    listed = ", ".join(f"{sql} as {name}" for name, sql in chosen.items())
    table = columns.table.con.sql(f"select {listed} from {columns.table} order by source_row").df()
    if when is not None and months is not None:
        table[when] = months
    if ends is not None:
        table["until"] = ends + pd.offsets.MonthEnd(0)
    _check_cells(table, columns, mapping, when, money, unpivoted=unpivoted)
    return table[[*([when] if when else []), *(["until"] if "until" in mapping else []), money, *names]]


def _refuse_totals(table: pd.DataFrame) -> None:
    """Raise InputError if a channel called a total costs as much as all others together, in each of its months."""
    if "channel" not in table:
        return
    when = next(name for name in ("month", "date") if name in table)
    is_total = table["channel"].fillna("").str.fullmatch(_TOTAL, case=False)
    costs = table.groupby([table[when], is_total])["cost"].sum().unstack(fill_value=0.0)
    if is_total.any() and not is_total.all() and np.allclose(costs[True], costs[False], rtol=0.01):
        name = table.loc[is_total, "channel"].iloc[0]
        raise InputError(
            f"the costs of {name!r} are the sum of those of the other channels; leave out totals."
        )


def _check_cells(
    table: pd.DataFrame,
    columns: Columns,
    mapping: dict[str, str],
    when: str | None,
    money: str,
    *,
    unpivoted: bool,
) -> None:
    """Raise InputError if a month, a date or a cost could not be read."""
    if when is not None and table[when].isna().any():
        where = _first_blank(table, when, columns, mapping[when], unpivoted=unpivoted)
        raise InputError(
            f"the costs contain the {when} {where}; write months such as 2025-03, or dates, and leave out totals."
        )
    if "until" in table:
        _check_ends(table["until"], _cost_texts(columns, mapping["until"]))
    if table[money].isna().any():
        where = _first_blank(table, money, columns, mapping[money], unpivoted=unpivoted)
        raise InputError(
            f"a cost must be a number of at least 0, got {where}; correct it, or leave the row out."
        )


def _check_ends(ends: pd.Series, written: pd.Series) -> None:
    """Raise InputError if an end date could not be read; an empty cell is none."""
    unread = ends.isna() & ~written.fillna("").str.fullmatch(NO_ENTRY)
    if unread.any():
        row = int(unread.argmax())
        raise InputError(
            f"the costs contain the end date {written.iloc[row]!r} in row {row + 1}; write a date such as "
            "2025-03-31, or leave the cell empty for a cost of one day."
        )


def _months_alone(columns: Columns, column: str, when: str) -> pd.Series | None:
    """Return the months of a column that holds no days, else None; raise InputError if it holds quarters or years."""
    texts = _cost_texts(columns, column)
    refuse_several_months(texts, when)
    return as_months(texts)


def _in_units(columns: Columns, column: str) -> str:
    """Return SQL for costs in currency, also where the heading says thousands or millionths."""
    number, unit = columns.number(column), unit_of(column)
    if unit is None:
        return number
    logger.warning("Costs     %s was multiplied by %g because of its heading.", column, unit)
    return f"({number}) * {unit!r}"


def _first_blank(table: pd.DataFrame, name: str, columns: Columns, column: str, *, unpivoted: bool) -> str:
    """Return the cell of the first value of a column that could not be read, and its row or what it is the cost of."""
    row = int(table[name].isna().argmax())
    cell = _written_cell(_cost_texts(columns, column).iloc[row])
    if not unpivoted:
        return f"{cell} in row {row + 1}"
    told = table.iloc[row]
    of_channel = f" for {told['channel']}" if pd.notna(told.get("channel")) else ""
    return f"{cell}{of_channel}" + (f" in {told['month']:%Y-%m}" if pd.notna(told.get("month")) else "")


def _written_cell(written: object) -> str:
    """Return a cell as an error shows it."""
    return repr(written) if isinstance(written, str) and written else "an empty cell"


def by_campaign(costs: pd.DataFrame, column: str) -> tuple[pd.DataFrame, list[str]]:
    """Return costs with the campaign as the channel if `column` is headed as a campaign.

    `column` states what won each customer. For other headings the costs of campaigns are summed. The second item is a
    sentence that says so.

    >>> by_campaign(pd.DataFrame({"cost": [5.0], "campaign": ["spring"]}), "utm_campaign")[0]["channel"].tolist()
    ['spring']
    """
    if "campaign" not in costs:
        return costs, []
    if plain_heading(column) in COST_HEADINGS["campaign"].split():
        return costs.assign(channel=costs["campaign"]), ["Each campaign of the costs counts as a channel."]
    return costs, [
        f"The costs of {costs['campaign'].nunique():,} campaigns were summed. To compare campaigns, name the "
        "column of --customers with the campaign that won each customer, such as --channel utm_campaign."
    ]


def _cost_texts(columns: Columns, column: str) -> pd.Series:
    rows = columns.table.con.sql(
        f"select trim(cast({quote(column)} as varchar)) as v from {columns.table} order by source_row"
    )
    return rows.df()["v"].astype("object")
