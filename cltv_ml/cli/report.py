"""The report of the newest training: `cltv report`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cltv_ml.cli.shared import console, read_scores


class Form(StrEnum):
    """How a report is written."""

    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"


_ENDINGS = {Form.HTML: "html", Form.MARKDOWN: "md", Form.JSON: "json"}


def report(
    out: Annotated[Path, typer.Option(help="Folder for report.html, .md or .json; - prints it.")] = Path(
        "out"
    ),
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.HTML,
    scores: Annotated[
        Path | None,
        typer.Option(help="What `cltv score` wrote; default scores.parquet in --out.", show_default=False),
    ] = None,
    before: Annotated[
        Path | None, typer.Option(help="Earlier scores: adds what changed since.", show_default=False)
    ] = None,
    lookup: Annotated[
        int,
        typer.Option(min=0, help="How many customers can be looked up by id in the page: the most at risk."),
    ] = 0,
    currency: Annotated[str, typer.Option(help="Written beside what --before and --lookup add.")] = "",
    experiment: Annotated[str, typer.Option(help="MLflow experiment.")] = "cltv",
) -> None:
    """Write the report of the newest training again, from what MLflow holds.

    Identifiers of customers are left out unless --lookup asks for them.

    Example: `cltv report --before last_month/scores.parquet --lookup 500 --currency EUR`
    """
    folder = Path("out") if str(out) == "-" else out
    now = read_scores(scores or folder / "scores.parquet") if before or lookup else None
    earlier = read_scores(before) if before else None
    from cltv_ml.ops import files, tracking
    from cltv_ml.ops.summary import add_scores
    from cltv_ml.reporting.report import RENDERERS

    summary = tracking.latest_summary(experiment)
    if now is not None:
        summary = add_scores(summary, now, before=earlier, lookup=lookup, currency=currency)
    text = RENDERERS[form.value](summary)
    if str(out) == "-":
        typer.echo(text)
        return
    with files.atomic(out / f"report.{_ENDINGS[form]}") as path:
        path.write_text(text, encoding="utf-8")
    console.print(f"Report    [bold]{out / f'report.{_ENDINGS[form]}'}[/bold]")
