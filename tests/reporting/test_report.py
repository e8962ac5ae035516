"""What a report says and how it is rendered."""

import base64
import dataclasses
import gzip
import html as html_of_python
import json
import re

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from sklearn.linear_model import LinearRegression

from cltv_ml.data import Cleaned, clean, compute_months
from cltv_ml.decisions.product_tables import compute_product_tables
from cltv_ml.evaluation.batch_outcome import Check
from cltv_ml.evaluation.tables import compute_deciles
from cltv_ml.log import Log
from cltv_ml.models import Regression
from cltv_ml.money import format_money
from cltv_ml.reporting import glance, plots
from cltv_ml.reporting.report import render_html, render_json, render_markdown, section, summarise
from cltv_ml.reporting.sections import (
    TrainingNotes,
    change_section,
    data_section,
    explanation_section,
    level_section,
    monitoring_sections,
    products_section,
)
from cltv_ml.reporting.training_summary import (
    Today,
    _spent_before,
    add_scores,
    expected_in_words,
    training_summary,
)


@pytest.fixture(scope="module")
def html(summary):
    return render_html(summary)


def test_report_answers_the_questions_in_order(summary):
    assert [part["title"] for part in summary["sections"]] == [
        "What to do",
        "Who the customers are",
        "What changed since last time",
        "Money over time",
        "How good the predictions are",
        "Data and method",
        "What not to trust",
    ]


def _part(summary, title):
    return next(part for part in summary["sections"] if part["title"] == title)


def test_the_first_screen_answers_what_a_manager_asks(summary):
    answers = {answer["question"]: answer["sentences"] for answer in summary["answers"]}
    assert list(answers) == [glance.FIRST, glance.CHANGED, glance.HOW_FAR, glance.TRUST]
    assert all(answers.values())
    assert "Read me first." in answers[glance.TRUST]


def test_the_first_screen_warns_of_nothing_that_is_only_about_the_choice(summary):
    trust = next(answer for answer in summary["answers"] if answer["question"] == glance.TRUST)
    assert not any("could not be chosen" in sentence for sentence in trust["sentences"])
    told = _part(summary, "How good the predictions are")["details"]
    done = next(part for part in told if part["title"] == "How the models were trained")
    assert done["sentences"] == ["Tweedie could not be chosen."]


def test_the_first_screen_tells_the_total_of_the_test_next_to_what_was_spent(judged, verdict):
    (first, *_) = glance.how_far_off(judged, verdict.champion, "EUR")
    assert f"predicted {judged.values[verdict.champion].sum():,.0f} EUR" in first
    assert f"spent {judged.y_true.sum():,.0f} EUR" in first


def test_the_first_screen_says_what_changed_as_the_section_does(summary):
    answer = next(answer for answer in summary["answers"] if answer["question"] == glance.CHANGED)
    assert answer["sentences"] == _part(summary, "What changed since last time")["sentences"]


def test_the_largest_cause_moves_the_total_the_way_it_went():
    """A fall by 10 had been explained by customers who moved up a tier."""
    before = pd.DataFrame({"expected_value": [10.0, 50.0, 60.0, 70.0]}, index=list("abcd"))
    after = pd.DataFrame({"expected_value": [100.0, 20.0, 30.0, 30.0]}, index=list("abcd"))
    told = change_section(before, after, since="2026-01-01")["sentences"][0]
    assert "went down by 10.00 to 180.00. The main cause: " in told
    assert told.rstrip(".").rpartition(", ")[2].startswith("-")


def test_a_cause_that_scores_do_not_show_is_not_told_as_nothing():
    """Scores of two models had shown a row of no change for the model, and its part among upgraded customers."""
    before = pd.DataFrame({"expected_value": [10.0, 90.0], "model_version": 1}, index=["a", "b"])
    after = pd.DataFrame({"expected_value": [95.0, 20.0], "model_version": 2}, index=["b", "c"])
    part = change_section(before, after, since="2026-01-01")
    causes = [row[0] for row in part["tables"][0]["rows"]]
    assert causes == ["New", "Lost", "Upgraded", "Total", "All customers now"]
    assert "Model version 1 made the earlier scores and version 2 today's" in part["sentences"][1]
    assert len(change_section(before, after.assign(model_version=1))["sentences"]) == 1


