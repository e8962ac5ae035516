"""The features: `cltv features list | describe | page | build`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cltv_ml import features as room
from cltv_ml.cli.shared import (
    Config,
    Data,
    Json,
    Mapping,
    Query,
    Rule,
    console,
    load,
    print_json,
    progress,
    settings_of,
    show_table,
)
from cltv_ml.errors import InputError
from cltv_ml.windows import to_days

app = typer.Typer(no_args_is_help=True, help="The catalogue of features, and building them to Parquet.")


@app.command("list")
def list_features(as_json: Json = False) -> None:
    """List every feature with its unit and meaning.

    Example: `cltv features list`
    """
    table = room.catalogue_table()
    if as_json:
        print_json({"features": table})
        return
    show_table(table[["name", "unit", "needs", "meaning"]], f"{len(table)} features")


@app.command()
def describe(
    name: Annotated[str, typer.Argument(help="A feature's name, see `cltv features list`.")],
) -> None:
    """Say what a feature means, what it needs and how it is computed.

    Example: `cltv features describe overdue_ratio`
    """
    console.print(escape(room.describe(name)), soft_wrap=True)


@app.command()
def page(out: Annotated[Path, typer.Option(help="A Markdown file.")] = Path("docs/features.md")) -> None:
    """Write the documentation page of all features.

    Example: `cltv features page --out features.md`
    """
    out.write_text(room.catalogue_page(), encoding="utf-8")
    console.print(f"Features  [bold]{out}[/bold]")


@app.command()
def build(
    cutoff: Annotated[list[str], typer.Option(help="First day that is not seen; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Folder for cutoff=YYYY-MM-DD/part-*.parquet.")],
    data: Data = "",
    mapping: Mapping = None,
    query: Query = "",
    rule: Rule = None,
    names: Annotated[
        str, typer.Option(help="Feature names divided by commas, or all; default: the safe set.")
    ] = "",
    horizon: Annotated[
        str, typer.Option(help="Add labels over this many days (13w, 6m) after each cutoff.")
    ] = "",
    clean_log: Annotated[
        Path | None, typer.Option(help="A clean log in Parquet instead of --data; it may exceed memory.")
    ] = None,
    customers: Annotated[Path | None, typer.Option(help="Parquet of customer attributes.")] = None,
    contacts: Annotated[Path | None, typer.Option(help="Parquet of campaign contacts.")] = None,
    timezone: Annotated[
        str, typer.Option(help="The shop's time zone, where times carry one, such as Europe/Paris.")
    ] = "",
    memory: Annotated[str, typer.Option(help="Limit of the engine's memory.")] = "4GB",
    shards: Annotated[
        int | None, typer.Option(help="Parts the customers are split into; default: by memory.")
    ] = None,
    master: Annotated[str, typer.Option(help="Build on Spark: local[2], spark://host:7077, sc://host.")] = "",
    config: Config = None,
) -> None:
    """Build features at one or several cutoffs into Parquet; the same call continues an interrupted build.

    Example: `cltv features build --data orders.csv --cutoff 2026-01-01 --cutoff 2026-04-01 --out features`
    """
    chosen: list[str] | str | None = [name.strip() for name in names.split(",")] if names else None
    if chosen == ["all"]:
        chosen = "all"
    settings = settings_of(config, mapping, rule, query=query, data=data, timezone=timezone)
    with progress("building features") as done:
        log: Any = str(clean_log) if clean_log else load(settings, done).log
        source = room.Source(log, _path(customers), _path(contacts), settings.timezone or None)
        room.write_features(
            source,
            cutoff,
            out,
            chosen,
            horizon=to_days(horizon) if horizon else None,
            engine=_engine(master, memory, shards),
            progress=lambda parts, total, what: done(what, parts / max(total, 1)),
        )
    console.print(f"Features  [bold]{out}[/bold]")


def _engine(master: str, memory: str, shards: int | None) -> Any:
    if not master:
        return room.DuckDB(memory, shards=shards)
    if shards is not None:
        raise InputError(
            "--shards divides the work of one machine; Spark divides its work itself: leave it out."
        )
    from cltv_ml.serving.spark import spark_session

    return room.Spark(spark_session(master))


def _path(path: Path | None) -> str | None:
    return str(path) if path else None
