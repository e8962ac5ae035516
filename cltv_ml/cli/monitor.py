"""Monitoring of scored batches: `cltv monitor | weekly`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from cltv_ml.cli.printing import console, print_json, progress
from cltv_ml.cli.promotion import show_decision
from cltv_ml.cli.score import show_manifest
from cltv_ml.settings import Monitor, Weekly

if TYPE_CHECKING:
    from cltv_ml.pipelines.monitor import MonitorReport

#: Exit status by verdict: a scheduler may continue after `watch` and train after `retrain`.
STATUS = {"ok": 0, "watch": 3, "retrain": 4}

_DOCUMENT = ("level", "reasons", "kept", "notes", "truth", "drift", "shares")


def monitor(settings: Monitor) -> None:
    """Compare the newest scores with the training, and earlier scores with what has happened since.

    Run it after each `cltv score`, with the same data. Exit status: 0 ok, 3 watch, 4 retrain, 2 a wrong input.

    Example: `cltv monitor --data orders.csv --scores out/scores.parquet`
    """
    with progress("monitoring") as advance:
        from cltv_ml import pipelines

        report = pipelines.monitor(settings, progress=advance)
    if settings.as_json:
        print_json({name: getattr(report, name) for name in _DOCUMENT} | {"out": settings.out})
    else:
        _show_report(report)
        console.print(f"Page      [bold]{settings.out / 'monitor.html'}[/bold]")
    if report.level != "ok":
        raise typer.Exit(STATUS[report.level])


def _show_report(report: MonitorReport) -> None:
    """Print the verdict, its reasons, the checks that passed, and the notes."""
    console.print(f"Verdict   [bold]{report.level}[/bold]")
    for heading, sentences in (("Reason", report.reasons), ("Kept", report.kept), ("Note", report.notes)):
        for sentence in sentences:
            console.print(f"{heading:<9} {escape(sentence)}")


def weekly(settings: Weekly) -> None:
    """Run the weekly job: train if there is no champion or monitoring asks for it, score, monitor, act.

    A new model replaces the champion only if `cltv promote` would promote it. Exit status: that of `cltv monitor`
    on the scores that were written.

    Example: `cltv weekly --data orders.csv --horizon 13w --config shop.toml`
    """
    with progress("weekly") as advance:
        from cltv_ml import pipelines

        week = pipelines.weekly(settings, progress=advance)
    if settings.as_json:
        outcome, document = week.outcome, {name: getattr(week.report, name) for name in _DOCUMENT}
        trained = None if outcome is None else {"version": outcome.version, "alias": outcome.alias}
        print_json({"trained": trained, "scores": asdict(week.manifest), **document, "refused": week.refused})
    else:
        if week.outcome is not None:
            console.print(f"Trained   {week.outcome.verdict.champion}, version {week.outcome.version}")
        if week.decision is not None:
            show_decision(week.decision)
        show_manifest(week.manifest)
        _show_report(week.report)
        console.print(f"Actions   [bold]{settings.out / 'actions' / 'actions.html'}[/bold]")
        for part, sentence in week.refused.items():
            console.print(f"Left out  {part}: {escape(sentence)}", soft_wrap=True)
    if week.report.level != "ok":
        raise typer.Exit(STATUS[week.report.level])
