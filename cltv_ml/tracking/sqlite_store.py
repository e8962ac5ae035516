"""The store in one SQLite file: created whole or not at all, with its faults reported in one sentence."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import sqlite3
from importlib.resources import files
from pathlib import Path

import mlflow
from alembic.util.exc import CommandError
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from cltv_ml.errors import InputError

#: An empty store as the MLflow version in its first line creates it, in a hundredth of the time.
EMPTY = files("cltv_ml.tracking").joinpath("empty_store.sql")


def create(path: Path) -> None:
    """Create an empty store if there is none; call it under the store's lock.

    It is built under another name in the same folder and renamed, so an interruption leaves no store rather than half
    of one. An MLflow version other than that of `EMPTY` builds it with its own migrations, in seconds.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    if path.exists() and path.stat().st_size:
        return
    temporary = path.with_name(f"{path.name}.part")
    for left in path.parent.glob(f"{glob.escape(temporary.name)}*"):
        left.unlink()
    statements = EMPTY.read_text(encoding="utf-8")
    if statements.splitlines()[0] == f"-- MLflow {mlflow.__version__}":
        _fill_store(temporary, statements)
    else:
        built = temporary.with_name(f"{temporary.name}.built")
        MlflowClient(f"sqlite:///{built}").search_experiments(max_results=1)
        shutil.copyfile(built, temporary)  # MLflow keeps its file open, and Windows renames no open one
        with contextlib.suppress(PermissionError):
            built.unlink()
    os.replace(temporary, path)


def _fill_store(temporary: Path, statements: str) -> None:
    try:
        with contextlib.closing(open_connection(temporary)) as store:
            store.executescript(statements)
    except sqlite3.OperationalError as error:
        for left in temporary.parent.glob(f"{glob.escape(temporary.name)}*"):
            left.unlink()
        raise not_writable(temporary, error) from error


def open_connection(path: Path, patience: float = 5.0) -> sqlite3.Connection:
    """Return a connection that begins no transaction by itself; raise InputError if the file cannot be opened."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(path, timeout=patience, isolation_level=None)
    except (sqlite3.OperationalError, OSError) as error:
        raise not_writable(path, error) from error


def not_writable(path: Path, error: Exception) -> InputError:
    """Return the error of a store whose folder or file cannot be written."""
    return InputError(
        f"the folder {path.absolute().parent} of the MLflow store is not writable ({error}); change its "
        "permissions, run the command in another folder, or set MLFLOW_TRACKING_URI to a writable store."
    )


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether SQLite gave up because another process holds its lock."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def check_free(path: Path, patience: float) -> None:
    """Raise InputError if a store stays locked, cannot be written or is not a SQLite file."""
    with contextlib.closing(open_connection(path, patience)) as store:
        try:
            store.execute("begin immediate")
            store.execute("rollback")
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise not_writable(path, error) from error
            raise InputError(
                f"the store {path} could not be written for {patience:.0f} seconds ({error}); end the "
                "process that locks it, or set MLFLOW_TRACKING_URI to another store."
            ) from error
        except sqlite3.DatabaseError as error:
            raise _broken(path, f"it is not a SQLite database ({error})") from error


def check_whole(uri: str, path: Path) -> None:
    """Raise InputError with the remedy if MLflow cannot open a store: it is incomplete or of another version."""
    try:
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)
    except (MlflowException, SQLAlchemyError, CommandError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, SQLAlchemyError) else error
        reason = str(getattr(cause, "orig", None) or cause).strip().splitlines()[0].rstrip(".")
        runs = _count_runs(path)
        if runs:
            raise InputError(
                f"the store {path} holds {runs:,} runs, but this MLflow {mlflow.__version__} cannot open it "
                f"({reason}); copy the file and run `mlflow db upgrade {uri}`, or restore a backup."
            ) from error
        raise _broken(path, f"its creation was interrupted ({reason})") from error


def _count_runs(path: Path) -> int:
    """Return the number of runs in a store; None if it has no such table."""
    with contextlib.closing(open_connection(path)) as store:
        try:
            return int(store.execute("select count(*) from runs").fetchone()[0])
        except sqlite3.DatabaseError:
            return 0


def _broken(path: Path, reason: str) -> InputError:
    return InputError(
        f"the store {path} cannot be used: {reason}. It has no readable runs: restore a backup, or move it "
        f"away, for example with `mv {path.name} {path.name}.broken`, and run the same command again, or set "
        "MLFLOW_TRACKING_URI to another store."
    )
