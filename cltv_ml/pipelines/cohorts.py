"""Cohorts of customers by their first purchase: a table, and a page with heat maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml import decisions
from cltv_ml.customers import CleanedShop
from cltv_ml.errors import InputError
from cltv_ml.evaluation.log_start import find_log_start, first_seen
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.files import table_file, together, write_table
from cltv_ml.inline import Inline
from cltv_ml.log import Log
from cltv_ml.money import format_money
from cltv_ml.pipelines.continuation import continue_cohorts
from cltv_ml.pipelines.inputs import known_costs, load, with_currency
from cltv_ml.pipelines.left_out import describe_left_out
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.pages import write_page
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section, summarise
from cltv_ml.reporting.sections.shop_answers import cohort_answers, share_who_bought
from cltv_ml.settings import Cohorts, Settings
from cltv_ml.tables import for_spreadsheet
from cltv_ml.windows import to_days

#: What follows where old customers look new in the log's first weeks.
_WITH_OLD = "Cohorts that contain them do not show how new customers behave."


@dataclass(frozen=True)
class CohortTable(Inline):
    """The table of `decisions.compute_cohorts`, the champion's expectation if any, sentences, the file and the page."""

    table: pd.DataFrame
    continuation: pd.DataFrame | None
    notes: list[str]
    file: Path
    page: Path


