"""The command line: `cltv`."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from cltv_ml.config import Settings, load_settings, merge, parse_mapping

# The rooms that import MLflow, XGBoost and plotly are imported by the commands that need them,
# so that `cltv --help` answers at once.
if TYPE_CHECKING:
    from cltv_ml.data import Cleaned
    from cltv_ml.evaluation.backtest import Progress as Report
    from cltv_ml.ops.train import Outcome

app = typer.Typer(
    name="cltv", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown",
    help="Customer lifetime value: compare models, serve the best, score every customer.",
)  # fmt: skip
console = Console()
stderr = Console(stderr=True)

Data = Annotated[str, typer.Option(help="A CSV or Parquet file, or the name of a data set such as cdnow.")]
Mapping = Annotated[
    list[str] | None,
    typer.Option(help="name=column, such as customer_id=CustomerID; may be repeated; or a TOML file."),
]
Config = Annotated[Path | None, typer.Option(help="A TOML file with these settings; flags win over it.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the whole stack trace of an error.")]


_SHOWN = ("Model", "Bias", "Decile error", "Gini", "Top 10%", "MAE")


@app.callback()
def common(debug: Debug = False) -> None:
    """Hold what every command shares."""


@app.command()
def train(
    data: Data = "",
    mapping: Mapping = None,
    cutoff: Annotated[
        str, typer.Option(help="First day the models may not see; default: last date - horizon.")
    ] = "",
    horizon: Annotated[
        str, typer.Option(help="Days ahead: 90, 13w, 6m or 1y (1m is 30.4375 days). Default 13w.")
    ] = "",
    out: Annotated[str, typer.Option("--out", help="Folder for the files. Default out.")] = "",
    experiment: Annotated[str, typer.Option(help="MLflow experiment. Default cltv.")] = "",
    config: Config = None,
) -> None:
    """Compare the models on an untouched window, register the best, write a report.

    Example: `cltv train --data orders.csv --mapping customer_id=Customer --mapping amount=Total --horizon 6m`
    """
    flags = {"data": data, "mapping": parse_mapping(mapping or []), "cutoff": cutoff,
             "horizon": horizon, "out": out, "experiment": experiment}  # fmt: skip
    settings = merge(load_settings(config) if config else Settings(), flags)
    _show(_train(settings), settings)


@app.command()
def score(
    data: Data = "",
    mapping: Mapping = None,
    as_of: Annotated[
        str, typer.Option(help="First day the model may not see; default: the day after the log.")
    ] = "",
    out: Annotated[Path, typer.Option("--out", help="A .parquet or .csv file, or a folder.")] = Path("out"),
    config: Config = None,
) -> None:
    """Score every customer with the registered champion.

    Example: `cltv score --data orders.csv --as-of 2026-11-01 --out scores.csv`
    """
    flags = {"data": data, "mapping": parse_mapping(mapping or [])}
    settings = merge(load_settings(config) if config else Settings(), flags)
    path = out if out.suffix in (".csv", ".parquet") else out / "scores.parquet"
    table = _score(settings, path, as_of)
    console.print(
        f"{len(table):,} customers, {table['expected_value'].notna().sum():,} with a value: [bold]{path}[/bold]"
    )


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="Folder for report.html.")] = Path("out"),
    experiment: Annotated[str, typer.Option(help="MLflow experiment.")] = "cltv",
) -> None:
    """Write the report of the newest training again, from what MLflow holds."""
    from cltv_ml.ops import files, tracking
    from cltv_ml.reporting.report import render_html

    with files.atomic(out / "report.html") as path:
        path.write_text(render_html(tracking.latest_summary(experiment)), encoding="utf-8")
    console.print(f"Report    [bold]{out / 'report.html'}[/bold]")


@app.command()
def demo(out: Annotated[str, typer.Option("--out", help="Folder for the files.")] = "out") -> None:
    """Run the whole line on 23,570 real customers of CDNOW (data: Fader and Hardie)."""
    settings = Settings(data="cdnow", horizon="26w", out=out)
    outcome = _train(settings)
    scores = Path(out) / "scores.parquet"
    table = _score(settings, scores, "")
    _show(outcome, settings)
    console.print(f"Scores    {len(table):,} customers in [bold]{scores}[/bold]")
    console.print(f"Report    [bold]{Path(out) / 'report.html'}[/bold]")
    _say_next()


@app.command()
def ui(port: Annotated[int, typer.Option(help="Port on this machine.")] = 5000) -> None:
    """Open the MLflow server on this project's store, in its light form (two processes)."""
    from cltv_ml.ops import tracking

    command = tracking.server_command(port)
    console.print(f"Compare the models at [bold]{tracking.runs_page(port)}[/bold] (stop with Ctrl-C)")
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    os.execv(sys.executable, [sys.executable, "-m", *command])


