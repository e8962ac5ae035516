"""The straight line: `cltv demo | train | ui`.

Rooms that import MLflow, XGBoost and plotly are imported by the commands that need them, so that help and
refusals come at once.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltv_ml.cli import score
from cltv_ml.cli.promotion import show_decision
from cltv_ml.cli.shared import (
    Config,
    Cost,
    Data,
    Horizon,
    Json,
    Mapping,
    Margin,
    Objective,
    Query,
    Rule,
    Share,
    check_models,
    console,
    dataset_name,
    load,
    print_json,
    progress,
    settings_of,
    show_table,
    targeting_of,
    with_campaign,
)
from cltv_ml.config import Settings, merge, read_params, write_settings
from cltv_ml.data import judge
from cltv_ml.errors import InputError
from cltv_ml.windows import Window, check_log, span, to_days

if TYPE_CHECKING:
    from cltv_ml.pipelines.train import Outcome

Force = Annotated[bool, typer.Option("--force", help="Train although the data check says no-go.")]
_SHOWN = ["Model", "Bias", "Decile error", "Gini", "Top 10%", "MAE", "Profit"]


def train(
    data: Data = "",
    mapping: Mapping = None,
    query: Query = "",
    rule: Rule = None,
    cutoff: Annotated[
        str, typer.Option(help="First day models may not see; default: last date - horizon.")
    ] = "",
    horizon: Horizon = "",
    out: Annotated[str, typer.Option(help="Folder for the files. Default out.")] = "",
    experiment: Annotated[str, typer.Option(help="MLflow experiment. Default cltv.")] = "",
    currency: Annotated[str, typer.Option(help="Written on the report's figures, such as EUR.")] = "",
    params: Annotated[
        Path | None, typer.Option(help="Models' settings: a TOML file that `cltv tune` wrote.")
    ] = None,
    compete: Annotated[
        str,
        typer.Option(
            "--models", "--compete", help="Which compete, such as tweedie,ziln. Default: the usual seven."
        ),
    ] = "",
    objective: Objective = "",
    share: Share = 0.0,
    cost: Cost = 0.0,
    margin: Margin = 0.0,
    customers: Annotated[
        float, typer.Option(help="Learn from this share of customers, such as 0.5, judge on the others.")
    ] = 0.0,
    config: Config = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Then let it challenge the champion, see `cltv promote`.")
    ] = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Compare the models on an untouched window, register the best, write a report.

    The first model registered is the champion; later ones are challengers until they are promoted.

    Example: `cltv train --data orders.csv --mapping customer_id=Customer,amount=Total --horizon 6m`
    """
    settings = settings_of(
        config,
        mapping,
        rule,
        query=query,
        data=data,
        cutoff=cutoff,
        horizon=horizon,
        out=out,
        experiment=experiment,
        currency=currency,
        compete=compete,
        objective=objective,
    )
    tuned = read_params(params) if params else {}
    settings = with_campaign(settings, share, cost, margin)
    settings = merge(settings, {"customers": customers, "models": {**settings.models, **tuned}})
    outcome = _train(settings, force=force, promote=promote)
    if as_json:
        print_json(_told(outcome, settings))
        return
    _show(outcome, settings)


def demo(out: Annotated[str, typer.Option(help="Folder for the files.")] = "out") -> None:
    """Run the whole line on 23,570 real customers of CDNOW (data: Fader and Hardie).

    Example: `cltv demo --out out`
    """
    settings = Settings(data="cdnow", horizon="26w", out=out, currency="USD")
    outcome = _train(settings)
    manifest = score.score_data(settings, Path(out))
    _show(outcome, settings)
    score.show(manifest)
    console.print(f"Report    [bold]{Path(out) / 'report.html'}[/bold]")
    _say_next()


def ui(port: Annotated[int, typer.Option(help="Port on this machine.")] = 5000) -> None:
    """Open the MLflow server on this project's store, in its light form (two processes).

    Example: `cltv ui --port 5000`
    """
    from cltv_ml.tracking import runs

    command = runs.server_command(port)
    console.print(f"Compare the models at {runs.runs_page(port)} (stop with Ctrl-C)", soft_wrap=True)
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    os.execv(sys.executable, [sys.executable, "-m", *command])


def _train(settings: Settings, *, force: bool = False, promote: bool = False) -> Outcome:
    with progress("training") as done:
        # Whatever can be wrong with the input is said before the slow imports and before MLflow is touched.
        to_days(settings.horizon)
        if not 0 <= settings.customers < 1:
            raise InputError(
                f"customers must be a share between 0 and 1, such as 0.5, got {settings.customers:g}."
            )
        window = Window(settings.cutoff, settings.horizon) if settings.cutoff else None
        check_models(settings)
        cleaned = load(settings, done)
        window = window or Window.latest(span(cleaned.log)[1], settings.horizon)
        check_log(cleaned.log, window)
        verdict = judge(cleaned.log, window.horizon, cleaned.report)
        if verdict.level == "no-go" and not force:
            raise InputError(f"the data check says {verdict.text}; fix the data or train with --force.")
        from cltv_ml.pipelines.train import Job, train

        job = Job(
            window,
            dataset=dataset_name(settings.data),
            experiment=settings.experiment,
            out=Path(settings.out),
            max_origins=settings.max_origins,
            verdict=verdict,
            currency=settings.currency,
            params=settings.models,
            compete=settings.compete,
            customers=settings.customers or None,
            targeting=targeting_of(settings),
            settings=write_settings(
                replace(
                    settings,
                    data=dataset_name(settings.data),
                    mapping=cleaned.report.mapping,
                    cutoff=f"{window.cutoff:%Y-%m-%d}",
                )
            ),
            promote=promote,
        )
        return train(cleaned, job, done)


def _show(outcome: Outcome, settings: Settings) -> None:
    from cltv_ml.reporting.training_summary import comparison_table

    result = outcome.result
    frame = comparison_table(result, outcome.verdict.champion)
    frame = frame[[name for name in _SHOWN if name in frame]]
    window = result.window
    show_table(
        frame, f"{len(result.y_true):,} customers, {window.horizon} days from {window.cutoff:%Y-%m-%d}"
    )
    for note in outcome.notes:
        console.print(f"Note      {note}")
    console.print(
        f"Best      {outcome.verdict.reason}, registered as [bold]cltv version {outcome.version}[/bold], "
        f"{outcome.alias}"
    )
    if outcome.decision:
        show_decision(outcome.decision)
    elif outcome.alias == "challenger":
        console.print("Next      cltv promote: compare it with the champion, which answers until then")
    console.print(f"Files     [bold]{settings.out}[/bold]: comparison.csv, report.html, quarantine.parquet")


def _told(outcome: Outcome, settings: Settings) -> dict[str, Any]:
    """Return what a training found, for machines: every metric unrounded."""
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
        "notes": outcome.notes,
        "out": settings.out,
    }


def _say_next() -> None:
    from cltv_ml.tracking import runs

    folder = Path(sys.executable).parent
    if os.environ.get("VIRTUAL_ENV") is None and folder.is_relative_to(Path.cwd()):
        console.print(f"Activate  source {(folder / 'activate').relative_to(Path.cwd())}")
    console.print("Compare   cltv ui")
    console.print(f"Serve     {runs.serve_command()}", soft_wrap=True)
