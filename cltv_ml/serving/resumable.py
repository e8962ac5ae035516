"""Folders that keep the finished pieces of a long job, so that the same call continues after a kill."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cltv_ml.files import check_folder, locked
from cltv_ml.remote import is_waiting

_JOB_FILE = "job.json"

#: Files of the folder before the job is identified: the lock, and the log that identifies it.
_KEPT = ("lock", "lock-journal", "log")


class Work:
    """The folder of one job; its contents are valid only for that job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.held = self.finished = False

    def start(self, identity: Mapping[str, Any]) -> None:
        """Keep the folder's pieces if they belong to the same job; otherwise start over.

        Parameters
        ----------
        identity
            Everything that decides what the job's files hold, as JSON values.
        """
        note = self.folder / _JOB_FILE
        wanted = json.dumps(identity, sort_keys=True, default=str)
        if note.exists() and note.read_bytes() == wanted.encode():
            return
        for path in self.folder.iterdir():
            if path.name not in _KEPT:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        unfinished = note.with_suffix(".part")
        unfinished.write_text(wanted, encoding="utf-8")
        os.replace(unfinished, note)

    def finish(self) -> None:
        """Mark the job as finished: the folder is deleted when it is released."""
        self.finished = True


@contextmanager
def opened(folder: Path) -> Iterator[Work]:
    """Yield the work in a folder, locked against a second job.

    The folder is deleted if the job finishes, or is rejected before it starts.

    Raises
    ------
    InputError
        Another process works in it, or its parent folder cannot be written.
    """
    check_folder(folder.parent)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)  # its pieces name customers
    work = Work(folder)
    try:
        with locked(
            folder / "lock", f"another scoring run is using {folder}; wait until it ends, or stop it."
        ):
            work.held = True
            yield work
    finally:
        if work.held and (work.finished or not (folder / _JOB_FILE).exists()):
            # The name goes first, so that a kill in between leaves no half-deleted folder that looks complete.
            gone = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.gone")
            os.replace(folder, gone)
            shutil.rmtree(gone)
            if is_waiting(folder.parent):
                with suppress(OSError):  # files of another job wait there
                    folder.parent.rmdir()
