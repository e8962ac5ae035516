"""The results that are shown are whole, current, and the same everywhere."""

import re

import pandas as pd
import pytest

import cltv_ml
from cltv_ml.models import competitors
from experiments.benchmark import exactness, pages, rows
from experiments.benchmark.cases import RESULTS, ROOT, read_tasks
from experiments.benchmark.speed import BASELINE, SMALL
from experiments.benchmark.speed_cases import CASES

NAMES = [
    name
    for name in ("quality", "level", "lifetime", "exactness", "speed")
    if (RESULTS / f"{name}.csv").is_file()
]

#: What 0.2.0 called itself until it was prepared: its results were measured under this name, at the commit of each row.
IN_PREPARATION = "cltv_ml 0.1.0"


@pytest.mark.parametrize("name", NAMES)
def test_every_result_row_describes_itself(name):
    table = rows.read(name)
    assert len(table)
    assert table["commit"].str.fullmatch(r"[0-9a-f]{12}\+?|unknown").all()
    assert table["machine"].str.len().min() > 10


@pytest.mark.parametrize("name", NAMES)
def test_our_results_are_of_this_version(name):
    versions = rows.read(name)["version"].dropna()
    ours = versions[versions.str.startswith("cltv_ml")]
    assert set(ours) <= {f"cltv_ml {cltv_ml.__version__}", IN_PREPARATION}


@pytest.mark.skipif("quality" not in NAMES, reason="no results of quality yet")
def test_readme_shows_the_table_that_the_results_give():
    shown = pages.between_marks(ROOT / "README.md")
    assert shown == pages.readme_table(rows.read("quality")), "run: python -m experiments quality"


def test_a_table_takes_the_place_of_the_one_between_the_marks(tmp_path):
    text = "before\n<!-- benchmark quality -->\n<!-- end of benchmark quality -->\nafter\n"
    path = tmp_path / "README.md"
    for table in ("| a |", "| b |\n| c |"):
        text = pages.fill(text, table)
        path.write_text(text)
        assert pages.between_marks(path) == table
    assert text.startswith("before\n")
    assert text.endswith("-->\nafter\n")


def test_the_page_of_the_experiments_is_what_the_results_give():
    assert pages.PAGE.read_text() == pages.experiments_page(), "run: python -m experiments quality"


@pytest.mark.skipif("quality" not in NAMES, reason="no results of quality yet")
def test_quality_has_every_task_window_and_model_of_today():
    table = rows.read("quality")
    tasks = {task.name: task for task in read_tasks()}
    assert set(table["task"]) == set(tasks)
    judged = table.dropna(subset=["cutoff"])
    for name, part in judged.groupby("task"):
        assert set(part["cutoff"]) == set(tasks[name].cutoffs)
        assert set(part["protocol"]) == {tasks[name].protocol}
    later = {"mean"}  # competes since these results were measured; remove with the next run of quality
    today = ({model.name for model in competitors(91, [])} | {"champion"}) - later
    mains = judged[judged["task"].isin(["cdnow", "cdnow_other_customers"])].dropna(subset=["value"])
    assert today <= set(mains["model"])


def test_every_published_number_is_met_to_its_last_digit():
    table = rows.read("exactness")
    digits = table["note"].str.extract(r"(\d+) decimals$")[0].astype(int)
    assert len(table) >= 60
    assert (table["difference"].abs() <= 0.5001 * 10.0**-digits).all()


def test_exactness_holds_what_the_models_answer_today():
    table = rows.read("exactness")
    for row in table.itertuples():
        assert exactness.compute(row.task, row.model, row.metric) == pytest.approx(row.value, rel=1e-5), (
            row.metric
        )
    published = {(g["data"], g["model"], q) for g in exactness.read_published()["group"] for q in g["values"]}
    assert published == set(zip(table["task"], table["model"], table["metric"], strict=True))


def test_every_small_case_of_speed_has_a_baseline():
    assert set(pd.read_json(BASELINE, typ="series").index) == set(SMALL) <= set(CASES)


def test_no_result_names_a_folder_of_the_machine_that_measured():
    for name in NAMES:
        text = (RESULTS / f"{name}.csv").read_text()
        assert not re.search(r"/(home|root|tmp|work|Users)/", text), name
