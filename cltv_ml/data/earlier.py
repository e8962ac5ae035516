"""Comparison of a log's customers with those of earlier scores, to catch identifiers of another kind."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cltv_ml.tables import ids_among

#: Share of known customers below which identifiers, or the shop, differ; and the fewest customers to compare.
_SHARE, _CUSTOMERS = 0.1, 20

_ID_CHANGES: dict[str, Callable[[pd.Series], pd.Series]] = {
    "in capital and small letters": lambda ids: ids.str.lower(),
    "in leading zeros": lambda ids: ids.str.replace(r"^0+(?=\d)", "", regex=True),
    "in .0 behind a number": lambda ids: ids.str.replace(r"\.0+$", "", regex=True),
    "in blanks or signs": lambda ids: ids.str.replace(r"[\s#'\"+]", "", regex=True),
}


def compare_customers(log: pd.Index | pd.Series, earlier: pd.Index | pd.Series) -> str:
    """Return a sentence where few customers of earlier scores are in the log, else an empty text.

    A log holds its customers' whole past, so nearly all scored customers are in it again.

    >>> now, before = [str(number) for number in range(100, 200)], [f"{number}.0" for number in range(100, 200)]
    >>> compare_customers(pd.Series(now), pd.Series(before)).split(": ")[0]
    '0 of 100 customers of the earlier scores (0%) are in this log'
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
        f"they differ only {alike[0]}"
        if alike
        else "the identifiers may be of another kind, or of another shop"
    )
    return (
        f"{present:,} of {len(before):,} customers of the earlier scores ({present / len(before):.0%}) are in this "
        f"log: {why} ({now.iloc[0]!r} here, {before.iloc[0]!r} there)."
    )
