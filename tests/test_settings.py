"""Settings: one description gives flags, files, help and what MLflow keeps."""

import datetime as dt
import os
from pathlib import Path

import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.files import write_table
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.settings import (
    Act,
    Backtest,
    Build,
    Check,
    Forecast,
    Lifetime,
    Report,
    Score,
    Train,
    Tune,
    Weekly,
)
from cltv_ml.settings.toml import parse_mapping, parse_params
from cltv_ml.windows import to_cutoff


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "run.toml"
        path.write_text(text)
        return path

    return write


def test_settings_come_from_a_file_and_flags_win(toml):
    path = toml('data = "a.csv"\nhorizon = "6m"\n[mapping]\namount = "Total"\n')
    settings = Train.read(path, data="b.csv", cutoff=None)
    assert settings == Train(data="b.csv", horizon="6m", mapping={"amount": "Total"})


def test_a_flag_of_zero_beats_the_file(toml):
    path = toml('objective = "profit"\ncost = 2.0\nforce = true\n')
    settings = Train.read(path, cost=0.0, force=False)
    assert (settings.cost, settings.force) == (0.0, False)


def test_a_flag_replaces_the_entries_of_a_table_that_it_names(toml):
    path = toml('[mapping]\namount = "Total"\ncustomer_id = "Kunde"\n[rules]\nday_first = true\n')
    settings = Train.read(path, mapping=["amount=Netto"], rules=["decimal=,"])
    assert settings.mapping == {"amount": "Netto", "customer_id": "Kunde"}
    assert settings.rules == {"day_first": True, "decimal": [","]}


def test_one_file_serves_several_commands(toml):
    path = toml(
        'horizon = "6m"\nmargin_rate = 0.3\ncost = 0.5\nbudget = 100\nas-of = 2026-11-01\njson = true\n'
    )
    assert Train.read(path) == Train(horizon="6m", as_json=True)  # cost needs --objective profit
    assert Act.read(path) == Act(margin_rate=0.3, cost=0.5, budget=100.0, as_json=True)
    assert Score.read(path) == Score(as_of="2026-11-01", as_json=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('horizn = "6m"', r"run\.toml: unknown setting 'horizn'; did you mean 'horizon'\? Available: \["),
        ("horizon = 6.5", "horizon must be text, got 6.5"),
        ("max_origins = true", "max_origins must be a whole number, got True"),
        ("max_origins = 2.5", "max_origins must be a whole number, got 2.5"),
        ('share = "much"\nobjective = "profit"', "share must be a number, got 'much'"),
        ('objective = "fame"', "objective must be gini or profit, got 'fame'"),
        ("windows = 0", "windows must be 1 or more, got 0"),
        ("mapping = 3", "mapping must be a table, got 3"),
        ("data = ", "is not valid TOML"),
    ],
)
def test_wrong_settings_are_named(toml, text, message):
    with pytest.raises(InputError, match=message):
        Backtest.read(toml(text))


def test_python_is_told_what_is_unknown_or_missing():
    with pytest.raises(InputError, match=r"unknown setting 'horizn'; did you mean 'horizon'\? Available: \["):
        Train(horizn="6m")
    with pytest.raises(InputError, match="model is missing; give it with --model"):
        Tune.read()


def test_a_campaign_that_decides_nothing_is_refused():
    with pytest.raises(
        InputError, match="cost has no effect unless objective is profit; add --objective profit"
    ):
        Train.read(cost=2.0)


def test_a_campaign_s_share_is_refused_wherever_it_decides_nothing(toml):
    """A cost in a file may be meant for another command; a share is for none without the objective."""
    for kind in (Train, Weekly):
        with pytest.raises(InputError, match="share has no effect unless objective is profit"):
            kind.read(toml("share = 0.2\ncost = 1.0"))
        kind.read(toml('share = 0.2\nobjective = "profit"'))
        kind.read(toml('share = 0.2\nobjective = "profit"'), objective="gini")


@pytest.mark.parametrize("written", ["8,50", "8 EUR", "€8", "EUR 8.50", "8.500,00", "1,000"])
def test_an_acquisition_cost_that_is_an_amount_in_words_is_no_file(written):
    with pytest.raises(InputError, match=rf"must be a number such as 8\.5, or a table, got '{written}'"):
        Lifetime(acquisition_cost=written)


@pytest.mark.parametrize("file", ["cac.csv", "2025.csv", "costs/2025.csv", "s3://shop/1.csv"])
def test_an_acquisition_cost_that_is_a_file_is_read_as_one(file):
    assert str(Lifetime(acquisition_cost=file).acquisition_cost).endswith(file.rsplit("/", 1)[-1])


def test_a_share_of_a_whole_or_more_is_told_how_a_percentage_is_written():
    with pytest.raises(
        InputError, match=r"^returned_share must be less than 1, got 12; write 0\.12 for 12%\.$"
    ):
        Lifetime(returned_share=12)
    with pytest.raises(InputError, match=r"^rebate_share must be 0 or more, got -0\.1\.$"):
        Lifetime(rebate_share=-0.1)


