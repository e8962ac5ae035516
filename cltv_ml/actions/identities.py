"""Identities as ad platforms match them: e-mail addresses and phone numbers normalised, then hashed with SHA-256."""

from __future__ import annotations

import hashlib
import re
import unicodedata

import pandas as pd
import phonenumbers

#: Google's domains, in whose addresses dots before the @ and everything from a + on name the same mailbox.
_DOTLESS = ("gmail.com", "googlemail.com")

#: An address: no signs that separate or enclose addresses, and no dot at an end of a part or next to another.
_NAME, _LABEL = r"[^\s@.<>()\[\],;:\"\\]+", r"[^\W_](?:[\w-]*[^\W_])?"
_ADDRESS = re.compile(rf"{_NAME}(?:\.{_NAME})*@(?:{_LABEL}\.)+{_LABEL}")

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
    """Return a phone number in E.164, such as +442070313000; "" where it is none of its country, or may be two.

    Countries' numbering plans are those of the library phonenumbers. An extension goes.

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
    code = country_code.lstrip("+0")
    if any(map(str.isalpha, plain)):
        return ""
    if not is_calling_code(country_code):
        return _e164(re.sub(r"^\D*00", "+", plain))
    region = phonenumbers.region_code_for_country_code(int(code))
    # Digits that begin with the calling code may be a whole number without its plus.
    whole = _e164(f"+{plain}") if re.sub(r"\D", "", plain).startswith(code) else ""
    if whole and phonenumbers.ndd_prefix_for_region(region, True):
        return whole  # within the country it would begin with a prefix such as 0
    readings = {_e164(plain, region), whole} - {""}
    return readings.pop() if len(readings) == 1 else ""


def is_calling_code(text: str) -> bool:
    """Return whether a text is the calling code of a country, with or without + or 00.

    >>> [is_calling_code(text) for text in ("44", "+44", "0044", "999", "GB", "")]
    [True, True, True, False, False, False]
    """
    code = re.fullmatch(r"(?:\+|00)?([1-9]\d{0,2})", text)
    return code is not None and int(code[1]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE


def calling_code(country: str) -> str:
    """Return the calling code of a country that is named by its two letters (ISO 3166); "" for any other text.

    >>> calling_code("de"), calling_code(" GB "), calling_code("Germany"), calling_code("")
    ('49', '44', '', '')
    """
    code = phonenumbers.country_code_for_region(country.strip().upper())
    return str(code) if code else ""


def _e164(text: str, region: str | None = None) -> str:
    """Return a valid number in E.164, "" for any other; without a plus it is one as dialled within the region."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    valid = phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else ""


def _visible(text: str) -> str:
    """Return a text with plain letters and digits, without blanks around it and signs that are not shown."""
    plain = unicodedata.normalize("NFKC", text)
    signs = (
        str(int(sign)) if sign.isdecimal() else sign for sign in plain if unicodedata.category(sign) != "Cf"
    )
    return "".join(signs).strip()


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


def normalise_phones(column: pd.Series, codes: pd.Series) -> pd.Series:
    """Return each number in E.164 (`normalise_phone`, with its country's code), "" where it cannot be completed."""
    texts = zip(column.fillna("").astype("str"), codes, strict=True)
    return pd.Series([normalise_phone(text, code) for text, code in texts], index=column.index, dtype="str")
