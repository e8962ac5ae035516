"""What `cltv data check` writes next to what it prints."""

import io
import sys

import pandas as pd
import pytest

from cltv_ml.cli import main
from cltv_ml.cli.printing import print_json
from cltv_ml.data import simulate


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("check")
    log = simulate(150, days=200).log.astype({"amount": object})
    log.loc[3, "amount"] = "a lot"
    log.to_csv(folder / "orders.csv", index=False)
    words = [
        "--data",
        folder / "orders.csv",
        "--currency",
        "EUR",
        "--html",
        folder / "check.html",
        "--quarantine",
        folder / "aside.csv",
    ]
    with pytest.raises(SystemExit, match="0"):
        main(["data", "check", *map(str, words)])
    return folder


def test_the_report_tells_verdict_facts_rules_season_and_cohorts(checked):
    page = (checked / "check.html").read_text()
    for words in ("Data check: ", "Customers who bought again", "bad_amount", "weekday", "cohort", "EUR"):
        assert words in page


def test_the_lines_set_aside_are_written_with_their_reason(checked):
    aside = pd.read_csv(checked / "aside.csv")
    assert aside[["source_row", "rule", "amount"]].to_numpy().tolist() == [[4, "bad_amount", "a lot"]]


def test_many_unused_columns_are_named_in_part_on_the_terminal(tmp_path, capsys):
    log = simulate(150, days=200).log
    log.assign(**{f"x{column}": "a" for column in range(63)}).to_csv(tmp_path / "orders.csv", index=False)
    with pytest.raises(SystemExit, match="0"):
        main(["data", "check", "--data", str(tmp_path / "orders.csv")])
    printed = " ".join(capsys.readouterr().out.split())
    assert "'x59' and 3 more, listed with --json" in printed
    assert "'x60'" not in printed


def test_signs_that_the_output_lacks_are_spelled_out(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    with pytest.raises(SystemExit, match="2"):
        main(["data", "check", "--data", str(tmp_path / "none.csv")])
    print("café")  # noqa: T201
    print_json({"channel": "café"})
    sys.stdout.flush()
    written = sys.stdout.buffer.getvalue()
    assert b"caf\\xe9" in written
    assert b'"caf\\u00e9"' in written
