"""What `cltv tune` promises: the test window unread, nothing lost to a kill, settings that `cltv train` takes."""

import importlib
import signal
import subprocess
import sys

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.data import clean, read
from cltv_ml.errors import InputError
from cltv_ml.files import locked
from cltv_ml.log import Log
from cltv_ml.models import ALL, SameRate, Tweedie, competitors, with_params
from cltv_ml.settings.toml import parse_params
from cltv_ml.windows import Window

tuning = importlib.import_module("cltv_ml.pipelines.tune")

HORIZON = "8w"
CUTOFF = "1998-05-06"  # the last date of the log minus the horizon, rounded down


@pytest.fixture(scope="module")
def few(shop, orders):
    """Every hundredth customer."""
    path = shop.folder / "few.csv"
    orders[orders["Kunde"].str.endswith("17")].to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def command(shop, few):
    """The words of a tuning of few customers."""
    return [
        *("tune", "--data", "few.csv", *shop.mapping),
        *("--horizon", HORIZON, "--cutoff", CUTOFF, "--experiment", "tuning"),
    ]


@pytest.fixture(scope="module")
def cltv_tune(shop, command):
    return lambda *more: shop.cltv(*command, *more)


@pytest.fixture(scope="module")
def tuned(shop, cltv_tune):
    done = cltv_tune("--model", "tweedie", "--trials", "7", "--out", "tuning")
    assert done.returncode == 0, done.stderr
    return pd.read_csv(shop.folder / "tuning" / "tweedie.csv")


@pytest.fixture(scope="module")
def runs(shop, tuned):
    client = MlflowClient(shop.store, shop.store)
    found = client.get_experiment_by_name("tuning").experiment_id
    return client.search_runs([found], order_by=["attributes.start_time ASC"])


def test_the_first_trial_is_the_defaults_and_all_stay_in_the_search_space(tuned):
    space = Tweedie.search_space
    first = tuned.iloc[0]
    assert {name: first[name] for name in space} == {name: Tweedie().get_params()[name] for name in space}
    for name, allowed in space.items():
        assert all(allowed.holds(int(value) if allowed.whole else value) for value in tuned[name])


def test_the_chosen_trial_is_never_worse_than_the_defaults_by_the_rule(shop, tuned):
    chosen = parse_params(shop.folder / "tuning" / "tweedie.toml")["tweedie"]
    row = tuned[tuned["learning_rate"].sub(chosen["learning_rate"]).abs() < 1e-12].iloc[0]

    def overstep(trial):
        return max(trial["decile_mape"] / 0.25, 1)

    first = tuned.iloc[0]
    assert overstep(row) <= overstep(first)
    assert overstep(row) > 1 or row["gini"] >= first["gini"] - 0.005 or overstep(first) > 1


def test_every_trial_is_a_closed_run_below_the_tuning(runs, tuned):
    parent = next(run for run in runs if run.data.tags["role"] == "tuning")
    trials = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert parent.info.status == "FINISHED"
    assert len(trials) == len(tuned) == 7
    assert {run.info.status for run in trials} <= {"FINISHED", "KILLED"}
    assert {run.data.tags["trial_state"] for run in trials} <= {"complete", "pruned"}
    assert all(set(Tweedie.search_space) <= set(run.data.params) for run in trials)


def test_figures_of_history_importance_and_slices_open_without_a_network(shop, tuned):
    text = (shop.folder / "tuning" / "tweedie.html").read_text()
    assert 'src="http' not in text
    assert text.count('class="plot"') >= 6
    for title in ("History of", "Importance for", "Slices of"):
        assert title in text


