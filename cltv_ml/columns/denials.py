"""Words that deny what follows them, in texts without case, accents and signs, and texts that say no."""

from __future__ import annotations

import re
from collections.abc import Collection

from cltv_ml.engine import literals

#: Words that deny anything that follows in a text.
NEGATED = re.compile(r"\b(no|not|non|never|without|dont|nicht|kein\w*|sans|sin|senza|не)\b (?!paid)")

#: What denies the very next word.
_DENIAL = re.compile(
    r"(\b(no|not|non|never|without|nicht|kein\w*|sans|pas|sin|sem|nao|senza|niet|geen|ikke|inte|ej|ei|nie|ne|nem|не)"
    "( yet| noch| encore| aun)? |未|尚未|没有|未被)$"
)


def is_denied(plain: str, start: int) -> bool:
    """Whether the word that starts at a place of a plain text follows a word that denies it.

    >>> is_denied("not yet paid", 8), is_denied("paid in full", 0), is_denied("未完了", 1)
    (True, False, True)
    """
    return _DENIAL.search(plain[:start]) is not None


#: What stands where nothing happened: a day 0, the last day of a far year, the first that computers count, a never.
_PLACE_YEARS = "0000|0001|1753|1899|1900|1970|2099|2100|2999|[3-9][0-9]{3}"
_NOTHING_YET = (
    rf"(({_PLACE_YEARS})[-/.]?(00|01|12)[-/.]?(00|01|30|31)|(00|01|30|31|12)[-/.](00|01|12|30|31)[-/.]({_PLACE_YEARS}))"
    r"([t ,].*)?|2534022[0-9]{5}([0-9]{3})?|never|niemals|jamais|nunca|nooit|aldrig|никогда"
)


def says_no(text: str, no: Collection[str]) -> bool:
    """Whether a text is one of those that say no, or the placeholder of a date on which nothing happened.

    >>> [says_no(text, {"no"}) for text in ("No", "9999-12-31", "01/01/1900 00:00", "never", "2024-12-31")]
    [True, True, True, True, False]
    """
    return text.lower() in no or re.fullmatch(_NOTHING_YET, text.lower()) is not None


def says_no_sql(text: str, no: Collection[str]) -> str:
    """Return SQL for `says_no` of a text in small letters."""
    return f"({text} in ({literals(sorted(no))}) or regexp_full_match({text}, '{_NOTHING_YET}'))"
