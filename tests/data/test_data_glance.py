"""What is counted at a glance is what the engine would count."""

import pandas as pd

from cltv_ml.data import glance
from cltv_ml.engine import connect, keep


def test_values_of_the_first_lines_are_counted_as_the_engine_counts_them():
    con = connect()
    values = ["b", "a", "a", None, "é", "Z", "ß", "😀", "", "b", "10", "9"]
    con.register("source", pd.DataFrame({"few": values, "many": map(str, range(12)), "none": [None] * 12}))
    table = keep(con, "table", "from source")
    texts = {name: f"cast({name} as varchar)" for name in table.kinds}
    first, whole = (count(table, texts, 10) for count in (glance._count_first, glance._count_all))
    assert {name: list(found.items()) for name, found in first.items()} == {
        name: list(found.items()) for name, found in whole.items()
    }
    assert list(first) == ["few"]
