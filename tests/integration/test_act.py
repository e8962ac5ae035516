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
    (trained.folder / "few").mkdir()
    (trained.folder / "few" / "retention_list.csv").write_text("customer_id\n")
    done = trained.cltv("act", "--data", "orders.csv", *trained.mapping, "--out", "few")
    assert done.returncode == 0
    assert "Deleted   retention_list.csv" in done.stdout
    assert "state them with --margin-rate, --uplift and --cost" in " ".join(done.stdout.split())
    assert (trained.folder / "few" / "segments_by_rfm.csv").exists()
    assert not (trained.folder / "few" / "retention_list.csv").exists()


def test_a_budget_of_zero_is_refused_in_a_sentence(trained):
    words = [*TERMS[:-1], "0"]
    done = trained.cltv("act", "--data", "orders.csv", *trained.mapping, *words, "--out", "zero")
    assert "Left out  retention: " in done.stdout
    assert "budget" in done.stdout


def test_an_earlier_call_shows_who_moved_and_parts_that_sum_to_the_change(trained, acted):
    folder = acted[0]
    done = trained.cltv(
        "act",
        "--data",
        "orders.csv",
        *trained.mapping,
        "--before",
        folder / "customers.csv",
        "--out",
        "again",
    )
    assert done.returncode == 0, done.stderr
    change = pd.read_csv(trained.folder / "again" / "value_change.csv").set_index("part")["change"]
    assert change.drop("total").sum() == pytest.approx(change["total"], abs=1e-6)
    assert {"prices and margins", "model"} <= set(change.index)
    assert (
        "Version 1 of the model made both scores." in (trained.folder / "again" / "actions.html").read_text()
    )
    flows = pd.read_csv(trained.folder / "again" / "migration.csv")
    assert flows["customers"].sum() == len(table(acted, "customers"))
    assert (flows["before"] == flows["after"]).all()


def test_the_outcome_of_a_list_is_read_against_its_control(trained, acted):
    past = table(acted, "customers").sample(600, random_state=0)
    listed = pd.DataFrame(
        {
            "customer_id": past["customer_id"],
            "action": "win back",
            "cost": 0.1,
            "expected_profit": 1.0,
            "reason": "test",
            "tier": past["tier"],
            "control": [number % 2 == 0 for number in range(600)],
        }
    )
    listed.to_csv(trained.folder / "past.csv", index=False)
    words = ["--actions", "past.csv", "--start", "1998-04-01", "--horizon", "91", "--margin-rate", "0.3"]
    done = trained.cltv(
        "act", "evaluate", "--data", "orders.csv", *trained.mapping, *words, "--out", "outcome.csv"
    )
    assert done.returncode == 0, done.stderr
    outcome = pd.read_csv(trained.folder / "outcome.csv").set_index("tier")
    assert outcome.loc["all", ["treated", "control"]].tolist() == [300, 300]
    assert outcome.loc["all", "uplift_lower"] < 0 < outcome.loc["all", "uplift_upper"]  # nobody was treated
