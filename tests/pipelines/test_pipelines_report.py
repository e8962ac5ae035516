"""The report with the lists of `cltv act` and the table of `cltv forecast`, and files that hold neither."""

import json

import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.money import UNSTATED, format_money
from cltv_ml.pipelines.report import (
    _holds_everybody,
    _in_its_currency,
    _lists,
    _newest_earlier,
    _read_manifest,
    _with_forecast,
    _with_terms_of_lists,
)
from cltv_ml.reporting import glance, sections
from cltv_ml.reporting.report import summarise
from cltv_ml.reporting.training_summary import with_answer
from cltv_ml.reporting.what_if import plan_campaign
from cltv_ml.settings import Report

LISTS = [
    {"action": name, "customers": 10, "cost": 5.0, "expected_profit": profit, "file": f"{name}.csv"}
    for name, profit in (("win back", 40.0), ("mail", 90.0), ("call", 10.0), ("show", 60.0))
]


def test_the_three_lists_with_the_most_profit_are_named_first():
    told = glance.with_lists(LISTS, "EUR")
    assert [sentence.split(" 10 ")[0] for sentence in told] == ["Mail", "Show to", "Win back"]
    assert told[0] == "Mail 10 customers: expected profit 90.00 EUR, cost 5.00 EUR (mail.csv)."


def test_only_the_answer_to_its_question_changes():
    summary = summarise("t", "s", [], answers={glance.FIRST: ["a"], glance.TRUST: ["b"]})
    changed = {
        answer["question"]: answer["sentences"]
        for answer in with_answer(summary, glance.FIRST, ["c"])["answers"]
    }
    assert changed == {glance.FIRST: ["c"], glance.TRUST: ["b"]}


def test_without_lists_the_report_keeps_its_own_answer(tmp_path):
    assert _lists(tmp_path / "actions.json", wanted=False) is None
    (tmp_path / "actions.json").write_text(json.dumps({"lists": []}), encoding="utf-8")
    assert _lists(tmp_path / "actions.json", wanted=True) is None


