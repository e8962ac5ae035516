"""A shop with a table of customers, from the door to the served model: what each command does with it."""

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.serving.registered_model import load_registered
from tests.integration.conftest import Shop

DAYS = 300


def make_shop(customers: int = 240, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers won by referral buy ten times as often as those won by ads; the table knows who, and the future."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2023-01-01")
    ids = np.array([f"{number:05d}" for number in range(customers)])
    channel = rng.choice(["referral", "ads"], customers)
    rate = rng.gamma(3, 1 / 3, customers) * np.where(channel == "referral", 1 / 15, 1 / 150)
    rows = []
    for name, pace in zip(ids, rate, strict=True):
        day = float(rng.integers(0, DAYS - 5))
        while day < DAYS:
            rows.append((name, start + pd.Timedelta(days=int(day)), round(float(rng.gamma(3, 10)), 2)))
            day += 1 + rng.exponential(1 / pace)
    log = pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"])
    table = pd.DataFrame({"customer_id": ids, "Acquisition channel": channel, "e-mail": ids + "@x.io"})
    table["member"] = rng.choice(["yes", "no"], customers)
    table["gender"] = rng.choice(["f", "m"], customers)
    return log, table


@pytest.fixture(scope="module")
def bought() -> tuple[pd.DataFrame, pd.DataFrame]:
    return make_shop()


@pytest.fixture(scope="module")
def shop(tmp_path_factory, bought) -> Shop:
    folder = tmp_path_factory.mktemp("customers")
    log, table = bought
    log.to_csv(folder / "log.csv", index=False)
    table.to_csv(folder / "customers.csv", index=False)
    spend = log.groupby("customer_id")["amount"].sum().reindex(table["customer_id"]).to_numpy()
    table.assign(worth=spend).to_csv(folder / "planted.csv", index=False)
    words = ("--horizon", "45d", "--models", "tweedie", "--max-origins", "2", "--protected", "gender")
    done = Shop(folder).cltv("train", "--data", "log.csv", "--customers", "planted.csv", *words)
    assert done.returncode == 0, done.stderr
    return Shop(folder)


@pytest.fixture(scope="module")
def scores(shop) -> pd.DataFrame:
    return score(shop, "with.csv", "--customers", "customers.csv", "--top-reasons", "2")


def score(shop, out, *words) -> pd.DataFrame:
    done = shop.cltv("score", "--data", "log.csv", "--out", out, *words)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(shop.folder / out, dtype={"customer_id": str}).set_index("customer_id")
    table.attrs["told"] = done.stderr
    return table


@pytest.fixture
def served(shop):
    mlflow.set_tracking_uri(shop.store)
    return load_registered()[0]


def test_a_column_that_knows_the_future_identifies_or_is_protected_is_no_input(served):
    attributes = [name for name in served.metadata.metadata["features"] if name.startswith("attribute_")]
    assert attributes == ["attribute_flag_member", "attribute_text_acquisition_channel"]


def test_the_version_keeps_what_its_training_protected(shop):
    mlflow.set_tracking_uri(shop.store)
    assert MlflowClient().get_model_version("cltv", "1").tags["protected"] == '["gender"]'


def test_a_planted_column_leaves_every_score_unchanged(shop, scores):
    planted = score(shop, "planted_scores.csv", "--customers", "planted.csv")
    pd.testing.assert_series_equal(planted["expected_value"], scores["expected_value"])


def test_newcomers_by_ads_are_worth_less_than_by_referral(bought, scores):
    log, table = bought
    first = log.groupby("customer_id")["timestamp"].min()
    young = first[first >= pd.Timestamp("2023-01-01") + pd.Timedelta(days=DAYS - 60)].index
    channel = table.set_index("customer_id")["Acquisition channel"].reindex(young)
    mean = scores["expected_value"].reindex(young).groupby(channel).mean()
    assert mean["referral"] > 1.5 * mean["ads"]


