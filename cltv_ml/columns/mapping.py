"""The mapping of a source's columns to the standard names: checks, reading and writing."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from cltv_ml.columns.headings import SYNONYMS, plain_heading
from cltv_ml.errors import InputError, among
from cltv_ml.files import atomic
from cltv_ml.settings.toml import write_toml

REQUIRED = ("customer_id", "timestamp", "amount")

#: Number of columns that a message lists.
_SHOWN = 60

#: First words of a file with SQL statements.
_SQL = re.compile(r"(create|drop) (table|database)|insert into|-- |/\*|set @|copy .* from stdin")


def check_mapping(mapping: Mapping[str, str | None], columns: Sequence[str]) -> dict[str, str]:
    """Return `mapping` without its empty entries, after checking that each name is known and each column exists.

    Raises
    ------
    InputError
        A standard name is unknown, a column is not in the source, or a column is mapped twice.

    >>> check_mapping({"customer_id": "cust"}, ["Cust", "day"])
    Traceback (most recent call last):
    cltv_ml.errors.InputError: mapping: column 'cust' for customer_id is not in the source. Found ['Cust', 'day'].
    """
    unknown = sorted(set(mapping) - set(SYNONYMS))
    if unknown:
        raise InputError(f"mapping: unknown name {unknown[0]!r}{among(unknown[0], SYNONYMS)}")
    columns_of = {name: str(column) for name, column in mapping.items() if column}
    for name, column in columns_of.items():
        if column not in columns:
            raise InputError(
                f"mapping: column {column!r} for {name} is not in the source. Found {name_columns(columns)}."
            )
    single = [
        column
        for name, column in columns_of.items()
        if (name, column) != ("credit", columns_of.get("amount"))
    ]
    twice = [column for column in single if single.count(column) > 1]
    if twice:
        raise InputError(f"mapping: column {twice[0]!r} is mapped to more than one name; keep only one.")
    return columns_of


def name_columns(columns: Collection[str]) -> str:
    """Return a source's columns as text for a message, at most 60 of them.

    >>> name_columns(["a", "b"]), name_columns([f"c{number}" for number in range(1, 100)])[-28:]
    ("['a', 'b']", " 'c59', 'c60'] and 39 others")
    """
    shown = str(list(columns)[:_SHOWN])
    return shown if len(columns) <= _SHOWN else f"{shown} and {len(columns) - _SHOWN:,} others"


def check_divided(columns: Sequence[str]) -> None:
    """Raise InputError if the source has only one column."""
    if _SQL.match(columns[0].strip().lower()):
        raise InputError(
            "the source contains SQL statements rather than a table. Load them into a database and pass its "
            "URL, or export the table as CSV."
        )
    if len(columns) == 1:
        raise InputError(
            f"the source has only one column, {columns[0][:60]!r}, and no delimiter splits it. Save it with "
            "a comma, semicolon or tab between columns, or give the number of the header row (--header-row)."
        )


def is_complete(mapping: Mapping[str, str]) -> bool:
    """Whether every required name has a column or can be computed from others.

    >>> is_complete({"customer_id": "who", "timestamp": "when", "quantity": "n", "unit_price": "each"})
    True
    """
    return not open_names(mapping)


def open_names(mapping: Mapping[str, str]) -> list[str]:
    """Return the required names that have no column and cannot be computed from others."""
    computed = {"amount"} if {"unit_price", "quantity"} <= set(mapping) else set()
    return [name for name in REQUIRED if name not in mapping and name not in computed]


def read_mapping(path: str | Path) -> dict[str, str]:
    """Return the `[mapping]` table of a TOML file: standard name = "source column".

    Raises
    ------
    InputError
        The file is missing, is not TOML or has no such table of texts.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"mapping file {str(path)!r} does not exist; check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"mapping file {str(path)!r} is not valid TOML: {error}.") from error
    table = content.get("mapping")
    if not isinstance(table, dict) or not all(isinstance(column, str) for column in table.values()):
        raise InputError(
            f"mapping file {str(path)!r} must contain a table [mapping] with lines such as customer_id = "
            '"CustomerID".'
        )
    return table


def write_mapping(
    mapping: Mapping[str, str | None], path: str | Path, rules: Mapping[str, Any] | None = None
) -> None:
    """Write a mapping as the TOML file that `read_mapping` reads; with rules, the file also serves as `--config`.

    A name without a column is written as an empty text.
    """
    tables = {"mapping": {name: column or "" for name, column in mapping.items()}, "rules": dict(rules or {})}
    with atomic(Path(path)) as file:
        file.write_text(write_toml(tables).lstrip() + "\n", encoding="utf-8")


def is_open_name(column: str) -> bool:
    """Whether a heading says only price or cost, without per item or per line.

    >>> is_open_name("Price"), is_open_name("unit price")
    (True, False)
    """
    return plain_heading(column) in ["price", "preis", "prix", "precio", "cost", "kosten", "coute", "costo"]


def ask(names: Sequence[str], column: str) -> str:
    """Return the hint on how to map a column to one of several names."""
    return "Use " + " or ".join(f"--mapping {flag(name, column)}" for name in names)


def flag(name: str, column: str) -> str:
    """Return the value for --mapping or --rule, quoted for the shell if necessary.

    >>> flag("amount", "Net total"), flag("amount", "net")
    ('"amount=Net total"', 'amount=net')
    """
    pair = f"{name}={column}"
    return pair if re.fullmatch(r"[\w=.-]+", pair) else f'"{pair}"'
