"""The parts of `cltv act` on a simulated shop, without a registered model: quick, and with all columns."""

import base64
import dataclasses
import importlib

import numpy as np
import pandas as pd
import pytest

from cltv_ml import decisions, pipelines
from cltv_ml.actions import products
from cltv_ml.actions import shop as room
from cltv_ml.actions.campaigns import _best_list, show_policies, tell_policies
from cltv_ml.actions.exports import ExportOrder, build_export
from cltv_ml.actions.lists import win_back_terms
from cltv_ml.actions.questions import missing_section
from cltv_ml.actions.terms import Actions, PastCampaign, Terms
from cltv_ml.customers import CustomerTables
from cltv_ml.data import Cleaned, simulate
from cltv_ml.decisions import variety
from cltv_ml.errors import InputError
from cltv_ml.log import Log
from cltv_ml.pipelines.act import PARTS, _write_act
from cltv_ml.windows import Window


def test_a_fault_in_a_part_is_not_left_out_with_a_sentence(shop, monkeypatch, tmp_path):
    def fail(*_):
        raise ValueError("planted")

    monkeypatch.setattr(importlib.import_module("cltv_ml.pipelines.act"), "read_shop", lambda *_: shop)
    monkeypatch.setitem(PARTS, "margins", fail)
    with pytest.raises(ValueError, match="planted"):
        pipelines.act(data=Cleaned(shop.log.frame, shop.log.frame.iloc[:0], None), out=tmp_path)


def test_a_champion_without_p_alive_keeps_its_own_expected_purchases(shop):
    own = pd.DataFrame({"expected_value": 1.0, "expected_purchases": 2.0}, index=shop.X.index)
    filled = room.with_purchases(own, shop.X, 91)
    assert (filled["expected_purchases"] == 2.0).all()
    assert filled["p_alive"].between(0, 1).all()


def test_every_part_is_answered_for_a_log_with_all_columns(done):
    assert all(name.startswith("proof that the ") for name in done.refused)


def test_a_campaign_that_worked_promises_more_than_it_costs(done):
    lesson = done.tables["campaign_lesson"].loc["mail"]
    assert lesson["uplift"] == pytest.approx(0.3, abs=0.08)
    listed = done.tables["campaign_list"]
    assert 0 < listed["cost"].sum() <= 200
    assert (listed["expected_profit"] > 0).all()


def test_the_lesson_of_a_campaign_is_drawn_as_a_qini_curve(done):
    lesson = next(one for one in done.sections if one["title"] == "Lessons from the past campaign")
    assert len(lesson["figures"]) == 1
    assert done.tables["qini_curve"]["share"].max() == 1


def test_the_campaign_list_names_segment_offer_products_and_reason(shop, done):
    listed = done.tables["campaign_list"]
    assert listed[["segment", "offer", "products", "reason"]].notna().all(axis=None)
    assert set(listed["offer"]) == {"mail"}
    assert listed["reason"].str.contains("mail changes the chance to buy by").all()
    assert set(listed["read_on"]) == {shop.window.cutoff + pd.Timedelta(days=7)}


def test_other_ways_of_choosing_arms_are_judged_by_what_they_would_have_earned(done):
    table = done.tables["policy_value"]
    assert set(table["policy"]) == {
        "as it was",
        "control for everyone",
        "mail for everyone",
        "each customer's best",
    }
    robust = table[table["estimator"] == "doubly_robust"].set_index("policy")["value"]
    assert robust["mail for everyone"] > robust["control for everyone"]
    lesson = next(one for one in done.sections if one["title"] == "Lessons from the past campaign")
    assert "doubly robust" in " ".join(lesson["sentences"])


def test_arms_that_were_not_drawn_at_random_need_their_probabilities(shop, done):
    past = shop.terms.campaign
    often = shop.X["frequency"].reindex(past.sent["customer_id"]).fillna(0).to_numpy() > 1
    picked = past.sent.assign(arm=np.where(often, "mail", "control"))
    picked.loc[::3, "arm"] = np.where(often[::3], "control", "mail")
    terms = dataclasses.replace(shop.terms, campaign=dataclasses.replace(past, sent=picked))
    found = Actions(tables=dict(done.tables), rates=done.rates)
    del found.tables["policy_value"]
    PARTS["campaign"](dataclasses.replace(shop, terms=terms), found)
    assert "column propensity" in found.refused["policy value"]
    assert "policy_value" not in found.tables


