"""A later plan of campaigns and prices for a fitted model that follows them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator

from cltv_ml.errors import InputError
from cltv_ml.models.calendar_path import table_of
from cltv_ml.models.pareto_nbd_calendar import ParetoNBDCalendar

Follower = TypeVar("Follower", bound=BaseEstimator)


def with_plan(model: Follower, plan: Mapping[str, Mapping[str, float]]) -> Follower:
    """Return a copy of a fitted model whose paths take the values of `plan` from its first date on; their effects stay.

    Parameters
    ----------
    plan
        For each path that the plan changes, a value from each date to the next. A path that it does not name keeps
        the values that it was fitted with.

    Raises
    ------
    InputError
        The model follows no path of that name, or dates are missing between its values and the plan's.
    """
    changed = copy.deepcopy(model)
    followers = [follower for follower in _calendars(changed) if follower.paths]
    followed = {name for follower in followers for name in follower.paths or {}}
    strange = sorted(set(plan) - followed)
    if strange:
        raise InputError(
            f"covariates: the model uses {sorted(followed) or 'no campaign or price'}, not {strange[0]!r}; name "
            "the columns as in the training, or train with the new one."
        )
    for follower in followers:
        follower.paths = {
            name: _continued(name, path, plan.get(name, {})) for name, path in (follower.paths or {}).items()
        }
    return changed


def _continued(name: str, path: Mapping[str, float], later: Mapping[str, float]) -> dict[str, float]:
    """Return a path up to the first date of a later one, followed by the later one."""
    if not later:
        return dict(path)
    (days, values), (ahead, planned) = table_of(name, path), table_of(name, later)
    longest = np.diff(days).max() if len(days) > 1 else np.timedelta64(1, "D")
    if days[-1] + longest < ahead[0]:
        raise InputError(
            f"covariates: {name} is known until {days[-1] + longest} from the training and from {ahead[0]} "
            "on from the plan; add its values in between."
        )
    before = days < ahead[0]
    dates, numbers = np.r_[days[before], ahead], np.r_[values[before], planned]
    return {str(date): float(number) for date, number in zip(dates, numbers, strict=True)}


def _calendars(model: Any) -> Iterator[ParetoNBDCalendar]:
    """Yield each Pareto/NBD with a season in a model, in its parts, and in its models of other horizons."""
    if isinstance(model, ParetoNBDCalendar):
        yield model
    elif isinstance(model, Mapping):
        for component in model.values():
            yield from _calendars(component)
    elif isinstance(model, list | tuple):
        for component in model:
            yield from _calendars(component)
    elif isinstance(model, BaseEstimator):
        yield from _calendars(vars(model))
