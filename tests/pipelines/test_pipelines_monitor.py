"""A scored batch is kept, compared with the training, and with the truth once its horizon has passed."""

import json
from pathlib import Path
from types import SimpleNamespace

import mlflow
import pandas as pd
import pyarrow as pa
import pytest
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from pages import SENTENCES, lost_numbers

from cltv_ml import pipelines
from cltv_ml.data import Cleaned, clean, simulate
from cltv_ml.errors import InputError
from cltv_ml.evaluation.batch_outcome import Thresholds, compute_expected_path
from cltv_ml.evaluation.drift import compute_drift, sketch
from cltv_ml.features import build_features, feature_version
from cltv_ml.log import Log
from cltv_ml.models import ProbabilisticValue
from cltv_ml.money import format_money
from cltv_ml.pipelines.monitor import store_reference
from cltv_ml.pipelines.monitor_checks import (
    _unseen_level_checks,
    compare_with_training,
    freshness_checks,
    outcome_checks,
)
from cltv_ml.serving import packaging
from cltv_ml.serving.responses import BOUGHT_LATER, tier_names
from cltv_ml.tracking import registry, runs, scored_batches
from cltv_ml.windows import Window

SUMMARY = ["frequency", "recency", "T", "monetary_value"]
CUTOFF, HORIZON = pd.Timestamp("2022-10-01"), 60


@pytest.fixture(scope="module")
def log():
    return clean(simulate(600, days=420, seed=5).log).log


@pytest.fixture(scope="module")
def fitted(log):
    return ProbabilisticValue(horizon=HORIZON).fit(build_features(log, CUTOFF, SUMMARY))


@pytest.fixture(scope="module")
def trained_store(filling, tmp_path_factory, log, fitted):
    """A store with one registered version."""
    folder = tmp_path_factory.mktemp("trained")
    with filling(folder):
        cuts = _register(log, fitted)
    return folder, cuts


@pytest.fixture
def registered(trained_store, restore):
    """The store as it was after the training; gives the cut points of the tiers."""
    folder, cuts = trained_store
    restore(folder)
    return cuts


def _register(log, fitted):
    X = build_features(log, CUTOFF, SUMMARY)
    cuts = packaging.tier_cuts(fitted.predict(X))
    card = packaging.Card(
        model=fitted.name,
        horizon=HORIZON,
        cutoff=f"{CUTOFF:%Y-%m-%d}",
        features=SUMMARY,
        tiers=cuts,
        feature_version=feature_version(SUMMARY),
        customers=len(X),
        dataset="simulated",
    )
    with runs.summary_run(runs.open_experiment("cltv"), "training", {"role": "summary"}):
        info = packaging.log_model(fitted, card, X)
        before = CUTOFF - pd.Timedelta(days=HORIZON)
        path = compute_expected_path(fitted, X, log, Window(before, HORIZON))
        store_reference(info.model_id, fitted, X, path, cuts)
    registry.publish(registry.register(info.model_uri, {}))
    return cuts


def scores(log, fitted, cuts, cutoff=CUTOFF, times=1.0):
    X = build_features(log, cutoff, SUMMARY)
    table = fitted.predict_table(X)
    table["expected_value"] *= times
    return table.assign(
        tier=tier_names(table["expected_value"].to_numpy(), cuts),
        model_version=1,
        cutoff=cutoff,
        horizon=HORIZON,
    ).reset_index()


def until(log, day):
    return log[log["timestamp"] < day]


def monitor(log, batch, out, **settings):
    return pipelines.monitor(data=Cleaned(log, log.iloc[:0], None), scores=batch, out=out, **settings)


def series(name):
    client = MlflowClient()
    experiment = client.get_experiment_by_name("cltv").experiment_id
    (run,) = client.search_runs([experiment], "tags.role = 'monitoring'")
    return client.get_metric_history(run.info.run_id, name)


