"""Gamma-Gamma with and without its mean held, against a log-normal model, on populations whose spend is known.

    python tests/benchmarks/bench_spend.py 4000 4

4,000 customers, 4 populations of each kind. A purchase varies log-normally by .8 around its customer's mean.
`one` is what a customer without a repeat is said to spend, over the truth; `all` the same for everybody; `error` the
mean absolute error of repeat buyers over their mean.
"""

import sys
from unittest import mock

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from cltv_ml.models import GammaGamma, spend_likelihood


def populate(kind, spread, n, rng):
    """Return `frequency` and `monetary_value`, each customer's true mean, and the population's."""
    x = rng.poisson(rng.gamma(0.6, 4.0, n))
    if kind == "inverse gamma":  # Gamma-Gamma's own law, with q = spread
        mean, expected = (spread - 1) / rng.gamma(spread, 1, n), 1.0
    else:
        trade = 30 if kind == "3% trade" else 1
        mean = np.exp(rng.normal(0, spread, n)) * np.where(rng.random(n) < 0.03, trade, 1)
        expected = np.exp(spread**2 / 2) * (0.97 + 0.03 * trade)
    orders = np.repeat(np.arange(n), np.maximum(x, 1))
    spend = mean[orders] * np.exp(rng.normal(-0.32, 0.8, len(orders)))
    mean_spend = np.bincount(orders, spend) / np.maximum(x, 1)
    X = pd.DataFrame({"frequency": x.astype(float), "monetary_value": np.where(x > 0, mean_spend, 0.0)})
    return X, mean, expected


def log_normal(X):
    """Return what a model of log-normal means, shrunk on the log scale, predicts."""
    repeat = X[X["frequency"] > 0]
    x, logs = repeat["frequency"].to_numpy(), np.log(repeat["monetary_value"].to_numpy())

    def loss(theta):
        noise = np.log1p(np.exp(theta[2]) / x)
        variance = np.exp(theta[1]) + noise
        return np.mean(np.log(variance) + (logs - theta[0] + noise / 2) ** 2 / variance)

    mu, between, within = minimize(loss, [logs.mean(), 0.0, -0.5], method="Nelder-Mead").x
    between, within = np.exp(between), np.exp(within)
    noise = np.log1p(within / np.maximum(X["frequency"], 1))
    share = np.where(X["frequency"] > 0, between / (between + noise), 0.0)
    own = np.log(X["monetary_value"].where(X["frequency"] > 0, 1.0)) + noise / 2
    return np.exp(mu + share * (own - mu) + between * (1 - share) / 2).to_numpy()


def free(X):
    """Return what Gamma-Gamma predicts where nothing holds its mean."""
    with mock.patch.object(spend_likelihood, "_is_plausible", return_value=True):
        return GammaGamma().fit(X[X["frequency"] > 0]).predict(X)


def held(X):
    """Return what Gamma-Gamma predicts as it is."""
    return GammaGamma().fit(X[X["frequency"] > 0]).predict(X)


if __name__ == "__main__":
    size, rounds = int(sys.argv[1]), int(sys.argv[2])
    kinds = [("log-normal", spread) for spread in (0.6, 1.0, 1.2, 1.4, 1.6, 2.0)]
    kinds += [("3% trade", 0.6), ("3% trade", 1.0)]
    kinds += [("inverse gamma", q) for q in (1.2, 1.5, 2.0, 3.7)]
    rng = np.random.default_rng(1)
    rows = []
    for kind, spread in kinds:
        for _ in range(rounds):
            X, mean, expected = populate(kind, spread, size, rng)
            repeat = X["frequency"].to_numpy() > 0
            for model in (free, held, log_normal):
                found = model(X)
                rows.append(
                    {
                        "population": kind,
                        "spread": spread,
                        "model": model.__name__,
                        "one": found[~repeat][0] / expected,
                        "all": found.sum() / mean.sum(),
                        "error": np.abs(found - mean)[repeat].mean() / mean[repeat].mean(),
                    }
                )
    table = pd.DataFrame(rows).groupby(["population", "spread", "model"], sort=False).median()
    print(table.unstack("model").round(2).to_string())
