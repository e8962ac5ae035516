"""Cohorts and the audit as pipelines: files, pages, sentences."""

import pandas as pd
import pytest

from cltv_ml import pipelines
from cltv_ml.data import simulate
from cltv_ml.errors import InputError


@pytest.fixture(scope="module")
def log():
    return simulate(200, days=300, seed=3).log


def test_an_audit_writes_every_table_and_a_page(log, tmp_path):
    found = pipelines.audit(data=log, out=tmp_path / "audit", currency="EUR")
    for name, file in found.files.items():
        assert len(pd.read_csv(file)) == len(found.audit.tables[name]), name
    page = found.page.read_text()
    for question in ("How different are customers?", "How do they change?", "Do the numbers agree?"):
        assert question in page
    assert any("counts as new there" in note for note in found.notes)


def test_an_audit_of_a_single_period_says_so(log, tmp_path):
    first = log[log["timestamp"] < log["timestamp"].min() + pd.Timedelta(days=20)]
    found = pipelines.audit(data=first, out=tmp_path)
    assert any("one period only" in note for note in found.notes)
    assert "How do they change?" not in found.page.read_text()


def test_an_audit_refuses_a_file_as_its_folder(log, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="must be a folder"):
        pipelines.audit(data=log, out=tmp_path / "taken")
