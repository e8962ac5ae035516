"""The parts of `cltv act` on a simulated shop, without a registered model: quick, and with all columns."""

import dataclasses
import importlib
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cltv_ml import decisions, pipelines
from cltv_ml.actions import changes, lists, products
from cltv_ml.actions import shop as room
from cltv_ml.actions.changes import add_changes
from cltv_ml.actions.questions import missing_section
from cltv_ml.actions.shop import Shop
from cltv_ml.actions.terms import Actions, PastCampaign, Terms
from cltv_ml.data import Cleaned, simulate
from cltv_ml.data.known import Known
from cltv_ml.errors import InputError
from cltv_ml.features import build_features, default_features
from cltv_ml.log import Log
from cltv_ml.models import MBGNBD, ProbabilisticValue
from cltv_ml.pipelines.act import PARTS, _for_readers, _page, _write
from cltv_ml.reporting.list_totals import compute_list_totals, recompute
from cltv_ml.serving import registered_model
from cltv_ml.windows import Window

WINDOW = Window("2023-05-16", 91)
TERMS = Terms(uplift=0.1, cross_sell_uplift=0.5, upsell_share=0.2, cost=0.1, budget=200, acquisition_cost=8.0)


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
        log=Log(log),
        window=WINDOW,
        X=X,
        predictions=predictions,
        tiers=decisions.apply_tiers(predictions["expected_value"], cuts).rename("tier"),
        lifecycle=decisions.apply_lifecycle(X, decisions.fit_lifecycle(X), predictions["p_alive"]),
        terms=dataclasses.replace(TERMS, campaign=PastCampaign(sent, Window(start, 7))),
        groups=log.groupby("customer_id")["channel"].agg(lambda values: values.mode()[0]).to_frame(),
        version=3,
    )


@pytest.fixture(scope="module")
def done(shop):
    found = Actions(rules={"tiers": {}})
    for part in PARTS.values():
        part(shop, found)
    return found


def test_a_fault_in_a_part_is_not_left_out_with_a_sentence(shop, monkeypatch, tmp_path):
    def fail(*_):
        raise ValueError("planted")

    monkeypatch.setattr(importlib.import_module("cltv_ml.pipelines.act"), "look", lambda *_: shop)
    monkeypatch.setitem(PARTS, "margins", fail)
    with pytest.raises(ValueError, match="planted"):
        pipelines.act(data=Cleaned(shop.log.frame, shop.log.frame.iloc[:0], None), out=tmp_path)


def test_a_champion_without_p_alive_keeps_its_own_expected_purchases(shop):
    own = pd.DataFrame({"expected_value": 1.0, "expected_purchases": 2.0}, index=shop.X.index)
    filled = room.with_purchases(own, shop.X, 91)
    assert (filled["expected_purchases"] == 2.0).all()
    assert filled["p_alive"].between(0, 1).all()


def test_every_part_is_answered_for_a_log_with_all_columns(done):
    assert all(name.startswith("control group of") for name in done.refused)


def test_a_campaign_that_worked_promises_more_than_it_costs(done):
    lesson = done.tables["campaign_lesson"].loc["mail"]
    assert lesson["uplift"] == pytest.approx(0.3, abs=0.08)
    listed = done.tables["campaign_list"]
    assert 0 < listed["cost"].sum() <= 200
    assert (listed["expected_profit"] > 0).all()


def test_the_lesson_of_a_campaign_is_drawn_as_a_qini_curve(done):
    lesson = next(one for one in done.sections if one["title"] == "What the past campaign teaches")
    assert len(lesson["figures"]) == 1
    assert done.tables["qini_curve"]["share"].max() == 1


def test_the_campaign_list_names_segment_offer_products_and_reason(done):
    listed = done.tables["campaign_list"]
    assert listed[["segment", "offer", "products", "reason"]].notna().all(axis=None)
    assert set(listed["offer"]) == {"mail"}
    assert listed["reason"].str.contains("points of chance to buy with mail").all()
    assert set(listed["read_on"]) == {WINDOW.cutoff + pd.Timedelta(days=7)}


