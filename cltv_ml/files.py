"""Files that appear whole or not at all, and tables that a spreadsheet can open without harm."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import signal
import sqlite3
import stat
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml.addresses import without_secrets
from cltv_ml.errors import InputError
from cltv_ml.remote import address, check_writable, delete, is_remote, send

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

#: Seconds without a write after which a temporary file counts as left behind by a process that was killed.
_ABANDONED = 3600.0

#: Bytes of a file's name in that of its temporary file: file systems take 255.
_LONGEST = 240

#: Files that wait for their names, by those names, while a set of files is written; None for one to be deleted.
_WAITING: ContextVar[dict[Path, Path | None] | None] = ContextVar("_WAITING", default=None)

#: Files that the present command reads, which it must not replace.
_PROTECTED: ContextVar[tuple[str, ...]] = ContextVar("_PROTECTED", default=())

#: What a spreadsheet takes for a formula, unless it is a number; apostrophes before it are ours or the data's.
_FORMULA, _NUMBER = r"'*[=+\-@\t\r]", r"[+-]?[\d.,]*\d[\d.,]*\s?%?"


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold the lock file `path`, which stays; the lock is released however the process ends.

    Raises
    ------
    InputError
        Another process holds it, which is then said in the words of `busy`; its folder cannot be written; or the file
        is no lock.
    """
    # SQLite's lock works on every system, and ends with the process.
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("begin exclusive")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise InputError(busy) from None
            raise InputError(
                f"{path} cannot be locked ({error}); choose a folder that can be written."
            ) from None
        except sqlite3.DatabaseError:
            raise InputError(f"{path} is damaged; delete it and run the same command again.") from None
        yield


@contextmanager
def folder_if_used(folder: Path) -> Iterator[None]:
    """Create a folder for the block, and remove it at the end if it is empty."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):  # it holds files
            folder.rmdir()


def protect(files: Iterable[str]) -> None:
    """Refuse to replace these files, and no others, in this context."""
    _PROTECTED.set(tuple(files))


@contextmanager
def atomic(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path next to `path`; on success it takes the name `path`, on failure it vanishes.

    A private file, one that names customers, can be read by its owner only; one that was there keeps its rights.
    Where `path` is a symbolic link the file that it names is replaced, and the link stays. A path on an object store is
    written to a file of this machine, which is sent on success. Temporary files of the same name that a killed process
    left behind, unchanged for an hour, are deleted first.

    Raises
    ------
    InputError
        The disk is full, the file larger than allowed, its folder may not be written, `path` is a folder, a device
        or a pipe, or the command reads it.
    """
    if is_remote(path):
        with tempfile.TemporaryDirectory() as folder:
            yield (local := Path(folder, path.name))
            send(local, path)
        return
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    if not path.name or (path.exists() and not (path.is_file() or path.is_dir())):
        kind = "a device or a pipe" if path.name else "a folder"
        raise InputError(f"{path} is {kind}, which no file may replace; choose another name.")
    if any(path.exists() and os.path.exists(one) and os.path.samefile(path, one) for one in _PROTECTED.get()):
        raise InputError(f"{path} would be replaced, but this command reads it; choose another --out.")
    path.parent.mkdir(parents=True, exist_ok=True)
    _delete_abandoned(path)
    temporary, waiting = _unused(path), _WAITING.get()
    kept = False
    try:
        if private:
            os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))
        yield temporary
        if private:
            os.chmod(temporary, stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600)
        if waiting is None:
            os.replace(temporary, path)
        else:
            if earlier := waiting.get(path):
                earlier.unlink(missing_ok=True)
            waiting[path], kept = temporary, True
    except OSError as error:
        full = error.errno in _NO_SPACE
        if not full and str(error.filename) != str(temporary):
            raise
        raise InputError(
            f"{path} cannot be written ({error.strerror}); "
            f"{'free some space' if full else 'change its permissions'} or choose another place, and run the "
            "same command again. What was there before is unchanged."
        ) from error
    finally:
        if not kept:
            with suppress(OSError):  # a read-only file system refuses to delete even what is not there
                temporary.unlink(missing_ok=True)


@contextmanager
def together() -> Iterator[None]:
    """Give the files that `atomic` writes inside their names at the end, one right after the other, or none of them.

    So a command that stops leaves either its own set of files or the one that was there. A signal to end that arrives
    while the names are given takes effect afterwards. Only a SIGKILL or a power cut within those microseconds can leave
    a mixture, and so can files on an object store. `discard` waits until then too.

    Raises
    ------
    InputError
        A folder has the name of one of the files.
    """
    if _WAITING.get() is not None:
        yield
        return
    waiting: dict[Path, Path | None] = {}
    token = _WAITING.set(waiting)
    try:
        yield
        if folder := next((path for path in waiting if path.is_dir()), None):
            raise InputError(
                f"{folder} cannot be written, because it is a folder; move it, or choose another place."
            )
        with _signals_later():
            for path, temporary in waiting.items():
                path.unlink(missing_ok=True) if temporary is None else os.replace(temporary, path)
    finally:
        _WAITING.reset(token)
        for temporary in filter(None, waiting.values()):
            temporary.unlink(missing_ok=True)


def discard(path: Path) -> None:
    """Delete a file of an earlier command, in a set of files when these take their names."""
    waiting = _WAITING.get()
    if is_remote(path):
        delete(path)
    elif waiting is None:
        path.unlink(missing_ok=True)
    else:
        waiting[path] = None


