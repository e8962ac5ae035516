"""Building features from the command line: the shop's time zone, and one sentence for each wrong input."""

import pandas as pd
import pytest

from cltv_ml import cli
from cltv_ml.features import read_features


@pytest.fixture
def cltv(monkeypatch, tmp_path):
    """Run a command in a folder with the same orders as CSV and Parquet, their times in UTC."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    # c's purchase is on 10 July in London and already on 11 July in Paris
    moments = pd.to_datetime(["2023-06-30 12:00", "2023-07-10 12:00", "2023-07-10 22:30", "2023-07-20 12:00"])
    orders = pd.DataFrame({"customer_id": list("abcd"), "timestamp": moments.tz_localize("UTC")})
    orders["amount"] = 9.5
    orders.to_csv("orders.csv", index=False)
    orders.to_parquet("orders.parquet", index=False)

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            cli.main(["features", "build", "--out", "X", "--names", "recency", *words])
        return ended.value.code

    return run


def customers() -> str:
    return "".join(read_features("X")["customer_id"].to_pylist())


@pytest.mark.parametrize("table", [["--data", "orders.csv"], ["--clean-log", "orders.parquet"]])
@pytest.mark.parametrize(("zone", "seen"), [("Europe/Paris", "ab"), ("Europe/London", "abc")])
def test_a_cutoff_is_a_midnight_in_the_time_zone_of_the_flag(cltv, table, zone, seen):
    cltv(*table, "--cutoff", "2023-07-11", "--timezone", zone)
    assert customers() == seen


@pytest.mark.parametrize("table", ['data = "orders.csv"', ""])
def test_a_cutoff_is_a_midnight_in_the_time_zone_of_the_configuration(cltv, tmp_path, table):
    (tmp_path / "run.toml").write_text(f'timezone = "Europe/Paris"\n{table}\n')
    log = [] if table else ["--clean-log", "orders.parquet"]
    cltv(*log, "--cutoff", "2023-07-11", "--config", "run.toml")
    assert customers() == "ab"


def test_names_may_be_divided_by_commas_and_blanks(cltv):
    assert cltv("--data", "orders.csv", "--cutoff", "2023-07-11", "--names", "orders, gap_mean") == 0
    assert {"orders", "gap_mean"} < set(read_features("X").column_names)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "orders.csv", "--cutoff", "2023-06-30"], "cutoff 2023-06-30 lies outside the log"),
        (["--data", "orders.csv", "--cutoff", "2023-07-22"], "cutoff 2023-07-22 lies outside the log"),
        (["--data", "orders.csv", "--cutoff", "2023-07-11 12:00"], "cutoff must be a calendar day"),
        (
            ["--data", "orders.csv", "--cutoff", "2023-07-11", "--horizon", "11"],
            "but the log ends on 2023-07-20",
        ),
        (["--data", "orders.csv", "--cutoff", "2023-07-11", "--names", "charm"], "Unknown feature 'charm'"),
        (["--data", "orders.csv", "--cutoff", "2023-07-11", "--names", "margin_rate"], "needs ['cost']"),
        (
            ["--data", "orders.csv", "--cutoff", "2023-07-11", "--timezone", "Mars"],
            "timezone 'Mars' is unknown",
        ),
        (
            ["--data", "orders.csv", "--cutoff", "2023-07-11", "--memory", "lots"],
            "memory must be a size such as",
        ),
        (["--clean-log", "orders.parquet", "--cutoff", "2023-07-11"], "has a time zone"),
        (["--clean-log", "absent.parquet", "--cutoff", "2023-07-11"], "'absent.parquet' cannot be read as"),
        (
            [
                "--clean-log",
                "orders.parquet",
                "--cutoff",
                "2023-07-11",
                "--timezone",
                "UTC",
                "--master",
                "local[2]",
                "--shards",
                "2",
            ],
            "Spark splits its own work",
        ),
        (["--clean-log", "orders.csv", "--cutoff", "2023-07-11"], "'orders.csv' cannot be read as"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_written(cltv, tmp_path, capsys, words, message):
    assert cltv(*words) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("Mapping")]
    assert len(told) == 1
    assert message in told[0]
    assert not (tmp_path / "X").exists()
