"""One thread per library: small fits are faster so, and tests may share the machine.

Property tests draw the same examples on every machine.
"""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """The database of an empty MLflow store, created once."""
    from cltv_ml.tracking import sqlite_store

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    sqlite_store.create(path)
    return path


@pytest.fixture
def store(empty_store, tmp_path, monkeypatch):
    """An empty MLflow store for one test."""
    import mlflow

    from cltv_ml.tracking import store as mlflow_store

    shutil.copy(empty_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    before = mlflow.get_tracking_uri()
    yield mlflow_store.open_store()
    mlflow.set_tracking_uri(before)


#: Files, or single tests, that take more than ten seconds: `make test` leaves them out, `make test-all` and CI do not.
LONG = (
    "data/test_data_cases.py::test_each_small_export_is_read_right_or_asked_about",
    "data/test_data_formats.py::test_every_example_is_read_to_its_value",
    "decisions/test_decisions_past_campaign.py::test_the_estimates_of_each_policy_cover_what_it_would_have_earned",
    "integration/test_act.py",
    "integration/test_backtest_command.py",
    "integration/test_faults.py::test_a_terminated_training_ends_its_run_as_failed_and_writes_nothing",
    "integration/test_figures.py",
    "integration/test_project_run.py",
    "integration/test_score_faults.py::test_a_process_killed_outright_is_continued_and_gives_the_same_file",
    "integration/test_train.py::test_a_horizon_whose_season_the_log_has_not_seen_is_said_so",
    "integration/test_train_options.py",
    "integration/test_tune.py::test_a_kill_loses_only_the_running_trial_and_the_rest_is_as_if_uninterrupted",
    "models/test_models_fuzz.py",
    "models/test_models_hybrid.py::test_each_cutoff_is_valued_by_a_model_of_its_own_customers",
    "models/test_models_mbg_cnbd.py::test_the_unit_of_time_does_not_choose_k",
    "pipelines/test_pipelines_forecast.py",
    "pipelines/test_pipelines_promote.py::test_a_campaigns_profit_decides_where_it_is_asked_for",
    "pipelines/test_pipelines_promote.py::test_the_better_challenger_is_promoted_and_the_move_is_logged",
    "reporting/test_certainty.py",
    "reporting/test_report_browser.py",
    "reporting/test_scenarios_browser.py",
    "tracking/test_tracking_registry.py::test_two_promotions_at_once_leave_one_consistent_result",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark the tests of `LONG`."""
    for item in items:
        name = item.nodeid.removeprefix("tests/").split("[")[0]
        if name in LONG or name.split("::")[0] in LONG:
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory):
    """A server of our own on loopback; PostgreSQL refuses to run as root, so it runs as user postgres."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("PostgreSQL's server binaries are not installed (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="the extra 'postgres' is not installed")
    folder = Path("/tmp", f"cltv_postgres_{tmp_path_factory.getbasetemp().name}")
    as_owner = ["runuser", "-u", "postgres", "--"] if Path.home() == Path("/root") else []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(program, *arguments):
        command = [*as_owner, str(binaries[-1].with_name(program)), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/")

    run("initdb", "-D", str(folder), "-U", "shop", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -h 127.0.0.1 -k {folder} -F"
    run("pg_ctl", "-D", str(folder), "-w", "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://shop:hush-hush@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", str(folder), "-m", "immediate", "stop")
        shutil.rmtree(folder)
