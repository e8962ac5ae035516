"""Databases and cleaning rules on the command line."""

import sqlite3
from contextlib import closing

import pytest

from cltv_ml.cli import main

_CSV = "customer,date,total\n" + "\n".join(
    f"c{n % 7},{n % 12 + 1:02}/{n % 9 + 1:02}/2024,5.00" for n in range(40)
)


def _check(capsys, *words):
    """Return the exit status and what `cltv data check` printed, as one line."""
    status = 0
    try:
        main(["data", "check", *map(str, words)])
    except SystemExit as stop:
        status = stop.code or 0
    printed = capsys.readouterr()
    return status, " ".join((printed.out + printed.err).split())


@pytest.fixture
def database(tmp_path):
    with closing(sqlite3.connect(tmp_path / "shop.db")) as con:
        con.execute("create table orders (customer text, day text, total real)")
        con.execute("create table other (a text)")
        con.executemany(
            "insert into orders values (?, ?, ?)", [("a", "2024-01-31", 5), ("b", "2024-02-01", 6)]
        )
        con.commit()
    return f"sqlite:///{tmp_path / 'shop.db'}"


def test_a_database_of_several_tables_asks_for_the_flag(capsys, database):
    status, text = _check(capsys, "--data", database)
    assert status == 2
    assert "(--query). Available: ['orders', 'other']" in text


def test_a_select_is_read(capsys, database):
    status, text = _check(capsys, "--data", database, "--query", "select * from orders where total > 5")
    assert status == 0
    assert "1 customer, 1 order" in text


def test_what_is_no_select_is_not_run(capsys, database):
    status, text = _check(capsys, "--data", database, "--query", "delete from orders")
    assert status == 2
    assert "nothing else is executed" in text
    assert "2 customers" in _check(capsys, "--data", database, "--query", "orders")[1]


def test_a_password_is_never_shown(capsys):
    status, text = _check(capsys, "--data", "postgresql://me:s3cret@localhost:1/shop", "--query", "orders")
    assert status == 2
    assert "s3cret" not in text


def test_the_error_on_ambiguous_dates_names_the_flag_that_settles_them(capsys, tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(_CSV)
    status, text = _check(capsys, "--data", path)
    assert status == 2
    assert "--rule day_first=true" in text
    assert "40 read, all kept" in _check(capsys, "--data", path, "--rule", "day_first=true")[1]


def test_an_unknown_rule_is_named(capsys, tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(_CSV)
    assert "Unknown rule setting 'dayfirst'" in _check(capsys, "--data", path, "--rule", "dayfirst=true")[1]


def test_data_may_follow_the_name_of_the_command(capsys, tmp_path, monkeypatch):
    orders = tmp_path / "orders.csv"
    orders.write_text(_CSV)
    status, text = _check(capsys, orders, "--rule", "day_first=true")
    assert status == 0
    assert "7 customers, 40 orders" in text
    monkeypatch.setenv("CLTV_DATA", "missing.csv")
    assert "7 customers, 40 orders" in _check(capsys, orders, "--rule", "day_first=true")[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a.csv", "--data", "b.csv"], "given twice, as 'a.csv' and as --data 'b.csv'; give them once."),
        (["a.csv", "b.csv"], "2 files are given, such as 'a.csv' and 'b.csv'; to read several as one log"),
    ],
)
def test_data_given_more_than_once_are_refused(capsys, words, sentence):
    status, text = _check(capsys, *words)
    assert status == 2
    assert sentence in text


def test_data_may_follow_act_whose_own_commands_stay(capsys, tmp_path, store):
    for words, sentence in (
        (["act", str(tmp_path / "none.csv"), "--cost", "2"], "none.csv' is not a file"),
        (["act", "evaluate", "none.csv"], "actions is missing; give it with --actions."),
    ):
        with pytest.raises(SystemExit):
            main(words)
        assert sentence in capsys.readouterr().err
