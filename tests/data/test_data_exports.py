"""Generated exports of made-up shops: what differs from the truth is told or asked, never silent."""

import pytest

from tests.fuzz_exports import run


def assert_nothing_silent(cases, seed, folder):
    outcomes = list(run(cases, seed, folder))
    wrong = [
        f"case {number} of seed {seed}: {outcome.kind} {export.about}\n{outcome.questions} {outcome.detail}"
        for number, export, outcome in outcomes
        if outcome.kind in ("silent", "fault")
    ]
    assert not wrong, "\n".join(wrong)
    return outcomes


@pytest.mark.parametrize("cases", [range(2), range(2, 12)], ids=["first", "more"])
def test_no_generated_export_is_misread_in_silence(tmp_path, cases):
    outcomes = assert_nothing_silent(cases, 1, tmp_path)
    assert any(outcome.kind == "none" for *_, outcome in outcomes)


@pytest.mark.slow
def test_none_of_many_generated_exports_is_misread_in_silence(tmp_path):
    outcomes = assert_nothing_silent(range(300), 2, tmp_path)
    kinds = [outcome.kind for *_, outcome in outcomes]
    assert kinds.count("none") > kinds.count("asked")
