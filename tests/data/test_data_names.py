"""No name of a source's column meets a name inside the engine."""

import re

import pandas as pd

from cltv_ml.data import clean, raw, read
from cltv_ml.engine import connect

ORDERS = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "b", None],
        "timestamp": ["05/01/2024", "25/01/2024", "2024-01-07T10:00:00Z", "2024-03-01", "2024-03-01"],
        "amount": ["1.234,50", "-4,50", "20,00", "x", "5,00"],
        "order_id": ["1", "2", "3", "4", "5"],
        "product_id": ["p", "p", "q", "q", "q"],
        "quantity": ["2", "-1", "1", "1", "1"],
        "unit_cost": ["1,00"] * 5,
        "currency": ["EUR"] * 5,
    }
)


class Listening:
    """A connection that keeps the SQL it runs."""

    def __init__(self, con, heard):
        self.con, self.heard = con, heard

    def __getattr__(self, name):
        return getattr(self.con, name)

    def execute(self, query, *rest):
        self.heard.append(query)
        return self.con.execute(query, *rest)

    def sql(self, query):
        self.heard.append(query)
        return self.con.sql(query)


def names_in_the_sql(monkeypatch):
    heard = []
    with monkeypatch.context() as patched:
        patched.setattr(raw, "connect", lambda *given: Listening(connect(*given), heard))
        clean(read(ORDERS, {name: name for name in ORDERS}))
    bare = re.sub(r"'(?:[^']|'')*'", " ", " ".join(heard))
    return sorted(
        {
            *re.findall(r"[a-z_]\w*", bare.lower()),
            *(name.replace('""', '"') for name in re.findall(r'"([^"]+)"', bare)),
        }
    )


def test_a_column_may_have_any_name_that_the_engine_uses(monkeypatch):
    names = names_in_the_sql(monkeypatch)
    assert {"source_row", "by_order", "lines", "rule"} <= set(names)
    expected = clean(read(ORDERS, {name: name for name in ORDERS}))
    wrong = []
    for start in range(0, len(names), 4 * len(ORDERS.columns)):
        given = dict(zip(ORDERS, names[start : start + len(ORDERS.columns)], strict=False))
        source = ORDERS.rename(columns=given)
        others = [name for name in names if name not in source]
        source = source.assign(**dict.fromkeys(others, "other")) if not start else source
        cleaned = clean(read(source, {name: given.get(name, name) for name in ORDERS}))
        if not cleaned.log.equals(expected.log) or len(cleaned.quarantine) != len(expected.quarantine):
            wrong.append(given)
    assert not wrong


def test_a_broken_line_stands_beside_a_column_called_line(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("Line,Customer,Date,Amount\n1,a,2024-01-05,1.50\n2,a,2024-01-06,2.50,oops\n")
    quarantine = clean(read(path)).quarantine
    assert quarantine["line"].tolist() == ["2,a,2024-01-06,2.50,oops"]
    assert quarantine["Line_source"].isna().all()
