"""The cost of winning customers compared with their value: `cltv acquisition`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml.customers import CleanedShop, by_campaign, channels_won, describe_channels, read_costs
from cltv_ml.customers.cost_currency import check_cost_currency, describe_cost_currency
from cltv_ml.decisions.acquisition_costs import (
    UNATTRIBUTED,
    check_costs,
    compute_cac,
    describe_repeated_costs,
    spelled_as,
)
from cltv_ml.decisions.acquisition_value import (
    Won,
    compute_returns,
    judge_earlier,
    judged_errors,
    value_by_channel,
)
from cltv_ml.decisions.cost_days import split_by_day, within_log
from cltv_ml.decisions.customers_won import REPORTED_AGES, merge_spellings, read_won
from cltv_ml.decisions.latest_customers import describe_latest
from cltv_ml.errors import InputError
from cltv_ml.evaluation.log_start import LogStart, find_log_start
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.files import check_folder
from cltv_ml.inline import Inline
from cltv_ml.log import Log
from cltv_ml.money import format_amounts
from cltv_ml.pipelines.inputs import known_costs, load, rules_of, with_currency, without_effect
from cltv_ml.pipelines.left_out import describe_left_out, describe_returned
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.pages import write_folder
from cltv_ml.reporting.report import summarise
from cltv_ml.reporting.sections.acquisition import acquisition_facts, acquisition_sections
from cltv_ml.reporting.sections.shop_answers import acquisition_answers
from cltv_ml.settings import Acquisition, Settings
from cltv_ml.tracking.acquisition_runs import log_acquisition

#: What follows where old customers look new in the log's first weeks.
_NOT_NEW = (
    "Customers' values therefore rest on those first seen later, and these first months count towards the cost "
    "per customer only if no other month has costs."
)


@dataclass(frozen=True)
class Acquired(Inline):
    """The tables by name (`cac`, `months`, `value`, `returns`, `judged`), sentences to read first, files and page."""

    tables: dict[str, pd.DataFrame]
    notes: list[str]
    files: dict[str, Path]
    page: Path


@with_bar
def acquisition(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Acquired:
    """Compare the value of customers with their acquisition cost by channel; write and return tables and a page.

    Raises
    ------
    InputError
        The costs or the channels cannot be used, or a cost of goods is not known.
    """
    settings = Acquisition.of(settings, options)
    check_folder(settings.out)
    if settings.age not in REPORTED_AGES:
        raise InputError(f"age must be one of {list(REPORTED_AGES)}, got {settings.age}.")
    spent, campaigns = by_campaign(read_costs(settings.costs, rules_of(settings)), settings.channel)
    cleaned = load(settings, progress)
    settings = with_currency(settings, cleaned)
    log = cleaned.transactions
    check_cost_currency(spent, settings.currency)
    by_day, divided = split_by_day(spent)
    inside, outside = within_log(by_day, log.first, log.last, settings.currency)
    costs = check_costs(inside)
    channels = _channel_column(cleaned, log, settings.channel, set(costs["channel"]) - {UNATTRIBUTED})
    goods, log, cost_notes = known_costs(settings, log)
    progress("following the customers won", 0.4)
    won = read_won(
        log,
        channels,
        costs=goods,
        per_order=settings.per_order,
        share_of_amount=settings.share_of_amount,
    )
    won, respelled = merge_spellings(won)
    costs = costs.assign(channel=spelled_as(costs["channel"], won.customers["channel"]))
    costs = costs.groupby(["month", "channel"], as_index=False)["cost"].sum()
    opened = find_log_start(won.joined, won.first)
    tables = _tables(won, costs, settings.age, opened)
    unused = [] if won.known else [without_effect(settings, ("per_order", "share_of_amount"))]
    notes = [
        *describe_left_out(cleaned, settings.currency),
        *describe_returned(cleaned),
        *campaigns,
        *divided,
        *outside,
        *describe_channels(channels),
        *respelled,
        *describe_cost_currency(spent, settings.currency),
        *describe_repeated_costs(spent, settings.currency),
        *_acquisition_notes(won, costs, settings.currency),
        *filter(None, [opened.sentence(_NOT_NEW), *unused]),
        *describe_latest(won, opened.days, settings.currency),
        *cost_notes,
    ]
    page = settings.out / "acquisition.html"
    progress("writing the page", 0.9)
    files = write_folder(tables, _page(tables, notes, won, log, settings), page, settings.currency)
    log_acquisition(
        {name: table for name, table in tables.items() if len(table)},
        _measured(tables),
        settings.experiment,
        settings.dataset,
        log.end,
        settings=settings.toml(data=settings.dataset, costs=None, customers=None),
    )
    return Acquired(tables, notes, files, page)


def _page(
    tables: dict[str, pd.DataFrame], notes: list[str], won: Won, log: Log, settings: Acquisition
) -> dict[str, Any]:
    """Return the page's texts, tables and figures, its notes in the first section."""
    sections = acquisition_sections(tables, settings.age, known=won.known, currency=settings.currency)
    sections[0]["warnings"] = notes
    return summarise(
        "Acquisition",
        f"{log.first:%Y-%m-%d} to {log.last:%Y-%m-%d}",
        sections,
        acquisition_facts(tables, settings.age, settings.currency),
        acquisition_answers(tables["returns"], notes, settings.age),
    )


