"""From scores to actions: `cltv act`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cltv_ml.cli.shared import Config, Data, Mapping, console, load, progress, settings_of


def act(
    data: Data = "",
    mapping: Mapping = None,
    out: Annotated[Path, typer.Option(help="Folder for the tables and actions.html.")] = Path("out/actions"),
    margin_rate: Annotated[
        float | None, typer.Option(help="Share of revenue left after costs, 0.3 is 30%.")
    ] = None,
    uplift: Annotated[
        float | None, typer.Option(help="Share of value at risk a treatment saves: your figure.")
    ] = None,
    cost: Annotated[float | None, typer.Option(help="What treating one customer costs.")] = None,
    budget: Annotated[float | None, typer.Option(help="Most to spend on the retention list.")] = None,
    currency: Annotated[str, typer.Option(help="Written on the figures, such as EUR.")] = "",
    config: Config = None,
) -> None:
    """Turn the champion's scores into segments, margins, a win-back list, recommendations and offers.

    Example: `cltv act --data orders.csv --margin-rate 0.3 --uplift 0.1 --cost 0.5 --budget 5000`
    """
    with progress("acting") as done:
        cleaned = load(settings_of(config, mapping, data=data), done)
        from cltv_ml.ops import act as room

        found = room.act(cleaned, room.Terms(margin_rate, uplift, cost, budget, currency), out, done)
    for name, table in found.tables.items():
        console.print(f"{name + '.csv':<28} {len(table):>9,} rows")
    for name, sentence in found.refused.items():
        console.print(f"Left out  {name}: {escape(sentence)}")
    console.print(f"Actions   [bold]{out / 'actions.html'}[/bold]")
