"""Currencies with their signs, amounts of money as text with their currency's digits, and notes that state it."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from cltv_ml.counts import singular

if TYPE_CHECKING:
    import pandas as pd

#: Currencies without a smaller unit, and those of a thousand parts (ISO 4217).
WHOLE = (
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "JPY",
    "KMF",
    "KRW",
    "PYG",
    "RWF",
    "UGX",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
)
THOUSANDTHS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")

_KNOWN = tomllib.loads(files("cltv_ml").joinpath("currencies.toml").read_text(encoding="utf-8"))

#: Codes of currencies (ISO 4217), their signs, and signs that several currencies share, with these currencies.
CURRENCIES = frozenset(_KNOWN["codes"])
SIGNS: dict[str, str] = _KNOWN["signs"]
SHARED_SIGNS: dict[str, list[str]] = _KNOWN["shared"]

_CODES = {name.lower(): code for name, code in SIGNS.items()}

#: Also written in whole units: two that payment services count in hundredths, one of accounts, and signs.
_WRITTEN_WHOLE = (*WHOLE, "HUF", "ISK", "UYI", "¥", "₩", "₫", "FT")

#: From where on cents do not matter, and the least amount that may stand next to such amounts without them.
_THOUSAND, _LEAST_WHOLE = 1000, 10


def code_of(sign: str) -> str:
    """Return the currency code of a sign; a sign of several currencies is returned unchanged.

    >>> code_of("€"), code_of("usd"), code_of("kr"), code_of("Kr."), code_of("$"), code_of("US $")
    ('EUR', 'USD', 'kr', 'kr', '$', 'USD')
    """
    plain = sign.strip().lower().replace(" $", "$")
    return _CODES.get(plain) or (plain.rstrip(".") if plain in SHARED_SIGNS else sign.strip().upper())


def may_be_one(one: str, other: str) -> bool:
    """Whether two codes or signs (`code_of`) may stand for the same currency.

    >>> may_be_one("$", "CAD"), may_be_one("EUR", "EUR"), may_be_one("$", "EUR")
    (True, True, False)
    """
    return one == other or other in SHARED_SIGNS.get(one, ()) or one in SHARED_SIGNS.get(other, ())


def coded(currency: str) -> str:
    """Return a stated currency as its code where it has one, and other words as they are.

    >>> coded("€"), coded("chf"), coded("$"), coded("bonus points"), coded("")
    ('EUR', 'CHF', '$', 'bonus points', '')
    """
    code = code_of(currency)
    return code if code in CURRENCIES else currency.strip()


def digits(currency: str) -> int:
    """Return the number of digits after the decimal point of an amount in a currency.

    >>> digits("JPY"), digits("EUR"), digits("KWD"), digits("")
    (0, 2, 3, 2)
    """
    name = currency.strip().upper()
    return 0 if name in _WRITTEN_WHOLE else 3 if name in THOUSANDTHS else 2


def round_money(amounts: pd.Series, currency: str) -> pd.Series:
    """Return amounts for a file, rounded to the digits of their currency; whole numbers where it has no cents.

    >>> from pandas import Series
    >>> round_money(Series([5109.4, 12.345]), "JPY").tolist(), round_money(Series([12.345]), "EUR").tolist()
    ([5109, 12], [12.34])
    """
    places = digits(currency)
    return amounts.round(places) if places else amounts.round().astype("Int64")


def format_money(amount: float, currency: str = "", *, unit: bool = True) -> str:
    """Return an amount for a sentence: thousands separated, cents only where they matter.

    >>> format_money(1234567.8, "EUR"), format_money(12.5), format_money(-0.0), format_money(float("nan"))
    ('1,234,568 EUR', '12.50', '0.00', 'unknown')
    >>> format_money(512.4, "JPY"), format_money(-0.3, "JPY", unit=False)
    ('512 JPY', '0')
    """
    if not math.isfinite(amount):
        return "unknown"
    return _amount_text(amount, 0 if abs(amount) >= _THOUSAND else digits(currency), currency if unit else "")


def format_amounts(
    amounts: Iterable[float], currency: str = "", *, unit: bool = True, missing: str = "unknown"
) -> list[str]:
    """Return amounts for a column or an interval, all with the same digits.

    Cents are left out where some amount has thousands, unless another is so small that it needs them.

    >>> format_amounts([11995.2, 726.52, 0.0], "EUR"), format_amounts([1200, 4.27, float("nan")], unit=False)
    (['11,995 EUR', '727 EUR', '0 EUR'], ['1,200.00', '4.27', 'unknown'])
    """
    listed = [float(amount) for amount in amounts]
    sizes = [abs(amount) for amount in listed if math.isfinite(amount) and amount]
    whole = max(sizes, default=0) >= _THOUSAND and min(sizes) >= _LEAST_WHOLE
    places = 0 if whole else digits(currency)
    return [
        _amount_text(amount, places, currency if unit else "") if math.isfinite(amount) else missing
        for amount in listed
    ]


def format_exactly(amount: float, currency: str = "", *, unit: bool = True) -> str:
    """Return an amount for a table that must agree with a file: to the last digit that its currency has.

    >>> format_exactly(1234.5, "EUR"), format_exactly(512.4, "JPY"), format_exactly(0.5, "KWD", unit=False)
    ('1,234.50 EUR', '512 JPY', '0.500')
    """
    return _amount_text(amount, digits(currency), currency if unit else "")


def format_number(value: float) -> str:
    """Return a number with four significant digits, a larger one whole: never in powers of ten.

    >>> format_number(0.12345), format_number(3.0), format_number(12345.6)
    ('0.1235', '3', '12,346')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"


