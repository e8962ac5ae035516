"""The whole shop: `cltv cohorts | audit`."""

from __future__ import annotations

from rich.markup import escape

from cltv_ml.cli.printing import console, print_json, progress, show_table
from cltv_ml.settings import Audit, Cohorts


def cohorts(settings: Cohorts) -> None:
    """Follow customers from their first purchase on, grouped by what it was.

    Example: `cltv cohorts --data orders.csv --by first_order_fifth --per quarter`
    """
    with progress("cohorts") as done:
        from cltv_ml import pipelines

        found = pipelines.cohorts(settings, progress=done)
    if settings.as_json:
        print_json({"cohorts": found.table, "file": found.file, "page": found.page})
        return
    console.print(
        f"Cohorts   [bold]{escape(str(found.file))}[/bold], {found.table['cohort'].nunique():,} cohorts"
    )
    console.print(f"Page      [bold]{escape(str(found.page))}[/bold]")


def audit(settings: Audit) -> None:
    """Audit the customer base: how customers differ and change, cohorts, and what changed revenue.

    Example: `cltv audit --data orders.csv --per quarter --margin-rate 0.3 --currency EUR`
    """
    with progress("audit") as done:
        from cltv_ml import pipelines

        found = pipelines.audit(settings, progress=done)
    if settings.as_json:
        print_json({**found.audit.tables, "notes": found.notes, "files": found.files, "page": found.page})
        return
    shown = found.audit.periods[["name", "customers", "new", "kept", "returned", "lost", "orders", "revenue"]]
    counted = {name: shown[name].map("{:,.0f}".format) for name in shown.columns[1:]}
    unit = f", revenue in {settings.currency}" if settings.currency else ""
    show_table(shown.assign(**counted), f"Customers by {found.audit.per}{unit}")
    for note in found.notes:
        console.print(f"Note      {escape(note)}")
    console.print(f"Tables    [bold]{escape(str(settings.out))}[/bold], {len(found.files)} CSV files")
    console.print(f"Page      [bold]{escape(str(found.page))}[/bold]")
