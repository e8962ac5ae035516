"""The page of `cltv act` and the files next to it."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from headless import CHROMIUM, complaints
from pages import SENTENCES, lost_numbers, recompute_totals

from cltv_ml.actions import lists
from cltv_ml.actions.shop import _weaknesses, short_control
from cltv_ml.actions.terms import Actions, Terms, nobody_pays
from cltv_ml.models.level_spread import Spread
from cltv_ml.money import format_money
from cltv_ml.pipelines.act import _act_page, _write_act
from cltv_ml.reporting.list_totals import compute_list_totals
from cltv_ml.reporting.sections import NO_ORDER
from cltv_ml.tables import for_spreadsheet


def test_tables_are_written_as_a_spreadsheet_shows_them():
    table = pd.DataFrame({"customer_id": ["a"], "value": [7.388120444145785], "share": [0.1 + 0.2]})
    written = for_spreadsheet(table, "EUR").to_csv(index=False)
    assert written == "customer_id,value,share,currency\na,7.3881,0.3,EUR\n"


def test_tables_of_money_name_its_currency(done):
    """Only tables of customers did; segments, margins and the curve of a list had amounts of no currency."""
    named = {
        name
        for name, table in done.tables.items()
        if "currency" in for_spreadsheet(table.reset_index(), "EUR")
    }
    of_money = {"segments_by_value", "margins_by_category", "retention_curve", "price_test", "retention_list"}
    assert of_money <= named
    assert not {"segment_definitions", "cross_sell_quality"} & named


@pytest.fixture(scope="module")
def totals(shop, done):
    return lists.list_totals(shop, done)


@pytest.fixture(scope="module")
def written(shop, done, totals, tmp_path_factory):
    """The folder that `cltv act` writes, and what its page shows."""
    folder = tmp_path_factory.mktemp("actions")
    _write_act(done, shop, folder)
    return folder, _act_page(totals, done, shop)


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


def test_every_number_on_the_page_is_in_a_file_next_to_it(written):
    folder, _ = written
    assert lost_numbers(folder / "actions.html", folder.rglob("*.csv"), tags=SENTENCES) == []


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on the path")
def test_axe_finds_nothing_against_the_page(written):
    assert complaints(written[0] / "actions.html") == []


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


def test_the_interval_of_a_sum_holds_the_error_of_the_total_that_all_customers_share(shop, done):
    value = shop.predictions["expected_value"]
    known = shop.predictions.assign(value_lower=0.5 * value, value_upper=1.5 * value)
    shaken = dataclasses.replace(shop, predictions=known, spread=Spread(0.2, 5.0))
    low, high = shaken.total
    assert low < 0.8 < 1.3 < high
    found = lists.list_totals(shaken, done)
    gain = found["expected_profit"] + found["cost"]
    assert (found["profit_lower"] <= found["expected_profit"] - (1 - low) * gain).all()
    assert (found["profit_upper"] >= found["expected_profit"] + (high - 1) * gain).all()
    note = lists.facts(found, done, shaken)["Expected profit"][1]
    least, most = (_cell(number) for number in note.split(" with ")[0].split(" to "))
    assert least <= found["expected_profit"].sum() - (1 - low) * gain.sum() + 1
    assert most >= found["expected_profit"].sum() + (high - 1) * gain.sum() - 1


def test_a_customer_of_three_lists_is_one_of_those_on_more_than_one(shop, done, totals):
    listed = pd.concat([done.tables[name] for name in totals["list"]])
    counts = listed.loc[~listed["control"], "customer_id"].value_counts()
    assert counts.max() > 2
    note = lists.facts(totals, done, shop)["Customers to treat"][1]
    assert note == f"{(counts > 1).sum():,} of them are on more than one list"


def test_a_model_that_ranks_no_better_than_chance_is_told_on_the_first_screen(shop, done, totals):
    told = {tag: _weaknesses(SimpleNamespace(tested={}, ranks=tag), "") for tag in (True, False, None)}
    assert told == {True: (), False: (NO_ORDER,), None: ()}
    assert _weaknesses(SimpleNamespace(tested={}, ranks=True), "Another season.") == ("Another season.",)
    doubted = dataclasses.replace(shop, doubts=told[False])
    answers = {one["question"]: one["sentences"] for one in _act_page(totals, done, doubted)["answers"]}
    assert [answers["What should you not rely on?"][place] for place in (0, -1)] == [
        NO_ORDER,
        "Your own assumptions, which nobody has measured: 10% of the value at risk saved, 50% more buyers of a "
        "product that is shown, 20% who take the more expensive product and a cost of 0.10 per customer.",
    ]


def test_only_stated_numbers_that_the_lists_rest_on_are_called_stated(shop, done, totals):
    """Every line of this shop has its own cost, so the margin does not count; the other lists were not written."""
    stated = dataclasses.replace(shop, terms=dataclasses.replace(shop.terms, margin_rate=0.3))
    answers = lists.list_answers(totals[totals["list"] == "retention_list"], stated, done)
    assert answers["What should you not rely on?"][-1] == (
        "Your own assumptions, which nobody has measured: 10% of the value at risk saved and a cost of 0.10 "
        "per customer."
    )


def test_a_control_group_too_small_to_show_the_effect_is_told_on_the_first_screen(shop, done, totals):
    few = dataclasses.replace(done, refused={short_control("retention_list"): "26 customers are too few"})
    assert (
        lists.facts(totals, few, shop)["Control group"][1]
        == "receive nothing, but are too few to show the effect"
    )
    assert any(
        sentence.startswith("The outcome of “Win back”")
        for sentence in lists.list_answers(totals, shop, few)["What should you not rely on?"]
    )


def test_the_page_links_each_list_and_shows_its_first_rows(written, totals):
    folder, page = written
    files = [link["file"] for link in page["sections"][0]["links"]]
    assert files == list(totals["file"])
    assert all((folder / file).is_file() for file in files)
    first = page["sections"][0]["tables"][1]
    assert first["rows"][0][0] == pd.read_csv(folder / files[0])["customer_id"].astype(str)[0]


def test_the_controls_start_at_the_totals_above_them_to_the_cent(written, shop, totals):
    inputs = written[1]["sections"][0]["list_totals"]["inputs"]
    best = recompute_totals(
        inputs, {"margin": 100, "effect": 100, "cost": shop.terms.cost, "budget": shop.terms.budget}
    )
    shown = totals.set_index("action").loc[best["list"]]
    assert best["customers"].tolist() == shown["customers"].tolist()
    for name in ("cost", "expected_profit"):
        assert best[name].tolist() == pytest.approx(shown[name].tolist(), abs=0.005)


def test_without_a_list_the_page_asks_first(shop, done):
    bare = dataclasses.replace(
        done, tables={"customers": done.tables["customers"]}, refused={"payback": "state --acquisition-cost."}
    )
    page = _act_page(lists.list_totals(shop, bare), bare, shop)
    assert page["sections"][0]["title"] == "What is missing"
    assert page["sections"][0]["questions"][0]["how"] == "--acquisition-cost 12"


def test_without_a_list_the_page_still_tells_how_much_and_how_sure(shop, done):
    (fact,) = lists.facts(pd.DataFrame(), done, dataclasses.replace(shop, spread=Spread(0.2, 10.0))).items()
    total = shop.predictions["expected_value"].sum()
    reach = 1.812461 * 0.2  # the 95th percentile of Student's t with 10 degrees of freedom
    assert fact[0] == "Expected from existing customers"
    assert fact[1][0] == format_money(total)
    ends = " to ".join(format_money(total * ratio) for ratio in np.exp([-reach, reach]))
    assert fact[1][1].startswith(f"{ends} with 90% probability; {len(shop.X)} customers, ")


def test_the_controls_start_at_a_large_budget_as_it_was_stated():
    table = pd.DataFrame({"cost": [1.0], "expected_profit": [2.0]})
    totals = compute_list_totals({"mail": table}, cost=1.0, budget=12345678.0)
    assert [control["value"] for control in totals["controls"]] == ["100", "100", "1", "12345678"]


def test_a_twice_as_dear_treatment_shortens_every_list(written):
    inputs = written[1]["sections"][0]["list_totals"]["inputs"]
    stated = {"margin": 100, "effect": 100, "cost": 0.1}
    now, dearer = recompute_totals(inputs, stated), recompute_totals(inputs, {**stated, "cost": 0.4})
    assert (dearer["customers"] <= now["customers"]).all()
    assert (dearer["expected_profit"] < now["expected_profit"]).all()


def test_the_first_rows_of_a_list_are_those_to_contact(written, done, totals):
    """Two of three customers on the page had been those whom nobody may contact."""
    _, page = written
    tables = page["sections"][0]["tables"][1:]
    assert len(tables) == len(totals)
    for name, table in zip(totals["list"], tables, strict=True):
        rows = done.tables[name]
        held_back = set(rows.loc[rows["control"], "customer_id"].astype(str))
        assert not held_back & {row[0] for row in table["rows"]}
        assert "to contact" in table["caption"]


def test_without_a_list_the_page_tells_that_nobody_earns_the_cost():
    """The page had asked for more answers, although cost, effect and margin were stated."""
    cost = nobody_pays(Terms(cost=40.0, currency="EUR"))
    told = lists._without_lists(Actions(refused={"retention list": cost, "payback": "it needs a cost."}))
    assert told == [
        "Retention list: no customer is expected to earn the cost of 40.00 EUR; a lower cost would change that.",
        "There are no lists yet. Answer the questions below and run cltv act again.",
    ]


def test_the_page_tells_since_when_or_why_it_does_not(shop, done, totals):
    for refused, said in (
        ({}, "There is no earlier run"),
        ({"changes": "the horizons differ."}, "It is not known"),
    ):
        found = dataclasses.replace(done, changed="", refused=refused)
        (told,) = lists.list_answers(totals, shop, found)["What changed since last time?"]
        assert told.startswith(said)
