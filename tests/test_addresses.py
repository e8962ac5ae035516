"""No password of an address can be read in anything that is shown."""

import re
import sys
from pathlib import Path
from urllib.parse import quote

import mlflow
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cltv_ml.addresses import hide, sqlite_file, without_secrets
from cltv_ml.cli import _hide_secrets
from cltv_ml.data import read
from cltv_ml.files import write_table
from cltv_ml.remote import as_path
from cltv_ml.serving.batch_targets import Target
from cltv_ml.settings import Source
from cltv_ml.tracking import store

#: Capitals stand in no public part of the addresses below: one that is shown is a secret's.
PASSWORDS = st.text(alphabet="ABCXYZ/?#@:&=%+;!$ ", min_size=1, max_size=12).filter(
    lambda text: re.search("[A-Z]", text)
)
PLACES = (
    "postgresql://me:{}@host:5432/shop",
    "postgresql+psycopg://me:{}@[::1]:5432/shop?sslmode=require",
    "mysql://me:{}@host",
    "postgresql://host/shop?password={}",
    "mysql://me:known@host/shop?ssl_password={}",
    "https://host/orders.csv?token={}",
    "https://me:{}@host:5000/base#part",
    "http://{}@host:5000",
    "s3://key:{}@bucket/orders.csv",
    "s3://bucket/out?secret_key={}",
    "POSTGRESQL://me:{}@host/shop",
    "'postgresql://me:{}@host/shop'",
    "jdbc:postgresql://host/shop?user=me&password={}",
    "jdbc:sqlserver://host:1433;databaseName=shop;user=sa;password={}",
)


def addresses(password):
    """Return every address of `PLACES` with a password, as it is and as a URL should spell it."""
    return [place.format(spelled) for place in PLACES for spelled in (password, quote(password, safe=""))]


@settings(max_examples=150, deadline=None)
@given(PASSWORDS)
def test_no_letter_of_a_password_is_shown(password):
    shown = {}
    for url in addresses(password):
        shown[url] = [without_secrets(url), Source(data=url).dataset, Target(url).shown]
    found = {
        url: texts
        for url, texts in shown.items()
        if re.search("[A-Z]|known", " ".join(texts).replace("POSTGRESQL", ""))
    }
    assert not found


@settings(max_examples=60, deadline=None)
@given(PASSWORDS)
def test_a_message_quotes_no_password_however_it_is_spelled(password):
    for url in addresses(password):
        for quoted in (url, password, quote(password, safe="")):
            told = hide(f"the driver says: {quoted}.", url).replace("***", "")
            assert password not in told
            assert quote(password, safe="") not in told


def test_an_address_where_a_file_is_needed_is_refused_without_its_password():
    for place in ("postgresql://me:QX@host/shop", "sftp://me:QX@host/x", "duckdb:///x.db?password=QX"):
        for written in (place, Path(place)):
            with pytest.raises(ValueError, match="a file or folder is needed") as caught:
                as_path(written)
            assert "QX" not in str(caught.value)
    assert str(as_path("S3://key:QX@shop/orders.csv")) == "s3://shop/orders.csv"


def test_a_name_that_the_engine_would_spell_otherwise_is_refused_in_one_sentence(tmp_path):
    for place in ("b\udce4d.csv", tmp_path / "b\udce4d.csv"):
        with pytest.raises(ValueError, match=r"b.udce4d.csv' is not UTF-8, .*; set PYTHONUTF8=1, or rename"):
            as_path(place)
    with pytest.raises(ValueError, match="is not UTF-8"):
        read("b\udce4d.csv")
    with pytest.raises(ValueError, match="is not UTF-8"):
        Target("b\udce4d.parquet")
    assert as_path("bäd.csv") == Path("bäd.csv")


def test_a_tilde_that_the_shell_left_is_the_home_folder(tmp_path, monkeypatch):
    """Shells leave that of --out=~/x; it had become a folder of this name, or a stack trace of pandas."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "orders.csv").write_text("customer,date,amount\nann,2025-01-05,20\n", encoding="utf-8")
    assert as_path("~/out") == as_path(Path("~/out")) == tmp_path / "out"
    assert read("~/orders.csv").table.count() == 1
    assert Target("~/scores.parquet").path == tmp_path / "scores.parquet"
    monkeypatch.chdir(tmp_path)
    Path("~").mkdir()
    assert as_path("~/out") == tmp_path / "~" / "out"
    assert as_path("~x") == Path("~x")
    write_table(pd.DataFrame({"a": [1]}), as_path("~/one.csv"))
    write_table(pd.DataFrame({"a": [1]}), as_path("~/one.parquet"))
    assert {file.name for file in (tmp_path / "~").iterdir()} == {"one.csv", "one.parquet"}


def test_the_command_line_hides_secrets_of_settings_files_and_of_forms_that_are_no_address(
    tmp_path, monkeypatch
):
    config = tmp_path / "shop.toml"
    config.write_text('data = "postgresql://me:QX1234@host/shop"\n', encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["cltv", "--config", str(config), "user=me password=ZW1234"])
    said = _hide_secrets(
        "'postgresql:/me:QX1234@host/shop' with 'user=me password=ZW1234' failed for me:QX1234"
    )
    assert "QX1234" not in said
    assert "ZW1234" not in said


def test_what_is_not_secret_stays_readable():
    urls = {
        "postgresql://me:secret@host:5432/shop?x=1": "postgresql://host:5432/shop",
        "sqlite:////data/me@home/shop.db": "sqlite:////data/me@home/shop.db",
        "http://127.0.0.1:5000": "http://127.0.0.1:5000",
        "http://[::1]:5000/base": "http://[::1]:5000/base",
        "jdbc:sqlserver://host:1433;user=sa;password=x": "jdbc:sqlserver://host:1433",
        "sqlite:///a;b.db?mode=ro": "sqlite:///a;b.db",
    }
    assert {url: without_secrets(url) for url in urls} == urls


@settings(max_examples=8, deadline=None)
@given(PASSWORDS)
def test_a_database_that_cannot_be_reached_is_told_without_its_password(password):
    for url in (
        f"postgresql://me:{quote(password, safe='')}@127.0.0.1:1/shop",
        f"nosuch://me:{password}@host/shop",
    ):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            read(url)
        assert password not in str(caught.value)


def test_the_store_is_named_without_its_login_and_options(monkeypatch):
    monkeypatch.setattr(
        mlflow, "get_tracking_uri", lambda: "postgresql://me:se/c?r@et@host/mlflow?sslpassword=x"
    )
    assert store.store_name() == "postgresql://..."


def test_the_file_of_a_sqlite_address_is_found_without_its_options():
    assert str(sqlite_file("sqlite:////data/mlflow.db?timeout=5")) == "/data/mlflow.db"
