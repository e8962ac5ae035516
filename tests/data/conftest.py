"""One database for the quick tests of reading: opening one takes as long as some twenty small queries."""

import pytest

from cltv_ml.engine import connect, within

#: Files whose tests open logs, which need databases of their own.
_LOGS = ("attributes", "behaviour", "earlier", "exports", "observed", "quality")


@pytest.fixture(scope="session")
def database():
    con = connect()
    con.execute("set threads = 1")
    return con


@pytest.fixture(autouse=True)
def in_one_database(request, database):
    """Give each quick test catalogs of its own in one database; long tests open databases of their own."""
    file = request.node.path.stem.removeprefix("test_data_")
    if file in _LOGS or request.node.get_closest_marker("long"):
        yield
        return
    with within(database):
        yield
