"""Wrong input: one sentence, exit status 2, nothing half-written, no run left open."""

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient


def refused(shop, *words):
    done = shop.cltv("train", *words, "--out", "never", "--experiment", "refused")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (shop.folder / "never").exists()
    return done.stderr


@pytest.fixture
def csv(shop, tmp_path, orders):
    def write(frame=None, **columns):
        path = tmp_path / "input.csv"
        (orders.head(3000) if frame is None else frame).assign(**columns).to_csv(path, index=False)
        return path

    return write


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cutoff", "1996-01-01"], "cutoff 1996-01-01 lies outside the log"),
        (["--cutoff", "1999-01-01"], "cutoff 1999-01-01 lies outside the log"),
        (["--cutoff", "Tuesday?"], "cutoff must be a calendar day such as 2011-09-10, got 'Tuesday?'"),
        (["--horizon", "5y"], "longer than the log of 546 days; shorten it"),
        (["--horizon", "1y"], "67% of the history"),
        (["--horizon", "soon"], "horizon 'soon' cannot be read"),
        (["--cutoff", "1998-06-01", "--horizon", "26w"], "but the log ends on 1998-06-"),
    ],
)
def test_a_window_that_does_not_fit(shop, words, message):
    assert message in refused(shop, "--data", "orders.csv", *shop.mapping, *words)


def test_no_data(shop):
    assert "give a file or a data set with --data" in refused(shop)


def test_an_unknown_file(shop):
    assert "absent.csv" in refused(shop, "--data", "absent.csv", *shop.mapping)


def test_an_empty_file(shop, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    assert "empty" in refused(shop, "--data", tmp_path / "empty.csv", *shop.mapping)


def test_a_column_that_is_not_there(shop):
    error = refused(
        shop, "--data", "orders.csv", "--mapping", "customer_id=Kunde,timestamp=Datum,amount=Betrag"
    )
    assert "Betrag" in error


def test_dates_that_cannot_be_read(shop, csv):
    assert "Datum" in refused(shop, "--data", csv(Datum="sometime"), *shop.mapping)


def test_amounts_that_are_no_numbers(shop, csv):
    assert "Umsatz" in refused(shop, "--data", csv(Umsatz="plenty"), *shop.mapping)


def test_fewer_than_fifty_customers(shop, csv, orders):
    few = orders[orders["Kunde"].isin(orders["Kunde"].unique()[:49])]
    assert "49 customers" in refused(shop, "--data", csv(few), *shop.mapping, "--horizon", "13w")


def test_fewer_than_fifty_customers_before_the_cutoff(shop, csv, orders):
    early = orders[orders["Datum"] < pd.Timestamp("1997-01-03")]["Kunde"].unique()[:30]
    late = orders[~orders["Kunde"].isin(early) & (orders["Datum"] > pd.Timestamp("1997-06-01"))]
    frame = pd.concat([orders[orders["Kunde"].isin(early)], late])
    words = ["--cutoff", "1997-05-01", "--horizon", "30"]
    assert "customers bought before the cutoff 1997-05-01" in refused(
        shop, "--data", csv(frame), *shop.mapping, *words
    )


def test_a_mapping_without_a_column(shop):
    assert "write name=column" in refused(shop, "--data", "orders.csv", "--mapping", "customer_id")


def test_a_config_with_an_unknown_setting(shop, tmp_path):
    (tmp_path / "run.toml").write_text('horizont = "6m"\n')
    assert "unknown setting 'horizont'" in refused(shop, "--config", tmp_path / "run.toml")


def test_no_run_is_left_open(trained):
    client = MlflowClient(trained.store)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    assert client.search_runs(experiments, filter_string="attributes.status = 'RUNNING'") == []


@pytest.mark.parametrize("command", ["train", "backtest"])
def test_an_unknown_model_is_told_before_the_data_are_read(shop, command):
    done = shop.cltv(command, "--data", "absent.csv", "--models", "pareto")
    assert done.returncode == 2
    assert "Unknown model 'pareto'" in done.stderr
    assert "absent.csv" not in done.stderr