def test_other_ways_of_choosing_arms_are_judged_by_what_they_would_have_earned(done):
    table = done.tables["policy_value"]
    assert set(table["policy"]) == {
        "as it was",
        "control for everybody",
        "mail for everybody",
        "each customer's best",
    }
    robust = table[table["estimator"] == "doubly_robust"].set_index("policy")["value"]
    assert robust["mail for everybody"] > robust["control for everybody"]
    lesson = next(one for one in done.sections if one["title"] == "What the past campaign teaches")
    assert "doubly robust" in " ".join(lesson["sentences"])


def test_arms_that_were_not_drawn_at_random_need_their_probabilities(shop, done):
    past = shop.terms.campaign
    often = shop.X["frequency"].reindex(past.sent["customer_id"]).fillna(0).to_numpy() > 1
    picked = past.sent.assign(arm=np.where(often, "mail", "control"))
    picked.loc[::3, "arm"] = np.where(often[::3], "control", "mail")
    terms = dataclasses.replace(shop.terms, campaign=dataclasses.replace(past, sent=picked))
    found = Actions(tables=dict(done.tables))
    del found.tables["policy_value"]
    PARTS["campaign"](dataclasses.replace(shop, terms=terms), found)
    assert "column propensity" in found.refused["policy value"]
    assert "policy_value" not in found.tables


LISTS = ("retention_list", "campaign_list", "cross_sell_list", "upsell_list")


@pytest.mark.parametrize("name", LISTS)
def test_every_list_names_action_cost_profit_control_and_the_day_to_read_it(done, name):
    listed = done.tables[name]
    assert listed["action"].str.len().gt(0).all()
    assert (listed["expected_profit"] > 0).all()
    assert 0 < listed["control"].sum() < len(listed)
    assert (listed["read_on"] > WINDOW.cutoff).all()
    assert listed[["cost", "reason"]].notna().all(axis=None)


def test_the_profit_of_showing_products_is_the_stated_effect_on_their_margin(done):
    listed = done.tables["cross_sell_list"].set_index("customer_id")["expected_profit"]
    margin = done.tables["cross_sell"].groupby("customer_id")["expected_margin"].sum()
    assert listed.to_numpy() == pytest.approx(0.5 * margin[listed.index].to_numpy() - 0.1)


def test_a_list_of_products_asks_for_what_showing_them_does(shop, done):
    found = Actions(tables={"margins_by_product": done.tables["margins_by_product"]})
    PARTS["cross-sell"](dataclasses.replace(shop, terms=Terms(cost=0.1)), found)
    assert "--cross-sell-uplift" in found.refused["cross-sell list"]
    assert len(found.tables["cross_sell"])


def test_without_costs_a_dearer_product_earns_the_margin_rate_of_what_it_costs_more(shop, done):
    cheap = dataclasses.replace(shop, log=Log(shop.log.frame.drop(columns="cost")))
    found = Actions(tables=dict(done.tables))
    PARTS["upsell"](cheap, found)
    table = found.tables["upsell"]
    rate = done.tables["customers"]["margin_rate"][table["customer_id"]].to_numpy()
    assert table["extra_margin"].to_numpy() == pytest.approx(
        rate * (table["price"] - table["usual_price"]).to_numpy()
    )


def test_a_budget_of_zero_leaves_the_recommendations_and_refuses_their_list(shop, done):
    found = Actions(tables={"margins_by_product": done.tables["margins_by_product"]})
    PARTS["cross-sell"](dataclasses.replace(shop, terms=dataclasses.replace(shop.terms, budget=0.0)), found)
    assert "a budget of 0.0 treats nobody" in found.refused["cross-sell list"]
    assert len(found.tables["cross_sell"])
    assert found.sections


def test_no_list_shows_an_excluded_category(shop, done):
    found = Actions(tables=dict(done.tables))
    terms = dataclasses.replace(shop.terms, exclude=("coffee",))
    for part in ("cross-sell", "upsell"):
        PARTS[part](dataclasses.replace(shop, terms=terms), found)
        assert "coffee" in set(done.tables[part.replace("-", "_")]["category"])
        assert "coffee" not in set(found.tables[part.replace("-", "_")]["category"])