def test_the_settings_train(shop, tuned, monkeypatch):
    asked = []

    def stop(settings, **_):
        asked.append(settings)
        raise InputError("far enough")

    monkeypatch.setattr("cltv_ml.pipelines.train", stop)
    shop.cltv("train", "--data", "few.csv", "--params", "tuning/tweedie.toml")
    models = {model.name: model for model in with_params(competitors(56, []), asked[0].params)}
    chosen = parse_params(shop.folder / "tuning" / "tweedie.toml")["tweedie"]
    assert set(chosen) == set(Tweedie.search_space)
    assert {name: models["tweedie"].get_params()[name] for name in chosen} == chosen


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[params.tweedy]\nrounds = 80", "Unknown model 'tweedy'"),
        ("[params.ziln]\nrounds = 80", "'ziln' has settings but does not compete. Competing:"),
        ("[params.tweedie]\nround = 80", "model 'tweedie' has no setting 'round'"),
        ("[params.tweedie]\nn_estimators = 80.5", "tweedie: n_estimators must be one of Range"),
        ("params = 3", "params must be a table"),
        ("horizon = '13w'", "has no table"),
    ],
)
def test_settings_that_do_not_fit_are_named(text, sentence, tmp_path):
    path = tmp_path / "params.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        with_params(competitors(91, []), parse_params(path))


def test_a_study_that_is_complete_runs_no_further_trial(shop, cltv_tune, tuned):
    done = cltv_tune("--model", "tweedie", "--trials", "5", "--out", "tuning")
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(shop.folder / "tuning" / "tweedie.csv")) == 7


KILLED = """
import importlib, os, signal, sys
tuning = importlib.import_module("cltv_ml.pipelines.tune")
judge = tuning.judge_fold
folds = []

def judge_until_killed(model, fold):
    folds.append(fold)
    if len(folds) == 8:  # in the middle of the third trial
        os.kill(os.getpid(), signal.SIGKILL)
    return judge(model, fold)

tuning.judge_fold = judge_until_killed
from cltv_ml.cli import main
main(sys.argv[1:])
"""


def test_a_kill_loses_only_the_running_trial_and_the_rest_is_as_if_uninterrupted(
    shop, cltv_tune, command, tuned
):
    more = ["--model", "tweedie", "--trials", "7", "--out", "killed"]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *command, *more],
        cwd=shop.folder,
        env=shop.environment,
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (shop.folder / "killed" / "tweedie.toml").exists()
    done = cltv_tune(*more)
    assert done.returncode == 0, done.stderr
    again = pd.read_csv(shop.folder / "killed" / "tweedie.csv")
    assert again["trial"].tolist() == [0, 1, 3, 4, 5, 6, 7]
    settings = list(Tweedie.search_space)
    pd.testing.assert_frame_equal(again[[*settings, "gini"]], tuned[[*settings, "gini"]])
    client = MlflowClient(shop.store, shop.store)
    found = client.search_runs([client.get_experiment_by_name("tuning").experiment_id])
    assert not [run for run in found if run.info.status == "RUNNING"]
    assert [run.info.status for run in found if run.data.tags.get("trial_state") == "interrupted"] == [
        "FAILED"
    ]


@pytest.fixture
def log():
    shop = clean(read("cdnow")).log
    return shop[shop["customer_id"].str.endswith("17")]


def test_the_test_window_is_never_read(log, monkeypatch, tmp_path):
    read_until, target = [], Log.target

    def counted(log, window, customers, label="value"):
        read_until.append(window.end)
        return target(log, window, customers, label)

    monkeypatch.setattr(Log, "target", counted)
    window = Window(CUTOFF, HORIZON)
    features = ["frequency", "recency", "T", "monetary_value"]
    first = tuning.compute_folds(tuning.prepare(log, window, features))
    assert read_until
    assert [end for end in read_until if end > window.cutoff] == []

    rewritten = log.assign(amount=log["amount"].where(log["timestamp"] < window.cutoff, 1e6))
    second = tuning.compute_folds(tuning.prepare(rewritten, window, features))
    for one, other in zip(first, second, strict=True):
        assert tuning.judge_fold(Tweedie(56), one) == tuning.judge_fold(Tweedie(56), other)


