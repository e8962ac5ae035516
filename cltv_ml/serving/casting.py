"""Tables of any types, cast to a model's signature in MLflow: `model.predict(cast_request(model, table))`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.types import DataType

from cltv_ml.engine import as_tabular
from cltv_ml.errors import InputError

#: From here on a decimal number may stand for a whole number next to it.
_ROUNDED = 2.0**53


def cast_request(model: Any, table: Any) -> pd.DataFrame:
    """Return a table with the types of a loaded model's signature, without unknown columns.

    MLflow accepts neither 64-bit integers as doubles nor anything but text as text, and prints the customers of a
    request that it rejects. Here integers, decimal numbers and the nullable types of pandas and Arrow become doubles;
    identifiers and times become text: 12 and 12.0 are "12", and "0012" stays "0012". True and false become 1 and 0 only
    in attributes of kind yes/no.

    Parameters
    ----------
    model
        The result of `mlflow.pyfunc.load_model`.
    table
        A frame of pandas or Polars, an Arrow table or any other that `cltv_ml` takes.

    Raises
    ------
    InputError
        A column holds a value that cannot be cast (the message names the column and its type, no customer), or a path
        was given.
    """
    source = as_tabular(table)
    if isinstance(source, str | Path):
        raise InputError(
            f"{str(source)!r} is a path; read it into a table first, or score it with `cltv score`."
        )
    frame = source if isinstance(source, pd.DataFrame) else source.to_pandas()
    schema = model.metadata.get_input_schema()
    return pd.DataFrame(
        {
            column.name: (as_doubles if column.type == DataType.double else _as_words)(frame[column.name])
            for column in schema.inputs
            if column.name in frame.columns
        },
        index=frame.index,
    )


def _holds_truths(column: pd.Series) -> bool:
    """Whether a column of numbers contains true or false, which only a yes/no attribute may.

    >>> _holds_truths(pd.Series([True, None], name="T")), _holds_truths(pd.Series([True], name="attribute_flag_member"))
    (True, False)
    """
    if str(column.name).startswith("attribute_flag_"):
        return False
    if column.dtype == object:
        return any(isinstance(value, bool | np.bool_) for value in column)
    return bool(pd.api.types.is_bool_dtype(column))


def as_doubles(column: pd.Series) -> pd.Series:
    """Return numbers as doubles, missing ones as NaN; true and false are numbers only in a yes/no attribute."""
    wrong = InputError(
        f"Column {column.name!r} of type {column.dtype} contains values that are not numbers; send numbers."
    )
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise wrong
    if _holds_truths(column):
        raise wrong
    try:
        return pd.to_numeric(column.astype(object), errors="raise").astype(np.float64)
    except (ValueError, TypeError):
        raise wrong from None  # pandas' own message shows a value of the request


def as_levels(column: pd.Series) -> pd.Series:
    """Return levels as a table of customers spells them: 1 and 1.0 are "1", and a missing one is None.

    >>> as_levels(pd.Series(["ads", 1.0, "2.0", True, None])).tolist()
    ['ads', '1', '2', 'True', None]
    """
    values = column.astype(object)
    there = values.notna()
    if any(isinstance(value, list | tuple | dict) for value in values[there]):
        raise InputError(
            f"Column {column.name!r} contains a list or an object; send one text for each customer."
        )
    texts = values.astype("str").str.strip().str.replace(r"^(-?\d+)\.0+$", r"\1", regex=True)
    return texts.astype(object).where(there, None)


def as_identifiers(column: pd.Series) -> pd.Series:
    """Return the identifiers of a request as text, missing ones as None: 12.0 is "12", and "0012" stays "0012".

    Raises
    ------
    InputError
        A number has so many digits that the reader of the request may have rounded it.

    >>> as_identifiers(pd.Series(["0012", 12, 12.0, None])).tolist()
    ['0012', '12', '12', None]
    """
    return pd.Series([_identifier(value) for value in column.tolist()], column.index, dtype=object)


def _identifier(value: Any) -> str | None:
    if value is None or value is pd.NA or value != value:
        return None
    if not isinstance(value, float) or not value.is_integer():
        return str(value)
    if abs(value) >= _ROUNDED:
        raise InputError(
            "Column 'customer_id' holds numbers of 16 digits or more, which are rounded where another id is "
            "missing; send ids as text, in quotes."
        )
    return str(int(value))


def _as_words(column: pd.Series) -> pd.Series:
    """Return identifiers, texts and times as text, missing ones as None."""
    kinds = pd.api.types
    if kinds.is_float_dtype(column):
        whole = column.astype(np.float64).round()
        if not (whole == column.astype(np.float64))[column.notna()].all():
            raise InputError(
                f"Column {column.name!r} of type {column.dtype} contains fractions, but text is expected; "
                "send text."
            )
        column = whole.astype("Int64")
    return column.astype("str").astype(object).where(column.notna(), None)
