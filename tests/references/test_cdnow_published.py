"""CDNOW, 1/10 sample, calibrated to 1997-09-30: the estimates everybody publishes, in weeks.

cdnow_sample.csv is made from Fader and Hardie's public sample: purchases of one day collapsed, T measured to
1997-09-30, money in cents, holdout to 1998-06-30.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import BGNBD, GammaGamma, ParetoNBD, ProbabilisticValue


@pytest.fixture(scope="module")
def days():
    table = pd.read_csv(Path(__file__).with_name("cdnow_sample.csv"), index_col="customer_id")
    table["monetary_value"] = table["repeat_cents"] / 100 / table["frequency"].clip(lower=1)
    return table


@pytest.fixture(scope="module")
def weeks(days):
    return days.assign(recency=days["recency"] / 7, T=days["T"] / 7)


@pytest.fixture(scope="module")
def fitted(weeks):
    return {model: model(time_unit="weeks").fit(weeks) for model in PURCHASES}


# Estimates, log-likelihood and standard errors recomputed independently from exact days; they agree with
# Fader, Hardie and Lee (2005), Fader and Hardie (2005) and CLVTools' own tests to the digits printed there.
PURCHASES = {
    BGNBD: (
        {"r": 0.242595, "alpha": 4.413602, "a": 0.792922, "b": 2.425906},
        -9582.4292,
        [0.012557, 0.378224, 0.185734, 0.705415],
    ),
    ParetoNBD: (
        {"r": 0.553277, "alpha": 10.577684, "s": 0.60624, "beta": 11.66874},
        -9594.9762,
        [0.047628, 0.842722, 0.18728, 6.211054],
    ),
}
CUSTOMERS = pd.DataFrame(
    {"frequency": [2, 26, 0], "recency": [213 / 7, 216 / 7, 0], "T": [272 / 7, 31, 272 / 7]},
    index=["1", "1516", "one-time"],
)
ANSWERS = {  # P(alive), expected purchases in 39 and in 52 weeks
    BGNBD: ([0.72662, 0.968854, 1.0], [1.225995, 20.748903, 0.194794], [1.558686, 25.757337, 0.251682]),
    ParetoNBD: (
        [0.869134, 0.997873, 0.295113],
        [1.455202, 20.114821, 0.10707],
        [1.850891, 25.455184, 0.136184],
    ),
}


def test_the_sample_is_the_published_one(days):
    facts = (len(days), days["frequency"].sum(), days["holdout_days"].sum(), days["holdout_cents"].sum())
    assert facts == (2357, 2457, 1882, 7097639)


@pytest.mark.parametrize("model", PURCHASES)
def test_purchase_parameters_are_the_published_ones(model, fitted):
    expected = PURCHASES[model][0]
    assert fitted[model].params_ == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("model", PURCHASES)
def test_purchase_log_likelihoods_are_the_published_ones(model, fitted):
    assert fitted[model].log_likelihood_ == pytest.approx(PURCHASES[model][1], abs=1e-3)


@pytest.mark.parametrize("model", PURCHASES)
def test_standard_errors_are_the_published_ones(model, fitted):
    assert list(fitted[model].standard_errors_.values()) == pytest.approx(PURCHASES[model][2], rel=1e-4)


@pytest.mark.parametrize("model", ANSWERS)
def test_customer_answers_are_the_published_ones(model, fitted):
    alive, half, year = ANSWERS[model]
    assert fitted[model].p_alive(CUSTOMERS) == pytest.approx(alive, abs=1e-5)
    assert fitted[model].expected_purchases(CUSTOMERS, 39) == pytest.approx(half, abs=1e-5)
    assert fitted[model].expected_purchases(CUSTOMERS, "52w") == pytest.approx(year, abs=1e-5)


def test_gamma_gamma_is_the_published_one(days):
    model = GammaGamma().fit(days)
    assert model.params_ == pytest.approx({"p": 6.249571, "q": 3.744225, "v": 15.443525}, abs=5e-4)
    assert model.log_likelihood_ == pytest.approx(-4055.9177, abs=1e-3)


def test_gamma_gamma_first_customers_spend_as_published(days):
    published = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    spend = pd.Series(GammaGamma().fit(days).predict(days), index=days.index)
    assert spend.sort_index().iloc[:10].to_numpy() == pytest.approx(published, abs=0.006)


@pytest.mark.parametrize(("model", "value"), [(BGNBD, 59931.6), (ParetoNBD, 60449.3)])
def test_holdout_money_is_forecast_the_same_in_days_and_weeks(model, value, days, weeks):
    in_days = ProbabilisticValue(model(), horizon=273).fit(days).predict(days)
    in_weeks = ProbabilisticValue(model("weeks"), horizon=273).fit(weeks).predict(weeks)
    assert in_days.sum() == pytest.approx(value, abs=0.5)
    assert np.allclose(in_days, in_weeks, rtol=1e-6)
