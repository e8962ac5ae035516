"""The features: `cltv features list | describe | page | build`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cltv_ml.cli.options import command, complete_feature
from cltv_ml.cli.printing import Json, console, print_json, progress, show_table
from cltv_ml.settings import Build

app = typer.Typer(no_args_is_help=True, help="List features, describe one, or build them to Parquet.")


@app.command("list")
def list_features(as_json: Json = False) -> None:
    """List every feature with its unit and meaning.

    Example: `cltv features list`
    """
    from cltv_ml.features import catalogue_table

    table = catalogue_table()
    if as_json:
        print_json({"features": table})
        return
    show_table(table[["name", "unit", "needs", "meaning"]], f"{len(table)} features")


@app.command()
def describe(
    name: Annotated[
        str,
        typer.Argument(help="A feature's name, see `cltv features list`.", autocompletion=complete_feature),
    ],
) -> None:
    """Show what a feature means, what it needs and how it is computed.

    Example: `cltv features describe overdue_ratio`
    """
    from cltv_ml import features

    console.print(escape(features.describe(name)), soft_wrap=True)


@app.command()
def page(
    out: Annotated[Path, typer.Option(help="A Markdown file.", envvar="CLTV_OUT", show_envvar=False)] = Path(
        "docs/features.md"
    ),
) -> None:
    """Write the documentation page of all features.

    Example: `cltv features page --out features.md`
    """
    from cltv_ml.features import catalogue_page
    from cltv_ml.files import atomic

    with atomic(out) as file:
        file.write_text(catalogue_page(), encoding="utf-8")
    console.print(f"Features  [bold]{out}[/bold]")


@command(app.command, Build)
def build(settings: Build) -> None:
    """Build features at one or several cutoffs into Parquet; the same call continues an interrupted build.

    Example: `cltv features build --data orders.csv --cutoff 2026-01-01 --cutoff 2026-04-01 --out features`
    """
    with progress("building features") as advance:
        from cltv_ml import pipelines

        folder = pipelines.build(settings, progress=advance)
    console.print(f"Features  [bold]{folder}[/bold]")