LISTS = ("retention_list", "campaign_list", "cross_sell_list", "upsell_list")


@pytest.mark.parametrize("name", LISTS)
def test_every_list_names_action_cost_profit_control_and_the_day_to_read_it(shop, done, name):
    listed = done.tables[name]
    assert listed["action"].str.len().gt(0).all()
    assert (listed["expected_profit"] > 0).all()
    assert 0 < listed["control"].sum() < len(listed)
    assert (listed["read_on"] > shop.window.cutoff).all()
    assert listed[["cost", "reason"]].notna().all(axis=None)


def test_a_list_is_exported_without_its_control_group(shop, done):
    for name in LISTS:
        listed = done.tables[name].set_index("customer_id")
        people = listed.assign(email=[f"{customer}@example.org" for customer in listed.index])
        table, left_out = build_export("klaviyo", people, ExportOrder("EUR"))
        treated = listed[~listed["control"].astype(bool)]
        assert left_out["control group"] == len(listed) - len(treated)
        assert table["Email Address"].tolist() == [
            f"{customer.lower()}@example.org" for customer in treated.index
        ]
        assert (listed["expected_value"] == shop.predictions["expected_value"].reindex(listed.index)).all()


def test_the_profit_of_showing_products_is_the_stated_effect_on_their_margin(done):
    listed = done.tables["cross_sell_list"].set_index("customer_id")["expected_profit"]
    margin = done.tables["cross_sell"].groupby("customer_id")["expected_margin"].sum()
    assert listed.to_numpy() == pytest.approx(0.5 * margin[listed.index].to_numpy() - 0.1)


def test_a_list_of_products_asks_for_what_showing_them_does(shop, done):
    found = Actions(tables={name: done.tables[name] for name in ("customers", "margins_by_product")})
    PARTS["cross-sell"](dataclasses.replace(shop, terms=Terms(cost=0.1)), found)
    assert "--cross-sell-uplift" in found.refused["cross-sell list"]
    assert len(found.tables["cross_sell"])


def test_without_costs_a_dearer_product_earns_the_margin_rate_of_what_it_costs_more(shop, done):
    cheap = dataclasses.replace(shop, log=Log(shop.log.frame.drop(columns="cost")))
    found = Actions(tables=dict(done.tables), rates=done.rates)
    PARTS["upsell"](cheap, found)
    table = found.tables["upsell"]
    rate = done.tables["customers"]["margin_rate"][table["customer_id"]].to_numpy()
    assert table["extra_margin"].to_numpy() == pytest.approx(
        rate * (table["price"] - table["usual_price"]).to_numpy()
    )


def test_a_budget_of_zero_leaves_the_recommendations_and_refuses_their_list(shop, done):
    found = Actions(tables={name: done.tables[name] for name in ("customers", "margins_by_product")})
    PARTS["cross-sell"](dataclasses.replace(shop, terms=dataclasses.replace(shop.terms, budget=0.0)), found)
    assert "a budget of 0.0 treats nobody" in found.refused["cross-sell list"]
    assert len(found.tables["cross_sell"])
    assert found.sections


def test_no_list_shows_an_excluded_category(shop, done):
    found = Actions(tables=dict(done.tables), rates=done.rates)
    terms = dataclasses.replace(shop.terms, exclude=("coffee",))
    for part in ("cross-sell", "upsell"):
        PARTS[part](dataclasses.replace(shop, terms=terms), found)
        assert "coffee" in set(done.tables[part.replace("-", "_")]["category"])
        assert "coffee" not in set(found.tables[part.replace("-", "_")]["category"])


def test_categories_are_recommended_where_no_product_has_enough_buyers(shop, done):
    rare = shop.log.frame.assign(product_id=[f"p{row}" for row in range(len(shop.log))])
    found = Actions(tables=dict(done.tables), rates=done.rates)
    PARTS["cross-sell"](dataclasses.replace(shop, log=Log(rare)), found)
    assert set(found.tables["cross_sell"]["item"]) <= set(shop.log.frame["category"])
    assert "Categories instead of products" in str(found.sections[0])
    with pytest.raises(ValueError, match="two items with at least 20 buyers"):
        PARTS["cross-sell"](dataclasses.replace(shop, log=Log(rare.drop(columns="category"))), Actions())


