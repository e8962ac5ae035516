"""Lifetime values, cohorts and exports of the trained shop, by the command line."""

import json

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import clean, read
from cltv_ml.money import format_money
from cltv_ml.windows import days_in_words


@pytest.fixture(scope="module")
def lifetimes(trained):
    words = ["--horizons", "30d,26w,1y", "--margin-rate", "0.3", "--acquisition-cost", "2", "--json"]
    done = trained.cltv("lifetime", "--data", "orders.csv", *trained.mapping, *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), pd.read_parquet(trained.folder / "out" / "lifetime.parquet")


def test_the_value_to_date_is_the_logs_money(lifetimes, trained):
    told, table = lifetimes
    log = clean(
        read(
            trained.folder / "orders.csv", {"customer_id": "Kunde", "timestamp": "Datum", "amount": "Umsatz"}
        )
    )
    assert table["value_to_date"].sum() == pytest.approx(log.log["amount"].sum())
    assert told["customers"] == len(table)


def test_values_of_the_horizons_agree_with_the_scores(lifetimes, scored):
    _, table = lifetimes
    assert (np.diff(table[["value_30d", "value_182d", "value_365d"]].to_numpy(), axis=1) >= 0).all()
    scores = scored.set_index("customer_id")["expected_value"].dropna()
    np.testing.assert_allclose(
        table.set_index("customer_id")["value_182d"].reindex(scores.index), scores, rtol=1e-6
    )


def test_a_horizon_that_was_not_trained_has_the_total_of_the_forecast_and_of_the_cohorts(lifetimes, trained):
    _, table = lifetimes
    words = ("--data", "orders.csv", *trained.mapping, "--json")
    done = trained.cltv("forecast", *words, "--horizon", "30d", "--out", "out/month.csv")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    rows = pd.DataFrame(told["table"]).query("span == 'horizon' and measure == 'revenue'").set_index("part")
    if not any("without it" in note for note in told["notes"]):
        assert rows.at["known", "expected"] == pytest.approx(table["value_30d"].sum(), abs=0.01)
    done = trained.cltv("cohorts", *words, "--horizons", "30d", "--out", "out/thirty.csv")
    assert done.returncode == 0, done.stderr
    cohorts = pd.DataFrame(json.loads(done.stdout)["expected"])
    assert (cohorts["customers"] * cohorts["expected"]).sum() == pytest.approx(
        table["value_30d"].sum(), abs=0.01
    )


def test_profit_takes_off_the_acquisition_cost_once(lifetimes):
    _, table = lifetimes
    np.testing.assert_allclose(table["profit_to_date"], 0.3 * table["value_to_date"] - 2, atol=1e-3)
    np.testing.assert_allclose(table["lifetime_profit"], table["profit_to_date"] + table["remaining_profit"])


def test_totals_lie_within_their_interval(lifetimes):
    told, _ = lifetimes
    remaining = next(row for row in told["totals"] if row["part"] == "remaining_value")
    assert remaining["lower"] < remaining["total"] < remaining["upper"]
    assert any("beyond the horizon" in note for note in told["notes"])


def test_the_total_within_the_horizon_has_the_interval_of_the_report(lifetimes, trained):
    told, _ = lifetimes
    row = next(row for row in told["totals"] if row["part"] == "expected_value")
    page = (trained.folder / "out" / "report.html").read_text(encoding="utf-8")
    low, high = (format_money(row[end], "GBP") for end in ("lower", "upper"))
    assert f"{low} to {high} with 90% probability" in page


def test_impossible_terms_are_one_sentence(trained):
    words = ("lifetime", "--data", "orders.csv", *trained.mapping)
    wrong = {
        "horizons must increase": ("--horizons", "1y,30d"),
        "must lie beyond the champion's horizon": ("--end", "30d"),
        "0.1 is 10%": ("--discount-rate", "10"),
    }
    for sentence, option in wrong.items():
        done = trained.cltv(*words, *option)
        assert (done.returncode, sentence in done.stderr) == (2, True), done.stderr


