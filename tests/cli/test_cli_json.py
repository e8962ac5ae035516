"""Tables for machines: one JSON document on stdout and nothing else."""

import contextlib
import json

import pandas as pd
import pytest

from cltv_ml import cli
from cltv_ml.data import DATASETS
from cltv_ml.features import CATALOGUE as FEATURES
from cltv_ml.pipelines.plot import RECIPES


@pytest.fixture
def answer(capsys, monkeypatch, tmp_path):
    """Return what a command answers with --json, in a folder that holds orders.csv."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    days = pd.date_range("2024-01-03", periods=6, freq="30D").strftime("%Y-%m-%d")
    rows = [
        (f"c{number}", day, 10 + number + place % 2) for number in range(60) for place, day in enumerate(days)
    ]
    pd.DataFrame([*rows, ("c0", "2024-02-30", 5)], columns=["Client", "Day", "Total"]).to_csv("orders.csv")

    def ask(*words):
        with contextlib.suppress(SystemExit):
            cli.main([*words, "--json"])
        return json.loads(capsys.readouterr().out)

    return ask


def test_data_sets_are_a_list_with_their_presence_as_truth_values(answer):
    told = {entry["name"]: entry["here"] for entry in answer("data", "list")["datasets"]}
    assert set(told) == set(DATASETS)
    assert told["cdnow"] is True


def test_data_set_is_described_with_its_mapping(answer):
    assert answer("data", "describe", "cdnow")["mapping"]["amount"] == "dollar_value"


def test_check_accounts_for_every_row_in_numbers(answer):
    told = answer("data", "check", "--data", "orders.csv", "--horizon", "30")
    assert told["verdict"] == "no-go"
    assert (told["rows_in"], told["rows_kept"]) == (361, 360)
    assert sum(rule["rows"] for rule in told["rules"]) == 1
    assert told["money_in"] == pytest.approx(told["money_kept"] + told["money_quarantined"])


def test_features_are_a_list(answer):
    assert {entry["name"] for entry in answer("features", "list")["features"]} == set(FEATURES)


def test_figures_are_a_list(answer):
    assert {entry["figure"] for entry in answer("plot")["figures"]} == set(RECIPES)