def test_an_item_that_leads_most_lists_is_told():
    table = pd.DataFrame(
        {"rank": 1, "item": ["fuel", "fuel", "fuel", "jam"], "category": ["FUEL", "FUEL", "FUEL", "SWEET"]}
    )
    assert "fuel (FUEL) ranks first for 75% of the customers" in products._leading(table)[0]
    assert "state the margin" not in products._leading(table, costs_known=True)[0]
    assert products._leading(table.assign(item=list("aabc"))) == []


def test_where_nothing_is_personal_segments_get_what_they_buy_more_often(shop, done, monkeypatch):
    monkeypatch.setattr(products, "_LEADS", 0.0)
    monkeypatch.setattr(variety, "CLEAR_ERRORS", -9)  # the small shop has no favourite beyond chance
    found = Actions(tables={"customers": done.tables["customers"]}, rates=done.rates)
    PARTS["cross-sell"](shop, found)
    table = found.tables["favourites_by_segment"]
    assert (table["lift"] > 1).all()
    shown = found.sections[0]["tables"][0]
    assert len(shown["rows"]) == len(table) > 0


def test_the_margins_of_tiers_are_not_called_those_of_segments(done):
    assert done.tables["margins_by_tier"].index.name == "tier"
    assert done.tables["margins_by_segment"].index.name == "segment"


def test_a_category_with_a_margin_of_its_own_keeps_it(shop):
    log = shop.log.frame.drop(columns="cost")
    terms = Terms(margin_rate=0.4, category_margins={"tea": 0.05})
    found = Actions(tables={"customers": shop.predictions.assign(segment="all")})
    PARTS["margins"](dataclasses.replace(shop, log=Log(log), terms=terms), found)
    rates = found.tables["margins_by_category"]["contribution_rate"]
    assert rates["tea"] == pytest.approx(0.05, abs=1e-4)
    assert rates.drop("tea").to_numpy() == pytest.approx(0.4, abs=1e-4)
    PARTS["margins"](dataclasses.replace(shop, log=Log(log), terms=Terms(margin_rate=0.4)), found)
    told = [part["sentences"][1] for part in found.sections]
    assert told == [
        "Every product brought in more than it cost.",
        "You stated one margin rate for everything, so no product can lose money.",
    ]


def test_the_figure_of_a_short_list_ends_soon_after_the_list_begins_to_lose(shop):
    """A list of 51 of 3,002 customers had been a dot at the left edge."""
    found = Actions(rules={"tiers": {}})
    dear = dataclasses.replace(shop, terms=dataclasses.replace(shop.terms, cost=1.5, budget=None))
    for part in ("segments", "margins", "retention"):
        PARTS[part](dear, found)
    curve = found.tables["retention_curve"]
    gaining = curve.loc[curve["expected_profit"] >= 0, "customers"].max()
    line = found.sections[-1]["figures"][0]["figure"]["data"][0]["x"]
    lengths = np.frombuffer(base64.b64decode(line["bdata"]), line["dtype"])
    assert gaining < lengths.max() <= max(10, 1.5 * gaining)
    assert lengths.max() < curve["customers"].max()


def test_the_terms_of_the_win_back_list_are_told_to_the_report(shop, done):
    worth = shop.predictions["expected_value"]
    margin = 100 * float((done.rates.reindex(worth.index) * worth).sum() / worth.sum())
    told = win_back_terms(shop, done)
    assert told == {"margin": pytest.approx(margin, abs=0.05), "uplift": 10.0, "cost": 0.1}
    by_lifetime = dataclasses.replace(shop, terms=dataclasses.replace(shop.terms, value="lifetime"))
    assert win_back_terms(by_lifetime, done) is None


def test_margin_rates_are_those_of_the_lifetime_values(shop, done):
    margins = done.tables["margins_by_customer"]
    rates = decisions.customer_margin_rates(margins, decisions.margin_credibility(shop.log))
    customers = done.tables["customers"]
    assert customers["margin_rate"].to_numpy() == pytest.approx(rates.reindex(customers.index).to_numpy())


def test_a_stated_margin_that_gives_way_to_the_logs_costs_is_told(shop, done):
    found = Actions(tables={"customers": shop.predictions.assign(segment="all")})
    PARTS["margins"](dataclasses.replace(shop, terms=dataclasses.replace(shop.terms, margin_rate=0.9)), found)
    assert found.notes == ["Every line has its own cost, so the stated margin rate is not used."]
    assert found.notes[0] in found.sections[0]["sentences"]
    assert done.notes == []


