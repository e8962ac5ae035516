"""A fault of the program keeps its stack trace and ends with status 1; only an InputError becomes a sentence."""

import errno
import os
import subprocess
import sys

import duckdb
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

STOPPED = """
import signal, sys

class Stopper:
    def find_spec(self, name, *_):
        if name == {module!r}:
            signal.raise_signal(signal.{number})

sys.meta_path.insert(0, Stopper())
sys.argv = ["cltv", "data", "list"]
from cltv_ml.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("module", "number", "status", "said"),
    [
        ("cltv_ml.settings", "SIGINT", 130, "cltv: stopped before it began.\n"),
        ("pandas", "SIGTERM", 143, "cltv: stopped by a signal to end.\n"),
    ],
)
def test_a_stop_is_one_sentence_at_any_moment(module, number, status, said):
    code = STOPPED.format(module=module, number=number)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (status, said)


def test_the_trace_of_a_fault_shows_no_secret_of_an_option_or_an_environment_variable():
    code = PLANTED.replace("planted in a command", "planted for hush-hush, known-by-option")
    code = code.replace(
        "import sys\n", "import sys\nsys.argv = ['cltv', '--out=mysql://me:known-by-option@host/x']\n"
    )
    secret = os.environ | {"CLTV_CUSTOMERS": "postgresql://me:hush-hush@host/shop"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=secret
    )
    assert "ValueError: planted for ***, ***" in done.stderr
    assert "hush" not in done.stderr
    assert "known" not in done.stderr


def test_python_without_docstrings_is_refused_in_one_sentence():
    for words in (["--help"], ["data", "list"]):
        done = subprocess.run(
            [sys.executable, "-OO", "-m", "cltv_ml", *words], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            "cltv: Python runs without docstrings (-OO or PYTHONOPTIMIZE=2), which XGBoost and the help texts need; "
            "use -O or PYTHONOPTIMIZE=1.\n"
        )


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


@pytest.fixture
def sentence_of(monkeypatch, capsys):
    """A function that returns what a command writes to standard error when it fails with an error."""

    def run(error):
        def fail(words):
            raise error

        monkeypatch.setattr("signal.signal", lambda *_: None)
        monkeypatch.setattr(cli, "app", fail)
        with pytest.raises(SystemExit) as stop:
            cli.main(["data", "list"])
        assert stop.value.code == 2
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (duckdb.OutOfMemoryException("Out of Memory Error: no block\n\nPossible solutions: ..."), "no block"),
        (MemoryError(), "no more is available"),
        (ImportError("lib.so: failed to map segment from shared object"), "segment from shared object"),
        (
            RuntimeError("\nA Library (a.so) could not be loaded.\n['a.so: failed to map segment']"),
            "be loaded",
        ),
    ],
)
def test_too_little_memory_is_a_sentence_with_status_2(error, reason, sentence_of):
    said = sentence_of(error)
    assert said.startswith("cltv: there is not enough memory (")
    assert said.endswith(f"{reason}); free some, or use a machine with more.\n")


def test_a_library_on_a_disk_that_forbids_programs_is_no_lack_of_memory(monkeypatch):
    def fail(words):
        raise ImportError("lib.so: failed to map segment from shared object: Operation not permitted")

    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(ImportError, match="not permitted"):
        cli.main(["data", "list"])


@pytest.mark.parametrize("words", [["features", "list"], ["features", "list", "--json"], ["data", "check"]])
def test_a_closed_pipe_ends_the_command_with_the_status_of_the_shell(words):
    """As with `cltv features list | head -1`: 128 and the number of SIGPIPE, and not a word."""
    reader, writer = os.pipe()
    os.close(reader)
    if words[-1] == "check":
        words = [*words, "--help"]
    with open(writer, "wb") as pipe:
        command = [sys.executable, "-m", "cltv_ml", *words]
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_json_document_without_an_output_is_written_nowhere(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as stop:
        cli.main(["features", "list", "--json"])
    assert stop.value.code == 0


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OSError(errno.EFBIG, "Error writing bytes to file. Detail: [errno 27] File too large"),
            "File too large); free some space and run the same command again.",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "out/lists"),
            "out/lists lies on a file system that can only be read; choose another place.",
        ),
        (
            RuntimeError("can't start new thread"),  # as with `ulimit -u 2`
            "no thread can be started; raise the limit of processes (ulimit -u), or end other programs.",
        ),
    ],
    ids=["full disk", "read-only", "no threads"],
)
def test_what_the_machine_lacks_is_a_sentence_with_its_way_out(error, sentence, sentence_of):
    assert sentence in sentence_of(error)
