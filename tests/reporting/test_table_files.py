"""The tables of a page as files next to it."""

import pandas as pd
import pytest
from pages import SENTENCES, lost_numbers

from cltv_ml.pipelines.pages import write_page
from cltv_ml.reporting.report import render_markdown, section, summarise
from cltv_ml.reporting.table_files import as_numbers


@pytest.fixture(scope="module")
def folder(summary, tmp_path_factory):
    place = tmp_path_factory.mktemp("page")
    write_page(summary, place / "report.html")
    return place


def test_every_number_of_the_report_is_in_a_file_next_to_it(folder):
    assert (
        lost_numbers(folder / "report.html", (folder / "report_tables").glob("*.csv"), tags=SENTENCES) == []
    )


def test_every_file_of_a_table_is_linked_under_it(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    files = [f"report_tables/{file.name}" for file in (folder / "report_tables").iterdir()]
    assert len(files) > 5
    assert [file for file in files if page.count(f'href="{file}"') != 1] == []


def test_a_number_with_its_range_and_verdict_is_four_columns():
    found = as_numbers(["Gini"], [["-0.07 (-0.09 to +0.05) worse"], ["–"]])
    assert list(found) == ["Gini", "Gini, from", "Gini, to", "Gini, verdict"]
    assert found.loc[0].tolist() == [-0.07, -0.09, 0.05, "worse"]


def test_the_numbers_of_sentences_stand_in_a_file_with_their_unit_and_without_dates_and_codes(tmp_path):
    told = "From 2026-01-31 on, 1,200.50 EUR (-4.9%) of order 00123 in 2018-Q1 and of TEC-100."
    page = summarise("Page", "", [section("Part", [told], tables={"Best 3": pd.DataFrame({"a": ["b"]})})])
    write_page(page, tmp_path / "page.html")
    found = pd.read_csv(tmp_path / "page_tables" / "sentences.csv", keep_default_na=False)
    assert found[["Number", "Unit"]].values.tolist() == [[1200.5, "EUR"], [-4.9, "%"], [3.0, ""]]
    assert set(found["Part"]) == {"Part"}


def test_the_numbers_of_the_title_and_below_it_stand_in_the_file_too(tmp_path):
    """3,986 customers of the line below the title were in no file of cltv act's page."""
    page = summarise("Best 20", "3,986 customers with orders from 2023-01-02", [section("Part", ["None."])])
    write_page(page, tmp_path / "page.html")
    assert pd.read_csv(tmp_path / "page_tables" / "sentences.csv")["Number"].tolist() == [20, 3986]


def test_money_of_two_units_stays_as_it_is_read():
    assert as_numbers(["Cost"], [["5 EUR"], ["3 USD"]])["Cost"].tolist() == ["5 EUR", "3 USD"]


def test_a_code_that_begins_with_a_nought_keeps_it():
    assert as_numbers(["Customer"], [["00123"], ["17"]])["Customer"].tolist() == ["00123", "17"]


def test_a_table_that_a_page_no_longer_has_leaves_no_file(tmp_path):
    for caption in ("First", "Second"):
        page = summarise(
            "Page", "", [section("Part", tables={caption: pd.DataFrame({"Tier": ["high"], "Sold": ["5"]})})]
        )
        write_page(page, tmp_path / "page.html", render=render_markdown)
    assert [file.name for file in (tmp_path / "page_tables").iterdir()] == ["second.csv"]
    assert "(page_tables/second.csv)" in (tmp_path / "page.html").read_text(encoding="utf-8")
