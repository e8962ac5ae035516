"""Models that compete and the features they learn from, read from a pipeline's settings."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.informative import informative
from cltv_ml.features import FIRST_ORDER, available, default_features, is_text, text_features
from cltv_ml.log import Log
from cltv_ml.models import COSTLY, WITH_ATTRIBUTES, ValueModel, by_name, competitors, names_of, with_params
from cltv_ml.models.level_holidays import DAYS_APART, feasts
from cltv_ml.models.out_of_fold import is_ours
from cltv_ml.models.own import as_value_model
from cltv_ml.pipelines.calendar_inputs import CALENDAR, read_plan, with_paths
from cltv_ml.pipelines.inputs import read_table
from cltv_ml.settings import Competing
from cltv_ml.windows import Window, to_horizons

logger = logging.getLogger("cltv_ml")

_HOLIDAYS = "a table with the columns holiday and date, one row per holiday and year"


def named_models(settings: Competing, horizon: int, features: Sequence[str]) -> list[ValueModel]:
    """Return the models that compete, with their parameters; raise InputError for one that does not exist."""
    texts = [name for name in features if is_text(name)]
    numbers = [name for name in features if name not in texts]
    if isinstance(settings.models, Mapping):
        models = [
            as_value_model(model, str(name), horizon, numbers, texts)
            for name, model in settings.models.items()
        ]
    else:
        names = names_of(settings.models, settings.params)
        if not settings.models and any(name.startswith("attribute_") for name in features):
            names = [*names, *WITH_ATTRIBUTES]
        if not settings.models and settings.covariates is not None:
            names = [*names, CALENDAR]
        models = competitors(horizon, numbers, names, text=texts)
    return with_paths(with_params(by_name(models), settings.params), *_calendar_tables(settings))


def model_features(log: Log, window: Window, models: Sequence[ValueModel]) -> list[str]:
    """Return the features that a training learns from; with attributes of customers, also those of the first order.

    Of both, those that are not related to spend before the window are left out of a large log (`informative`), and all
    of them if none of the models learns from features.
    """
    history, about = offered_features(log)
    used = about and learn_from_features(models)
    return [*history, *(informative(log, window, history, about) if used else ())]


def learn_from_features(models: Sequence[ValueModel]) -> bool:
    """Whether one of the models, or of those that they combine, learns from more than the purchase history.

    Models of the user's own may read any column.
    """
    parts = [part for model in models for part in model.components() or [model]]
    return any(
        not is_ours(part) or not {"features", "attributes"}.isdisjoint(part.get_params(deep=False))
        for part in parts
    )


def offered_features(log: Log) -> tuple[list[str], list[str]]:
    """Return the features of purchases and contacts; with attributes, also theirs and those of first orders."""
    usual = default_features(log.known)
    if log.attributes is None:
        return usual, []
    attributes = [name for name in usual if name.startswith("attribute_")]
    first = [name for name in FIRST_ORDER if name in available(log.known)]
    history = [name for name in usual if name not in attributes]
    return history, [*attributes, *first, *text_features(log.known)]


def check_competing(settings: Competing) -> None:
    """Raise InputError for an impossible horizon, day, model or parameter before the data are read.

    Models that take far longer to train than the others are logged.
    """
    horizon = to_horizons(settings.horizon)[0]
    if settings.cutoff:
        Window(settings.cutoff, horizon)
    for model in named_models(settings, horizon, []):
        if model.name in COSTLY:
            logger.warning(
                "Models    %s takes far longer than the others to train: %s, and longer with more customers.",
                model.name,
                COSTLY[model.name],
            )


def _calendar_tables(settings: Competing) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Return the settings' tables of covariates and of holidays."""
    covariates, holidays = settings.covariates, settings.holidays
    if covariates is not None:
        covariates = read_plan(covariates)
    if holidays is not None:
        holidays = read_table(holidays, ["date"], _HOLIDAYS, key="holiday").reset_index()
    return covariates, holidays


def with_holidays(log: Log, settings: Competing) -> Log:
    """Return the log with the settings' holidays; the log itself if they name none."""
    return log if settings.holidays is None else replace(log, holidays=read_holidays(settings.holidays, log))


def read_holidays(source: Any, log: Log) -> pd.DataFrame:
    """Return `holiday` and `date` of a table of movable holidays; raise InputError if its dates cannot be those."""
    table = read_table(source, ["date"], _HOLIDAYS, key="holiday").reset_index()
    dates = pd.to_datetime(table["date"], errors="coerce", format="ISO8601")
    if dates.isna().any():
        wrong = table[dates.isna()].iloc[0]
        raise InputError(
            f"holidays: the date {str(wrong['date'])!r} of {wrong['holiday']} is not a date; write it as 2024-03-31."
        )
    if table.empty:
        raise InputError(f"holidays: the table has no rows; give {_HOLIDAYS}.")
    table = table.assign(date=dates.dt.normalize())[["holiday", "date"]].drop_duplicates()
    for name, own_dates in table.groupby("holiday")["date"]:
        _check_years(str(name), own_dates.sort_values(), log)
    return table


def _check_years(name: str, dates: pd.Series, log: Log) -> None:
    """Raise InputError unless a holiday comes once a year, and in two consecutive years around the log."""
    near = dates[dates.between(log.first - pd.Timedelta(days=400), log.last + pd.Timedelta(days=800))]
    firsts = [feast[0] for feast in feasts((near - log.first.normalize()).dt.days.tolist())]
    days = [f"{log.first.normalize() + pd.Timedelta(days=day):%Y-%m-%d}" for day in firsts]
    for (day, date), (later, next_date) in itertools.pairwise(zip(firsts, days, strict=True)):
        if not DAYS_APART[0] <= later - day <= DAYS_APART[1]:
            raise InputError(
                f"holidays: {name} has {date} and then {next_date}, which are not a year apart; correct the dates or "
                "add those between, leave out the earlier ones, or give two holidays two names."
            )
    if len(firsts) < 2:
        raise InputError(
            f"holidays: {name} needs dates in two consecutive years around the log ({log.first:%Y-%m-%d} "
            f"to {log.last:%Y-%m-%d}), got {', '.join(f'{day:%Y-%m-%d}' for day in dates)}."
        )
