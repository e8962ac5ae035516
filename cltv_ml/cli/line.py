"""Training and the demo: `cltv demo | train | ui`."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltv_ml.cli.printing import console, print_json, progress, show_table
from cltv_ml.cli.promotion import show_decision
from cltv_ml.cli.score import show_manifest
from cltv_ml.errors import InputError
from cltv_ml.settings import Demo, Train

if TYPE_CHECKING:
    from cltv_ml.evaluation.horizons import ByHorizon
    from cltv_ml.pipelines.train import Outcome

_COMPARISON_COLUMNS = ["Model", "Bias", "Decile error", "Gini", "Top 10%", "Deviance", "Profit"]


#: Metrics of each of several horizons.
_BY_HORIZON = ("gini", "bias", "decile_mape")


def train(settings: Train) -> None:
    """Compare the models on a holdout window, register the best and write a report.

    The first model registered is the champion; later ones are challengers until they are promoted.

    Example: `cltv train --data orders.csv --mapping customer_id=Customer,amount=Total --horizon 6m`
    """
    with progress("training") as advance:
        from cltv_ml import pipelines

        outcome = pipelines.train(settings, progress=advance)
    if settings.as_json:
        print_json(_document(outcome, settings))
    else:
        _show_outcome(outcome, settings.out, settings.experiment)


def demo(settings: Demo) -> None:
    """Train, score and report on the 23,570 real customers of CDNOW (data: Fader and Hardie).

    Example: `cltv demo --out out`
    """
    with progress("training") as advance:
        from cltv_ml import pipelines

        outcome = pipelines.train(
            data="cdnow", horizon="26w", out=settings.out, currency="USD", progress=advance
        )
    with progress("scoring") as advance:
        manifest = pipelines.score(data="cdnow", out=str(settings.out), progress=advance)
    _show_outcome(outcome, settings.out)
    show_manifest(manifest)
    console.print(f"Report    [bold]{settings.out / 'report.html'}[/bold]")
    _show_next()


def ui(
    port: Annotated[
        int,
        typer.Option(
            help="Port of the server on this machine.",
            min=1,
            max=65535,
            envvar="CLTV_PORT",
            show_envvar=False,
        ),
    ] = 5000,
) -> None:
    """Start a light MLflow server (two processes) on this project's store and print its address.

    Example: `cltv ui --port 5000`
    """
    _check_port(port)
    from cltv_ml.tracking import runs

    command = runs.server_command(port)
    console.print(
        f"Compare the models at {runs.runs_page(f'http://127.0.0.1:{port}')} (stop with Ctrl-C)",
        soft_wrap=True,
    )
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    os.execv(sys.executable, [sys.executable, "-m", *command])


def _check_port(port: int) -> None:
    """Raise InputError where a server on this machine cannot listen."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise InputError(
                f"port {port} of this machine cannot be used ({error.strerror}); choose another with --port."
            ) from None


def _show_horizons(horizons: ByHorizon) -> None:
    from cltv_ml.reporting.sections.backtest import METRIC_FORMATS

    for day, judged in horizons.judged.items():
        formats = {name: METRIC_FORMATS[name] for name in _BY_HORIZON if name in judged.scores}
        scores = ", ".join(
            f"{title} {form.format(judged.scores[name])}" for name, (title, form) in formats.items()
        )
        console.print(f"Horizon   {day} days from {judged.window.cutoff:%Y-%m-%d}: {scores}")


def _show_outcome(outcome: Outcome, out: Path, experiment: str = "cltv") -> None:
    from cltv_ml.reporting.training_summary import comparison_table
    from cltv_ml.tracking import runs, store

    result = outcome.result
    frame = comparison_table(result, outcome.verdict.champion)
    frame = frame[[name for name in _COMPARISON_COLUMNS if name in frame]]
    window = result.window
    show_table(
        frame, f"{len(result.y_true):,} customers, {window.horizon} days from {window.cutoff:%Y-%m-%d}"
    )
    if outcome.horizons:
        _show_horizons(outcome.horizons)
    for note in outcome.notes:
        console.print(f"Note      {note}")
    console.print(f"Expected  {outcome.expected}")
    console.print(
        f"Best      {outcome.verdict.reason}, registered as [bold]cltv version {outcome.version}[/bold], "
        f"{outcome.alias or 'without an alias, because a later version challenges the champion already'}"
    )
    if outcome.decision:
        show_decision(outcome.decision)
    elif outcome.alias == "challenger":
        console.print("Next      cltv promote: compares it with the champion, which stays in use until then")
    console.print(f"Files     [bold]{out}[/bold]: comparison.csv, report.html, quarantine.parquet")
    if (server := store.store_name()).startswith("http"):
        console.print(f"Compare   {runs.runs_page(server, experiment)}", soft_wrap=True)


def _document(outcome: Outcome, settings: Train) -> dict[str, Any]:
    """Return the outcome of a training for programs: every metric unrounded."""
    window = outcome.result.window
    return {
        "champion": outcome.verdict.champion,
        "within_bounds": outcome.verdict.within_bounds,
        "reason": outcome.verdict.reason,
        "version": outcome.version,
        "alias": outcome.alias,
        "promoted": outcome.decision.promoted if outcome.decision else None,
        "run_id": outcome.run_id,
        "cutoff": window.cutoff,
        "horizon": window.horizon,
        "customers": len(outcome.result.y_true),
        "scores": outcome.result.scores.reset_index(),
        "horizons": {
            str(day): {"cutoff": judged.window.cutoff, **judged.scores.to_dict()}
            for day, judged in (outcome.horizons.judged.items() if outcome.horizons else ())
        },
        "notes": outcome.notes,
        "expected": outcome.expected,
        "out": settings.out,
    }


def _show_next() -> None:
    from cltv_ml.tracking import runs

    script = Path(sys.executable).with_name("activate")
    # MLflow starts servers and projects by the names of programs, which it looks for on the path.
    if script.is_file() and str(script.parent) not in os.environ.get("PATH", "").split(os.pathsep):
        shown = script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script
        console.print(f"Activate  source {shlex.quote(str(shown))}", soft_wrap=True)
    console.print("Compare   cltv ui")
    console.print(f"Serve     {runs.serve_command()}", soft_wrap=True)
