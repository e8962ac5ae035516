"""Extreme parameters against forty digits: integrals by mpmath.quad, hypergeometric functions by mpmath.hyp2f1."""

import numpy as np
import pytest

from cltv_ml.models import ParetoNBD, beta_geometric
from cltv_ml.models.purchase_history import build_rows

# (r, alpha, s, beta, x, t_x, T): log-likelihood, P(alive). With u over [t_x, T], mp.dps = 40:
# I = quad(s (alpha+u)^-(r+x) (beta+u)^-(s+1)), A = (alpha+T)^-(r+x) (beta+T)^-s,
# log-likelihood = loggamma(r+x) - loggamma(r) + r log(alpha) + s log(beta) + log(A + I), P(alive) = A / (A + I)
PARETO = {
    (0.55, 10.6, 0.6, 11.7, 2, 30.43, 38.86): (-9.548528134522345, 0.8704924022464027),
    (0.55, 10.6, 0.6, 11.7, 0, 0, 38.86): (-0.5204328226032505, 0.2997276752476942),
    (0.001, 0.01, 0.001, 0.01, 0, 0, 10000.0): (-0.013720080413899372, 0.9861853673562763),
    (50, 0.01, 0.01, 10000.0, 5000, 900, 1000): (3266.1291457415805, 5.169655032590249e-225),
    (3, 1000, 40, 0.001, 7, 1, 1000): (-312.60604919820923, 1.0268284314158626e-123),
    (0.5, 0.001, 0.5, 1000.0, 1, 0.001, 500): (-7.9474715645221625, 0.003265961876925121),
    (0.5, 1000.0, 0.5, 0.001, 1, 0.001, 500): (-7.9496512440392, 0.0010910316457484687),
    (200, 300, 0.7, 100000.0, 221, 103.42857, 103.57143): (-122.4804780895332, 0.9999989227256382),
    # CLVTools' own case of a P(alive) that overflowed
    (0.5143, 2.8845, 0.2856, 14.1087, 254, 97.14286, 97.28571): (-19.62329221751176, 0.9995582261230107),
    (0.8, 5, 300, 4000, 3, 10, 11): (-8.593509832848335, 0.9190799613238174),
    (2, 30, 0.02, 0.5, 60, 10, 3000): (-35.97474640117195, 2.282304591999446e-114),
}


@pytest.mark.parametrize("point", PARETO)
def test_pareto_nbd_integral_is_exact(point):
    *params, x, tx, T = point
    params = tuple(np.float64(param) for param in params)
    x, tx, T = (np.array([float(value)]) for value in (x, tx, T))
    nothing = np.zeros((1, 0))
    terms, _ = ParetoNBD()._terms(params, build_rows(x, tx, T, np.ones(1), nothing, nothing))
    log_likelihood, alive = PARETO[point]
    assert terms[0] == pytest.approx(log_likelihood, rel=1e-11, abs=1e-11)
    assert ParetoNBD()._p_alive(params, x, tx, T)[0] == pytest.approx(alive, rel=1e-9)


# (r, alpha, a, b, t): expected purchases (a + b - 1) / (a - 1) (1 - (1 - z)^r 2F1(r, b; a + b - 1; z)),
# z = t / (alpha + t), mp.dps = 60; at a = 1 and a + b = 1, where that is 0 / 0, a is 1e-25 larger
BETA_GEOMETRIC = {
    (0.2426, 4.4136, 0.7929, 2.4259, 39): 1.1950476815137786,
    (2.2, 43, 1, 4, 52): 1.984875981315239,
    (2.2, 43, 1.0001, 4, 52): 1.98483074826124,
    (0.24, 43, 0.3, 0.5, 39): 0.18600992562191213,
    (0.24, 43, 0.4, 0.6, 39): 0.18357976375963464,
    (5000, 900, 0.8, 4990, 300): 1480.2761333401765,
    (300, 1000, 2000, 18000, 100): 9.4972454833046995,
    (0.01, 0.001, 0.02, 0.05, 10000.0): 52901.500032218168,
    (30, 5, 12, 0.3, 1000.0): 1.0272727272727273,
    (1, 1, 0.05, 60, 100000.0): 71131.436724895673,
}


@pytest.mark.parametrize("point", BETA_GEOMETRIC)
def test_bg_nbd_expectation_is_exact(point):
    *params, t = point
    params = tuple(np.array([float(param)]) for param in params)
    assert beta_geometric.expected(params, t)[0] == pytest.approx(BETA_GEOMETRIC[point], rel=2e-8)