def test_a_margin_of_a_category_that_is_not_there_is_refused(shop):
    terms = Terms(margin_rate=0.4, category_margins={"te": 0.05})
    with pytest.raises(ValueError, match="has the category 'te'"):
        PARTS["margins"](dataclasses.replace(shop, terms=terms), Actions())


def test_products_on_a_list_are_followed_by_their_category(shop, done):
    category = shop.log.frame.drop_duplicates("product_id").set_index("product_id")["category"]
    first = done.tables["campaign_list"]["products"].iloc[0].split(", ")[0]
    item = first.split(" ")[0]
    assert first == f"{item} ({category[item]})"
    assert (done.tables["cross_sell"]["category"] == done.tables["cross_sell"]["item"].map(category)).all()


def test_products_are_followed_by_their_name_where_the_data_give_one(shop, done):
    goods = sorted(shop.log.frame["product_id"].unique())
    named = dataclasses.replace(shop, product_names={product: f"name of {product}" for product in goods[1:]})
    found = Actions(tables={"customers": done.tables["customers"]}, rates=done.rates)
    PARTS["cross-sell"](named, found)
    table = found.tables["cross_sell"]
    assert (table["product_name"].dropna() == "name of " + table["item"][table["product_name"].notna()]).all()
    assert set(table.loc[table["product_name"].isna(), "item"]) <= {goods[0]}
    shown = products.products_of(pd.Index(table["customer_id"]), found)
    known = table["product_name"].notna().to_numpy()
    assert (shown["item"][known] == table["item"][known] + " (" + table["product_name"][known] + ")").all()


def test_no_price_is_tested_where_everybody_buys_anyway(shop, done):
    thin = pd.Series(0.115, index=done.tables["margins_by_customer"].index)
    every = shop.log.frame.drop_duplicates("customer_id").assign(
        timestamp=shop.window.cutoff - pd.Timedelta(days=1)
    )
    busy = dataclasses.replace(shop, log=Log(pd.concat([shop.log.frame, every])))
    with pytest.raises(ValueError, match="100% of the customers buy within 28 days anyway"):
        PARTS["price test"](busy, Actions(rates=thin))


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


def _protect(*columns):
    """What is known of customers and the terms where these columns are protected."""
    return CustomerTables(protected=columns), Terms(protected=columns)


def test_protected_columns_leave_the_log():
    log = simulate(50, days=100).log
    kept = room._without_protected(log, *_protect("channel"), ["recency"], Actions())
    assert "channel" not in kept


def test_a_champion_that_uses_a_protected_column_is_refused():
    log = simulate(50, days=100).log
    with pytest.raises(ValueError, match="'margin_rate' uses the protected column 'cost'"):
        room._without_protected(log, *_protect("cost"), ["margin_rate"], Actions())


def test_a_protected_column_that_is_not_in_the_log_is_told():
    done = Actions()
    room._without_protected(simulate(50, days=100).log, *_protect("chanel"), [], done)
    assert "no column 'chanel'" in done.refused["protected"]


def test_a_list_too_short_for_proof_keeps_a_fifth_untreated(shop):
    done, chosen = Actions(), pd.DataFrame(index=shop.X.index[:50])
    drawn = room.draw_untreated(chosen, (0.1, 0.11), shop, done, name="cross_sell_list")
    assert drawn.sum() == 10
    assert "10 of 50 stay untreated" in done.refused["proof that the cross-sell list works"]


def test_the_cost_of_winning_may_differ_by_customer(shop, done):
    first = shop.log.frame.groupby("customer_id")["timestamp"].min()
    paid = pd.Series(np.where(first < "2022-06-01", 1e6, 0.01), index=first.index)
    terms = dataclasses.replace(shop.terms, acquisition_cost=paid, acquisition_notes=("1 of 2 has none.",))
    found = Actions(tables={"customers": done.tables["customers"]}, rates=done.rates)
    for part in ("margins", "payback"):
        PARTS[part](dataclasses.replace(shop, terms=terms), found)
    early = found.tables["payback"].index < pd.Timestamp("2022-06-01")
    assert found.tables["payback"]["payback_month"][early].isna().all()
    assert (found.tables["payback"]["payback_month"][~early] == 1).mean() > 0.5
    assert found.tables["margins_by_customer"]["acquisition"].sum() == pytest.approx(paid.sum())
    assert "1 of 2 has none." in found.sections[-1]["sentences"]