def test_every_term_in_a_table_head_is_explained_where_it_stands_and_at_the_end(html):
    assert '<abbr title="Predicted over realised, minus one.' in html
    assert "<dt>Bias</dt>" in html
    assert "<dt>Qini</dt>" not in html


def test_the_level_is_told_with_its_forecasts_and_earlier_errors(judged):
    part = level_section(judged, currency="Kč")
    candidates, record = part["tables"]
    weights = [float(row[2].rstrip("%")) for row in candidates["rows"]]
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) == pytest.approx(100, abs=3)
    assert "bottom-up" in [row[0] for row in candidates["rows"]]
    assert len(record["rows"]) == len(judged.level.record)
    assert level_section(dataclasses.replace(judged, level=None)) is None


def test_report_needs_neither_todays_scores_nor_earlier_ones(plain):
    titles = [part["title"] for part in plain["sections"]]
    assert "What to do" in titles


def test_page_without_earlier_scores_says_how_to_name_them(plain):
    part = next(part for part in plain["sections"] if part["title"] == "What changed since last time")
    assert "or with others that it is given" in part["sentences"][0]
    assert part["figures"] == []


def test_report_names_the_champion_as_a_person_says_it(html, verdict):
    text = html[html.index("<main>") :]
    assert f"<td>{verdict.champion}" not in text
    assert not re.search(r"(?:Champion|champion:?) \w+_gamma_gamma", text)


def test_money_in_the_sentences_is_that_of_the_tables(summary, judged, verdict):
    first = _part(summary, "How good the predictions are")["sentences"][0]
    assert f"{judged.values[verdict.champion].sum():,.0f} Kč" in first
    assert f"{judged.y_true.sum():,.0f} Kč" in first


def test_tiers_hold_every_customer_and_the_whole_value(summary, today):
    tiers, _ = _part(summary, "Who the customers are")["tables"]
    customers = [int(row[1].replace(",", "")) for row in tiers["rows"]]
    assert sum(customers) == len(today)
    values = [float(row[3].removesuffix(" Kč").replace(",", "")) for row in tiers["rows"]]
    assert sum(values) == pytest.approx(today["expected_value"].sum(), rel=1e-3)


def test_margins_of_the_categories_add_up_to_that_of_the_log(summary, cleaned):
    products = _part(summary, "Who the customers are")["details"][0]
    assert products["title"] == "Products bought"
    bars = products["figures"][0]["figure"]["data"][0]["x"]
    drawn = np.frombuffer(base64.b64decode(bars["bdata"]), bars["dtype"])
    margin = cleaned.log["amount"].sum() - cleaned.log["cost"].sum()
    assert drawn.sum() == pytest.approx(margin)


def test_a_log_without_products_says_nothing_of_them(cleaned):
    log = Log(cleaned.log[["customer_id", "timestamp", "amount"]])
    assert products_section(*compute_product_tables(log)) is None


def test_notes_of_the_training_stand_as_warnings(summary):
    assert summary["sections"][-1]["warnings"] == ["Read me first."]


def test_identifiers_are_left_out_unless_asked_for(plain, summary, cleaned):
    name = cleaned.log["customer_id"].iloc[0][:3]
    assert not re.search(rf"{name}\d{{4}}", render_json(plain))
    asked = _part(summary, "What to do")["lookup"]
    assert len(asked["rows"]) == 20
    scores = pd.DataFrame({"expected_value": [5.0, 9.0], "p_alive": np.nan}, index=["a", "b"])
    without = _part(add_scores(plain, scores, lookup=1), "What to do")["lookup"]
    assert (without["head"], without["rows"]) == (
        ["Customer", "Rank", "Expected value"],
        [["b", "1", "9.00"]],
    )