def _measured(tables: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Return the figures of all channels together, and how accurate earlier expectations were."""
    named = {"value": "value", "ratio": "value_over_cost", "payback": "payback_months"}
    whole = tables["returns"].head(1)
    returned = {named[name]: float(whole[name].iloc[0]) for name in named if len(whole)}
    judged = {f"judged_{name}": error for name, error in judged_errors(tables["judged"]).items()}
    return {"cac": float(tables["cac"]["cac"].iloc[0]), **returned, **judged}


def _tables(won: Won, costs: pd.DataFrame, age: int, opened: LogStart) -> dict[str, pd.DataFrame]:
    months = won.customers.groupby(["month", "channel"], as_index=False)["customers"].sum()
    cac = compute_cac(costs, months, opened.first_month(won.first))
    value = value_by_channel(won, opening=opened.days)
    if won.known:
        revenue = value_by_channel(won, "revenue", opening=opened.days)[
            ["realised", "expected", "lower", "upper"]
        ]
        value = value.join(revenue.add_prefix("revenue_"))
    returns = compute_returns(value, cac, age)
    by_month = months.merge(costs, on=["month", "channel"], how="outer")
    by_month = by_month.fillna({"customers": 0}).astype({"customers": "int64"})
    return {
        "cac": cac,
        "months": by_month.sort_values(["month", "channel"], ignore_index=True),
        "value": value,
        "returns": returns if won.known else returns.head(0),  # its file names the columns all the same
        "judged": judge_earlier(won, opening=find_log_start(won.before(180).joined, won.first).days),
    }


def _channel_column(cleaned: CleanedShop, log: Log, column: str, named: set[str]) -> pd.Series | None:
    """Return the channel that won each customer, from the stated column or the likely one; None if there is none."""
    end = log.end
    if not column:
        return channels_won(cleaned.customers, end, log.customers, named)
    if cleaned.customers.attributes is None:
        raise InputError(
            f"the channel {column!r} is a column of the table of customers, but none is given; add it with --customers."
        )
    channels = cleaned.customers.levels(column, end, log.customers)
    if channels is None:
        available = list(cleaned.customers.groups(end, log.customers))
        raise InputError(f"the table of customers has no column {column!r}; available: {available}.")
    return channels.replace("unknown", None)


def _acquisition_notes(won: Won, costs: pd.DataFrame, currency: str) -> list[str]:
    notes = _channel_notes(won.customers.groupby("channel")["customers"].sum(), costs, currency)
    notes += _months_without_their_channel(won.customers, costs)
    outside = int(won.customers.loc[~won.customers["month"].isin(costs["month"]), "customers"].sum())
    if outside:
        notes.append(
            f"{outside:,} customers were won in months without costs; they count towards value, but not "
            "towards the cost per customer."
        )
    if not won.known:
        notes.append(
            "Contribution is unknown, so value is revenue and is not compared with cost: map a cost column, "
            "or state --margin-rate."
        )
    return notes


def _channel_notes(customers: pd.Series, costs: pd.DataFrame, currency: str) -> list[str]:
    """Return sentences on customers, by channel, and costs that have no channel, or one that the other side lacks."""
    everybody, unknown = int(customers.sum()), int(customers.get(UNATTRIBUTED, 0))
    if unknown == everybody:
        return [
            "No customer has a channel, so only the total cost per customer is known. Add --customers, and "
            "--channel for its column of channels."
        ]
    notes = (
        [f"{unknown:,} of {everybody:,} customers have no channel; they are in the row {UNATTRIBUTED!r}."]
        if unknown
        else []
    )
    loose = costs.loc[costs["channel"] == UNATTRIBUTED, "cost"].sum()
    if loose and (costs["channel"] == UNATTRIBUTED).all():
        return [*notes, "The costs have no channel, so only the total cost per customer is known."]
    if loose:
        part, whole = format_amounts([loose, costs["cost"].sum()], currency)
        notes.append(f"{part} of the cost of {whole} has no channel and is not part of any channel's cost.")
    unnamed = sorted(set(customers.index) - {UNATTRIBUTED} - set(costs["channel"]))
    if unnamed:
        listed = f"{', '.join(unnamed[:3])}{' and others' if len(unnamed) > 3 else ''}"
        notes.append(
            f"The costs do not mention {listed}, and some costs have no channel. So the cost per customer and the "
            "payback of these channels are unknown."
            if loose
            else f"The costs do not mention {listed}, so winning these customers counts as free."
        )
    return notes


def _months_without_their_channel(customers: pd.DataFrame, costs: pd.DataFrame) -> list[str]:
    """Return a sentence on customers of a channel that has costs, but not in their month, where others have some."""
    named = costs[["month", "channel"]].assign(named=True)
    unnamed = customers.merge(named, how="left")["named"].isna().to_numpy()
    at_all = customers["month"].isin(costs["month"]) & customers["channel"].isin(costs["channel"])
    free = customers[unnamed & at_all & (customers["channel"] != UNATTRIBUTED)]
    if free.empty:
        return []
    first = free.sort_values(["month", "channel"]).iloc[0]
    return [
        f"{free['customers'].sum():,} customers were won in months in which the costs mention other channels but not "
        f"theirs, such as {first['channel']} in {first['month']:%Y-%m}, so winning them counts as free."
    ]
