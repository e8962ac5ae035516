"""Existing feature tables in Parquet: checks of their files, cutoff and columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cltv_ml.errors import InputError
from cltv_ml.features import CATALOGUE, feature_version, is_text
from cltv_ml.windows import to_cutoff


def find_feature_files(
    path: Path, as_of: str | pd.Timestamp | None = None
) -> tuple[list[Path], pd.Timestamp]:
    """Return the Parquet files of one cutoff, and the cutoff, from folders `cutoff=YYYY-MM-DD` or `as_of`.

    Raises
    ------
    InputError
        There is no such file, or several cutoffs or none.
    """
    files = sorted(file for file in path.rglob("*.parquet") if file.is_file()) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise InputError(
            f"{path} does not contain a feature table in Parquet; build one with `cltv features build`."
        )
    cutoffs = {
        segment.removeprefix("cutoff=")
        for file in files
        for segment in file.parts
        if segment.startswith("cutoff=")
    }
    requested = None if as_of is None else to_cutoff(as_of, "as-of")
    if not cutoffs:
        if requested is None:
            raise InputError(f"{path} does not state the day it was built for; give the day with --as-of.")
        return files, requested
    if requested is None and len(cutoffs) > 1:
        raise InputError(f"{path} has several cutoffs, {sorted(cutoffs)}; choose one with --as-of.")
    day = sorted(cutoffs)[0] if requested is None else f"{requested:%Y-%m-%d}"
    chosen = [file for file in files if f"cutoff={day}" in file.parts]
    if not chosen:
        raise InputError(f"{path} has no cutoff {day}; choose one of {sorted(cutoffs)} with --as-of.")
    return chosen, to_cutoff(day)


def check_feature_files(files: Sequence[Path], features: Sequence[str]) -> None:
    """Raise InputError if a column is missing or not numeric, or if the features have other definitions."""
    for file in files:
        try:
            schema = pq.read_schema(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{file} cannot be read as a Parquet file: {str(error).rstrip('.')}.") from None
        missing = [name for name in ("customer_id", *features) if name not in schema.names]
        if missing:
            raise InputError(
                f"{file}: missing columns {missing}, which the model reads; build them with `cltv features build`."
            )
        for name in features:
            kind = schema.field(name).type
            number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
            words = pa.types.is_string(kind) or pa.types.is_large_string(kind)
            if not (words if is_text(name) else number):
                wanted = "text" if is_text(name) else "a number"
                raise InputError(f"{file}: column {name!r} must be {wanted}, found {kind}.")
        _check_version(file, schema)


def _check_version(file: Path, schema: pa.Schema) -> None:
    stored = (schema.metadata or {}).get(b"cltv_feature_version", b"").decode()
    names = list(json.loads((schema.metadata or {}).get(b"cltv_features", b"{}")))
    if stored and (set(names) - set(CATALOGUE) or feature_version(names) != stored):
        raise InputError(
            f"{file} was built with other feature definitions than those of this cltv_ml; build it again."
        )
