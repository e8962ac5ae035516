import numpy as np
import pytest

from cltv_ml.decisions.price_test import propose_price_test


def test_the_proposed_size_finds_the_rise_as_often_as_promised():
    size = propose_price_test([0.1], base_rate=0.1, uplift=0.03, customers_per_week=500)["customers"].iloc[0]
    rng = np.random.default_rng(0)
    full, raised = rng.binomial(size, 0.1, 4000) / size, rng.binomial(size, 0.13, 4000) / size
    error = np.sqrt((full * (1 - full) + raised * (1 - raised)) / size)
    assert ((raised - full) / error > 1.96).mean() == pytest.approx(0.8, abs=0.03)


def test_more_arms_need_more_customers_each():
    few, many = (
        propose_price_test(depths, base_rate=0.1, uplift=0.02, customers_per_week=500)["customers"].iloc[0]
        for depths in ([0.1], [0.1, 0.2, 0.3])
    )
    assert many > few


def test_the_duration_lets_everybody_in_and_reads_them():
    table = propose_price_test([0.1], base_rate=0.1, uplift=0.02, customers_per_week=1000, weeks_to_read=3)
    assert (table["start_weeks"] * 1000 >= table["customers"].sum()).all()
    assert (table["weeks"] == table["start_weeks"] + 3).all()


@pytest.mark.parametrize("wrong", [{"base_rate": 0}, {"uplift": 0.95}, {"customers_per_week": 0}])
def test_impossible_settings_are_refused(wrong):
    settings = {"base_rate": 0.1, "uplift": 0.02, "customers_per_week": 100, **wrong}
    with pytest.raises(ValueError, match="must be"):
        propose_price_test([0.1], **settings)