def test_folds_are_divided_by_time_and_learn_from_windows_that_had_ended(log):
    training = tuning.prepare(log, Window(CUTOFF, HORIZON), ["frequency", "recency", "T", "monetary_value"])
    cutoffs = training.X.index.get_level_values("cutoff")
    for fold in tuning.compute_folds(training):
        assert fold.protocol == "out of time"
        (cutoff,) = set(fold.validation.index.get_level_values("cutoff"))
        assert cutoffs[fold.rows.train].max() + pd.Timedelta(days=56) <= cutoff
        assert cutoff + pd.Timedelta(days=56) <= pd.Timestamp(CUTOFF)


def test_the_total_of_a_model_does_not_judge_a_trial(log):
    training = tuning.prepare(log, Window(CUTOFF, HORIZON), ["frequency", "recency", "T", "monetary_value"])
    fold = tuning.compute_folds(training)[-1]
    once = tuning.judge_fold(SameRate(56), fold)
    tripled = tuning.judge_fold(Tripled(56), fold)
    assert tripled["bias"] > once["bias"] + 1
    for name in ("gini", "decile_mape"):
        assert tripled[name] == pytest.approx(once[name])


class Tripled(SameRate):
    """The naive rule, three times too high."""

    def _predict(self, X):
        return 3 * super()._predict(X)


def test_a_trial_behind_the_median_in_every_objective_is_pruned_and_one_ahead_in_any_is_not(tmp_path):
    job = tuning.TuningJob("tweedie", Window(CUTOFF, HORIZON), out=tmp_path)
    study = tuning.open_study(job, Tweedie(), "x")

    def finish(gini):
        trial = study.ask()
        trial.set_user_attr("folds", [{"gini": gini, "decile_mape": 0.2}])
        study.tell(trial, [1 - gini, 0.2])

    bad = [{"gini": 0.5, "decile_mape": 0.4}]
    for number in range(tuning.MIN_FINISHED):
        assert not tuning._falls_behind(bad, study)
        finish(0.6 + number / 100)
    assert tuning._falls_behind(bad, study)
    assert not tuning._falls_behind([{**bad[0], "decile_mape": 0.05}], study)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--model", "prophet"], "Unknown model 'prophet'. Models that can be tuned:"),
        (["--model", "same_rate"], "model 'same_rate' has no search space"),
        (["--model", "tweedie", "--trials", "0"], "tuning needs at least one trial"),
        (["--model", "tweedie", "--minutes", "0"], "tuning needs at least one trial"),
        (
            ["--model", "tweedie", "--cutoff", "1997-02-10", "--horizon", "40"],
            "the log is too short: no window",
        ),
    ],
)
def test_bad_input_is_one_sentence(shop, cltv_tune, words, sentence):
    done = cltv_tune(*words, "--out", "never")
    assert done.returncode == 2
    assert not (shop.folder / "never").exists()
    assert sentence in " ".join(done.stderr.split())


def test_a_study_of_something_else_is_refused(cltv_tune, tuned):
    done = cltv_tune("--model", "tweedie", "--cutoff", "1998-04-20", "--out", "tuning")
    assert done.returncode == 2
    assert "holds a study of other data" in " ".join(done.stderr.split())


def test_two_searches_of_one_study_at_once_are_refused(tmp_path):
    job = tuning.TuningJob("tweedie", Window(CUTOFF, HORIZON), out=tmp_path)
    with (
        locked(tmp_path / "tweedie.lock", "busy"),
        pytest.raises(InputError, match=r"another search of tweedie is using .*; wait until it ends"),
    ):
        tuning.search(pd.DataFrame(), job)


def test_every_competitor_that_learns_from_labels_can_be_tuned_or_has_members_that_can():
    names = {
        model.name for model in competitors(91, [], ALL) if model.needs_labels and not model.search_space
    }
    # Models with covariates take their one penalty from the labels themselves, pooled ones their grouping.
    ready = {f"{model}_{kind}" for model in ("bg_nbd", "pareto_nbd") for kind in ("covariates", "pooled")}
    assert names <= {"mean", "ensemble", *ready}
