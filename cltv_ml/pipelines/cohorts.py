"""Cohorts of customers by their first purchase: a table, and a page with heat maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml import decisions
from cltv_ml.evaluation.backtest import Progress, silent
from cltv_ml.files import atomic, write_table
from cltv_ml.pipelines.inputs import load
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import render_html, section, summarise
from cltv_ml.settings import Cohorts, Settings


@dataclass(frozen=True)
class CohortTable:
    """The table of `decisions.compute_cohorts`, its file, and the page."""

    table: pd.DataFrame
    file: Path
    page: Path


def cohorts(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> CohortTable:
    """Follow customers from their first purchase on, grouped by what it was, and write the table and a page.

    Raises
    ------
    InputError
        The grouping or the period is unknown, or the log lacks a column that it needs.
    """
    settings = Cohorts.of(settings, options)
    log = load(settings, progress).transactions
    progress("following the cohorts", 0.5)
    costs = None if settings.margin_rate is None else decisions.Costs(margin_rate=settings.margin_rate)
    table = decisions.compute_cohorts(log, settings.by, settings.per, costs=costs)
    write_table(table, settings.out)
    page = settings.out.with_suffix(".html")
    with atomic(page) as path:
        path.write_text(render_html(_page(table, settings)), encoding="utf-8")
    return CohortTable(table, settings.out, page)


def _page(table: pd.DataFrame, settings: Cohorts) -> dict[str, Any]:
    small = sorted(table.loc[table["small"], "cohort"].unique())
    warnings = [f"Fewer than 30 customers, so read them with care: {', '.join(small[:12])}."] if small else []
    drawn = section(
        f"Customers by {settings.by.replace('_', ' ')}",
        [
            f"{table.loc[table['period'] == 0, 'customers'].sum():,} customers, each followed by their own clock: "
            f"{settings.per} 0 begins with the first purchase. Periods that not every customer of a cohort has "
            "finished are left out of the figures; the table marks them as not complete."
        ],
        warnings=warnings,
        figures={
            f"Each row is a cohort: the share of its customers who bought in each {settings.per}.": (
                plots.cohort_table(table, measure="retention", per=settings.per)
            ),
            f"Each row is a cohort: what a customer had spent on average by the end of each {settings.per}.": (
                plots.cohort_table(
                    table,
                    per=settings.per,
                    currency=settings.currency,
                )
            ),
        },
    )
    return summarise("Cohorts", f"per {settings.per} since the first purchase", [drawn])