def test_every_figure_has_a_heading_and_says_in_words_what_it_shows(html):
    figures = re.findall(r"<figure>(.*?)</figure>", html, flags=re.DOTALL)
    assert len(figures) > 20
    for figure in figures:
        assert re.search(r"<h3>[^<]{10,}</h3>", figure)
        assert re.search(r'aria-label="[^"]{10,}"', figure)


def test_figures_in_the_page_carry_no_title_and_no_template_of_their_own(summary):
    for part in summary["sections"]:
        for drawn in part["figures"]:
            assert "title" not in drawn["figure"]["layout"]
            assert "template" not in drawn["figure"]["layout"]


def test_report_is_one_file_that_asks_for_nothing(html):
    packed = re.search(r'id="plotly">([^<]+)<', html)[1]
    assert b"plotly.js v" in gzip.decompress(base64.b64decode(packed))
    assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="(?!data:)', html)
    assert len(html) < 3_000_000


def test_names_from_the_data_are_escaped(html):
    assert "<with>" not in html
    assert "a shop &lt;with&gt; odd &amp; long names" in html


def test_a_cell_cannot_end_the_script_it_travels_in():
    evil = "</script><script>alert(1)</script>"
    deciles = compute_deciles(pd.Series([1.0, 2]), pd.Series([1.0, 2]), groups=2).assign(model=evil)
    drawn = plots.decile_calibration(deciles)
    text = render_html(summarise(evil, evil, [section(evil, [evil], figures={evil: drawn})]))
    assert "<script>alert(1)" not in text


def test_no_line_ends_inside_a_date_and_the_text_stays_as_it_is():
    told = "2024-01-31 to 2024-02 < 2024-Q3, --margin-rate"
    parts = [
        section(told, [told], tables={told: pd.DataFrame({told: [told], "b": ["2"]})}, links={told: "a"})
    ]
    page = render_html(summarise(told, told, parts, {told: (told, told)}, {told: [told]}))
    body = re.sub(r"<script.*?</script>", "", page[page.index("<main>") :], flags=re.DOTALL)
    texts = re.sub(r'<span class="unbroken">[^<]*</span>', "", body)
    assert "2024" not in re.sub(r"<[^>]*>", "", texts)
    assert html_of_python.unescape(re.sub(r"<[^>]*>", "", body)).count(told) == 14  # each place of the page


def test_json_is_the_summary_itself(summary):
    assert json.loads(render_json(summary)) == summary


def test_summary_survives_json_so_that_mlflow_can_keep_it(summary, html):
    assert render_html(json.loads(json.dumps(summary))) == html


def test_markdown_holds_every_sentence_and_every_cell(summary):
    text = render_markdown(summary)
    for part in summary["sections"]:
        assert f"## {part['title']}" in text
        assert all(sentence in text for sentence in part["sentences"])
        for table in part["tables"]:
            assert all("| " + " | ".join(row) + " |" in text for row in table["rows"])


def test_markdown_keeps_a_bar_inside_its_cell():
    table = pd.DataFrame({"Segment": ["a|b"], "Customers": ["3"]})
    assert r"| a\|b | 3 |" in render_markdown(summarise("t", "s", [section("x", tables={"c": table})]))


@pytest.mark.parametrize("name", ["<img src=x onerror=a()>", "[x](javascript:a())", "``` <b> `x`", "a\n# b"])
def test_a_name_in_markdown_is_neither_html_nor_a_link_nor_a_heading(name):
    part = section(
        name, [name], tables={name: pd.DataFrame({name: [name]})}, warnings=[name], details=[section(name)]
    )
    text = render_markdown(summarise("t", name, [part], {"f": ("1", name)}, {"q": [name]}))
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert not re.search(r"<(img|a|b|h1)\b(?!>t<)", page)
    words = " ".join(html_of_python.unescape(re.sub(r"<[^>]*>", "", page)).split())
    assert words.count(" ".join(name.replace("`x`", "x").split())) == 10


