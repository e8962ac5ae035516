"""Options of a command, generated from its typed description in `cltv_ml.settings`.

To add an option to a command, add a field to its class there; neither this file nor the command changes.
"""

from __future__ import annotations

import glob
import inspect
import logging
import os
import types
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from cltv_ml.errors import InputError
from cltv_ml.settings import Settings, Source
from cltv_ml.settings.base import extra_of, flag_of
from cltv_ml.settings.parts import CHAMPIONS
from cltv_ml.tracking.local_registry import champion_currency

logger = logging.getLogger("cltv_ml")

_CONFIG = typer.Option(
    help="TOML file with settings named like these options; options on the command line win.",
    envvar="CLTV_CONFIG",
    show_envvar=False,
)


S = TypeVar("S", bound=Settings)


def command(
    register: Callable[..., Any], settings: type[S], name: str | None = None
) -> Callable[[Callable[[S], None]], Callable[[S], None]]:
    """Return a decorator that registers a function of settings as a command, with its options and --config.

    `register` is `app.command`, or `app.callback` of a group that does something itself.
    """

    def decorate(run: Callable[[S], None]) -> Callable[[S], None]:
        """Register a function of settings as a command."""

        def call(context: typer.Context, config: Path | None, **values: Any) -> None:
            """Read the settings from the file and the flags, and run the command with them."""
            if context.invoked_subcommand is None:
                _warn_of_variables(os.environ)
                _take_source(context, values)
                _take_variables(settings, values)
                flags = {field: value for field, value in values.items() if value not in (None, [], ())}
                read = settings.read(config, **flags)
                if isinstance(read, Source) and read.needs_data:
                    read.check_given()
                run(_with_currency(read))

        parameters = [
            *(_parameter(settings, field) for field in settings.model_fields),
            *([_SOURCE] if _takes_source(settings, register) else []),
            _keyword("config", Annotated[Path | None, _CONFIG]),
            inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
        ]
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {one.name: one.annotation for one in parameters}
        call.__doc__, call.__name__ = run.__doc__, run.__name__
        register(*([name] if name else []))(call)
        return run

    return decorate


def _takes_source(settings: type[Settings], register: Callable[..., Any]) -> bool:
    """Whether the data may follow a command's name; not where another word may, such as a subcommand."""
    arguments = (extra_of(field)["flag"] == "argument" for field in settings.model_fields.values())
    return "data" in settings.model_fields and register.__name__ == "command" and not any(arguments)


def _take_source(context: typer.Context, values: dict[str, Any]) -> None:
    """Move the data that follow a command's name to where `--data` is."""
    sources = values.pop("source", None) or []
    given = context.get_parameter_source("data")  # compared by name, because Typer may use a click of its own
    if sources and values["data"] and given is not None and given.name == "COMMANDLINE":
        raise InputError(
            f"the data are given twice, as {sources[0]!r} and as --data {values['data']!r}; give them once."
        )
    if len(sources) > 1:
        raise InputError(
            f"{len(sources)} files are given, such as {sources[0]!r} and {sources[1]!r}; to read several as one log, "
            "give their folder, or a pattern in quotes such as 'orders_*.csv'."
        )
    if sources:
        values["data"] = sources[0]


def _take_variables(settings: type[Settings], values: dict[str, Any]) -> None:
    """Read variables of repeatable options, one entry per line: Typer would split one at every blank."""
    for name, field in settings.model_fields.items():
        repeatable = _flag_type(field.annotation) == list[str] and extra_of(field)["flag"] != "argument"
        if repeatable and not values[name] and (text := os.environ.get(_variable_of(settings, name))):
            values[name] = text.splitlines()


def _warn_of_variables(environment: Iterable[str]) -> None:
    """Warn of variables that no command reads and whose name is nearly that of an option."""
    every = {_variable_of(one, field) for one in _all_settings(Settings) for field in one.model_fields}
    every.add("CLTV_CONFIG")
    for name in sorted(set(environment) - every):
        similar = get_close_matches(name, every, n=1, cutoff=0.85) if name.startswith("CLTV_") else []
        if similar:
            logger.warning("The variable %s sets no option; did you mean %s?", name, similar[0])


def _variable_of(settings: type[Settings], name: str) -> str:
    """Return the variable that sets an option, such as `CLTV_MARGIN_RATE` for `--margin-rate`."""
    return f"CLTV_{flag_of(settings, name)[2:].replace('-', '_').upper()}"


