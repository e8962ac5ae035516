"""What `cltv score` leaves behind."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from unittest.mock import patch

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml import pipelines
from cltv_ml.data import clean
from cltv_ml.data import read as read_orders
from cltv_ml.serving import batch_pieces, registered_model
from cltv_ml.windows import to_cutoff


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
    assert "has seen what customers did from 1997-02-01 on: these scores do not show" in done.stderr
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


def test_scores_are_the_same_with_and_without_mlflow(trained, monkeypatch):
    words = ("score", "--data", "orders.csv", *trained.mapping, "--out")
    monkeypatch.setattr(registered_model, "load_version", lambda *_: pytest.fail("MLflow was asked"))
    assert trained.cltv(*words, "without.parquet").returncode == 0
    monkeypatch.undo()
    monkeypatch.setattr(registered_model, "find_local", lambda *_: None)
    assert trained.cltv(*words, "with.parquet").returncode == 0
    assert (trained.folder / "without.parquet").read_bytes() == (trained.folder / "with.parquet").read_bytes()


def test_scoring_from_a_store_on_this_machine_imports_no_mlflow(trained):
    code = (
        "import sys; from cltv_ml import pipelines; pipelines.score(data='orders.csv', out='bare.parquet', "
        f"mapping={trained.mapping[1]!r}); raise SystemExit('mlflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=trained.folder, env=trained.environment)
    assert done.returncode == 0


def test_what_clean_returned_is_scored_as_its_file_is(trained, scored):
    mapping = dict(pair.split("=") for pair in trained.mapping[1].split(","))
    with contextlib.chdir(trained.folder), patch.dict(os.environ, trained.environment):
        pipelines.score(data=clean(read_orders("orders.csv", mapping)), out="cleaned.parquet")
    found = pd.read_parquet(trained.folder / "cleaned.parquet")
    names = ["customer_id", "expected_value", "tier", "reason"]
    pd.testing.assert_frame_equal(
        found[names].set_index("customer_id").sort_index(),
        scored[names].set_index("customer_id").sort_index(),
    )


def test_scoring_without_a_champion_says_what_to_run(shop, tmp_path):
    (tmp_path / "orders.csv").write_bytes((shop.folder / "orders.csv").read_bytes())
    done = type(shop)(tmp_path).cltv("score", "--data", "orders.csv", *shop.mapping)
    assert done.returncode == 2
    assert "run `cltv train` first" in done.stderr


@pytest.fixture(scope="module")
def features(trained, scored):
    """The shop's features as of the end of its log, built beforehand."""
    words = ["--data", "orders.csv", *trained.mapping, "--cutoff", "1998-07-01", "--out", "features"]
    assert trained.cltv("features", "build", *words).returncode == 0
    return trained.folder / "features"


def read(path, **options):
    return pd.read_csv(path, dtype={"customer_id": str}, parse_dates=["cutoff"], **options)


def score_table(trained, table, out):
    done = trained.cltv("score", "--features", table, "--as-of", "1998-07-01", "--out", out)
    assert done.returncode == 0, done.stderr


def test_the_manifest_counts_what_was_written(trained, scored):
    manifest = json.loads((trained.folder / "out" / "scores.manifest.json").read_text())
    assert manifest["customers"] == len(scored)
    assert manifest["valued"] == scored["expected_value"].notna().sum()
    assert manifest["expected_value"] == pytest.approx(scored["expected_value"].sum(), abs=0.5)
    assert manifest["reasons"] == {"no valid purchase; see the quarantine table": 1}
    assert manifest["model_version"] == 1
    assert manifest["cutoff"] == "1998-07-01"


def test_nothing_is_left_behind_but_scores_and_manifest(trained, scored):
    left = {path.name for path in (trained.folder / "out").iterdir() if "scores" in path.name}
    assert left == {"scores.parquet", "scores.manifest.json"}


def test_a_feature_table_gives_the_scores_of_the_log_in_its_own_order(trained, features, scored):
    done = trained.cltv("score", "--features", features, "--out", "from_features.parquet")
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(trained.folder / "from_features.parquet")
    whole = scored.set_index("customer_id").loc[table["customer_id"]].reset_index()
    pd.testing.assert_frame_equal(table, whole, check_exact=True)
    built = pd.concat(pd.read_parquet(file) for file in sorted(features.rglob("part-*.parquet")))
    assert list(table["customer_id"]) == list(built["customer_id"])


def test_a_feature_table_is_cast_to_what_the_model_wants(trained, features, scored, tmp_path):
    (file,) = features.rglob("part-*.parquet")
    table = pd.read_parquet(file)
    counts = ["frequency", "recency", "T"]
    table.astype(dict.fromkeys(counts, "int32")).to_parquet(tmp_path / "counts.parquet")
    score_table(trained, tmp_path / "counts.parquet", tmp_path / "scores.parquet")
    values = pd.read_parquet(tmp_path / "scores.parquet").set_index("customer_id")["expected_value"]
    expected = scored.set_index("customer_id")["expected_value"].loc[values.index]
    assert values.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-12)