def test_the_batch_that_the_model_was_fitted_for_is_ok_and_kept(registered, log, fitted, tmp_path):
    report = monitor(until(log, CUTOFF), scores(log, fitted, registered), tmp_path / "out")
    assert (report.level, report.reasons) == ("ok", [])
    assert report.drift["psi"].max() == 0
    assert len(report.truth) == len(report.progress) == 0
    files = {file.name for file in (tmp_path / "out").iterdir()}
    tables = {f"{name}.csv" for name in ("checks", "batch", "drift", "tiers", "truth", "progress")}
    assert files == {"monitor.html", "monitor_tables", *tables}
    page = (tmp_path / "out" / "monitor.html").read_text()
    assert "<dt>Can these scores be used?</dt><dd>Yes</dd>" in page
    assert "probability of still being a customer" in page
    assert "p_alive" not in page.partition("<footer>")[0].partition("</head>")[2]


def test_a_closed_batch_becomes_one_point_of_the_series_however_often_it_is_looked_at(
    registered, log, fitted, tmp_path
):
    batch = scores(log, fitted, registered)
    monitor(until(log, CUTOFF), batch, tmp_path / "out")
    later = scores(log, fitted, registered, CUTOFF + pd.Timedelta(days=HORIZON))
    whole = until(log, CUTOFF + pd.Timedelta(days=HORIZON))
    for _ in range(2):
        report = monitor(whole, later, tmp_path / "out")
    assert len(report.truth) == 1
    (point,) = series("truth/bias")
    assert {one.value for one in series("check/bias")} != {
        point.value
    }  # the end of its interval nearest to zero
    y_true = Log.of(log).target(Window(CUTOFF, HORIZON), pd.Index(batch["customer_id"], name="customer_id"))
    assert point.value == pytest.approx(batch["expected_value"].sum() / y_true.sum() - 1)
    assert point.step == (CUTOFF - pd.Timestamp("1970-01-01")).days
    assert report.truth.iloc[0]["realised"] == pytest.approx(y_true.sum())
    out = tmp_path / "out"
    known = [len(report.checks), len(SUMMARY), 0]
    assert lost_numbers(out / "monitor.html", out.glob("*.csv"), known=known) == []
    assert lost_numbers(out / "monitor.html", out.rglob("*.csv"), tags=SENTENCES) == []


def test_a_batch_that_is_closed_is_not_measured_again(registered, log, fitted, tmp_path):
    batch, end = scores(log, fitted, registered), CUTOFF + pd.Timedelta(days=HORIZON)
    monitor(until(log, CUTOFF), batch, tmp_path / "out")
    first = monitor(until(log, end), batch, tmp_path / "out")
    again = monitor(
        until(log, end), batch.assign(expected_value=2 * batch["expected_value"]), tmp_path / "out"
    )
    pd.testing.assert_frame_equal(again.truth, first.truth)
    assert len(series("truth/bias")) == 1


def test_a_closed_batch_is_told_with_both_totals(registered, log, fitted, tmp_path):
    batch, end = scores(log, fitted, registered), CUTOFF + pd.Timedelta(days=HORIZON)
    before = monitor(until(log, CUTOFF), batch, tmp_path / "out")
    assert before.kept == []
    assert before.notes == [
        "No batch has closed yet; its outcome will be known once the log reaches 2022-11-30."
    ]
    after = monitor(until(log, end), batch, tmp_path / "out", thresholds={"bias": [5.0, 9.0]})
    predicted, realised = batch["expected_value"].sum(), after.truth.iloc[0]["realised"]
    assert (
        f"predicted {format_money(predicted)} and customers spent {format_money(realised)}" in after.kept[0]
    )
    assert after.notes == []


def test_a_model_outside_its_bounds_on_its_test_is_watched_until_a_batch_has_closed(
    registered, log, fitted, tmp_path
):
    MlflowClient().set_model_version_tag("cltv", "1", "test_bias", "-0.38")
    report = monitor(until(log, CUTOFF), scores(log, fitted, registered), tmp_path / "out")
    assert report.level == "watch"
    assert report.reasons == [
        "In its test, the model was outside its bounds: its total was 38.0% too low (10% is allowed)."
    ]
    page = (tmp_path / "out" / "monitor.html").read_text()
    assert "<dt>Can these scores be used?</dt><dd>Yes, with care</dd>" in page
    end = CUTOFF + pd.Timedelta(days=HORIZON)
    closed = monitor(until(log, end), scores(log, fitted, registered, end), tmp_path / "out")
    assert "test window" not in [one.name for one in closed.checks]