def _all_settings(kind: type[Settings]) -> Iterator[type[Settings]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _all_settings(below)


def _with_currency(settings: S) -> S:
    """Return settings of a command that shows the champion's values in the currency that its training stated."""
    field = type(settings).model_fields.get("currency")
    if field is None or extra_of(field)["default_text"] != CHAMPIONS or getattr(settings, "currency", ""):
        return settings
    stated = champion_currency()
    return settings.model_copy(update={"currency": stated}) if stated else settings


def _parameter(settings: type[Settings], name: str) -> inspect.Parameter:
    field = settings.model_fields[name]
    kind, flag = _flag_type(field.annotation), flag_of(settings, name)
    words = f"{field.description} {_default_text(field)}".strip()
    if extra_of(field)["flag"] == "argument":
        argument = typer.Argument(help=words, autocompletion=_COMPLETED.get(f"{settings.__name__}.{name}"))
        return _keyword(name, Annotated[kind | None, argument])
    flags = f"{flag}/--no-{flag[2:]}" if kind is bool else flag
    choices = "|".join(get_args(field.annotation)) if get_origin(field.annotation) is Literal else None
    option = typer.Option(
        flags,
        help=words,
        metavar=choices,
        envvar=None if kind == list[str] else _variable_of(settings, name),
        show_envvar=False,
        autocompletion=_COMPLETED.get(name),
    )
    return _keyword(name, Annotated[kind | None, option])


def _model_names(begun: str) -> list[str]:
    from cltv_ml.models import ALL

    return _list_of(sorted(ALL), begun)


def complete_feature(begun: str) -> list[str]:
    """Return the names of features, or lists of names, that begin with these letters."""
    from cltv_ml.features import CATALOGUE

    return _list_of(sorted(CATALOGUE), begun)


def _figure_names(begun: str) -> list[str]:
    from cltv_ml.reporting.plots import CATALOGUE

    return [name for name in CATALOGUE if name.startswith(begun)]


def _metric_names(begun: str) -> list[str]:
    from cltv_ml.evaluation.metrics import METRICS

    return _list_of(sorted(METRICS), begun)


def _export_formats(begun: str) -> list[str]:
    from cltv_ml.actions.exports import FORMATS

    return _list_of(sorted(FORMATS), begun)


def complete_dataset(begun: str) -> list[str]:
    """Return the names of data sets that begin with these letters."""
    from cltv_ml.data import DATASETS

    return [name for name in DATASETS if name.startswith(begun)]


def _data_names(begun: str) -> list[str]:
    return sorted([*complete_dataset(begun), *glob.glob(f"{glob.escape(begun)}*")])


def _list_of(names: list[str], begun: str) -> list[str]:
    """Return the completions of a list of names separated by commas.

    >>> _list_of(["tweedie", "two_part", "ziln"], "ziln,tw")
    ['ziln,tweedie', 'ziln,two_part']
    """
    before, comma, last = begun.rpartition(",")
    return [f"{before}{comma}{name}" for name in names if name.startswith(last)]


#: Completions of the shell by the name of an option's field, or of an argument's class and field.
_COMPLETED: dict[str, Callable[[str], list[str]]] = {
    "data": _data_names,
    "feature": complete_feature,
    "metric": _metric_names,
    "model": _model_names,
    "models": _model_names,
    "names": complete_feature,
    "Export.formats": _export_formats,
    "Plot.name": _figure_names,
}


def _keyword(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


#: The data as the word that follows a command's name.
_SOURCE = _keyword(
    "source",
    Annotated[
        list[str] | None,
        typer.Argument(metavar="DATA", help="The same as --data.", autocompletion=_data_names),
    ],
)


def _flag_type(annotation: Any) -> Any:
    """Return the type of a flag: text for values that are parsed later, such as a table."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _flag_type(inner[0])
    if origin in (Union, types.UnionType):
        return _flag_type(next(one for one in inner if one is not types.NoneType))
    if origin is list or (origin is dict and get_origin(inner[1]) is not dict):
        return list[str]
    return annotation if annotation in (bool, int, float, Path) else str


def _default_text(field: FieldInfo) -> str:
    """Return the default's text in the help, empty if there is none."""
    if field.is_required():
        return "Required."
    text = extra_of(field)["default_text"] or field.default
    return "" if text is None or text is False or text in ("", [], {}) else f"Default: {text}."
