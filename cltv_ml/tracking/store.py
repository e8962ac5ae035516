"""The MLflow store: located, created whole, locked, and described if it fails."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import re
import socket
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
import sqlalchemy
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from cltv_ml.addresses import hide, sqlite_file, without_secrets
from cltv_ml.errors import InputError
from cltv_ml.tracking import sqlite_store
from cltv_ml.tracking.store_names import REGISTERED_NAME, store_uri

#: Seconds to wait for a store that another process is writing to.
_PATIENCE = 60.0

#: Packages of the clients of object stores, whose errors MLflow passes on as they are.
_OBJECT_STORES = ("azure", "boto3", "botocore", "google")


class StoreError(InputError):
    """The store disappeared, stayed locked or could not be written while in use."""


def open_store() -> str:
    """Point MLflow at one absolute store and create it if necessary; return its URI.

    `MLFLOW_TRACKING_URI` takes precedence; otherwise it is `mlflow.db` in the project's root, wherever the command was
    started. One process creates a new store while others wait, because two at once would break it.

    Raises
    ------
    InputError
        The address is that of a server or a database that does not answer, or its driver is not installed; or a
        SQLite store is locked by another process, lies in a folder that cannot be written, or is not whole.
    """
    uri = store_uri()
    mlflow.set_tracking_uri(uri)
    # Errors that this logger shows with their stack traces are raised as well, and become one sentence.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    # An environment of uv has no pip, which this logger would remark on for every model that is logged.
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)
    if uri.startswith("http"):
        _check_server(uri)
    elif path := sqlite_file(uri):
        _create_once(uri, path.absolute())
    elif re.match(r"(postgresql|mysql|mssql)\b", uri):
        _check_database(uri)
    return uri


def open_existing() -> str:
    """Point MLflow at the store as `open_store` does, but create none; for what only reads trainings or models.

    Raises
    ------
    InputError
        As `open_store` does, or there is no store yet.
    """
    path = sqlite_file(store_uri())
    if path and not path.exists():
        raise InputError(
            f"there is no MLflow store {without_secrets(store_uri())}; run `cltv train` first, or set "
            "MLFLOW_TRACKING_URI to the store of an earlier training."
        )
    return open_store()


@functools.cache
def _create_once(uri: str, path: Path) -> None:
    """Create a SQLite store, or wait for the process that is creating it."""
    with store_lock():
        if path.exists():
            sqlite_store.check_free(path, _PATIENCE)
        sqlite_store.create(path)
        sqlite_store.check_whole(uri, path)


@functools.cache
def _check_database(uri: str) -> None:
    """Raise InputError with one sentence if a database cannot be opened, after three attempts a second apart.

    MLflow itself would retry for minutes and then show its stack trace.
    """
    for left in reversed(range(3)):
        try:
            sqlalchemy.create_engine(uri, poolclass=sqlalchemy.pool.NullPool).connect().close()
        except (SQLAlchemyError, ImportError) as error:
            if not left or not isinstance(error, OperationalError):
                reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
                raise InputError(
                    f"the MLflow store {store_name()} cannot be opened ({hide(reason, uri)}); start the database, or "
                    "set MLFLOW_TRACKING_URI."
                ) from error
            time.sleep(1)
        else:
            return


def _check_server(uri: str, tries: int = 3) -> None:
    """Raise InputError with one sentence if nothing listens at a server's address, after a few attempts."""
    address = urlsplit(uri)
    port = address.port or (443 if address.scheme == "https" else 80)
    for left in reversed(range(tries)):
        try:
            socket.create_connection((address.hostname or "", port), timeout=5).close()
        except OSError as error:
            if not left:
                raise InputError(
                    f"no MLflow server answers at {store_name()} ({error}); start it, or set MLFLOW_TRACKING_URI."
                ) from error
            time.sleep(1)
        else:
            return


