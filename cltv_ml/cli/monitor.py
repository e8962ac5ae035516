"""Whether the model still holds: `cltv monitor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.markup import escape

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
)
from cltv_ml.config import read_toml
from cltv_ml.errors import InputError

#: Exit status by verdict: a scheduler may go on after `watch` and train after `retrain`.
STATUS = {"ok": 0, "watch": 3, "retrain": 4}


def monitor(
    data: Data = "",
    mapping: Mapping = None,
    query: Query = "",
    rule: Rule = None,
    scores: Annotated[Path, typer.Option(help="What `cltv score` wrote, .parquet or .csv.")] = Path(
        "out/scores.parquet"
    ),
    out: Annotated[Path, typer.Option(help="Folder for monitor.html and the tables.")] = Path("out/monitor"),
    thresholds: Annotated[
        Path | None,
        typer.Option(help="A TOML file with a table [monitor], such as bias = [0.1, 0.2]: watch, retrain."),
    ] = None,
    experiment: Annotated[str, typer.Option(help="MLflow experiment that keeps the series.")] = "cltv",
    currency: Annotated[str, typer.Option(help="Written on the figures, such as EUR.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compare the newest scores with the training, and earlier scores with what has happened since.

    Run it after each `cltv score`, with the same data. Exit status: 0 ok, 3 watch, 4 retrain, 2 a wrong input.

    Example: `cltv monitor --data orders.csv --scores out/scores.parquet`
    """
    settings = settings_of(config, mapping, rule, query=query, data=data)
    with progress("monitoring") as done:
        given = read_toml(thresholds) if thresholds else {}
        batch = _read(scores)
        cleaned = load(settings, done)
        from cltv_ml.evaluation.promises import read_thresholds
        from cltv_ml.pipelines.monitor import monitor

        limits = read_thresholds(given.get("monitor", given))
        report = monitor(
            cleaned.log,
            batch,
            out,
            thresholds=limits,
            experiment=experiment,
            currency=currency,
            progress=done,
        )
    if as_json:
        print_json({"level": report.level, "reasons": report.reasons, "kept": report.kept, "notes": report.notes,
                    "truth": report.truth, "drift": report.drift, "shares": report.shares, "out": out})  # fmt: skip
    else:
        for promise in report.kept:
            console.print(f"Kept      {escape(promise)}")
        for reason in report.reasons:
            console.print(f"Reason    {escape(reason)}")
        for note in report.notes:
            console.print(f"Note      {escape(note)}")
        console.print(f"Verdict   [bold]{report.level}[/bold]")
        console.print(f"Page      [bold]{out / 'monitor.html'}[/bold]")
    if report.level != "ok":
        raise typer.Exit(STATUS[report.level])


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"no file {path}; name the scores that `cltv score` wrote with --scores.")
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype={"customer_id": str}, parse_dates=["cutoff"])
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    raise InputError(f"cannot read {path.name!r}: name a file that ends in .parquet or .csv.")
