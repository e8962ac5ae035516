import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.price_response import POOLED, customer_slopes, fit_response


def _shop(slopes, products=30, weeks=60, seed=0):
    """Promotions fall into busy weeks; units are Poisson with the category's slope on the depth."""
    rng = np.random.default_rng(seed)
    rows = []
    for category, slope in slopes.items():
        busy = rng.normal(0, 0.3, weeks)
        for product in range(products):
            level = rng.normal(4, 0.5)
            depth = np.clip(rng.choice([0, 0.1, 0.2], weeks) + 0.3 * busy, 0, 0.5)
            units = rng.poisson(np.exp(level + busy + slope * depth))
            rows.append(
                pd.DataFrame(
                    {
                        "customer_id": "a",
                        "timestamp": pd.Timestamp("2023-01-02")
                        + pd.to_timedelta(7 * np.arange(weeks), unit="D"),
                        "product_id": f"{category}{product}",
                        "category": category,
                        "quantity": units,
                        "amount": 10.0 * units * (1 - depth),
                        "discount": 10.0 * units * depth,
                    }
                )
            )
    return pd.concat(rows).query("quantity > 0").reset_index(drop=True)


def test_known_slopes_are_found_although_promotions_meet_busy_weeks():
    table = fit_response(_shop({"tea": 2.0}))
    assert table.loc["tea", "slope_alone"] == pytest.approx(2.0, abs=3 * table.loc["tea", "standard_error"])
    assert table.loc["tea", "standard_error"] < 0.15
    assert table.loc["tea", "demand_at_10"] == pytest.approx(np.exp(0.2), rel=0.05)


def test_a_category_that_knows_little_follows_the_others():
    log = _shop({"tea": 1.0, "milk": 1.2, "salt": 0.8})
    thin = _shop({"rare": 6.0}, products=5, weeks=6, seed=3)
    table = fit_response(pd.concat([log, thin]))
    toward = table.loc[POOLED, "slope"]
    for name in ("tea", "rare"):
        row = table.loc[name]
        assert abs(row["slope"] - toward) <= abs(row["slope_alone"] - toward) + 1e-12


def test_every_row_names_the_confounding():
    assert fit_response(_shop({"tea": 1.0}))["note"].str.contains("not tested").all()


def test_customers_answer_as_what_they_buy():
    response = pd.DataFrame(
        {"slope": [1.0, 3.0, 2.0]}, index=pd.Index(["tea", "milk", POOLED], name="category")
    )
    log = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b"],
            "timestamp": pd.Timestamp("2024-01-01"),
            "amount": [30.0, 10.0, 5.0],
            "category": ["tea", "milk", "unheard of"],
        }
    )
    assert customer_slopes(log, response).to_dict() == {"a": 1.5, "b": 2.0}


def test_a_protected_column_must_not_group_prices():
    with pytest.raises(ValueError, match="'age_group' is protected"):
        fit_response(_shop({"tea": 1.0}), by="age_group", protected=["age_group"])


def test_a_log_without_discounts_is_sent_to_a_price_test():
    log = _shop({"tea": 1.0}, weeks=5)
    with pytest.raises(ValueError, match="run a price test first"):
        fit_response(log.assign(amount=log["amount"] + log["discount"], discount=0.0))


def test_without_the_discount_column_the_message_says_which():
    with pytest.raises(ValueError, match="needs the column 'discount'"):
        fit_response(_shop({"tea": 1.0}, weeks=5).drop(columns="discount"))


def test_a_line_without_a_discount_was_sold_at_full_price():
    log = _shop({"tea": 2.0})
    blank = log.assign(discount=log["discount"].where(log["discount"] > 0))
    assert blank["discount"].isna().any()
    pd.testing.assert_frame_equal(fit_response(blank), fit_response(log))
