"""The features: `cltv features list | describe | build`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.markup import escape

from cltv_ml.cli.shared import Config, Data, Mapping, console, load, progress, settings_of, show_table
from cltv_ml.features import CATALOGUE, write_features
from cltv_ml.windows import to_days

app = typer.Typer(no_args_is_help=True, help="The catalogue of features, and building them to Parquet.")


@app.command("list")
def list_features() -> None:
    """List every feature with its unit and meaning."""
    rows = [(found.name, found.unit, found.doc) for found in CATALOGUE.values()]
    show_table(pd.DataFrame(rows, columns=["Feature", "Unit", "Meaning"]), f"{len(rows)} features")


@app.command()
def describe(
    name: Annotated[str, typer.Argument(help="A feature's name, see `cltv features list`.")],
) -> None:
    """Say what a feature means, what it needs and how it is computed."""
    if name not in CATALOGUE:
        raise ValueError(f"Unknown feature {name!r}; `cltv features list` shows all {len(CATALOGUE)}.")
    found = CATALOGUE[name]
    console.print(
        f"[bold]{name}[/bold] ({found.unit or 'no unit'}, one row per {found.grain}): {escape(found.doc)}"
    )
    console.print(f"Expression  {escape(found.sql)}", soft_wrap=True)
    console.print(f"Missing as  {'missing' if found.fill is None else found.fill}")
    console.print(
        f"Age-safe    {'yes' if found.age_safe else 'no: it grows with the age of the customer or the log'}"
    )


@app.command()
def build(
    cutoff: Annotated[list[str], typer.Option(help="First day that is not seen; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Folder for cutoff=YYYY-MM-DD/part-*.parquet.")],
    data: Data = "",
    mapping: Mapping = None,
    names: Annotated[
        str, typer.Option(help="Feature names divided by commas, or all; default: the safe set.")
    ] = "",
    horizon: Annotated[
        str, typer.Option(help="Add labels over this many days (13w, 6m) after each cutoff.")
    ] = "",
    config: Config = None,
) -> None:
    """Build features at one or several cutoffs into Parquet; the same call continues an interrupted build.

    Example: `cltv features build --data orders.csv --cutoff 2026-01-01 --cutoff 2026-04-01 --out features`
    """
    chosen: list[str] | str | None = "all" if names == "all" else names.split(",") if names else None
    days = to_days(horizon) if horizon else None
    with progress("building features") as done:
        cleaned = load(settings_of(config, mapping, data=data), done)
        write_features(
            cleaned.log,
            cutoff,
            out,
            chosen,
            horizon=days,
            progress=lambda parts, total, what: done(what, parts / max(total, 1)),
        )
    console.print(f"Features  [bold]{out}[/bold]")
