"""One training for several horizons, from the command line to the scores, the served answer and the figure."""

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from tests.integration.conftest import Shop

DAYS = [30, 91, 400]


@pytest.fixture(scope="module")
def place(tmp_path_factory, orders):
    folder = tmp_path_factory.mktemp("horizons")
    orders[orders["Kunde"].str[-2].isin(["1", "4", "7"])].to_csv(folder / "orders.csv", index=False)
    place = Shop(folder)
    data = ("--data", "orders.csv", *place.mapping)
    models = ("--models", "pareto_nbd_gamma_gamma,tweedie")
    trained = place.cltv("train", *data, "--horizon", "30d,91d,400d", *models)
    assert trained.returncode == 0, trained.stderr
    scored = place.cltv("score", *data, "--out", "out/scores.parquet")
    assert scored.returncode == 0, scored.stderr
    (folder / "told.txt").write_text(" ".join(trained.stdout.split()))
    return place


@pytest.fixture(scope="module")
def scores(place):
    table = pd.read_parquet(place.folder / "out" / "scores.parquet")
    return table.dropna(subset=["expected_value"])  # one customer has no valid purchase


def test_the_run_names_the_main_horizon_and_what_could_not_be_judged(place):
    told = (place.folder / "told.txt").read_text()
    assert "Models were compared over 91 days, the longest of 30, 91, 400 that the log can test." in told
    assert "Horizon 30 days from 1998-05-31: Gini" in told
    assert "The test window of 400 days began before that of 91 days" in told


def test_scores_hold_every_horizon_and_agree(scores):
    values = scores[[f"expected_value_{day}d" for day in DAYS]]
    assert (values.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert (scores["expected_value_91d"] == scores["expected_value"]).all()
    for day in DAYS:
        assert (scores[f"value_lower_{day}d"] <= scores[f"expected_value_{day}d"]).all()
        assert (scores[f"expected_value_{day}d"] <= scores[f"value_upper_{day}d"]).all()


def test_metrics_of_each_horizon_are_grouped_in_mlflow(place):
    client = MlflowClient(place.store, place.store)
    runs = client.search_runs([client.get_experiment_by_name("cltv").experiment_id], "tags.role = 'summary'")
    metrics = runs[0].data.metrics
    assert {"test_30d/gini", "test_91d/bias", "test_400d/coverage"} <= set(metrics)
    assert client.get_model_version("cltv", "1").tags["test_30d/gini"] == f"{metrics['test_30d/gini']:.6g}"


def test_the_report_shows_value_over_time(place):
    assert "Value over time" in (place.folder / "out" / "report.html").read_text()


def test_one_customers_curve_is_drawn_and_ends_at_the_scores(place, scores):
    row = scores.iloc[0]
    data = ("--data", "orders.csv", *place.mapping)
    done = place.cltv("plot", "value_curve", *data, "--customer", row["customer_id"], "--out", "curve.json")
    assert done.returncode == 0, done.stderr
    drawn = (place.folder / "curve.json").read_text()
    assert f"Expected value of customer {row['customer_id']} over time" in drawn


def test_monitoring_of_the_batch_keeps_its_horizons(place):
    done = place.cltv("monitor", "--data", "orders.csv", *place.mapping)
    assert done.returncode in (0, 3, 4), done.stderr
    client = MlflowClient(place.store, place.store)
    experiment = client.get_experiment_by_name("cltv").experiment_id
    (batch,) = client.search_runs([experiment], "tags.role = 'batch'")
    assert batch.data.tags["horizons"] == "30,91,400"
