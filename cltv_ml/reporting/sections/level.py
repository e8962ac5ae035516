"""Section on the total: each candidate's forecast, its past error and its weight."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.models import Level
from cltv_ml.money import format_amounts, format_money
from cltv_ml.reporting.report import section


def level_section(result: WindowResult, *, currency: str = "") -> dict[str, Any] | None:
    """Return the section on the level of the test window, None where there is none."""
    level = result.level
    if level is None:
        return None
    low, high = (format_money(end, currency) for end in level.interval())
    total = format_money(level.total, currency)
    sentences = [
        f"On {result.window.cutoff:%Y-%m-%d}, existing customers were expected to spend {total} in total, "
        f"with 90% probability between {low} and {high}. Every model except the naive rule was scaled to "
        "this total.",
        "The total is the weighted geometric mean of the forecasts below: the smaller a forecast's expected "
        "error, the larger its weight. Each kind of forecast starts with a typical error, which earlier "
        "cutoffs of this log correct.",
    ]
    tables = {"Forecasts of the total": _candidates(level, currency)}
    if len(level.record):
        tables["The weighted mean at earlier cutoffs, each with the weights known at the time"] = _record(
            level, result, currency
        )
    return section("Forecast of the total", sentences, tables=tables)


def _candidates(level: Level, currency: str) -> pd.DataFrame:
    rows = level.table.sort_values("weight", ascending=False, kind="stable")
    return pd.DataFrame(
        {
            "Forecast": rows["candidate"],
            "Total": format_amounts(rows["total"], currency),
            "Weight": [f"{weight:.0%}" for weight in rows["weight"]],
            "Expected error": [f"{error:.0%}" for error in rows["error"]],
            "Mean error so far": [
                "not tried" if pd.isna(missed) else f"{missed:.0%}" for missed in rows["missed"]
            ],
            "Earlier cutoffs": [f"{count}" for count in rows["cutoffs"]],
        }
    )


def _record(level: Level, result: WindowResult, currency: str) -> pd.DataFrame:
    rows = level.record.sort_values("ago")
    days = result.window.cutoff - pd.to_timedelta(rows["ago"], unit="D")
    return pd.DataFrame(
        {
            "Cutoff": days.dt.strftime("%Y-%m-%d"),
            "Forecast": format_amounts(rows["forecast"], currency),
            "Spent": format_amounts(rows["total"], currency),
            "Error": [f"{bias:+.0%}" for bias in rows["forecast"] / rows["total"] - 1],
            "Season seen": ["yes" if seen else "no" for seen in rows["season_seen"]],
        }
    )
