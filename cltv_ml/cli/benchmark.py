"""Proof on the reader's machine: `cltv benchmark quality | exactness | speed`, from a checkout of the project."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import cltv_ml
from cltv_ml.cli.shared import console
from cltv_ml.errors import InputError

app = typer.Typer(
    no_args_is_help=True, help="Measure quality, exactness and speed, and write the tables of README."
)


@app.command()
def quality(
    task: Annotated[
        list[str] | None, typer.Option(help="An entry of tasks.toml; may be repeated. Default all.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A file of experiments/benchmark/models. Default all.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="A model to leave out, such as pymc_marketing; may be repeated.")
    ] = None,
) -> None:
    """Compare our models and those people use today on public data, each on windows it has not seen.

    What was measured is kept in out/benchmark: an interrupted run goes on, a second one takes seconds.
    Example: `cltv benchmark quality --task cdnow --model cltv_ml --model lifetimes`
    """
    table = _room("quality").run(task, model, without, say=_say)
    _finish(table, "quality")


@app.command()
def exactness() -> None:
    """Hold parameters, likelihoods and customer checks against published numbers.

    Example: `cltv benchmark exactness`
    """
    _finish(_room("exactness").run(), "exactness")


@app.command()
def speed(
    customers: Annotated[
        list[int] | None, typer.Option(help="Sizes for the models. Default 10k, 100k, 1M.")
    ] = None,
    rows: Annotated[
        list[int] | None, typer.Option(help="Sizes for the features. Default 1M, 10M, 100M.")
    ] = None,
    small: Annotated[
        bool, typer.Option("--small", help="Under two minutes; fails on a ratio 30% worse.")
    ] = False,
) -> None:
    """Measure time, CPU and memory, with the ratio to peers and bare engines in the same run.

    Example: `cltv benchmark speed --customers 100000 --rows 1000000`
    """
    room = _room("speed")
    if small:
        worse = room.check_small(say=_say)
        for sentence in worse:
            console.print(f"[bold red]Slower[/bold red]    {sentence}", soft_wrap=True)
        if worse:
            raise typer.Exit(1)
        return
    _finish(room.run(customers, rows, say=_say), "speed")


def _room(name: str) -> Any:
    """Return a module of experiments/benchmark, which the wheel does not carry."""
    root = Path(cltv_ml.__file__).parents[1]
    if not (root / "experiments" / "benchmark" / "tasks.toml").is_file():
        raise InputError(
            "the benchmark is not part of the installed package; clone the project, install it with "
            "`pip install -e .` and run the command there."
        )
    sys.path.insert(0, str(root))
    return importlib.import_module(f"experiments.benchmark.{name}")


def _say(sentence: str) -> None:
    console.print(f"Measured  {sentence}", soft_wrap=True, highlight=False)


def _finish(table: Any, name: str) -> None:
    measured = int(table["value"].notna().sum())
    console.print(f"Results   {measured:,} numbers in [bold]experiments/results/{name}.csv[/bold]")
    console.print("Page      [bold]experiments/README.md[/bold]")
