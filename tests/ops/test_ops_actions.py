"""The parts of `cltv act` on a simulated shop, without a registered model: quick, and with all columns."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cltv_ml import decisions
from cltv_ml.data import simulate
from cltv_ml.features import build_features, default_features
from cltv_ml.models import MBGNBD, ProbabilisticValue
from cltv_ml.ops.act import PARTS
from cltv_ml.ops.actions import shop as room
from cltv_ml.ops.actions.shop import Actions, PastCampaign, Shop, Terms
from cltv_ml.windows import Window

WINDOW = Window("2023-05-16", 91)
TERMS = Terms(uplift=0.1, cost=0.2, budget=200, acquisition_cost=8.0)


@pytest.fixture(scope="module")
def shop():
    """One past mailing to half of the customers, who then buy once more with 30% chance."""
    log = simulate(900, days=500, seed=3).log
    ids = pd.Series(sorted(log["customer_id"].unique()))
    rng = np.random.default_rng(0)
    arm = pd.Series(np.where(rng.random(len(ids)) < 0.5, "mail", "control"))
    start = pd.Timestamp("2023-03-01")
    moved = ids[(arm == "mail") & (rng.random(len(ids)) < 0.3)]
    extra = log.drop_duplicates("customer_id").set_index("customer_id").loc[moved].reset_index()
    extra = extra.assign(timestamp=start + pd.Timedelta(days=3), order_id="mail-" + extra["customer_id"])
    log = pd.concat([log, extra[log.columns]]).sort_values("timestamp", ignore_index=True)
    X = build_features(log, WINDOW.cutoff, names=default_features(list(log.columns)))
    predictions = ProbabilisticValue(MBGNBD(), horizon=91).fit(X).predict_table(X)
    cuts = decisions.fit_tiers(predictions["expected_value"])
    sent = pd.DataFrame({"customer_id": ids, "arm": arm})
    return Shop(
        log=log, window=WINDOW, X=X, predictions=predictions,
        tiers=decisions.apply_tiers(predictions["expected_value"], cuts).rename("tier"),
        lifecycle=decisions.apply_lifecycle(X, decisions.fit_lifecycle(X), predictions["p_alive"]),
        terms=dataclasses.replace(TERMS, campaign=PastCampaign(sent, Window(start, 7))),
        groups=log.groupby("customer_id")["channel"].agg(lambda values: values.mode()[0]).to_frame(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(shop):
    found = Actions(rules={"tiers": {}})
    for part in PARTS.values():
        part(shop, found)
    return found


def test_every_part_is_answered_for_a_log_with_all_columns(done):
    assert set(done.refused) <= {"control group"}


def test_a_campaign_that_worked_promises_more_than_it_costs(done):
    lesson = done.tables["campaign_lesson"].loc["mail"]
    assert lesson["uplift"] == pytest.approx(0.3, abs=0.08)
    listed = done.tables["campaign_list"]
    assert 0 < listed["cost"].sum() <= 200
    assert (listed["expected_profit"] > 0).all()


def test_the_campaign_list_names_segment_offer_products_and_reason(done):
    listed = done.tables["campaign_list"]
    assert listed[["segment", "offer", "products", "reason"]].notna().all(axis=None)
    assert set(listed["offer"]) == {"mail"}
    assert listed["reason"].str.contains("points of chance to buy with mail").all()
    assert set(listed["read_on"]) == {WINDOW.cutoff + pd.Timedelta(days=7)}


def test_the_balance_of_a_campaign_drawn_at_random_looks_random(done):
    assert done.tables["campaign_balance"]["looks_random"].all()


def test_average_discounts_are_told_for_the_values_of_a_protected_column(done):
    audit = done.tables["discount_by_segment"]
    assert set(audit["grouping"]) == {"tier", "segment", "lifecycle", "protected: channel"}
    counts = audit.groupby("grouping")["customers"].sum()
    assert counts.nunique() == 1


def test_payback_is_a_month_per_cohort(done):
    assert done.tables["payback"]["payback_month"].min() >= 1


def test_the_price_test_has_an_arm_at_full_price(done):
    assert done.tables["price_test"]["depth"].iloc[0] == 0


@pytest.mark.parametrize(
    ("part", "needs"),
    [("payback", "--acquisition-cost"), ("campaign", "--campaign"), ("retention", "--uplift")],
)
def test_a_part_without_its_term_names_the_flag(shop, part, needs):
    with pytest.raises(ValueError, match=needs):
        PARTS[part](dataclasses.replace(shop, terms=Terms()), Actions())


def test_protected_columns_leave_the_log():
    log = simulate(50, days=100).log
    kept = room._without_protected(log, Terms(protected=("channel",)), ["recency"], Actions())
    assert "channel" not in kept


def test_a_champion_that_uses_a_protected_column_is_refused():
    log = simulate(50, days=100).log
    with pytest.raises(ValueError, match="'margin_rate' uses the protected column 'cost'"):
        room._without_protected(log, Terms(protected=("cost",)), ["margin_rate"], Actions())


def test_a_protected_column_that_is_not_in_the_log_is_told():
    done = Actions()
    room._without_protected(simulate(50, days=100).log, Terms(protected=("chanel",)), [], done)
    assert "no column 'chanel'" in done.refused["protected"]


def test_a_list_too_short_for_proof_keeps_a_fifth_untreated(shop):
    done, chosen = Actions(), pd.DataFrame(index=shop.X.index[:50])
    drawn = room.draw_control(chosen, (0.1, 0.11), shop, done)
    assert drawn.sum() == 10
    assert "10 of 50 stay untreated" in done.refused["control group"]
