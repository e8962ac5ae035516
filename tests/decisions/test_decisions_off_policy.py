import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.off_policy import evaluate_policy


def _log(seed, customers=4000):
    """Offers drawn with unequal chances; the offer pays 3 where x > 0 and costs 1 elsewhere."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=customers)
    chance = np.where(x > 0, 0.3, 0.6)
    offer = np.where(rng.random(customers) < chance, "10%", "none")
    gain = np.where(offer == "10%", np.where(x > 0, 3.0, -1.0), 0.0)
    offers = pd.DataFrame(
        {
            "offer": offer,
            "propensity": np.where(offer == "10%", chance, 1 - chance),
            "outcome": 5 + 2 * x + gain + rng.normal(size=customers),
        }
    )
    return offers, pd.Series(np.where(x > 0, "10%", "none")), pd.DataFrame({"x": x})


def test_every_estimator_finds_what_the_policy_would_have_earned():
    tables = [evaluate_policy(*_log(seed)) for seed in range(10)]
    for name in ("ips", "snips", "doubly_robust"):
        values = [table.loc[name, "value"] for table in tables]
        covered = [table.loc[name, "lower"] <= 6.5 <= table.loc[name, "upper"] for table in tables]
        assert np.mean(values) == pytest.approx(6.5, abs=0.08)
        assert np.mean(covered) >= 0.7


def test_the_doubly_robust_interval_is_the_narrowest():
    table = evaluate_policy(*_log(0))
    width = table["upper"] - table["lower"]
    assert width["doubly_robust"] < width["snips"] < width["ips"]


def test_what_was_logged_stands_beside():
    offers, policy, _ = _log(1)
    assert evaluate_policy(offers, policy).loc["logged", "value"] == pytest.approx(offers["outcome"].mean())


def test_an_offer_nobody_received_is_refused():
    offers, policy, _ = _log(1)
    with pytest.raises(ValueError, match="nobody received the offer"):
        evaluate_policy(offers, policy.replace({"10%": "50%", "none": "50%"}))


def test_without_propensities_the_message_says_what_is_needed():
    offers, policy, _ = _log(1)
    with pytest.raises(ValueError, match=r"needs randomised offers .* missing \['propensity'\]"):
        evaluate_policy(offers.drop(columns="propensity"), policy)
