"""What README shows works."""

import re
from pathlib import Path

import pytest
import typer

from cltv_ml.cli import app

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_python_example_runs_and_prints_one_line_per_model(capsys):
    exec(compile(re.search(r"```python\n(.*?)```", README, re.S)[1], "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(r"(BG/NBD|Tweedie) +bias [+-]\d+\.\d%  Gini 0\.\d{3}", line) for line in lines)


@pytest.mark.parametrize(
    "option", ["--data", "--mapping", "--cutoff", "--horizon", "--out", "--experiment", "--config"]
)
def test_every_option_of_the_table_is_an_option_of_train(option):
    train = typer.main.get_command(app).commands["train"]
    assert option in {name for parameter in train.params for name in parameter.opts}
    assert f"| `{option}` |" in README
