"""Currencies of acquisition costs: whether they can be that of the log."""

from __future__ import annotations

import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.money import CURRENCIES, SHARED_SIGNS, code_of, may_be_one


def check_cost_currency(table: pd.DataFrame, currency: str) -> None:
    """Raise InputError where costs name several currencies in the column `currency`, or another than the log's.

    A sign of several currencies, such as $, is that of the log if it is one of them.

    >>> check_cost_currency(pd.DataFrame({"currency": ["$", "$"]}), "CAD")
    >>> check_cost_currency(pd.DataFrame({"currency": ["$"]}), "EUR")
    Traceback (most recent call last):
    ...
    cltv_ml.errors.InputError: the costs are in $, but the log is in EUR; convert the costs to the log's currency.
    """
    named, log = _named(table), code_of(currency)
    if unknown := [one for one in named if one not in CURRENCIES and one not in SHARED_SIGNS and one != log]:
        raise InputError(
            f"the costs name the currency {unknown[0]!r}, which is not known; write a code such as EUR."
        )
    if len(named) > 1 or (log and named and not may_be_one(named[0], log)):
        raise InputError(
            f"the costs are in {' and '.join(named)}, but the log is in {currency or 'one currency'}; "
            "convert the costs to the log's currency."
        )


def describe_cost_currency(table: pd.DataFrame, currency: str) -> list[str]:
    """Return a sentence if costs name their currency and the log's currency is not stated."""
    named = _named(table)
    if currency or not named:
        return []
    return [
        f"The costs are in {named[0]}. The amounts of the log are assumed to be in the same currency; state "
        "theirs with --currency."
    ]


def _named(table: pd.DataFrame) -> list[str]:
    """Return the different currencies that costs name."""
    if "currency" not in table:
        return []
    written = table["currency"].dropna().astype("str").str.strip()
    return sorted({code_of(one) for one in written[written != ""].unique()})
