"""TOML files, and the text that flags give for a table: pairs, or the path of a file that holds the table."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cltv_ml.errors import InputError
from cltv_ml.remote import as_path


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's content; InputError where it is missing or broken."""
    path = as_path(path)
    try:
        if path.is_char_device():  # such as /dev/zero, which never ends
            raise FileNotFoundError
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"no file {path}; check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is not valid TOML: {error}.") from None


def write_toml(values: Mapping[str, Any]) -> str:
    """Return plain values as TOML, tables last; what is None or an empty text, list or table is left out.

    >>> print(write_toml({"data": "a.csv", "cost": 0.0, "mapping": {"amount": "Net EUR"}, "cutoff": ""}))
    data = "a.csv"
    cost = 0.0
    <BLANKLINE>
    [mapping]
    amount = "Net EUR"
    """
    filled = {
        name: value for name, value in values.items() if value is not None and value not in ("", [], {})
    }
    tables = {name: value for name, value in filled.items() if isinstance(value, Mapping)}
    lines = [
        f"{_toml_key(name)} = {_toml_value(value)}" for name, value in filled.items() if name not in tables
    ]
    for name, table in tables.items():
        nested = {key: value for key, value in table.items() if isinstance(value, Mapping)}
        plain = {key: value for key, value in table.items() if key not in nested}
        for title, part in {
            name: plain,
            **{f"{name}.{_toml_key(key)}": value for key, value in nested.items()},
        }.items():
            if part:
                lines += [
                    "",
                    f"[{title}]",
                    *(f"{_toml_key(key)} = {_toml_value(value)}" for key, value in part.items()),
                ]
    return "\n".join(lines)


def _toml_value(value: Any) -> str:
    # JSON's text of strings, numbers, booleans and lists is TOML's too; only a lone DEL would need more.
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml_value(name)


def parse_mapping(written: str | Path | Iterable[Any]) -> dict[str, str]:
    """Return a column mapping from `name=column` entries and TOML files with a table `[mapping]`.

    One entry may hold several pairs, separated by commas.

    Raises
    ------
    InputError
        An entry is neither a pair nor a TOML file.

    >>> parse_mapping(["customer_id=Customer ID", "amount=Total,timestamp=Date"])
    {'customer_id': 'Customer ID', 'amount': 'Total', 'timestamp': 'Date'}

    An empty column declines one that would be proposed.

    >>> parse_mapping(["currency="])
    {'currency': ''}
    """
    mapping: dict[str, str] = {}
    for entry in _entries(written):
        if entry.endswith(".toml"):
            content = read_toml(Path(entry))
            mapping |= {str(name): str(column) for name, column in content.get("mapping", content).items()}
            continue
        for pair in entry.split(","):
            name, equals, column = pair.partition("=")
            if not equals or not name.strip():
                raise InputError(
                    f"mapping {pair!r} cannot be read; write name=column, such as customer_id=CustomerID, or "
                    "give a TOML file with a table [mapping]."
                )
            mapping[name.strip()] = column.strip()
    return mapping


def parse_rules(written: str | Path | Iterable[Any]) -> dict[str, list[str]]:
    """Return settings of the cleaning from `name=value` entries; one name may be given several times.

    Raises
    ------
    InputError
        An entry is no such pair.

    >>> parse_rules(["day_first=true", "off=exact_duplicate", "off=future_date"])
    {'day_first': ['true'], 'off': ['exact_duplicate', 'future_date']}
    """
    rules: dict[str, list[str]] = {}
    for entry in _entries(written):
        name, equals, value = entry.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise InputError(f"rule {entry!r} cannot be read; write name=value, such as day_first=true.")
        rules.setdefault(name.strip(), []).append(value.strip())
    return rules


def parse_params(written: Any) -> dict[str, dict[str, Any]]:
    """Return the models' parameters of a TOML file with tables `[params.NAME]`, such as `cltv tune` writes."""
    if isinstance(written, str | Path):
        if not str(written):
            return {}
        path = Path(written)
        written = read_toml(path).get("params", {})
        if not written:
            raise InputError(f"{path.name} has no table [params.NAME]; give a file written by `cltv tune`.")
    if not isinstance(written, Mapping):
        raise InputError(f"params must be a table of tables, got {written!r}.")
    for name, params in written.items():
        if not isinstance(params, Mapping):
            raise InputError(f"params.{name} must be a table of parameters, got {params!r}.")
    return {str(name): dict(params) for name, params in written.items()}


def _entries(written: str | Path | Iterable[Any]) -> list[str]:
    entries = [written] if isinstance(written, str | Path) else written
    return [str(entry) for entry in entries if entry]
