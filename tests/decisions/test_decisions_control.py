import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cltv_ml.decisions.control import control_size, detectable_uplift, draw_control, expected_rates
from cltv_ml.errors import InputError


def test_equal_arms_agree_with_the_textbook_size():
    # Fleiss, Levin, Paik (2003), section 4.2, without continuity correction: n per arm for 10% against 12%.
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    per_arm = z**2 * (0.1 * 0.9 + 0.12 * 0.88) / 0.02**2
    n = round(per_arm)
    assert detectable_uplift(2 * n, n, base_rate=0.1) == pytest.approx(0.02, rel=1e-3)


def test_the_smallest_control_reaches_its_power_and_one_fewer_does_not():
    size = control_size(20_000, 5.0, spread=80.0)
    assert detectable_uplift(20_000, size, spread=80.0) <= 5.0
    assert detectable_uplift(20_000, size - 1, spread=80.0) > 5.0


def test_simulated_campaigns_find_the_uplift_as_often_as_promised():
    size, rng = control_size(8000, 0.03, base_rate=0.1), np.random.default_rng(1)
    treated = rng.binomial(8000 - size, 0.13, 4000) / (8000 - size)
    control = rng.binomial(size, 0.10, 4000) / size
    error = np.sqrt(treated * (1 - treated) / (8000 - size) + control * (1 - control) / size)
    assert (np.abs(treated - control) / error > 1.96).mean() == pytest.approx(0.8, abs=0.03)


def test_a_list_too_short_names_what_it_can_show():
    with pytest.raises(ValueError, match=r"300 customers cannot show an uplift of 0.01 .* uplift is 0\.1"):
        control_size(300, 0.01, base_rate=0.1)


def test_the_draw_keeps_each_tiers_share():
    ids = pd.Index([f"c{number}" for number in range(1000)])
    tiers = pd.Series(["high"] * 200 + ["low"] * 800, index=ids)
    drawn = draw_control(ids, 100, strata=tiers)
    assert drawn.groupby(tiers).sum().to_dict() == {"high": 20, "low": 80}


def test_the_size_is_met_exactly_when_shares_are_not_whole():
    ids = pd.Index(range(10))
    for strata in ("aaabbbcccc", "abbbbbbbbb"):
        assert draw_control(ids, 4, strata=pd.Series(list(strata), index=ids)).sum() == 4, strata


def test_the_largest_remainders_get_the_customers_left_over():
    strata = pd.Series(list("a" * 13 + "b" * 4 + "c" * 3))  # quotas of 3.9, 1.2 and 0.9 of 6
    drawn = draw_control(strata.index, 6, strata=strata)
    assert drawn.groupby(strata).sum().to_dict() == {"a": 4, "b": 1, "c": 1}


def test_a_rate_of_nobody_and_a_power_beyond_certainty_are_refused():
    with pytest.raises(InputError, match="base_rate must be between 0 and 1 - uplift, got 0"):
        control_size(10_000, 0.02, base_rate=0.0)
    with pytest.raises(InputError, match=r"power must be between 0 and 1, got 1\.5"):
        control_size(10_000, 0.02, base_rate=0.1, power=1.5)


def test_nobody_and_everybody_show_no_uplift():
    for control in (0, 100):
        with pytest.raises(InputError, match="control must be between 0 and 100"):
            detectable_uplift(100, control, base_rate=0.1)


def test_a_rate_cannot_rise_beyond_one():
    assert detectable_uplift(100, 2, base_rate=0.9) == pytest.approx(0.1)


def test_an_amount_may_vary_by_less_than_one():
    assert control_size(2000, 0.1, spread=0.5) == control_size(2000, 10.0, spread=50.0)


def test_an_uplift_to_certainty_leaves_the_variance_of_the_control_alone():
    # Treated customers all buy, so n = p (1 - p) z^2 / uplift^2 = z^2 at p = uplift = 1/2.
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert control_size(10_000, 0.5, base_rate=0.5) == int(np.ceil(z**2))
    with pytest.raises(InputError, match=r"base_rate must be between 0 and 1 - uplift"):
        control_size(10_000, 0.51, base_rate=0.5)