def test_what_is_missing_is_asked_in_words_with_the_option_apart(shop):
    bare, refused = dataclasses.replace(shop, terms=Terms()), {}
    for name in ("retention", "campaign", "payback"):
        with pytest.raises(InputError) as why:
            PARTS[name](bare, Actions())
        refused[name] = str(why.value)
    asked = missing_section(refused)
    assert asked["sentences"] == []
    questions = asked["questions"]
    assert all(one["question"].endswith("?") and "--" not in one["question"] for one in questions)
    assert ["--margin-rate" in questions[0]["how"], *(one["how"].split()[0] for one in questions[1:])] == [
        True,
        "--acquisition-cost",
        "--cost",
        "--uplift",
        "--campaign",
    ]
    assert questions[3]["shows"] == "The answer adds the list of customers to win back."
    how = [one["how"] for one in missing_section(refused, "JPY")["questions"]]
    assert ("--cost 0.5" in [one["how"] for one in questions], "--cost 50" in how) == (True, True)


def test_a_missing_column_is_asked_for_in_words():
    """The page of a marketer had "needs the column 'category', but the log has customer_id, timestamp, ..."."""
    log = Log(
        pd.DataFrame({"customer_id": ["a"], "timestamp": pd.to_datetime(["2024-01-01"]), "amount": [1.0]})
    )
    refused = {}
    for part, task, column in (
        ("upsell", "upselling", "category"),
        ("offers", "a price response", "discount"),
    ):
        with pytest.raises(InputError) as why:
            log.connect_for(task, [column])
        refused[part] = str(why.value)
    refused["price test"] = "margins are unknown: map a cost column, or state --margin-rate."
    asked = missing_section(refused)
    assert [one["how"] for one in asked["questions"]][1:] == [
        "a column mapped to category",
        "a column mapped to discount",
    ]
    assert (
        asked["questions"][0]["shows"]
        == "The answer adds the number of customers that a test of prices needs."
    )
    assert asked["details"] == []


def test_a_list_asks_only_for_what_was_not_stated(shop, done):
    found = Actions(tables=dict(done.tables), rates=done.rates)
    for part in ("cross-sell", "upsell"):
        PARTS[part](dataclasses.replace(shop, terms=Terms(cost=0.1)), found)
    asked = missing_section(found.refused)["questions"]
    assert [one["how"].split()[0] for one in asked] == ["--cross-sell-uplift", "--upsell-share"]
    assert asked[0]["question"] == "By what share does showing a product raise its sales?"


def test_an_answer_that_several_lists_need_is_asked_for_once(shop, done):
    found = Actions(tables=dict(done.tables), rates=done.rates)
    for part in ("cross-sell", "upsell"):
        PARTS[part](dataclasses.replace(shop, terms=dataclasses.replace(shop.terms, cost=None)), found)
    (asked,) = missing_section(found.refused)["questions"]
    assert asked["question"] == "What does it cost to treat one customer?"
    assert asked["shows"].count("list of customers to show") == 2


def test_no_list_is_asked_for_where_no_product_could_be_shown(shop, done, monkeypatch):
    none = done.tables["upsell"].iloc[:0]
    monkeypatch.setattr(products.decisions, "recommend_upsell", lambda *args, **kwargs: none)
    with pytest.raises(InputError, match="no customer has a more expensive product to move up to"):
        PARTS["upsell"](
            dataclasses.replace(shop, terms=Terms()), Actions(tables=dict(done.tables), rates=done.rates)
        )


def test_a_list_that_nobody_is_worth_is_told_and_an_earlier_one_deleted(shop, done, tmp_path):
    dear = dataclasses.replace(shop, terms=dataclasses.replace(shop.terms, cost=1e6))
    found = Actions(tables={**done.tables}, rules=dict(done.rules), rates=done.rates)
    del found.tables["retention_list"]
    PARTS["retention"](dear, found)
    assert "no customer is expected to earn the cost" in found.refused["retention list"]
    told = found.sections[-1]["sentences"]
    assert told[-1] == "So there is no list: one of any length is expected to lose money."
    assert not any("control group" in sentence for sentence in told)
    (tmp_path / "retention_list.csv").write_text("customer_id\nsomebody\n")
    _write_act(found, dear, tmp_path)
    assert not (tmp_path / "retention_list.csv").exists()
    assert found.deleted == ["retention_list.csv"]