@contextmanager
def _signals_later() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM take effect after the block; only the main thread receives them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before: dict[int, Any] = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        for number in came[:1]:
            signal.raise_signal(number)


def _unused(path: Path) -> Path:
    """Return a name next to a path that no other process takes: ids of processes repeat among containers."""
    return path.with_name(f"{_temporary_prefix(path)}{secrets.token_hex(4)}.part")


def _temporary_prefix(path: Path) -> str:
    return f".{os.fsencode(path.name)[:_LONGEST].decode(errors='ignore')}."


def _delete_abandoned(path: Path) -> None:
    """Delete temporary files next to a path that no process has written to for an hour."""
    named = re.compile(re.escape(_temporary_prefix(path)) + r"[0-9a-f]{8}\.part")
    for left in path.parent.iterdir():
        with suppress(OSError):  # another process deletes it too, or its folder may only be read
            if named.fullmatch(left.name) and time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()


def check_folder(folder: Path) -> None:
    """Raise InputError where a folder cannot take files, before the work that would fill it."""
    if is_remote(folder):
        check_writable(folder)
        return
    nearest = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    if not nearest.is_dir():
        raise InputError(f"--out must be a folder, but {nearest} is a file; choose another name.")
    if not os.access(nearest, os.W_OK):
        raise InputError(
            f"the folder {nearest} is not writable; change its permissions, or choose another --out."
        )


def check_local(folder: Path) -> None:
    """Raise InputError where a folder lies on an object store, or cannot take files."""
    if is_remote(folder):
        raise InputError(
            f"--out must be a folder of this machine, but {without_secrets(address(folder))} is not; use a "
            "local folder and copy its files there afterwards."
        )
    check_folder(folder)


def table_file(out: Path, name: str) -> Path:
    """Return the file of a table: `out`, or `name` in it if `out` is a folder or has no ending.

    Raises
    ------
    InputError
        It ends in neither `.parquet` nor `.csv`, or cannot be written: found before the work that fills it.

    >>> table_file(Path("out"), "forecast.csv").as_posix(), table_file(Path("a.parquet"), "forecast.csv").as_posix()
    ('out/forecast.csv', 'a.parquet')
    """
    file = out / name if not out.suffix or out.is_dir() else out
    check_folder(file.parent)
    _check_ending(file)
    return file


def _check_ending(path: Path) -> None:
    if path.suffix not in (".parquet", ".csv"):
        raise InputError(f"cannot write {str(path)!r}; use a name that ends in .parquet or .csv.")


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as Parquet or CSV, by the name's ending, atomically, readable by its owner only.

    Raises
    ------
    InputError
        The name ends in neither `.parquet` nor `.csv`.
    """
    _check_ending(path)
    # pandas is given files that are open: of names it takes `~` for the home folder.
    with atomic(path, private=True) as temporary:
        if path.suffix == ".parquet":
            with temporary.open("wb") as binary:
                frame.to_parquet(binary, index=False)
        else:
            table = neutral(frame)
            with temporary.open("w", encoding="utf-8", newline="") as text:
                table.to_csv(text, index=False)


def read_earlier_json(file: Path, meant: str, way_out: str = "write it again") -> dict[str, Any]:
    """Return the object in a JSON file that an earlier command wrote.

    Parameters
    ----------
    meant, way_out
        What the file should contain, and what to do if it does not, for the error.

    Raises
    ------
    InputError
        The file is damaged, or holds something else than an object.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{file} does not contain {meant}: it is damaged or another file; {way_out}.")
    return content


def neutral(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame for CSV in which no text is a formula to a spreadsheet: `'` stands before = + - @ and tabs.

    Numbers stay as they are. `as_written` takes it back; Parquet needs neither.

    >>> neutral(pd.DataFrame({"name": ["=1+2", "-5", "ann", "'@me"]}))["name"].tolist()
    ["'=1+2", '-5', 'ann', "''@me"]
    """
    changed = {name: _neutral(frame[name]) for name in frame.columns if _holds_text(frame[name])}
    return frame.assign(**changed).set_axis(_neutral(frame.columns.to_series().astype("str")), axis=1)


def as_written(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame read from a CSV of this package with the texts that went into it.

    >>> as_written(pd.DataFrame({"name": ["'=1+2", "-5", "ann", "''@me"]}))["name"].tolist()
    ['=1+2', '-5', 'ann', "'@me"]
    """
    changed = {name: _as_written(frame[name]) for name in frame.columns if _holds_text(frame[name])}
    return frame.assign(**changed).set_axis(_as_written(frame.columns.to_series().astype("str")), axis=1)


def _holds_text(column: pd.Series) -> bool:
    return not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column))


def _neutral(column: pd.Series) -> pd.Series:
    texts = column.astype("str").str
    risky = column.notna() & texts.match(_FORMULA) & ~texts.fullmatch(_NUMBER)
    return column.astype(object).where(~risky, "'" + column.astype("str")) if risky.any() else column


def _as_written(column: pd.Series) -> pd.Series:
    texts = column.astype("str").str
    escaped = column.notna() & texts.startswith("'") & texts.match(_FORMULA)
    return column.astype(object).where(~escaped, texts[1:]) if escaped.any() else column
