"""Leases: the process that holds a run open, and the time until which it counts as alive."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

#: The tags of a run that is held open.
HOLDER, UNTIL = "cltv_ml.process", "cltv_ml.alive_until"

#: Seconds between two signs of life, and for which one is valid.
_BEAT, _LEASE = 20.0, 180.0

#: Seconds after its start at which a run without a lease, of an older version, counts as left behind.
_UNLEASED = 86_400.0


def tags() -> dict[str, str]:
    """Return the tags that identify a killed run later."""
    return {HOLDER: holder(), UNTIL: _lease_end()}


def holder() -> str:
    """Return a unique description of this process: the machine's boot, the process namespace, the id and its start.

    Host names and process ids repeat in containers, so neither is enough.
    """
    return ":".join((*_namespace(), str(os.getpid()), _started(os.getpid())))


def is_over(run_tags: Mapping[str, str], started: float) -> bool:
    """Return whether the process that held a run open has ended.

    For processes visible from here this is known at once; for others only when their lease ends.

    Parameters
    ----------
    started
        When the run began, in seconds since 1970.
    """
    boot, space, number, began = (run_tags.get(HOLDER, "").split(":") + [""] * 4)[:4]
    if boot and (boot, space) == _namespace():
        return _started(int(number)) != began
    until = run_tags.get(UNTIL, "")
    return time.time() > (float(until) if until else started + _UNLEASED)


@contextmanager
def kept(run_id: str) -> Iterator[None]:
    """Renew a run's lease from a thread while the block runs."""
    over = threading.Event()
    beat = threading.Thread(target=_beat, args=(MlflowClient(), run_id, over), daemon=True)
    beat.start()
    try:
        yield
    finally:
        over.set()
        beat.join(1.0)  # a lost server may keep it longer


def _beat(client: MlflowClient, run_id: str, over: threading.Event) -> None:
    while not over.wait(_BEAT):
        try:
            client.set_tag(run_id, UNTIL, _lease_end())
        except (MlflowException, SQLAlchemyError, OSError):  # the run's own calls tell of a lost store
            continue


def _lease_end() -> str:
    return f"{time.time() + _LEASE:.0f}"


def _namespace() -> tuple[str, str]:
    """Return the machine's boot id and the process namespace; empty outside Linux."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return boot, str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return "", ""


def _started(process: int) -> str:
    """Return when a process began, in ticks since the boot; empty if there is none or it is a zombie."""
    try:
        # The name, in brackets, may hold blanks; the state and the start follow it.
        fields = (
            Path(f"/proc/{process}/stat")
            .read_text(encoding="utf-8", errors="replace")
            .rpartition(")")[2]
            .split()
        )
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