@with_bar
def cohorts(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> CohortTable:
    """Follow customers from their first purchase, grouped by its attributes; write and return a table and a page.

    Raises
    ------
    InputError
        The grouping or the period is unknown, or the log lacks a column that it needs.
    """
    settings = Cohorts.of(settings, options)
    settings = settings.model_copy(update={"out": table_file(settings.out, "cohorts.csv")})
    days = _days(settings.horizons)
    cleaned = load(settings, progress)
    settings = with_currency(settings, cleaned)
    log = cleaned.transactions
    progress("following the cohorts", 0.5)
    costs, log, cost_notes = known_costs(settings, log)
    by = _grouping(settings.by, cleaned, log)
    table = decisions.compute_cohorts(log, by, settings.per, costs=costs)
    continuation = None
    if days:
        progress("adding the champion's expected values", 0.6)
        continuation = continue_cohorts(log, decisions.cohort_members(log, by), days)
    page = settings.out.with_suffix(".html")
    opened = find_log_start(first_seen(log), log.first.normalize())
    notes = [
        *describe_left_out(cleaned, settings.currency),
        *_warnings(table, settings),
        *filter(None, [opened.sentence(_WITH_OLD)]),
        *cost_notes,
    ]
    with together():
        if continuation is not None:
            write_table(for_spreadsheet(continuation, settings.currency), _expected_file(settings))
        write_table(for_spreadsheet(table, settings.currency), settings.out)
        write_page(_cohorts_page(table, settings, continuation, notes), page)
    return CohortTable(table, continuation, notes, settings.out, page)


def _expected_file(settings: Cohorts) -> Path:
    return settings.out.with_stem(f"{settings.out.stem}_expected")


def _days(horizons: list[str]) -> list[int]:
    days = [to_days(horizon) for horizon in horizons]
    if days != sorted(set(days)):
        raise InputError(
            f"horizons must increase, got {', '.join(horizons)}; write them from the shortest to the longest."
        )
    return days


def _grouping(by: str, cleaned: CleanedShop, log: Log) -> str | pd.Series:
    """Return the name of the grouping, or each customer's level of the attribute that it names."""
    if by in decisions.GROUPS or cleaned.customers.attributes is None:
        return by
    end = log.end
    levels = cleaned.customers.levels(by, end, log.customers)
    if levels is None:
        available = [*decisions.GROUPS, *cleaned.customers.groups(end, log.customers)]
        raise InputError(
            f"the table of customers has no column {by!r} that groups customers; available: {available}."
        )
    return levels


def _cohorts_page(
    table: pd.DataFrame, settings: Cohorts, continuation: pd.DataFrame | None, notes: list[str]
) -> dict[str, Any]:
    parts = [_so_far(table, settings, notes)]
    if continuation is not None:
        parts.append(_to_come(continuation, settings.currency))
    subtitle = f"per {settings.per} since the first purchase"
    answers = cohort_answers(table, notes, per=settings.per, currency=settings.currency)
    return summarise("Cohorts", subtitle, parts, _cohort_facts(table, settings, continuation), answers)


def _cohort_facts(
    table: pd.DataFrame, settings: Cohorts, continuation: pd.DataFrame | None
) -> dict[str, tuple[str, str]]:
    """Return the page's facts: customers followed, the share who came back, and their expected revenue."""
    first, second = (table[table["period"] == period] for period in (0, 1))
    second = second[decisions.is_followed(second)]
    facts = {
        "Customers": (
            f"{first['customers'].sum():,}",
            f"in {len(first):,} cohorts by {settings.by.replace('_', ' ')}",
        )
    }
    if second["observed"].sum():
        facts[f"Bought in {settings.per} 1"] = (
            f"{share_who_bought(second):.0%}",
            f"of {second['observed'].sum():,} customers; {settings.per} 0 begins with the first purchase",
        )
    if continuation is not None:
        last = continuation[continuation["days"] == continuation["days"].max()]
        total = float((last["customers"] * last["expected"]).sum())
        facts["Expected revenue"] = (
            format_money(total, settings.currency),
            f"of these customers in the next {last['days'].iloc[0]} days",
        )
    return facts


def _so_far(table: pd.DataFrame, settings: Cohorts, notes: list[str]) -> dict[str, Any]:
    return section(
        f"Customers by {settings.by.replace('_', ' ')}",
        [
            f"{table.loc[table['period'] == 0, 'customers'].sum():,} customers, each followed from their own "
            f"first purchase, where {settings.per} 0 begins. A cell counts the customers who have been observed to "
            f"the end of its {settings.per}; cells with fewer than {decisions.SMALL_COHORT} of them are left out, "
            "unless these are the whole cohort."
        ],
        warnings=notes,
        links={
            "Every cohort and period as CSV": settings.out.name,
            **(
                {"Expected values of each cohort as CSV": _expected_file(settings).name}
                if settings.horizons
                else {}
            ),
        },
        figures={
            f"Each row is a cohort: the share of its customers who bought in each {settings.per}.": (
                plots.cohort_table(table, measure="retention", per=settings.per)
            ),
            f"Each row is a cohort: what a customer had spent on average by the end of each {settings.per}.": (
                plots.cohort_table(table, per=settings.per, currency=settings.currency)
            ),
        },
    )


def _warnings(table: pd.DataFrame, settings: Cohorts) -> list[str]:
    warnings, per = [], settings.per
    if small := sorted(table.loc[table["small"], "cohort"].unique()):
        more = f" and {len(small) - 12:,} more" if len(small) > 12 else ""
        warnings.append(
            "These cohorts have fewer than 30 customers and are drawn in grey; read them with care: "
            f"{', '.join(small[:12])}{more}."
        )
    if settings.by == "first_month" and 2 * len(small) > table["cohort"].nunique() > 1:
        warnings.append(
            "Most months won fewer than 30 customers; cohorts by quarter (first_quarter) join three months."
        )
    if not decisions.is_followed(table).any():
        warnings.append(
            f"No cohort has {decisions.SMALL_COHORT} customers, or all of its customers, observed for a whole {per}, "
            "so the figures are empty; choose a shorter period."
        )
    return warnings


def _to_come(continuation: pd.DataFrame, currency: str) -> dict[str, Any]:
    return section(
        "What is still to come",
        [
            "The champion's expected value per customer from the log's last day on. Lines at the ends of "
            "the bars are the 90% intervals of the longest horizon."
        ],
        figures={
            "Solid bars show what a customer has brought in so far, lighter ones what is expected.": (
                plots.cohort_continuation(continuation, currency=currency)
            )
        },
    )
