"""Likely readings of unknown levels of a status or type: the first answers to a question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cltv_ml.data.levels import agreed_levels, is_payment, kind_of_document, plain_level, read_level
from cltv_ml.data.words import words

#: Levels, in any column, that are more likely plans than completed sales.
_PLANNED = re.compile("|".join(words("overlooked")["planned"]))


def guess_levels(name: str, money: Mapping[str, float], levels: Iterable[str]) -> dict[str, str]:
    """Return the likely reading of each unknown level: "ignore", "refund" or "counts".

    Parameters
    ----------
    money
        The unknown levels, each with the sum of its amounts.
    levels
        All levels of the column: where one is the payment of another, the payments are the sales.

    >>> guess_levels("type", {"Lieferschein": 50.0, "Adjustment": -5.0}, ["Lieferschein", "Adjustment"])
    {'Lieferschein': 'ignore', 'Adjustment': 'refund'}
    >>> guess_levels("type", {"LAYBY": 100.0}, ["LAYBY", "LAYBY_PAYMENT", "SALE"])
    {'LAYBY': 'ignore'}
    """
    plain = list(map(plain_level, levels))
    agreed = agreed_levels(plain)
    guesses = {}
    for level, total in money.items():
        own = plain_level(level)
        returned = name == "type" and any(_is_return_of(other, own) for other in plain)
        guesses[level] = (
            "ignore" if own in agreed else "counts" if returned else _guess_level(name, level, total)
        )
    return guesses


def _is_return_of(other: str, level: str) -> bool:
    """Whether a level is the return of another one, such as a deposit: it is netted against what counts."""
    words = set(level.split()) & set(other.split())
    return other != level and bool(words) and read_level("type", other) == "refund"


def _guess_level(name: str, level: str, money: float) -> str:
    plain = plain_level(level)
    ordered = name == "type" and kind_of_document(plain) == "ordered"
    bought = name == "type" and re.search("purchase", plain)
    if re.fullmatch(r"-\d+", level) or is_payment(level) or ordered or bought or _PLANNED.search(plain):
        return "ignore"
    return "refund" if (name == "type" and money < 0) or plain == "closed" else "counts"