def test_a_cell_without_a_value_is_empty():
    table = pd.DataFrame({"Show": ["tea", None], "Profit": [1.0, np.nan]})
    page = render_html(summarise("t", "s", [section("x", tables={"c": table})]))
    assert "nan" not in page[page.index("<tbody>") : page.index("</tbody>")]


def test_one_of_a_thing_is_no_plural_in_warnings_that_are_added_later():
    told = summarise("t", "s", [{**section("x"), "warnings": ["1 customers were won."]}])
    assert told["sections"][0]["warnings"] == ["1 customer was won."]


def test_older_summaries_without_facts_and_details_are_still_rendered():
    old = {
        "title": "t",
        "subtitle": "s",
        "version": "0",
        "sections": [{"title": "x", "sentences": ["Hello."], "tables": [], "figures": []}],
    }
    assert "Hello." in render_html(old)
    assert "Hello." in render_markdown(old)


def test_a_log_that_the_data_check_refuses_says_so_in_the_report(cleaned, judged):
    ids = cleaned.log["customer_id"].unique()[:60]
    few = Cleaned(cleaned.log[cleaned.log["customer_id"].isin(ids)], cleaned.quarantine, cleaned.report)
    told = data_section(few, judged)
    assert any("verdict is no-go" in sentence for sentence in told["sentences"])
    assert any("customers" in warning for warning in told["warnings"])


def test_the_report_counts_orders_and_lines_apart(judged):
    log = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b"],
            "timestamp": pd.to_datetime(["2022-01-01", "2022-01-01", "2022-02-01"]),
            "amount": [1.0, 2.0, 3.0],
            "order_id": ["1", "1", "2"],
        }
    )
    told = data_section(clean(log), judged)["sentences"][0]
    assert told.startswith("2 orders (3 lines) of 2 customers")


def test_features_are_explained_by_what_they_add_and_shuffled_only_where_a_model_cannot_say_that(judged):
    learned = judged.training
    silent = Regression(91, regressor=LinearRegression(), features=["frequency", "recency"])
    models = {**judged.models, "regression": silent.fit(learned.X, learned.y)}
    both = dataclasses.replace(judged, models=models)
    for name, words in {
        "bg_nbd_gamma_gamma": "raises the expected value",
        "regression": "are shuffled among them",
    }.items():
        first, second = explanation_section(both, name)["figures"]
        assert words in first["alt"], name
        assert second["alt"].startswith("The mean expected value by "), name


def test_a_champion_outside_its_bounds_is_said_before_the_total(cleaned, judged, verdict):
    outside = dataclasses.replace(verdict, within_bounds=False)
    without_level = dataclasses.replace(judged, level=None)  # nothing then says that the bias may be chance
    first = training_summary(cleaned, without_level, outside, "shop", TrainingNotes())["facts"][0]
    bias = judged.scores.at[verdict.champion, "bias"]
    assert first["name"] == "Trust the ranking, not the total"
    assert first["value"] == f"{bias:+.1%}"


def test_an_order_that_does_not_beat_chance_is_not_called_trustworthy(cleaned, judged, verdict):
    outside = dataclasses.replace(verdict, within_bounds=False)
    rng = np.random.default_rng(0)
    shuffled = judged.y_true.sample(frac=1, random_state=rng).set_axis(judged.y_true.index)
    blind = dataclasses.replace(judged, y_true=shuffled, level=None)
    summary = training_summary(cleaned, blind, outside, "shop", TrainingNotes())
    assert summary["facts"][0]["name"] == "Trust neither the total nor the ranking"
    assert "to rank customers" not in str(summary)  # as advice on the values that cannot be trusted


def test_a_report_without_p_alive_says_what_the_list_needs(cleaned, judged, verdict, today):
    unknown = today.assign(p_alive=np.nan, expected_purchases=np.nan)
    parts = training_summary(cleaned, judged, verdict, "shop", TrainingNotes(), today=Today(unknown))[
        "sections"
    ]
    part = next(part for part in parts if part["title"] == "What to do")
    assert "pareto_nbd_gamma_gamma" in part["sentences"][0]


