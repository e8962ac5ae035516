"""The tables that travel between rooms: their columns, kinds and units, and a check for each."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api import types

from cltv_ml.errors import InputError

Kind = Literal["string", "timestamp", "number"]

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")

#: Texts that stand for yes, and for no.
_YES = (
    "yes y true t 1 1.0 ja j oui o si sí s sim on wahr vrai vero verdadero verdadeiro sì tak ano áno да так evet igen "
    "kyllä ναι da ya có はい 是 예 네 نعم כן"
)
_NO = (
    "no n false f 0 0.0 nein nee non não nao off falsch faux falso nej nei nie ne нет ні hayır nem ei όχι "
    "nu tidak không いいえ 否 아니오 아니요 لا לא"
)
YES, NO = tuple(_YES.split()), tuple(_NO.split())

#: The part of a postcode that an attribute holds, at the end of its name: the first signs, or the outward code or the
#: letters of a British one. The larger parts a smaller one can be told from follow it.
POSTCODE_PARTS = {
    "letters": ("outward",),
    "outward": (),
    **{f"first_{n}": tuple(f"first_{m}" for m in range(n + 1, 6)) for n in range(1, 6)},
}


def split_postcode(name: str) -> tuple[str, str]:
    """Return an attribute's name without the part of a postcode that it holds, and that part, empty for the whole.

    >>> split_postcode("text_zip_first_2"), split_postcode("text_country")
    (('text_zip', 'first_2'), ('text_country', ''))
    """
    match = re.fullmatch(rf"(.+)_({'|'.join(POSTCODE_PARTS)})", name)
    return (match[1], match[2]) if match else (name, "")


def postcode_sql(value: str, part: str) -> str:
    """Return SQL, for DuckDB and Spark, of a part of a postcode, of the whole one where `part` is empty.

    >>> postcode_sql("v", ""), postcode_sql("v", "first_2")
    ('v', 'upper(trim(left(v, 2)))')
    """
    if part == "outward":  # what precedes a digit and two letters
        return f"regexp_replace(upper(trim({value})), ' *[0-9][A-Z][A-Z]$', '')"
    if part == "letters":
        return f"nullif(regexp_extract(upper(trim({value})), '^[A-Z]+', 0), '')"
    return f"upper(trim(left({value}, {part.removeprefix('first_')})))" if part else value


@dataclass(frozen=True)
class Column:
    """What one column holds."""

    kind: Kind
    unit: str
    doc: str
    required: bool = True


@dataclass(frozen=True)
class Table:
    """A named table; `key` tells one row from another, `index` says whether the key is the frame's index."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    index: bool = False

    @property
    def required(self) -> list[str]:
        """The names of the columns that must exist."""
        return [name for name, column in self.columns.items() if column.required]

    def check(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return `frame` unchanged when it is such a table.

        Raises
        ------
        InputError
            A required column is missing or a column is of another kind; the message names it.

        >>> TRANSACTIONS.check(pd.DataFrame({"customer_id": ["a"]}))
        Traceback (most recent call last):
        cltv_ml.errors.InputError: transactions: missing columns ['timestamp', 'amount']. Found ['customer_id'].
        """
        present = list(frame.columns) + (list(frame.index.names) if self.index else [])
        missing = [name for name in self.required if name not in present]
        if missing:
            raise InputError(f"{self.name}: missing columns {missing}. Found {list(frame.columns)}.")
        for name, column in self.columns.items():
            if name in frame.columns and not _IS_KIND[column.kind](frame[name]):
                raise InputError(
                    f"{self.name}: column {name!r} must be of kind {column.kind}, found {frame[name].dtype}."
                )
        return frame


_IS_KIND = {
    "string": types.is_string_dtype,
    "timestamp": types.is_datetime64_any_dtype,
    "number": types.is_numeric_dtype,
}

TRANSACTIONS = Table(
    "transactions",
    key=(),
    columns={
        "customer_id": Column("string", "", "who bought"),
        "timestamp": Column("timestamp", "business time", "when, in the shop's own time zone"),
        "amount": Column("number", "currency", "line total after discount, never negative"),
        "order_id": Column("string", "", "lines of one order share it", required=False),
        "product_id": Column("string", "", "what was bought", required=False),
        "category": Column("string", "", "the product's group", required=False),
        "quantity": Column("number", "items", "how many", required=False),
        "discount": Column("number", "currency", "taken off this line, not negative", required=False),
        "cost": Column("number", "currency", "what the whole line cost the shop", required=False),
        "channel": Column("string", "", "where it was bought", required=False),
    },
)

#: The columns of CUSTOMERS that models of purchases and spend read.
SUMMARY = ["frequency", "recency", "T", "monetary_value"]

CUSTOMERS = Table(
    "customers",
    key=("customer_id",),
    index=True,
    columns={
        "frequency": Column("number", "purchase days", "repeat purchase days; the first is not counted"),
        "recency": Column("number", "days", "age at the last purchase"),
        "T": Column("number", "days", "age at the last calibration day"),
        "monetary_value": Column("number", "currency", "mean spend per repeat purchase day, 0 if none"),
    },
)

PREDICTIONS = Table(
    "predictions",
    key=("customer_id",),
    index=True,
    columns={
        "expected_value": Column("number", "currency", "expected spend over the horizon"),
        "expected_purchases": Column("number", "purchase days", "expected over the horizon", required=False),
        "p_alive": Column("number", "probability", "still a customer at the cutoff", required=False),
        "value_median": Column(
            "number", "currency", "what half of such customers spend at most", required=False
        ),
        "value_lower": Column("number", "currency", "lower end of the interval", required=False),
        "value_upper": Column("number", "currency", "upper end of the interval", required=False),
    },
)


#: Columns of which a table for readers has at least one if it holds amounts of money, and measures that are amounts.
_WITH_MONEY = {
    "customer_id",
    "revenue",
    "cost",
    "margin",
    "contribution",
    "equity",
    "cac",
    "expected_value",
    "expected_cost",
    "expected_profit",
    "realised",
    "change",
}


def for_spreadsheet(table: pd.DataFrame, currency: str = "") -> pd.DataFrame:
    """Return a table for a spreadsheet: four decimals at most, and the currency, if known, in rows with amounts.

    >>> for_spreadsheet(pd.DataFrame({"revenue": [0.1 + 0.2]}), "EUR").to_dict("records")
    [{'revenue': 0.3, 'currency': 'EUR'}]
    >>> measures = pd.DataFrame({"measure": ["orders", "revenue"], "expected": [7.0, 120.5]})
    >>> for_spreadsheet(measures, "EUR")["currency"].tolist()
    ['', 'EUR']
    """
    rows = table.round(dict.fromkeys(table.select_dtypes("float").columns, 4))
    if not currency:
        return rows
    if "measure" in rows:
        return rows.assign(currency=rows["measure"].isin(_WITH_MONEY).map({True: currency, False: ""}))
    return rows.assign(currency=currency) if _WITH_MONEY & set(rows) else rows


def ids_among(ids: pd.Series | pd.Index, known: pd.Series | pd.Index) -> np.ndarray:
    """Return whether each id is one of the known ones, shape (n,); both are text.

    `isin` of pandas makes Python objects of all known ids: ten seconds of CPU for a million.

    >>> ids_among(pd.Series(["ann", "bob"]), pd.Index(["bob", "cem"])).tolist()
    [False, True]
    """
    own, others = (pa.array(pd.Series(one).astype("str"), pa.large_string()) for one in (ids, known))
    return np.asarray(pc.is_in(own, value_set=others))


def horizons_in(columns: Iterable[str]) -> list[int]:
    """Return the horizons in days that columns of PREDICTIONS hold values for, besides the one of `expected_value`.

    >>> horizons_in(["expected_value", "expected_value_30d", "value_upper_30d", "expected_value_91d"])
    [30, 91]
    """
    matches = (re.fullmatch(r"expected_value_(\d+)d", str(name)) for name in columns)
    return [int(one[1]) for one in matches if one]


def values_by_horizon(predictions: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Return the values of PREDICTIONS by horizon in days: that of `expected_value`, and those it holds besides.

    >>> table = pd.DataFrame({"expected_value": [5.0], "expected_value_30d": [5.0], "expected_value_91d": [9.0]})
    >>> values_by_horizon(table, 30).to_dict("records")
    [{30: 5.0, 91: 9.0}]
    """
    further = {day: predictions[f"expected_value_{day}d"] for day in horizons_in(predictions)}
    return pd.DataFrame(dict(sorted({horizon: predictions["expected_value"], **further}.items())))


RESULTS = Table(
    "results",
    key=("model", "cutoff", "horizon", "metric"),
    columns={
        "model": Column("string", "", "the model's name"),
        "cutoff": Column("timestamp", "", "first instant the model could not see"),
        "horizon": Column("number", "days", "length of the test window"),
        "metric": Column("string", "", "a function of evaluation.metrics"),
        "value": Column("number", "the metric's", "its value on the test window"),
        "seconds": Column("number", "s", "time to fit and predict"),
        "version": Column("string", "", "version of cltv_ml"),
    },
)

ACTIONS = Table(
    "actions",
    key=("customer_id", "action"),
    columns={
        "customer_id": Column("string", "", "whom"),
        "action": Column("string", "", "what to do"),
        "cost": Column("number", "currency", "what it costs"),
        "expected_profit": Column("number", "currency", "what it is expected to bring, cost deducted"),
        "reason": Column("string", "", "why, in words"),
        "control": Column(
            "number", "0 or 1", "left untreated, to measure what the action does", required=False
        ),
        "tier": Column("string", "", "the value tier the control was drawn in", required=False),
        "segment": Column("string", "", "the segment, as the marketer knows it", required=False),
        "lifecycle": Column("string", "", "new, active, at risk, lapsed or reactivated", required=False),
        "offer": Column("string", "", "what the customer is offered", required=False),
        "products": Column("string", "", "what to show, joined by commas", required=False),
        "expected_value": Column(
            "number", "currency", "what the customer is expected to spend within the horizon", required=False
        ),
        "read_on": Column("timestamp", "", "first day on which the outcome can be read", required=False),
    },
)


def pandas_only(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Make a function of pandas frames refuse a table of another library in one sentence, before it fails inside.

    Frames of this package have their customers as index, which tables of other libraries do not have, so they are not
    converted. Arguments annotated otherwise, such as logs, are left alone.

    >>> @pandas_only
    ... def total(values: pd.DataFrame) -> float:
    ...     return float(values["amount"].sum())
    >>> total([{"amount": 2.0}])
    Traceback (most recent call last):
    cltv_ml.errors.InputError: total: values is a list; give a pandas frame, customers as its index ...
    """
    parameters = inspect.signature(function).parameters
    annotations = {name: str(one.annotation) for name, one in parameters.items()}
    annotated = {
        name: text for name, text in annotations.items() if "pd.DataFrame" in text or "pd.Series" in text
    }

    @functools.wraps(function)
    def checked(*args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        """Check the tables, then call the function."""
        arguments = {**dict(zip(parameters, args, strict=False)), **kwargs}
        for name, value in arguments.items():
            if name in annotated and _is_foreign(value, annotated[name]):
                library, kind = type(value).__module__.partition(".")[0], type(value).__name__
                raise InputError(
                    f"{function.__name__}: {name} is a {'' if library == 'builtins' else library + ' '}{kind}; give a "
                    "pandas frame, customers as its index where it has one row each, such as "
                    'table.to_pandas().set_index("customer_id").'
                )
        return function(*args, **kwargs)

    return checked


def _is_foreign(value: Any, annotation: str) -> bool:
    """Return whether the value of a parameter that is annotated as a pandas table is another kind of table."""
    if value is None or isinstance(value, pd.DataFrame | pd.Series):
        return False
    frame = annotation.startswith("pd.DataFrame") and isinstance(value, list | Mapping)
    return frame or any(hasattr(value, name) for name in ("__arrow_c_stream__", "to_pandas", "toPandas"))