def test_categories_are_recommended_where_no_product_has_enough_buyers(shop, done):
    rare = shop.log.frame.assign(product_id=[f"p{row}" for row in range(len(shop.log))])
    found = Actions(tables=dict(done.tables))
    PARTS["cross-sell"](dataclasses.replace(shop, log=Log(rare)), found)
    assert set(found.tables["cross_sell"]["item"]) <= set(shop.log.frame["category"])
    assert "Categories instead of products" in str(found.sections[0])
    with pytest.raises(ValueError, match="two items with at least 20 buyers"):
        PARTS["cross-sell"](dataclasses.replace(shop, log=Log(rare.drop(columns="category"))), Actions())


def test_an_item_that_leads_most_lists_is_told():
    table = pd.DataFrame(
        {"rank": 1, "item": ["fuel", "fuel", "fuel", "jam"], "category": ["FUEL", "FUEL", "FUEL", "SWEET"]}
    )
    assert "fuel (FUEL) leads the list of 75% of the customers" in products._leading(table)[0]
    assert products._leading(table.assign(item=list("aabc"))) == []


def test_where_nothing_is_personal_segments_get_what_they_buy_more_often(shop, done, monkeypatch):
    monkeypatch.setattr(products, "_LEADS", 0.0)
    found = Actions(tables={"customers": done.tables["customers"]})
    PARTS["cross-sell"](shop, found)
    table = found.tables["favourites_by_segment"]
    assert (table["lift"] > 1).all()
    shown = found.sections[0]["tables"][0]
    assert len(shown["rows"]) == len(table) > 0


def test_a_category_with_a_margin_of_its_own_keeps_it(shop):
    log = shop.log.frame.drop(columns="cost")
    terms = Terms(margin_rate=0.4, category_margins={"tea": 0.05})
    found = Actions(tables={"customers": shop.predictions.assign(segment="all")})
    PARTS["margins"](dataclasses.replace(shop, log=Log(log), terms=terms), found)
    rates = found.tables["margins_by_category"]["contribution_rate"]
    assert rates["tea"] == pytest.approx(0.05, abs=1e-4)
    assert rates.drop("tea").to_numpy() == pytest.approx(0.4, abs=1e-4)


def test_a_margin_of_a_category_that_is_not_there_is_refused(shop):
    terms = Terms(margin_rate=0.4, category_margins={"te": 0.05})
    with pytest.raises(ValueError, match="of the category 'te'"):
        PARTS["margins"](dataclasses.replace(shop, terms=terms), Actions())


def test_products_on_a_list_are_followed_by_their_category(shop, done):
    category = shop.log.frame.drop_duplicates("product_id").set_index("product_id")["category"]
    first = done.tables["campaign_list"]["products"].iloc[0].split(", ")[0]
    item = first.split(" ")[0]
    assert first == f"{item} ({category[item]})"
    assert (done.tables["cross_sell"]["category"] == done.tables["cross_sell"]["item"].map(category)).all()


def test_no_price_is_tested_where_everybody_buys_anyway(shop, done):
    thin = done.tables["margins_by_customer"].assign(
        contribution_margin=done.tables["margins_by_customer"]["revenue"] * 0.115
    )
    every = shop.log.frame.drop_duplicates("customer_id").assign(
        timestamp=WINDOW.cutoff - pd.Timedelta(days=1)
    )
    busy = dataclasses.replace(shop, log=Log(pd.concat([shop.log.frame, every])))
    with pytest.raises(ValueError, match="100% of the customers buy within 28 days anyway"):
        PARTS["price test"](busy, Actions(tables={"margins_by_customer": thin}))


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
    return Known(protected=columns), Terms(protected=columns)


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
    drawn = room.draw_control(chosen, (0.1, 0.11), shop, done)
    assert drawn.sum() == 10
    assert "10 of 50 stay untreated" in done.refused["control group of 50"]


class EarlierModel:
    """What MLflow loads, as far as the accounting uses it: expects ten of everybody."""

    metadata = SimpleNamespace(metadata={"features": ["recency"], "tiers": {"low": 0.0, "high": 50.0}})

    def predict(self, X):
        return pd.DataFrame({"expected_value": 10.0}, index=X.index)