def test_settings_written_as_toml_read_back_to_the_same(toml):
    settings = Train(
        data="a.csv",
        mapping={"amount": 'Net "EUR"'},
        rules={"off": ["future_date"]},
        objective="profit",
        cost=0.0,
        params={"tweedie": {"n_estimators": 80}},
        out="runs/new",
        horizon=90,
        cutoff=dt.date(2026, 1, 2),
    )
    assert Train.read(toml(settings.toml())) == settings


def test_what_decides_nothing_is_not_written():
    assert "cost = " in Train(objective="profit").toml()
    assert "cost = " not in Train().toml()


def test_data_may_be_a_frame_in_python():
    frame = pd.DataFrame({"customer_id": ["a"]})
    assert (Score(data=frame).names_data, Score().names_data) == (True, False)
    assert Score(data=frame).dataset == "transactions"


def test_python_gives_paths_and_days_as_what_they_are(tmp_path):
    score = Score(out=tmp_path / "scores.parquet", observed_until=pd.Timestamp("2026-06-30"))
    assert (score.out, to_cutoff(score.observed_until)) == (
        str(tmp_path / "scores.parquet"),
        pd.Timestamp("2026-06-30"),
    )
    assert Report(out=tmp_path).out == str(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no file .*absent\.toml"):
        Train.read(tmp_path / "absent.toml")


@pytest.mark.skipif(os.name != "posix", reason="Windows has other devices")
def test_settings_are_not_read_from_a_device_that_never_ends():
    with pytest.raises(InputError, match="no file /dev/zero; check the path"):
        Train.read(Path("/dev/zero"))


def test_mapping_reads_pairs_and_files_together(toml):
    path = toml('[mapping]\namount = "Total"\n')
    assert parse_mapping([str(path), "customer_id=Kunde"]) == {"amount": "Total", "customer_id": "Kunde"}


@pytest.mark.parametrize("entry", ["customer_id", "=Kunde", " = "])
def test_a_mapping_without_a_name_is_refused(entry):
    with pytest.raises(InputError, match="cannot be read; write name=column"):
        Train(mapping=[entry])


def test_a_currency_is_its_code_however_it_is_written():
    """A training with € and data in EUR were taken for two currencies."""
    written = {"€": "EUR", " eur ": "EUR", "US$": "USD", "kr.": "kr.", "$": "$", "points": "points", "": ""}
    assert {text: Train(currency=text).currency for text in written} == written


def test_an_empty_column_declines_a_proposed_one():
    assert Train(mapping=["currency="]).mapping == {"currency": ""}


def test_names_are_divided_by_commas_or_repeated():
    assert Build(cutoff="2026-01-01", names=["rfm, frequency", "T"], out="x").names == [
        "rfm",
        "frequency",
        "T",
    ]


def test_params_without_their_table_are_refused(toml):
    with pytest.raises(InputError, match=r"no table \[params.NAME\]"):
        parse_params(toml("[tweedie]\nn_estimators = 80"))


@pytest.mark.parametrize(
    ("read", "written"),
    [("orders.csv", "orders.csv"), ("link.csv", "./orders.csv")],
)
def test_no_file_that_is_read_is_replaced(tmp_path, monkeypatch, read, written):
    monkeypatch.chdir(tmp_path)
    Path("orders.csv").write_text("customer,day,amount")
    Path("link.csv").symlink_to("orders.csv")
    with pytest.raises(
        InputError, match=rf"--out .* would replace {read}, which --data reads; choose another"
    ):
        Lifetime(data=read, out=written)
    with pytest.raises(
        InputError, match=r"--quarantine orders\.csv would replace orders\.csv, which --customers"
    ):
        Check(data="cdnow", customers="orders.csv", quarantine="orders.csv")
    assert Lifetime(data=read, out="values.csv").out == Path("values.csv")


def test_no_file_that_a_pipeline_reads_is_replaced_by_another_name_of_its_outputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("customers.csv").write_text("customer_id\na\n")

    @with_bar
    def act(**options):
        settings = Act.of(None, options)
        write_table(pd.DataFrame({"x": [1]}), settings.out / "customers.csv")

    with pytest.raises(InputError, match=r"customers\.csv would be replaced, but this command reads it"):
        act(data="cdnow", customers="customers.csv", out=".")
    assert Path("customers.csv").read_text() == "customer_id\na\n"
    act(data="cdnow", out=".")  # the next command reads other files
    assert Path("customers.csv").read_text() == "x\n1\n"


def test_an_earlier_result_may_be_replaced_by_the_next(tmp_path):
    (file := tmp_path / "forecast.csv").write_text("period,revenue")
    assert Forecast(data="cdnow", before=file, out=file).out == file


def test_several_horizons_are_text_or_a_list_and_are_kept_as_one_text(toml):
    read = Train.read(toml('horizon = ["30d", "91d"]'))
    assert read == Train(horizon=["30d", "91d"]) == Train(horizon="30d,91d")
    assert 'horizon = "30,91"' in Train(horizon=[30, 91]).toml()