def main() -> None:
    """Run the command line; a wrong input is one sentence on stderr and exit status 2."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # its remarks on our own pins and settings
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an open MLflow run then ends as FAILED
    if "--debug" in sys.argv[1:]:
        sys.argv = [sys.argv[0], "--debug", *(word for word in sys.argv[1:] if word != "--debug")]
        app()
    try:
        app()
    except (ValueError, OSError) as error:
        stderr.print(
            f"[bold red]cltv:[/bold red] {_one_sentence(error)}", soft_wrap=True, highlight=False, markup=True
        )
        sys.exit(2)


def _train(settings: Settings) -> Outcome:
    from cltv_ml.ops.train import Job, train
    from cltv_ml.windows import Window, span

    with _progress("training") as report:
        cleaned = _load(settings, report)
        window = (
            Window(settings.cutoff, settings.horizon)
            if settings.cutoff
            else Window.latest(span(cleaned.log)[1], settings.horizon)
        )
        job = Job(
            window, dataset=_dataset_name(settings.data), experiment=settings.experiment,
            out=Path(settings.out), max_origins=settings.max_origins,
        )  # fmt: skip
        return train(cleaned, job, report)


def _score(settings: Settings, path: Path, as_of: str) -> Any:
    from cltv_ml.ops.scoring import score

    with _progress("scoring") as report:
        return score(_load(settings, report), path, as_of=as_of or None, progress=report)


def _load(settings: Settings, report: Report) -> Cleaned:
    from cltv_ml.data import clean, read

    if not settings.data:
        raise ValueError("no data given; name a file or a data set with --data, for example --data cdnow.")
    report("reading the transactions", 0.0)
    return clean(read(settings.data, dict(settings.mapping) or None))


def _dataset_name(data: str) -> str:
    """Return a data set's name, for a path the file's name alone: folders and passwords stay out of MLflow."""
    return data.rsplit("/", 1)[-1].split("?", 1)[0]


def _show(outcome: Outcome, settings: Settings) -> None:
    from cltv_ml.ops.summary import comparison_table

    result = outcome.result
    frame = comparison_table(result, outcome.verdict.champion)[list(_SHOWN)]
    title = (
        f"{len(result.y_true):,} customers, {result.window.horizon} days from {result.window.cutoff:%Y-%m-%d}"
    )
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(frame.columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in frame.itertuples(index=False):
        table.add_row(*row)
    console.print(table)
    for note in outcome.notes:
        console.print(f"Note      {note}")
    console.print(
        f"Champion  {outcome.verdict.reason}, registered as [bold]cltv version {outcome.version}[/bold]"
    )
    console.print(f"Files     [bold]{settings.out}[/bold]: comparison.csv, report.html, quarantine.parquet")


def _say_next() -> None:
    from cltv_ml.ops import tracking

    folder = Path(sys.executable).parent
    if os.environ.get("VIRTUAL_ENV") is None and folder.is_relative_to(Path.cwd()):
        console.print(f"Activate  source {(folder / 'activate').relative_to(Path.cwd())}")
    console.print("Compare   cltv ui")
    console.print(f"Serve     {tracking.serve_command()}", soft_wrap=True)


@contextmanager
def _progress(title: str) -> Iterator[Report]:
    """Yield a function that moves a progress bar; on a pipe it stays silent."""
    columns = (TextColumn("{task.description:<44}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda message, done: bar.update(task, description=message, completed=done)


def _one_sentence(error: BaseException) -> str:
    from rich.markup import escape

    return escape(" ".join(str(error).split()))


if __name__ == "__main__":
    main()