def test_reasons_name_the_attribute_in_words(scores):
    reasons = scores[["reason_1", "reason_2"]].stack()
    assert reasons.str.contains(r"acquisition channel: (?:referral|ads), [+-]\d").any()


def test_without_the_table_attributes_are_missing_and_a_warning_names_them(shop):
    scores = score(shop, "without.csv")
    assert scores["expected_value"].notna().all()
    assert (
        "The model learned from the customer columns member, acquisition channel, which are missing here"
        in scores.attrs["told"]
    )


def test_levels_that_the_model_never_saw_and_empty_columns_are_told(shop, bought):
    _, table = bought
    table.assign(**{"Acquisition channel": "billboard", "member": None}).to_csv(
        shop.folder / "odd.csv", index=False
    )
    told = " ".join(score(shop, "odd_scores.csv", "--customers", "odd.csv").attrs["told"].split())
    assert (
        "Acquisition channel: 240 of 240 values are levels that the model has never seen, such as 'billboard'"
        in told
    )
    assert "member: no customer has a value" in told


def test_younger_than_scores_newcomers_alone_with_the_same_values(shop, bought, scores):
    young = score(shop, "young.csv", "--customers", "customers.csv", "--younger-than", "30d")
    first = bought[0].groupby("customer_id")["timestamp"].min()
    end = bought[0]["timestamp"].max() + pd.Timedelta(days=1)
    assert set(young.index) == set(first[first >= end - pd.Timedelta(days=30)].index)
    pd.testing.assert_series_equal(young["expected_value"], scores["expected_value"].reindex(young.index))


def test_the_report_shows_value_and_bias_by_attribute_protected_ones_too(shop):
    page = (shop.folder / "out" / "report.html").read_text()
    assert "Value and bias by attribute" in page
    assert "gender" in page
    assert "left out: it follows each customer&#39;s spend in the log" in page


def test_the_served_model_answers_with_without_and_with_unknown_attributes(served):
    row = served.input_example.head(1)
    name = "attribute_text_acquisition_channel"
    answers = [
        served.predict(row)["expected_value"].item(),
        served.predict(row.drop(columns=name))["expected_value"].item(),
        served.predict(row.assign(**{name: "billboard"}))["expected_value"].item(),
    ]
    assert np.isfinite(answers).all()
    assert answers[1] == answers[2]


def test_the_check_accounts_for_every_column(shop):
    done = shop.cltv("data", "check", "--data", "log.csv", "--customers", "planted.csv", "--horizon", "45d")
    for word in ("Acquisition channel", "yes/no", "left out", "240 rows about customers"):
        assert word in done.stdout


def test_segments_are_divided_by_an_attribute(shop):
    words = ("act", "--data", "log.csv", "--customers", "customers.csv", "--split-by", "Acquisition channel")
    done = shop.cltv(*words, "--out", "actions")
    assert done.returncode == 0, done.stderr
    assert "Protected, so no model sees them: gender." in done.stderr
    table = pd.read_csv(shop.folder / "actions" / "segments_by_attribute.csv")
    assert table["segment"].str.contains(", referral").any()


def test_segments_cannot_be_divided_by_what_is_protected_or_absent(shop):
    words = ("act", "--data", "log.csv", "--customers", "customers.csv", "--out", "actions")
    for stated in (("--protected", "gender"), ()):  # the champion's training protected it
        done = shop.cltv(*words, *stated, "--split-by", "gender")
        assert "the column 'gender' is protected" in done.stderr
    done = shop.cltv(*words, "--split-by", "shoe size")
    assert "no column 'shoe size' to split segments by; available: ['Acquisition channel'" in done.stderr


