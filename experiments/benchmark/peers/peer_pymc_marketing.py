"""BG/NBD or Pareto/NBD of pymc-marketing times its Gamma-Gamma: default priors, maximum a posteriori, in weeks."""

import time
import warnings
from importlib.metadata import version

import exchange
from pymc_marketing import clv

warnings.simplefilter("ignore")
model, horizon, X = exchange.read()
started = time.perf_counter()
weeks = X.assign(recency=X["recency"] / 7, T=X["T"] / 7)[
    ["customer_id", "frequency", "recency", "T", "monetary_value"]
]
fitted = {"pymc_bg_nbd": clv.BetaGeoModel, "pymc_pareto_nbd": clv.ParetoNBDModel}[model](weeks)
fitted.fit(method="map", progressbar=False)
purchases = fitted.expected_purchases(weeks, future_t=horizon / 7).mean(("chain", "draw")).to_numpy()
money = clv.GammaGammaModel(weeks[(weeks["frequency"] > 0) & (weeks["monetary_value"] > 0)])
money.fit(method="map", progressbar=False)
spend = money.expected_customer_spend(weeks).mean(("chain", "draw")).to_numpy()
exchange.write(
    X["customer_id"],
    purchases * spend,
    f"pymc-marketing {version('pymc-marketing')}",
    {"fit": "map", "unit": "weeks"},
    time.perf_counter() - started,
)
