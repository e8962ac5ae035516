"""The command line: `cltv`."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer
from rich.markup import escape

import cltv_ml
from cltv_ml import settings
from cltv_ml.addresses import hide, may_hold_login, without_secrets
from cltv_ml.cli import (
    act,
    backtest,
    data,
    features,
    lifetime,
    line,
    monitor,
    plot,
    promotion,
    report,
    score,
    shop,
    tune,
)
from cltv_ml.cli.options import command
from cltv_ml.cli.printing import Notes, stderr
from cltv_ml.errors import InputError
from cltv_ml.settings.toml import read_toml

app = typer.Typer(
    name="cltv",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Customer lifetime value: compare models, serve the best, score every customer.",
    epilog="Exit status: 0 success; 1 an internal error, with its stack trace; 2 an invalid input, explained in one "
    "sentence; 3 promote refuses, or monitor's verdict is watch; 4 monitor's verdict is retrain; 130 or 143 stopped by "
    "Ctrl-C or a kill; 141 the output's reader has ended. NO_COLOR=1 turns colours off; --json prints one JSON "
    "document. An environment variable can set every option: CLTV_HORIZON sets --horizon.",
)
for description, run in (
    (settings.Demo, line.demo),
    (settings.Train, line.train),
    (settings.Score, score.score),
    (settings.Report, report.report),
    (settings.Plot, plot.plot),
    (settings.Tune, tune.tune),
    (settings.Backtest, backtest.backtest),
    (settings.Promote, promotion.promote),
    (settings.Monitor, monitor.monitor),
    (settings.Weekly, monitor.weekly),
    (settings.Lifetime, lifetime.lifetime),
    (settings.Cohorts, shop.cohorts),
    (settings.Audit, shop.audit),
    (settings.Forecast, shop.forecast),
    (settings.Acquisition, shop.acquisition),
    (settings.Export, lifetime.export),
):
    command(app.command, description)(run)  # type: ignore[arg-type]
app.command()(promotion.rollback)
app.command()(line.ui)
app.add_typer(act.app, name="act")
app.add_typer(data.app, name="data")
app.add_typer(features.app, name="features")


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cltv_ml {cltv_ml.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show the stack trace of an error; works anywhere on the command line."),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Print each step as it begins; works anywhere on the command line."
        ),
    ] = False,
) -> None:
    """Options read before any command; `main` finds the last two itself, anywhere on the line."""


def _exit_on_signals() -> list[int]:
    """Make SIGTERM and SIGINT end the process by their exit status; return a list that then holds the signal."""
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        """Store the signal and exit with its status."""
        stopped.append(number)
        sys.exit(128 + number)  # unwinds, so that an open MLflow run ends as FAILED

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopped


def main(words: list[str] | None = None) -> None:
    """Run the command line; a wrong input is one sentence on stderr and exit status 2."""
    words = sys.argv[1:] if words is None else words
    debug = "--debug" in words
    if {"-v", "--verbose"} & set(words):
        os.environ["CLTV_VERBOSE"] = "1"
    # A sign that the output's encoding lacks is spelled out, as on stderr.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")  # no remarks on pins and settings that are ours
    notes = Notes()
    logging.getLogger("cltv_ml").addHandler(notes)
    stopped = _exit_on_signals()
    try:
        app([word for word in words if word not in ("--debug", "--verbose", "-v")])
    except SystemExit as end:
        if end.code == 1 and isinstance(end.__context__, BrokenPipeError):  # from Typer or Rich
            sys.exit(128 + 13)  # SIGPIPE, which Windows does not name
        raise
    except Exception as error:
        if stopped:  # a library in the middle of its work may turn the stop into an error of its own
            sys.exit(128 + stopped[0])
        if debug or not _user_can_fix(error):
            sys.excepthook = _show_fault  # only now: Typer has put its own hook there
            raise
        sentence = escape(_hide_secrets(" ".join(_words_of(error).split())))
        stderr.print(f"[bold red]cltv:[/bold red] {sentence}", soft_wrap=True, highlight=False)
        sys.exit(2)
    finally:
        if stopped:
            how = "Ctrl-C" if stopped[0] == signal.SIGINT else "a signal to end"
            stderr.print(f"[bold red]cltv:[/bold red] stopped by {how}.", highlight=False)


def _show_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the stack trace of a fault without the secrets that an address holds."""
    sys.stderr.write(_hide_secrets("".join(traceback.format_exception(kind, error, trace))))


def _hide_secrets(text: str) -> str:
    """Return a text without the secrets of the command line, its TOML files and the environment."""
    words = [re.sub(r"^--[\w-]+=", "", word) for word in sys.argv]
    named = [value for name, value in os.environ.items() if name.startswith(("CLTV_", "MLFLOW_"))]
    for url in (*named, *words, *_texts_of_files(words)):
        if may_hold_login(url) and without_secrets(url) != url:
            text = hide(text, url)
    return text


def _texts_of_files(words: list[str]) -> list[str]:
    """Return the texts at the top of the TOML files among the words, such as that of --config."""
    texts: list[str] = []
    for word in words:
        if word.endswith(".toml"):
            with suppress(InputError, OSError):
                texts += [value for value in read_toml(Path(word)).values() if isinstance(value, str)]
    return texts


def _words_of(error: Exception) -> str:
    """Return an error's message; for a lack of memory its first line and a way out, for one of space a way out too."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"nothing more can be written ({error}); free some space and run the same command again."
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return f"{error.filename} lies on a file system that can only be read; choose another place."
    if _lacks_threads(error):
        return "no thread can be started; raise the limit of processes (ulimit -u), or end other programs."
    if not _lacks_memory(error):
        return str(error)
    reason = (str(error).strip().splitlines() or ["no more is available"])[0].rstrip(".")
    return f"there is not enough memory ({reason}); free some, or use a machine with more."


def _lacks_memory(error: Exception) -> bool:
    # DuckDB's class is not imported here, to start quickly. The linker says the same of a disk that forbids programs.
    if "failed to map segment" in str(error) and "not permitted" not in str(error):
        return True
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException"


def _lacks_threads(error: Exception) -> bool:
    return isinstance(error, RuntimeError) and str(error) == "can't start new thread"


def _user_can_fix(error: Exception) -> bool:
    """Return whether an error is an input or the machine's (a full disk, no memory or thread, a read-only folder)."""
    if isinstance(error, InputError) or _lacks_memory(error) or _lacks_threads(error):
        return True
    if isinstance(error, OSError):
        return error.errno is not None
    # MLflow's class is not imported here, to start quickly; its internal errors are faults.
    return getattr(error, "error_code", "INTERNAL_ERROR") != "INTERNAL_ERROR"
