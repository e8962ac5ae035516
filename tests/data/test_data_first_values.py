"""The first values of a source: what is read here is what the engine reads."""

import random

import pandas as pd
import polars
import pyarrow as pa
import pytest

from cltv_ml.columns import kinds
from cltv_ml.columns.kinds import _read_first_texts
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.data import clean, read
from cltv_ml.engine import connect, keep, literals

TEXTS = (
    "a|c1|C_12|x12|k-7|Rs5|EUR|EUR 5|inf|-|n/a|12%|€|½|jan|jan24|0|-5|007|9999|12.2024|1.234|12,5|1e3|-0.0|18264|"
    "20240131|1706659200|5-|2024-01-31|2024-02-30|2024-13-01|2024-01-31 23:59|2024-01-31T24:00|31.01.2024|1899-12-31"
)


def read_by_engine(con, texts):
    """Read texts as the engine does, all of them at once."""
    table = keep(con, "texts", f"select unnest([{literals(texts)}]) as {quote('value')}")
    columns = Columns(table, Rules(), ask=False)
    return {
        text: (number, time)
        for text, number, time in table.rows(
            f"select {quote('value')}, {columns.number('value')}, {columns.timestamp('value')} is not null from {table}"
        )
    }


def test_what_needs_no_engine_is_read_as_the_engine_reads_it():
    con, draw = connect(), random.Random(1)
    for _ in range(12):
        texts = [*draw.sample(TEXTS.split("|"), 8), f"{draw.randint(-9999, 9999)}.{draw.randint(0, 99)}"]
        alone = [[text] for text in texts if text in ("9999", "c1", "2024-01-31")]
        for some in [texts, *alone]:
            assert _read_first_texts(keep(con, "rows", "select 1 as one"), set(some)) == read_by_engine(
                con, some
            ), some


def test_rows_are_counted_again_after_a_change():
    table = keep(connect(), "rows", "select unnest([1, 2, 3]) as n")
    assert table.count() == 3
    table.change(f"delete from {table} where n = 2")
    assert table.count() == 2


LATE = pd.DataFrame(
    {"customer": list("abc"), "date": "2024-01-31", "order_id": ["1", "2", "3"], "total": [4.0, 5.0, 6.0]}
)


@pytest.mark.parametrize(
    ("heading", "value"), [("Refunded Amount", "6"), ("Cancelled at", "2024-02-01"), ("Outcome", "refunded")]
)
def test_a_column_that_is_blank_on_the_first_lines_is_read_where_it_begins(monkeypatch, heading, value):
    monkeypatch.setattr(kinds, "FIRST", 2)
    for blank in ("", None):
        assert clean(LATE.assign(**{heading: [blank, blank, value]})).report.money_kept == 9.0, blank


def test_what_is_not_a_number_is_missing_in_tables_of_any_library(tmp_path):
    refunds = pa.array([float("nan"), 5.0, float("nan")])
    table = pa.Table.from_pandas(LATE, preserve_index=False).append_column("Refunded Amount", refunds)
    polars.from_arrow(table).write_parquet(tmp_path / "sales.parquet")
    for source in (table, tmp_path / "sales.parquet"):
        assert clean(read(source)).report.money_kept == 10.0
