"""One database for the quick tests of reading: opening one takes as long as some twenty small queries."""

import pytest

from cltv_ml.engine import connect, within

#: Files whose tests read and clean, and open no log, which needs a database of its own.
_READING = (
    "bundles by_hand calendars clean compact datev days discounts dumps documents duplicates first_values free "
    "fresh_exports grouped hints joined kinds languages layout ledger mapping markup netting order_credits "
    "other_trades overlooked parse parts platforms rates sales scale sides sources statements ties tills totals "
    "unexplained unsigned workbooks writing"
)


@pytest.fixture(scope="session")
def database():
    con = connect()
    con.execute("set threads = 1")
    return con


@pytest.fixture(autouse=True)
def in_one_database(request, database):
    """Give each quick test catalogs of its own in one database; long tests open databases of their own."""
    file = request.node.path.stem.removeprefix("test_data_")
    if file not in _READING.split() or request.node.get_closest_marker("long"):
        yield
        return
    with within(database):
        yield
