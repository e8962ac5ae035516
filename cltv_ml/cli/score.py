"""Every customer scored by the registered champion: `cltv score`."""

from __future__ import annotations

import enum
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cltv_ml.cli.shared import (
    Config,
    Data,
    Json,
    Mapping,
    Query,
    Report,
    Rule,
    console,
    print_json,
    progress,
    read_raw,
    settings_of,
)
from cltv_ml.config import Settings
from cltv_ml.data import Raw
from cltv_ml.errors import InputError

if TYPE_CHECKING:
    from cltv_ml.serving.scoring import Manifest


class Engine(enum.StrEnum):
    """Where features are built and customers scored."""

    local = "local"
    spark = "spark"


def score(
    data: Data = "",
    mapping: Mapping = None,
    query: Query = "",
    rule: Rule = None,
    features: Annotated[
        Path | None,
        typer.Option(help="A feature table in Parquet, instead of --data; see `cltv features build`."),
    ] = None,
    clean_log: Annotated[
        Path | None, typer.Option(help="A clean log in Parquet instead of --data; it may exceed memory.")
    ] = None,
    as_of: Annotated[
        str, typer.Option(help="First day the model may not see; default: the day after the log.")
    ] = "",
    since: Annotated[str, typer.Option(help="Only customers who bought on or after this day.")] = "",
    top_reasons: Annotated[int, typer.Option(min=0, help="So many reasons for each value; slower.")] = 0,
    out: Annotated[
        str,
        typer.Option(help="A .parquet or .csv file, a folder, or a database URL such as sqlite:///shop.db."),
    ] = "out",
    table: Annotated[str, typer.Option(help="Table of the database.")] = "scores",
    alias: Annotated[str, typer.Option(help="Which registered version.")] = "champion",
    engine: Annotated[Engine, typer.Option(help="This process, or Spark.")] = Engine.local,
    master: Annotated[
        str, typer.Option(help="Spark's address: local[2], spark://host:7077, sc://host. Default local[*].")
    ] = "",
    memory: Annotated[str, typer.Option(help="Limit of the engine's memory.")] = "1GB",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Score every customer with the registered champion; the same call after a kill continues.

    Example: `cltv score --data orders.csv --as-of 2026-11-01 --out scores.csv`
    """
    settings = settings_of(config, mapping, rule, query=query, data=data)
    if bool(settings.data) + bool(clean_log) + bool(features) != 1:
        raise InputError("name one of --data, --clean-log and --features, for example --data orders.csv.")
    with progress("scoring") as done:
        source = clean_log or (None if features else _read(settings, done))
        from cltv_ml.serving import scoring

        order = scoring.Order(
            out, table, as_of or None, since or None, top_reasons, alias=alias, memory=memory
        )
        spark = _session(engine, master)
        if features:
            manifest = scoring.score_features(features, order, spark=spark, progress=done)
        elif source:
            manifest = scoring.score_log(source, order, spark=spark, progress=done)
    if as_json:
        print_json(asdict(manifest))
        return
    show(manifest)


def score_data(settings: Settings, out: Path) -> Manifest:
    """Score the customers of the settings' data into a file or folder."""
    with progress("scoring") as done:
        source = _read(settings, done)
        from cltv_ml.serving import scoring

        return scoring.score_log(source, scoring.Order(out), progress=done)


def show(manifest: Manifest) -> None:
    """Print how many customers were scored and where."""
    console.print(
        f"Scores    {manifest.customers:,} customers, {manifest.valued:,} with a value, by version "
        f"{manifest.model_version}: [bold]{escape(manifest.file)}[/bold]",
        soft_wrap=True,
    )
    for reason, customers in manifest.reasons.items():
        console.print(f"No value  {customers:,} customers: {escape(reason)}", soft_wrap=True)


def _read(settings: Settings, done: Report) -> Raw:
    done("reading the transactions", 0.0)
    return read_raw(settings, memory="1GB")


def _session(engine: Engine, master: str) -> Any:
    if engine is Engine.local:
        if master:
            raise InputError("--master is Spark's address; add --engine spark, or leave it out.")
        return None
    from cltv_ml.serving.spark import spark_session

    return spark_session(master or "local[*]")
