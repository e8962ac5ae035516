"""One thread per library: small fits are faster so, and tests may share the machine.

Property tests draw the same examples on every machine.
"""

import atexit
import gc
import os
import shutil
import socket
import subprocess
import uuid
from collections import defaultdict
from contextvars import ContextVar
from pathlib import Path

import hypothesis
import pytest
from _pytest.doctest import DoctestModule

from tests.long_tests import FIRST_CASE, FIRST_TESTS, LONG, READERS

os.environ.setdefault("OMP_NUM_THREADS", "1")

#: Folders whose files share a training, or other results that take seconds.
SHARING = {"tests/actions", "tests/integration", "tests/reporting"}

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def quick(request):
    """Whether no long or slow test was selected."""
    marks = ("long", "slow", "spark")
    return not any(item.get_closest_marker(mark) for item in request.session.items for mark in marks)


@pytest.fixture(scope="session", autouse=True)
def one_database(quick):
    """Give quick tests catalogs in one database: to open one takes as long as some twenty small queries."""
    from cltv_ml.engine import connect, within

    if not quick:
        yield
        return
    database = connect()
    database.execute("set threads = 1")
    with within(database):
        yield


@pytest.fixture
def own_databases(monkeypatch):
    """Let a test open databases of its own."""
    monkeypatch.setattr("cltv_ml.engine._shared_database", ContextVar("_own", default=None))


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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give all files of a folder to one worker where they share what the folder's conftest trains or computes."""
    from xdist.scheduler import LoadFileScheduling

    class ByFolder(LoadFileScheduling):
        def _split_scope(self, nodeid):
            folder = nodeid.rpartition("::")[0].rpartition("/")[0]
            return folder if folder in SHARING else super()._split_scope(nodeid)

    return ByFolder(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file():
    """Look for doctests in the package only: the tests hold none, and to look takes seconds."""
    return [collector for collector in (yield) if not isinstance(collector, DoctestModule)]


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for no garbage while tests are collected: all of it stays, and each search goes through the libraries."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Mark the tests of `LONG`, the later cases of those of `FIRST_CASE`, and the later tests of `READERS`."""
    named = {Path(argument.split("::")[0]).name for argument in config.args}
    seen, first = set(), defaultdict(set)
    for item in items:
        name, case, _ = item.nodeid.removeprefix("tests/").partition("[")
        file = name.partition("::")[0]
        if name in FIRST_CASE and not case:
            raise pytest.UsageError(f"{name} has one case; name it in LONG.")
        long = name in LONG or file in LONG or (name in FIRST_CASE and name in seen)
        if not long and file.startswith(READERS) and not named.intersection(file.split("/")[-2:]):
            if len(first[file]) < FIRST_TESTS:
                first[file].add(name)
            long = name not in first[file]
        if long:
            item.add_marker(pytest.mark.long)
        seen.add(name)


@pytest.fixture(scope="session")
def postgres_url():
    """A server of our own on loopback; PostgreSQL refuses to run as root, so it runs as user postgres."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("PostgreSQL's server binaries are not installed (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="the extra 'postgres' is not installed")
    # A server that was killed leaves its folder behind, so no two may share a name.
    folder = Path("/tmp", f"cltv_postgres_{uuid.uuid4().hex}")
    as_owner = ["runuser", "-u", "postgres", "--"] if Path.home() == Path("/root") else []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(program, *arguments):
        command = [*as_owner, str(binaries[-1].with_name(program)), *arguments]
        done = subprocess.run(command, capture_output=True, cwd="/", text=True)
        assert done.returncode == 0, done.stderr

    run("initdb", "-D", str(folder), "-U", "shop", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -h 127.0.0.1 -k {folder} -F"
    run("pg_ctl", "-D", str(folder), "-w", "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://shop:hush-hush@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", str(folder), "-m", "immediate", "stop")
        shutil.rmtree(folder)