def test_a_model_that_ranks_no_better_than_chance_on_its_test_is_watched(registered, log, fitted, tmp_path):
    MlflowClient().set_model_version_tag("cltv", "1", registry.BEATS_CHANCE, "no")
    report = monitor(until(log, CUTOFF), scores(log, fitted, registered), tmp_path / "out")
    assert report.level == "watch"
    assert report.reasons == ["The test did not show that the model ranks customers better than chance."]


def test_a_batch_of_an_older_store_is_read_by_todays_names(registered, log, fitted, tmp_path, monkeypatch):
    batch, end = scores(log, fitted, registered), CUTOFF + pd.Timedelta(days=HORIZON)
    with monkeypatch.context() as older:
        older.setattr(scored_batches, "_ABOUT", "promise.json")
        monitor(until(log, CUTOFF), batch, tmp_path / "out")
    closed = monitor(until(log, end), batch, tmp_path / "out").truth.iloc[0]
    client = MlflowClient()
    experiment = client.get_experiment_by_name("cltv").experiment_id
    (run,) = client.search_runs([experiment], "tags.role = 'batch' and tags.truth = 'closed'")
    client.log_batch(run.info.run_id, [Metric("promised", 123.0, 0, 0), Metric("30d/promised", 45.0, 0, 0)])
    named = scored_batches._named_metrics(client.get_run(run.info.run_id))
    assert closed["predicted"] == pytest.approx(batch["expected_value"].sum())
    assert (named["predicted"], named["30d/predicted"]) == (123.0, 45.0)


def test_forecasts_far_above_what_was_realised_call_for_training(registered, log, fitted, tmp_path):
    monitor(until(log, CUTOFF), scores(log, fitted, registered, times=2.0), tmp_path / "out")
    end = CUTOFF + pd.Timedelta(days=HORIZON)
    report = monitor(until(log, end), scores(log, fitted, registered, end), tmp_path / "out")
    assert report.level == "retrain"
    assert any("the total was" in reason for reason in report.reasons)
    loose = {"bias": [5.0, 9.0], "decile_error": [5.0, 9.0]}
    report = monitor(
        until(log, end), scores(log, fitted, registered, end), tmp_path / "out", thresholds=loose
    )
    assert not any("the total was" in reason for reason in report.reasons)


def test_a_horizon_that_has_ended_is_compared_before_the_batch_closes_and_measured_once(
    registered, log, fitted, tmp_path
):
    batch = scores(log, fitted, registered)
    batch = batch.assign(
        expected_value_30d=batch["expected_value"], expected_value_60d=batch["expected_value"]
    )
    monitor(until(log, CUTOFF), batch, tmp_path / "out")
    partly = until(log, CUTOFF + pd.Timedelta(days=30))
    report = monitor(partly, batch, tmp_path / "out")
    y_true = Log.of(log).target(Window(CUTOFF, 30), pd.Index(batch["customer_id"], name="customer_id"))
    assert len(report.truth) == 0
    (row,) = report.by_horizon.to_dict("records")
    assert (row["horizon"], row["realised"]) == (30, pytest.approx(y_true.sum()))
    assert row["bias"] == pytest.approx(batch["expected_value"].sum() / y_true.sum() - 1)
    assert any(one.name == "bias 30 days" and one.level == "retrain" for one in report.checks)
    assert (tmp_path / "out" / "horizons.csv").exists()
    again = monitor(partly, batch.assign(expected_value_30d=0.0), tmp_path / "out")
    assert again.by_horizon.equals(report.by_horizon)


def test_an_open_batch_is_compared_with_the_path_the_model_expects(registered, log, fitted, tmp_path):
    batch = scores(log, fitted, registered, times=3.0)
    report = monitor(until(log, CUTOFF + pd.Timedelta(days=30)), batch, tmp_path / "out")
    last = report.progress.iloc[-1]
    half = (
        ProbabilisticValue(horizon=HORIZON).set_params(horizon=30).fit(build_features(log, CUTOFF, SUMMARY))
    )
    expected = 3 * half.predict(build_features(log, CUTOFF, SUMMARY)).sum()
    assert last["day"] == 30
    assert last["expected"] == pytest.approx(expected, rel=0.02)
    assert any(reason.startswith("After 30 of 60 days") for reason in report.reasons)


