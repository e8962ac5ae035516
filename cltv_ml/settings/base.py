"""The mechanism of settings: values by name, checked, from a TOML file and from flags that win over it."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo

from cltv_ml.errors import InputError, among, as_share
from cltv_ml.money import coded
from cltv_ml.remote import as_path
from cltv_ml.settings.toml import parse_mapping, parse_params, parse_rules, read_toml, write_toml

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
}


#: An amount that Python does not read as a number, such as 8,50 or 8 EUR; 2025.csv is a file.
_WRITTEN_AMOUNT = re.compile(
    r"([A-Za-z]{3}|[^\w\s./\\])?\s*-?\d[\d.,']*(\s*[^\w\s./\\]|\s?[A-Za-z]{3}(?<!\..{3}))?"
)


#: Settings that name a file to write.
_WRITTEN = ("out", "save_mapping", "quarantine", "html")


def _as_text(value: Any) -> Any:
    """Return a day or a number of days as text: TOML has dates and numbers of its own, pandas has timestamps."""
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_place(value: Any) -> Any:
    """Return a path as text, next to which the URL of a database may stand."""
    return str(value) if isinstance(value, Path) else value


def _as_horizons(value: Any) -> Any:
    """Return several horizons as one text, separated by commas."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else _as_text(value)


def _table_reader(parse: Callable[[Any], Any]) -> BeforeValidator:
    """Return a function that turns the text of a flag into a table; a table stays as it is."""
    return BeforeValidator(
        lambda value: parse(value) if isinstance(value, str | Path | list | tuple) else value
    )


def _as_list(value: Any) -> Any:
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, list | tuple) or not all(
        isinstance(entry, str | dt.date) for entry in entries
    ):
        return value
    return [name.strip() for entry in entries for name in str(entry).split(",") if name.strip()]


def _as_pandas(value: Any) -> Any:
    """Return the path of a table, or the table as a pandas frame."""
    if isinstance(value, str) and not value:
        raise InputError("the path of a table is empty; give the file's path, or leave the option out.")
    if value is None or isinstance(value, str | Path):
        return as_path(value) if isinstance(value, str) else value
    from cltv_ml.engine import as_tabular  # DuckDB and Arrow load only where a table is handed over

    table = as_tabular(value)
    return table.to_pandas() if hasattr(table, "to_pandas") else table


def _as_price(value: Any) -> Any:
    """Return one figure as a number, and anything else as a table."""
    if isinstance(value, bool) or value is None:
        raise InputError(f"acquisition_cost must be a number or a table, got {value!r}.")
    try:
        return float(value)
    except (TypeError, ValueError):
        if isinstance(value, str) and _WRITTEN_AMOUNT.fullmatch(value.strip()):
            raise InputError(
                f"acquisition_cost must be a number such as 8.5, or a table, got {value!r}; write it with a decimal "
                "point, without a currency."
            ) from None
        return _as_pandas(value)


def _models(value: Any) -> Any:
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return ",".join(value)
    if not isinstance(value, str | Mapping):
        raise InputError(f"models must be names separated by commas, or a mapping in Python, got {value!r}.")
    return value


#: A first day, such as 2026-01-01; the days of a period, such as 13w.
Day = Annotated[str, BeforeValidator(_as_text)]
Days = Annotated[str, BeforeValidator(_as_text)]
#: A currency as its code where it has one: € is EUR.
Currency = Annotated[str, AfterValidator(coded)]
#: One horizon, or several separated by commas, in Python and in files also a list.
HorizonsText = Annotated[str, BeforeValidator(_as_horizons)]
#: A file or folder, or else what a command writes to instead: the URL of a database, or - for the terminal.
Place = Annotated[str, BeforeValidator(_as_place)]
File = Annotated[Path, Strict(False), AfterValidator(as_path)]
#: A table: the path of its file, in Python also the table itself, of any library.
TableInput = Annotated[Any, BeforeValidator(_as_pandas)]
#: The path of a TOML file, in Python also a mapping of what it holds.
Toml = Annotated[Any, BeforeValidator(lambda value: as_path(value) if isinstance(value, str) else value)]
#: One figure, or a table of figures.
Price = Annotated[Any, BeforeValidator(_as_price)]
#: A flag that is repeated: in a file a list, or one text.
Repeated = Annotated[
    list[str], Strict(False), BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]
