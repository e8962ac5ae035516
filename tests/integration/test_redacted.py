"""Pages with --redact hold no id of any customer; the same pages without it do."""

import re

import pandas as pd


def test_no_page_that_travels_holds_an_id(trained, scored, tmp_path):
    """Every id of this shop is K and digits."""
    stated = ["--margin-rate", "0.3", "--uplift", "0.1", "--cost", "0.1", "--budget", "50"]
    data = ["--data", "orders.csv", *trained.mapping]
    calls = {
        "actions": ["act", *data, *stated],
        "monitor": ["monitor", *data, "--scores", "out/scores.parquet"],
        "audit": ["audit", *data],
        "report": ["report", "--scores", "out/scores.parquet", "--experiment", "shop"],
    }
    for name, words in calls.items():
        done = trained.cltv(*words, "--redact", "--out", tmp_path / name)
        assert done.returncode in (0, 3, 4), done.stderr
        page = (tmp_path / name / f"{name}.html").read_text(encoding="utf-8")
        assert not set(scored["customer_id"]) & set(re.findall(r"K\w+", page)), name
    assert "customer 1" in (tmp_path / "actions" / "actions.html").read_text(encoding="utf-8")
    kept = pd.read_csv(tmp_path / "actions" / "retention_list.csv")["customer_id"]
    assert set(kept) <= set(scored["customer_id"])


def test_a_redacted_report_cannot_look_customers_up_and_needs_to_know_them(trained, scored, tmp_path):
    words = ("report", "--experiment", "shop", "--redact", "--out", tmp_path)
    done = trained.cltv(*words, "--scores", "out/scores.parquet", "--lookup", "5")
    assert "--lookup finds customers by their ids, but --redact leaves ids out" in done.stderr
    done = trained.cltv(*words)
    assert "--redact needs the scores for the customers' ids" in done.stderr
