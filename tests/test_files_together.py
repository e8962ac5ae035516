"""Sets of files: a command that stops leaves its own set or the one that was there."""

import os
import signal

import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.files import atomic, discard, together, write_table
from cltv_ml.pipelines.pages import write_page
from cltv_ml.reporting.report import section, summarise


def written(folder):
    return {file.name: file.read_text() for file in folder.iterdir()}


def write(folder, text, stop=None):
    with together():
        for name in ("a.txt", "b.txt", "c.txt"):
            with atomic(folder / name) as file:
                file.write_text(text)
            if stop:
                raise stop
        discard(folder / "old.txt")


def test_a_set_of_files_appears_as_a_whole_or_not_at_all(tmp_path):
    (tmp_path / "old.txt").write_text("before")
    write(tmp_path, "first")
    assert written(tmp_path) == dict.fromkeys(("a.txt", "b.txt", "c.txt"), "first")
    for stop in (KeyboardInterrupt(), SystemExit(143), OSError("full")):
        with pytest.raises(type(stop)):
            write(tmp_path, "second", stop)
        assert written(tmp_path) == dict.fromkeys(("a.txt", "b.txt", "c.txt"), "first")


def test_a_folder_in_the_place_of_one_file_leaves_all_of_them_as_they_were(tmp_path):
    write(tmp_path, "first")
    (tmp_path / "c.txt").unlink()
    (tmp_path / "c.txt").mkdir()
    with pytest.raises(InputError, match=r"c\.txt cannot be written, because it is a folder"):
        write(tmp_path, "second")
    assert (tmp_path / "a.txt").read_text() == (tmp_path / "b.txt").read_text() == "first"
    assert len([*tmp_path.iterdir()]) == 3


def test_a_signal_between_the_names_takes_effect_after_the_last_of_them(tmp_path, monkeypatch):
    rename = os.replace

    def interrupted(*paths):
        """Rename one file; Ctrl-C comes then."""
        rename(*paths)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("cltv_ml.files.os.replace", interrupted)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path, "first")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, handler)
    assert written(tmp_path) == dict.fromkeys(("a.txt", "b.txt", "c.txt"), "first")


def test_a_page_that_cannot_be_written_leaves_the_tables_of_the_earlier_one(tmp_path, monkeypatch):
    def page(value):
        """Return a page with two tables."""
        tables = {name: pd.DataFrame({"value": [value]}) for name in ("One", "Two")}
        return summarise("Title", "", [section("Part", tables=tables)])

    write_page(page("old"), tmp_path / "page.html")
    before = {file.name: file.read_text() for file in tmp_path.rglob("*.*")}
    tables = iter([True])

    def failing(frame, *args, **kwargs):
        """Write one table, and stop at the next one."""
        if not next(tables, False):
            raise KeyboardInterrupt
        return whole(frame, *args, **kwargs)

    whole = pd.DataFrame.to_csv
    monkeypatch.setattr(pd.DataFrame, "to_csv", failing)
    with pytest.raises(KeyboardInterrupt):
        write_page(page("new"), tmp_path / "page.html")
    assert {file.name: file.read_text() for file in tmp_path.rglob("*.*")} == before


def test_a_table_within_a_set_keeps_the_rights_of_the_file_it_replaces(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    (tmp_path / "a.csv").chmod(0o640)
    with together():
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "a.csv")
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "b.csv")
        assert (tmp_path / "a.csv").read_text() == "old"
    assert [(tmp_path / f"{name}.csv").stat().st_mode & 0o777 for name in "ab"] == [0o640, 0o600]
