"""Files appear whole, those with customers for their owner only, and no spreadsheet runs what they hold."""

import errno
import os
import re
import shutil
import stat
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cltv_ml.errors import InputError
from cltv_ml.files import as_written, atomic, check_folder, neutral, table_file, write_table
from cltv_ml.pipelines import train
from cltv_ml.pipelines.inputs import read_scores
from cltv_ml.remote import as_path

DANGEROUS = ["=HYPERLINK(1)", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1"]


def rights(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_no_text_of_a_csv_is_a_formula_and_it_comes_back_as_it_was(tmp_path):
    scores = pd.DataFrame({"customer_id": DANGEROUS, "expected_value": 1.0, "=name": DANGEROUS})
    write_table(scores, tmp_path / "scores.csv")
    cells = pd.read_csv(tmp_path / "scores.csv", dtype="str", header=None).drop(columns=1).to_numpy().ravel()
    assert [cell for cell in cells if cell[0] in "=+-@\t\r"] == []
    back = read_scores(tmp_path / "scores.csv").reset_index()
    assert back["customer_id"].tolist() == DANGEROUS
    assert back["=name"].tolist() == DANGEROUS


def test_a_folder_that_vanishes_meanwhile_is_one_sentence(tmp_path, monkeypatch):
    folder = tmp_path / "out"
    monkeypatch.setattr("cltv_ml.files.neutral", lambda frame: (shutil.rmtree(folder), frame)[1])
    with pytest.raises(InputError, match=r"one\.csv cannot be written \(No such file or directory\)"):
        write_table(pd.DataFrame({"a": [1]}), folder / "one.csv")


@given(st.lists(st.text(alphabet="'=+-@1.,%a\t ", max_size=6), min_size=1))
def test_what_a_csv_escapes_is_taken_back_for_any_text(texts):
    frame = pd.DataFrame({"name": texts})
    assert as_written(neutral(frame))["name"].tolist() == texts


def test_numbers_stay_numbers_and_parquet_stays_as_it_is(tmp_path):
    frame = pd.DataFrame({"id": ["-5", "+49 %", "-3.5%"], "value": [-1.0, 2.0, -3.0]})
    assert neutral(frame).equals(frame)
    write_table(pd.DataFrame({"id": DANGEROUS}), tmp_path / "ids.parquet")
    assert pd.read_parquet(tmp_path / "ids.parquet")["id"].tolist() == DANGEROUS


@pytest.mark.skipif(os.name != "posix", reason="Windows has other rights")
def test_tables_can_be_read_by_their_owner_only_unless_somebody_shared_them(tmp_path):
    for name in ("scores.csv", "scores.parquet"):
        write_table(pd.DataFrame({"customer_id": ["ann"]}), tmp_path / name)
        assert rights(tmp_path / name) == 0o600
        (tmp_path / name).chmod(0o640)
        write_table(pd.DataFrame({"customer_id": ["bob"]}), tmp_path / name)
        assert rights(tmp_path / name) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="Windows asks for rights to make a link")
def test_the_file_behind_a_link_is_replaced_and_the_link_stays(tmp_path):
    (tmp_path / "shared").mkdir()
    target, link = tmp_path / "shared" / "scores.csv", tmp_path / "scores.csv"
    target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    write_table(pd.DataFrame({"customer_id": ["ann"]}), link)
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "customer_id\nann\n"
    target.unlink()
    write_table(pd.DataFrame({"customer_id": ["bob"]}), link)
    assert target.read_text(encoding="utf-8") == "customer_id\nbob\n"


def _half_written(path, error):
    with atomic(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG])
def test_a_full_disk_is_one_sentence_with_the_file_and_leaves_what_was_there(tmp_path, number):
    path = tmp_path / "page.html"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(InputError, match=r"page.html cannot be written .* free some space"):
        _half_written(path, OSError(number, os.strerror(number)))
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]
    assert path.read_text(encoding="utf-8") == "old"


