"""`cltv backtest`: models x test windows in one table and one page."""

import json

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.tables import RESULTS
from tests.integration.conftest import Shop

MODELS = ["same_rate", "bg_nbd_gamma_gamma"]


@pytest.fixture(scope="module")
def place(tmp_path_factory, shop):
    folder = tmp_path_factory.mktemp("backtest")
    (folder / "orders.csv").write_text((shop.folder / "orders.csv").read_text())
    return Shop(folder)


def backtest(place, *words):
    return place.cltv(
        "backtest",
        "--data",
        "orders.csv",
        *place.mapping,
        "--horizon",
        "12w",
        "--models",
        ",".join(MODELS),
        *words,
    )


@pytest.fixture(scope="module")
def told(place):
    done = backtest(place, "--windows", "3", "--experiment", "steady", "--currency", "PLN", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def table(place, told):
    return pd.read_csv(place.folder / told["file"], parse_dates=["cutoff"])


def test_the_table_holds_every_model_window_and_metric(table):
    RESULTS.check(table)
    assert list(table["model"].unique()) == MODELS
    assert table["cutoff"].nunique() == 3
    assert table.groupby(["model", "cutoff"])["metric"].apply(lambda found: set(METRICS) <= set(found)).all()


def test_amounts_on_the_page_have_the_currency_given(place, told):
    assert "PLN" in (place.folder / told["figures"]).read_text()


def test_test_windows_follow_each_other_without_a_gap(told):
    cutoffs = pd.to_datetime(told["cutoffs"])
    assert set(-cutoffs.diff()[1:].days) == {84}


def test_the_ranges_are_those_of_the_table(told, table):
    gini = table[(table["model"] == "same_rate") & (table["metric"] == "gini")]["value"]
    row = next(row for row in told["ranges"] if (row["model"], row["metric"]) == ("same_rate", "gini"))
    assert (row["lowest"], row["highest"], row["windows"]) == pytest.approx((gini.min(), gini.max(), 3))


def test_the_page_shows_a_figure_per_metric(place, told):
    page = (place.folder / told["figures"]).read_text(encoding="utf-8")
    assert "Gini of each model: mean, lowest and highest of 3 test windows." in page
    assert "Decile error across test windows" in page
    assert "In interval of each model: mean, lowest and highest of 3 test windows." in page


def test_mlflow_has_a_run_per_model_and_below_it_one_per_window(place, table):
    store = MlflowClient(place.store)
    home = [store.get_experiment_by_name("steady").experiment_id]
    runs = store.search_runs(home, "tags.role = 'backtest'")
    assert sorted(run.data.tags["model"] for run in runs) == sorted(MODELS)
    for run in runs:
        mine = table[table["model"] == run.data.tags["model"]]
        gini = mine[mine["metric"] == "gini"].set_index("cutoff")["value"]
        assert run.data.metrics["order/gini"] == pytest.approx(gini.mean())
        below = store.search_runs(home, f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
        found = {pd.Timestamp(one.data.params["cutoff"]): one.data.metrics["order/gini"] for one in below}
        assert found == pytest.approx(gini.to_dict())


def test_a_campaign_s_profit_is_measured_where_it_is_asked_for(place):
    done = backtest(
        place, "--windows", "2", "--objective", "profit", "--share", "0.2", "--margin-rate", "0.5", "--json"
    )
    assert done.returncode == 0, done.stderr
    rows = [row for row in json.loads(done.stdout)["ranges"] if row["metric"] == "profit"]
    assert [row["model"] for row in rows] == MODELS
    assert all(row["windows"] == 2 and row["mean"] > 0 for row in rows)


def test_a_log_without_room_for_all_windows_says_so(place):
    done = backtest(place, "--windows", "20", "--models", "same_rate")
    assert done.returncode == 0, done.stderr
    assert "long enough for only 6 of the 20 test windows" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["--windows", "0"], "windows must be 1 or more, got 0."), (["--models", "x"], "Unknown model 'x'.")],
)
def test_what_cannot_be_done_is_one_sentence(place, words, sentence):
    done = backtest(place, *words)
    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())