def format_range(lower: float, upper: float) -> str:
    """Return an interval with the digits of `format_number`.

    >>> format_range(-0.5, 12345.6)
    '-0.5 to 12,346'
    """
    return f"{format_number(lower)} to {format_number(upper)}"


def _amount_text(amount: float, places: int, unit: str) -> str:
    # Rounded first, so that nothing is written as minus zero.
    return f"{round(float(amount), places) + 0.0:,.{places}f} {unit}".rstrip()


#: The sign for a currency in general: amounts of a stored page carry it until their currency is stated.
UNSTATED = "\N{CURRENCY SIGN}"


def name_currency(content: Any, currency: str) -> Any:
    """Return a text, or a page's JSON values, with a currency in place of each `UNSTATED`, or without any for "".

    >>> name_currency({"note": "12.50 \N{CURRENCY SIGN}", "title": "Revenue (\N{CURRENCY SIGN})"}, "EUR")
    {'note': '12.50 EUR', 'title': 'Revenue (EUR)'}
    >>> name_currency(["12.50 \N{CURRENCY SIGN}", "Revenue (\N{CURRENCY SIGN})", 3], "")
    ['12.50', 'Revenue (currency units)', 3]
    """
    if isinstance(content, str):
        if UNSTATED not in content:
            return content
        if not currency:  # an axis keeps a unit
            content = content.replace(f"({UNSTATED})", "(currency units)").replace(f" {UNSTATED}", "")
        return content.replace(UNSTATED, currency)
    if isinstance(content, Mapping):
        return {key: name_currency(value, currency) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [name_currency(value, currency) for value in content]
    return content


#: Follows an amount of the log in a note until its currency is stated; no text of a user holds this noncharacter.
_OF_THE_LOG = "\ufdd0"
_MARKED = re.compile(rf"(-?[\d,]+\.\d\d){_OF_THE_LOG}")


def log_amount(amount: float) -> str:
    """Return an amount of the log for a `Note`, which states the log's currency as soon as it is known."""
    return f"{amount:,.2f}{_OF_THE_LOG}"


class Note(str):
    """A sentence about a log, with a currency after each amount of `log_amount`, or without any for "".

    It tells one of a thing in the singular. A note without a currency can be made again with one.

    >>> note = Note(f"3 lines with a total of {log_amount(1009.5)} were kept")
    >>> note, Note(note, "EUR")
    ('3 lines with a total of 1,009.50 were kept', '3 lines with a total of 1,009.50 EUR were kept')
    >>> Note(f"3 lines, {log_amount(1009)}", "JPY")
    '3 lines, 1,009 JPY'
    """

    _marked: str

    def __new__(cls, text: str, currency: str = "") -> Note:
        """Make a note of a text with amounts of `log_amount`, or of another note."""
        marked = text._marked if isinstance(text, Note) else singular(text)
        if currency:
            places = min(digits(currency), 2)
            marked = _MARKED.sub(
                lambda found: _amount_text(float(found[1].replace(",", "")), places, currency), marked
            )
        note = super().__new__(cls, marked.replace(_OF_THE_LOG, ""))
        note._marked = marked
        return note
