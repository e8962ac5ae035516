"""Parameters that simulations were drawn with lie in the 95% intervals of the fits, about as often as that says."""

import numpy as np
import pytest

from cltv_ml.models import CATALOGUE, GammaGamma
from cltv_ml.models.purchases import PurchaseModel

DROPOUT = {"r": 0.8, "alpha": 6.0, "a": 0.9, "b": 2.5}
TRUE = {
    "BGNBD": DROPOUT,
    "MBGNBD": DROPOUT,
    "MBGCNBD": DROPOUT,
    "NBD": {"r": 0.8, "alpha": 6.0},
    "ParetoNBD": {"r": 0.8, "alpha": 6.0, "s": 0.9, "beta": 15.0},
    "ParetoNBDSarmanov": {"r": 1.5, "alpha": 6.0, "s": 1.2, "beta": 15.0, "w": 5.0},
    "BGBB": {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.8},
    "SBG": {"alpha": 0.7, "beta": 2.0},
    "BdW": {"gamma": 0.7, "delta": 2.0, "c": 1.3},
    "GammaGamma": {"p": 6.0, "q": 4.0, "v": 15.0},
}
OWN_FILE = {
    "GGompertzNBD",
    "ParetoNBDCalendar",
    "ParetoGGG",
    "ParetoNBDAbe",
}  # their tests hold the same for fewer customers


def inside(name, seed):
    """Return for each parameter whether the truth lies in the interval, which is one of its logarithm."""
    known = CATALOGUE[name]().with_params(TRUE[name])
    fitted = CATALOGUE[name]().fit(known.simulate(2_000, 3 if name == "GammaGamma" else 30, seed=seed))
    away = {one: np.log(fitted.params_[one] / true) * fitted.params_[one] for one, true in TRUE[name].items()}
    return [abs(away[one]) <= 1.96 * fitted.standard_errors_[one] for one in TRUE[name]]


def test_every_purchase_model_has_a_simulation_to_recover():
    assert {name for name, model in CATALOGUE.items() if issubclass(model, PurchaseModel)} | {
        GammaGamma.__name__
    } == {*TRUE, *OWN_FILE}


@pytest.mark.slow
def test_the_parameters_of_20_simulations_of_each_model_lie_in_their_intervals():
    found = {name: [held for seed in range(20) for held in inside(name, seed)] for name in TRUE}
    # parameters of one fit move together, so few fits say little of one model
    assert {name: np.mean(held) for name, held in found.items() if np.mean(held) < 0.85} == {}
    assert 0.90 <= np.mean(np.concatenate(list(found.values()))) <= 0.99
