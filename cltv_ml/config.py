"""Typed settings of a run, from one TOML file; nothing below this file reads settings."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from cltv_ml.errors import InputError


@dataclass(frozen=True)
class Settings:
    """What `cltv train` can be told, under the names of its flags."""

    data: str = ""
    query: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    cutoff: str = ""
    horizon: str = "13w"
    out: str = "out"
    experiment: str = "cltv"
    max_origins: int = 6
    currency: str = ""
    timezone: str = ""
    compete: str = ""
    customers: float = 0.0
    objective: str = ""
    campaign: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_TABLES = ("mapping", "rules", "campaign")
_TYPES = {**dict.fromkeys((*_TABLES, "models"), dict), "max_origins": int, "customers": float}


def load_settings(path: Path) -> Settings:
    """Return the settings of a TOML file: the flags' names as keys and tables `[mapping]`, `[rules]`,
    `[campaign]` (share, cost, margin) and `[models.NAME]`.

    Raises
    ------
    InputError
        The file is missing or no TOML, or a key is unknown or of another type; the message names it.
    """
    known = {entry.name: entry for entry in fields(Settings)}
    given = read_toml(path)
    for name, value in given.items():
        if name not in known:
            raise InputError(f"{path.name}: unknown setting {name!r}. Available: {sorted(known)}.")
        wanted = _TYPES.get(name, str)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise InputError(f"{path.name}: {name} must be of type {wanted.__name__}, got {value!r}.")
    check_params(given.get("models", {}), path.name)
    return Settings(**given)


def write_settings(settings: Settings) -> str:
    """Return settings as TOML that `load_settings` reads back to the same.

    >>> print(write_settings(Settings(data="a.csv", mapping={"amount": "Net EUR"})))
    data = "a.csv"
    horizon = "13w"
    out = "out"
    experiment = "cltv"
    max_origins = 6
    <BLANKLINE>
    [mapping]
    amount = "Net EUR"
    """
    tables = {name: getattr(settings, name) for name in _TABLES} | {
        f"models.{name}": params for name, params in settings.models.items()
    }
    plain = {entry.name: getattr(settings, entry.name) for entry in fields(settings)}
    lines = [
        f"{name} = {_toml(value)}"
        for name, value in plain.items()
        if value not in ("", None, 0.0) and name not in (*_TABLES, "models")
    ]
    for title, table in tables.items():
        if table:
            lines += [
                "",
                f"[{title}]",
                *(f"{_toml_key(name)} = {_toml(value)}" for name, value in table.items()),
            ]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    # JSON's text of strings, numbers, booleans and lists is TOML's too; only a lone DEL would need more.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def read_params(path: Path) -> dict[str, dict[str, Any]]:
    """Return the models' settings of a TOML file with tables `[models.NAME]`, such as `cltv tune` writes."""
    params = read_toml(path).get("models", {})
    if not params:
        raise InputError(f"{path.name} has no table [models.NAME]; name a file that `cltv tune` wrote.")
    check_params(params, path.name)
    return {str(name): dict(settings) for name, settings in params.items()}


def check_params(params: Any, where: str) -> None:
    """Raise when the models' settings are no tables of names and values."""
    if not isinstance(params, Mapping):
        raise InputError(f"{where}: models must be a table of tables, got {params!r}.")
    for name, settings in params.items():
        if not isinstance(settings, Mapping):
            raise InputError(f"{where}: models.{name} must be a table of settings, got {settings!r}.")


def merge(settings: Settings, flags: Mapping[str, Any]) -> Settings:
    """Return the settings with every flag that was given, neither empty nor zero, in place of the file's value.

    >>> merge(Settings(data="a.csv"), {"data": "b.csv", "cutoff": ""}).data
    'b.csv'
    """
    return replace(settings, **{name: value for name, value in flags.items() if value})


def parse_mapping(entries: Sequence[str]) -> dict[str, str]:
    """Return a column mapping from `name=column` entries and TOML files with a table `[mapping]`.

    One entry may hold several pairs, divided by commas.

    Raises
    ------
    InputError
        An entry is neither a pair nor a TOML file.

    >>> parse_mapping(["customer_id=Customer ID", "amount=Total,timestamp=Date"])
    {'customer_id': 'Customer ID', 'amount': 'Total', 'timestamp': 'Date'}
    """
    mapping: dict[str, str] = {}
    for entry in (entry for entry in entries if entry):
        if entry.endswith(".toml"):
            content = read_toml(Path(entry))
            mapping |= {str(name): str(column) for name, column in content.get("mapping", content).items()}
            continue
        for pair in entry.split(","):
            name, equals, column = pair.partition("=")
            if not equals or not name.strip() or not column.strip():
                raise InputError(
                    f"mapping {pair!r} cannot be read; write name=column, such as customer_id=CustomerID, "
                    "or name a TOML file with a table [mapping]."
                )
            mapping[name.strip()] = column.strip()
    return mapping


def parse_rules(entries: Sequence[str]) -> dict[str, list[str]]:
    """Return settings of the cleaning from `name=value` entries; one name may be given several times.

    Raises
    ------
    InputError
        An entry is no such pair.

    >>> parse_rules(["day_first=true", "off=exact_duplicate", "off=future_date"])
    {'day_first': ['true'], 'off': ['exact_duplicate', 'future_date']}
    """
    rules: dict[str, list[str]] = {}
    for entry in (entry for entry in entries if entry):
        name, equals, value = entry.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise InputError(f"rule {entry!r} cannot be read; write name=value, such as day_first=true.")
        rules.setdefault(name.strip(), []).append(value.strip())
    return rules


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's content, with one sentence when it is missing or broken."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no file {path}; check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is not valid TOML: {error}.") from None