@contextmanager
def store_lock(patience: float = _PATIENCE) -> Iterator[None]:
    """Hold the only lock of the present store on this machine; it is released however the process ends.

    Raises
    ------
    InputError
        Another process holds it for longer than `patience` seconds.
    """
    path = _lock_file(mlflow.get_tracking_uri())
    # SQLite's lock is the only one in the standard library that works on every system and survives a kill.
    with contextlib.closing(sqlite_store.open_connection(path, patience)) as lock:
        try:
            lock.execute("begin exclusive")
        except sqlite3.OperationalError as error:
            if sqlite_store.is_busy(error):
                raise InputError(
                    f"another process has locked {path} for {patience:.0f} seconds ({error}); wait until it "
                    "ends."
                ) from error
            raise sqlite_store.not_writable(path, error) from error
        yield


def _lock_file(uri: str) -> Path:
    path = sqlite_file(uri)
    if path:
        return path.with_name(f"{path.name}.lock")
    return Path(tempfile.gettempdir()) / f"cltv-{hashlib.sha256(uri.encode()).hexdigest()[:16]}.lock"


def store_name() -> str:
    """Return the store's address without login and options."""
    return without_secrets(mlflow.get_tracking_uri())


def champion_tag(key: str) -> str:
    """Return a tag of the champion; empty without the tag, a champion, or a registry that answers."""
    with contextlib.suppress(InputError, MlflowException):
        open_existing()
        champion = mlflow.MlflowClient().get_model_version_by_alias(REGISTERED_NAME, "champion")
        return str(champion.tags.get(key, ""))
    return ""


def artifact_root(uri: str) -> Path | None:
    """Return the folder of artefacts next to a SQLite store; a server has its own."""
    path = sqlite_file(uri)
    return path.absolute().parent / "mlruns" if path else None


@contextmanager
def explained() -> Iterator[None]:
    """Turn errors about a lost, locked or full store, or the object store of its artifacts, into `StoreError`.

    Other errors pass. It waits for a locked SQLite store, so that open runs can be ended.
    """
    try:
        yield
    except Exception as error:
        reason = _suffered(error)
        if reason:
            raise StoreError(
                f"{reason}; run the same command again when this is fixed, which also ends the runs still "
                "open there."
            ) from error
        raise


def fetch_artifacts(what: str, **address: str) -> Path:
    """Return the copy of artifacts on this machine that `mlflow.artifacts.download_artifacts` makes.

    Raises
    ------
    StoreError
        They cannot be read; the message begins with `what`.
    """
    try:
        return Path(mlflow.artifacts.download_artifacts(**address))
    except Exception as error:
        # MLflow raises a ValueError for an address that it cannot take apart.
        if not isinstance(error, MlflowException | OSError | ValueError) and not _is_of_object_store(error):
            raise
        reason = " ".join(str(error).split()).rstrip(".")
        raise StoreError(
            f"{what} cannot be fetched: {reason}; run the same command again when the store can be read, or train "
            "again if its files were deleted."
        ) from error


def _is_of_object_store(error: Exception) -> bool:
    """Return whether the client of an object store, such as S3, raised an error."""
    return type(error).__module__.partition(".")[0] in _OBJECT_STORES


def _suffered(error: Exception) -> str:
    """Return the store's failure where it caused an error, else an empty text."""
    if _is_of_object_store(error):
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        return f"the artifacts of the MLflow store {store_name()} could not be read or written ({reason})"
    if not isinstance(error, MlflowException | OSError):
        return ""
    uri = mlflow.get_tracking_uri()
    if uri.startswith("http"):
        if answer := re.search(r"failed with error code (\d{3})", str(error)):
            return f"the MLflow server at {store_name()} answered with status {answer[1]}"
        try:
            _check_server(uri, tries=1)
        except InputError:
            return f"the MLflow server at {store_name()} has stopped answering"
    cause = error.__cause__
    if not isinstance(cause, SQLAlchemyError):
        return ""
    path = sqlite_file(uri)
    if path and path.exists():
        with contextlib.suppress(InputError):
            sqlite_store.check_free(path, _PATIENCE)
    failure = hide(str(getattr(cause, "orig", None) or cause).strip().splitlines()[0], uri)
    return f"the MLflow store {store_name()} could not be used ({failure})"


@contextmanager
def impatient() -> Iterator[None]:
    """Send requests once inside the block, without retries, to a server that has already been retried."""
    name = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
    before = os.environ[name]
    os.environ[name] = "0"
    try:
        yield
    finally:
        os.environ[name] = before
