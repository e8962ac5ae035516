"""Covariates that the seasonal Pareto/NBD follows: campaigns and prices from a table, and movable holidays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.models import ParetoNBDCalendar, ProbabilisticValue, ValueModel
from cltv_ml.models.calendar_path import periods
from cltv_ml.pipelines.inputs import read_table

#: The model that follows paths.
CALENDAR = "pareto_nbd_calendar_gamma_gamma"

#: Columns that are the numbers of rows.
_ROW_NUMBERS = ("row", "index", "level_0")

#: Days before a holiday, itself included, in which customers may buy more or less because of it.
HOLIDAY_DAYS = 14

#: Log size expected of what a path does between its lowest and its highest value.
PATH_PRIOR = 1.0


def read_plan(source: Path | pd.DataFrame) -> pd.DataFrame:
    """Return a table of campaigns and prices; raise InputError if there is no such file or it has no dates."""
    return read_table(
        source, ["date"], "a table with date and a column per campaign or price", key=""
    ).reset_index()


def with_paths(
    models: Sequence[ValueModel], covariates: pd.DataFrame | None, holidays: pd.DataFrame | None
) -> list[ValueModel]:
    """Return the models; those with a season follow the columns of both tables.

    Parameters
    ----------
    covariates
        A column `date` and one per path, each value from its date to the next one.
    holidays
        `holiday` and `date` of holidays that move.

    Raises
    ------
    InputError
        A table cannot be paths, or there are covariates and no model that follows them.
    """
    paths = {**paths_of(covariates), **_of_holidays(holidays)}
    followers = _followers(models)
    if covariates is not None and not followers:
        raise InputError(
            f"covariates: none of the models {[model.name for model in models]} uses them; add {CALENDAR} to "
            "the models."
        )
    for model in followers if paths else ():
        model.set_params(purchases__paths=paths, purchases__path_prior=PATH_PRIOR)
    return list(models)


def check_paths(models: Sequence[ValueModel], first: pd.Timestamp, end: pd.Timestamp) -> None:
    """Raise InputError if a covariate that a model follows starts after the log does or ends before the forecast."""
    days = [(moment.normalize() - pd.Timestamp(0)) / pd.Timedelta(days=1) for moment in (first, end)]
    for model in _followers(models):
        periods(days[0], days[1], months=False, paths=model.get_params()["purchases__paths"] or {})


def effect_notes(models: Sequence[ValueModel]) -> list[str]:
    """Return a sentence on the fitted effect of each covariate, with a 95% interval."""
    notes = []
    for model in _followers(models):
        fitted = model.purchases_
        errors = getattr(fitted, "standard_errors_", {})
        for name, path in (fitted.paths or {}).items():
            low, high = min(path.values()), max(path.values())
            effect, error = fitted.params_[f"purchase:{name}"], errors.get(f"purchase:{name}", np.nan)
            ends = np.exp((effect + np.array([-1.96, 0.0, 1.96]) * error) * (high - low))
            ends[1] = np.exp(effect * (high - low))
            interval = f"95%: {ends[0]:.2f} to {ends[2]:.2f}" if np.isfinite(ends).all() else "not determined"
            notes.append(
                f"According to the Pareto/NBD with a season, customers buy {ends[1]:.2f} times as often "
                f"where {name} is {high:g} as where it is {low:g} ({interval})."
            )
    return notes


def _followers(models: Sequence[ValueModel]) -> list[ProbabilisticValue]:
    """Return the models that follow covariates."""
    return [
        model
        for model in models
        if isinstance(model, ProbabilisticValue) and isinstance(model.purchases, ParetoNBDCalendar)
    ]


def paths_of(table: pd.DataFrame | None) -> dict[str, dict[str, float]]:
    """Return each covariate's value per date, by column; raise InputError if the table does not have that form."""
    if table is None:
        return {}
    names = [str(name) for name in table if name not in ("date", *_ROW_NUMBERS)]
    if "date" not in table or not names:
        raise InputError(
            "covariates need a column date and at least one column for a campaign or price, found "
            f"{[name for name in table if name not in _ROW_NUMBERS]}; each value is valid from its date to the "
            "next."
        )
    dates = _dates(table["date"], "covariates")
    if dates.duplicated().any():
        raise InputError(
            f"covariates: {dates[dates.duplicated()].iloc[0]:%Y-%m-%d} appears in several rows; give each "
            "date one row."
        )
    days = [f"{day:%Y-%m-%d}" for day in dates]
    return {name: dict(zip(days, _numbers(table[name], name), strict=True)) for name in names}


def _numbers(column: pd.Series, name: str) -> list[float]:
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        raise InputError(
            f"covariates: {name} must be a number on every date, found {str(column[wrong].iloc[0])!r} in "
            f"{int(wrong.sum())} rows; write 0 on dates without a campaign."
        )
    return [float(number) for number in numbers]


def _of_holidays(table: pd.DataFrame | None) -> dict[str, dict[str, float]]:
    """Return a covariate per holiday: 1 on the days before it, else 0."""
    if table is None:
        return {}
    paths = {}
    for name, own in _dates(table["date"], "holidays").groupby(table["holiday"]):
        path: dict[str, float] = {}
        first = own.min() - pd.Timedelta(days=400)
        for day in own.sort_values():
            path[f"{day - pd.Timedelta(days=HOLIDAY_DAYS - 1):%Y-%m-%d}"] = 1.0
            path[f"{day + pd.Timedelta(days=1):%Y-%m-%d}"] = 0.0
        paths[f"holiday {name}"] = {f"{first:%Y-%m-%d}": 0.0, **path}
    return paths


def _dates(column: pd.Series, subject: str) -> pd.Series:
    dates = pd.to_datetime(column, errors="coerce", format="ISO8601")
    if dates.isna().any():
        raise InputError(
            f"{subject}: {str(column[dates.isna()].iloc[0])!r} is not a date; write it as 2024-03-31."
        )
    return dates.dt.normalize()
