"""Measurements on your own machine, from a checkout: `python -m experiments quality | champions | level | ...`."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from experiments.benchmark import attributes as customers_known
from experiments.benchmark import champions as trainings
from experiments.benchmark import exactness as published
from experiments.benchmark import level as totals
from experiments.benchmark import lifetimes as tails
from experiments.benchmark import quality as forecasts
from experiments.benchmark import shop_forecasts as shops
from experiments.benchmark import speed as timing

console = Console()
app = typer.Typer(
    name="python -m experiments",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Measure quality, trainings, level, lifetimes, attributes, exactness and speed, and write README's tables.",
)


#: The option of commands that measure several logs.
Logs = Annotated[list[str] | None, typer.Option(help="Log, such as salic; may be repeated. All by default.")]


@app.command()
def quality(
    task: Annotated[
        list[str] | None, typer.Option(help="Entry of tasks.toml; may be repeated. All by default.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="File of experiments/benchmark/models. All by default.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Model to leave out, such as pymc_marketing; may be repeated.")
    ] = None,
) -> None:
    """Compare our models and those people use today on public data, each on windows it has not seen.

    Predictions are stored in out/benchmark: an interrupted run continues, and a second run takes seconds.
    Example: `python -m experiments quality --task cdnow --model cltv_ml --model lifetimes`
    """
    _finish(forecasts.run(task, model, without, say=_say), "quality")


@app.command()
def level(
    task: Annotated[
        list[str] | None, typer.Option(help="Entry of levels.toml; may be repeated. All by default.")
    ] = None,
) -> None:
    """Compare the forecast of the total with each candidate's, on public data and simulated shops.

    Example: `python -m experiments level --task online_retail_two_years`
    """
    _finish(totals.run(task, say=_say), "level")


@app.command()
def forecast() -> None:
    """Compare the whole shop's forecast at rolling origins with classical forecasts of its weekly revenue.

    Example: `python -m experiments forecast`
    """
    _finish(shops.run(say=_say), "forecast")


@app.command()
def champions(
    purpose: Annotated[
        str, typer.Argument(help="Set of champions.toml: choose, to look for faults, or report.")
    ] = "report",
    task: Annotated[
        list[str] | None, typer.Option(help="Entry of the set; may be repeated. All by default.")
    ] = None,
    models: Annotated[str, typer.Option(help="Models that compete.")] = trainings.MODELS,
) -> None:
    """Train as a user does on windows that nobody has looked at, and judge what was named and forecast.

    Example: `python -m experiments champions report --task grocer`
    """
    _finish(trainings.run(purpose, task, models, say=_say), "champions")


@app.command()
def lifetime(task: Logs = None) -> None:
    """Compare values beyond the horizon that was learned from with what followed, and with known lifetimes.

    Example: `python -m experiments lifetime --task superstore`
    """
    _finish(tails.run(task, say=_say), "lifetime")


@app.command()
def attributes(task: Logs = None) -> None:
    """Compare a model that learned from tables about customers with the same model without.

    Example: `python -m experiments attributes --task superstore`
    """
    _finish(customers_known.run(task, say=_say), "attributes")


@app.command()
def exactness() -> None:
    """Compare parameters, likelihoods and customer checks with published numbers.

    Example: `python -m experiments exactness`
    """
    _finish(published.run(), "exactness")


@app.command()
def speed(
    customers: Annotated[
        list[int] | None, typer.Option(help="Customers for the models: 10k, 100k and 1M by default.")
    ] = None,
    rows: Annotated[
        list[int] | None, typer.Option(help="Rows for the features: 1M, 10M and 100M by default.")
    ] = None,
    small: Annotated[
        bool, typer.Option("--small", help="Run under two minutes; fail on a ratio that is 20% worse.")
    ] = False,
) -> None:
    """Measure time, CPU and memory, with the ratio to peers and bare engines in the same run.

    Example: `python -m experiments speed --customers 100000 --rows 1000000`
    """
    if not small:
        _finish(timing.run(customers, rows, say=_say), "speed")
        return
    slower = timing.check_small(say=_say)
    for sentence in slower:
        console.print(f"[bold red]Slower[/bold red]    {sentence}", soft_wrap=True)
    if slower:
        raise typer.Exit(1)


def _say(sentence: str) -> None:
    console.print(f"Measured  {sentence}", soft_wrap=True, highlight=False)


def _finish(table: pd.DataFrame, name: str) -> None:
    measured = int(table["value"].notna().sum())
    console.print(f"Results   {measured:,} numbers in [bold]experiments/results/{name}.csv[/bold]")
    console.print("Page      [bold]experiments/README.md[/bold]")


if __name__ == "__main__":
    app()
