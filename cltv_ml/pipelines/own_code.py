"""Predictions of logged models, each from a process with the code that it was logged with."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.tracking import checksums


def score_apart(
    uris: Sequence[str], log: AnyLog, cutoff: pd.Timestamp, sums: Mapping[str, str | None] | None = None
) -> list[pd.DataFrame]:
    """Return each logged model's predictions for the customers at a cutoff, each from a process with its own code.

    One frame per address, indexed by customer_id: `expected_value` and the bounds of its interval if it has them.
    `sums` contains the models' checksums, which are compared before their code runs.

    Raises
    ------
    InputError
        A model refused the log; the message ends in its sentence.
    RuntimeError
        A model's process failed; the message holds its stack trace.
    """
    script = Path(__file__).parents[1] / "serving" / "version_scores.py"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        log = Log.of(log)
        log.frame.to_parquet(folder / "log.parquet")
        for name, table in (("customers", log.attributes), ("contacts", log.contacts)):
            if table is not None:  # the script finds them next to the log
                pq.write_table(table, folder / f"{name}.parquet")
        running = []
        for number, uri in enumerate(uris):
            model = checksums.verified(uri, (sums or {}).get(uri), f"the model {uri}")
            words = [
                str(model),
                str(folder / "log.parquet"),
                f"{cutoff:%Y-%m-%d}",
                str(folder / f"{number}.parquet"),
            ]
            running.append(
                subprocess.Popen(
                    [sys.executable, "-P", str(script), *words],
                    env=_environment(model),
                    text=True,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
            )
        ends = [process.communicate()[1] for process in running]
        for uri, process, end in zip(uris, running, ends, strict=True):
            if process.returncode:
                raise _refusal_or_fault(uri, end.strip() or f"exit status {process.returncode}")
        return [
            pd.read_parquet(folder / f"{number}.parquet").set_index("customer_id")
            for number in range(len(uris))
        ]


def _refusal_or_fault(uri: str, trace: str) -> Exception:
    """Return the exception for a failed process of a version: its own InputError, else a fault with its trace."""
    kind, _, sentence = trace.splitlines()[-1].partition(": ")
    how = f"the model {uri} cannot be scored with the code it was logged with"
    if kind == f"{InputError.__module__}.{InputError.__name__}":
        return InputError(f"{how}: {sentence}")
    return RuntimeError(f"{how}:\n{trace}")


def _environment(model: Path) -> dict[str, str]:
    """Return the environment in which a model's own code takes precedence over the installed one."""
    paths = [str(model / "code"), str(Path(__file__).parents[2])]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONWARNINGS": "ignore",
        "PYTHONDONTWRITEBYTECODE": "1",  # a stored model stays as it was logged
    }
