"""Tables that earlier commands and users wrote, Parquet or CSV, read whole or refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cltv_ml.errors import InputError
from cltv_ml.files import as_written
from cltv_ml.remote import local
from cltv_ml.sources.encodings import find_encoding

#: Columns whose values are text, whatever they look like: an id may be NA, or 007.
_TEXT = ("customer_id", "arm", "category")

#: Columns that one batch of scores has in every row, and those that may be missing where a customer has no value.
_OF_BATCH = ("model_version", "horizon", "end")
_FIGURES = ("expected_value", "value_to_date", "remaining_value", "lifetime_value")


def read_earlier_table(path: Path, meant: str, *, as_text: bool = False) -> pd.DataFrame:
    """Return the table in a file that ends in .parquet or .csv; `as_text` keeps what a CSV contains.

    Raises
    ------
    InputError
        There is no such file, or it is empty, damaged or of another format.
    """
    with local(path) as file:
        if not file.is_file():
            raise InputError(f"no file {path}; give {meant}.")
        if path.suffix not in (".parquet", ".csv"):
            raise InputError(f"cannot read {str(path)!r}; give a file that ends in .parquet or .csv.")
        try:
            return _read_parquet(file) if path.suffix == ".parquet" else _read_csv(file, as_text)
        except (pa.ArrowException, OSError, pd.errors.ParserError, UnicodeError, ValueError) as error:
            if isinstance(error, InputError) or getattr(error, "errno", None) is not None:
                raise
            reason = (str(error).splitlines() or ["unknown reason"])[0].rstrip(". ")
            raise InputError(
                f"{path.name} cannot be read ({reason}): it is empty, damaged or of another format; give {meant}."
            ) from error


def _read_parquet(file: Path) -> pd.DataFrame:
    table = pd.read_parquet(file)
    return table.astype({name: "str" for name in _TEXT if name in table})


def _read_csv(file: Path, as_text: bool) -> pd.DataFrame:
    """Return a CSV file of any encoding, separated by the sign that its headings have most often."""
    encoding, damaged, _ = find_encoding(file)
    if damaged:
        raise InputError(f"{file.name}: some of its bytes are not {encoding}; save the file as UTF-8.")
    with file.open(encoding=encoding) as lines:
        separator = max(",;\t|", key=lines.readline().count)
    how: Any = {"sep": separator, "encoding": encoding}
    types = "str" if as_text else dict.fromkeys(_TEXT, "str")
    table = pd.read_csv(file, dtype=types, **how)
    if gaps := [name for name in _TEXT if name in table and table[name].isna().any()]:
        written = pd.read_csv(file, dtype="str", keep_default_na=False, usecols=gaps, **how)
        table = table.assign(**{name: written[name].where(written[name] != "") for name in gaps})
    return as_written(table)


def check_figures(table: pd.DataFrame, where: str, meant: str) -> None:
    """Raise InputError where a table of predictions holds texts or infinite numbers in place of its figures."""
    for name in (*_OF_BATCH, *_FIGURES):
        if name not in table:
            continue
        numbers = pd.to_numeric(table[name], errors="coerce").astype(float)
        wrong = np.isinf(numbers) | (numbers.isna() & table[name].notna())
        if name in _OF_BATCH:
            wrong |= ~(numbers.between(1, 2**53) & (numbers % 1 == 0))
        if wrong.any():
            kind = "whole numbers from 1 on" if name in _OF_BATCH else "finite numbers"
            value = str(table.loc[wrong, name].iloc[0])[:40]
            raise InputError(f"{where}: column {name} must hold {kind}, got {value!r}; give {meant}.")
    if "cutoff" in table:
        days = table["cutoff"]
        wrong = pd.to_datetime(days.astype("str"), errors="coerce", format="ISO8601").isna() & days.notna()
        if wrong.any():
            value = str(days[wrong].iloc[0])[:40]
            raise InputError(f"{where}: column cutoff must hold dates, got {value!r}; give {meant}.")


def check_once_each(table: pd.DataFrame, where: str, meant: str) -> None:
    """Raise InputError where a table by customer has rows without a customer, or a customer twice."""
    if table.index.isna().any():
        raise InputError(
            f"{where}: {int(table.index.isna().sum()):,} rows have no customer_id; give {meant}."
        )
    if table.index.has_duplicates:
        twice = str(table.index[table.index.duplicated()][0])
        raise InputError(f"{where}: customer {twice!r} appears twice; give {meant}, one row per customer.")


def check_campaign(table: pd.DataFrame, arm: str, where: str) -> None:
    """Raise InputError where the table of a past campaign has a customer twice, or rows without an arm."""
    if table.index.name == "customer_id":
        check_once_each(table, where, "a table of the campaign")
    blank = int(table[arm].isna().sum())
    if blank:
        raise InputError(
            f"{where}: {blank:,} of {len(table):,} rows have no {arm}; name the arm of each customer, or remove them."
        )
