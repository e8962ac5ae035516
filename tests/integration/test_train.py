"""What `cltv train` leaves behind, and that its champion scores."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.data import clean, read
from cltv_ml.evaluation.interval_metrics import INTERVAL_METRICS, QUANTILE_METRICS
from cltv_ml.evaluation.metrics import METRICS, PURCHASE_METRICS
from cltv_ml.evaluation.validation import MAX_WINDOWS
from cltv_ml.settings import Train
from cltv_ml.tables import RESULTS
from cltv_ml.tracking.metric_names import grouped

MEASURED = [*METRICS, *PURCHASE_METRICS, *INTERVAL_METRICS, *QUANTILE_METRICS]


@pytest.fixture(autouse=True)
def open_the_store(no_store_left_open, trained):
    mlflow.set_tracking_uri(trained.store)


@pytest.fixture(scope="module")
def client(trained):
    return MlflowClient(trained.store, trained.store)


@pytest.fixture(scope="module")
def runs(client):
    experiment = client.get_experiment_by_name("shop")
    return client.search_runs([experiment.experiment_id])


@pytest.fixture(scope="module")
def windows(runs):
    return [run for run in runs if run.data.tags["role"] == "window"]


@pytest.fixture(scope="module")
def candidates(runs):
    return [run for run in runs if run.data.tags["role"] == "candidate"]


def test_comparison_has_one_row_per_model_and_metric(trained, models):
    table = pd.read_csv(trained.folder / "out" / "comparison.csv", parse_dates=["cutoff"])
    RESULTS.check(table)
    assert list(table.groupby("model", sort=False).size().items()) == [
        (name, len(MEASURED)) for name in models
    ]


def test_every_model_has_a_finished_top_level_run_and_the_training_a_summary(runs, candidates, models):
    assert sorted(run.info.run_name for run in candidates) == sorted(models)
    assert [run.data.tags["role"] for run in runs].count("summary") == 1
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags["role"] for run in runs if "mlflow.parentRunId" in run.data.tags} == {"window"}


def test_earlier_windows_lie_below_each_model_with_the_same_metrics(windows, candidates, models):
    parents = {run.info.run_id: run.info.run_name for run in candidates}
    cutoffs = {run.data.params["cutoff"] for run in windows}
    assert 1 < len(cutoffs) <= MAX_WINDOWS
    below = sorted(parents[run.data.tags["mlflow.parentRunId"]] for run in windows)
    assert below == sorted(len(cutoffs) * models)
    for run in windows:
        assert run.data.tags["model"] == parents[run.data.tags["mlflow.parentRunId"]]
        assert run.data.params["cutoff"] < "1997-12-30"
        assert set(run.data.metrics) == set(grouped(dict.fromkeys(METRICS, 0.0)))
        assert run.data.params["protocol"] in ("out of time", "other customers")


def test_a_training_opens_its_log_once_and_hands_it_to_the_engine_at_most_five_times(trained, openings):
    log = clean(
        read(trained.folder / "orders.csv", dict(pair.split("=") for pair in trained.mapping[1].split(",")))
    ).log
    assert openings.logs == 1  # its span, kept by the log, is asked for once
    assert 1 <= openings.tables.count(len(log)) <= 5


def test_runs_of_one_training_share_its_id(runs):
    assert len({run.data.tags["training_id"] for run in runs}) == 1


def test_every_model_has_the_same_metrics_as_the_comparison(trained, candidates):
    table = pd.read_csv(trained.folder / "out" / "comparison.csv")
    expected = table.pivot(index="model", columns="metric", values="value")
    for run in candidates:
        logged = {name: value for name, value in run.data.metrics.items() if name != "seconds"}
        assert logged == pytest.approx(grouped(expected.loc[run.info.run_name].to_dict()))
        assert "order/gini" in logged


def test_every_model_has_its_data_figures_and_logged_model(client, candidates):
    for run in candidates:
        assert [data.dataset.name for data in run.inputs.dataset_inputs] == ["orders.csv holdout"]
        files = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert files == {"figures.html", "figures", "tables"}
        page = Path(client.download_artifacts(run.info.run_id, "figures.html")).read_text(encoding="utf-8")
        picture = Path(client.download_artifacts(run.info.run_id, "figures/deciles.svg")).read_text("utf-8")
        assert "(GBP)" in page
        assert "(GBP)" in picture
        assert len(run.outputs.model_outputs) == 1


def test_logged_models_carry_their_models_name(client, candidates, runs):
    summary = next(run for run in runs if run.data.tags["role"] == "summary")
    for run in candidates:
        logged = client.get_logged_model(run.outputs.model_outputs[0].model_id)
        assert logged.name == run.info.run_name
    champion = client.get_logged_model(summary.outputs.model_outputs[0].model_id)
    assert champion.name == summary.data.params["champion"]


def test_only_the_registered_model_holds_the_package_and_candidates_load_without(client, candidates, runs):
    summary = next(run for run in runs if run.data.tags["role"] == "summary")
    held = {}
    for run in [*candidates, summary]:
        uri = f"models:/{run.outputs.model_outputs[0].model_id}"
        held[run.info.run_id] = any(file.path == "code" for file in mlflow.artifacts.list_artifacts(uri))
        assert mlflow.pyfunc.load_model(uri).unwrap_python_model().golden is not None
    assert [run_id for run_id, holds in held.items() if holds] == [summary.info.run_id]


def test_experiment_runs_and_registered_model_describe_themselves(client, candidates, runs):
    summary = next(run for run in runs if run.data.tags["role"] == "summary")
    experiment = client.get_experiment(summary.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert "Customer lifetime value" in experiment.tags["mlflow.note.content"]
    assert summary.data.params["champion"] in summary.data.tags["mlflow.note.content"]
    assert summary.data.params["champion"].capitalize() not in summary.data.tags["mlflow.note.content"]
    assert [data.dataset.name for data in summary.inputs.dataset_inputs] == ["orders.csv holdout"]
    for run in candidates:
        assert f"Gini {run.data.metrics['order/gini']:.3f}" in run.data.tags["mlflow.note.content"]
    for run in [*candidates, summary]:
        logged = client.get_logged_model(run.outputs.model_outputs[0].model_id)
        assert logged.tags["mlflow.note.content"] == run.data.tags["mlflow.note.content"]
    assert "`champion` is the model in use" in client.get_registered_model("cltv").description


def test_model_metrics_are_linked_to_the_logged_model_and_its_data(client, candidates):
    logged = client.get_logged_model(candidates[0].outputs.model_outputs[0].model_id)
    linked = {metric.key: metric.dataset_name for metric in logged.metrics if metric.key != "seconds"}
    assert linked == dict.fromkeys(grouped(dict.fromkeys(MEASURED, 0.0)), "orders.csv holdout")


def test_learned_parameters_of_the_probabilistic_models_are_logged(candidates):
    params = {run.info.run_name: run.data.params for run in candidates}["bg_nbd_gamma_gamma"]
    assert {"purchases.r", "purchases.alpha", "purchases.a", "purchases.b", "spend.p"} <= set(params)


def test_champion_is_registered_with_the_window_shifted_to_the_end_of_the_log(trained, client):
    version = client.get_model_version_by_alias("cltv", "champion")
    card = mlflow.pyfunc.load_model(f"models:/cltv/{version.version}").metadata.metadata
    assert card["cutoff"] == "1998-07-01"
    assert card["horizon"] == 182


def test_logged_models_hold_no_pickle_and_ask_for_the_pinned_versions(trained):
    files = list((trained.folder / "mlruns").rglob("*"))
    assert not [file for file in files if file.suffix in (".pkl", ".pickle", ".joblib", ".cloudpickle")]
    pins = (Path(__file__).parents[2] / "constraints.txt").read_text().split()
    for path in (file for file in files if file.name == "requirements.txt"):
        assert set(path.read_text().split()) <= set(pins)


def test_bad_rows_are_in_the_quarantine_with_a_reason(trained):
    table = pd.read_parquet(trained.folder / "out" / "quarantine.parquet")
    rules = table.set_index("source_row")["rule"]
    assert list(rules.tail(2)) == ["bad_amount", "missing_customer"]
    assert table["reason"].str.len().min() > 10


def test_report_needs_nothing_from_outside(trained):
    text = (trained.folder / "out" / "report.html").read_text()
    assert text.count('class="plot"') >= 3
    assert 'src="http' not in text
    assert '<link rel="stylesheet"' not in text


def test_columns_whose_features_are_missing_are_named(trained):
    text = (trained.folder / "out" / "report.html").read_text()
    assert "The log has no category, channel, cost, discount, product_id, quantity:" in text


def test_report_can_be_written_again_from_mlflow(trained, tmp_path):
    done = trained.cltv("report", "--experiment", "shop", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report.html").read_text() == (trained.folder / "out" / "report.html").read_text()


def test_a_horizon_whose_season_the_log_has_not_seen_is_said_so(shop):
    words = ["--cutoff", "1997-10-01", "--horizon", "60", "--out", "autumn", "--experiment", "autumn"]
    models = ["--models", "same_rate,bg_nbd_gamma_gamma"]
    done = shop.cltv("train", "--data", "orders.csv", *shop.mapping, *words, *models)
    assert done.returncode == 0, done.stderr
    assert "no model has seen the season of the horizon" in " ".join(done.stdout.split())


def test_settings_are_kept_as_toml_that_trains_the_same_again(client, runs, models, tmp_path):
    run = next(run for run in runs if run.data.tags["role"] == "summary")
    found = Train.read(Path(client.download_artifacts(run.info.run_id, "settings.toml", str(tmp_path))))
    assert found == Train(
        data="orders.csv",
        horizon="26w",
        cutoff="1997-12-30",
        experiment="shop",
        currency="GBP",
        models=models,
        mapping={"customer_id": "Kunde", "timestamp": "Datum", "amount": "Umsatz"},
    )


def test_result_tables_are_logged(client, candidates):
    run = next(run for run in candidates if run.info.run_name == "tweedie")
    deciles = client.load_table(run.info.experiment_id, "tables/deciles.json", run_ids=[run.info.run_id])
    assert deciles["decile"].tolist() == list(range(1, 11))


def test_the_first_version_is_champion_and_carries_what_it_was_fitted_on(client):
    version = client.get_model_version_by_alias("cltv", "champion")
    assert {
        "log_start": "1997-01-01",
        "log_end": "1998-06-30",
        "fitted_until": "1998-07-01",
        "currency": "GBP",
    }.items() <= version.tags.items()
    assert version.tags["candidate"].startswith("models:/m-")
    assert float(version.tags["test_gini"]) > 0.5
    assert version.tags["test_beats_chance"] == "yes"
    assert "cltv_ml.version" in version.tags
    card = mlflow.models.get_model_info(f"models:/cltv/{version.version}").metadata
    assert version.tags["feature_version"] == card["feature_version"]  # was that of all features offered
    assert version.tags["features"] == str(len(card["features"]))


def test_the_model_card_is_the_description_and_an_artefact(client, runs):
    card = client.get_model_version_by_alias("cltv", "champion").description
    for heading in ("## Data", "## Test", "## Known limits", "## Intended use", "95% interval"):
        assert heading in card
    run = next(run for run in runs if run.data.tags["role"] == "summary")
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/model_card.md") == card


@pytest.mark.slow
def test_a_second_training_is_a_challenger_until_it_is_promoted(trained, client):
    words = ["--data", "orders.csv", *trained.mapping, "--horizon", "26w", "--experiment", "second"]
    done = trained.cltv("train", *words, "--out", "second", "--promote")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "challenger" in said
    assert "version 1 stays champion" in said  # the same data and recipe: no better
    assert int(client.get_model_version_by_alias("cltv", "champion").version) == 1
    assert int(client.get_model_version_by_alias("cltv", "challenger").version) > 1


def test_every_customer_of_the_source_comes_back_once(scored, orders):
    assert sorted(scored["customer_id"]) == sorted({*orders["Kunde"], "K-broken"})