def test_cohorts_are_written_as_a_table_and_a_page(trained):
    done = trained.cltv(
        "cohorts", "--data", "orders.csv", *trained.mapping, "--by", "first_order_fifth", "--json"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    table = pd.read_csv(trained.folder / "out" / "cohorts.csv")
    assert len(told["cohorts"]) == len(table)
    assert "cohort by cohort" in (trained.folder / "out" / "cohorts.html").read_text()


def test_cohorts_carry_on_with_what_the_champion_expects(trained, scored):
    done = trained.cltv(
        "cohorts",
        "--data",
        "orders.csv",
        *trained.mapping,
        "--horizons",
        "13w,26w",
        "--by",
        "first_quarter",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    expected = pd.DataFrame(json.loads(done.stdout)["expected"])
    half = expected[expected["days"] == 182]
    assert (half["customers"] * half["expected"]).sum() == pytest.approx(
        scored["expected_value"].sum(), rel=1e-6
    )
    assert half["expected"].between(half["lower"], half["upper"]).all()
    assert "What is still to come" in (trained.folder / "out" / "cohorts.html").read_text()
    assert len(pd.read_csv(trained.folder / "out" / "cohorts_expected.csv")) == len(expected)


def test_an_export_is_written_with_its_manifest(trained, scored):
    people = pd.DataFrame(
        {"customer_id": scored["customer_id"], "email": scored["customer_id"] + "@example.com"}
    )
    people.to_csv(trained.folder / "people.csv", index=False)
    done = trained.cltv("export", "klaviyo,meta_predicted_value", "--customers", "people.csv", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["klaviyo"]["rows"] == scored["expected_value"].notna().sum()
    assert "needs orders" in told["meta_predicted_value"]
    assert (trained.folder / "out" / "export" / "manifest.json").is_file()


def test_the_account_next_to_the_table_holds_totals_and_terms(lifetimes, trained):
    told, table = lifetimes
    account = json.loads((trained.folder / "out" / "lifetime.json").read_text())
    sums = [{row["part"]: row["total"] for row in one["totals"]} for one in (account, told)]
    assert sums[0] == pytest.approx(sums[1])
    assert account["expected_by_day"][str(account["end"])] == pytest.approx(
        table["remaining_value"].sum(), rel=1e-6
    )
    for day in (30, 182, 365):
        assert account["expected_by_day"][str(day)] == pytest.approx(table[f"value_{day}d"].sum(), rel=1e-6)
    assert (account["value"], account["basis"]) == ("horizon", "revenue")


def test_reasons_for_a_lifetime_name_what_is_past(trained):
    words = ("--data", "orders.csv", *trained.mapping, "--value", "lifetime", "--top-reasons", "40")
    done = trained.cltv("lifetime", *words, "--out", "out/reasons.parquet", "--json")
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(trained.folder / "out" / "reasons.parquet")
    said = table[[name for name in table if name.startswith("reason_")]]
    assert said.apply(lambda row: any("spent so far: +" in text for text in row), axis=1).mean() > 0.9


def test_report_and_monitor_go_by_the_remaining_profit(lifetimes, trained):
    chosen = ("--value", "remaining", "--basis", "profit", "--experiment", "shop")
    table = ("--lifetimes", "out/lifetime.parquet")
    done = trained.cltv("report", *chosen, *table, "--format", "json", "--out", "-")
    assert done.returncode == 0, done.stderr
    assert "What customers are worth over their lifetime" in done.stdout
    words = ("--data", "orders.csv", *trained.mapping, *chosen, "--out", "out/watched", "--json")
    done = trained.cltv("monitor", *words)
    assert done.returncode in (0, 3, 4), done.stderr
    assert "compared with realised money" in done.stdout


def test_act_goes_by_the_remaining_profit(lifetimes, trained):
    _, table = lifetimes
    words = ("--data", "orders.csv", *trained.mapping, "--margin-rate", "0.3")
    chosen = ("--value", "remaining", "--basis", "profit")
    done = trained.cltv("act", *words, *chosen, "--uplift", "0.1", "--cost", "0.5", "--out", "out/remaining")
    assert done.returncode == 0, done.stderr
    customers = pd.read_csv(
        trained.folder / "out" / "remaining" / "customers.csv", dtype={"customer_id": "str"}
    )
    remaining = customers.set_index("customer_id")["remaining_profit"]
    np.testing.assert_allclose(
        remaining, table.set_index("customer_id")["remaining_profit"].reindex(remaining.index), atol=1e-4
    )
    lowest = customers[customers["tier"] == "high"]["remaining_profit"].min()
    assert lowest >= customers[customers["tier"] == "medium"]["remaining_profit"].max()
    page = (trained.folder / "out" / "remaining" / "actions.html").read_text()
    end = pd.read_parquet(trained.folder / "out" / "lifetime.parquet")["end"].iloc[0]
    assert "remaining profit" in page
    assert f"in the next {days_in_words(end)}" in page


def test_a_value_without_its_table_names_the_command_that_writes_it(trained):
    words = (
        "act",
        "--data",
        "orders.csv",
        *trained.mapping,
        "--value",
        "remaining",
        "--lifetimes",
        "no.parquet",
    )
    done = trained.cltv(*words)
    assert (done.returncode, "the table of `cltv lifetime`" in done.stderr) == (2, True), done.stderr
