"""The command line: `cltv`."""

from __future__ import annotations

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
    help="Customer lifetime value: compare models, serve the best, score every customer. "
    "With --debug an error shows its whole stack trace.",
)  # fmt: skip
console = Console()
stderr = Console(stderr=True)

Data = Annotated[str, typer.Option(help="A CSV or Parquet file, or the name of a data set such as cdnow.")]
Mapping = Annotated[
    list[str] | None,
    typer.Option(help="name=column, such as customer_id=CustomerID; may be repeated; or a TOML file."),
]
Config = Annotated[Path | None, typer.Option(help="A TOML file with these settings; flags win over it.")]


_SHOWN = ("Model", "Bias", "Decile error", "Gini", "Top 10%", "MAE")


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


def main(words: list[str] | None = None) -> None:
    """Run the command line; a wrong input is one sentence on stderr and exit status 2."""
    words = sys.argv[1:] if words is None else words
    debug = "--debug" in words
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")  # no remarks on pins and settings that are ours
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        stopped.append(number)
        sys.exit(128 + number)  # unwinds, so that an open MLflow run ends as FAILED

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        app([word for word in words if word != "--debug"])
    except Exception as error:
        if stopped:  # a library in the middle of its work may turn the stop into an error of its own
            sys.exit(128 + stopped[0])
        if debug or not isinstance(error, (ValueError, OSError)):
            raise
        stderr.print(f"[bold red]cltv:[/bold red] {_one_sentence(error)}", soft_wrap=True, highlight=False)
        sys.exit(2)


def _train(settings: Settings) -> Outcome:
    from cltv_ml.windows import Window, check_log, span, to_days

    with _progress("training") as report:
        # Whatever can be wrong with the input is said before the slow imports and before MLflow is touched.
        window = Window(settings.cutoff, settings.horizon) if settings.cutoff else None
        to_days(settings.horizon)
        cleaned = _load(settings, report)
        window = window or Window.latest(span(cleaned.log)[1], settings.horizon)
        check_log(cleaned.log, window)
        from cltv_ml.ops.train import Job, train

        job = Job(
            window, dataset=_dataset_name(settings.data), experiment=settings.experiment,
            out=Path(settings.out), max_origins=settings.max_origins,
        )  # fmt: skip
        return train(cleaned, job, report)


def _score(settings: Settings, path: Path, as_of: str) -> Any:
    with _progress("scoring") as report:
        cleaned = _load(settings, report)
        from cltv_ml.ops.scoring import score

        return score(cleaned, path, as_of=as_of or None, progress=report)


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
