"""Sections on the data: contents of the log, cleaning, and training of the models."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.customers import CleanedShop
from cltv_ml.data import (
    Cleaned,
    DataVerdict,
    Report,
    compute_months,
    compute_seasonality,
    compute_summary,
)
from cltv_ml.data import judge as judge_data
from cltv_ml.data.quality import compute_cohort_activity, compute_gap_histogram, compute_spend_histogram
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.log import Log
from cltv_ml.money import Note, format_amounts, format_exactly, format_money
from cltv_ml.reporting import plots
from cltv_ml.reporting.columns import profile_columns
from cltv_ml.reporting.report import section
from cltv_ml.reporting.rule_names import SHORT_REASONS
from cltv_ml.reporting.sections.attributes import attribute_account_section

_VERDICTS = {
    "go": "The data check's verdict is go: there are enough customers, history and repeat purchases to learn from.",
    "caution": "The data check advises caution.",
    "no-go": "The data check's verdict is no-go: do not read anything below as a forecast.",
}

_READINGS = {"counts": "a sale", "refund": "a refund, netted", "ignore": "not a sale, left out"}


def _rows_aside(rows: int) -> str:
    return f"{rows:,} rows were set aside, each with a reason" if rows else "no row was set aside"


def _describe_training(result: WindowResult) -> str:
    origins, cutoff = result.training.origins, result.window.cutoff
    if not origins or not any(model.needs_labels for model in result.models.values()):
        return (
            "Only models that need no labelled earlier window competed; they learned from everything "
            f"before {cutoff:%Y-%m-%d}."
        )
    return (
        f"The XGBoost models learned from {len(result.training.X):,} rows at {len(origins)} earlier "
        f"cutoff{'s' if len(origins) > 1 else ''}, the latest {origins[0].cutoff:%Y-%m-%d}; the "
        f"probabilistic models learned from everything before the test cutoff, {cutoff:%Y-%m-%d}."
    )


def data_section(cleaned: Cleaned, result: WindowResult, *, currency: str = "") -> dict[str, Any]:
    """Return the section on the data, the data check, and how the models were trained and tested."""
    log = cleaned.transactions
    verdict = judge_data(log, result.window.horizon, cleaned.report)
    facts, revenue = compute_summary(log).iloc[0], float(cleaned.log["amount"].sum())
    sentences = [
        f"{facts['orders']:,} orders ({facts['rows']:,} lines) of {facts['customers']:,} customers from "
        f"{facts['first']:%Y-%m-%d} to {facts['last']:%Y-%m-%d}, {format_money(revenue, currency)} in "
        f"revenue; {_rows_aside(len(cleaned.quarantine))}.",
        _VERDICTS[verdict.level],
        _describe_training(result),
    ]
    return section(
        "Data and method",
        sentences,
        warnings=[_sentence(Note(reason, currency)) for reason in verdict.reasons],
        details=[_more(cleaned, currency)],
    )


def money_section(
    months: pd.DataFrame, season: pd.DataFrame, cohorts: pd.DataFrame, *, currency: str = ""
) -> dict[str, Any]:
    """Return the revenue of each month, the season, and what each month's new customers spent since.

    Parameters
    ----------
    months, season, cohorts
        `data.compute_months`, `compute_seasonality` and `compute_cohort_activity` of the log.
    """
    new = section("Customers by the month they were won", figures=_cohorts(cohorts, currency))
    return section("Money over time", figures=_over_time(months, season, currency), details=[new])


def check_sections(cleaned: Cleaned, verdict: DataVerdict, *, currency: str = "") -> list[dict[str, Any]]:
    """Return the data report: the verdict, how the source was read, what the log holds, and the figures."""
    cleaned = CleanedShop.of(cleaned)
    log = cleaned.transactions
    sections = [
        section(
            "Can customer lifetime value be learned from this data?",
            [_VERDICTS[verdict.level]],
            warnings=[_sentence(Note(reason, currency)) for reason in verdict.reasons],
        ),
        _account(cleaned.report, currency),
        *attribute_account_section(cleaned.customers),
    ]
    if cleaned.report.notes:
        notes = [Note(note, currency) for note in cleaned.report.notes]
        sections.append(section("Notes on the source", notes))
    if len(log):
        sections += [
            section(
                "What the clean log contains",
                tables={
                    "Facts of the log": _facts(log, currency),
                    "Every column of the clean log": _column_table(log, cleaned.report),
                },
            ),
            section(
                "Over time",
                figures=_over_time(compute_months(log), compute_seasonality(log), currency)
                | _cohorts(compute_cohort_activity(log), currency),
            ),
            _more(cleaned, currency),
        ]
    return sections


def check_facts(cleaned: Cleaned, *, currency: str = "") -> dict[str, tuple[str, str]]:
    """Return the key facts of a clean log: revenue, customers and the share of lines kept; none of an empty one."""
    log, report = CleanedShop.of(cleaned).transactions, cleaned.report
    if not len(log):
        return {}
    facts = compute_summary(log).iloc[0]
    return {
        "Revenue": (
            format_money(float(facts["revenue"]), currency),
            f"from {facts['first']:%Y-%m-%d} to {facts['last']:%Y-%m-%d}, returns subtracted",
        ),
        "Customers": (
            f"{facts['customers']:,}",
            f"with {facts['orders']:,} orders; {facts['repeat_rate']:.0%} of them bought again",
        ),
        "Lines kept": (
            f"{report.rows_kept / report.rows_in:.0%}",
            f"{report.rows_kept:,} of {report.rows_in:,}"
            + ("; every other line has a reason below" if report.rows_kept < report.rows_in else ""),
        ),
    }


def _account(report: Report, currency: str) -> dict[str, Any]:
    """Return the account of lines and money, the kinds of lines, and the roles of columns."""
    tables = {"Where the lines and the money went": _money_account(report, currency)}
    if len(report.levels):
        tables["Which lines are completed sales"] = _status_table(report.levels, currency)
    columns = [(column, name) for name, column in report.mapping.items()]
    tables["Which column is which"] = pd.DataFrame(columns, columns=["Column", "Read as"])
    sentences = [f"{report.rows_in:,} lines of {report.source} read, {report.rows_kept:,} kept."]
    if report.unused:
        sentences.append(f"Columns not used: {', '.join(report.unused)}.")
    return section("Reading of the source", sentences, tables=tables)


def _status_table(levels: pd.DataFrame, currency: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Level": levels["column"] + ": " + levels["level"],
            "Read as": levels["reading"].map(_READINGS),
            "Lines": [f"{rows:,}" for rows in levels["rows"]],
            "Money": format_amounts(levels["money"], currency),
        }
    )


def _money_account(report: Report, currency: str) -> pd.DataFrame:
    """Return the amounts read, set aside by each rule, and kept, to the cent."""
    rules = report.rules[report.rules["rows"] > 0]
    parts = [
        ("read", "", report.rows_in, report.money_in),
        *((SHORT_REASONS[rule.rule], rule.rule, -rule.rows, -rule.money) for rule in rules.itertuples()),
        ("capped", "", 0, -report.money_capped),
        ("kept", "", report.rows_kept, report.money_kept),
    ]
    shown = [part for part in parts if part[0] != "capped" or part[3]]
    return pd.DataFrame(
        {
            "Part": [name for name, _, _, _ in shown],
            "Rule": [rule for _, rule, _, _ in shown],
            "Lines": [f"{rows:,}" for _, _, rows, _ in shown],
            f"Money{f' in {currency}' if currency else ''}": [
                format_exactly(money, currency, unit=False) for _, _, _, money in shown
            ],
        }
    )


def _facts(log: Log, currency: str) -> pd.DataFrame:
    facts = compute_summary(log).iloc[0]
    gap = facts["median_gap"]
    rows = {
        "Lines": f"{facts['rows']:,}",
        "Customers": f"{facts['customers']:,}",
        "Orders": f"{facts['orders']:,}",
        "Revenue": format_money(float(facts["revenue"]), currency),
        "Span": f"{facts['first']:%Y-%m-%d} to {facts['last']:%Y-%m-%d}, {facts['days']:,} days",
        "Days without an order": f"{facts['days_without_orders']:,}, at most {facts['longest_gap']:,} in a row",
        "Customers who bought again": f"{facts['repeat_rate']:.1%}",
        "Median days between purchases": "-" if pd.isna(gap) else f"{gap:.0f}",
        "Customers who may have bought before the log begins": f"{facts['opening_customers']:,}",
        "Customers whose purchases cost nothing": f"{facts['zero_customers']:,}",
    }
    return pd.DataFrame({"Fact": list(rows), "Value": list(rows.values())})


def _column_table(log: Log, report: Report) -> pd.DataFrame:
    """Return a row per column: its source column, the share of filled cells, and its values."""
    profile = profile_columns(log)
    return pd.DataFrame(
        {
            "Used as": profile["column"],
            "Column of the source": [report.mapping.get(name, "derived") for name in profile["column"]],
            "Kind": profile["kind"],
            "Missing": [f"{share:.1%}" for share in profile["missing"]],
            "Levels": [f"{levels:,}" for levels in profile["levels"]],
            "Values": [_spread(row) for _, row in profile.iterrows()],
        }
    )


def _spread(row: pd.Series) -> str:
    """Return minimum, median and maximum of a column of times or numbers, and the most frequent levels of any other."""
    if row["kind"] not in ("time", "number") or pd.isna(row["lowest"]):
        return str(row["frequent"])
    if row["kind"] == "time":
        low, middle, high = (str(row[name])[:10] for name in ("lowest", "middle", "highest"))
    else:
        low, middle, high = (_two_decimals(float(row[name])) for name in ("lowest", "middle", "highest"))
    return f"{low} to {high}, median {middle}"


def _two_decimals(value: float) -> str:
    """Return a number with at most two decimals.

    >>> _two_decimals(54.3248), _two_decimals(14.0), _two_decimals(0.004)
    ('54.32', '14', '0.004')
    """
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 0.01 else f"{value:.1g}"


def _over_time(months: pd.DataFrame, season: pd.DataFrame, currency: str) -> dict[str, go.Figure]:
    return {
        "Revenue (bars) and number of orders (line) per month; the first and last month may be incomplete.": (
            plots.revenue_over_time(months, currency=currency)
        ),
        "Months and weekdays compared with an average day. From two years on, each month is compared with the "
        "year around it; a shorter log shows its trend as much as its season.": plots.season_profile(season),
    }


def _cohorts(cohorts: pd.DataFrame, currency: str) -> dict[str, go.Figure]:
    """Return the figures of cohorts by the month of the first purchase; none if nobody bought in a later month."""
    if not (cohorts["month"] > 0).any():
        return {}
    return {
        "Each row is the customers won in one month: the share who bought in each later month.": (
            plots.cohort_retention(cohorts)
        ),
        "Each row is the customers won in one month: what they had spent on average by each later month.": (
            plots.cohort_revenue(cohorts, currency=currency)
        ),
    }


def _more(cleaned: Cleaned, currency: str) -> dict[str, Any]:
    log = cleaned.transactions
    figures = {}
    figures[
        "Distribution of the value of orders and of customers; each step is a quarter larger than the last."
    ] = plots.spend_distribution(compute_spend_histogram(log), currency=currency)
    gaps = compute_gap_histogram(log)
    if len(gaps):
        figures["How long customers waited before they bought again, if they did."] = plots.purchase_gaps(
            gaps
        )
    if (cleaned.report.rules["rows"] > 0).any():
        figures["Number of lines set aside for each reason; all of them are in the quarantine."] = (
            plots.quality_waterfall(cleaned.report.rules, currency=currency)
        )
    return section("More about the data", figures=figures)


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}"
