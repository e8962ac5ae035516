"""Monitoring of scored batches: `cltv monitor`."""

from __future__ import annotations

import typer
from rich.markup import escape

from cltv_ml.cli.printing import console, print_json, progress
from cltv_ml.settings import Monitor

#: Exit status by verdict: a scheduler may go on after `watch` and train after `retrain`.
STATUS = {"ok": 0, "watch": 3, "retrain": 4}

_DOCUMENT = ("level", "reasons", "kept", "notes", "truth", "drift", "shares")


def monitor(settings: Monitor) -> None:
    """Compare the newest scores with the training, and earlier scores with what has happened since.

    Run it after each `cltv score`, with the same data. Exit status: 0 ok, 3 watch, 4 retrain, 2 a wrong input.

    Example: `cltv monitor --data orders.csv --scores out/scores.parquet`
    """
    with progress("monitoring") as done:
        from cltv_ml import pipelines

        report = pipelines.monitor(settings, progress=done)
    if settings.as_json:
        print_json({name: getattr(report, name) for name in _DOCUMENT} | {"out": settings.out})
    else:
        for heading, sentences in (("Kept", report.kept), ("Reason", report.reasons), ("Note", report.notes)):
            for sentence in sentences:
                console.print(f"{heading:<9} {escape(sentence)}")
        console.print(f"Verdict   [bold]{report.level}[/bold]")
        console.print(f"Page      [bold]{settings.out / 'monitor.html'}[/bold]")
    if report.level != "ok":
        raise typer.Exit(STATUS[report.level])
