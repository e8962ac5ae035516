import pandas as pd
import pytest

from cltv_ml.decisions.campaign import build_campaign, campaign_summary
from cltv_ml.decisions.control import draw_control
from cltv_ml.decisions.retention import choose_customers, compute_treatment
from cltv_ml.tables import ACTIONS
from cltv_ml.windows import Window


@pytest.fixture
def chosen():
    ids = pd.Index(["a", "b", "c", "d"], name="customer_id")
    predictions = pd.DataFrame({"expected_value": [400.0, 300.0, 200.0, 100.0], "p_alive": 0.5}, index=ids)
    return choose_customers(compute_treatment(predictions, uplift=0.1, margin_rate=0.5, cost=2.0))


def test_each_row_names_the_action_its_cost_its_profit_the_reason_and_the_day_to_read_it(chosen):
    actions = build_campaign(chosen, Window("2024-03-01", 30), action="win-back mail")
    assert ACTIONS.check(actions) is actions
    assert actions.iloc[0][["customer_id", "action", "cost", "expected_profit"]].tolist() == [
        "a",
        "win-back mail",
        2.0,
        8.0,
    ]
    assert actions["read_on"].unique().tolist() == [pd.Timestamp("2024-03-31")]
    assert actions["reason"].iloc[0] == (
        "200.00 of value at risk; the action costs 2.00 and is expected to bring in 10.00 of margin"
    )


def test_segment_offer_and_products_travel_with_the_customer(chosen):
    products = pd.DataFrame(
        {"customer_id": ["b", "b", "a"], "rank": [2, 1, 1], "item": ["milk", "tea", "salt"]}
    )
    actions = build_campaign(
        chosen,
        Window("2024-03-01", 30),
        action="mail",
        about=pd.DataFrame(
            {
                "segment": ["Cannot lose", "At risk"],
                "offer": ["10% off one order", None],
                "usual_gap": [30.0, 20.0],
                "overdue_ratio": [3.0, 0.05],
            },
            index=["a", "b"],
        ),
        products=products,
    ).set_index("customer_id")
    assert actions.loc["b", "products"] == "tea, milk"
    assert actions.loc["a", "offer"] == "10% off one order"
    assert actions.loc["a", "reason"].startswith(
        "Cannot lose: silent for 90 days, usually buys every 30 days; 200.00 of value at risk"
    )
    assert actions.loc["b", "reason"].startswith("At risk: silent for 1 day, usually buys every 20 days;")
    assert actions.loc["c", "reason"].startswith("no segment: 100.00 of value at risk")
    assert pd.isna(actions.loc["c", "products"])


def test_the_control_is_marked_and_left_out_of_the_sum(chosen):
    control = draw_control(chosen.index, 1, seed=1)
    actions = build_campaign(chosen, Window("2024-03-01", 30), action="mail", control=control)
    summary = campaign_summary(actions)
    assert (summary["treated"], summary["control"], summary["cost"]) == (3, 1, 6.0)
    assert summary["expected_profit"] + summary["profit_forgone"] == pytest.approx(
        chosen["expected_profit"].sum()
    )
    assert actions.loc[actions["control"], "reason"].str.endswith("control group, do not contact").all()


def test_a_control_drawn_from_another_list_is_refused(chosen):
    with pytest.raises(ValueError, match="does not cover 4 of 4 customers"):
        build_campaign(chosen, Window("2024-03-01", 30), action="mail", control=pd.Series({"z": True}))


def test_an_empty_list_is_a_valid_table(chosen):
    actions = build_campaign(chosen.head(0), Window("2024-03-01", 30), action="mail")
    assert len(actions) == 0
    assert ACTIONS.check(actions) is actions


def test_every_amount_of_a_reason_has_its_currency(chosen):
    reason = build_campaign(chosen, Window("2024-03-01", 30), action="mail", currency="EUR")["reason"].iloc[0]
    assert reason == (
        "200.00 EUR of value at risk; the action costs 2.00 EUR and is expected to bring in 10.00 EUR of margin"
    )
