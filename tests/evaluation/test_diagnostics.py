"""The tables behind the BTYD figures, against simulated customers, slow sums and the published fit."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cltv_ml.evaluation import diagnostics
from cltv_ml.models import BGNBD, MBGCNBD, GammaGamma, GGompertzNBD, ParetoNBD, ParetoNBDAbe
from cltv_ml.windows import Window

PARAMS = {"r": 0.55, "alpha": 70.0, "s": 0.6, "beta": 80.0}
MODEL = ParetoNBD().with_params(PARAMS)
AGES = np.repeat(np.arange(100, 300), 100)
X = MODEL.simulate(len(AGES), AGES, seed=1)


def test_expected_frequencies_are_those_of_simulated_customers():
    fit = diagnostics.compute_frequency_fit(MODEL, X)
    error = np.sqrt(fit["model"] * (1 - fit["model"] / len(X)))
    assert (np.abs(fit["actual"] - fit["model"]) < 4 * error).all()


def test_every_customer_is_in_the_frequency_table():
    fit = diagnostics.compute_frequency_fit(MODEL, X)
    assert fit["actual"].sum() == len(X)
    assert fit["model"].sum() == pytest.approx(len(X))


def test_a_wrong_model_is_seen_in_the_frequency_table():
    wrong = ParetoNBD().with_params({**PARAMS, "r": 1.1})
    fit = diagnostics.compute_frequency_fit(wrong, X)
    assert fit["model"][0] < 0.9 * fit["actual"][0]


@pytest.fixture(scope="module")
def log():
    days = {"a": [0, 10, 40], "b": [5], "c": [20, 21, 60], "late": [45, 50]}
    rows = [
        (who, pd.Timestamp("2024-01-01") + pd.Timedelta(days=day), 1.0) for who in days for day in days[who]
    ]
    return pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"])


def test_tracking_counts_repeat_purchases_of_customers_known_at_the_cutoff(log):
    tracking = diagnostics.compute_tracking(MODEL, log, Window("2024-02-05", 28))
    assert tracking["actual_total"].iloc[-1] == 4
    assert tracking["calibration"].sum() == 5
    assert tracking.loc[tracking["week"] == "2024-01-08", "actual"].tolist() == [1]


def test_tracking_expects_the_sum_over_customers_of_what_a_new_one_buys(log):
    tracking = diagnostics.compute_tracking(MODEL, log, Window("2024-02-05", 28))
    for row, age in ((0, 7), (4, 35), (8, 63)):
        slow = sum(
            MODEL.expected_new_customer_purchases(age - 1 - born) for born in (0, 5, 20) if age - 1 > born
        )
        assert tracking["expected_total"][row] == pytest.approx(slow)


def test_a_weekly_model_expects_the_same_as_a_daily_one(log):
    weekly = ParetoNBD("weeks").with_params({**PARAMS, "alpha": 10.0, "beta": 80 / 7})
    window = Window("2024-02-05", 28)
    np.testing.assert_allclose(
        diagnostics.compute_tracking(weekly, log, window)["expected_total"],
        diagnostics.compute_tracking(MODEL, log, window)["expected_total"],
    )


def test_conditional_means_are_means():
    history = pd.DataFrame(
        {"frequency": [0, 0, 1, 50], "recency": [0.0, 0, 3, 90], "T": [100.0, 100, 100, 100]}
    )
    table = diagnostics.compute_conditional(
        pd.Series([1.0, 3, 5, 7]), pd.Series([0, 0, 1, 9]), history, "frequency"
    )
    assert table["group"].tolist() == ["0", "1", "11+"]
    assert table["predicted"].tolist() == [2.0, 5.0, 7.0]
    assert table["customers"].tolist() == [2, 1, 1]


def test_silence_is_counted_from_the_cutoff():
    history = pd.DataFrame({"frequency": [1, 1], "recency": [99.0, 1.0], "T": [100.0, 100.0]})
    table = diagnostics.compute_conditional(pd.Series([1.0, 2]), pd.Series([1, 2]), history, "recency")
    assert table["predicted"].tolist() == [1.0, 2.0]
    assert table["from"].iloc[0] == 0


def test_unknown_condition_is_refused():
    with pytest.raises(ValueError, match="'frequency' or 'recency', got 'age'"):
        diagnostics.compute_conditional(pd.Series([1.0]), pd.Series([1]), X.head(1), "age")


def test_grid_is_small_for_any_number_of_customers():
    many = pd.concat([X] * 20, ignore_index=True)
    grid = diagnostics.compute_history_grid(MODEL, many, 90)
    assert len(grid) <= 40 * 40
    assert grid["p_alive"].between(0, 1).all()


def test_grid_holds_the_answers_of_the_model():
    grid = diagnostics.compute_history_grid(MODEL, X, 90)
    np.testing.assert_allclose(grid["expected_purchases"], MODEL.expected_purchases(grid, 90))


def test_alive_falls_in_silence_and_rises_with_a_purchase():
    history = diagnostics.compute_alive_history(
        MODEL, ["2024-01-01", "2024-02-01", "2024-03-15"], "2024-04-30"
    )
    silent = history["p_alive"].diff()[1:][~history["bought"][1:]]
    assert (silent < 0).all()
    assert (history["p_alive"].diff()[history["bought"]].dropna() > 0).all()
    assert history["bought"].sum() == 3


def test_a_customer_without_a_purchase_has_no_history():
    with pytest.raises(ValueError, match="no purchase until 2024-01-01"):
        diagnostics.compute_alive_history(MODEL, ["2024-05-01"], "2024-01-01")


@pytest.mark.parametrize("model", [MODEL, BGNBD().with_params({"r": 0.8, "alpha": 40.0, "a": 0.8, "b": 2.5})])
def test_rates_are_densities_of_the_fitted_distributions(model):
    for _, rows in diagnostics.compute_rates(model, points=20_000).groupby("rate"):
        inside = np.trapezoid(rows["density"], rows["x"])
        assert 0.5 < inside < 1
    means = diagnostics.compute_rates(model).groupby("rate")["mean"].first()
    assert means["purchases per week"] == pytest.approx(7 * model.params_["r"] / model.params_["alpha"])


GOMPERTZ = {"r": 0.8, "alpha": 40.0, "b": 0.002, "s": 0.7, "beta": 0.1}
ABE = {"lambda": 0.02, "mu": 0.003, "sigma_lambda": 1.0, "sigma_mu": 0.8, "w": 1.2}


@pytest.mark.parametrize(
    "model", [MODEL, GGompertzNBD().with_params(GOMPERTZ), ParetoNBDAbe().with_params(ABE)]
)
def test_mean_rates_are_those_right_after_the_first_purchase(model):
    means = diagnostics.compute_rates(model).groupby("rate")["mean"].first()
    new, days = pd.DataFrame({"frequency": [0.0], "recency": [0.0], "T": [0.0]}), 1e-3
    bought, left = model.expected_new_customer_purchases(days), 1 - model.p_alive(new, days)[0]
    assert means.to_dict() == pytest.approx(
        {"dropout per week": 7 * left / days, "purchases per week": 7 * bought / days}, rel=1e-3
    )


def test_only_every_kth_event_is_a_purchase():
    model = MBGCNBD().with_params({"k": 3.0, "r": 0.8, "alpha": 13.0, "a": 1e-9, "b": 1.0})
    mean = diagnostics.compute_rates(model).groupby("rate")["mean"].first()["purchases per week"]
    assert mean == pytest.approx(7 * model.expected_new_customer_purchases(1e4) / 1e4, rel=0.01)


def test_rates_of_customers_who_never_leave_have_no_density_to_draw():
    model = BGNBD().with_params({"r": 0.8, "alpha": 40.0, "a": 1e-12, "b": 1e3})
    never = diagnostics.compute_rates(model)  # warnings are errors
    assert set(never["rate"]) >= {"purchases per week"}
    assert np.isfinite(never["density"]).all()
    unending = diagnostics.compute_rates(MODEL.with_params({**PARAMS, "beta": 1e308}))
    assert set(unending["rate"]) == {"purchases per week"}


@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_spend_is_spread_as_simulated(slope):
    rng = np.random.default_rng(0)
    p, q, v = 5.0, 4.0, 90.0
    x = rng.integers(1, 6, 20_000)
    scale = 1 / rng.gamma(q, 1 / v, len(x))
    spend = rng.gamma(p * x, scale) / x * x**slope
    model = GammaGamma()
    model.params_ = {"p": p, "q": q, "v": v, **({"spend:log(frequency)": slope} if slope else {})}
    fit = diagnostics.compute_spend_fit(model, pd.DataFrame({"frequency": x, "monetary_value": spend}))
    chance = stats.chi2.sf(((fit["actual"] - fit["model"]) ** 2 / fit["model"]).sum(), len(fit))
    assert chance > 0.001
    assert fit["model"].sum() == pytest.approx(len(x), rel=0.01)
