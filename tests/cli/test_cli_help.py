"""What every command promises: a sentence, an example that it would accept, quiet pipes, known statuses."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest
import typer

import cltv_ml
from cltv_ml import cli
from cltv_ml.cli import printing
from cltv_ml.cli.options import _data_names
from docs.commands import commands
from tests.catalogues import for_each

ROOT = typer.main.get_command(cli.app)
ALL = dict(commands(ROOT, ()))


def cltv(*words, **environment):
    """Run the command line as a shell would, its output a pipe."""
    plain = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "NO_COLOR")}
    return subprocess.run(
        [sys.executable, "-m", "cltv_ml.cli", *words],
        capture_output=True,
        text=True,
        check=False,
        env=plain | environment,
    )


@for_each(ALL)
def test_command_says_what_it_does(name):
    assert re.match(r"[A-Z].{20,}[.;]", ALL[name].help.split("\n\n")[0].replace("\n", " "))


@for_each(ALL)
def test_every_option_is_explained(name):
    options = [param for param in ALL[name].params if param.name != "help"]
    assert all(param.help for param in options), [param.name for param in options if not param.help]


@for_each(ALL)
def test_command_accepts_its_own_example(name):
    examples = re.findall(r"Example: `cltv ([^`]+)`", ALL[name].help)
    assert examples, f"cltv {name} has no example"
    for example in examples:
        words = shlex.split(example)
        assert example.startswith(name)
        with ALL[name].make_context(name, words[len(name.split()) :], resilient_parsing=False):
            pass


@pytest.fixture
def status(capsys, monkeypatch):
    """Return what a command ends with and prints, run in this process."""
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        return ended.value.code or 0, *capsys.readouterr()

    return run


def test_help_names_the_exit_statuses_that_are_there(status):
    code, told, _ = status("--help")
    assert code == 0
    assert "0 success; 1 an internal error, with its stack trace; 2 an invalid input" in " ".join(
        told.split()
    )
    assert status("data", "describe", "cdnow")[0] == 0
    assert status("data", "describe", "nothing")[0] == 2
    assert status("train", "--dta", "x.csv")[0] == 2


def test_a_wrong_input_is_one_sentence(status):
    _, out, err = status("data", "describe", "x")
    assert out == ""
    assert len(err.strip().splitlines()) == 1


def test_debug_shows_the_stack_wherever_it_stands(monkeypatch):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    for words in (["--debug", "data", "describe", "x"], ["data", "describe", "x", "--debug"]):
        with pytest.raises(ValueError, match="Unknown data set"):
            cli.main(words)


def test_version_is_told(status):
    assert status("--version")[1] == f"cltv_ml {cltv_ml.__version__}\n"


def test_a_pipe_gets_no_colours_and_a_terminal_without_colours_neither():
    assert "\x1b[" not in cltv("data", "list").stdout
    assert "\x1b[" in cltv("data", "list", FORCE_COLOR="1").stdout
    asked = cltv("data", "list", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", asked)


def test_shell_completes_commands():
    asked = {"_CLTV_COMPLETE": "complete_bash", "COMP_WORDS": "cltv fea", "COMP_CWORD": "1"}
    script = Path(sys.executable).with_name("cltv")
    done = subprocess.run([script], capture_output=True, text=True, check=False, env=os.environ | asked)
    assert done.stdout.split() == ["features"]


def test_shell_completes_files_of_any_folder_and_with_signs_of_patterns(tmp_path, monkeypatch):
    (tmp_path / "orders[1].csv").touch()
    monkeypatch.chdir(tmp_path)
    assert _data_names(str(tmp_path / "ord")) == [str(tmp_path / "orders[1].csv")]
    assert _data_names("orders[") == ["orders[1].csv"]


def test_reader_who_stops_early_is_no_error():
    first = subprocess.run(
        f"{shlex.quote(sys.executable)} -m cltv_ml.cli features list --json | head -1; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )
    assert first.stdout == "{\n"
    assert first.stderr == ""


def test_the_version_is_told_without_loading_the_command_line():
    code = (
        "import sys; sys.argv = ['cltv', '--version']; from cltv_ml.__main__ import main; main(); "
        "sys.exit('typer' in sys.modules or 'pydantic' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == f"cltv_ml {cltv_ml.__version__}\n"


def test_a_job_without_a_terminal_says_now_and_then_what_it_is_at(capsys, monkeypatch):
    monkeypatch.setattr(printing, "SAID_EVERY", 0.01)
    with printing.progress("training") as report:
        report("fitting tweedie", 0.4)
        sleep(0.1)
    assert "training, 40% after 0:00: fitting tweedie\n" in capsys.readouterr().err


def test_verbose_says_every_step_once(capsys, monkeypatch):
    monkeypatch.setenv("CLTV_VERBOSE", "1")
    with printing.progress("training") as report:
        for message, done in (("reading", 0.1), ("fitting", 0.4), ("fitting", 0.5)):
            report(message, done)
    steps = [line.rsplit(": ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    assert steps == ["reading", "fitting"]


def test_an_option_may_stand_in_the_environment_and_a_flag_wins(status, monkeypatch):
    monkeypatch.setenv("CLTV_NAME", "nothing")
    monkeypatch.setenv("CLTV_JSON", "1")
    monkeypatch.setenv("CLTV_MODELS", "tweedie,nothing")
    monkeypatch.setenv("CLTV_HORIZN", "5w")
    code, _, told = status("train", "--data", "cdnow", "--horizon", "26w")
    assert (code, "Unknown model 'nothing'" in told) == (2, True), told
    assert "CLTV_HORIZN sets no option; did you mean CLTV_HORIZON?" in told
    monkeypatch.setenv("CLTV_MAPPING", "customer_id=Customer no\namount=Net total,timestamp")
    code, _, told = status("data", "check", "cdnow")
    assert (code, "mapping 'timestamp' cannot be read" in told) == (2, True), told
    monkeypatch.delenv("CLTV_MAPPING")
    code, _, told = status("train", "--data", "cdnow", "--horizon", "26w", "--models", "tweedie,none")
    assert (code, "Unknown model 'none'" in told) == (2, True), told


def test_every_option_has_a_variable_of_its_own_name(status, monkeypatch, tmp_path):
    (tmp_path / "shop.toml").write_text('horizon = "soon"\n', encoding="utf-8")
    monkeypatch.setenv("CLTV_CONFIG", str(tmp_path / "shop.toml"))
    code, _, told = status("train", "--data", "cdnow")
    assert (code, "horizon 'soon' cannot be read" in told) == (2, True), told
    monkeypatch.delenv("CLTV_CONFIG")
    monkeypatch.setenv("CLTV_RULE", "day_first=perhaps")
    code, _, told = status("data", "check", "cdnow")
    assert (code, "day_first" in told) == (2, True), told
    missing = []
    for path, option in _options(ROOT):
        repeatable = option.multiple  # read by our own code, because Typer splits at blanks
        if not repeatable and option.envvar != f"CLTV_{option.opts[0][2:].replace('-', '_').upper()}":
            missing.append(f"{path} {option.opts[0]}")
    assert missing == []


def _options(command, path="cltv"):
    """Return the options of a command and those below it that set something, each with the command's words."""
    found = [(path, one) for one in command.params if one.param_type_name == "option" and one.name != "help"]
    for name, below in getattr(command, "commands", {}).items():
        found += _options(below, f"{path} {name}")
    return [pair for pair in found if pair[0] != "cltv"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("train --models tweedie,zi", "tweedie,ziln"),
        ("plot alive_h", "alive_history"),
        ("score --data cdn", "cdnow"),
        ("tune --model twee", "tweedie"),
        ("plot dependence --feature frequ", "frequency"),
        ("plot metric_ranges --metric spear", "spearman"),
        ("export klaviyo,google_cust", "klaviyo,google_customer_match"),
        ("features describe gap_me", "gap_mean"),
        ("data describe cdn", "cdnow"),
    ],
)
def test_shell_completes_names_of_models_figures_features_and_data_sets(words, expected):
    script = Path(sys.executable).with_name("cltv")
    line = {"_CLTV_COMPLETE": "complete_bash", "COMP_WORDS": f"cltv {words}"}
    line["COMP_CWORD"] = str(len(words.split()))
    done = subprocess.run([script], capture_output=True, text=True, check=False, env=os.environ | line)
    assert expected in done.stdout.split(), (done.stdout, done.stderr)