def changed(shop, done, before):
    """Return the tables and sentences of `add_changes` against earlier scores."""
    earlier = dataclasses.replace(shop, terms=dataclasses.replace(shop.terms, before=before))
    found = Actions(
        tables={"customers": done.tables["customers"]}, rules={"tiers": {"high": 50.0, "low": 0.0}}
    )
    add_changes(earlier, found)
    return found.tables, " ".join(found.sections[0]["sentences"])


def parts(table):
    """Return the changes by part, having checked that they sum exactly to the total."""
    change = table.set_index("part")["change"]
    assert round(change.drop("total").sum() * 10_000) == round(change["total"] * 10_000)
    return change


def test_the_same_scores_have_not_changed(shop, done):
    tables, told = changed(shop, done, done.tables["customers"])
    assert (parts(tables["value_change"]) == 0).all()
    assert (parts(tables["profit_change"]) == 0).all()
    assert "Version 3 of the model made both scores" in told


def test_scores_by_an_earlier_model_tell_its_change_apart(shop, done, monkeypatch):
    monkeypatch.setattr(registered_model, "load_version", lambda version: {2: EarlierModel()}[version])
    today = done.tables["customers"]
    before = today.assign(model_version=2, expected_value=10.0)
    tables, told = changed(shop, done, before)
    assert parts(tables["value_change"])["model"] == pytest.approx(
        today["expected_value"].sum() - 10 * len(today)
    )
    assert "Version 2 made the earlier scores" in told


def test_an_earlier_model_that_is_gone_stays_in_the_other_parts(shop, done, monkeypatch):
    def gone(version):
        raise InputError(f"version {version} of model 'cltv' cannot be read: not found; train again.")

    monkeypatch.setattr(registered_model, "load_version", gone)
    tables, told = changed(shop, done, done.tables["customers"].assign(model_version=2))
    assert parts(tables["value_change"])["model"] == 0
    assert "The part of the model is in the others: version 2" in told


def test_the_figures_of_changes_are_drawn_from_the_same_accounting(shop, done, monkeypatch):
    def look(_, terms, found):
        found.rules |= {"tiers": {"high": 50.0, "low": 0.0}}
        return dataclasses.replace(shop, terms=terms)

    monkeypatch.setattr(changes, "look", look)
    before = done.tables["customers"].sample(frac=0.8, random_state=0)
    before = before.assign(
        expected_value=before["expected_value"] * 0.7, cutoff=WINDOW.cutoff - pd.Timedelta(days=91)
    )
    tables, _ = changed(shop, done, before)
    found = changes.compute_changes(None, before)
    pd.testing.assert_frame_equal(found.change, tables["value_change"])
    pd.testing.assert_frame_equal(found.flows, tables["migration"])
    assert (parts(found.change) != 0).sum() > 3


def test_a_price_rise_between_two_scores_is_told_apart(shop, done):
    cutoff = WINDOW.cutoff - pd.Timedelta(days=91)
    dearer = shop.log.frame.assign(
        amount=shop.log.frame["amount"].where(
            shop.log.frame["timestamp"] < cutoff, shop.log.frame["amount"] * 2
        )
    )
    today = done.tables["customers"]
    plain, _ = changed(shop, done, today.assign(cutoff=cutoff))
    tables, _ = changed(dataclasses.replace(shop, log=Log(dearer)), done, today.assign(cutoff=cutoff))
    total = today["expected_value"].sum()
    before, after = (parts(one["value_change"])["prices and margins"] for one in (plain, tables))
    # What is bought at 1 + x times the price was worth 1 / (1 + x) of today's value at the prices of then.
    assert (1 - after / total) * 2 == pytest.approx(1 - before / total)


def test_a_margin_that_halved_is_told_apart_from_behaviour(shop, done):
    today = done.tables["customers"]
    before = today.assign(margin_rate=today["margin_rate"] * 2, expected_profit=today["expected_profit"] * 2)
    tables, _ = changed(shop, done, before)
    gained = today["margin_rate"] > 0
    assert parts(tables["profit_change"])["prices and margins"] == pytest.approx(
        -today.loc[gained, "expected_profit"].sum(), rel=1e-6
    )


