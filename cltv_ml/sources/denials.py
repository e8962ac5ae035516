"""Words that deny what follows them, in texts without case, accents and signs."""

from __future__ import annotations

import re

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
