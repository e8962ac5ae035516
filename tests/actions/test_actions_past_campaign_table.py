"""What a past campaign teaches that lies in one table, by the command and without a log."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cltv_ml.cli.act import app

WORDS = ["--features", "recency,mens", "--outcome", "visit", "--arm", "segment", "--control", "No E-Mail"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A mailing whose true effect is 30 points on those who bought for men and none on the others."""
    folder = tmp_path_factory.mktemp("mailing")
    rng = np.random.default_rng(0)
    mens, treated = rng.integers(0, 2, 4000), rng.random(4000) < 0.5
    visit = rng.random(4000) < 0.2 + 0.3 * mens * treated
    table = pd.DataFrame(
        {
            "recency": rng.integers(1, 13, 4000),
            "mens": mens,
            "segment": np.where(treated, "Mens E-Mail", "No E-Mail"),
            "visit": visit.astype(int),
        }
    )
    table.to_csv(folder / "mail.csv", index=False)
    table.assign(segment=np.where(mens == 1, "Mens E-Mail", "No E-Mail")).to_csv(
        folder / "picked.csv", index=False
    )
    return folder


def learn(folder, name, *words):
    terms = ["--worth", "2", "--cost", "0.1", "--out", str(folder / "out")]
    return CliRunner().invoke(app, ["learn", "--campaign", str(folder / name), *WORDS, *terms, *words])


@pytest.fixture(scope="module")
def told(folder):
    done = learn(folder, "mail.csv", "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_learner_orders_the_customers_it_never_saw(told):
    assert told["campaign_lesson"][0]["qini_lower"] > 0
    assert told["campaign_lesson"][0]["uplift"] == pytest.approx(0.15, abs=0.04)


def test_the_estimate_of_each_customers_best_covers_what_it_would_have_earned(told):
    judged = pd.DataFrame(told["policy_value"]).set_index(["policy", "estimator"])
    row = judged.loc[("each customer's best", "doubly_robust")]
    # Half of the customers are mailed: 2 x (0.2 + 0.5 x 0.3) - 0.5 x 0.1.
    assert row["lower"] < 0.65 < row["upper"]
    assert row["lower"] > judged.loc[("as it was", "logged"), "value"]


def test_those_whom_the_mailing_moves_are_mailed(folder, told):
    best = pd.read_csv(folder / "out" / "campaign_uplift.csv").set_index("row")["best_arm"]
    mens = pd.read_csv(folder / "mail.csv")["mens"].loc[best.index]
    assert (best[mens == 1] == "Mens E-Mail").all()
    assert (folder / "out" / "lesson.html").exists()


def test_recipients_who_were_picked_are_told_and_no_policy_is_judged(folder):
    done = learn(folder, "picked.csv", "--out", str(folder / "picked"))
    assert "does not look randomly drawn" in done.stdout
    assert not (folder / "picked" / "policy_value.csv").exists()


def test_the_outcome_cannot_be_a_feature(folder):
    done = learn(folder, "mail.csv", "--features", "recency,visit")
    assert "not known before the campaign" in str(done.exception)
