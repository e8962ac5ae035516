"""What is counted at a glance is what the engine would count."""

from collections import Counter

import pandas as pd

from cltv_ml.columns import glance
from cltv_ml.data import read
from cltv_ml.engine import Relation, connect, keep
from cltv_ml.sources.frames import MARK


def test_texts_are_counted_as_a_loop_counts_them_the_most_frequent_first():
    con = connect()
    values = ["b", "a", " a", None, "é", "Z", "ß", "😀", "", "b", "10", "9"]
    columns = {"few": values, "many": map(str, range(12)), "none": [None] * 12}
    con.register("source", pd.DataFrame(columns).add_prefix(MARK))
    table = keep(con, "table", "from source")
    filled = Counter(value.strip() for value in values if value is not None)
    nulls = Counter((value or "").strip() for value in values)
    for blanks, expected, empty in ((False, filled, {}), (True, nulls, {"none": {"": 12}})):
        counted = glance.count_values(table, columns, 10, "trim(value)", blanks=blanks)
        few = sorted(expected.items(), key=lambda pair: (-pair[1], pair[0]))
        assert list(counted.pop("few").items()) == few
        assert counted == empty


def test_values_that_come_late_are_counted_and_many_are_left_out():
    con = connect()
    rows = 3000
    con.register(
        "source",
        pd.DataFrame(
            {
                "late": [None] * 2500 + ["EUR"] * 500,
                "many": [str(row) for row in range(rows)],
                "many_late": ["a"] * 2500 + [str(row) for row in range(500)],
                "few": ["x", "y"] * 1500,
            }
        ).add_prefix(MARK),
    )
    table = keep(con, "table", "from source")
    counted = glance.count_values(table, ["late", "many", "many_late", "few"], 10, "value")
    assert counted == {"late": {"EUR": 500}, "few": {"x": 1500, "y": 1500}}


def test_columns_that_mean_nothing_cost_no_query_of_their_own(monkeypatch):
    asked = []
    ask = Relation.rows
    monkeypatch.setattr(Relation, "rows", lambda self, query: asked.append(query) or ask(self, query))

    def queries(columns):
        asked.clear()
        lines = {
            "order_id": range(60),
            "customer_id": [f"c{row % 20}" for row in range(60)],
            "date": pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d"),
            "amount": [9.5, 12.0, 30.25] * 20,
        }
        other = {f"x{column}": ["a", "b", "3", None, "2024-01-01", "z"] * 10 for column in range(columns)}
        raw = read(pd.DataFrame(lines | other))
        assert len(raw.unused) == columns
        return len(asked)

    assert queries(40) <= queries(5)


def test_many_columns_of_numbers_are_read_as_each_alone_in_three_queries(monkeypatch):
    columns = {
        "comma": ["1,5", "2.000,25"], "dot": ["1.5", "2,000.25"], "open": ["1.234", "12"], "both": ["1,50", "1.50"],
        "plain": ["7", "8"], "words": ["x", "nan"], "none": [None, None], "whole": [1, 2],
    }  # fmt: skip
    frame = pd.DataFrame(columns | {"customer_id": ["a", "b"], "day": ["2024-01-02"] * 2})
    table = read(frame, {"customer_id": "customer_id", "timestamp": "day", "amount": "whole"}).table
    alone = [glance.Glance(table, list(columns)).number(column) for column in columns]
    table.found.clear()
    together, asked = glance.Glance(table, list(columns)), []
    rows = Relation.rows
    monkeypatch.setattr(Relation, "rows", lambda self, query: asked.append(query) or rows(self, query))
    assert together.numbers(list(columns)) == alone
    assert len([query for query in asked if "unpivot" in query]) == len(asked) == 3
