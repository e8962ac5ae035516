"""Results in a notebook: their HTML, and a real kernel that shows them."""

import dataclasses
import typing

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from cltv_ml import Log, clean, pipelines
from cltv_ml.data import DATASETS
from cltv_ml.inline import Inline, show

CELLS = (
    "import cltv_ml\ncltv_ml.data.DATASETS",
    "log = cltv_ml.clean(cltv_ml.read('synthetic:150'))\nlog",
    "cleaned, verdict = cltv_ml.pipelines.check(data='synthetic:150', horizon='13w')\nverdict",
    "figure, path = cltv_ml.pipelines.plot(name='revenue_over_time', data=log)\nfigure",
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What a kernel showed under each cell, by MIME type."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    folder = str(tmp_path_factory.mktemp("notebook"))
    NotebookClient(
        book, kernel_name="python3", timeout=120, resources={"metadata": {"path": folder}}
    ).execute()
    return [cell.outputs for cell in book.cells]


@pytest.fixture
def cleaned():
    times = ["2024-01-31", "2024-02-01", "2024-02-02"]
    return clean(
        pd.DataFrame(
            {"customer_id": ["<b>a</b>", "b", None], "timestamp": times, "amount": ["9.5", "1", "2"]}
        )
    )


def test_texts_of_the_data_are_escaped(cleaned):
    html = cleaned._repr_html_()
    assert "&lt;b&gt;a&lt;/b&gt;" in html
    assert "<b>a</b>" not in html
    assert "<b>a</b>" not in Log(cleaned.log)._repr_html_()


def test_a_cleaned_log_shows_its_account_of_lines_and_money(cleaned):
    html = cleaned._repr_html_()
    assert all(told in html for told in ("3 in, 2 kept", "12.50 in, 10.50 kept", "missing_customer"))


def test_a_long_table_shows_its_first_rows_and_their_number():
    html = show(pd.DataFrame({"n": range(1000)}))
    assert "10 of 1,000 rows" in html
    assert len(html) < 2000


def test_every_result_of_a_pipeline_shows_itself():
    results = [typing.get_type_hints(getattr(pipelines, name))["return"] for name in pipelines.__all__]
    ours = [one for one in results if dataclasses.is_dataclass(one)]
    assert len(ours) > 10
    assert [one.__name__ for one in ours if not issubclass(one, Inline)] == []


def test_data_sets_are_listed_with_what_they_are():
    html = DATASETS._repr_html_()
    assert all(name in html for name in DATASETS)


def test_a_notebook_without_widgets_shows_results_and_no_remark(shown):
    assert [output for cell in shown for output in cell if output.output_type in ("stream", "error")] == []
    assert "<b>Data sets</b>" in shown[0][-1].data["text/html"]
    assert "<b>Cleaned</b>" in shown[1][-1].data["text/html"]


def test_a_notebook_shows_how_far_a_pipeline_is_and_takes_the_bar_away(shown):
    bar, verdict = shown[2]
    assert bar.output_type == "display_data"
    assert bar.data["text/html"] == ""
    assert "<b>DataVerdict</b>" in verdict.data["text/html"]


def test_a_notebook_shows_a_figure_inline(shown):
    assert "application/vnd.plotly.v1+json" in shown[3][-1].data
