"""No population makes a model fail: finite, non-negative answers or one clear error before the fit."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cltv_ml.models import BGNBD, CATALOGUE, GammaGamma, ParetoNBD, ProbabilisticValue
from cltv_ml.models.calendar_path import CUTOFF_DAY, MONTHS, at_purchases
from cltv_ml.models.purchases import PurchaseModel

CONTINUOUS = [
    model for model in CATALOGUE.values() if issubclass(model, PurchaseModel) and not model.discrete
]
VERDICTS = {"converged", "at_bound", "not_identified"}
log_size = st.floats(-4.0, 4.0)


def population(r, s, alpha, beta, *, scale, n, whole, seed):
    """Customers of a Pareto/NBD with any parameters, times in any unit."""
    rng = np.random.default_rng(seed)
    T = scale * rng.uniform(0.3, 1, n)
    if whole:
        T = np.maximum(np.rint(T), 1)
    rate = rng.gamma(np.exp(r), np.exp(-alpha) / scale, n)
    life = np.minimum(
        rng.exponential(1, n) / np.maximum(rng.gamma(np.exp(s), np.exp(-beta) / scale, n), 1e-300), T
    )
    x = np.minimum(rng.poisson(np.minimum(rate * life, 1e4)), 20_000).astype(float)
    recency = np.where(x > 0, life * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)
    spend = np.where(x > 0, np.exp(rng.normal(3, 1, n)), 0.0)
    months = {
        at_purchases(name): x * share for name, share in zip(MONTHS, rng.dirichlet(np.ones(12)), strict=True)
    }
    apart = [recency[row] * rng.dirichlet(np.ones(int(x[row]))) if x[row] else [] for row in range(n)]
    history = {"frequency": x, "recency": recency, "T": T, "monetary_value": spend}
    history["log_gaps"] = [np.log(np.maximum(gaps, 1e-290)).sum() for gaps in apart]
    return pd.DataFrame({**history, **months, CUTOFF_DAY: 15_000.0})


def assert_sensible(model, X):
    horizon = X["T"].max()
    fitted = model.fit(X)
    assert fitted.convergence_["verdict"] in VERDICTS
    assert np.isfinite(fitted.log_likelihood_)
    if (
        fitted.convergence_["verdict"] == "converged"
    ):  # on a ridge that is said to be one, the slope may be felt
        assert fitted.convergence_["gradient_norm"] < 1e-4
    for t in (horizon / 1000, horizon, 100 * horizon):
        expected = fitted.expected_purchases(X, t)
        assert np.isfinite(expected).all()
        assert (expected >= 0).all()
    for chance in (
        fitted.p_alive(X),
        fitted.p_alive(X, horizon),
        fitted.p_no_purchase(X, horizon),
        fitted.purchase_pmf(X, 2, horizon),
    ):
        assert ((chance >= 0) & (chance <= 1 + 1e-12)).all()
    assert np.isfinite(fitted.expected_new_customer_purchases(horizon))
    assert (fitted.sample(X.head(3), horizon, 5) >= 0).all()


def completed(X):
    """Return customers whose purchases are spread over months that add up to them, with gaps that fit recency."""
    names = [at_purchases(name) for name in MONTHS]
    known = X.reindex(columns=names).fillna(1.0)
    known[known.sum(axis=1) == 0] = 1.0
    shares = known.div(known.sum(axis=1), axis=0)
    even = X["frequency"] * np.log((X["recency"] / X["frequency"].clip(lower=1)).clip(lower=1e-290))
    gaps = even if "log_gaps" not in X else X["log_gaps"].fillna(even).clip(upper=even)
    return X.assign(log_gaps=gaps, **shares.mul(X["frequency"], axis=0), **{CUTOFF_DAY: 15_000.0})


def check_all(X):
    for model in CONTINUOUS:
        assert_sensible(model(), completed(X))


POPULATIONS = {
    "r": log_size,
    "s": log_size,
    "alpha": log_size,
    "beta": log_size,
    "scale": st.sampled_from([0.003, 1.0, 30.0, 700.0, 3e7]),
    "n": st.sampled_from([1, 2, 5, 30, 150]),
    "whole": st.booleans(),
    "seed": st.integers(0, 10_000),
}
QUIET = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.generate],
}


@settings(max_examples=4, **QUIET)
@given(**POPULATIONS)
def test_some_populations_are_survived(**population_of):
    check_all(population(**population_of))


@pytest.mark.slow
@settings(max_examples=320, **QUIET)
@given(**POPULATIONS)
def test_every_population_is_survived(**population_of):
    check_all(population(**population_of))


def typical(n=80, seed=1):
    return population(0, 0, 0, 0, scale=100.0, n=n, whole=True, seed=seed)


NAMED = {
    "every customer a one-time buyer": typical().assign(frequency=0.0, recency=0.0, monetary_value=0.0),
    "one customer": pd.DataFrame(
        {"frequency": [2.0], "recency": [30.0], "T": [40.0], "monetary_value": [9.0]}
    ),
    "frequency 5,000": typical().assign(
        frequency=5000.0, recency=lambda X: X["T"] * 0.99, monetary_value=9.0
    ),
    "one buyer of 5,000 among others": pd.concat(
        [
            typical(),
            pd.DataFrame({"frequency": [5e3], "recency": [50.0], "T": [99.0], "monetary_value": [9.0]}),
        ]
    ),
    "recency is T": typical().assign(recency=lambda X: np.where(X["frequency"] > 0, X["T"], 0)),
    "T of one day": typical()
    .assign(T=1.0, frequency=lambda X: X["frequency"].clip(upper=1))
    .assign(recency=lambda X: X["frequency"]),
    "some of age 0": pd.concat(
        [typical(), pd.DataFrame({"frequency": [0.0], "recency": [0.0], "T": [0.0], "monetary_value": [0.0]})]
    ),
    "nobody ever leaves": pd.DataFrame(
        {"frequency": np.arange(20.0, 60), "recency": 99.0, "T": 100.0, "monetary_value": 5.0}
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_hard_populations_are_survived(name):
    check_all(NAMED[name])


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(one, marks=[pytest.mark.slow] * (one.name == "pareto_nbd_abe"), id=one.name)
        for one in CONTINUOUS
    ],
)
def test_weekly_daily_and_monthly_units_give_the_same_answers(model):
    days = typical(400)
    expected = model().fit(days).expected_purchases(days, 91.3125)
    for unit, length in (("weeks", 7.0), ("months", 30.4375)):
        other = days.assign(recency=days["recency"] / length, T=days["T"] / length)
        answer = model(unit).fit(other).expected_purchases(other, 91.3125 / length)
        assert answer == pytest.approx(expected, rel=1e-5)


def test_dropout_that_is_not_identified_is_said_and_the_forecast_is_still_right():
    # everybody leaves with the same probability: a and b run away together, only their ratio is known
    same = BGNBD().with_params({"r": 2.0, "alpha": 10.0, "a": 3_000.0, "b": 27_000.0})
    X = same.simulate(1_500, 100.0, seed=3, horizon=100.0)
    fitted = BGNBD().fit(X)
    assert fitted.convergence_["verdict"] == "not_identified"
    assert "simpler model" in fitted.convergence_["advice"]
    assert fitted.expected_purchases(X, 100.0).sum() == pytest.approx(X["purchases"].sum(), rel=0.08)


def test_pareto_nbd_says_when_nobody_leaves():
    X = pd.DataFrame({"frequency": np.repeat([3.0, 5, 6, 9], 50), "T": 100.0})
    X["recency"] = np.tile([90.0, 97, 99, 100], 50)
    fitted = ParetoNBD().fit(X)
    assert fitted.convergence_["verdict"] in ("at_bound", "not_identified")
    assert fitted.expected_purchases(X, 100.0).sum() == pytest.approx(X["frequency"].sum(), rel=0.05)


def test_value_models_survive_free_purchases():
    X = typical(200)
    X.loc[X["frequency"] > 0, "monetary_value"] = np.where(
        np.arange((X["frequency"] > 0).sum()) % 5 == 0, 0.0, 20.0
    )
    table = ProbabilisticValue().fit(X).predict_table(X)
    assert np.isfinite(table.to_numpy()).all()
    assert (table.to_numpy() >= 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frequency": 0.5}, "frequency counts repeat purchases and must be a whole number, found 0.5"),
        ({"frequency": -1.0}, "'frequency' must not be negative"),
        ({"T": np.nan}, "'T' is missing for 1 customer"),
        ({"T": np.inf}, "'T' contains an infinite value"),
        ({"recency": 1e6}, "recency is the age at the last purchase and cannot exceed T"),
        ({"frequency": 0.0, "recency": 3.0}, "without a repeat purchase has recency 0"),
    ],
)
def test_impossible_customers_are_refused_before_the_fit(change, message):
    X = typical(20)
    for column, value in change.items():
        X.loc[4, column] = value
    with pytest.raises(ValueError, match=message):
        BGNBD().fit(X)


def test_an_empty_table_is_refused():
    for model in (BGNBD(), GammaGamma()):
        with pytest.raises(ValueError, match="empty"):
            model.fit(typical(1).iloc[:0])


@pytest.mark.parametrize("model", [BGNBD, ParetoNBD], ids=lambda model: model.name)
def test_heavy_buyers_whom_other_libraries_cannot_answer_for_are_answered(model):
    # purchases, weeks at the last and observed, reported as NaN to CLVTools (its thread 100)
    heavy = pd.DataFrame({"frequency": [221, 161, 204.0], "recency": [103.42857, 94.71429, 98.57143]})
    heavy["T"] = [103.57143, 98.0, 99.42857]
    last = dict(zip(model.param_names[2:], (0.6, 11.7), strict=True))
    known = model("weeks").with_params({"r": 0.55, "alpha": 10.6, **last})
    assert ((known.p_alive(heavy) > 0.3) & (known.p_alive(heavy) < 1)).all()
    assert known.p_alive(heavy).argsort().tolist() == [1, 2, 0]  # by the weeks of silence
    assert (known.expected_purchases(heavy, 52) < 221).all()
