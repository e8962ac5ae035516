"""The models that compete in every training, the simpler ones first."""

from __future__ import annotations

from collections.abc import Sequence

from cltv_ml.models.base import ValueModel
from cltv_ml.models.bg_nbd import BGNBD
from cltv_ml.models.hurdle import Hurdle
from cltv_ml.models.hybrid import Hybrid
from cltv_ml.models.pareto_nbd import ParetoNBD
from cltv_ml.models.probabilistic import ProbabilisticValue
from cltv_ml.models.same_rate import SameRate
from cltv_ml.models.tweedie import Tweedie


def competitors(horizon: int, features: Sequence[str]) -> list[ValueModel]:
    """Return the default models for a horizon in days; the trees learn from the named features.

    >>> [model.name for model in competitors(91, ["days_since_last"])]
    ['same_rate', 'bg_nbd_gamma_gamma', 'pareto_nbd_gamma_gamma', 'tweedie', 'hurdle', 'hybrid']
    """
    return [
        SameRate(horizon),
        ProbabilisticValue(BGNBD(), horizon=horizon),
        ProbabilisticValue(ParetoNBD(), horizon=horizon),
        Tweedie(horizon, features=list(features)),
        Hurdle(horizon, features=list(features)),
        Hybrid(horizon, features=list(features)),
    ]