def test_two_customers_are_the_smallest_control():
    assert control_size(10_000, 0.9, base_rate=0.05) == 2


def test_the_draw_does_not_depend_on_the_order_of_the_list():
    ids = pd.Index([f"c{number}" for number in range(50)])
    assert draw_control(ids[::-1], 9, seed=3).sort_index().equals(draw_control(ids, 9, seed=3).sort_index())


def test_another_seed_draws_other_customers():
    ids = pd.Index(range(1000))
    assert not draw_control(ids, 100, seed=1).equals(draw_control(ids, 100, seed=2))


def test_a_control_of_everybody_or_nobody_is_refused():
    for size in (0, 5):
        with pytest.raises(ValueError, match="at least one on each side"):
            draw_control(pd.Index(range(5)), size)


def _share_saved(customers, uplift, seed):
    """Simulate who is alive and buys, without and with a treatment that keeps so many more alive."""
    rng = np.random.default_rng(seed)
    alive, rate = rng.beta(1, 1.5, customers), rng.gamma(1.0, 1.2, customers)
    predictions = pd.DataFrame({"p_alive": alive, "expected_purchases": alive * rate})
    buys = -np.expm1(-rate)
    return predictions, alive * buys, alive * (1 + uplift * (1 - alive)) * buys


def test_a_control_sized_for_a_share_of_value_saved_has_the_promised_power():
    predictions, without, with_it = _share_saved(40_000, 0.15, seed=3)
    base, treated = expected_rates(predictions, 0.15)
    size = control_size(len(predictions), treated - base, base_rate=base)
    rng, significant = np.random.default_rng(0), []
    for _ in range(600):
        control = np.zeros(len(predictions), dtype=bool)
        control[rng.choice(len(control), size, replace=False)] = True
        bought = rng.random(len(control)) < np.where(control, without, with_it)
        means = bought[~control].mean(), bought[control].mean()
        error = np.sqrt(means[0] * (1 - means[0]) / (len(control) - size) + means[1] * (1 - means[1]) / size)
        significant.append((means[0] - means[1]) / error > 1.96)
    assert np.mean(significant) == pytest.approx(0.8, abs=0.06)


def test_the_expected_rates_are_those_of_the_simulated_customers():
    predictions, without, with_it = _share_saved(5_000, 0.15, seed=4)
    assert expected_rates(predictions, 0.15) == pytest.approx((without.mean(), with_it.mean()), rel=1e-9)


def test_without_p_alive_the_saved_share_raises_expected_purchases():
    predictions = pd.DataFrame({"expected_purchases": [0.0, 0.5]})
    base, treated = expected_rates(predictions, 0.2)
    rise = 1 + 0.2 * np.exp(-0.5)
    assert (base, treated) == pytest.approx(((1 - np.exp(-0.5)) / 2, (1 - np.exp(-0.5 * rise)) / 2))


def test_terms_of_a_control_that_cannot_be_are_one_sentence():
    wrong = {
        "give exactly one of base_rate": lambda: control_size(1_000, 0.02),
        "uplift must be positive, got 0": lambda: control_size(1_000, 0.0, base_rate=0.1),
        "spread must be positive, got -1": lambda: control_size(1_000, 2.0, spread=-1.0),
        "base_rate must be between 0 and 1 - uplift, got 0.99": lambda: control_size(
            1_000, 0.02, base_rate=0.99
        ),
        "power must be between 0 and 1, got 1": lambda: control_size(1_000, 0.02, base_rate=0.1, power=1),
        "control must be between 0 and 10, got 10": lambda: detectable_uplift(10, 10, base_rate=0.1),
        "lack": lambda: expected_rates(pd.DataFrame({"p_alive": [0.5]}), 0.1),
        "with 2 customers, the control must leave at least one on each side, got 2": lambda: draw_control(
            pd.Index(["a", "b"]), 2
        ),
        "customer 'a' is on the list twice": lambda: draw_control(pd.Index(["a", "a", "b"]), 1),
    }
    for sentence, call in wrong.items():
        with pytest.raises(InputError, match=sentence):
            call()
