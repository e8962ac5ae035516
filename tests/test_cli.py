"""The commands around the straight line; the line itself is tested in integration/."""

import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

import cltv_ml
from cltv_ml import cli
from cltv_ml.cli import line, printing, shop
from cltv_ml.data import DATASETS, read_mapping
from cltv_ml.features import CATALOGUE, catalogue_page


@pytest.fixture
def cltv(capsys, monkeypatch, tmp_path):
    """Run a command in an empty folder; return its status, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def run(*words):
        try:
            cli.main([str(word) for word in words])
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture
def orders(tmp_path):
    """Sixty customers with six monthly purchases each, and a line that cannot be read."""
    days = pd.date_range("2024-01-03", periods=6, freq="30D").strftime("%Y-%m-%d")
    rows = [
        (f"c{number}", day, 10 + number + place % 2) for number in range(60) for place, day in enumerate(days)
    ]
    table = pd.DataFrame([*rows, ("c0", "2024-02-30", 5)], columns=["Client", "Day", "Total"])
    table.to_csv(tmp_path / "orders.csv", index=False)
    return tmp_path / "orders.csv"


def test_data_sets_are_listed_and_described(cltv):
    status, out, _ = cltv("data", "list")
    assert status == 0
    assert all(name in out for name in DATASETS)
    for name in DATASETS:
        assert cltv("data", "describe", name)[0] == 0


def test_an_unknown_data_set_is_named(cltv):
    status, _, err = cltv("data", "describe", "amazon")
    assert status == 2
    assert "Unknown data set 'amazon'" in err


def test_check_shows_the_rules_the_money_and_the_verdict(cltv, orders):
    status, out, _ = cltv("data", "check", "--data", orders, "--horizon", "30")
    assert status == 0
    assert "361 lines read, 360 kept" in out
    assert "Verdict   no-go" in out
    assert "60 customers have an order" in out


def test_a_proposed_mapping_is_shown_and_can_be_saved(cltv, orders, tmp_path):
    status, _, err = cltv("data", "check", "--data", orders, "--save-mapping", "mapping.toml")
    assert status == 0
    assert "customer_id=Client,timestamp=Day,amount=Total" in err.replace("\n", "")
    assert read_mapping(tmp_path / "mapping.toml") == {
        "customer_id": "Client",
        "timestamp": "Day",
        "amount": "Total",
    }


def test_training_refuses_a_no_go_and_leaves_nothing(cltv, orders, tmp_path):
    status, _, err = cltv("train", "--data", orders, "--horizon", "30")
    assert status == 2
    assert "no-go" in err
    assert "--force" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.csv"]


def test_features_are_listed_and_described(cltv):
    status, out, _ = cltv("features", "list")
    assert status == 0
    assert f"{len(CATALOGUE)} features" in out
    status, out, _ = cltv("features", "describe", "overdue_ratio")
    assert status == 0
    assert "expression: days_since_last / gap_mean" in out
    assert cltv("features", "describe", "karma")[0] == 2


def test_features_are_built_for_several_cutoffs_with_labels(cltv, orders, tmp_path):
    words = ["--cutoff", "2024-03-01", "--cutoff", "2024-04-01", "--horizon", "30", "--out", "built"]
    assert cltv("features", "build", "--data", orders, *words)[0] == 0
    table = pq.read_table(tmp_path / "built" / "cutoff=2024-03-01")
    assert table.num_rows == 60
    assert {"frequency", "T", "label_value"} <= set(table.column_names)


def test_the_documentation_page_of_the_features_is_up_to_date():
    page = Path(__file__).parents[1] / "docs" / "features.md"
    assert page.read_text() == catalogue_page(), "write it again: cltv features page"


def test_help_and_commands_without_data_come_without_the_heavy_libraries():
    code = (
        "import sys; from cltv_ml import cli; import typer; command = typer.main.get_command(cli.app)\n"
        "try: command(['train'], standalone_mode=False)\n"
        "except ValueError as error: print(error)\n"
        "print({'mlflow', 'xgboost', 'pandas', 'numpy', 'duckdb', 'sqlalchemy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    refused, loaded = done.stdout.splitlines()
    assert (refused[:14], loaded) == ("no data given;", "set()")


def test_rooms_are_imported_when_they_are_first_used():
    code = "import sys, cltv_ml; assert 'pandas' not in sys.modules; print(cltv_ml.models.Tweedie.name, cltv_ml.read)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("tweedie <function read")
    found = [path for path in Path(cltv_ml.__file__).parent.iterdir() if path.suffix in ("", ".py")]
    assert {*dir(cltv_ml)} >= {path.stem for path in found if not path.name.startswith("_")}
    with pytest.raises(AttributeError, match="no attribute 'karma'"):
        cltv_ml.karma  # noqa: B018


def test_one_of_a_thing_is_singular_and_blanks_leave_numbers_to_the_right(capsys):
    printing.console.print("1 lines of 21 lines")
    printing.show_table(pd.DataFrame({"part": ["a", "b"], "lower": ["", "9"]}), "1 customers")
    shown = capsys.readouterr().out
    assert "1 line of 21 lines" in shown
    assert "1 customer " in shown
    assert "│     9 │" in shown


def test_a_table_too_wide_for_the_terminal_loses_its_lines_before_a_number_or_a_day_is_cut(
    capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    row = {"name": ["to 2011-12-09"], **{f"count {place}": ["8,140,624"] for place in range(6)}}
    printing.show_table(pd.DataFrame(row))
    shown = capsys.readouterr().out
    assert shown.count("8,140,624") == 6
    assert "2011-12-09" in shown


@pytest.mark.parametrize("active", [True, False])
def test_the_demo_tells_how_to_activate_an_environment_that_is_not_on_the_path(
    store, tmp_path, monkeypatch, active
):
    """MLflow then ended in its trace, because it found no uvicorn on the path."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "activate").touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin" if active else "/usr/bin")
    with line.console.capture() as shown:
        line._show_next()
    assert (f"Activate  source {tmp_path}/bin/activate\n" in shown.get()) is not active
    assert "mlflow models serve" in shown.get()


def test_a_port_that_is_in_use_is_refused_before_a_store_is_made(cltv, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, told = cltv("ui", "--port", port)
    assert (code, told) == (
        2,
        f"cltv: port {port} of this machine cannot be used (Address already in use); choose another with --port.\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_the_printed_forecast_of_a_shop_tells_its_days(capsys):
    """The days differ from those of the scores, and so did the totals, without a word."""
    days = {"start": pd.Timestamp("2026-01-01"), "until": pd.Timestamp("2027-01-01"), "span": "horizon"}
    row = {"part": "known", "measure": "revenue", "expected": 3.0, "lower_80": 2.0, "upper_80": 4.0}
    shop._show_totals(pd.DataFrame([days | row]), "EUR")
    assert "365 days from 2026-01-01, with 80% bands" in " ".join(capsys.readouterr().out.split())
