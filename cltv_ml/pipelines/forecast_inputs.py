"""Inputs of the shop's forecast apart from the log: costs, a table of holidays, and the last plan."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.decisions.line_costs import check_cost_unit
from cltv_ml.decisions.plan_against_actual import explain_difference
from cltv_ml.decisions.shop_plan import PlanTerms
from cltv_ml.errors import InputError
from cltv_ml.evaluation.shop_tables import compute_actuals, margin_rate
from cltv_ml.log import Log
from cltv_ml.models.level_candidates import WEEKS_YEAR
from cltv_ml.models.level_closures import MOST_DAYS
from cltv_ml.pipelines.inputs import read_table
from cltv_ml.settings import Forecast
from cltv_ml.windows import Window

#: The first columns of a forecast's file, in order.
PLAN_COLUMNS = ["cutoff", "start", "until", "span", "part", "measure", "expected"]

#: What a plan is, for who gave another table.
_PLAN = "a table that `cltv forecast` wrote"

_PLAN_DATES, _PLAN_NUMBERS = ("cutoff", "start", "until"), ("expected", "lower_80", "upper_80")


def plan_terms(settings: Forecast, log: Log, cutoff: pd.Timestamp) -> tuple[PlanTerms, list[str]]:
    """Return the costs behind revenue, and a sentence if the log has costs and a margin rate is stated too.

    The margin rate is that of the log's costs in its last year. A stated rate applies to lines without a cost.

    Raises
    ------
    InputError
        A rate or a cost is impossible, or the log's costs are in another unit than its amounts.
    """
    rate, notes = _plan_margin(settings.margin_rate, log, cutoff)
    terms = PlanTerms(
        rate,
        settings.share_of_amount,
        settings.per_order,
        settings.acquisition_cost,
        settings.discount_rate,
    )
    return terms, notes


def _plan_margin(stated: float | None, log: Log, cutoff: pd.Timestamp) -> tuple[float | None, list[str]]:
    if "cost" not in log.columns:
        return stated, []
    PlanTerms(stated)
    own, gap = margin_rate(log, cutoff - pd.Timedelta(days=364), cutoff)
    if own is None:
        sentence = "The last year's lines have no cost, so the stated margin rate is used for them."
        return stated, [] if stated is None else [sentence]
    check_cost_unit(1.0, 1 - own)
    if stated is None:
        sentence = (
            f"the margin of the other lines, {own:.1%}, is used for all of it; state --margin-rate to use "
            "another."
        )
        return own, [f"{gap:.1%} of the last year's revenue has no cost: {sentence}"] if gap > 0 else []
    if gap > 0:
        sentence = f"the stated margin rate is used for it; the other lines have a margin of {own:.1%}."
        return (1 - gap) * own + gap * stated, [
            f"{gap:.1%} of the last year's revenue has no cost: {sentence}"
        ]
    return own, [
        f"Every line of the last year has its own cost, so their margin of {own:.1%} is used instead of the "
        "stated rate."
    ]


def read_holiday_names(source: Any) -> dict[str, list[pd.Timestamp]]:
    """Return the days of each holiday from a table with `date` and, optionally, `name`."""
    if source is None:
        return {}
    table = (
        source
        if isinstance(source, pd.DataFrame)
        else read_table(source, (), "a table with date and name", key="")
    )
    if "date" not in table:
        raise InputError(
            f"the holidays need a column date, found {list(table.columns)}; rename the column with the dates."
        )
    days = pd.to_datetime(table["date"], errors="coerce", format="ISO8601")
    if days.isna().any():
        wrong = table.loc[days.isna(), "date"].iloc[0]
        what = "a row without a date" if pd.isna(wrong) else f"the date {str(wrong)!r}"
        raise InputError(f"the table of holidays contains {what}; write dates such as 2025-12-25.")
    if days.empty:
        raise InputError("the table of holidays has no row; add rows, or leave the table out.")
    names = table["name"].astype("str") if "name" in table else pd.Series("holiday", index=table.index)
    return {str(name): list(dates) for name, dates in days.dt.normalize().groupby(names)}


def unused_holidays(
    holidays: Mapping[str, list[pd.Timestamp]], first: pd.Timestamp, window: Window
) -> list[str]:
    """Return a sentence on holidays of the window that the log, which begins at `first`, shows on no day."""
    unseen = [
        name
        for name, days in holidays.items()
        if any(window.cutoff <= day < window.end for day in days)
        and not any(first.normalize() <= day < window.cutoff for day in days)
    ]
    used = any(first.normalize() <= day < window.end for days in holidays.values() for day in days)
    if holidays and not used:
        return ["No date in the table of holidays lies within the log or the forecast, so it has no effect."]
    if not unseen:
        return []
    names = ", ".join(unseen)
    return [f"No day of these holidays lies within the log, so they have no effect on the forecast: {names}."]


def pause_expected_again(joined: np.ndarray, closed: np.ndarray, window: Window) -> list[str]:
    """Return a sentence on a pause, too long for a closure, that lies a year before the window and in no other year.

    Parameters
    ----------
    joined
        Customers won on each day of the log, which ends where the window begins.
    closed
        Whether each day lies in a closure that is not expected again.
    """
    won, end = np.flatnonzero((joined > 0) | closed), len(joined) + window.horizon
    for before, after in pairwise(won.tolist()):
        again = before + 1 + WEEKS_YEAR < end and after + WEEKS_YEAR > len(joined)
        if after - before > MOST_DAYS and before < WEEKS_YEAR and again:
            since, until = (
                window.cutoff - pd.Timedelta(days=len(joined) - day) for day in (before + 1, after - 1)
            )
            return [
                f"Nobody new came from {since:%Y-%m-%d} to {until:%Y-%m-%d}. The log has these days in no earlier "
                "year, so the forecast takes them for a season and expects little on them again; if the shop paused "
                "only once, it is too low."
            ]
    return []


def find_plan(
    named: pd.DataFrame | Path | None, out: Path, first: pd.Timestamp, cutoff: pd.Timestamp
) -> pd.DataFrame | None:
    """Return the earlier forecast to compare with realised revenue and to keep next to `out`; None if there is none.

    Unless one is named, it is the forecast in `out` or the one that an earlier call kept: the newer of those with a
    period that has ended. So neither a second call on the same day nor daily calls lose the plan.

    Parameters
    ----------
    first, cutoff
        The log's first moment, and the first day after it: a plan made outside is that of another log.

    Raises
    ------
    InputError
        The named forecast is none, none of its periods has ended, or it is that of another log.
    """
    if named is not None:
        table = named if isinstance(named, pd.DataFrame) else read_table(named, (), _PLAN, key="")
        return _check_named(table, first, cutoff)
    tables = [read_table(file, (), _PLAN, key="") for file in (kept_plan(out), out) if file.is_file()]
    plans = [_with_types(table) for table in tables if not _missing(table)]
    plans = sorted(
        (plan for plan in plans if len(plan) and first < plan["cutoff"].iloc[0] < cutoff),
        key=lambda plan: plan["cutoff"].iloc[0],
    )
    begun = [plan for plan in plans if len(_ended_rows(plan, cutoff))]
    if begun and begun[-1]["until"].max() > cutoff:
        return begun[-1]
    # All of the judged one has ended: a newer plan is due. None has a period that ended: the oldest is the next to.
    return plans[-1 if begun else 0] if plans else None


def kept_plan(out: Path) -> Path:
    """Return the path next to a forecast of the file that keeps the previous one."""
    return out.with_stem(f"{out.stem}_before")


def judge_plan(
    log: Log, plan: pd.DataFrame | None, cutoff: pd.Timestamp
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Return a plan's ended periods with realised numbers, and the causes of the difference."""
    ended = None if plan is None else _ended_rows(plan, cutoff)
    if ended is None or ended.empty:
        return None, None
    periods = ended[["start", "until"]].drop_duplicates().sort_values("start")
    actual = compute_actuals(log, periods, ended["cutoff"].iloc[0])
    came = actual.groupby("start")["revenue"].sum().rename("actual")
    planned = ended[(ended["part"] == "total") & (ended["measure"] == "revenue")]
    expected = ended[ended["part"].isin(["known", "new"])].pivot_table(
        index="part", columns="measure", values="expected", aggfunc="sum"
    )
    measures = ["customers", "orders", "revenue"]
    causes = explain_difference(
        expected.reindex(["known", "new"])[measures].fillna(0.0),
        actual.groupby("part")[measures].sum().reindex(["known", "new"]).astype(float),
    )
    return planned.join(came, on="start").reset_index(drop=True), causes


