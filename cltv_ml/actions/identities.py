"""Identities as ad platforms match them: e-mail addresses and phone numbers normalised, then hashed with SHA-256."""

from __future__ import annotations

import hashlib
import re

import pandas as pd

#: Google's domains, in whose addresses dots before the @ and everything from a + on name the same mailbox.
_DOTLESS = ("gmail.com", "googlemail.com")


def normalise_email(text: str, *, mailbox: bool = False) -> str:
    """Return an e-mail address in lower case without blanks; "" if it is none.

    Parameters
    ----------
    mailbox
        Drop dots and what follows a + at Google's domains. Google Ads matches by the mailbox; Meta and mailing tools
        match by the address that a person gave.

    >>> normalise_email(" Jane.Doe+shop@GMail.com ", mailbox=True), normalise_email("Jane.Doe@GMail.com")
    ('janedoe@gmail.com', 'jane.doe@gmail.com')
    >>> normalise_email("n/a")
    ''
    """
    plain = re.sub(r"\s", "", text).lower()
    if not re.fullmatch(r"[^@]+@[^@]+\.[^@.]+", plain):
        return ""
    name, domain = plain.split("@")
    if mailbox and domain in _DOTLESS:
        name = name.split("+")[0].replace(".", "")
    return f"{name}@{domain}"


def normalise_phone(text: str, country_code: str = "") -> str:
    """Return a phone number in E.164, such as +442070313000; "" where the country is not known or digits lack.

    Parameters
    ----------
    country_code
        Put before numbers without one, such as "44"; their leading zero goes.

    >>> normalise_phone("+44 (0)20 7031-3000"), normalise_phone("020 7031 3000", "44"), normalise_phone("020 7031 3000")
    ('+442070313000', '+442070313000', '')
    """
    stated = text.strip().startswith("+") or text.strip().startswith("00")
    digits = re.sub(r"\D", "", text.replace("(0)", ""))
    if stated:
        digits = digits.lstrip("0")
    elif country_code:
        digits = country_code + digits.lstrip("0")
    else:
        return ""
    return f"+{digits}" if 8 <= len(digits) <= 15 else ""


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
