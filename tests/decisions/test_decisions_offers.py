import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.offers import GuardRails, choose_offers, discount_by_segment, profit_by_depth


@pytest.fixture
def customers():
    rng = np.random.default_rng(6)
    return pd.DataFrame(
        {
            "expected_purchases": rng.gamma(0.7, 1.5, 400),
            "order_value": rng.gamma(3, 20, 400),
            "margin_rate": rng.uniform(0.05, 0.6, 400),
            "slope": rng.uniform(0, 8, 400),
        },
        index=pd.Index([f"c{number:03d}" for number in range(400)], name="customer_id"),
    )


def test_profit_of_a_depth_equals_a_simulation():
    one = pd.DataFrame(
        {"expected_purchases": [0.4], "order_value": [50.0], "margin_rate": [0.5], "slope": [5.0]}
    )
    rng = np.random.default_rng(0)
    plain = (rng.poisson(0.4, 2_000_000) > 0).mean() * 25.0
    offered = (rng.poisson(0.4 * np.exp(1.0), 2_000_000) > 0).mean() * (50.0 * 0.8 - 25.0)
    assert profit_by_depth(one, [0.2])[0.2].item() == pytest.approx(offered - plain, abs=0.05)


def test_each_customer_gets_the_best_allowed_depth(customers):
    offers, profits = choose_offers(customers), profit_by_depth(customers)
    assert offers["expected_profit"].tolist() == pytest.approx(profits.max(axis=1).tolist())
    assert (offers["expected_profit"] >= 0).all()
    assert 0 < (offers["depth"] > 0).mean() < 1


def test_who_would_buy_anyway_gets_none(customers):
    sure = customers.assign(expected_purchases=8.0)
    assert (choose_offers(sure)["depth"] == 0).all()


def test_who_does_not_answer_to_prices_gets_none(customers):
    assert (choose_offers(customers.assign(slope=0.0))["offer"] == "none").all()


def test_no_offer_sells_below_cost(customers):
    offers = choose_offers(customers.assign(slope=30.0))
    assert (offers["depth"] > 0).any()
    assert (offers["depth"] <= customers["margin_rate"] + 1e-9).all()


def test_the_margin_floor_is_kept(customers):
    offers = choose_offers(customers.assign(slope=30.0), guard=GuardRails(margin_floor=0.2))
    given = offers["depth"] > 0
    left = 1 - (1 - customers["margin_rate"][given]) / (1 - offers["depth"][given])
    assert given.any()
    assert (left >= 0.2 - 1e-9).all()


def test_the_cap_is_kept(customers):
    offers = choose_offers(customers.assign(slope=30.0), guard=GuardRails(max_depth=0.1))
    assert offers["depth"].max() == 0.1


def test_a_floor_below_cost_must_be_allowed_explicitly(customers):
    with pytest.raises(ValueError, match="sells below cost"):
        GuardRails(margin_floor=-0.1)
    GuardRails(margin_floor=-0.1, allow_below_cost=True)


def test_a_protected_column_is_not_used(customers):
    guard = GuardRails(protected=("age", "gender"))
    with_age = customers.assign(age=np.arange(400), gender="f")
    pd.testing.assert_frame_equal(choose_offers(with_age, guard=guard), choose_offers(customers))


def test_a_protected_column_that_would_decide_is_refused(customers):
    with pytest.raises(ValueError, match="'slope' is protected but sets the discount"):
        choose_offers(customers, guard=GuardRails(protected=("slope",)))


def test_the_average_discount_of_each_segment_is_shown(customers):
    offers = choose_offers(customers)
    segments = pd.Series(np.where(np.arange(400) < 100, "high", "low"), index=customers.index)
    table = discount_by_segment(offers, segments)
    assert table["customers"].to_dict() == {"high": 100, "low": 300}
    assert table.loc["high", "mean_depth"] == pytest.approx(offers["depth"].iloc[:100].mean())
    assert table["expected_profit"].sum() == pytest.approx(offers["expected_profit"].sum())


def test_a_missing_column_is_named(customers):
    with pytest.raises(ValueError, match=r"missing \['margin_rate'\]"):
        choose_offers(customers.drop(columns="margin_rate"))


def test_customers_who_are_all_alike_get_the_same(customers):
    assert choose_offers(customers.iloc[[0] * 5].set_axis(list("abcde")))["depth"].nunique() == 1
