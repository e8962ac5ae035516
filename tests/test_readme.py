"""What README and the page for data scientists show works."""

import re
from pathlib import Path

import typer

from cltv_ml.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGE = (ROOT / "docs" / "data-scientist.md").read_text()


def run_example(text, capsys):
    exec(compile(re.search(r"```python\n(.*?)```", text, re.S)[1], "example", "exec"), {})
    return capsys.readouterr().out.splitlines()


def test_the_example_of_the_readme_prints_the_five_best_customers(capsys):
    lines = run_example(README, capsys)
    assert "expected_value" in "".join(lines)
    assert len([line for line in lines if re.match(r"\d{5}\s", line)]) == 5


def test_python_example_runs_and_prints_one_line_per_model(capsys):
    lines = run_example(PAGE, capsys)
    assert len(lines) == 2
    assert all(re.fullmatch(r"(BG/NBD|Tweedie) +bias [+-]\d+\.\d%  Gini 0\.\d{3}", line) for line in lines)


def test_every_option_of_the_table_is_an_option_of_train():
    train = typer.main.get_command(app).commands["train"]
    known = {name for parameter in train.params for name in parameter.opts}
    shown = re.findall(r"^\| `(--[a-z-]+)` \|", PAGE, re.M)
    assert len(shown) > 5
    assert set(shown) <= known
