"""The models that compete in every training, the simpler ones first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cltv_ml.models.base import ValueModel
from cltv_ml.models.bg_nbd import BGNBD
from cltv_ml.models.ensemble import Ensemble
from cltv_ml.models.hurdle import Hurdle
from cltv_ml.models.hybrid import Hybrid
from cltv_ml.models.pareto_nbd import ParetoNBD
from cltv_ml.models.probabilistic import ProbabilisticValue
from cltv_ml.models.same_rate import SameRate
from cltv_ml.models.tweedie import Tweedie


def competitors(horizon: int, features: Sequence[str]) -> list[ValueModel]:
    """Return the default models for a horizon in days; the trees learn from the named features.

    >>> [model.name for model in competitors(91, ["days_since_last"])]
    ['same_rate', 'bg_nbd_gamma_gamma', 'pareto_nbd_gamma_gamma', 'tweedie', 'hurdle', 'hybrid',
     'ensemble']
    """
    single: list[ValueModel] = [
        ProbabilisticValue(BGNBD(), horizon=horizon),
        ProbabilisticValue(ParetoNBD(), horizon=horizon),
        Tweedie(horizon, features=list(features)),
        Hurdle(horizon, features=list(features)),
        Hybrid(horizon, features=list(features)),
    ]
    return [SameRate(horizon), *single, Ensemble(horizon, members=single)]


def with_params(models: Sequence[ValueModel], params: Mapping[str, Mapping[str, Any]]) -> list[ValueModel]:
    """Return the models with the settings given for some of them by name, changed in place.

    Raises
    ------
    ValueError
        A model or a setting is unknown, or a value lies outside the model's search space.

    >>> tuned = with_params(competitors(91, []), {"tweedie": {"rounds": 80}})
    >>> {model.name: model for model in tuned}["tweedie"].rounds
    80
    """
    by_name = {model.name: model for model in models}
    for name, settings in params.items():
        if name not in by_name:
            raise ValueError(f"Unknown model {name!r}. Available: {sorted(by_name)}.")
        model = by_name[name]
        for setting, value in settings.items():
            if setting not in model.get_params(deep=False):
                known = sorted(model.get_params(deep=False))
                raise ValueError(f"model {name!r} has no setting {setting!r}. Available: {known}.")
            space = model.search_space.get(setting)
            if space is not None and not space.holds(value):
                raise ValueError(f"{name}: {setting} must be one of {space}, got {value!r}.")
        model.set_params(**settings)
    return list(models)