#: The same, and one text may hold several names, separated by commas.
Names = Annotated[list[str], Strict(False), BeforeValidator(_as_list)]
ColumnMapping = Annotated[dict[str, str], Strict(False), _table_reader(parse_mapping)]
CleaningRules = Annotated[dict[str, Any], Strict(False), _table_reader(parse_rules)]
#: Names of models, separated by commas; in Python also a mapping of names of the caller's to models.
Models = Annotated[Any, BeforeValidator(_models)]
ModelParams = Annotated[dict[str, dict[str, Any]], Strict(False), BeforeValidator(parse_params)]

_PARSERS: dict[Any, Callable[[Any], Any]] = {
    "mapping": parse_mapping,
    "rules": parse_rules,
    "params": parse_params,
}


def setting(default: Any, description: str, *, flag: str = "", default_text: str = "", **more: Any) -> Any:
    """Return a field: its default, its help, its flag where that is not its name, and its default in words."""
    extra: Any = {"flag": flag, "default_text": default_text}
    return Field(default, description=description, json_schema_extra=extra, **more)


class Settings(BaseModel):
    """The settings of one command; its fields give the flags, the names in `--config`, help, and Python's keywords.

    To add an option to a command, add a field to its class in `commands`: `cli.options` makes the flag of it.
    A name that starts with a figure's or file's position on the command line is marked `flag="argument"`.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
        defer_build=True,
    )

    #: Settings that decide something only when another has a value: name -> (other's name, value).
    only_with: ClassVar[dict[str, tuple[str, Any]]] = {}

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise InputError(_first_error(error, type(self))) from None

    @model_validator(mode="after")
    def _check_companions(self) -> Self:
        for name, (other, value) in self.only_with.items():
            if name in self.model_fields_set and getattr(self, other) != value:
                raise InputError(
                    f"{name} has no effect unless {other} is {value}; add {flag_of(type(self), other)} "
                    f"{value}."
                )
        return self

    @model_validator(mode="after")
    def _check_written(self) -> Self:
        """Raise InputError where a file that a command reads would be replaced by one that it writes."""
        for written in set(_WRITTEN) & set(type(self).model_fields):
            place = str(getattr(self, written) or "")
            for name, path in self._read_files().items():
                if os.path.isfile(place) and os.path.samefile(place, path):
                    raise InputError(
                        f"{flag_of(type(self), written)} {place} would replace {path}, which "
                        f"{flag_of(type(self), name)} reads; choose another name."
                    )
        return self

    def _read_files(self) -> dict[str, str]:
        """Return the files that settings name as input; an earlier result may be that of --out itself."""
        named = {
            name: str(getattr(self, name))
            for name, field in type(self).model_fields.items()
            if field.annotation is not str
            and name not in (*_WRITTEN, "before")
            and isinstance(getattr(self, name), str | Path)
        }
        return {name: path for name, path in named.items() if os.path.isfile(path)}

    @classmethod
    def read(cls, path: Path | None = None, **flags: Any) -> Self:
        """Return the settings of a TOML file with the flags over them; a flag that is None was not given.

        A file may serve several commands: settings of other commands are left out. Of tables such as
        `[mapping]` a flag replaces the entries that it names.

        Raises
        ------
        InputError
            The file is missing or no TOML, or a setting is unknown or of another type; the message names it.
        """
        from_flags = {name: value for name, value in flags.items() if value is not None}
        if path is None:
            return cls(**from_flags)
        content = _own(cls, read_toml(path), path.name)
        for name, value in from_flags.items():
            if name in _PARSERS and name in content:
                value = {**_parsed(name, content[name]), **_parsed(name, value)}
            content[name] = value
        return cls(**cls._without_lone(content, from_flags))

    @classmethod
    def _without_lone(cls, content: dict[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings meant for several commands without those that decide nothing here, but for the given."""
        lone = {
            name
            for name, (other, value) in cls.only_with.items()
            if name not in named
            and content.get(other, cls.model_fields[other].default) != value
            and (other in named or _decides_elsewhere(name))
        }
        return {name: value for name, value in content.items() if name not in lone}

    @classmethod
    def of(cls, settings: Settings | None, options: Mapping[str, Any]) -> Self:
        """Return settings that a pipeline was called with, keyword arguments over those of another command too.

        From then on no file of these settings is replaced, until the pipeline ends.
        """
        base = (
            {} if settings is None else {name: getattr(settings, name) for name in settings.model_fields_set}
        )
        own = {name: value for name, value in base.items() if name in cls.model_fields} | dict(options)
        from cltv_ml.files import protect  # late: the command line shows its help without pandas

        merged = cls(**cls._without_lone(own, options))
        protect(merged._read_files().values())
        return merged

    def toml(self, **changes: Any) -> str:
        """Return the settings as TOML that `read` reads back; `changes` stand in place of their values."""
        values = {name: getattr(self, name) for name in type(self).model_fields} | changes
        for name, (other, value) in self.only_with.items():
            if values[other] != value:
                del values[name]
        return write_toml({name: value for name, value in values.items() if not hasattr(value, "columns")})


