"""CLVTools' apparel customers with Gender and Channel on both processes: the tables of its paper and vignette.

Meierer et al. (2026), "Estimating Individual Customer Lifetime Values with R", section 6.4.1, and CLVTools'
vignette on advanced techniques, section 2 (lambda 0.1 for transactions and 0.2 for lifetime).
"""

import os
from pathlib import Path

import pandas as pd
import pytest

from cltv_ml.models import ParetoNBD, ParetoNBDSarmanov, likelihood_ratio_test, log_likelihood

FOLDER = Path(os.environ.get("CLTV_DATA_DIR", "")) / "clvtools"
pytestmark = pytest.mark.skipif(
    "CLTV_DATA_DIR" not in os.environ or not FOLDER.exists(),
    reason="CLTV_DATA_DIR does not name a folder with clvtools/apparelTrans.parquet",
)
COVARIATES = ["Gender", "Channel"]


@pytest.fixture(scope="module")
def apparel():
    log = pd.read_parquet(FOLDER / "apparelTrans.parquet")
    end = log["Date"].min() + pd.Timedelta(weeks=104)
    dates = log[log["Date"] <= end].drop_duplicates(["Id", "Date"]).groupby("Id")["Date"]
    first, last = dates.min(), dates.max()
    customers = pd.DataFrame(
        {
            "frequency": dates.size() - 1.0,
            "recency": (last - first).dt.days / 7,
            "T": (end - first).dt.days / 7,
        }
    )
    return customers.join(pd.read_parquet(FOLDER / "apparelStaticCov.parquet").set_index("Id"))


def both(**options):
    return ParetoNBD("weeks", purchase_covariates=COVARIATES, dropout_covariates=COVARIATES, **options)


@pytest.fixture(scope="module")
def fitted(apparel):
    return both().fit(apparel)


def test_without_covariates_the_fit_is_the_published_one(apparel):
    model = ParetoNBD("weeks").fit(apparel)
    assert model.params_ == pytest.approx(
        {"r": 1.449, "alpha": 48.636, "s": 0.5613, "beta": 46.884}, rel=1e-4
    )
    assert model.log_likelihood_ == pytest.approx(-5848.0978, abs=1e-3)


def test_correlated_rates_have_the_published_likelihood(apparel):
    # CLVTools 0.12.1 with use.cor ends at a Cor(life,trans) of -0.00099471169, m at its lower bound; its exponents are
    # the rates times one week
    r, alpha, s, beta = 1.4704880102, 48.5545689453, 0.2461867390, 11.2051845186
    model = ParetoNBDSarmanov("weeks")
    model.tilts = 1 / alpha, 1 / beta
    k = -0.000994711694035 * (1 + alpha) * (1 + beta) / (r * s) ** 0.5
    w = (1 + k) / (1 - k / min(model._odds(r, s)))
    params = {"r": r, "alpha": alpha, "s": s, "beta": beta, "w": w}
    assert log_likelihood(model, apparel, params) == pytest.approx(-5850.820191, abs=1e-6)


def test_the_correlation_of_rates_is_not_worse_than_none(apparel):
    model = ParetoNBDSarmanov("weeks").fit(apparel)
    assert -5848.0978 < model.log_likelihood_ < -5848.0
    assert 0 < model.correlation_ < 0.1


def test_covariates_and_their_likelihood_are_the_published_ones(fitted):
    slopes = [fitted.params_[name] for name in list(fitted.params_)[4:]]
    errors = [fitted.standard_errors_[name] for name in list(fitted.params_)[4:]]
    # printed after fewer steps of the optimiser than ours, hence the fourth digit
    assert slopes == pytest.approx([0.2859, 0.6241, -0.6430, 0.7907], abs=2e-3)
    assert errors == pytest.approx([0.1041, 0.1050, 0.2955, 0.3059], abs=2e-4)
    assert fitted.log_likelihood_ == pytest.approx(-5821.0627, abs=1e-3)
    assert (fitted.aic_, fitted.bic_) == pytest.approx((11658.1254, 11693.3009), abs=1e-2)


def test_the_penalised_fit_is_the_published_one(apparel):
    model = both(penalty=(0.1, 0.2)).fit(apparel)
    slopes = [model.params_[name] for name in list(model.params_)[4:]]
    assert slopes == pytest.approx([0.17178, 0.23676, -0.04437, 0.02465], abs=2e-4)
    assert [model.params_[name] for name in ("r", "alpha")] == pytest.approx([1.73887, 69.85288], rel=1e-3)


def test_covariates_improve_the_fit_beyond_chance(apparel, fitted):
    test = likelihood_ratio_test(ParetoNBD("weeks").fit(apparel), fitted)
    assert test["statistic"] == pytest.approx(2 * (5848.0978 - 5821.0627), abs=0.01)
    assert test["p_value"] < 1e-9
