"""A standalone Spark cluster of separate processes on loopback, and Connect: the same features and scores."""

import os
import re
import signal
import sys
import tarfile
import time
import venv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cltv_ml.features import read_features, write_features
from tests.spark_processes import FEW, cluster

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("spark"), connect=True) as running:
        yield running


@pytest.fixture(params=["standalone", "connect"])
def address(request, spark):
    return spark.address if request.param == "standalone" else spark.connect


def test_the_contracts_of_features_hold_on_a_cluster(spark, address, tmp_path):
    words = [sys.executable, "-m", "pytest", "-m", "spark", "-q", "-p", "no:cacheprovider"]
    contracts = Path(__file__).parents[1] / "contracts" / "test_contract_features.py"
    said = spark.run([*words, contracts], cwd=tmp_path, env=os.environ | {"CLTV_TEST_SPARK": address})
    assert re.search(r"^\d+ passed, \d+ deselected in", said, re.MULTILINE), said  # none was skipped


def log_of_one_large_customer(lines=200_000):
    """A log of which one customer has 20% of the lines, as a marketplace or a till's account of passers-by."""
    rng = np.random.default_rng(0)
    large = rng.random(lines) < 0.2
    days = rng.integers(0, 730, size=lines)
    seconds = pd.to_timedelta(days * 86_400 + rng.integers(0, 86_400, size=lines), unit="s")
    return pd.DataFrame(
        {
            "customer_id": np.where(
                large, "large", "c" + pd.Series(rng.integers(0, 20_000, lines)).astype(str)
            ),
            "timestamp": pd.Timestamp("2022-01-01") + seconds,
            "amount": rng.integers(1, 10_000, size=lines) / 100,
            "order_id": rng.integers(0, lines // 2, size=lines).astype(str),
            "product_id": "p" + pd.Series(rng.integers(0, 2_000, size=lines)).astype(str),
        }
    )


def test_a_customer_with_a_fifth_of_the_lines_finishes(spark, address, tmp_path):
    log_of_one_large_customer().to_parquet(tmp_path / "log.parquet", index=False)
    words = ["--clean-log", "log.parquet", "--cutoff", "2023-07-01", "--horizon", "13w"]
    build = [sys.executable, "-m", "cltv_ml.cli", "features", "build", *words]
    names = [
        "orders",
        "spend_90d",
        "gap_median",
        "overdue_percentile",
        "products",
        "top_product_share",
        "spend_slope",
    ]
    chosen = [word for name in names for word in ("--names", name)]
    spark.run([*build, *chosen, "--out", "X", "--master", address], cwd=tmp_path)
    theirs = read_features(tmp_path / "X").to_pandas()
    write_features(tmp_path / "log.parquet", "2023-07-01", tmp_path / "ours", names, horizon=91)
    ours = read_features(tmp_path / "ours").to_pandas()
    assert ours.set_index("customer_id").loc["large", "orders"] > 10_000
    pd.testing.assert_frame_equal(theirs[list(ours)], ours, rtol=1e-9, atol=1e-9)


def assert_scores_equal(file, expected):
    found = pd.read_parquet(file).sort_values("customer_id", ignore_index=True)
    exact = ["customer_id", "tier", "reason", "model", "model_version", "cutoff", "horizon"]
    pd.testing.assert_frame_equal(found[exact], expected[exact])
    for name in set(expected) - set(exact):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-9, err_msg=name)


def scoring(shop, out, address):
    words = ["score", "--data", "orders.csv", *shop.mapping, "--out", out, "--engine", "spark"]
    command = [sys.executable, "-m", "cltv_ml.cli", *words, "--master", address]
    return command, {"cwd": shop.folder, "env": shop.environment}


def test_a_cluster_gives_the_scores_of_this_process(trained, scored, spark, address, tmp_path):
    command, place = scoring(trained, tmp_path / "scores.parquet", address)
    spark.run(command, **place)
    assert_scores_equal(tmp_path / "scores.parquet", scored)
    assert spark.tasks(0) > 0
    assert spark.tasks(1) > 0


def test_a_worker_that_dies_costs_no_row(trained, scored, tmp_path):
    with cluster(tmp_path) as spark:
        command, place = scoring(trained, tmp_path / "scores.parquet", spark.address)
        run = spark.start(command, **place)
        while not spark.tasks(1) and run.poll() is None:
            time.sleep(0.1)
        os.killpg(spark.workers[1].pid, signal.SIGKILL)
        done = spark.tasks(0)
        said = spark.end(run)
    assert run.returncode == 0, said
    assert_scores_equal(tmp_path / "scores.parquet", scored)
    assert spark.tasks(0) > done  # the other worker did what was left


def test_workers_take_their_python_from_an_archive_without_the_package(trained, scored, spark, tmp_path):
    """The libraries are enough: the registered version brings the package's code."""
    place = tmp_path / "python"
    venv.create(place, with_pip=False, symlinks=True)
    libraries = next(place.glob("lib/python*/site-packages")) / "libraries.pth"
    libraries.write_text(str(Path(np.__file__).parents[1]))  # what is installed, but no editable package
    with tarfile.open(tmp_path / "workers.tar.gz", "w:gz") as archive:
        archive.add(place, arcname=".")
    command, options = scoring(trained, tmp_path / "scores.parquet", spark.address)
    submit = f"{FEW} --archives {tmp_path / 'workers.tar.gz'}#workers pyspark-shell"
    options["env"] = options["env"] | {"PYSPARK_SUBMIT_ARGS": submit}
    spark.run(command, **options, python="./workers/bin/python")
    assert_scores_equal(tmp_path / "scores.parquet", scored)
