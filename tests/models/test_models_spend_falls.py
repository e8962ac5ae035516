"""Sharp falls of spend: by hand, under chance alone, and next to a season."""

import numpy as np
import pytest

from cltv_ml.models.spend_falls import growth_of_sum, sharpest_fall

FLAT, SHOP = np.ones(20), np.ones(32)


def same(months, customers=400):
    """Customers who all spend the same."""
    return np.tile(months, (customers, 1))


def test_a_step_is_as_large_as_it_is_and_the_steady_part_is_left_out():
    monthly = same(np.where(np.arange(20) < 9, 10.0, 6.0))  # all alike: no standard error
    assert sharpest_fall(monthly, FLAT, SHOP, 0.0) == pytest.approx(np.log(10 / 6))
    assert sharpest_fall(monthly, FLAT, SHOP, 0.3) == pytest.approx(np.log(10 / 6) - 0.3 / 6)


def test_what_a_model_expects_is_no_fall():
    fading = 0.9 ** np.arange(20)
    assert sharpest_fall(same(fading), fading, SHOP, 0.0) == pytest.approx(0.0, abs=1e-12)
    assert sharpest_fall(same(fading), FLAT, SHOP, 0.0) == pytest.approx(-2 * np.log(0.9))
    assert sharpest_fall(same(fading), FLAT, SHOP, -12 * np.log(0.9)) == pytest.approx(0.0, abs=1e-12)


def test_the_end_of_a_season_that_the_shop_had_in_another_year_is_no_fall():
    season = np.ones(32)
    season[[2, 14, 26]] = 3.0
    assert sharpest_fall(same(season[-20:]), FLAT, season, 0.0) == pytest.approx(0.0, abs=1e-12)
    assert sharpest_fall(same(season[-20:]), FLAT, SHOP, 0.0) == pytest.approx(np.log(2))


def test_a_fall_in_months_that_the_log_holds_once_is_not_told_from_a_season():
    monthly = same(np.where(np.arange(20) < 9, 10.0, 6.0))
    assert sharpest_fall(monthly[:, :19], FLAT[:19], np.ones(22), 0.0) == 0.0
    assert sharpest_fall(monthly[:, :19], FLAT[:19], np.ones(24), 0.0) == pytest.approx(np.log(10 / 6))


def test_a_rise_is_none():
    assert sharpest_fall(same(np.where(np.arange(20) < 9, 1.0, 6.0)), FLAT, SHOP, 0.0) == 0.0


def test_too_few_months_or_no_spend_show_none():
    assert sharpest_fall(same(np.ones(3)), np.ones(3), SHOP, 0.0) == 0.0
    assert sharpest_fall(np.zeros((5, 20)), FLAT, SHOP, 0.0) == 0.0


def test_chance_alone_rarely_looks_like_a_fall():
    rng = np.random.default_rng(0)
    logs = [rng.gamma(0.3, size=(300, 1)) * rng.poisson(0.5, (300, 20)) for _ in range(200)]
    found = [sharpest_fall(monthly, FLAT, SHOP, 0.0) > 0 for monthly in logs]
    assert np.mean(found) < 0.15


def test_the_standard_error_is_that_of_drawing_customers_again():
    rng = np.random.default_rng(0)
    before = rng.gamma(0.5, size=300)
    after = before * rng.gamma(2.0, 0.5, 300)
    error = growth_of_sum(before, after).error
    drawn = [growth_of_sum(before[rows], after[rows]).log for rows in rng.integers(0, 300, (2000, 300))]
    assert error == pytest.approx(np.std(drawn), rel=0.05)


def test_degrees_of_freedom_count_the_customers_who_matter():
    before, after = np.ones(50), np.ones(50)
    before[:4] = 1e6
    after[[0, 1]], after[[2, 3]] = 1.1e6, 0.9e6
    assert growth_of_sum(before, after).freedom == pytest.approx(3.0, rel=1e-3)
