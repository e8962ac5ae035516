"""The small version of the speed benchmark: what became slower is found, noise is not."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from experiments.benchmark import speed
from experiments.benchmark.speed_cases import Case, used


def spin(seconds):
    """Use this many CPU seconds."""
    start = time.process_time()
    while time.process_time() - start < seconds:
        pass


@pytest.fixture
def one_case(monkeypatch, tmp_path):
    """A case of which ours takes twice the CPU of the other, and a baseline to write."""
    case = Case(
        "rows", "bare", lambda size, folder: {"cltv_ml": lambda: spin(0.02), "bare": lambda: spin(0.01)}
    )
    monkeypatch.setattr(speed, "CASES", {"spin": case})
    monkeypatch.setattr(speed, "SMALL", {"spin": 1})
    monkeypatch.setattr(speed, "BASELINE", tmp_path / "baseline.json")
    monkeypatch.setattr(speed, "TURN", 0.02)
    monkeypatch.setattr(speed, "PAUSE", 0)

    def baseline(ratio):
        speed.BASELINE.write_text(json.dumps({"spin": ratio}))

    return baseline


def test_a_ratio_as_in_the_baseline_passes(one_case):
    one_case(2.0)
    assert speed.check_small(say=lambda _: None) == []


def test_a_ratio_a_third_above_the_baseline_is_named(one_case):
    one_case(1.2)
    worse = speed.check_small(say=lambda _: None)
    assert len(worse) == 1
    assert "against the baseline of 1.20" in worse[0]


def test_a_busy_moment_of_the_machine_passes_and_is_measured_again(one_case, monkeypatch):
    one_case(2.0)
    ratios = iter([3.1, 2.9, 2.6, 2.1])
    monkeypatch.setattr(speed, "_ratio", lambda *_, **__: next(ratios))
    assert speed.check_small(say=lambda _: None) == []
    assert next(ratios, None) is None


def test_a_call_that_the_other_leaves_with_a_cold_cache_is_repeated(one_case, monkeypatch, tmp_path):
    last = []

    def work(name, cold):
        spin(0.001 + cold * (last[-1:] != [name]))
        last.append(name)

    works = {"cltv_ml": lambda: work("ours", 0.002), "bare": lambda: work("theirs", 0)}
    monkeypatch.setitem(speed.CASES, "spin", Case("rows", "bare", lambda size, folder: works))
    assert speed._ratio("spin", 1, tmp_path) < 1.5  # three times as much where each is called once


def test_cpu_seconds_do_not_count_waiting():
    wall, cpu = used(lambda: time.sleep(0.2))
    assert wall > 0.19
    assert cpu < 0.1


def test_a_process_tells_its_own_memory_not_that_of_the_one_that_started_it():
    large = np.ones(40_000_000)  # 305 MB, which the child would inherit from getrusage
    words = [sys.executable, "-c", "from experiments.benchmark.peers.memory import peak_mb; print(peak_mb())"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert 5 < float(told) < 100 < large.nbytes / 2**20
