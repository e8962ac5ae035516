"""Commands are measured with their whole family of processes."""

import os

from experiments.benchmark import whole_line


def test_a_command_that_ends_well_has_times_and_one_that_fails_its_last_line(tmp_path):
    wall, cpu, memory, note = whole_line._measured(["cltv_ml.cli", "--version"], tmp_path, dict(os.environ))
    assert wall > 0
    assert cpu > 0
    assert note == ""
    assert memory >= 0
    *_, note = whole_line._measured(["cltv_ml.cli", "train", "--horizon", "no"], tmp_path, dict(os.environ))
    assert note
    assert "value" not in whole_line._row("cltv train", wall, cpu, memory, note)


def test_what_is_served_again_and_again_is_a_program():
    compile(whole_line.SERVED, "served", "exec")
