"""A fault of the program keeps its stack trace and ends with status 1; only an InputError becomes a sentence."""

import subprocess
import sys

import pytest

from cltv_ml import cli
from cltv_ml.errors import InputError

PLANTED = """
import sys
from cltv_ml import cli, pipelines

def check(settings, **_):
    raise ValueError("planted in a command")

pipelines.check = check
cli.main(["data", "check", "--data", "postgresql://me:secret@host/shop"])
"""


def test_a_fault_in_a_command_keeps_its_trace_with_status_1():
    done = subprocess.run([sys.executable, "-c", PLANTED], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "ValueError: planted in a command" in done.stderr


@pytest.mark.parametrize("error", [ValueError, KeyError, TypeError, RuntimeError])
def test_no_exception_of_the_program_becomes_a_sentence(error, monkeypatch):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("cltv_ml.pipelines.report", lambda *_, **__: (_ for _ in ()).throw(error("planted")))
    with pytest.raises(error, match="planted"):
        cli.main(["report"])


def test_an_input_error_is_a_sentence_with_status_2(monkeypatch, capsys):
    def refuse(*_, **__):
        raise InputError("name another file.")

    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("cltv_ml.pipelines.report", refuse)
    with pytest.raises(SystemExit) as ended:
        cli.main(["report"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "cltv: name another file.\n"
