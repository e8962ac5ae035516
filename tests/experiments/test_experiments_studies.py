"""The studies run from the first line to the last, on every tenth customer, and say what they are about."""

import re
import runpy
import sys
from pathlib import Path

import pytest

STUDIES = sorted((Path(__file__).parents[2] / "experiments" / "studies").glob("*.py"))

#: What the last words of each study are made of.
TOLD = {
    "compare_on_cdnow": r"Pareto/NBD +Gini less Tweedie's [+-]0\.\d{3} \(",
    "feature_of_your_own": r"difference [+-]0\.\d{4} \(.* to .*\): (model|champion|neither)",
    "intervals_later": r"tweedie: meant 90%, held \d\d\.\d%",
}


def test_every_study_is_run_here():
    assert {path.stem for path in STUDIES} == set(TOLD)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_study_runs_and_says_its_result(path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [path.name, "10"])
    runpy.run_path(str(path))
    assert re.search(TOLD[path.stem], capsys.readouterr().out)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_study_reads_as_a_notebook(path):
    cells = path.read_text(encoding="utf-8").split("# %%")
    assert cells[0] == ""
    assert cells[1].startswith(" [markdown]\n# # ")
    assert sum(cell.startswith("\n") for cell in cells) >= 2
