"""The report of the newest training: `cltv report`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cltv_ml.cli.shared import console, progress, read_scores


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
        Path | None,
        typer.Option(
            help="Earlier scores, for what changed since; default the newest earlier ones beside --scores.",
            show_default=False,
        ),
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
    newest = scores or folder / "scores.parquet"
    before = before or _newest_earlier(newest)
    now = read_scores(newest) if before or lookup else None
    earlier = read_scores(before) if before else None
    with progress("reading the newest training") as done:
        from cltv_ml import files
        from cltv_ml.reporting.report import RENDERERS
        from cltv_ml.reporting.training_summary import add_scores
        from cltv_ml.tracking import runs

        summary = runs.latest_summary(experiment)
        if now is not None:
            done("comparing with the scores", 0.4)
            summary = add_scores(summary, now, before=earlier, lookup=lookup, currency=currency)
        done("writing the report", 0.8)
        text = RENDERERS[form.value](summary)
    if str(out) == "-":
        typer.echo(text)
        return
    with files.atomic(out / f"report.{_ENDINGS[form]}") as path:
        path.write_text(text, encoding="utf-8")
    console.print(f"Report    [bold]{out / f'report.{_ENDINGS[form]}'}[/bold]")


def _newest_earlier(scores: Path) -> Path | None:
    """Return the newest scores in the same folder that are earlier and look equally far ahead, by their manifests."""
    own = scores.with_suffix(".manifest.json")
    if not own.is_file():
        return None
    now = json.loads(own.read_text(encoding="utf-8"))
    earlier = []
    for manifest in scores.parent.glob("*.manifest.json"):
        told = json.loads(manifest.read_text(encoding="utf-8"))
        path = scores.with_name(Path(told.get("file", "")).name)
        comparable = told.get("horizon") == now.get("horizon") and told.get("cutoff", "9") < now["cutoff"]
        if comparable and path.is_file() and path.suffix in (".parquet", ".csv"):
            earlier.append((told["cutoff"], path))
    return max(earlier)[1] if earlier else None