def test_an_impossible_row_of_a_feature_table_comes_back_with_a_reason(trained, features, tmp_path):
    (file,) = features.rglob("part-*.parquet")
    table = pd.read_parquet(file).head(5)
    table.loc[[1, 3], "frequency"] = [-1.0, float("inf")]
    table.to_parquet(tmp_path / "odd.parquet")
    score_table(trained, tmp_path / "odd.parquet", tmp_path / "scores.csv")
    rows = read(tmp_path / "scores.csv")
    assert rows["expected_value"].isna().tolist() == [False, True, False, True, False]
    assert rows["reason"].str.contains("Column 'frequency' contains").tolist()[1::2] == [True, True]


def test_a_feature_table_without_a_column_of_the_model_is_refused(trained, features, tmp_path):
    (file,) = features.rglob("part-*.parquet")
    pd.read_parquet(file).drop(columns="T").to_parquet(tmp_path / "short.parquet")
    done = trained.cltv("score", "--features", tmp_path / "short.parquet", "--as-of", "1998-07-01")
    assert done.returncode == 2
    assert "missing columns ['T']" in done.stderr


def test_a_feature_table_of_unknown_day_asks_for_it(trained, features, tmp_path):
    (file,) = features.rglob("part-*.parquet")
    pd.read_parquet(file).to_parquet(tmp_path / "some.parquet")
    done = trained.cltv("score", "--features", tmp_path / "some.parquet")
    assert done.returncode == 2
    assert "give the day with --as-of" in done.stderr


@pytest.mark.parametrize("source", ["log", "features"])
def test_since_scores_the_customers_who_bought_since_with_the_same_values(
    trained, features, scored, orders, source
):
    words = ["--features", features] if source == "features" else ["--data", "orders.csv", *trained.mapping]
    done = trained.cltv("score", *words, "--since", "1998-06-01", "--out", f"since_{source}.parquet")
    assert done.returncode == 0, done.stderr
    rows = pd.read_parquet(trained.folder / f"since_{source}.parquet").set_index("customer_id")
    assert set(rows.index) == set(orders.loc[orders["Datum"] >= "1998-06-01", "Kunde"])
    whole = scored.set_index("customer_id").loc[rows.index]
    assert rows["expected_value"].to_numpy() == pytest.approx(whole["expected_value"].to_numpy(), rel=1e-12)


def test_a_database_table_is_replaced_by_the_scores(trained, scored, tmp_path):
    words = ["score", "--data", "orders.csv", *trained.mapping, "--out", f"sqlite:///{tmp_path / 'shop.db'}"]
    for _ in range(2):
        done = trained.cltv(*words)
        assert done.returncode == 0, done.stderr
    with sqlite3.connect(tmp_path / "shop.db") as con:
        table = pd.read_sql("select * from scores", con)
    assert list(table.columns) == list(scored.columns)
    assert table["expected_value"].to_numpy() == pytest.approx(
        scored["expected_value"].to_numpy(), nan_ok=True
    )


def test_an_alias_that_moves_meanwhile_changes_nothing(trained, scored, tmp_path, monkeypatch):
    mlflow.set_tracking_uri(trained.store)
    client = MlflowClient()
    champion = client.get_model_version("cltv", "1")
    other = client.create_model_version("cltv", champion.source, champion.run_id)
    scorer_score = batch_pieces.Scorer.score

    def move(scorer, rows):
        client.set_registered_model_alias("cltv", "champion", other.version)
        return scorer_score(scorer, rows)

    monkeypatch.setattr(batch_pieces.Scorer, "score", move)
    try:
        words = ["score", "--data", "orders.csv", *trained.mapping, "--out", tmp_path / "scores.parquet"]
        assert trained.cltv(*words).returncode == 0
        assert set(pd.read_parquet(tmp_path / "scores.parquet")["model_version"]) == {1}
    finally:
        client.set_registered_model_alias("cltv", "champion", "1")
        client.delete_model_version("cltv", other.version)


def test_top_reasons_stand_beside_the_same_values(trained, features, scored):
    done = trained.cltv("score", "--features", features, "--top-reasons", "2", "--out", "reasons.parquet")
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(trained.folder / "reasons.parquet").set_index("customer_id")
    assert table["reason_1"].str.contains(":").all()
    assert "reason_2" in table
    whole = scored.set_index("customer_id").loc[table.index]
    pd.testing.assert_series_equal(table["expected_value"], whole["expected_value"])


def test_scoring_reads_no_metadata_of_installed_packages(trained, features, monkeypatch):
    asked = []
    monkeypatch.setattr("mlflow.pyfunc.warn_dependency_requirement_mismatches", asked.append)
    done = trained.cltv("score", "--features", features, "--out", "quick.parquet")
    assert done.returncode == 0, done.stderr
    assert asked == []