def test_monitoring_counts_customers_of_unseen_levels(shop, bought):
    _, table = bought
    table.assign(**{"Acquisition channel": "billboard"}).to_csv(shop.folder / "new.csv", index=False)
    score(shop, "new_scores.csv", "--customers", "new.csv")
    words = ("--data", "log.csv", "--customers", "new.csv", "--scores", "new_scores.csv", "--out", "watch")
    done = shop.cltv("monitor", *words)
    told = " ".join(done.stdout.split())
    assert "100% of the customers have a level that was rare or absent in training" in told


def test_the_model_on_transactions_takes_a_block_about_customers(served, bought, scores):
    log, table = bought
    model = mlflow.pyfunc.load_model("models:/cltv@champion/artifacts/cltv-from-transactions")
    block = table.drop(columns=["e-mail", "gender"]).rename(
        columns={"Acquisition channel": "acquisition_channel"}
    )
    block = block.set_index("customer_id").add_prefix("customers.")
    lines = log.assign(timestamp=log["timestamp"].astype(str)).join(block, on="customer_id")
    end = log["timestamp"].max() + pd.Timedelta(days=1)
    answer = model.predict(lines, params={"as_of": f"{end:%Y-%m-%d}"}).set_index("customer_id")
    values = answer["expected_value"].astype(float)
    np.testing.assert_allclose(
        values, scores["expected_value"].reindex(values.index), atol=6e-5
    )  # CSV has 4 decimals
    without = model.predict(
        lines[["customer_id", "timestamp", "amount"]], params={"as_of": f"{end:%Y-%m-%d}"}
    )
    assert without["expected_value"].notna().all()


def test_backtests_learn_from_the_table(shop):
    words = ("backtest", "--data", "log.csv", "--horizon", "45d", "--models", "tweedie", "--windows", "1")
    for out, more in (("plain", ()), ("known", ("--customers", "customers.csv"))):
        done = shop.cltv(*words, "--out", out, *more)
        assert done.returncode == 0, done.stderr
    plain, known = (
        pd.read_csv(shop.folder / out / "backtest.csv").set_index("metric")["value"]
        for out in ("plain", "known")
    )
    assert known["gini"] > plain["gini"]


def test_tuning_learns_from_the_table_and_names_it_in_the_command_that_trains(shop):
    words = (
        "--data",
        "log.csv",
        "--horizon",
        "45d",
        "--model",
        "tweedie",
        "--trials",
        "1",
        "--max-origins",
        "2",
    )
    for out, more in (
        ("plain_tuned", ()),
        ("tuned", ("--customers", "customers.csv", "--protected", "gender")),
    ):
        done = shop.cltv("tune", *words, "--out", out, *more)
        assert done.returncode == 0, done.stderr
    command = "cltv train --data log.csv --customers customers.csv --protected gender --horizon 45d"
    assert command in " ".join(done.stdout.split())
    plain, known = (
        pd.read_csv(shop.folder / out / "tweedie.csv").iloc[0] for out in ("plain_tuned", "tuned")
    )
    assert known["gini"] > plain["gini"]


def test_promotion_reads_the_attributes_of_both_models(shop):
    done = shop.cltv("promote", "--data", "log.csv", "--customers", "customers.csv", "--dry-run")
    assert "has no challenger" in done.stderr
    words = ("--horizon", "45d", "--models", "tweedie", "--max-origins", "1", "--out", "second")
    done = shop.cltv("train", "--data", "log.csv", "--customers", "customers.csv", *words)
    assert done.returncode == 0, done.stderr
    done = shop.cltv("promote", "--data", "log.csv", "--customers", "customers.csv", "--dry-run", "--json")
    assert done.returncode in (0, 3), done.stderr
    assert "count as missing" not in done.stderr


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
def test_scores_with_attributes_on_spark_are_those_of_this_process(shop, scores):
    pytest.importorskip("pyspark", reason="PySpark is not installed")
    words = ("--customers", "customers.csv", "--engine", "spark", "--master", "local[2]")
    on_spark = score(shop, "spark.csv", *words)
    pd.testing.assert_series_equal(on_spark["expected_value"], scores["expected_value"].loc[on_spark.index])