def test_earlier_scores_that_say_nothing_of_themselves_are_behaviour(shop, done):
    before = done.tables["customers"][["tier", "expected_value"]]
    tables, told = changed(shop, done, before)
    assert set(tables) == {"customers", "migration", "value_change"}
    assert parts(tables["value_change"])["prices and margins"] == 0
    assert "Which model made the earlier scores is not known" in told


def test_earlier_scores_of_another_horizon_are_refused(shop, done):
    with pytest.raises(ValueError, match="look 182 days ahead and today's 91"):
        changed(shop, done, done.tables["customers"].assign(horizon=182))


def test_what_changed_of_another_value_is_taken_apart_where_the_earlier_table_holds_it(shop, done):
    customers = done.tables["customers"].assign(
        remaining_value=done.tables["customers"]["expected_value"] * 3
    )
    terms = dataclasses.replace(shop.terms, value="remaining", lifetimes=customers)
    shop, done = dataclasses.replace(shop, terms=terms), Actions(tables={"customers": customers})
    tables, told = changed(shop, done, customers.assign(remaining_value=customers["remaining_value"] / 2))
    total = tables["value_change"].set_index("part")["change"]["total"]
    assert total == pytest.approx(customers["remaining_value"].sum() / 2, rel=1e-6)
    assert "What is taken apart is the remaining value." in told
    with pytest.raises(
        InputError, match=r"holds no remaining_value; .* cltv act --value remaining --basis revenue"
    ):
        changed(shop, done, customers.drop(columns="remaining_value"))


def test_the_cost_of_winning_may_differ_by_customer(shop, done):
    first = shop.log.frame.groupby("customer_id")["timestamp"].min()
    paid = pd.Series(np.where(first < "2022-06-01", 1e6, 0.01), index=first.index)
    terms = dataclasses.replace(shop.terms, acquisition_cost=paid, acquisition_notes=("1 of 2 has none.",))
    found = Actions(tables={"customers": done.tables["customers"]})
    for part in ("margins", "payback"):
        PARTS[part](dataclasses.replace(shop, terms=terms), found)
    early = found.tables["payback"].index < pd.Timestamp("2022-06-01")
    assert found.tables["payback"]["payback_month"][early].isna().all()
    assert (found.tables["payback"]["payback_month"][~early] == 1).mean() > 0.5
    assert found.tables["margins_by_customer"]["acquisition"].sum() == pytest.approx(paid.sum())
    assert "1 of 2 has none." in found.sections[-1]["sentences"]


def test_tables_are_written_as_a_spreadsheet_shows_them():
    table = pd.DataFrame({"customer_id": ["a"], "value": [7.388120444145785], "share": [0.1 + 0.2]})
    written = _for_readers(table, "EUR").to_csv(index=False)
    assert written == "customer_id,value,share,currency\na,7.3881,0.3,EUR\n"


@pytest.fixture(scope="module")
def totals(shop, done):
    return lists.list_totals(shop, done)


@pytest.fixture(scope="module")
def written(shop, done, totals, tmp_path_factory):
    """The folder that `cltv act` writes, and what its page shows."""
    folder = tmp_path_factory.mktemp("actions")
    _write(done, shop, folder)
    return folder, _page(totals, done, shop)


def _cell(text):
    return float(text.replace(",", ""))


def test_every_number_of_the_lists_on_the_page_is_found_in_their_files_to_the_cent(written, totals):
    folder, page = written
    shown = page["sections"][0]["tables"][0]
    assert len(shown["rows"]) == len(totals) > 2
    for name, row in zip(totals["list"], shown["rows"], strict=True):
        rows = pd.read_csv(folder / f"{name}.csv")
        treated = rows[~rows["control"]]
        cells = dict(zip(shown["head"], row, strict=True))
        assert _cell(cells["Customers"]) == len(treated)
        assert _cell(cells["Control group"]) == rows["control"].sum()
        assert _cell(cells["Cost"]) == pytest.approx(treated["cost"].sum(), abs=0.005)
        # A CSV holds four decimals of each customer's profit.
        assert _cell(cells["Expected profit"]) == pytest.approx(
            treated["expected_profit"].sum(), abs=0.005 + 5e-5 * len(treated)
        )


