"""SQL that reads numbers written as text: currency signs, minus signs, thousands and decimals."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cltv_ml.columns.zones import once
from cltv_ml.engine import literals
from cltv_ml.money import CURRENCIES, SHARED_SIGNS, SIGNS, WHOLE

#: The currencies that payment services count in whole units: the ariary has five minor units.
WHOLE_CURRENCIES = (*WHOLE, "MGA")

#: Currencies usually written without minor units.
WITHOUT_PARTS = frozenset({*WHOLE_CURRENCIES, "IDR", "COP", "HUF", "ISK", "UZS", "TZS", "LBP"})

_NAME = re.compile(
    r"(?:(?:us|u\.s\.|american|canadian|australian|swiss|british|japanese|chinese|indian|polish|czech|swedish|norwegian|"
    r"danish|mexican|brazilian|schweizer|britische[sr]?|amerikanische[rs]?) )?"
    r"(?:euros?|dollars?|pounds?|pfund|sterling|yen|yuan|renminbi|francs?|franken|kron[ae]r?|kronor|pesos?|rupees?|reais|"
    r"zloty|z\u0142oty|koruna|lira|rand|rubles?|forint)(?: sterling)?"
)

_NO_CENTS = "[-—]{1,2}"  # no cents: 99,- or 99.-- or 99:- or 99/-
_PIECES = (  # written after a number of items
    r"x|\x{d7}|pcs?|pieces?|pce|ea|each|units?|unidades|unid|uds?|stk|st\x{fc}ck|stuecks?|stck|st|items?|pi[e\x{e8}]ces?|"
    r"pz|pezzi|szt|ks|kpl|db|\x{448}\x{442}|\x{500b}|\x{4ef6}|\x{4e2a}|\x{70b9}"
)
_MINUS = "−–‒﹣－△▲"  # minus signs of typesetters, Nordic locales and Japanese accountants
_BLANK = r"[\s\x{a0}\x{202f}\x{2009}\x{2007}'’‘`´]"


def _alternatives() -> str:
    signs = sorted(sorted({*CURRENCIES, *SIGNS, *SHARED_SIGNS}), key=len, reverse=True)
    spelled = (re.sub(r"(?<=[A-Z])\\\$", r" ?\\$", re.escape(sign)) for sign in signs)  # US$ and US $
    return "|".join(spelled) + r"|\p{Sc}"


SIGN = _alternatives()

_OUTER_BLANKS = r"[\s\x{a0}\x{200e}\x{200f}\x{feff}]+"

#: Rewrites of what surrounds a number: blanks, currency signs and percent signs, and dashes for no cents.
_EDGE_REWRITES = (
    (f"^{_OUTER_BLANKS}|{_OUTER_BLANKS}$", "", "g"),
    (rf"^([-+(]*)\s*(?:{SIGN}){_BLANK}*", r"\1", "i"),
    (rf"{_BLANK}*(?:{SIGN}|%)\s*([-)]*)$", r"\1", "i"),
    (rf"(\d[.,]){_NO_CENTS}(\)?)$", r"\100\2"),
)

#: Rewrites of the number itself: blanks between thousands, units, `CR` and `DR`, brackets and a minus at the end.
_NUMBER_REWRITES = (
    (rf"(\d)[:/]{_NO_CENTS}(\)?)$", r"\1\2"),
    (rf"{_BLANK}(\d{{3}})\b", r"\1", "g"),
    (r"^([-+]?\d+(?:[.,]\d+)?)\s*[kK]$", r"\1e3"),
    (rf"^([-+]?\d+(?:[.,]\d+)?){_BLANK}*(?:{_PIECES})[.]?$", r"\1", "i"),
    (rf"(\d){_BLANK}*(?:(?:/|per|pro|je) ?[^\d\s.,/()-]{{1,12}}|DR)[.]?$", r"\1", "i"),
    (rf"^[+]?(.*\d){_BLANK}*CR[.]?$", r"-\1", "i"),
    (rf"^[x\x{{d7}}]{_BLANK}*(\d+)$", r"\1", "i"),
    (r"^\((.*)\)$", r"-\1"),
    (r"^([\d.,]+)\s*-$", r"-\1"),
    (r"^([-+])\s+", r"\1"),
)


def is_currency_name(text: str) -> bool:
    """Whether a text is the name of a currency in words.

    >>> is_currency_name("US Dollar"), is_currency_name("Pfund Sterling"), is_currency_name("Dollar General")
    (True, True, False)
    """
    return _NAME.fullmatch(text.strip().lower()) is not None


def codes_sql(text: str) -> str:
    """Return SQL for the code of a currency that is written as a sign or as a code of any case."""
    names = ", ".join(f"'{sign.lower()}'" for sign in SIGNS)
    codes = ", ".join(f"'{code}'" for code in SIGNS.values())
    return f"coalesce(map([{names}], [{codes}])[lower({text})], upper({text}))"


def signed(text: str) -> tuple[str, str]:
    """Return SQL for whether a text is an amount with a currency's sign, and for that sign."""
    number = r"[-+(]?\s*\d[\d.,''’\s\x{a0}\x{202f}]*(?:[:/]?--?|\))?"
    plain = f"translate({text}, '{_MINUS}', '{'-' * len(_MINUS)}')"
    test = rf"regexp_matches({plain}, '^\s*[-+(]?\s*({SIGN})\s*{number}\s*$|^\s*{number}\s*({SIGN})\s*[-)]?\s*$', 'i')"
    return test, f"regexp_extract({text}, '{SIGN}', 0, 'i')"