def test_customers_of_another_kind_are_drift(registered, log, fitted, tmp_path):
    other = log.assign(amount=log["amount"] * 20)
    report = monitor(until(other, CUTOFF), scores(other, fitted, registered), tmp_path / "out")
    assert report.level == "retrain"
    moved = report.drift.set_index("feature")
    assert moved.at["monetary_value", "psi_lower"] > 0.25
    assert moved.at["frequency", "psi"] == 0


def test_attributes_without_their_table_are_told_and_are_no_drift(log):
    customers = log["customer_id"].unique()
    country = pa.table({"customer_id": customers, "text_country": ["UK", "FR"] * (len(customers) // 2)})
    past = until(log, CUTOFF)
    known, names = Log(past, attributes=country), ["frequency", "attribute_text_country"]
    X = build_features(known, CUTOFF, names)
    values = pd.DataFrame({"expected_value": 1.0}, index=X.index)
    reference = {"features": sketch(X), "predictions": sketch(values), "tiers": {"low": len(X)}}
    version = SimpleNamespace(features=names, feature_version=feature_version(names))
    batch = values.assign(tier="low").reset_index()

    def compare(seen):
        notes: list[str] = []
        arguments = (batch, Window(CUTOFF, HORIZON), version, reference, Thresholds(), notes)
        drift = compare_with_training(seen, *arguments)[0]
        return drift.loc[drift["kind"] == "feature", "feature"].tolist(), notes

    every, silence = compare(known)
    features, notes = compare(Log(past))
    assert not silence
    assert set(every) - set(features) == {"attribute_text_country"}
    assert notes[0].startswith("Drift is not measured for country: the tables about customers")


def test_refused_customers_are_counted(registered, log, fitted, tmp_path):
    batch = scores(log, fitted, registered)
    batch.loc[batch.index % 5 == 0, "expected_value"] = None
    report = monitor(until(log, CUTOFF), batch, tmp_path / "out")
    assert any("20.0% of the customers have no value" in reason for reason in report.reasons)


def test_customers_who_first_bought_after_the_day_of_the_batch_are_not_refused(
    registered, log, fitted, tmp_path
):
    """A batch of an earlier day asked for a new training because customers of later days had no value."""
    batch = scores(log, fitted, registered).assign(reason=None)
    batch.loc[batch.index % 5 == 0, ["expected_value", "reason"]] = [None, f"{BOUGHT_LATER} {CUTOFF}"]
    report = monitor(until(log, CUTOFF), batch, tmp_path / "out")
    assert not any("have no value" in reason for reason in report.reasons)


def test_a_version_without_reference_says_that_drift_is_not_measured(registered, log, fitted, tmp_path):
    reference = Path(mlflow.artifacts.download_artifacts("models:/cltv/1"), "reference.json")
    hidden = reference.rename(reference.with_suffix(".hidden"))
    report = monitor(until(log, CUTOFF), scores(log, fitted, registered), tmp_path / "out")
    hidden.rename(reference)
    assert "stored without a reference" in report.notes[0]


def test_a_reference_that_cannot_be_fetched_is_not_one_that_was_never_stored(
    registered, log, fitted, tmp_path, monkeypatch
):
    def away(artifact_uri):
        raise MlflowException(f"failures occurred while downloading {artifact_uri}")

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", away)
    with pytest.raises(InputError, match="the reference of version 1 of model 'cltv' cannot be fetched"):
        monitor(until(log, CUTOFF), scores(log, fitted, registered), tmp_path / "out")


def test_no_run_is_left_open(registered, log, fitted, tmp_path):
    monitor(until(log, CUTOFF), scores(log, fitted, registered), tmp_path / "out")
    client = MlflowClient()
    runs = client.search_runs([client.get_experiment_by_name("cltv").experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_the_reference_holds_no_customer(registered, log):
    text = json.dumps(mlflow.artifacts.load_dict("models:/cltv/1/reference.json"))
    assert len(text) < 60_000
    assert not any(f'"{customer}"' in text for customer in log["customer_id"].unique())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: table.drop(columns="cutoff"), r"missing columns \['cutoff'\]"),
        (
            lambda table: table.assign(customer_id="?" + table["customer_id"]),
            "contains only 0% of the scored customers",
        ),
        (lambda table: table[: len(table) // 2], "hold only .*% of the .* customers who had bought before"),
        (lambda table: pd.concat([table, table]), "list a customer twice"),
        (
            lambda table: table.assign(expected_value=float("nan")),
            "no customer in the scores has an expected value",
        ),
    ],
)
def test_scores_that_cannot_be_monitored_are_refused(registered, log, fitted, tmp_path, spoil, message):
    with pytest.raises(ValueError, match=message):
        monitor(log, spoil(scores(log, fitted, registered)), tmp_path / "out")


def test_the_money_so_far_is_told_from_a_quarter_of_the_horizon_or_of_a_year_on():
    path = {"cutoff": CUTOFF, "expected": 80.0, "realised": 100.0, "bias_lower": -0.3, "bias_upper": -0.15}
    told = {
        (day, horizon): [
            check.sentence
            for check in outcome_checks(
                pd.DataFrame(), pd.DataFrame([{**path, "day": day, "horizon": horizon}]), None, Thresholds()
            )
        ]
        for day, horizon in ((45, 182), (46, 182), (90, 1826), (91, 1826))
    }
    assert [len(sentences) for sentences in told.values()] == [0, 1, 0, 1]
    assert told[91, 1826][0].startswith("After 91 of 1826 days, the batch of")


def test_a_batch_in_another_season_than_the_training_is_checked():
    days = pd.date_range("2020-01-01", "2022-12-31").repeat(5)
    amounts = 10.0 + 30.0 * (days.month >= 11)
    customers = [str(number % 200) for number in range(len(days))]
    log = Log(pd.DataFrame({"customer_id": customers, "timestamp": days, "amount": amounts}))
    scores = pd.DataFrame({"expected_value": [1.0]})
    version = SimpleNamespace(fitted_until=pd.Timestamp("2022-08-01"))
    levels = {}
    for cutoff in ("2022-08-01", "2022-09-01", "2022-12-01"):
        checks = freshness_checks(log, scores, Window(pd.Timestamp(cutoff), 30), version, Thresholds())
        levels[cutoff] = [check.level for check in checks if check.name == "season"]
    assert levels == {"2022-08-01": [], "2022-09-01": ["ok"], "2022-12-01": ["retrain"]}
    assert "brought in" in checks[0].sentence


@pytest.mark.parametrize(
    ("fitted", "told"),
    [
        ("2022-10-01", "up to 2022-10-01, the day of the batch."),
        ("2022-09-01", "up to 2022-09-01, 30 days (0.5 horizons) before the batch."),
        ("2022-10-02", "it predicts here, so the outcome says nothing about other batches."),
    ],
)
def test_the_age_of_a_model_is_told_in_days(log, fitted, told):
    """The page had said “0.0 horizons before the batch”."""
    version = SimpleNamespace(fitted_until=pd.Timestamp(fitted))
    scores = pd.DataFrame({"expected_value": [1.0]})
    _, age, quiet = freshness_checks(Log(log), scores, Window(CUTOFF, HORIZON), version, Thresholds())
    assert age.sentence.endswith(told)
    assert age.level == ("ok" if pd.Timestamp(fitted) <= CUTOFF else "watch")
    assert quiet.sentence == "The last day before the batch's cutoff has purchases."


def test_levels_that_were_as_rare_in_the_reference_are_no_news():
    """In a shop of many goods nearly every first product is rare: that had called for attention at every batch."""
    goods = pd.DataFrame({"first_product": [f"p{n}" for n in range(900)] + ["milk"] * 100})
    row = compute_drift(sketch(goods), goods).iloc[0]
    assert row[["other", "other_before"]].tolist() == [0.9, 0.9]
    assert not _unseen_level_checks(compute_drift(sketch(goods), goods), Thresholds())
    new = goods.assign(first_product=goods["first_product"].replace("milk", "oats"))
    (check,) = _unseen_level_checks(compute_drift(sketch(goods), new), Thresholds())
    assert check.level == "watch"
    assert (
        "100% of the customers have a level that was rare or absent in training (90% there)" in check.sentence
    )