def test_the_page_begins_with_the_sums_of_the_lists(written, totals):
    facts = {fact["name"]: fact["value"] for fact in written[1]["facts"]}
    assert _cell(facts["Expected profit"]) == pytest.approx(totals["expected_profit"].sum(), rel=1e-3)
    assert _cell(facts["Cost"]) == pytest.approx(totals["cost"].sum(), abs=0.01)
    assert _cell(facts["Control group"]) == totals["control"].sum()


def test_the_interval_of_a_list_holds_its_profit_and_is_narrower_than_its_customers(shop, done):
    table, value = done.tables["retention_list"], shop.predictions["expected_value"]
    known = shop.predictions.assign(value_lower=0.5 * value, value_upper=1.5 * value)
    found = lists.list_totals(dataclasses.replace(shop, predictions=known), done).set_index("list")
    row, treated = found.loc["retention_list"], table[~table["control"]]
    gain = treated["expected_profit"] + treated["cost"]
    reach = 0.5 * np.sqrt(np.square(gain).sum())
    assert row["profit_upper"] - row["expected_profit"] == pytest.approx(reach)
    assert row["expected_profit"] - row["profit_lower"] == pytest.approx(reach)


def test_the_page_links_each_list_and_shows_its_first_rows(written, totals):
    folder, page = written
    files = [link["file"] for link in page["sections"][0]["links"]]
    assert files == list(totals["file"])
    assert all((folder / file).is_file() for file in files)
    first = page["sections"][0]["tables"][1]
    assert first["rows"][0][0] == pd.read_csv(folder / files[0])["customer_id"].astype(str)[0]


def test_the_controls_start_at_the_lists_that_were_written(written, done):
    inputs = written[1]["sections"][0]["list_totals"]["inputs"]
    best = recompute(inputs, {"margin": 100, "effect": 100, "cost": TERMS.cost, "budget": TERMS.budget})
    names = {title: name for name, title in lists.LISTS.items()}
    for row in best.itertuples():
        table = done.tables[names[row.list]]
        # Between two points of the curve the page rounds down.
        assert row.customers <= len(table)
        assert row.expected_profit == pytest.approx(table["expected_profit"].sum(), rel=0.02)


def test_the_controls_start_at_a_large_budget_as_it_was_stated():
    table = pd.DataFrame({"cost": [1.0], "expected_profit": [2.0]})
    totals = compute_list_totals({"mail": table}, cost=1.0, budget=12345678.0)
    assert [control["value"] for control in totals["controls"]] == ["100", "100", "1", "12345678"]


def test_a_twice_as_dear_treatment_shortens_every_list(written):
    inputs = written[1]["sections"][0]["list_totals"]["inputs"]
    stated = {"margin": 100, "effect": 100, "cost": 0.1}
    now, dearer = recompute(inputs, stated), recompute(inputs, {**stated, "cost": 0.4})
    assert (dearer["customers"] <= now["customers"]).all()
    assert (dearer["expected_profit"] < now["expected_profit"]).all()


def test_what_is_missing_is_asked_in_words_with_the_option_apart(shop):
    bare, refused = dataclasses.replace(shop, terms=Terms()), {}
    for name in ("retention", "campaign", "payback"):
        with pytest.raises(InputError) as why:
            PARTS[name](bare, Actions())
        refused[name] = str(why.value)
    asked = missing_section(refused)
    assert asked["sentences"] == []
    table = asked["tables"][0]
    assert all(row[0].endswith("?") and "--" not in row[0] for row in table["rows"])
    assert [row[2] for row in table["rows"]] == [
        "--uplift and --cost",
        "--campaign and --campaign-start",
        "--acquisition-cost",
    ]


def test_what_no_option_answers_keeps_its_sentence():
    part = missing_section({"retention": "nobody is at risk or lapsed, so there is no customer to win back."})
    assert part["tables"] == []
    assert part["sentences"][0].startswith("Retention: nobody is at risk")
