"""Lessons of a past campaign in one table: customers, treatment, outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml import decisions
from cltv_ml.actions.campaigns import show_policies, tell_policies
from cltv_ml.files import atomic, together, write_table
from cltv_ml.money import format_number, format_range
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import render_html, section, summarise


def learn_from_table(
    X: pd.DataFrame, arm: pd.Series, outcome: pd.Series, out: Path, *, control: str, worth: float, cost: float
) -> dict[str, pd.DataFrame]:
    """Return the tables learned from a randomised campaign, by name, and write them with `lesson.html`.

    `campaign_lesson` (effect and order per arm), `campaign_balance`, `qini_curve`, `policy_value` (profit per
    customer of each way of choosing arms, where the campaign looks drawn at random) and `campaign_uplift`: per
    customer the predicted uplift of each arm, the `best_arm` and its `expected_profit`.

    Parameters
    ----------
    X
        Customers as they were before the campaign, indexed by customer.
    arm, outcome
        Arm of each customer, and the outcome: 0 or 1, or an amount.
    control
        The arm without treatment.
    worth
        Profit of one unit of the outcome: for revenue the margin rate, for a visit its profit.
    cost
        Cost of treating one customer, in currency.

    Raises
    ------
    InputError
        There is no such control, or an arm is too small to learn from.
    """
    lesson = decisions.learn_from_campaign(X, arm, outcome, control=control)
    balance = decisions.balance_table(X, (arm != control).astype(int))
    tables = {"campaign_lesson": lesson.arms, "campaign_balance": balance, "qini_curve": lesson.curves}
    tables["campaign_uplift"] = _best_arms(lesson.predict(X), control, worth, cost)
    unlike = balance.index[~balance["looks_random"]]
    shown: dict[str, pd.DataFrame] = {}
    warnings: list[str] = []
    sentences = [_uplift_sentence(str(name), row) for name, row in lesson.arms.iterrows()]
    if len(unlike):
        warnings.append(
            f"Recipients differed from the control group before the campaign, most in {unlike[0]}. They are "
            "unlikely to have been drawn at random, so do not trust the uplift; other ways of choosing arms "
            "cannot be compared."
        )
    else:
        profit = outcome * worth - cost * (arm != control)
        tables["policy_value"] = decisions.judge_policies(lesson, X, arm, profit, worth=worth, cost=cost)
        shown["Profit per customer by rule for choosing arms"] = show_policies(tables["policy_value"])
        sentences += tell_policies(tables["policy_value"])
    drawn = {"Effect of the campaign by length of the list": plots.qini_curve(lesson.curves)}
    parts = [section("Lessons from the campaign", sentences, warnings=warnings, figures=drawn, tables=shown)]
    _write_learned(tables, parts, out, len(X))
    return tables


def _uplift_sentence(arm: str, row: pd.Series) -> str:
    uplift, qini = (
        f"{format_number(row[name])} ({format_range(row[f'{name}_lower'], row[f'{name}_upper'])})"
        for name in ("uplift", "qini")
    )
    return (
        f"{arm}: {'+' * (row['uplift'] >= 0)}{uplift} of the outcome per customer. On the half that the learner "
        f"never saw, its Qini coefficient is {qini}: it {row['verdict']}."
    )


def _best_arms(uplift: pd.DataFrame, control: str, worth: float, cost: float) -> pd.DataFrame:
    """Return the uplifts with the most profitable arm and its profit per customer, the most profitable first."""
    gain = uplift * worth - cost
    best = gain.max(axis=1)
    return uplift.assign(
        best_arm=np.where(best > 0, gain.idxmax(axis=1), control), expected_profit=best.clip(lower=0)
    ).sort_values("expected_profit", ascending=False, kind="stable")


@together()
def _write_learned(
    tables: dict[str, pd.DataFrame], parts: list[dict[str, Any]], out: Path, customers: int
) -> None:
    for name, table in tables.items():
        write_table(table.reset_index() if table.index.name else table, out / f"{name}.csv")
    with atomic(out / "lesson.html") as path:
        page = summarise("Lessons from a past campaign", f"{customers:,} customers", parts)
        path.write_text(render_html(page), encoding="utf-8")