def test_a_file_of_lists_that_was_asked_for_must_be_there(tmp_path):
    with pytest.raises(
        InputError, match=r"no file .*actions\.json; give the actions\.json that cltv act wrote"
    ):
        _lists(tmp_path / "actions.json", wanted=True)


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}'])
def test_a_file_that_holds_no_lists_is_refused(tmp_path, text):
    (tmp_path / "actions.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="does not contain the lists of cltv act"):
        _lists(tmp_path / "actions.json", wanted=True)


SCORES = pd.DataFrame(
    {"expected_value": [60.0, 40.0, None], "cutoff": "2026-04-01", "horizon": 91, "model_version": 2}
)


def test_scores_newer_than_the_training_take_its_headline():
    """The first screen had told the training's total next to a change of the newest scores' one."""
    facts = {glance.KNOWN: ("90.00 EUR", "3 customers, 91 days from 2026-01-01")}
    trained = {**summarise("t", "s", [], facts), "as_of": "2026-01-01"}
    (told,) = glance.with_newer_scores(trained, SCORES, (0.9, 1.2), "EUR")["facts"]
    assert (told["name"], told["value"]) == (glance.KNOWN, "100.00 EUR")
    assert told["note"] == (
        "90.00 EUR to 120.00 EUR with 90% probability; 2 customers, 91 days from 2026-04-01, scored by model version "
        "2. The rest of this page describes the training of 2026-01-01, which expected 90.00 EUR"
    )
    same = {**trained, "as_of": "2026-04-01"}
    assert glance.with_newer_scores(same, SCORES, None, "EUR") == same
    assert glance.with_newer_scores(trained, SCORES[["expected_value"]], None, "EUR") == trained


def test_scores_of_some_customers_are_neither_a_total_nor_an_earlier_batch(tmp_path):
    for name, cutoff, more in (
        ("a", "2026-01-01", {}),
        ("b", "2026-02-01", {"since": "2026-01-25"}),
        ("c", "2026-03-01", {}),
    ):
        SCORES.to_parquet(tmp_path / f"{name}.parquet")
        about = {"file": f"{name}.parquet", "cutoff": cutoff, "horizon": 91, **more}
        (tmp_path / f"{name}.manifest.json").write_text(json.dumps(about), encoding="utf-8")
    assert _newest_earlier(tmp_path / "c.parquet") == tmp_path / "a.parquet"
    assert _newest_earlier(tmp_path / "b.parquet") is None
    assert [_holds_everybody(_read_manifest(tmp_path / f"{name}.parquet")) for name in "abc"] == [
        True,
        False,
        True,
    ]


FORECAST = pd.DataFrame(
    {
        "span": ["period", "horizon", "horizon"],
        "part": ["new", "known", "new"],
        "measure": "revenue",
        "expected": [1.0, 50.0, 20.0],
        "lower_80": [0.0, 40.0, 15.0],
        "upper_80": [2.0, 60.0, 30.0],
        "start": "2026-01-01",
        "until": "2026-04-01",
    }
)


def test_customers_to_come_stand_next_to_known_ones(tmp_path):
    FORECAST.to_csv(tmp_path / "forecast.csv", index=False)
    summary = summarise("t", "s", [], {"Known": ("50 EUR", "note"), "Champion": ("hybrid", "note")})
    facts = _with_forecast(summary, tmp_path / "forecast.csv", Report(), "EUR")["facts"]
    assert [fact["name"] for fact in facts] == ["Known", "Expected from new customers in 90 days", "Champion"]
    assert facts[1]["value"] == "20.00 EUR"
    assert [fact["headline"] for fact in facts] == [True, True, False]


def test_a_forecast_of_nobody_to_come_is_no_amount(tmp_path):
    FORECAST.assign(expected=0.0, lower_80=0.0, upper_80=0.0).to_csv(tmp_path / "forecast.csv", index=False)
    summary = summarise("t", "s", [], {"Known": ("50 EUR", "note")})
    facts = _with_forecast(summary, tmp_path / "forecast.csv", Report(), "EUR")["facts"]
    assert facts[1]["value"] == "no forecast"


def test_a_forecast_that_was_asked_for_must_be_there_and_be_one(tmp_path):
    summary = summarise("t", "s", [])
    assert _with_forecast(summary, tmp_path / "forecast.csv", Report()) == summary
    with pytest.raises(InputError, match="give the table that cltv forecast wrote"):
        _with_forecast(summary, tmp_path / "a.csv", Report(forecast=tmp_path / "a.csv"))
    (tmp_path / "forecast.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="span"):
        _with_forecast(summary, tmp_path / "forecast.csv", Report())


def test_a_report_names_the_currency_that_its_training_did_not_state():
    """`report --currency EUR` had named it next to some amounts only."""
    facts = {glance.KNOWN: (format_money(26_727.0, UNSTATED), f"90.00 {UNSTATED} to 3 {UNSTATED}")}
    stored = {**summarise("t", "s", [], facts), "currency": UNSTATED}
    told, currency = _in_its_currency(stored, "EUR")
    assert currency == told["currency"] == "EUR"
    assert (told["facts"][0]["value"], told["facts"][0]["note"]) == ("26,727 EUR", "90.00 EUR to 3 EUR")
    unnamed, currency = _in_its_currency(stored, "")
    assert (currency, unnamed["facts"][0]["value"]) == ("", "26,727")


def test_a_report_in_another_currency_than_its_training_is_refused():
    stored = {**summarise("t", "s", []), "currency": "USD"}
    assert _in_its_currency(stored, "") == (stored, "USD")
    with pytest.raises(InputError, match="the newest training are in USD, not EUR; leave out --currency"):
        _in_its_currency(stored, "EUR")


def test_the_section_of_one_campaign_tells_why_its_numbers_are_not_those_of_the_lists():
    """The first screen named 31 customers and a profit of 17.27, the section below 28 and 5.89."""
    campaign = plan_campaign(pd.DataFrame({"expected_value": [90.0, 40.0], "p_alive": [0.4, 0.9]}), 91)
    content = sections.campaign_section(campaign, pd.Series(["a", "b"]))
    first = sections.tell_lists_apart(content)["sentences"][0]
    assert "differ from those of the lists" in first


def test_the_section_of_one_campaign_starts_with_the_terms_of_lists_of_its_day(tmp_path):
    """A margin of 50% on a tenth of 54 and 4 at risk, for 1 each: 1.70 for one customer, a loss for the other."""
    known = pd.DataFrame({"expected_value": [90.0, 40.0], "p_alive": [0.4, 0.9]}, index=["c1", "c2"])
    campaign = plan_campaign(known, 91)
    page = {
        **summarise("t", "s", [sections.campaign_section(campaign, pd.Series(dtype=str))]),
        "as_of": "2026-01-01",
    }
    file = tmp_path / "customers.csv"
    known.assign(segment=["Loyal", "New"]).rename_axis("customer_id").to_csv(file)
    lists = {"cutoff": "2026-01-01", "win_back_terms": {"margin": 50.0, "uplift": 10.0, "cost": 1.0}}
    (found,) = _with_terms_of_lists(page, lists, file, "EUR")["sections"]
    starts = {one["name"]: float(one["value"]) for one in found["what_if"]["controls"]}
    assert starts == {"margin": 50, "uplift": 10, "cost": 1, "discount": 0, "list": 1}
    assert found["tables"][0]["rows"][0][:4] == ["Loyal", "1.70 EUR", "1.00 EUR", "1"]
    assert "a margin of 50%, an offer that saves 10%" in found["warnings"][0]
    (old,) = _with_terms_of_lists(page, {**lists, "cutoff": "2025-12-01"}, file, "EUR")["sections"]
    assert old["what_if"] == page["sections"][0]["what_if"]


def test_a_forecast_with_another_figure_for_existing_customers_tells_why():
    """The report said 26,727 for 90 days, the forecast 25,516 for 91, and neither why."""
    table = pd.concat([FORECAST, FORECAST.tail(1).assign(part="total", expected=70.0)])
    page = {"value": "52.00 EUR", "note": "3 customers, 90 days from 2026-01-01"}
    note = glance.customers_to_come(table, "EUR", page)["note"]
    assert "expects 50.00 EUR from existing customers and 70.00 EUR in all" in note
    assert "do not add up to the 52.00 EUR of this page" in note
    page["note"] = "3 customers, 30 days from 2026-01-01"
    assert glance.customers_to_come(table, "EUR", page)["note"].endswith("and 70.00 EUR in all")
    page["value"] = "50.00 EUR"
    assert glance.customers_to_come(table, "EUR", page)["note"].endswith(
        "2026-01-01, 70.00 EUR with existing customers"
    )


def test_lists_that_nobody_is_worth_are_told_instead_of_asking_for_them_again(tmp_path):
    """After a cltv act without lists, the report had said to run cltv act."""
    file = tmp_path / "actions.json"
    file.write_text(json.dumps({"lists": [], "unprofitable": ["Retention list: no."]}), encoding="utf-8")
    assert _lists(file, wanted=False)["unprofitable"] == ["Retention list: no."]