def test_months_are_marked_where_their_bars_stand(cleaned):
    months = compute_months(cleaned.log)
    assert list(plots.revenue_over_time(months).layout.xaxis.tickvals) == list(months["month"])


def test_the_rfm_map_keeps_a_row_for_a_score_that_nobody_has():
    rfm = pd.DataFrame({"frequency_score": [1, 5], "recency_score": [2, 2], "spend": 1.0, "segment": "a"})
    drawn = np.array(plots.rfm_map(rfm).data[0].z)
    assert np.isfinite(drawn).all()
    assert drawn.sum() == 2


def test_the_headline_total_carries_its_interval_and_what_the_same_customers_spent_before(
    summary, cleaned, judged
):
    fact = next(fact for fact in summary["facts"] if fact["name"] == "Expected from existing customers")
    assert fact["note"].startswith("900.00 Kč to 1,100 Kč with 90% probability")
    horizon = judged.window.horizon
    start = cleaned.log["timestamp"].max().normalize() - pd.Timedelta(days=horizon - 1)
    since = cleaned.log["timestamp"] >= start
    log = cleaned.log[since & cleaned.log["customer_id"].isin(cleaned.log.loc[~since, "customer_id"])]
    spent = format_money(float(log["amount"].sum()), "Kč")
    assert f"Existing customers at the time spent {spent} in the {horizon} days before" in fact["note"]
    assert expected_in_words(summary) == f"{fact['value']}: {fact['note']}"


def test_the_headline_compares_with_the_same_days_a_year_earlier_where_the_log_shows_them():
    days = pd.to_datetime(["2022-01-01", "2023-03-05", "2023-12-20", "2024-02-29"])
    log = Log(pd.DataFrame({"customer_id": "a", "timestamp": days, "amount": [1.0, 20.0, 300.0, 4000.0]}))
    cutoff = pd.Timestamp("2024-03-01")
    assert _spent_before(log, cutoff, 91, "EUR") == (
        "Existing customers at the time spent 4,300 EUR in the 91 days before and 20.00 EUR in the same days a "
        "year earlier"
    )
    assert (
        _spent_before(log, pd.Timestamp("2022-09-01"), 91, "EUR")
        == "Existing customers at the time spent 0.00 EUR in the 91 days before"
    )
    assert _spent_before(log, pd.Timestamp("2022-05-01"), 91, "EUR") == ""


def test_the_headline_compares_with_existing_customers_only():
    """A shop of few repeats saw its whole revenue, ten times the forecast, as what "they" had spent before."""
    days = pd.to_datetime(["2023-01-01", "2024-01-05", "2024-02-29"])
    log = Log(
        pd.DataFrame({"customer_id": ["a", "new", "a"], "timestamp": days, "amount": [1.0, 4000.0, 20.0]})
    )
    assert (
        _spent_before(log, pd.Timestamp("2024-03-01"), 91, "EUR")
        == "Existing customers at the time spent 20.00 EUR in the 91 days before"
    )


def test_the_year_before_is_named_once_where_the_horizon_is_a_year():
    days = pd.to_datetime(["2022-01-01", "2024-02-29"])
    log = Log(pd.DataFrame({"customer_id": "a", "timestamp": days, "amount": [1.0, 300.0]}))
    assert (
        _spent_before(log, pd.Timestamp("2024-03-01"), 365, "EUR")
        == "Existing customers at the time spent 300.00 EUR in the 365 days before"
    )


def test_the_table_of_drift_names_a_feature_in_full():
    """A marketer had read “change of the change in spend rate over 30, 90 …”."""
    drift = pd.DataFrame({"feature": ["acceleration"], "psi": [0.3], "psi_lower": 0.0, "psi_upper": 1.0})
    drift = drift.assign(shift=0.2, missing=0.0, missing_before=0.0)
    parts = monitoring_sections([Check("log age", 0, "ok", "Fresh.")], drift, *[pd.DataFrame()] * 3)
    (row,) = _part({"sections": parts}, "Drift since training")["tables"][0]["rows"]
    assert row[0] == "change of the change in spend rate over 30, 90 and 180 days"
