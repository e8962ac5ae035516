"""Settings chosen before the test window: `cltv tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cltv_ml.cli.shared import (
    Config,
    Data,
    Horizon,
    Json,
    Mapping,
    Query,
    Rule,
    console,
    dataset_name,
    load,
    print_json,
    progress,
    settings_of,
    show_table,
)
from cltv_ml.windows import Window, check_log, span, to_days

_SHOWN = ["trial", "gini", "bias", "decile_mape", "seconds"]


def tune(
    model: Annotated[str, typer.Option(help="Which one, such as tweedie, hurdle or hybrid.")],
    data: Data = "",
    mapping: Mapping = None,
    query: Query = "",
    rule: Rule = None,
    cutoff: Annotated[
        str, typer.Option(help="First day of the test window, never read. Default: last date - horizon.")
    ] = "",
    horizon: Horizon = "",
    trials: Annotated[int, typer.Option(help="How many in all, those of an interrupted study counted.")] = 50,
    minutes: Annotated[float | None, typer.Option(help="Start no further trial after that long.")] = None,
    jobs: Annotated[int, typer.Option(help="Trials at a time.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed, the same trials (with one job).")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the study and its files.")] = Path("out/tuning"),
    experiment: Annotated[str, typer.Option(help="MLflow experiment. Default cltv.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Search a model's settings on windows before the test cutoff; go on where an earlier call was stopped.

    Example: `cltv tune --model tweedie --data orders.csv --trials 100 --minutes 10`, then
    `cltv train --data orders.csv --params out/tuning/tweedie.toml`
    """
    settings = settings_of(
        config, mapping, rule, query=query, data=data, cutoff=cutoff, horizon=horizon, experiment=experiment
    )
    to_days(settings.horizon)
    with progress("tuning") as done:
        cleaned = load(settings, done)
        last = span(cleaned.log)[1]
        window = (
            Window(settings.cutoff, settings.horizon)
            if settings.cutoff
            else Window.latest(last, settings.horizon)
        )
        check_log(cleaned.log, window)
        from cltv_ml.pipelines.tune import TuningJob
        from cltv_ml.pipelines.tune import tune as search

        job = TuningJob(
            model, window, trials=trials, seconds=None if minutes is None else minutes * 60, jobs=jobs,
            seed=seed, dataset=dataset_name(settings.data), experiment=settings.experiment, out=out,
            max_origins=settings.max_origins,
        )  # fmt: skip
        found = search(cleaned.log, job, done)
    if as_json:
        print_json({"model": model, "params": found.params, "reason": found.reason, "judged_on": found.judged_on,
                    "run_id": found.run_id, "file": found.path, "trials": found.trials.reset_index()})  # fmt: skip
        return
    best = found.trials.sort_values("gini", ascending=False).head(5).reset_index()[_SHOWN]
    show_table(best.round(3), f"{len(found.trials)} trials, the best orders of customers")
    console.print(f"Judged    {found.judged_on[10:]}", soft_wrap=True)
    console.print(f"Chosen    {found.reason}", soft_wrap=True)
    for name, value in found.params.items():
        console.print(
            f"          {name} = {value:.6g}" if isinstance(value, float) else f"          {name} = {value}"
        )
    console.print(f"Train     cltv train --params {found.path}", soft_wrap=True)
    console.print(f"Figures   [bold]{found.path.with_suffix('.html')}[/bold]")
