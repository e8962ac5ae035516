"""The sections of the customer-base audit: five questions, each with its figures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from cltv_ml.decisions.audit import Audit
from cltv_ml.decisions.cohorts import SMALL_COHORT
from cltv_ml.money import format_amounts, format_exactly, format_money
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.report import section

_BRANCHES = {
    "customers": "number of customers",
    "orders_per_customer": "orders per customer",
    "revenue_per_order": "revenue per order",
    "margin_rate": "margin rate",
}


def audit_sections(audit: Audit, *, currency: str = "") -> list[dict[str, Any]]:
    """Return one section per question of the audit, and one that shows that the tables add up to the same revenue."""
    several = len(audit.periods) > 1
    parts = [_differences(audit, currency)]
    if several:
        parts += [_changes(audit, currency), _one_cohort(audit, currency), _compared(audit, currency)]
    return [*parts, _health(audit, currency), _agreement(audit, currency)]


def audit_facts(audit: Audit, *, currency: str = "") -> dict[str, tuple[str, str]]:
    """Return the key facts: by name, a number and half a sentence."""
    now, total = _latest(audit), audit.concentration.iloc[0]
    facts = {
        "Customers": (f"{now['customers']:,}", f"bought in {_when(audit, now['name'])}"),
        "Revenue": (format_money(now["revenue"], currency), f"in {_when(audit, now['name'])}"),
        "Best fifth": (_share(total["top_20"]), "of the whole log's revenue comes from the best 20%"),
    }
    before = audit.periods[audit.periods["period"] == now["period"] - 1]
    if len(before):
        share = now["kept"] / before["customers"].iloc[0] if before["customers"].iloc[0] else float("nan")
        facts["Kept"] = (_share(share), "of the previous period's customers bought again")
    return facts


def audit_notes(audit: Audit, first: pd.Timestamp, last: pd.Timestamp) -> list[str]:
    """Return the notes that a reader needs before the numbers of a log with these first and last moments."""
    part, end = audit.periods[~audit.periods["complete"]], last.normalize() + pd.Timedelta(days=1)
    covered = part["until"].clip(upper=end) - part["since"].clip(lower=first.normalize())
    days = zip(covered.dt.days, (part["until"] - part["since"]).dt.days, part["name"], strict=True)
    named = " and ".join(f"{seen} of the {of} days of {_when(audit, name)}" for seen, of, name in days)
    notes = [f"The log covers only {named}, so compare it with care."] if named else []
    if len(audit.periods) == 1:
        shorter = "" if audit.per == "month" else "; choose shorter periods"
        notes.append(f"The log covers only one period, so there is nothing to compare yet{shorter}.")
    else:
        notes.append(
            f"Everyone in the first period, {_when(audit, audit.periods['name'].iloc[0])}, counts as new "
            "there: the log does not show who bought before it begins."
        )
    gone = int(audit.periods["refunds_only"].sum())
    if gone:
        notes.append(
            f"In {gone:,} cases a customer received refunds in a period without a purchase; this money is "
            "counted separately."
        )
    return notes


def _latest(audit: Audit) -> pd.Series:
    """Return the latest whole period, the latest where none is whole."""
    whole = audit.periods[audit.periods["complete"]]
    return (whole if len(whole) else audit.periods).iloc[-1]


def _differences(audit: Audit, currency: str) -> dict[str, Any]:
    whole = audit.concentration.iloc[0]
    return section(
        "How different are customers?",
        [
            f"The best 20% of {whole['customers']:,} customers bring {_share(whole['top_20'])} of the revenue, and "
            f"{_share(whole['bring_80'])} of them bring 80% of it. Gini is 0 where all spend the same and near 1 where "
            "few spend everything."
        ],
        tables={
            theme.in_money("How concentrated revenue is", currency): _concentrated(audit, currency),
            theme.in_money("Customers in tenths, best first", currency): _tenths(audit, currency),
        },
        figures={
            "The steeper the curve rises, the more revenue depends on a few customers.": plots.concentration_curve(
                audit.curve
            ),
            "Each bar is a tenth of the customers.": plots.value_deciles(audit.deciles, currency=currency),
        },
    )


def _concentrated(audit: Audit, currency: str) -> pd.DataFrame:
    rows = audit.concentration
    return pd.DataFrame(
        {
            "Span": rows["span"].replace("all", "whole log"),
            "Customers": _counts(rows["customers"]),
            "Revenue": _money(rows["revenue"], currency),
            **{f"Best {share}% bring": rows[f"top_{share}"].map(_share) for share in (1, 5, 20)},
            "Bring 80%": rows["bring_80"].map(_share),
            "Gini": rows["gini"].map(lambda value: "" if pd.isna(value) else f"{value:.2f}"),
        }
    )


def _tenths(audit: Audit, currency: str) -> pd.DataFrame:
    rows = audit.deciles[audit.deciles["span"] == "all"]
    shown = {
        "Tenth": rows["decile"],
        "Customers": _counts(rows["customers"]),
        "Orders": _counts(rows["orders"]),
        "Revenue": _money(rows["revenue"], currency),
        "Share": rows["share"].map(_share),
        "Share so far": rows["cumulative_share"].map(_share),
        "Lowest revenue": _money(rows["least"], currency),
    }
    if "margin" in rows:
        shown["Margin"] = _money(rows["margin"], currency)
    return pd.DataFrame(shown)


def _changes(audit: Audit, currency: str) -> dict[str, Any]:
    by_branch = _change_by_branch(audit)
    figures = {
        "Above zero: customers who bought in the period. Below zero: customers who bought in the period "
        "before but not in this one.": (plots.base_changes(audit.periods)),
        "How much revenue new, returned, kept and lost customers added or took away.": plots.change_by_part(
            audit.changes, currency=currency
        ),
    }
    if by_branch["change"].notna().any():
        figures[
            "The same change, split into more customers, more orders per customer, and larger orders."
        ] = plots.change_by_part(
            by_branch, title="Customers, orders or baskets: what changed revenue", currency=currency
        )
    return section(
        "How do they change?",
        [describe_revenue_change(audit, currency)],
        tables={
            theme.in_money("Period by period", currency): _overview(audit, currency),
            theme.in_money("The revenue tree", currency): _branches(audit, currency),
            theme.in_money("What changed it", currency): _tree_table(audit, currency),
        },
        figures=figures,
    )


#: The behaviour of the customers in a part of the change, before its amount.
_WHO = {
    "new": "who were won in the period brought",
    "returned": "who came back brought",
    "kept, spent more": "who bought in both periods and spent more added",
    "kept, spent less": "who bought in both periods and spent less took away",
    "lost": "who stopped buying took away",
}


def _change_by_branch(audit: Audit) -> pd.DataFrame:
    """Return the change of revenue by period and branch of the revenue tree, with the total."""
    tree = audit.tree[audit.tree["of"] == "revenue"]
    branches = [name for name in _BRANCHES if name in tree and name != "margin_rate"]
    long = tree.melt(["name", "period"], [*branches, "change"], var_name="part", value_name="change_")
    long = long.drop(columns="period").rename(columns={"change_": "change"})
    return long.assign(part=long["part"].replace({**_BRANCHES, "change": "total"}))


def describe_revenue_change(audit: Audit, currency: str) -> str:
    """Return a sentence on how revenue changed in the latest period, and which customers changed it most."""
    now = _latest(audit)
    change_of = audit.changes[audit.changes["period"] == now["period"]].set_index("part")["change"]
    if change_of.empty:
        return "The latest complete period is the first of the log, so there is no earlier one to compare it with."
    largest = change_of.drop("total").abs().idxmax()
    return (
        f"Compared with the period before, revenue of {_when(audit, now['name'])} "
        f"{'rose' if change_of['total'] >= 0 else 'fell'} by "
        f"{format_money(abs(change_of['total']), currency)}. The largest part of the change: customers "
        f"{_WHO[largest]} {format_money(abs(change_of[largest]), currency)}."
    )


def _overview(audit: Audit, currency: str) -> pd.DataFrame:
    rows = audit.periods
    shown = {"Period": _period_names(rows)}
    for name, title in (
        ("customers", "Customers"),
        ("new", "New"),
        ("kept", "Kept"),
        ("returned", "Returned"),
    ):
        shown[title] = _counts(rows[name])
    shown |= {"Lost": _counts(rows["lost"]), "Orders": _counts(rows["orders"])}
    shown["Revenue"] = _money(rows["revenue"], currency)
    return pd.DataFrame(shown)


def _branches(audit: Audit, currency: str) -> pd.DataFrame:
    rows = audit.periods
    shown = {
        "Period": _period_names(rows),
        "Customers": _counts(rows["customers"]),
        "x orders per customer": rows["orders_per_customer"].map("{:.2f}".format),
        "x revenue per order": _money(rows["revenue_per_order"], currency),
        "= revenue": _money(rows["revenue"], currency),
    }
    if "margin" in rows:
        shown["x margin rate"] = rows["margin_rate"].map(_share)
        shown["= margin"] = _money(rows["margin"], currency)
    return pd.DataFrame(shown).replace("nan", "")


def _tree_table(audit: Audit, currency: str) -> pd.DataFrame:
    rows = audit.tree
    several = {"Of": rows["of"]} if rows["of"].nunique() > 1 else {}
    shown = {"Period": rows["name"], **several, "Change": _money(rows["change"], currency)}
    for name, title in _BRANCHES.items():
        if name in rows:
            shown[title.capitalize()] = _money(rows[name], currency)
    return pd.DataFrame(shown).replace("unknown", "")


def _one_cohort(audit: Audit, currency: str) -> dict[str, Any]:
    cohort = _typical_cohort(audit.cohorts)
    of_cohort = audit.cohorts[audit.cohorts["cohort"] == cohort]
    won, last = of_cohort["customers"].iloc[0], of_cohort.iloc[-1]
    total = of_cohort["revenue"].sum()
    return section(
        "How does one cohort develop?",
        [
            f"{won:,} customers first bought in {_when(audit, cohort)}. So far they have brought in "
            f"{format_money(total, currency)}, {format_money(total / won, currency)} each. In "
            f"{_when(audit, last['name'])}, {last['active']:,} of them bought."
        ],
        figures={
            "Bars show the revenue of the whole cohort, the line the share of its customers who bought.": (
                plots.cohort_path(of_cohort, currency=currency)
            )
        },
    )


def _typical_cohort(cohorts: pd.DataFrame) -> str:
    """Return the oldest large cohort after the first, which may hold older customers; else the largest."""
    sizes = cohorts[cohorts["cohort"] != "no purchase"].groupby("cohort", sort=False)["customers"].first()
    later = sizes.iloc[1:-1]
    large = later[later >= SMALL_COHORT]
    return str(large.index[0] if len(large) else sizes.idxmax())


def _compared(audit: Audit, currency: str) -> dict[str, Any]:
    rows = audit.cohorts[audit.cohorts["cohort"] != "no purchase"]
    running = rows.groupby("cohort", sort=False)["revenue"].cumsum() / rows["customers"]
    retention = rows["active"] / rows["customers"]
    rows = rows.assign(period=rows["age"], cumulative_revenue_per_customer=running, retention=retention)
    small = rows.loc[rows["customers"] < SMALL_COHORT, "cohort"].unique()
    note = (
        f"These cohorts have fewer than {SMALL_COHORT} customers, so read them with care: {', '.join(small)}."
    )
    return section(
        "How do cohorts compare?",
        [
            f"Each row holds the customers won in one {audit.per}. Age 0 is that {audit.per} itself; on "
            "average they were customers for half of it. Read down a column to see whether newer customers "
            "are worth more or less."
        ],
        warnings=[note] if len(small) else [],
        figures={
            "What a customer had brought in on average by each age.": plots.cohort_table(
                rows, per=audit.per, currency=currency
            ),
            "The share of a cohort's customers who bought at each age.": plots.cohort_table(
                rows, measure="retention", per=audit.per
            ),
        },
    )


def _health(audit: Audit, currency: str) -> dict[str, Any]:
    now = _latest(audit)
    new = now["revenue_new"] / now["revenue"] if now["revenue"] else float("nan")
    return section(
        "How healthy is the customer base?",
        [
            f"In {_when(audit, now['name'])}, customers won in that period brought in {_share(new)} of the "
            "revenue, older customers the rest. In a healthy base, older layers stay thick and new ones are "
            "added."
        ],
        figures={
            "Each layer is the revenue of the customers won in one period.": plots.cohort_stack(
                audit.cohorts, currency=currency
            )
        },
    )


def _agreement(audit: Audit, currency: str) -> dict[str, Any]:
    totals = {
        "periods": audit.periods["revenue"].sum(),
        "tenths of the customers": audit.deciles.loc[audit.deciles["span"] == "all", "revenue"].sum(),
        "cohorts": audit.cohorts["revenue"].sum(),
    }
    shown = pd.DataFrame(
        {"Table": list(totals), "Revenue": [format_exactly(total, currency) for total in totals.values()]}
    )
    return section(
        "Do the numbers agree?",
        [
            "Each table adds up to the revenue of the log after refunds. An order that spans two periods "
            "counts in both."
        ],
        tables={"Revenue by table": shown},
    )


def _when(audit: Audit, name: str) -> str:
    """Return a period's name for a sentence.

    Periods that count back from the last day are named by their own last day alone.
    """
    return f"the {audit.per} {name}" if name.startswith("to ") else name


def _period_names(rows: pd.DataFrame) -> list[str]:
    return [
        name if whole else f"{name} (part)"
        for name, whole in zip(rows["name"], rows["complete"], strict=True)
    ]


def _counts(column: pd.Series) -> pd.Series:
    return column.map("{:,}".format)


def _money(column: Sequence[float] | pd.Series, currency: str) -> list[str]:
    return format_amounts(column, currency, unit=False)


def _share(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.0%}"