def in_whole_units(text: str) -> str:
    """Return SQL for whether a text is an amount with the sign of a currency written without minor units."""
    test, sign = signed(text)
    signs = {*WITHOUT_PARTS, *(name for name, code in SIGNS.items() if code in WITHOUT_PARTS)}
    return f"({test} and upper({sign}) in ({literals(sorted({name.upper() for name in signs}))}))"


def bare(text: str) -> str:
    """Return SQL for a number's text without currency, grouping blanks and accountants' brackets."""
    plain = _rewritten(f"translate({text}, '{_MINUS}', '{'-' * len(_MINUS)}')", _EDGE_REWRITES)
    inside = r"regexp_replace(m, '^([-+]?\d+)\s?€\s?(\d\d)$', '\1.\2')"  # 12€50
    return _rewritten(once(plain, "m", f"if(contains(m, '€'), {inside}, m)"), _NUMBER_REWRITES)


def _rewritten(text: str, rewrites: Sequence[tuple[str, ...]]) -> str:
    """Return SQL for a text after each rewrite: a pattern, its replacement, and options of `regexp_replace`."""
    for rewrite in rewrites:
        text = f"regexp_replace({text}, {literals(rewrite)})"
    return text


def read_bare(text: str, decimal: str) -> str:
    """Return SQL for the double in a bare text, null if it is not a number.

    Thousands may be grouped by three, or as in India by two before the last three.
    """
    thousands = "," if decimal == "." else "."
    point, group = rf"\{decimal}", rf"\{thousands}"
    grouped = rf"^[-+]?(\d{{1,3}}({group}\d{{3}})+|\d{{1,2}}({group}\d{{2}})+{group}\d{{3}})({point}\d*)?$"
    return (
        f"try_cast(replace(case when not contains({text}, '{thousands}') then {text} "
        f"when regexp_matches({text}, '{grouped}') then replace({text}, '{thousands}', '') end, "
        f"'{decimal}', '.') as double)"
    )


def is_open(text: str, sign: str) -> str:
    """Return SQL for whether a sign in a number could separate either decimals or thousands."""
    return rf"regexp_matches({text}, '^[-+]?[1-9]\d{{0,2}}\{sign}\d{{3}}$')"


def is_decimal(text: str, sign: str) -> str:
    """Return SQL for whether a number's text can only be read with `sign` as its decimal sign."""
    thousands = rf"\{'.' if sign == ',' else ','}"
    sign = rf"\{sign}"
    return (
        rf"regexp_matches({text}, '^[-+]?(?:\d*|\d{{1,3}}(?:{thousands}\d{{3}})+){sign}(?:\d{{1,2}}|\d{{4,}})$"
        rf"|{thousands}\d{{3}}{sign}\d*$|^[-+]?(?:0|\d{{4,}}){sign}\d{{3}}$"
        rf"|^[-+]?\d{{1,3}}(?:{thousands}\d{{3}}){{2,}}$|^[-+]?\d{{1,2}}(?:{thousands}\d{{2}})+{thousands}\d{{3}}$')"
    )
