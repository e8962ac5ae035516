"""Work in a process of its own that may be killed: forked, so that the imports are paid once."""

import os
import random
import signal
import sys
import time
import traceback

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


class Failure(Exception):  # noqa: N818
    """Something that must not happen has happened."""


def start(work, log):
    """Fork, do the work with its output in a file, and return the child's process id."""
    sys.stdout.flush()
    # Python swallows a Ctrl-C that falls into what it does itself right after a fork.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        return child
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with open(log, "w", encoding="utf-8") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            try:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
                work()
                status = 0
            except SystemExit as stop:
                status = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
            except BaseException:  # the parent reads what it was
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
    finally:
        os._exit(status)


def ended(child, limit=600.0):
    """Return a child's exit status; it is killed after `limit` seconds."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise Failure(f"still at work after {limit:.0f} s")


def whole(work, folder, allowed=(0,)):
    """Do the work to its end; Failure where it ends with another status than those allowed."""
    log = folder / "log.txt"
    status = ended(start(work, log))
    if status not in allowed:
        last = (log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["nothing said"])[
            -1
        ]
        raise Failure(f"status {status}: {last[:200]}")
    return status


def killed(work, folder, chance: random.Random, took, name):
    """Do the work, send it a signal at a random time of those that it took before; return its status, 0 if none landed.

    Work that ends before its signal has told how long it takes now.
    """
    began = time.monotonic()
    child = start(work, folder / "killed.txt")
    until = began + chance.uniform(0, took[name])
    while time.monotonic() < until:
        done, _ = os.waitpid(child, os.WNOHANG)
        if done:
            took[name] = min(took[name], time.monotonic() - began)
            return 0
        time.sleep(0.002)
    try:
        os.kill(child, chance.choice(SIGNALS))
    finally:
        status = ended(child)
    return status
