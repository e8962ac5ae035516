"""SQL for the one form in which an identifier is kept, however an export wrote it."""

from __future__ import annotations

from collections.abc import Sequence

#: The forms that are brought together, each value by itself, so that every export agrees: name and what was done.
FORMS = {
    "blanks": "lost blanks or invisible signs",
    "unicode": "were written with other code points for the same letters (NFC)",
    "decimals": "such as 12345.0 were read as 12345",
    "email_case": "are e-mail addresses and were read in small letters",
}

_EDGE = r"[\p{Z}\p{Cc}\p{Cf}]+"
_INVISIBLE = r"[\p{Cf}\x{a0}\x{2000}-\x{200a}\x{202f}\x{3000}]"
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"


def unify(text: str, forms: Sequence[str]) -> str:
    """Return SQL for a text brought to the one form, as far as `forms` say."""
    if "blanks" in forms:
        text = rf"regexp_replace(regexp_replace({text}, '^{_EDGE}|{_EDGE}$|\p{{Cf}}', '', 'g'), '\p{{Zs}}', ' ', 'g')"
    if "unicode" in forms:
        text = f"nfc_normalize({text})"
    if "decimals" in forms:
        text = rf"regexp_replace({text}, '^(-?\d+)\.0+$', '\1')"
    if "email_case" in forms:
        text = f"if(contains({text}, '@') and regexp_full_match({text}, '{_EMAIL}'), lower({text}), {text})"
    return text


def count_forms(text: str, nothing: str) -> str:
    """Return SQL for how many texts have each form, stand for nothing, and each sign of damage."""
    wide = f"strlen({text}) <> length({text})"
    tests = {
        "blanks": f"{text} < '!' or suffix({text}, ' ') or suffix({text}, '\t') or suffix({text}, '\r') "
        rf"or suffix({text}, chr(10)) or {wide} and regexp_matches({text}, '{_INVISIBLE}')",
        "unicode": f"{wide} and nfc_normalize({text}) <> {text}",
        "decimals": rf"suffix({text}, '.0') or suffix({text}, '.00') and regexp_full_match({text}, '-?\d+\.0+')",
        "email_case": f"contains({text}, '@') and lower({text}) <> {text}",
        "nothing": f"strlen({text}) < 5 and lower({text}) in {nothing}",
        **damage(text),
    }
    return ", ".join(f"count(*) filter (where {test})" for test in tests.values())


def damage(text: str) -> dict[str, str]:
    """Return what tells that a spreadsheet has changed identifiers: SQL by name."""
    return {
        "exponent": rf"contains({text}, 'E+') and regexp_full_match({text}, '\d(?:[.,]\d+)?E\+\d+')",
        "long": rf"strlen({text}) > 15 and regexp_full_match({text}, '\d{{16,}}')",
        "rounded": rf"strlen({text}) > 15 and regexp_full_match({text}, '\d{{15}}0+')",
    }
