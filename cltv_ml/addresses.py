"""Addresses of databases and servers, shown without the secrets that they hold."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote, unquote_plus

#: Names of options that hold a secret.
_SECRET_OPTION = r"(passw|pwd|token|secret|(access|account|api|private|shared|storage)_?key|signature)\w*\s*="

#: Characters from which a part of a secret is hidden where it stands alone.
_SHORTEST = 4


def is_url(source: str) -> bool:
    """Return whether a source names a database or a server.

    >>> is_url("postgresql://me@host/shop"), is_url("data/orders.csv")
    (True, False)
    """
    return re.match(r"[\s'\"]*[a-z][a-z0-9+._:-]*://", source, re.IGNORECASE) is not None


def may_hold_login(text: str) -> bool:
    """Return whether a word may hold a password: an address however it is written, or the settings of a driver.

    >>> [may_hold_login(text) for text in ("me:secret@host/shop", "user=me AccountKey=x", "data/me@home.csv")]
    [True, True, False]
    """
    return is_url(text) or re.search(rf":.+@|{_SECRET_OPTION}", text, re.IGNORECASE) is not None


def without_secrets(url: str) -> str:
    """Return a URL in which neither user, password nor options can be read.

    A password may hold `/`, `?`, `#` and `@`. Where more than one reading is possible, only the scheme is shown.

    >>> without_secrets("postgresql://me:secret@host:5432/shop?sslpassword=x")
    'postgresql://host:5432/shop'
    >>> without_secrets("mysql://me:p@s/s@host/shop"), without_secrets("postgresql://me:what?@host/shop")
    ('mysql://host/shop', 'postgresql://...')
    >>> without_secrets("sqlite:////data/me@home/shop.db"), without_secrets("postgresql:me:secret@host/shop")
    ('sqlite:////data/me@home/shop.db', 'postgresql...')
    """
    scheme, divided, rest = url.partition("://")
    if not divided:
        return re.sub("[:=].*", "...", url, flags=re.DOTALL) if may_hold_login(url) else url
    if rest.startswith("/") and scheme.partition("+")[0] in ("sqlite", "duckdb"):
        return f"{scheme}://{re.split('[?#]', rest)[0]}"
    place, options = re.match(r"([^?#;]*)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    if "@" in options:  # the password may hold a ?, and what follows may be the rest of it
        return f"{scheme}://..."
    place = place.rpartition("@")[2]
    host, slash, name = place.partition("/")
    if re.search(r":(?!\d*$)", re.sub(r"^\[[0-9a-fA-F:.]*\]", "", host)):  # a login without its @
        return f"{scheme}://..."
    return f"{scheme}://{host}{slash}{name}"


def hide(text: str, url: str) -> str:
    """Return a driver's message without the URL and without its secrets.

    >>> hide("no access for me with p@ss/word", "postgresql://me:p%40ss%2Fword@host/shop?sslpassword=hush1")
    'no access for me with ***'
    >>> hide("postgresql://host/shop refuses postgres", "postgresql://postgres@host/shop")
    'postgresql://host/shop refuses postgres'
    """
    secrets = _secrets(url)
    # As Python quotes a text, and as a path, in which two slashes are one.
    secrets |= {form for one in secrets for form in (repr(one)[1:-1], str(Path(one))) if form != "."}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _secrets(url: str) -> set[str]:
    """Return the URL, and every reading of its password and options that a driver may quote."""
    from sqlalchemy import make_url  # late: the command line shows its help without it
    from sqlalchemy.exc import ArgumentError

    rest = url.partition("://")[2]
    secrets = {url, rest}
    login, at, _ = rest.rpartition("@")
    if at and (":" in login or url.startswith("http")):
        secrets |= {unquote(login), login, quote(login, safe=""), *_pieces(login.partition(":")[2])}
    elif at:  # a user without a password, whose name may be a common word
        secrets |= {f"{login}@", f"{unquote(login)}@"}
    for option in re.split(r"[?&#;]", rest)[1:]:
        secrets |= _pieces(option.partition("=")[2] or option)
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        return {secret for secret in secrets if secret}
    secrets |= _pieces(address.password or "")
    secrets |= {str(part) for part in (address.host, address.database) if part and "@" in part}
    for values in address.normalized_query.values():
        secrets |= {piece for value in values for piece in _pieces(value)}
    return {secret for secret in secrets if secret}


def _pieces(secret: str) -> set[str]:
    """Return a secret as written, as meant and as a URL spells it, and its parts between signs that divide a URL."""
    whole = {secret, unquote(secret), unquote_plus(secret)}
    parts = {part for one in whole for part in re.split(r"[@/?#:&;]", one) if len(part) >= _SHORTEST}
    return {form for one in whole | parts for form in (one, quote(one), quote(one, safe=""))}


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite URL, None for other addresses and for a database in memory.

    >>> sqlite_file("sqlite:///mlflow.db"), sqlite_file("postgresql://host/mlflow"), sqlite_file("sqlite://")
    (PosixPath('mlflow.db'), None, None)
    """
    if not url.startswith("sqlite"):
        return None
    # Not by SQLAlchemy, whose import takes longer than a look into such a file.
    name = unquote(url.partition("://")[2].partition("?")[0].partition("/")[2])
    return Path(name) if name and name != ":memory:" else None
