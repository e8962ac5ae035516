"""How quality is measured: nobody sees the future, nothing is asked twice, what fails is said."""

import subprocess

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import DATASETS, clean, read
from cltv_ml.evaluation.backtest import judge
from cltv_ml.features import build_features, default_features
from cltv_ml.models import ProbabilisticValue, SameRate, Tweedie
from cltv_ml.windows import Window
from experiments.benchmark import cases, leaderboard, quality, rows, worker
from experiments.benchmark.cases import Answer, Task, make_cases, read_tasks
from experiments.benchmark.models import cltv_ml as ours
from experiments.benchmark.peers import environments
from experiments.benchmark.summary import summarise

WINDOW = Window("1997-10-01", "13w")


@pytest.fixture(scope="module")
def log():
    shop = clean(read("cdnow")).log
    return shop[shop["customer_id"].str.endswith("7")]


@pytest.mark.parametrize("protocol", cases.PROTOCOLS)
def test_no_question_shows_what_lies_after_the_cutoff(log, protocol):
    for case in make_cases(log, WINDOW, protocol):
        assert case.log["timestamp"].max() < WINDOW.cutoff


def test_other_customers_are_asked_about_by_those_who_know_none_of_them(log):
    one, other = make_cases(log, WINDOW, "other customers")
    for case in (one, other):
        assert not case.customers.isin(case.other_spend.index).any()
        assert 0.4 < len(case.customers) / (len(case.customers) + len(case.other_spend)) < 0.6
    assert set(one.customers) | set(other.customers) == set(cases.customers_at(log, WINDOW))


def test_the_summary_of_the_tutorials_is_that_of_our_features(log):
    theirs = summarise(log, WINDOW.cutoff)
    names = ["frequency", "recency", "T", "monetary_value"]
    ours = build_features(log, WINDOW.cutoff, names=names)
    pd.testing.assert_frame_equal(
        theirs[names].astype(float), ours.loc[theirs.index, names], check_index_type=False, check_names=False
    )


def test_a_paired_difference_stands_beside_every_model_but_the_champion():
    rng = np.random.default_rng(1)
    y = pd.Series(rng.gamma(0.5, 30, 400), index=[f"c{number}" for number in range(400)])
    found = rows.frame(
        [
            {"task": "t", "cutoff": "2020-01-01", "commit": "x", **row}
            for row in quality.window_rows(
                y,
                {
                    "champion": Answer(y * 0.9 + 1, "v"),
                    "other": Answer(y.sample(frac=1, random_state=1).set_axis(y.index), "v"),
                },
            )
        ]
    ).set_index(["model", "metric"])
    assert np.isnan(found.at[("champion", "gini"), "difference"])
    assert found.at[("other", "gini"), "difference_upper"] < 0
    assert found.at[("other", "gini"), "reference"] == found.at[("champion", "gini"), "value"]
    assert (found["lower"].dropna() <= found["upper"].dropna()).all()


def test_a_model_that_leaves_customers_out_gets_a_note_and_no_number():
    y = pd.Series([1.0, 0, 2], index=["a", "b", "c"])
    rows_ = quality.window_rows(
        y, {"hasty": Answer(y.drop("b"), "v"), "silent": Answer(None, "v", note="too short")}
    )
    assert [row["note"] for row in rows_] == ["no finite value for 1 of 3 customers", "too short"]


@pytest.fixture
def quiet(monkeypatch, tmp_path):
    """Keep answers, results and pages out of the checkout."""
    monkeypatch.setattr(worker, "CACHE", tmp_path)
    monkeypatch.setattr(rows, "RESULTS", tmp_path)
    monkeypatch.setattr(quality.pages, "write_all", lambda: None)
    return tmp_path


def test_a_data_set_that_is_not_there_is_skipped_with_the_command_that_brings_it(quiet, monkeypatch):
    monkeypatch.setattr(type(DATASETS["online_retail_ii"]), "find", lambda self: None)
    table = quality.run(["online_retail_two_years"], ["rfm_score"], say=lambda _: None)
    assert len(table) == 1
    assert "cltv data fetch online_retail_ii" in table["note"].item()


@pytest.mark.parametrize(
    ("tasks", "models", "sentence"),
    [(["mars"], None, "Unknown task 'mars'"), (["cdnow"], ["oracle"], "Unknown model 'oracle'")],
)
def test_an_unknown_task_or_model_is_named(quiet, tasks, models, sentence):
    with pytest.raises(ValueError, match=sentence):
        quality.run(tasks, models)


def test_what_was_answered_is_not_asked_again(quiet, log, monkeypatch):
    task = Task("small", "cdnow", "13w", ["1997-10-01", "1997-12-31"], "out of time")
    monkeypatch.setattr(worker, "load_log", lambda _: log)
    asked = []
    real = worker.make_cases
    monkeypatch.setattr(worker, "make_cases", lambda *words: asked.append(words[1].cutoff) or real(*words))
    worker.answer(task, "rfm_score", "code")
    worker.kept_at(task, "1997-12-31", "rfm_score", "code").unlink()
    worker.answer(task, "rfm_score", "code")
    assert [f"{cutoff:%m-%d}" for cutoff in asked] == ["10-01", "12-31", "12-31"]
    kept = worker.read_answers(worker.kept_at(task, "1997-10-01", "rfm_score", "code"))["rfm_score"]
    assert len(kept.values) == len(cases.customers_at(log, WINDOW))
    assert worker.kept_at(task, "1997-10-01", "rfm_score", "other code") != worker.kept_at(
        task, "1997-10-01", "rfm_score", "code"
    )


