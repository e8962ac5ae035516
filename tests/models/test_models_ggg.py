"""Pareto/GGG: the integrals, the gradient, the limit that is Pareto/NBD, and what a rhythm tells."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import betainc, betaln, gammaln

from cltv_ml.models import CATALOGUE, ParetoGGG, ParetoNBD, competitors, ggg_table, pareto_ggg
from cltv_ml.models.gaps import density_after, gap_series, log_gap, quiet
from cltv_ml.models.purchase_history import build_rows
from cltv_ml.models.state import from_state, to_state

TRUE = {"t": 6.0, "gamma": 2.0, "r": 1.2, "alpha": 6.0, "s": 0.7, "beta": 15.0}
#: x, age at the last purchase, age now, sum of the logarithms of the gaps
HISTORIES = [(0.0, 0.0, 1.3, 0.0), (3.0, 0.7, 1.0, -4.9), (20.0, 1.4, 1.5, -60.0)]


def one_row(x, tx, T, gaps):
    nothing = np.zeros((1, 0))
    return build_rows(np.array([x]), np.array([tx]), np.array([T]), np.ones(1), np.array([[gaps]]), nothing)


def reference(t, gamma, r, alpha, s, beta, x, tx, T, gaps):
    """The log-likelihood by the trapezoid rule on fine grids of the logarithms of k and of the gap that did not end."""
    log_k, log_v = np.linspace(-14, 6, 1_300), np.linspace(-20, np.log(T - tx), 800)
    k = np.exp(log_k)[:, None]
    a, b, v = r + k * x, alpha + k * tx, np.exp(log_v)
    gone = -np.expm1(-s * np.log1p(v / (beta + tx))) * np.exp(log_gap(k, a, b / k, v) + log_v)
    waits = np.trapezoid(gone, log_v) + quiet(k, a, b, T - tx)[:, 0]
    k, a, b = k[:, 0], a[:, 0], b[:, 0]
    logs = (
        t * np.log(gamma) - gammaln(t) + t * log_k - gamma * k + x * (k * log_k - gammaln(k)) + (k - 1) * gaps
    )
    logs += gammaln(a) - gammaln(r) + r * np.log(alpha) - a * np.log(b) + s * np.log(beta / (beta + tx))
    return np.log(np.trapezoid(np.exp(logs - logs.max()) * waits, log_k)) + logs.max()


def test_the_likelihood_is_that_of_a_slow_integral():
    for params in ((1.7, 0.4, 0.95, 0.1, 0.43, 0.1), (6.0, 2.0, 1.2, 0.5, 2.0, 1.0)):
        for history in HISTORIES:
            found = ParetoGGG()._terms(params, one_row(*history))[0][0]
            assert found == pytest.approx(reference(*params, *history), abs=2e-5)


def test_the_gradient_is_that_of_the_likelihood():
    params = np.array([1.7, 0.4, 0.95, 0.1, 0.43, 0.1])
    for history in HISTORIES:
        row = one_row(*history)
        found = [by[0] for by in ParetoGGG()._terms(tuple(params), row)[1]]
        for number, step in enumerate(np.diag(1e-5 * params)):
            ends = [ParetoGGG()._terms(tuple(params + side * step), row)[0][0] for side in (-1, 1)]
            assert found[number] == pytest.approx(
                (ends[1] - ends[0]) / (2 * step[number]), abs=2e-4, rel=1e-4
            )


def test_where_everybody_buys_at_random_it_is_pareto_nbd():
    plain = ParetoNBD().with_params({"r": 0.8, "alpha": 6.0, "s": 0.7, "beta": 15.0})
    random = ParetoGGG().with_params({"t": 5e3, "gamma": 5e3, **plain.params_})
    X = pd.DataFrame(
        {"frequency": [0.0, 2, 9], "recency": [0.0, 12, 28], "T": 30.0, "log_gaps": [0.0, 3.4, 6.0]}
    )
    assert random.p_alive(X) == pytest.approx(plain.p_alive(X), rel=1e-3)
    assert random.expected_purchases(X, 20) == pytest.approx(plain.expected_purchases(X, 20), rel=2e-3)


def test_the_same_silence_tells_more_of_a_regular_customer():
    X = pd.DataFrame(
        {"frequency": 6.0, "recency": 18.0, "T": 30.0, "log_gaps": [6 * np.log(3), 6 * np.log(3) - 8]}
    )
    regular, random = ParetoGGG().with_params(TRUE).p_alive(X)
    assert regular < random / 3


def test_p_alive_after_a_long_silence_is_that_of_a_finer_integral(monkeypatch):
    # 20 points of k, as there once were, are off by .27% here
    params = {"t": 1.7, "gamma": 0.37, "r": 0.95, "alpha": 37.0, "s": 0.43, "beta": 30.0}
    X = pd.DataFrame({"frequency": [3.0], "recency": [9.6183], "T": [282.0], "log_gaps": [3.3944]})
    model = ParetoGGG().with_params(params)
    found = model.p_alive(X)
    nodes, weights = np.polynomial.legendre.leggauss(80)
    monkeypatch.setattr(pareto_ggg, "_RHYTHMS", ((nodes + 1) / 2, weights / 2))
    assert found == pytest.approx(model.p_alive(X), rel=1e-3)


def test_the_integral_of_later_purchases_is_left_out_only_where_it_adds_nothing():
    k, a, w = (one.ravel() for one in np.meshgrid([0.1, 1.0, 8.0], [0.6, 20.0], np.geomspace(1e-6, 1e4, 80)))
    b, logs = 30.0 + 0 * k, [betaln(j * k, a) for j in range(1, 13)]
    u = k * w / b
    share = np.log(u) - np.log1p(u)
    first = np.log(b / (a * w)) - a * np.log1p(u)
    slow = sum(np.exp(first + j * k * share - one) for j, one in enumerate(logs, start=1))
    slow = slow + betainc(12.5 * k - 0.5, a + 1, np.exp(share))
    assert density_after(k, a, b, w, gap_series(k, a, 12)) == pytest.approx(slow, rel=1e-11)


def test_expected_purchases_rise_with_the_horizon():
    model = ParetoGGG().with_params(TRUE)
    X = model.simulate(12, 30.0, seed=1)
    rising = np.array([model.expected_purchases(X, t) for t in (0, 0.1, 5, 100, 1e6)])
    assert (np.diff(rising, axis=0) >= 0).all()
    assert np.isfinite(rising).all()


def test_expected_purchases_of_regular_customers_never_fall_from_a_horizon_to_a_longer_one():
    # points of the integral once moved with the horizon: 9.50 purchases in 778 weeks, 9.09 in 1,104
    regular = {"t": 8.063, "gamma": 0.475, "r": 1.029, "alpha": 5.014, "s": 3.609, "beta": 103.6}
    X = pd.DataFrame(
        {"frequency": [11.0, 1], "recency": [77.356, 10.4], "T": [78.319, 16.1], "log_gaps": [21.256, 2.3]}
    )
    model = ParetoGGG("weeks").with_params(regular)
    expected = np.array(
        [
            model.expected_purchases(X.assign(log_gaps=X["log_gaps"] + X["frequency"] * np.log(7)), t)
            for t in np.geomspace(1, 3e5, 40)
        ]
    )
    assert (np.diff(expected, axis=0) > -1e-12 * expected[1:]).all()


def customers_in_days(n):
    """Customers of TRUE, whose unit is a week, in days."""
    weeks = ParetoGGG("weeks").with_params(TRUE).simulate(n, np.linspace(10, 100, n), seed=4)
    return weeks.assign(recency=7 * weeks["recency"], T=7 * weeks["T"])


def test_large_scorings_read_from_a_table_what_small_ones_integrate(monkeypatch):
    X = customers_in_days(400)
    weekly = {name: value * 7 if name in ("alpha", "beta") else value for name, value in TRUE.items()}
    model = ParetoGGG().with_params(weekly)
    exact = model.alive_and_expected(X, 91)
    monkeypatch.setattr(pareto_ggg, "_TABLE_FROM", 100)
    read = model.alive_and_expected(X, 91)
    for slow, fast in zip(exact, read, strict=True):
        assert (slow != fast).any()
        off = np.abs(fast - slow) / (slow + slow.mean() / 100)
        assert np.quantile(off, 0.95) < 1e-3
        assert off.max() < 0.02
        assert fast.sum() == pytest.approx(slow.sum(), rel=5e-4)
    later = model.p_alive(X, "30d")
    assert later == pytest.approx(
        exact[0] * ((weekly["beta"] + X["T"]) / (weekly["beta"] + X["T"] + 30)) ** 0.7, abs=2e-3
    )


def test_histories_that_no_table_holds_are_integrated(monkeypatch):
    model = ParetoGGG().with_params(TRUE)
    instant = pd.DataFrame({"frequency": 2.0, "recency": 1e-4, "T": np.arange(20.0, 26), "log_gaps": -20.0})
    usual = pd.DataFrame({"frequency": 2.0, "recency": 9.0, "T": np.arange(20.0, 26), "log_gaps": 3.0})
    exact = model.expected_purchases(instant, 10)
    monkeypatch.setattr(pareto_ggg, "_TABLE_FROM", 1)
    both = model.expected_purchases(pd.concat([instant, usual]), 10)
    assert (both[:6] == exact).all()
    monkeypatch.setattr(ggg_table, "_OFF", 0.0)  # a table that is off anywhere is not used
    assert (model.expected_purchases(usual, 10) != both[6:]).any()


@pytest.mark.long
def test_expected_purchases_read_from_a_table_rise_with_the_horizon(monkeypatch):
    X = customers_in_days(300)
    monkeypatch.setattr(pareto_ggg, "_TABLE_FROM", 1)
    model = ParetoGGG("weeks").with_params(TRUE)
    X[["recency", "T"]] /= 7
    lengths = (1, 1.02, 13, 13.1, 500)
    rising = np.array([model.expected_purchases(X, t) for t in lengths])
    assert (np.diff(rising, axis=0) > -1e-9).all()
    by_length = model.expected_by_length(X, lengths)
    assert (np.diff([by_length[t] for t in lengths], axis=0) >= 0).all()


def test_gaps_that_are_longer_than_their_sum_are_refused():
    X = pd.DataFrame({"frequency": [3.0], "recency": [9.0], "T": [12.0], "log_gaps": [3.5]})
    with pytest.raises(ValueError, match=r"log_gaps is the sum of the logarithms .* found 3.5 in 1 row"):
        ParetoGGG().with_params(TRUE).p_alive(X)


@pytest.mark.long
def test_it_competes_by_name_is_stored_and_explained():
    X = (
        ParetoGGG()
        .with_params(TRUE)
        .simulate(40, 30.0)
        .assign(monetary_value=lambda X: 20.0 * (X["frequency"] > 0))
    )
    (model,) = competitors(14, [], ["pareto_ggg_gamma_gamma"])
    assert model.reads == ("log_gaps",)
    model.fit(X)
    again = from_state(to_state(model), CATALOGUE)
    assert (again.predict(X.head(3)) == model.predict(X.head(3))).all()
    parts = model.contributions(X.head(3))
    assert parts.sum(axis="columns").to_numpy() == pytest.approx(model.predict(X.head(3)))


@pytest.mark.long
def test_a_fit_that_begins_with_a_sample_ends_where_climbing_all_customers_does(monkeypatch):
    X = ParetoGGG().with_params(TRUE).simulate(500, 30.0, seed=7)
    whole = ParetoGGG().fit(X)
    monkeypatch.setattr(ParetoGGG, "samples", (200,))
    sampled = ParetoGGG().fit(X)
    assert sampled.params_ == pytest.approx(whole.params_, rel=1e-5)
    assert sampled.standard_errors_ == pytest.approx(whole.standard_errors_, rel=1e-3)
    unlike = X.assign(
        frequency=0.0, recency=0.0, log_gaps=0.0
    )  # no clear peak: all are climbed from every start
    assert np.isfinite(ParetoGGG().fit(unlike).log_likelihood_)


@pytest.mark.slow
def test_the_parameters_of_20_simulations_lie_in_their_intervals():
    inside = []
    for seed in range(20):
        model = ParetoGGG().fit(ParetoGGG().with_params(TRUE).simulate(600, 30.0, seed=seed))
        inside += [
            abs(np.log(model.params_[name] / true)) * model.params_[name] / model.standard_errors_[name]
            <= 1.96
            for name, true in TRUE.items()
        ]
    assert np.mean(inside) >= 0.90  # 119 of 120: the six move together, so few draws stand for their coverage
