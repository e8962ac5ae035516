"""Plain transactions, which need no cleaning; recognising them makes a request for one customer fast."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from cltv_ml.columns.days import PLACEHOLDERS
from cltv_ml.columns.words import TOTAL_WORDS
from cltv_ml.data.placeholders import NUMBERS, WORDS
from cltv_ml.engine import MONEY_SCALE
from cltv_ml.tables import TRANSACTIONS

#: More lines are always cleaned: the checks of whole logs, such as for isolated days, begin there.
_MOST_PLAIN_LINES = 150

#: Identifiers and levels that cleaning leaves unchanged: no signs, no number of 16 digits, no leading zero.
_PLAIN_WORD = re.compile(r"(?!0)(?!\d{13})[A-Za-z0-9](?:[A-Za-z0-9_ -]{0,38}[A-Za-z0-9])?")
_MISSING_WORDS = frozenset(("null", "nan", "none", "na", "nat", "nil"))
_NO_CUSTOMER = frozenset(word.lower() for word in (*WORDS, *NUMBERS))
_TOTAL = re.compile(rf"(?:{TOTAL_WORDS})\b", re.IGNORECASE)

_DAY, _TIME = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"
_SHAPES = {_DAY: re.compile(r"\d{4}-\d\d-\d\d"), _TIME: re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")}

#: The first day that cleaning accepts as a date.
_FIRST_REAL_DAY = pd.Timestamp("1900-01-01")
_PLACEHOLDER_DAYS = pd.to_datetime(sorted(PLACEHOLDERS))

_LARGEST_AMOUNT = 1e9


def read_plain(lines: pd.DataFrame) -> pd.DataFrame | None:
    """Return the log of transactions that cleaning would not change; None if it might.

    Anything unusual is left to cleaning: returns, equal lines, unusual times, spellings or sums. The returned log
    equals that of `data.clean` to the last digit.

    Parameters
    ----------
    lines
        Columns of TRANSACTIONS under their own names, customers as text.

    >>> read_plain(pd.DataFrame({"customer_id": ["a"], "timestamp": ["2024-01-31"], "amount": [9.5]}))
      customer_id  timestamp  amount
    0           a 2024-01-31     9.5
    >>> read_plain(pd.DataFrame({"customer_id": ["a"], "timestamp": ["31.01.2024"], "amount": [9.5]})) is None
    True
    """
    if not 0 < len(lines) <= _MOST_PLAIN_LINES or lines.duplicated().any():
        return None
    read = {name: _READERS[TRANSACTIONS.columns[name].kind](lines[name]) for name in lines.columns}
    log = {name: column for name, column in read.items() if column is not None}
    if len(log) < len(read) or not _all_present(log["amount"]) or _may_be_total(log):
        return None
    return pd.DataFrame({name: log[name] for name in TRANSACTIONS.columns if name in log})


def _plain_words(column: pd.Series) -> pd.Series | None:
    words = column.tolist()
    for word in words:
        if not isinstance(word, str) or not _PLAIN_WORD.fullmatch(word):
            return None
        if word.lower() in _MISSING_WORDS or (column.name == "customer_id" and word.lower() in _NO_CUSTOMER):
            return None
    return pd.Series(words, dtype="str")


def _time(column: pd.Series) -> pd.Series | None:
    words = column.tolist()
    for shape, pattern in _SHAPES.items():
        if all(isinstance(word, str) and pattern.fullmatch(word) for word in words):
            times = pd.to_datetime(pd.Series(words), format=shape, errors="coerce").astype("datetime64[us]")
            # A missing time is between none.
            plausible = times.between(_FIRST_REAL_DAY, pd.Timestamp.now()).all()
            return times if plausible and not times.dt.normalize().isin(_PLACEHOLDER_DAYS).any() else None
    return None


def _plain_numbers(column: pd.Series) -> pd.Series | None:
    if column.dtype not in (np.float64, np.int64):
        return None
    values = column.astype(np.float64)
    return values if (values.isna() | values.between(0.0, _LARGEST_AMOUNT)).all() else None


_READERS = {"string": _plain_words, "timestamp": _time, "number": _plain_numbers}


def _all_present(amounts: pd.Series) -> bool:
    return bool(amounts.notna().all())


def _may_be_total(log: dict[str, pd.Series]) -> bool:
    """Whether a line may be the sum of others: it has half of all money, or its name says total."""
    money = (log["amount"] * MONEY_SCALE).round().astype(np.int64)
    named = [log[name] for name in ("customer_id", "order_id", "product_id") if name in log]
    return bool(2 * money.max() == money.sum()) or any(
        _TOTAL.match(word) for column in named for word in column
    )
