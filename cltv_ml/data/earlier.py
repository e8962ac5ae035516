"""Comparison of a log's customers with those of earlier scores, to catch identifiers of another kind."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cltv_ml.tables import ids_among

#: Share of known customers below which the identifiers or the shop must differ; fewest customers to compare.
_SHARE, _CUSTOMERS = 0.1, 20

_ID_CHANGES: dict[str, Callable[[pd.Series], pd.Series]] = {
    "in upper and lower case": lambda ids: ids.str.lower(),
    "in leading zeros": lambda ids: ids.str.replace(r"^0+(?=\d)", "", regex=True),
    "in a trailing .0": lambda ids: ids.str.replace(r"\.0+$", "", regex=True),
    "in spaces or signs": lambda ids: ids.str.replace(r"[\s#'\"+]", "", regex=True),
}


def compare_customers(log: pd.Index | pd.Series, earlier: pd.Index | pd.Series) -> str:
    """Return a warning if few customers of earlier scores are in the log, else an empty text.

    A log contains the full history of its customers, so nearly all scored customers must be in it.

    >>> now, before = [str(number) for number in range(100, 200)], [f"{number}.0" for number in range(100, 200)]
    >>> compare_customers(pd.Series(now), pd.Series(before)).split(": ")[0]
    'Only 0 of 100 customers in the earlier scores (0%) are in this log'
    >>> compare_customers(pd.Series(now), pd.Series(now[:50]))
    ''
    """
    now, before = (pd.Series(pd.unique(pd.Series(ids).dropna().astype(str))) for ids in (log, earlier))
    if len(before) < _CUSTOMERS or not len(now):
        return ""
    present = int(ids_among(before, now).sum())
    if present >= _SHARE * len(before):
        return ""
    alike = [
        words
        for words, form in _ID_CHANGES.items()
        if ids_among(form(before), form(now)).sum() >= 5 * _SHARE * len(before)
    ]
    why = (
        f"the ids differ only {alike[0]}"
        if alike
        else "the customer ids may be of a different kind or from another shop"
    )
    return (
        f"Only {present:,} of {len(before):,} customers in the earlier scores ({present / len(before):.0%}) "
        f"are in this log: {why} ({now.iloc[0]!r} here, {before.iloc[0]!r} there)."
    )
