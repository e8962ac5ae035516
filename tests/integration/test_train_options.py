"""What a training can be told: which models compete, for what, and on whom they are judged."""

import json
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.models import Ensemble, competitors
from tests.integration.conftest import Shop


@pytest.fixture(scope="module")
def store(tmp_path_factory, shop):
    """A shop of its own, so that what is registered here meets no other test."""
    folder = tmp_path_factory.mktemp("options")
    (folder / "orders.csv").write_text((shop.folder / "orders.csv").read_text())
    (folder / "goal.toml").write_text(
        'objective = "profit"\nshare = 0.2\ncost = 1.5\n[params.ziln]\nn_estimators = 30\n'
    )
    return Shop(folder)


@pytest.fixture(scope="module")
def told(store):
    done = store.cltv(
        "train",
        "--data",
        "orders.csv",
        *store.mapping,
        "--horizon",
        "26w",
        "--models",
        "ziln,same_rate",
        "--customers-share",
        "0.5",
        "--config",
        "goal.toml",
        "--margin-rate",
        "0.3",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_only_the_named_models_compete_the_simpler_first(told):
    assert [row["model"] for row in told["scores"]] == ["same_rate", "ziln"]


def test_the_champion_is_chosen_by_the_campaigns_profit(told):
    assert (
        "best ranking of customers (profit " in told["reason"] or "no model within bounds" in told["reason"]
    )


def test_half_of_the_customers_are_judged_and_a_note_says_what_that_cannot_show(told, orders):
    before = orders.loc[orders["Datum"] < told["cutoff"], "Kunde"].nunique()
    assert 0.4 * before < told["customers"] < 0.6 * before
    assert any("learned from 50% of the customers in the test window" in note for note in told["notes"])


def test_the_run_keeps_the_share_and_the_campaign(store, told):
    params = MlflowClient(store.store).get_run(told["run_id"]).data.params
    assert params["customers_share"] == "0.5"
    assert (params["campaign_share"], params["campaign_cost"], params["campaign_margin"]) == (
        "0.2",
        "1.5",
        "0.3",
    )


def test_the_settings_kept_with_the_run_repeat_the_call(store, told):
    artifact = MlflowClient(store.store).download_artifacts(told["run_id"], "settings.toml")
    text = Path(artifact).read_text(encoding="utf-8")
    assert 'models = "ziln,same_rate"' in text
    assert "customers_share = 0.5" in text
    assert "margin_rate = 0.3" in text


def test_figures_of_such_a_training_are_drawn_from_the_customers_it_was_judged_on(store, told):
    done = store.cltv("plot", "gains_curve", "--data", "orders.csv", *store.mapping)
    assert done.returncode == 0, done.stderr


def test_customers_of_today_are_all_scored_by_its_champion(store, told, orders):
    done = store.cltv("score", "--data", "orders.csv", *store.mapping)
    assert done.returncode == 0, done.stderr
    assert len(pd.read_parquet(store.folder / "out" / "scores.parquet")) == orders["Kunde"].nunique() + 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--models", "prophet"],
            "Unknown model 'prophet'. Available: ['bg_nbd_covariates', 'bg_nbd_gamma_gamma', 'bg_nbd_pooled',",
        ),
        (["--objective", "fame"], "objective must be gini or profit, got 'fame'."),
        (["--cost", "2"], "cost has no effect unless objective is profit; add --objective profit."),
        (
            ["--objective", "profit", "--share", "20"],
            "share must be above 0 and at most 1 (0.3 is 30%), got 20.",
        ),
        (["--customers-share", "50"], "customers_share must be between 0 and 1, such as 0.5, got 50."),
    ],
)
def test_a_goal_that_cannot_be_read_is_one_sentence(store, words, sentence):
    done = store.cltv("train", "--data", "orders.csv", *store.mapping, "--horizon", "26w", *words)
    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())


def test_an_ensemble_is_made_of_the_models_named_with_it():
    named = competitors(91, [], ["ensemble", "tweedie", "bg_nbd_gamma_gamma", "ziln"])
    assert [member.name for member in named[-1].members] == ["bg_nbd_gamma_gamma", "tweedie"]


def test_an_ensemble_named_alone_is_the_usual_one():
    (alone,), usual = competitors(91, [], ["ensemble"]), competitors(91, [])[-1]
    assert isinstance(alone, Ensemble)
    assert [member.name for member in alone.members] == [member.name for member in usual.members]
