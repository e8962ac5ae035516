"""Exports: files for campaign tools, written offline, each with a manifest of what it holds and whom it leaves out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cltv_ml.actions.exports import FORMATS, Order, build_export
from cltv_ml.errors import InputError
from cltv_ml.files import atomic, write_table


@dataclass(frozen=True)
class Export:
    """A file that was written: its path, rows, and how many customers were left out for which reason."""

    path: Path
    rows: int
    left_out: dict[str, int]


def export(
    formats: list[str], scores: pd.DataFrame, out: Path, order: Order, customers: pd.DataFrame | None = None
) -> dict[str, Export | str]:
    """Return by format the file that was written to `out`, or the sentence why it was not.

    Parameters
    ----------
    scores
        What `cltv score` or `cltv act` wrote, indexed by customer_id, with `expected_value`.
    customers
        Identities (`email`, `phone`, ...) and opt-outs, indexed by customer_id.

    Raises
    ------
    InputError
        A format is unknown, or customers stand twice.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputError(f"Unknown export format {unknown[0]!r}. Available: {sorted(FORMATS)}.")
    everybody = _joined(scores, customers)
    written: dict[str, Export | str] = {}
    for name in formats:
        try:
            table, left_out = build_export(name, everybody, order)
        except InputError as error:
            written[name] = str(error)
            continue
        path = out / f"{name}.csv"
        write_table(table, path)
        written[name] = Export(path, len(table), left_out)
    _write_manifest(written, scores, out)
    return written


def _joined(scores: pd.DataFrame, customers: pd.DataFrame | None) -> pd.DataFrame:
    for name, table in {"scores": scores, "customers": customers}.items():
        if table is not None and table.index.has_duplicates:
            twice = table.index[table.index.duplicated()][0]
            raise InputError(f"{name}: customer {twice!r} stands twice; give one row per customer.")
    if customers is None:
        return scores
    return scores.join(customers.drop(columns=[name for name in customers if name in scores]))


def _write_manifest(written: dict[str, Export | str], scores: pd.DataFrame, out: Path) -> None:
    """Write `manifest.json`: model version, cutoff, and for each format its rows or why it was not written."""
    about = {
        name: str(scores[name].iloc[0])
        for name in ("model_version", "cutoff", "horizon")
        if name in scores and len(scores)
    }
    files = {
        name: {"file": one.path.name, "rows": one.rows, "left_out": one.left_out}
        if isinstance(one, Export)
        else {"not_written": one}
        for name, one in written.items()
    }
    out.mkdir(parents=True, exist_ok=True)
    with atomic(out / "manifest.json") as path:
        path.write_text(json.dumps({**about, "files": files}, indent=1), encoding="utf-8")
