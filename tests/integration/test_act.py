"""What `cltv act` writes: tables for each part that can be answered, a sentence for each that cannot."""

import json

import pandas as pd
import pytest

TERMS = ["--margin-rate", "0.3", "--uplift", "0.2", "--cost", "0.1", "--budget", "20"]


@pytest.fixture(scope="module")
def acted(trained):
    done = trained.cltv("act", "--data", "orders.csv", *trained.mapping, *TERMS, "--out", "actions")
    assert done.returncode == 0, done.stderr
    return trained.folder / "actions", done.stdout


def table(acted, name):
    return pd.read_csv(acted[0] / f"{name}.csv", dtype={"customer_id": str})


def test_every_customer_has_a_tier_a_segment_and_a_lifecycle(acted, orders):
    customers = table(acted, "customers")
    assert sorted(customers["customer_id"]) == sorted(orders["Kunde"].unique())
    assert customers[["tier", "segment", "lifecycle"]].notna().all().all()


def test_segment_revenue_adds_up_to_the_log_to_the_cent(acted):
    totals = {table(acted, f"segments_by_{kind}")["revenue"].sum() for kind in ("value", "rfm", "lifecycle")}
    assert len({round(total, 2) for total in totals}) == 1


def test_retention_list_keeps_the_budget_earns_money_and_has_a_reason_and_a_day_to_read_it(acted):
    listed = table(acted, "retention_list")
    assert 0 < listed["cost"].sum() <= 20
    assert (listed["expected_profit"] > 0).all()
    assert set(listed["lifecycle"]) <= {"at risk", "lapsed"}
    assert set(listed["read_on"]) == {"1998-12-30"}
    assert listed["reason"].str.contains("silent for").all()


def test_parts_that_cannot_be_answered_say_what_they_need(acted):
    assert "Left out  cross-sell: recommendations need products" in acted[1]
    assert "Left out  offers: a price response needs the column" in acted[1].replace("\n", " ")


def test_cut_points_are_stored_for_next_month(acted):
    rules = json.loads((acted[0] / "rules.json").read_text())
    assert list(rules["tiers"]) == ["high", "medium", "low"]
    assert set(rules) == {"tiers", "lifecycle", "rfm", "model_version"}


def test_without_terms_the_retention_part_asks_for_them_and_the_rest_runs(trained):
    done = trained.cltv("act", "--data", "orders.csv", *trained.mapping, "--out", "few")
    assert done.returncode == 0
    assert "state them with --uplift and --cost" in done.stdout.replace("\n", " ")
    assert (trained.folder / "few" / "segments_by_rfm.csv").exists()
    assert not (trained.folder / "few" / "retention_list.csv").exists()


def test_a_budget_of_zero_is_refused_in_a_sentence(trained):
    words = [*TERMS[:-1], "0"]
    done = trained.cltv("act", "--data", "orders.csv", *trained.mapping, *words, "--out", "zero")
    assert "Left out  retention: " in done.stdout
    assert "budget" in done.stdout
