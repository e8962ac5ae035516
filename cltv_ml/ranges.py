"""Levels that are ranges of a number, such as "35-44" and "75+", in the order of that number."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

#: Words for a range without a lower or an upper end, before or after its number.
_BELOW = (
    "<|<=|≤|under|less than|below|up to|max|unter|weniger als|bis|bis zu|moins de|jusqu'à|menos de|hasta|meno di|"
    "fino a|minder dan|tot"
)
_ABOVE = (
    ">|>=|≥|over|more than|above|at least|from|über|ab|mehr als|mindestens|plus de|à partir de|más de|desde|più di|"
    "oltre|meer dan|vanaf"
)
_OR_LESS = "(?:and|or) (?:under|less|younger|below)|und (?:weniger|jünger)|et moins|y menos|e meno"
_OR_MORE = "|".join(
    (
        r"\+|(?:and|or) (?:over|above|more|older|up)|plus|(?:und|oder) (?:mehr|älter|darüber)",
        "et plus|y más|o más|e più|en (?:meer|ouder)",
    )
)
_TO = r"-|–|—|\.\.\.?|to|bis unter|bis|and|à|a|tot|al"

_MONEY_SIGN = r"(?:[$€£¥]|usd|eur|gbp|chf)?"
_NUMBER = r"(\d{1,3}(?:[.,' ]\d{3})+|\d+(?:[.,]\d+)?) ?(k|m|tsd|mio)?"
_UNIT = r"(?: ?(?:[$€£¥%]|[a-zäöüéñ]{1,12}\.?))?"
_ONE = rf"{_MONEY_SIGN} ?{_NUMBER}{_UNIT}"
_ONE_NUMBER = re.compile(rf"{_ONE}")
_BOTH_ENDS = re.compile(rf"(?:between |from |von )?{_ONE} ?(?:{_TO}) ?{_ONE}")
_OPEN_BELOW = re.compile(rf"(?:{_BELOW}) ?{_ONE}|{_ONE} ?(?:{_OR_LESS})")
_OPEN_ABOVE = re.compile(rf"(?:{_ABOVE}) ?{_ONE}|{_ONE} ?(?:{_OR_MORE}){_UNIT}")
_MULTIPLES = {"k": 1e3, "tsd": 1e3, "m": 1e6, "mio": 1e6}


def range_codes(levels: Iterable[str]) -> dict[str, int]:
    """Return the place of each level if all are numbers or ranges and at least one is a range; else an empty dict.

    Levels with the same ends share a place.

    >>> range_codes(["75+", "under 25", "25-74"])
    {'under 25': 0, '25-74': 1, '75+': 2}
    >>> list(range_codes(["Under 15K", "250K+", "15-24K", "$ 25,000 to $ 34,999"]))
    ['Under 15K', '15-24K', '$ 25,000 to $ 34,999', '250K+']
    >>> range_codes(["3", "1", "2"]), range_codes(["1-2", "north"])
    ({}, {})
    """
    ends = {}
    for level in levels:
        bounds = _range_of(" ".join(level.casefold().split()))
        if bounds is None:
            return {}
        ends[level] = bounds
    if all(low == high for low, high in ends.values()):
        return {}
    places = {both: place for place, both in enumerate(sorted(set(ends.values())))}
    return {level: places[ends[level]] for level in sorted(ends, key=ends.__getitem__)}


def _range_of(level: str) -> tuple[float, float] | None:
    """Return the lower and upper end of a range in small letters, None if it is none."""
    if match := _BOTH_ENDS.fullmatch(level):
        low, low_times, high, high_times = match.groups()
        first, second = _as_number(low, low_times or high_times), _as_number(high, high_times)
        if first > second:  # "500-1k"
            first = _as_number(low, low_times)
        return (first, second) if first <= second else None
    for pattern, is_open_below in ((_OPEN_BELOW, True), (_OPEN_ABOVE, False), (_ONE_NUMBER, None)):
        if match := pattern.fullmatch(level):
            number, times = (
                next(part for part in match.groups() if part and part not in _MULTIPLES),
                _multiple_in(match),
            )
            value = _as_number(number, times)
            if is_open_below is None:
                return value, value
            return (-math.inf, value) if is_open_below else (value, math.inf)
    return None


def _multiple_in(found: re.Match[str]) -> str | None:
    """Return the word for thousands or millions in a match, None if there is none."""
    return next((part for part in found.groups() if part in _MULTIPLES), None)


def _as_number(text: str, times: str | None) -> float:
    """Return the number; a separator before exactly three digits groups thousands."""
    grouped = re.fullmatch(r"\d{1,3}(?:[.,' ]\d{3})+", text)
    plain = re.sub("[.,' ]", "", text) if grouped else text.replace(",", ".")
    return float(plain) * _MULTIPLES.get(times or "", 1.0)
