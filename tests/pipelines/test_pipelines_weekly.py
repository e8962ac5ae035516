"""A scheduler's week: what is done in which order, and that it is really done."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pandas as pd
import pytest

from cltv_ml import pipelines
from cltv_ml.settings import Monitor, Train, Weekly
from cltv_ml.sources.synthetic import simulate
from cltv_ml.tracking import registry

MODULE = sys.modules[pipelines.weekly.__module__]  # the function stands before its module


@pytest.fixture
def steps(monkeypatch, tmp_path):
    """Return what a week does, as words, with every step replaced by its word."""

    def run(champion, levels, promoted=False):
        """Run a week that finds such a champion and such verdicts, one after the other."""
        done, verdicts = [], iter(levels)
        decision = SimpleNamespace(promoted=promoted)

        def note(word, value):
            return lambda settings, **options: (done.append(word), value)[1]

        monkeypatch.setattr(MODULE.store, "open_store", lambda: None)
        monkeypatch.setattr(registry, "alias_version", lambda *_: champion)
        monkeypatch.setattr(MODULE, "train", note("train", SimpleNamespace(decision=decision)))
        monkeypatch.setattr(MODULE, "score", note("score", "manifest"))
        monkeypatch.setattr(
            MODULE,
            "monitor",
            lambda *_, **__: (done.append("monitor"), SimpleNamespace(level=next(verdicts)))[1],
        )
        monkeypatch.setattr(MODULE, "act", note("act", SimpleNamespace(refused={})))
        week = pipelines.weekly(data="orders.csv", horizon="4w", out=tmp_path)
        return " ".join(done), week.report.level

    return run


def test_a_first_week_trains(steps):
    assert steps(None, ["ok"]) == ("train score monitor act", "ok")


def test_a_usual_week_scores_monitors_and_acts(steps):
    assert steps(1, ["watch"]) == ("score monitor act", "watch")


def test_a_week_whose_verdict_is_retrain_trains_and_scores_again_only_with_a_new_champion(steps):
    assert steps(1, ["retrain", "ok"], promoted=True) == ("score monitor train score monitor act", "ok")
    assert steps(1, ["retrain"], promoted=False) == ("score monitor train act", "retrain")


def test_a_cost_of_the_lists_does_not_stop_a_training_that_judges_the_order():
    assert Train.of(Weekly(data="orders.csv", horizon="4w", cost=2.0), {}).cost == 0.0


def test_bounds_may_be_a_mapping_as_for_monitor():
    bounds = {"monitor": {"bias": [0.1, 0.2]}}
    week = Weekly(data="orders.csv", horizon="4w", thresholds=bounds)
    assert Monitor.of(week, {}).thresholds == bounds


@pytest.mark.long
def test_two_weeks_of_a_growing_log_leave_scores_lists_and_one_champion(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = pd.DataFrame(simulate(300).log)
    how = {
        "horizon": "4w",
        "models": "same_rate,bg_nbd_gamma_gamma",
        "margin_rate": 0.4,
        "uplift": 0.1,
        "cost": 0.1,
    }
    scored = []
    for weeks in (6, 5):
        log[log["timestamp"] < log["timestamp"].max() - pd.Timedelta(weeks=weeks)].to_csv(
            "orders.csv", index=False
        )
        week = pipelines.weekly(data="orders.csv", **how)
        scored.append(pd.read_parquet("out/scores.parquet"))
    assert week.outcome is None or week.decision is not None
    assert registry.alias_version("cltv", "champion") in (1, 2)
    assert pd.Timestamp(scored[1]["cutoff"].iloc[0]) - pd.Timestamp(
        scored[0]["cutoff"].iloc[0]
    ) >= pd.Timedelta("6D")
    told = (tmp_path / "out/actions/actions.html").read_text("utf-8")
    since = pd.Timestamp(scored[0]["cutoff"].iloc[0])
    assert (
        f'Since <span class="unbroken">{since:%Y-%m-%d}</span>, the expected value of all customers' in told
    )
    assert {"retention_list.csv", "actions.html"} <= {
        path.name for path in (tmp_path / "out/actions").iterdir()
    }
