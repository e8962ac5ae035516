"""The whole shop: `cltv cohorts | audit | forecast | acquisition`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from cltv_ml.cli.printing import amounts, console, print_json, progress, show_table
from cltv_ml.settings import Acquisition, Audit, Cohorts, Forecast

if TYPE_CHECKING:
    import pandas as pd


def cohorts(settings: Cohorts) -> None:
    """Follow cohorts: customers grouped by the month, product, channel or discount of their first purchase.

    Example: `cltv cohorts --data orders.csv --by first_order_fifth --per quarter`
    """
    with progress("cohorts") as advance:
        from cltv_ml import pipelines

        outcome = pipelines.cohorts(settings, progress=advance)
    if settings.as_json:
        extra = {} if outcome.continuation is None else {"expected": outcome.continuation}
        about = {"notes": outcome.notes, "file": outcome.file, "page": outcome.page}
        print_json({"cohorts": outcome.table, **extra, **about})
        return
    for note in outcome.notes:
        console.print(f"Note      {escape(note)}")
    console.print(
        f"Cohorts   [bold]{escape(str(outcome.file))}[/bold], {outcome.table['cohort'].nunique():,} cohorts"
    )
    console.print(f"Page      [bold]{escape(str(outcome.page))}[/bold]")


def audit(settings: Audit) -> None:
    """Audit the customer base: how customers differ and change, cohorts, and what changed revenue.

    Example: `cltv audit --data orders.csv --per quarter --margin-rate 0.3 --currency EUR`
    """
    with progress("audit") as advance:
        from cltv_ml import pipelines

        outcome = pipelines.audit(settings, progress=advance)
    if settings.as_json:
        print_json(
            {**outcome.audit.tables, "notes": outcome.notes, "files": outcome.files, "page": outcome.page}
        )
        return
    shown = outcome.audit.periods[
        ["name", "customers", "new", "kept", "returned", "lost", "orders", "revenue"]
    ]
    counted = {name: shown[name].map("{:,.0f}".format) for name in shown.columns[1:-1]}
    counted["revenue"] = amounts(shown["revenue"], settings.currency)
    unit = f", revenue in {settings.currency}" if settings.currency else ""
    show_table(shown.assign(**counted), f"Customers by {outcome.audit.per}{unit}")
    for note in outcome.notes:
        console.print(f"Note      {escape(note)}")
    console.print(f"Tables    [bold]{escape(str(settings.out))}[/bold], {len(outcome.files)} CSV files")
    console.print(f"Page      [bold]{escape(str(outcome.page))}[/bold]")


def forecast(settings: Forecast) -> None:
    """Forecast the shop's revenue, orders and customers: existing and new customers.

    Example: `cltv forecast --data orders.csv --horizon 1y --margin-rate 0.3 --acquisition-cost 12 --currency EUR`
    """
    with progress("forecast") as advance:
        from cltv_ml import pipelines

        outcome = pipelines.forecast(settings, progress=advance)
    if settings.as_json:
        tables = {
            name: getattr(outcome, name) for name in ("table", "scenarios", "equity", "judged", "causes")
        }
        present = {name: table for name, table in tables.items() if table is not None}
        print_json({**present, "notes": outcome.notes, "file": outcome.file, "page": outcome.page})
        return
    _show_totals(outcome.table, settings.currency)
    if outcome.causes is not None:
        causes = outcome.causes.assign(change=amounts(outcome.causes["change"], settings.currency))
        show_table(causes, "Revenue since the last forecast: actual minus planned")
    for note in outcome.notes:
        console.print(f"Note      {escape(note)}")
    console.print(f"Forecast  [bold]{escape(str(outcome.file))}[/bold]")
    console.print(f"Page      [bold]{escape(str(outcome.page))}[/bold]")


def _show_totals(table: pd.DataFrame, currency: str) -> None:
    """Print the forecast of the whole horizon."""
    whole = table[table["span"] == "horizon"]
    first, days = whole["start"].iloc[0], (whole["until"] - whole["start"]).iloc[0].days
    totals = whole[["part", "measure", "expected", "lower_80", "upper_80"]]
    money = totals["measure"].isin(["revenue", "contribution"])
    numbers = {
        name: totals[name].map("{:,.0f}".format).mask(money, amounts(totals.loc[money, name], currency))
        for name in ("expected", "lower_80", "upper_80")
    }
    unit = f", money in {currency}" if currency else ""
    show_table(totals.assign(**numbers), f"{days} days from {first:%Y-%m-%d}, with 80% bands{unit}")


def acquisition(settings: Acquisition) -> None:
    """Compare the value of customers with their acquisition cost: CAC, ratio and payback by channel.

    Example: `cltv acquisition --data orders.csv --costs costs.csv --margin-rate 0.3 --currency EUR`
    """
    with progress("acquisition") as advance:
        from cltv_ml import pipelines

        outcome = pipelines.acquisition(settings, progress=advance)
    if settings.as_json:
        print_json({**outcome.tables, "notes": outcome.notes, "files": outcome.files, "page": outcome.page})
        return
    costs = outcome.tables["cac"][["channel", "customers", "cost", "cac"]]
    shown = costs.assign(
        customers=costs["customers"].map("{:,.0f}".format),
        **{name: amounts(costs[name], settings.currency) for name in ("cost", "cac")},
    )
    returns = outcome.tables["returns"]
    if len(returns):
        document = {
            "ratio": returns["ratio"].map("{:.2f}".format),
            "payback": returns["payback"].map("{:.0f}".format),
        }
        shown = shown.merge(returns[["channel"]].assign(**document), on="channel", how="left")
    show_table(shown.fillna("").replace("nan", ""), "Cost of a customer; value over cost; months to payback")
    for note in outcome.notes:
        console.print(f"Note      {escape(note)}")
    console.print(f"Tables    [bold]{escape(str(settings.out))}[/bold], {len(outcome.files)} CSV files")
    console.print(f"Page      [bold]{escape(str(outcome.page))}[/bold]")