def flag_of(settings: type[Settings], name: str) -> str:
    """Return the flag of a setting, such as `--margin-rate`."""
    flag = extra_of(settings.model_fields[name]).get("flag", "")
    return flag if flag.startswith("--") else "--" + name.replace("_", "-")


def extra_of(field: FieldInfo) -> dict[str, Any]:
    """Return the notes of `setting` on a field, next to pydantic's own."""
    extra = field.json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}


def _decides_elsewhere(name: str) -> bool:
    """Return whether a setting decides something in a command without another setting."""
    return any(name in one.model_fields and name not in one.only_with for one in _family(Settings))


def _own(settings: type[Settings], content: dict[str, Any], where: str) -> dict[str, Any]:
    """Return a file's settings of one command by field; InputError for a name that no command has."""
    own = _field_names(settings)
    names = {name for other in _family(Settings) for name in _field_names(other)}
    chosen = {}
    for key, value in content.items():
        name = key.replace("-", "_")
        if name not in names:
            raise InputError(f"{where}: unknown setting {key!r}{among(name, set(own.values()))}")
        if name in own:
            chosen[own[name]] = value
    return chosen


def _field_names(settings: type[Settings]) -> dict[str, str]:
    """Return the field of each name that a file may give: the field's and its flag's."""
    fields = settings.model_fields
    return {flag_of(settings, name)[2:].replace("-", "_"): name for name in fields} | {
        name: name for name in fields
    }


def _family(settings: type[Settings]) -> list[type[Settings]]:
    return [one for child in settings.__subclasses__() for one in (child, *_family(child))]


def _parsed(name: str, value: Any) -> dict[str, Any]:
    return dict(value if isinstance(value, Mapping) else _PARSERS[name](value))


def _first_error(error: ValidationError, settings: type[Settings]) -> str:
    """Return the first error in words: the setting, what is allowed and the value seen."""
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    kind, value = first["type"], first["input"]
    if kind == "value_error":
        return str(first["ctx"]["error"])
    if kind == "extra_forbidden":
        return f"unknown setting {name!r}{among(name, settings.model_fields)}"
    if kind == "missing":
        return f"{name} is missing; give it with {flag_of(settings, name)}."
    if kind == "literal_error":
        return f"{name} must be {first['ctx']['expected']}".replace("'", "") + f", got {value!r}."
    if kind == "greater_than_equal":
        return f"{name} must be {first['ctx']['ge']:g} or more, got {value!r}."
    if kind == "less_than":
        return f"{name} must be less than {first['ctx']['lt']:g}, got {value!r}; {as_share(value)}."
    if kind in _EXPECTED:
        return f"{name} must be {_EXPECTED[kind]}, got {value!r}."
    return f"{name}: {first['msg'][0].lower()}{first['msg'][1:]}, got {value!r}."
