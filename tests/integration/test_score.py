"""What `cltv score` leaves behind."""

import pandas as pd
import pytest

from cltv_ml.windows import to_cutoff


def test_every_customer_of_the_source_comes_back_once(scored, orders):
    assert sorted(scored["customer_id"]) == sorted({*orders["Kunde"], "K-broken"})


def test_a_customer_without_a_valid_purchase_has_a_reason_instead_of_a_value(scored):
    row = scored.set_index("customer_id").loc["K-broken"]
    assert pd.isna(row["expected_value"])
    assert "no valid purchase" in row["reason"]


def test_scored_customers_have_a_value_a_tier_and_no_reason(scored):
    rows = scored[scored["customer_id"] != "K-broken"]
    assert (rows["expected_value"] >= 0).all()
    assert set(rows["tier"]) == {"high", "medium", "low"}
    assert rows["reason"].isna().all()


def test_tiers_are_cut_by_value(scored):
    rows = scored.dropna(subset=["expected_value"]).groupby("tier")["expected_value"]
    assert rows.max()["low"] <= rows.min()["medium"]
    assert rows.max()["medium"] <= rows.min()["high"]


def test_scores_say_which_model_answered_for_which_window(scored):
    assert set(scored["model_version"]) == {1}
    assert set(scored["cutoff"]) == {to_cutoff("1998-07-01")}
    assert set(scored["horizon"]) == {182}


def test_customers_who_came_after_the_day_have_a_reason(trained, orders):
    done = trained.cltv(
        "score", "--data", "orders.csv", *trained.mapping, "--as-of", "1997-02-01", "--out", "early.csv"
    )
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(trained.folder / "early.csv", dtype={"customer_id": str}).set_index("customer_id")
    first = orders.groupby("Kunde")["Datum"].min()
    late = first.index[first >= "1997-02-01"]
    assert table.loc[late, "expected_value"].isna().all()
    assert table.loc[late, "reason"].str.startswith("first purchase on or after 1997-02-01").all()
    assert table.loc[first.index.difference(late), "expected_value"].notna().all()


@pytest.mark.parametrize("day", ["1996-12-31", "1998-07-02", "soon"])
def test_a_day_outside_the_log_is_refused_in_one_sentence(trained, day):
    done = trained.cltv(
        "score", "--data", "orders.csv", *trained.mapping, "--as-of", day, "--out", "refused.csv"
    )
    assert done.returncode == 2
    assert day in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (trained.folder / "refused.csv").exists()


def test_scoring_without_a_champion_says_what_to_run(shop, tmp_path):
    (tmp_path / "orders.csv").write_bytes((shop.folder / "orders.csv").read_bytes())
    done = type(shop)(tmp_path).cltv("score", "--data", "orders.csv", *shop.mapping)
    assert done.returncode == 2
    assert "run `cltv train` first" in done.stderr
