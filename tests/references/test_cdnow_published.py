"""CDNOW, 1/10 sample, calibrated to 1997-09-30: the estimates everybody publishes, in weeks.

cdnow_sample.csv is made from Fader and Hardie's public sample: purchases of one day collapsed, T measured to
1997-09-30, money in cents, holdout to 1998-06-30.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import BGNBD, MBGNBD, NBD, GammaGamma, ParetoNBD, ProbabilisticValue


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
    MBGNBD: (
        {"r": 0.524843, "alpha": 6.183085, "a": 0.89136, "b": 1.614003},
        -9582.1357,
        [0.083267, 0.695615, 0.154789, 0.537489],
    ),
    NBD: ({"r": 0.384766, "alpha": 12.072022}, -9763.6576, [0.020985, 0.808723]),
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
    MBGNBD: (
        [0.706138, 0.965485, 0.389723],
        [1.262759, 19.446604, 0.153966],
        [1.596933, 23.998185, 0.197644],
    ),
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
    assert list(fitted[model].standard_errors_.values()) == pytest.approx(PURCHASES[model][2], rel=2e-4)


@pytest.mark.parametrize("model", ANSWERS)
def test_customer_answers_are_the_published_ones(model, fitted):
    alive, half, year = ANSWERS[model]
    assert fitted[model].p_alive(CUSTOMERS) == pytest.approx(alive, abs=1e-5)
    assert fitted[model].expected_purchases(CUSTOMERS, 39) == pytest.approx(half, abs=1e-5)
    assert fitted[model].expected_purchases(CUSTOMERS, "52w") == pytest.approx(year, abs=1e-5)


NEW_CUSTOMERS = {  # expected repeat purchases by week
    BGNBD: {
        1 / 7: 0.007814,
        1: 0.053185,
        3: 0.150632,
        32: 1.043737,
        39: 1.195012,
        52: 1.444015,
        78: 1.857961,
    },
    ParetoNBD: {1: 0.051007, 2: 0.099627, 5: 0.233687, 9: 0.391338, 39: 1.213404, 52: 1.473434, 78: 1.909866},
    MBGNBD: {39: 1.182279, 52: 1.418884, 78: 1.803629},
}


@pytest.mark.parametrize("model", NEW_CUSTOMERS)
def test_new_customers_buy_as_published(model, fitted):
    expected = NEW_CUSTOMERS[model]
    ours = {week: fitted[model].expected_new_customer_purchases(week) for week in expected}
    assert ours == pytest.approx(expected, abs=1e-5)


def test_dert_is_the_published_one(fitted):
    dert = fitted[ParetoNBD].discounted_expected_purchases(CUSTOMERS, np.inf, np.log(1.15) / 52)
    assert dert == pytest.approx([6.5004, 86.2576, 0.4783], abs=1e-4)


def test_bg_nbd_distribution_of_purchases_is_the_published_one():
    # Fader, Hardie and Lee's spreadsheet note, at their rounded estimates
    model = BGNBD("weeks").with_params({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    published = [0.0019995214, 0.0015170236, 0.001163315, 0.0009003148, 0.0007023638]
    published += [0.0005517902, 0.0004361913, 0.0003467171, 0.0002769613, 0.000222226]
    assert [model.new_customer_pmf(n, 30) for n in range(11, 21)] == pytest.approx(published, rel=1e-6)
    assert model.new_customer_pmf(10, 2) == pytest.approx(1.07869e-07, rel=1e-5)
    assert model.new_customer_pmf(0, 39) == pytest.approx(0.5737864, abs=1e-6)


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
