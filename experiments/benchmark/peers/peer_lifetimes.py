"""BG/NBD or Pareto/NBD of lifetimes times its Gamma-Gamma, as its documentation shows."""

import time
import warnings
from importlib.metadata import version

import exchange
import lifetimes
import numpy as np

warnings.simplefilter("ignore")
model, horizon, X = exchange.read()
started = time.perf_counter()
fitter = {"lifetimes_bg_nbd": lifetimes.BetaGeoFitter, "lifetimes_pareto_nbd": lifetimes.ParetoNBDFitter}[
    model
]()
frequency, recency, T = X["frequency"], X["recency"], X["T"]
fitter.fit(frequency, recency, T)
purchases = np.asarray(
    fitter.conditional_expected_number_of_purchases_up_to_time(horizon, frequency, recency, T)
)
spenders = X[(frequency > 0) & (X["monetary_value"] > 0)]
money = lifetimes.GammaGammaFitter().fit(spenders["frequency"], spenders["monetary_value"])
spend = np.asarray(money.conditional_expected_average_profit(frequency, X["monetary_value"]))
parameters = {**dict(fitter.params_), **dict(money.params_)}
exchange.write(
    X["customer_id"],
    purchases * spend,
    f"lifetimes {version('lifetimes')}",
    {name: float(value) for name, value in parameters.items()},
    time.perf_counter() - started,
)
