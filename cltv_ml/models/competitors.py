"""Competing models of a training, the simpler ones first, and those compared by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cltv_ml.errors import InputError, among
from cltv_ml.models.base import ValueModel
from cltv_ml.models.bg_nbd import BGNBD
from cltv_ml.models.ensemble import EQUAL, Ensemble
from cltv_ml.models.gamma_gamma import GammaGamma
from cltv_ml.models.ggompertz_nbd import GGompertzNBD
from cltv_ml.models.hurdle import Hurdle
from cltv_ml.models.hybrid import Hybrid
from cltv_ml.models.mbg_nbd import MBGNBD
from cltv_ml.models.own import is_own, load_own, offered
from cltv_ml.models.pareto_ggg import ParetoGGG
from cltv_ml.models.pareto_nbd import ParetoNBD
from cltv_ml.models.pareto_nbd_abe import ParetoNBDAbe
from cltv_ml.models.pareto_nbd_calendar import ParetoNBDCalendar
from cltv_ml.models.pareto_nbd_sarmanov import ParetoNBDSarmanov
from cltv_ml.models.pooled_value import PooledValue
from cltv_ml.models.probabilistic import ProbabilisticValue
from cltv_ml.models.quantile import Quantile
from cltv_ml.models.same_rate import SameRate
from cltv_ml.models.tweedie import Tweedie
from cltv_ml.models.with_covariates import WithCovariates
from cltv_ml.models.ziln import ZILN

#: Every model that can be compared, the simpler ones first, and whether it is by default.
_COMPETES_BY_DEFAULT = {
    "same_rate": True,
    "bg_nbd_gamma_gamma": True,
    "mbg_nbd_gamma_gamma": False,
    "pareto_nbd_gamma_gamma": True,
    "pareto_nbd_calendar_gamma_gamma": False,
    "ggompertz_nbd_gamma_gamma": False,
    "pareto_ggg_gamma_gamma": False,
    "pareto_nbd_sarmanov_gamma_gamma": False,
    "pareto_nbd_abe_gamma_gamma": False,
    "pareto_nbd_correlated_spend": False,
    "bg_nbd_covariates": False,
    "pareto_nbd_covariates": False,
    "bg_nbd_pooled": False,
    "pareto_nbd_pooled": False,
    "tweedie": True,
    "hurdle": True,
    "ziln": False,
    "quantile": False,
    "hybrid": True,
    "mean": True,
    "ensemble": True,
}
ALL = tuple(_COMPETES_BY_DEFAULT)
DEFAULT = tuple(name for name, by_default in _COMPETES_BY_DEFAULT.items() if by_default)

#: Models that take longer to train than all others together, with the measured times.
COSTLY = {
    "pareto_ggg_gamma_gamma": "two minutes of CPU time for 700 customers",
}

#: Models that are also compared by default if customers have attributes.
WITH_ATTRIBUTES = ("bg_nbd_covariates", "pareto_nbd_covariates")


def competitors(
    horizon: int, features: Sequence[str], names: Sequence[str] = DEFAULT, *, text: Sequence[str] = ()
) -> list[ValueModel]:
    """Return the named models for a horizon in days, by default those of every training; trees learn from `features`,
    which are numbers, and from `text` as categories; the covariates of purchase models are the attributes among both.

    Whatever the order of the names, the simpler models come first, and the user's own last (`models.own`). The mean
    and the ensemble combine the default models named with them, or all default models where fewer than two are.

    Raises
    ------
    InputError
        A name is unknown, or none is given.

    >>> [model.name for model in competitors(91, ["days_since_last"])]
    ['same_rate', 'bg_nbd_gamma_gamma', 'pareto_nbd_gamma_gamma', 'tweedie', 'hurdle', 'hybrid', 'mean',
     'ensemble']
    >>> [model.name for model in competitors(91, ["days_since_last"], ["ziln", "same_rate"])]
    ['same_rate', 'ziln']
    """
    names = list(names)
    by_name = {model.name: model for model in _single(horizon, [*features, *text])}
    others = [name for name in names if name not in ALL]
    unknown = [name for name in others if not is_own(name)]
    if unknown or not names:
        raise _unknown_model((unknown or [""])[0])
    usual = [model for name, model in by_name.items() if name in DEFAULT and name != SameRate.name]
    members = [model for model in usual if model.name in names]
    blended = members if len(members) > 1 else usual
    for blend in (Ensemble(horizon, members=blended, weights=EQUAL), Ensemble(horizon, members=blended)):
        by_name[blend.name] = blend
    own = [load_own(name, horizon, features, text) for name in others]
    return [*(model for name, model in by_name.items() if name in names), *own]


def names_of(wanted: str, params: Mapping[str, Any]) -> list[str]:
    """Return the names in a comma-separated list; without one, the default models and those with settings.

    >>> names_of("tweedie, ziln", {})
    ['tweedie', 'ziln']
    """
    return [name.strip() for name in wanted.split(",") if name.strip()] or [*DEFAULT, *params]


def _unknown_model(name: str) -> InputError:
    known = among(name, {*ALL, *offered()}).removesuffix(".")
    return InputError(f"Unknown model {name!r}{known}, or one of your own, such as mine.py:MyModel.")


def _single(horizon: int, features: list[str]) -> list[ValueModel]:
    attributes = [name for name in features if name.startswith("attribute_")]
    return [
        SameRate(horizon),
        ProbabilisticValue(BGNBD(), horizon=horizon),
        ProbabilisticValue(MBGNBD(), horizon=horizon),
        ProbabilisticValue(ParetoNBD(), horizon=horizon),
        ProbabilisticValue(ParetoNBDCalendar(), horizon=horizon),
        ProbabilisticValue(GGompertzNBD(), horizon=horizon),
        ProbabilisticValue(ParetoGGG(), horizon=horizon),
        ProbabilisticValue(ParetoNBDSarmanov(), horizon=horizon),
        ProbabilisticValue(ParetoNBDAbe(), horizon=horizon),
        ProbabilisticValue(ParetoNBD(), GammaGamma(correlated=True), horizon=horizon).named(
            "pareto_nbd_correlated_spend"
        ),
        WithCovariates(horizon, purchases=BGNBD(), attributes=attributes),
        WithCovariates(horizon, purchases=ParetoNBD(), attributes=attributes),
        PooledValue(horizon, purchases=BGNBD(), attributes=attributes),
        PooledValue(horizon, purchases=ParetoNBD(), attributes=attributes),
        Tweedie(horizon, features=features),
        Hurdle(horizon, features=features),
        ZILN(horizon, features=features),
        Quantile(horizon, features=features),
        Hybrid(horizon, features=features),
    ]


def with_params(models: Sequence[ValueModel], params: Mapping[str, Mapping[str, Any]]) -> list[ValueModel]:
    """Return the models with the settings given for some of them by name, changed in place.

    Raises
    ------
    InputError
        A model is unknown or does not compete, a setting is unknown, or a value lies outside the model's search space.

    >>> tuned = with_params(competitors(91, []), {"tweedie": {"n_estimators": 80}})
    >>> {model.name: model for model in tuned}["tweedie"].n_estimators
    80
    """
    by_name = {model.name: model for model in models}
    for name, settings in params.items():
        if name not in by_name:
            if name not in ALL:
                raise _unknown_model(name)
            raise InputError(
                f"model {name!r} has settings but does not compete. Competing: {sorted(by_name)}."
            )
        model = by_name[name]
        for setting, value in settings.items():
            if setting not in model.get_params(deep=False):
                known = model.get_params(deep=False)
                raise InputError(f"model {name!r} has no setting {setting!r}{among(setting, known)}")
            space = model.search_space.get(setting)
            if space is not None and not space.holds(value):
                raise InputError(f"{name}: {setting} must be one of {space}, got {value!r}.")
        model.set_params(**settings)
    return list(models)
