"""`cltv data check --interactive`."""

import pandas as pd
from typer.testing import CliRunner

from cltv_ml.cli import app


def test_interactive_asks_everything_and_writes_the_answers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame(
        {
            "customer": ["a", "b", "a"],
            "date": ["01/02/2025", "03/04/2025", "05/06/2025"],
            "sales": [1.0, 2.0, 3.0],
            "revenue": [2.0, 4.0, 6.0],
            "Is Return": ["N", "Y", "N"],
        }
    )
    frame.to_csv("orders.csv", index=False)
    asked = CliRunner().invoke(
        app,
        ["data", "check", "--data", "orders.csv", "--interactive"],
        input="nonsense\namount=revenue\n2\n1\n",
    )
    assert asked.exit_code == 0, asked.output
    assert "1 of 3" in asked.output
    assert "not one of the answers" in asked.output
    again = CliRunner().invoke(
        app, ["data", "check", "--data", "orders.csv", "--config", "mapping.toml", "--json"]
    )
    assert again.exit_code == 0, again.output
    assert '"money_kept": 12.0' in again.output
    assert 'refunded = ""' in (tmp_path / "mapping.toml").read_text()