def _check_named(table: pd.DataFrame, first: pd.Timestamp, cutoff: pd.Timestamp) -> pd.DataFrame:
    if missing := _missing(table):
        raise InputError(f"the earlier forecast lacks {missing}; give a table written by `cltv forecast`.")
    plan = _with_types(table)
    if _ended_rows(plan, cutoff).empty:
        raise InputError(
            f"no period of the earlier forecast has ended by {cutoff - pd.Timedelta(days=1):%Y-%m-%d}, the "
            "log's last day; give an older forecast."
        )
    if plan["cutoff"].iloc[0] <= first:
        raise InputError(
            f"the earlier forecast begins on {plan['cutoff'].iloc[0]:%Y-%m-%d}, before the log does on "
            f"{first:%Y-%m-%d}; give a forecast of the same shop."
        )
    return plan


def _missing(table: pd.DataFrame) -> list[str]:
    return [name for name in (*PLAN_COLUMNS, *_PLAN_NUMBERS[1:]) if name not in table]


def _with_types(table: pd.DataFrame) -> pd.DataFrame:
    """Return a plan with dates and numbers; InputError where a cell holds neither, or where rows are missing."""
    typed = {name: pd.to_datetime(table[name], errors="coerce", format="ISO8601") for name in _PLAN_DATES}
    typed |= {name: pd.to_numeric(table[name], errors="coerce") for name in _PLAN_NUMBERS}
    for name, column in typed.items():
        if column.isna().any():
            wrong = str(table.loc[column.isna(), name].iloc[0])
            raise InputError(
                f"the earlier forecast has {wrong!r} in the column {name}; give a table as `cltv forecast` wrote "
                "it, or another name for the new one with --out."
            )
    periods = table[table["span"] == "period"]
    whole = (periods["part"] == "total") & (periods["measure"] == "revenue")
    rows = pd.DataFrame({"rows": 1, "whole": whole}).groupby(periods["start"]).sum()
    cut = rows[(rows["rows"] < rows["rows"].max()) | (rows["whole"] == 0)]
    if not cut.empty:
        raise InputError(
            f"the earlier forecast lacks rows for the period from {cut.index[0]}, as if it were cut off; give a table "
            "as `cltv forecast` wrote it, or another name for the new one with --out."
        )
    return table.assign(**typed)


def _ended_rows(plan: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return the rows of the periods that have ended by the cutoff."""
    return plan[(plan["span"] == "period") & (plan["until"] <= cutoff)]