def test_rows_of_other_tasks_stay_when_some_are_measured_anew(quiet):
    def one(task, value):
        return rows.frame([{"task": task, "model": "m", "metric": "gini", "commit": "x", "value": value}])

    rows.write("quality", one("a", 0.5))
    rows.write("quality", one("b", 0.6))
    rows.write("quality", one("a", 0.7))
    assert rows.read("quality").set_index("task")["value"].to_dict() == {"a": 0.7, "b": 0.6}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"value": None}, "neither a value nor a note"),
        ({"model": None}, "model is missing"),
        ({"commit": ""}, "commit is missing"),
    ],
)
def test_a_row_that_does_not_describe_itself_is_refused(change, sentence):
    row = {"task": "a", "model": "m", "metric": "gini", "commit": "x", "value": 0.5}
    with pytest.raises(ValueError, match=sentence):
        rows.frame([row | change])


def test_a_peer_that_does_not_install_is_a_row_that_says_so(log, monkeypatch, tmp_path):
    monkeypatch.setattr(environments, "CACHE", tmp_path)

    def fail(words, **_):
        return subprocess.CompletedProcess(words, 1, "", "no solution found")

    monkeypatch.setattr(environments.subprocess, "run", fail)
    case = make_cases(log, WINDOW, "out of time")[0]
    answers = environments.ask("lifetimes", ["lifetimes_bg_nbd"], case)
    assert answers["lifetimes_bg_nbd"].values is None
    assert "lifetimes==0.11.3 did not install: no solution found" in answers["lifetimes_bg_nbd"].note


def test_every_peer_has_a_line_of_requirements_and_a_script():
    for path in (cases.HERE / "peers").glob("peer_*.py"):
        peer = path.stem.removeprefix("peer_").replace("_", "-")
        assert "==" in environments.requirement(peer)


def test_every_task_can_be_read_and_every_main_window_is_one_of_its_own():
    for task in read_tasks():
        assert task.main in ["", *task.cutoffs]
        assert all(window.horizon > 0 for window in task.windows)


def scores(values):
    return pd.DataFrame(
        [
            {"task": "t", "cutoff": cutoff, "model": model, "metric": metric, "value": value}
            for (cutoff, model), one in values.items()
            for metric, value in zip(("gini", "bias", "decile_mape", "mae"), one, strict=True)
        ]
    )


def test_ranks_reward_order_and_small_misses_and_put_the_silent_last():
    table = scores(
        {
            ("1", "a"): (0.8, -0.1, 0.2, 5),
            ("1", "b"): (0.7, 0.2, 0.3, 6),
            ("1", "c"): (0.6, 0.3, 0.4, 7),
            ("2", "a"): (0.8, -0.1, 0.2, 5),
            ("2", "b"): (0.9, 0.0, 0.1, 4),
        }
    )
    board = leaderboard.compute_leaderboard(table)
    assert board["rank"].to_dict() == {"a": 1.5, "b": 1.5, "c": 3.0}
    assert board["windows"].to_dict() == {"a": 2, "b": 2, "c": 1}


def test_models_that_agree_to_four_digits_tie():
    table = scores({("1", "a"): (0.8, -0.1, 0.2, 5), ("1", "b"): (0.8000001, 0.1000001, 0.2, 5.00001)})
    assert leaderboard.compute_leaderboard(table)["rank"].tolist() == [1.5, 1.5]


def test_the_critical_difference_is_demsars():
    # J. Demsar (2006), table 5: q = 2.569 for four classifiers at 5%
    assert leaderboard.critical_difference(4, 14) == pytest.approx(
        2.569 * (4 * 5 / (6 * 14)) ** 0.5, abs=1e-3
    )


def test_the_figure_names_every_model():
    table = scores({("1", "champion"): (0.8, -0.1, 0.2, 5), ("1", "rfm_score"): (0.7, 0.2, 0.3, 6)})
    drawn = leaderboard.draw_critical_difference(table)
    assert "cltv_ml champion" in drawn
    assert "RFM score" in drawn
    assert drawn.startswith("<svg")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("tweedie", "cltv_ml tweedie"),
        ("mbg_cnbd_gamma_gamma", "cltv_ml MBG/CNBD × GG"),
        ("rfm_score", "RFM score"),
    ],
)
def test_models_are_named_as_a_reader_says_them(model, name):
    assert leaderboard.label(model) == name


def test_our_models_answer_as_a_training_judges_them(log, monkeypatch):
    horizon = WINDOW.horizon
    models = [SameRate(horizon), ProbabilisticValue(horizon=horizon), Tweedie(horizon, n_estimators=5)]
    monkeypatch.setattr(ours, "competitors", lambda *_: models)
    monkeypatch.setattr(ours, "_others", lambda *_: models[:1])
    (case,) = make_cases(log, WINDOW, "out of time")
    answers = ours.predict(case)
    trained = judge(log, WINDOW, models, default_features(list(log.columns)))
    for name, values in trained.values.items():
        pd.testing.assert_series_equal(answers[name].values, values, check_names=False)
    assert answers["champion"].parameters["is"] in trained.models
