"""The report of the newest training: `cltv report`."""

from __future__ import annotations

import typer

from cltv_ml.cli.printing import console, progress
from cltv_ml.settings import Report


def report(settings: Report) -> None:
    """Write the report of the newest training again, from what MLflow stores.

    Identifiers of customers are left out unless --lookup asks for them.

    Example: `cltv report --before last_month/scores.parquet --lookup 500 --currency EUR`
    """
    with progress("reading the newest training") as advance:
        from cltv_ml import pipelines

        text, path = pipelines.report(settings, progress=advance)
    if path is None:
        typer.echo(text)
    else:
        console.print(f"Report    [bold]{path}[/bold]")
