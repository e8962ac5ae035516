"""Whatever comes in: one clear sentence, or a log and a quarantine that add up."""

import csv
import io
from decimal import Decimal

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cltv_ml.columns.questions import questions_of
from cltv_ml.data import clean, read
from cltv_ml.tables import TRANSACTIONS

FUZZ = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

awkward = st.sampled_from(
    [
        *("", " ", "NULL", "nan", "=cmd()", "+1", "@x", "🙂", "ä", "\u202e", "x" * 300),
        *("1e308", "-1e308", "1e15", "inf", "0", "-5", "5", "5.5", "1,5", "1.234,5", "$5"),
        *("2024-01-31", "31/01/2024", "01/31/2024", "01/02/24", "20240131", "2024-01-31T10:00:00Z"),
        *("2024-02-30", "9999-12-31", "0001-01-01", "a,b", 'a"b', "a\nb", "a;b", "'; drop table x"),
    ]
)
cell = st.one_of(
    awkward,
    st.none(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(timezones=st.none() | st.timezones()),
    st.decimals(allow_nan=False),
    st.text(max_size=5),
    st.binary(max_size=3),
)
HEADERS = [
    "customer_id",
    "timestamp",
    "amount",
    "order_id",
    "quantity",
    "unit_price",
    "discount",
    "rule",
    "amount",
]


def assert_adds_up(raw, rows):
    """The answer is one sentence, or each line is in the log or the quarantine and the money reconciles."""
    refusals = ()
    try:
        cleaned = clean(raw() if callable(raw) else raw)
    except ValueError as error:
        refusals = questions_of(error)
    if refusals:
        assert all("\n" not in question.text.strip() for question in refusals)
        return
    report = cleaned.report
    TRANSACTIONS.check(cleaned.log)
    assert (cleaned.log["amount"] >= 0).all()
    assert len(cleaned.log) + len(cleaned.quarantine) == report.rows_in
    assert cleaned.quarantine["reason"].notna().all()
    assert cleaned.quarantine["source_row"].is_unique
    parts = report.money_kept + report.money_quarantined + report.money_netted
    assert abs(report.money_in - parts) <= 1e-9 * abs(report.money_in) + 1e-4
    if rows is not None:
        assert report.rows_in == rows


@FUZZ
@given(st.lists(st.tuples(*[cell] * 5), min_size=1, max_size=8), st.permutations(range(9)))
def test_any_frame_is_refused_in_a_sentence_or_adds_up(rows, order):
    frame = pd.DataFrame(rows, columns=[HEADERS[number] for number in order[:5]], dtype=object)
    assert_adds_up(frame, len(frame))


@FUZZ
@given(st.lists(st.tuples(awkward, awkward, awkward, awkward), min_size=1, max_size=12))
def test_any_well_named_texts_are_refused_in_a_sentence_or_add_up(rows):
    rows = [*rows, ("known", "2024-01-31", "5", "1")]
    assert_adds_up(pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount", "quantity"]), len(rows))


@FUZZ
@given(
    st.lists(st.lists(awkward, max_size=5), min_size=1, max_size=8),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.sampled_from(",;\t|"),
)
def test_any_ragged_csv_is_refused_in_a_sentence_or_adds_up(tmp_path, rows, encoding, delimiter):
    text = io.StringIO()
    lines = [["customer_id", "timestamp", "amount"], ["known", "2024-01-31", "5"], *rows]
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(lines)
    path = tmp_path / "any.csv"
    path.write_bytes(text.getvalue().encode(encoding, errors="replace"))
    assert_adds_up(lambda: read(path), None)


@FUZZ
@given(st.binary(max_size=200), st.sampled_from(["x.csv", "x.gz", "x.zip", "x.parquet", "x.xlsx", "x.txt"]))
def test_any_bytes_are_refused_in_a_sentence_or_add_up(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    assert_adds_up(lambda: read(tmp_path / name), None)


@FUZZ
@given(st.text(max_size=40))
def test_any_name_of_a_source_is_refused_in_a_sentence(name):
    assert_adds_up(lambda: read(name), None)


def test_a_decimal_of_more_digits_than_the_engine_has_is_read_as_text():
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "timestamp": ["2024-01-31"] * 2,
            "amount": [Decimal("9.9999999999999999990E-20"), Decimal("1000000000000000000000")],
        }
    )
    cleaned = clean(read(frame))
    assert len(cleaned.log) + len(cleaned.quarantine) == 2
