"""Identities as ad platforms match them: e-mail addresses and phone numbers normalised, then hashed with SHA-256."""

from __future__ import annotations

import hashlib
import re
import unicodedata

import pandas as pd

#: Google's domains, in whose addresses dots before the @ and everything from a + on name the same mailbox.
_DOTLESS = ("gmail.com", "googlemail.com")

#: An address: no signs that separate or enclose addresses, and no dot at an end of a part or next to another.
_NAME, _LABEL = r"[^\s@.<>()\[\],;:\"\\]+", r"[^\W_](?:[\w-]*[^\W_])?"
_ADDRESS = re.compile(rf"{_NAME}(?:\.{_NAME})*@(?:{_LABEL}\.)+{_LABEL}")

#: Prefixes of numbers dialled within a country, by its calling code; 0 in all others, which E.164 leaves out.
_TRUNK = {
    "1": "1",
    "7": "8",
    "36": "06",
    "370": "[08]",
    **dict.fromkeys(("39", "225", "229", "241", "242", "378"), ""),
}

#: Numbers within a country, by its calling code, where local numbers are shorter or whole ones begin like the code.
_NATIONAL = {
    "1": r"[2-9]\d\d[2-9]\d{6}",
    "7": r"[3-9]\d{9}",
    "33": r"[1-9]\d{8}",
    "34": r"[5-9]\d{8}",
    "39": r"0\d{5,10}|3\d{8,9}|8\d{5,9}",
    "44": r"[1-9]\d{8,9}",
    "55": r"[1-9]\d{9,10}",
    "61": r"[2-478]\d{8}",
    "81": r"[1-9]\d{8,9}",
    "91": r"[1-9]\d{9}",
    "370": r"[3-9]\d{7}",
}

#: What is dialled before the calling code of another country, by the caller's; 00 in all others.
_ABROAD = {"1": "011", "7": "810", "61": "0011", "81": "010"}

#: Calling codes of one and of two digits; all others have three.
_SHORT_CODES = re.compile(r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")

#: What is no part of a number: its name before it, and an extension or the decimals of a spreadsheet after it.
_AROUND_NUMBER = re.compile(r"^'?\s*(?:[^\W\d]+[.:]?\s*)*|(?:\s*(?:ext|x|#)[\s.:]*\d+|\.0)$", re.IGNORECASE)


def normalise_email(text: str, *, mailbox: bool = False) -> str:
    """Return an e-mail address in lower case without blanks, a name before it or signs after it; "" if it is none.

    Parameters
    ----------
    mailbox
        Drop dots and what follows a + at Google's domains. Google Ads matches by the mailbox; Meta and mailing tools
        match by the address that a person gave.

    >>> normalise_email(" Jane.Doe+shop@GMail.com ", mailbox=True), normalise_email("Jane.Doe@GMail.com")
    ('janedoe@gmail.com', 'jane.doe@gmail.com')
    >>> normalise_email("Dr. Jane Doe <jane@doe.com>;"), normalise_email("n/a"), normalise_email("a@b.com, c@d.com")
    ('jane@doe.com', '', '')
    """
    plain = _visible(text).lower().strip(" \t\r\n'\",;")
    plain = re.sub(r"^[^<>]*<([^<>]*)>$", r"\1", plain).removeprefix("mailto:")
    plain = re.sub(r"\s*([@.])\s*", r"\1", plain.strip())
    if not _ADDRESS.fullmatch(plain):
        return ""
    name, domain = plain.split("@")
    if mailbox and domain in _DOTLESS:
        name = name.split("+")[0].replace(".", "")
    return f"{name}@{domain}"


def normalise_phone(text: str, country_code: str = "") -> str:
    """Return a phone number in E.164, such as +442070313000; "" where the country is not known or digits lack.

    The prefix of numbers dialled within a country goes, except where E.164 keeps it, as in Italy; so does an extension.

    Parameters
    ----------
    country_code
        Put before numbers that do not begin with one, such as "44".

    >>> normalise_phone("+44 (0)20 7031-3000"), normalise_phone("020 7031 3000", "44"), normalise_phone("020 7031 3000")
    ('+442070313000', '+442070313000', '')
    >>> normalise_phone("1-800-888-8888", "1"), normalise_phone("06 6982 12", "39"), normalise_phone("4.9E+11", "49")
    ('+18008888888', '+3906698212', '')
    """
    plain = _AROUND_NUMBER.sub("", _visible(text))
    digits = re.sub(r"\D", "", re.sub(r"\(\s*0\s*\)", "", plain))
    code = country_code.lstrip("+0")
    if any(map(str.isalpha, plain)):
        return ""
    abroad = "" if re.match(r"\D*\+", plain) else _ABROAD.get(code, "00")
    if digits.startswith((abroad, "00")):
        digits = digits.removeprefix(abroad).lstrip("0")
        code = code if code and digits.startswith(code) else _calling_code(digits)
        return _completed(digits.removeprefix(code), code)
    return _completed_within(digits, code) if code else ""


def _completed_within(digits: str, code: str) -> str:
    """Return a number without its + in E.164; "" where it may begin with the calling code or not."""
    whole = _completed(digits, code)
    if not digits.startswith(code) or (code not in _NATIONAL and len(digits) <= len(code) + 7):
        return whole
    rest = _completed(digits.removeprefix(code), code)
    return rest if code not in _NATIONAL or whole in ("", rest) else "" if rest else whole


def _completed(national: str, code: str) -> str:
    """Return a number within a country in E.164; "" where it has too few digits, or too many."""
    trunk = _TRUNK.get(code, "0+")
    first = "[1-9]" if trunk else r"\d"
    whole = _NATIONAL.get(code, rf"{first}\d{{{max(7 - len(code), 0)},{14 - len(code)}}}")
    numbers = (national, re.sub(f"^{trunk}", "", national))
    return next((f"+{code}{number}" for number in numbers if re.fullmatch(whole, number)), "")


def _visible(text: str) -> str:
    """Return a text with plain letters and digits, without blanks around it and signs that are not shown."""
    plain = unicodedata.normalize("NFKC", text)
    signs = (
        str(int(sign)) if sign.isdecimal() else sign for sign in plain if unicodedata.category(sign) != "Cf"
    )
    return "".join(signs).strip()


def _calling_code(digits: str) -> str:
    """Return the calling code that an international number begins with."""
    found = _SHORT_CODES.match(digits)
    return found[0] if found else digits[:3]


def sha256(text: str) -> str:
    """Return the SHA-256 of a normalised text in hexadecimal, "" for "".

    >>> sha256("test@example.com")[:16], sha256("")
    ('973dfe463ec85785', '')
    """
    return hashlib.sha256(text.encode("utf-8")).hexdigest() if text else ""


def hashed_emails(column: pd.Series, *, mailbox: bool = False) -> pd.Series:
    """Return the hash of each normalised e-mail address (`normalise_email`), "" where there is none."""
    return (
        column.fillna("").astype("str").map(lambda text: normalise_email(text, mailbox=mailbox)).map(sha256)
    )


def hashed_phones(column: pd.Series, country_code: str = "", *, plus: bool = True) -> pd.Series:
    """Return the hash of each phone number in E.164, with or without its plus; "" where there is none."""
    numbers = column.fillna("").astype("str").map(lambda text: normalise_phone(text, country_code))
    return (numbers if plus else numbers.str.removeprefix("+")).map(sha256)