def test_a_recommender_not_shown_to_beat_popular_items_is_not_used(shop, done, monkeypatch):
    judged = done.tables["cross_sell_quality"].sort_index()
    judged = judged.loc[["similar_items", "most_popular"]].assign(
        verdict="not shown to beat the most popular items"
    )
    monkeypatch.setattr(products.decisions, "evaluate_cross_sell", lambda *args, **kwargs: judged)
    monkeypatch.setattr(variety, "CLEAR_ERRORS", -9)  # the small shop has no favourite beyond chance
    found = Actions(tables={"customers": done.tables["customers"]}, rates=done.rates)
    PARTS["cross-sell"](shop, found)
    assert found.tables["cross_sell"]["because"].isna().all()
    assert found.sections[0]["sentences"][0].startswith("There is nothing personal to recommend")
    assert found.sections[0]["tables"]


def test_the_outcome_of_a_campaign_that_is_not_over_names_the_options(shop, done):
    late = PastCampaign(shop.terms.campaign.sent, Window(shop.log.last.normalize(), 7))
    terms = dataclasses.replace(shop.terms, campaign=late)
    with pytest.raises(InputError, match="an earlier --campaign-start or a shorter --campaign-days"):
        PARTS["campaign"](
            dataclasses.replace(shop, terms=terms), Actions(tables=dict(done.tables), rates=done.rates)
        )


def test_what_no_option_answers_keeps_its_sentence():
    part = missing_section({"retention": "no customer is at risk or lapsed, so there is nobody to win back."})
    assert part["questions"] == []
    assert part["sentences"][0].startswith("Retention: no customer is at risk")


def test_the_page_shows_divided_segments_as_amounts_under_plain_headings(shop):
    levels = pd.Series("web", index=shop.predictions.index, name="origin")
    terms = dataclasses.replace(shop.terms, currency="EUR")
    found = Actions(rules={"tiers": {}})
    PARTS["segments"](dataclasses.replace(shop, levels=levels, terms=terms), found)
    (shown,) = found.sections[0]["tables"]
    assert shown["head"] == ["Segment", "Customers", "Orders", "Revenue so far", "Expected value"]
    assert all(row[-1].endswith(" EUR") for row in shown["rows"])


def test_a_share_in_percent_is_refused():
    for name in ("uplift", "upsell_share"):
        with pytest.raises(InputError, match=rf"{name} must be at most 1 \(0.1 is 10%\), got 10."):
            Terms(**{name: 10.0})


def test_an_order_without_a_number_counts_as_the_customers_day():
    log = pd.DataFrame(
        {"customer_id": "a", "timestamp": pd.Timestamp("2024-01-05"), "amount": [10.0, 60.0, 30.0]}
    )
    log["order_id"] = ["one", None, None]
    assert room.order_values(log, pd.Index(["a"])).tolist() == [pytest.approx((10 + 90 + 50) / 3)]


def test_profits_of_policies_in_a_currency_of_small_units_are_written_out():
    row = {
        "policy": "mail",
        "estimator": "doubly_robust",
        "value": 12345.6,
        "lower": -250.5,
        "upper": 24000.0,
    }
    table = pd.DataFrame([{**row, "customers": 90}])
    assert "12,346 JPY per customer (-250.5 to 24,000," in tell_policies(table, "JPY")[0]
    assert show_policies(table, "JPY").iloc[0, 2:4].tolist() == ["12,346", "-250.5 to 24,000"]


def test_the_longest_list_that_loses_no_money_is_named():
    treatment = pd.DataFrame({"cost": 1.0, "expected_profit": [3.0, 1.0, -2.0, -5.0]})
    told = _best_list(treatment, decisions.profit_curve(treatment), "EUR")
    assert told.endswith("; a list of more than 3 customers loses money.")


def test_tables_of_a_log_with_lines_without_a_cost_agree_on_the_margin(shop):
    """At the stated rate for the gaps; without one, what needs a cost of every line is left out."""
    lines = shop.log.frame
    gaps = Log(lines.assign(cost=lines["cost"].where(np.arange(len(lines)) % 4 > 0)))
    for rate in (0.35, None):
        terms = Terms(margin_rate=rate, acquisition_cost=8.0)
        found = Actions(rules={"tiers": {}})
        for part in ("segments", "margins"):
            try:
                PARTS[part](dataclasses.replace(shop, log=gaps, terms=terms), found)
            except InputError as error:
                found.refused[part] = str(error)
        margin = found.tables["segments_by_rfm"]["margin"]
        if rate is None:
            assert margin.isna().all()
            assert "margins" in found.refused
        else:
            whole = found.tables["margins_by_segment"]["contribution_margin"]
            assert margin.to_dict() == pytest.approx(whole.to_dict())
