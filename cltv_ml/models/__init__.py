"""Models: one paper or one recipe per file."""

from cltv_ml.models.at_total import AtTotal, for_labels
from cltv_ml.models.base import ValueModel, by_name, read_by
from cltv_ml.models.bdw import BdW
from cltv_ml.models.bg_bb import BGBB
from cltv_ml.models.bg_nbd import BGNBD
from cltv_ml.models.calendar_plan import with_plan
from cltv_ml.models.competitors import (
    ALL,
    COSTLY,
    DEFAULT,
    WITH_ATTRIBUTES,
    competitors,
    names_of,
    with_params,
)
from cltv_ml.models.covariates import likelihood_ratio_test
from cltv_ml.models.ensemble import Ensemble
from cltv_ml.models.feature_files import FeatureFiles
from cltv_ml.models.gamma_gamma import GammaGamma
from cltv_ml.models.ggompertz_nbd import GGompertzNBD
from cltv_ml.models.horizons import Horizons
from cltv_ml.models.hurdle import Hurdle
from cltv_ml.models.hybrid import Hybrid
from cltv_ml.models.intervals import Intervals
from cltv_ml.models.level import Level, estimate_level
from cltv_ml.models.level_spread import Spread
from cltv_ml.models.mbg_cnbd import MBGCNBD
from cltv_ml.models.mbg_nbd import MBGNBD
from cltv_ml.models.nbd import NBD
from cltv_ml.models.pareto_ggg import ParetoGGG
from cltv_ml.models.pareto_nbd import ParetoNBD
from cltv_ml.models.pareto_nbd_abe import ParetoNBDAbe
from cltv_ml.models.pareto_nbd_calendar import ParetoNBDCalendar
from cltv_ml.models.pareto_nbd_sarmanov import ParetoNBDSarmanov
from cltv_ml.models.pooled_value import PooledValue
from cltv_ml.models.pooling import Pooled, fit_pooled
from cltv_ml.models.posterior import Posterior, sample_posterior
from cltv_ml.models.probabilistic import ProbabilisticValue
from cltv_ml.models.quantile import Quantile
from cltv_ml.models.regression import Regression
from cltv_ml.models.same_rate import SameRate
from cltv_ml.models.sbg import SBG
from cltv_ml.models.scaled import log_likelihood
from cltv_ml.models.total_interval import predict_total_interval
from cltv_ml.models.tweedie import Tweedie
from cltv_ml.models.value_curve import ValueCurve
from cltv_ml.models.with_covariates import WithCovariates
from cltv_ml.models.ziln import ZILN

#: Every model of this package by class name, for contract tests and for reading stored models.
CATALOGUE = {
    model.__name__: model
    for model in (
        SameRate,
        Tweedie,
        Hurdle,
        Hybrid,
        Ensemble,
        ZILN,
        Quantile,
        Regression,
        AtTotal,
        ProbabilisticValue,
        WithCovariates,
        PooledValue,
        BGNBD,
        ParetoNBD,
        ParetoNBDCalendar,
        GGompertzNBD,
        ParetoGGG,
        ParetoNBDSarmanov,
        ParetoNBDAbe,
        MBGNBD,
        NBD,
        SBG,
        BdW,
        BGBB,
        MBGCNBD,
        GammaGamma,
        Intervals,
        ValueCurve,
        Horizons,
    )
}

__all__ = [
    "ALL",
    "CATALOGUE",
    "COSTLY",
    "DEFAULT",
    "WITH_ATTRIBUTES",
    "FeatureFiles",
    "Level",
    "Pooled",
    "Posterior",
    "Spread",
    "ValueModel",
    "by_name",
    "competitors",
    "estimate_level",
    "fit_pooled",
    "for_labels",
    "likelihood_ratio_test",
    "log_likelihood",
    "names_of",
    "predict_total_interval",
    "read_by",
    "sample_posterior",
    "with_params",
    "with_plan",
    *CATALOGUE,
]
