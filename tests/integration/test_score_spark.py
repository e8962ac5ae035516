"""The same model on Spark: row by row what this process answers."""

import mlflow
import numpy as np
import pandas as pd
import pytest

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore"),  # PySpark's own, about pandas 3 and files of its sockets
]


@pytest.fixture(scope="module")
def session():
    pytest.importorskip("pyspark", reason="PySpark is not installed")
    from cltv_ml.serving.spark import spark_session

    return spark_session("local[2]")


def assert_scores_equal(found, expected):
    exact = ["customer_id", "tier", "reason", "model", "model_version", "cutoff", "horizon"]
    pd.testing.assert_frame_equal(found[exact], expected[exact])
    for name in set(expected) - set(exact):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("source", ["log", "features"])
def test_scores_of_spark_are_those_of_this_process(trained, scored, session, tmp_path, source):
    words = ["--data", "orders.csv", *trained.mapping]
    if source == "features":
        words = ["--features", tmp_path / "features"]
        build = [
            "--data",
            "orders.csv",
            *trained.mapping,
            "--cutoff",
            "1998-07-01",
            "--out",
            tmp_path / "features",
        ]
        assert trained.cltv("features", "build", *build).returncode == 0
    spark = ["--engine", "spark", "--master", "local[2]"]
    done = trained.cltv("score", *words, *spark, "--out", tmp_path / "scores.parquet")
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "scores.parquet").sort_values("customer_id", ignore_index=True)
    expected = scored if source == "log" else scored[scored["reason"].isna()].reset_index(drop=True)
    assert_scores_equal(table, expected)


def test_golden_rows_are_replayed_by_a_spark_function(trained, session):
    mlflow.set_tracking_uri(trained.store)
    served = mlflow.pyfunc.load_model("models:/cltv@champion").unwrap_python_model()
    golden, names = served.golden, served.card.features
    answers = mlflow.pyfunc.spark_udf(
        session,
        "models:/cltv@champion",
        result_type="struct<expected_value: double, tier: string>",
        env_manager="local",
    )
    from pyspark.sql.functions import struct

    rows = session.createDataFrame(golden[["customer_id", *names]])
    found = rows.select("customer_id", answers(struct(*names)).alias("answer")).select(
        "customer_id", "answer.*"
    )
    table = found.toPandas().set_index("customer_id").loc[golden["customer_id"]]
    assert table["expected_value"].to_numpy() == pytest.approx(golden["expected_value"].to_numpy(), rel=1e-9)
    assert list(table["tier"]) == list(golden["tier"])


def test_reasons_on_spark_are_refused_in_a_sentence(trained, session, tmp_path):
    words = ["--data", "orders.csv", *trained.mapping, "--engine", "spark", "--top-reasons", "2"]
    done = trained.cltv("score", *words, "--out", tmp_path / "scores.parquet")
    assert done.returncode == 2
    assert "leave out --top-reasons or --engine spark" in done.stderr
