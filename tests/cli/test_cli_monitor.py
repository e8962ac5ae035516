"""What `cltv monitor` prints, in which order, and how it ends."""

import pandas as pd
import pytest

from cltv_ml import cli
from cltv_ml.evaluation.batch_outcome import Check
from cltv_ml.pipelines.monitor import MonitorReport


def test_the_verdict_stands_first_then_why_then_what_held(monkeypatch, capsys):
    checks = [
        Check("coverage", 0.8, "ok", "Intervals held 80%."),
        Check("bias", 0.3, "watch", "30% too high."),
    ]
    report = MonitorReport("watch", checks, *[pd.DataFrame()] * 4, notes=["Drift is not measured."])
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("cltv_ml.pipelines.monitor", lambda *_, **__: report)
    with pytest.raises(SystemExit) as ended:
        cli.main(["monitor", "--data", "orders.csv"])
    assert ended.value.code == 3
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "Verdict",
        "Reason",
        "Kept",
        "Note",
        "Page",
    ]