@pytest.mark.skipif(os.name != "posix", reason="Windows has other rights")
def test_a_private_file_is_private_while_it_is_written(tmp_path):
    with atomic(tmp_path / "scores.csv", private=True) as temporary:
        temporary.write_text("customer_id\nann\n", encoding="utf-8")
        assert rights(temporary) == 0o600


def test_a_read_only_file_system_is_told_by_the_name_that_was_asked_for(tmp_path, monkeypatch):
    """It refuses to delete the temporary file too, and that error had taken the place of the sentence."""

    def refuse(path, *_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr("os.open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with (
        pytest.raises(InputError, match=r"lines\.csv cannot be written \(Read-only file system\)"),
        atomic(tmp_path / "lines.csv", private=True),
    ):
        pass


def test_a_place_that_may_not_be_written_is_named_as_it_was_asked_for(tmp_path):
    path = tmp_path / "page.html"
    for name, told in {".part": "page.html cannot be written", "another": "another"}.items():
        with pytest.raises(OSError if name == "another" else InputError, match=re.escape(told)) as caught:
            _half_written_to(path, name)
        assert ".part" not in str(caught.value)


def _half_written_to(path, name):
    with atomic(path) as temporary:
        file = str(temporary) if name == ".part" else name
        raise PermissionError(errno.EACCES, "Permission denied", file)


def test_two_processes_of_one_id_as_containers_have_do_not_write_to_one_temporary_file(tmp_path):
    path = tmp_path / f"{'é' * 122}.csv"  # 248 bytes
    with atomic(path) as first, atomic(path) as second:
        assert first.parent == second.parent == tmp_path
        first.write_text("first", encoding="utf-8")
        second.write_text("second", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "first"  # the one that was completed last
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_an_hour_ago_is_deleted_by_the_next_write_of_the_same_file(tmp_path):
    names = {
        "old": ".report[1].html.0123abcd.part",
        "of a process at work": ".report[1].html.89ef0123.part",
        "of another file": ".report.html.0123abcd.part",
        "of somebody else": ".report[1].html.backup.part",
    }
    for kind, name in names.items():
        (tmp_path / name).write_text("half a page", encoding="utf-8")
        if kind != "of a process at work":
            os.utime(tmp_path / name, (time.time() - 3700,) * 2)
    with atomic(tmp_path / "report[1].html") as temporary:
        temporary.write_text("page", encoding="utf-8")
    names["new"] = "report[1].html"
    assert {one.name for one in tmp_path.iterdir()} == set(names.values()) - {names["old"]}


def test_a_device_or_a_pipe_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(pipe := tmp_path / "scores.csv")
    (tmp_path / "link.csv").symlink_to(pipe)
    for name in ("scores.csv", "link.csv"):
        with pytest.raises(InputError, match=r"scores\.csv is a device or a pipe, which no file may replace"):
            write_table(pd.DataFrame({"x": [1]}), tmp_path / name)
    for folder in ("", ".", "/"):
        with pytest.raises(InputError, match="is a folder, which no file may replace"), atomic(Path(folder)):
            pass
    assert pipe.is_fifo()
    assert {path.name for path in tmp_path.iterdir()} == {"scores.csv", "link.csv"}


def test_a_file_in_the_place_of_a_folder_is_refused_before_any_work(tmp_path):
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(ValueError, match=r"--out must be a folder, but .*out is a file"):
        train(data="no such data", out=tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ValueError, match="is not writable; change its permissions"):
        check_folder(tmp_path / "new" / "out")


def test_the_file_of_a_table_is_checked_before_the_work_that_fills_it(tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    for out, said in {
        tmp_path / "scores.xlsx": "cannot write .*scores.xlsx.; use a name",
        tmp_path / "taken" / "scores.csv": "taken is a file",
        as_path("http://host/scores.csv?token=QX"): r"http://host.* is a web page",
    }.items():
        with pytest.raises(InputError, match=said) as caught:
            table_file(out, "scores.parquet")
        assert "QX" not in str(caught.value)
    assert table_file(tmp_path, "scores.parquet") == tmp_path / "scores.parquet"
