"""Forms of identifiers: what the bytes of a column rule out need not be looked for."""

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from cltv_ml.columns import identifiers
from cltv_ml.columns.identifiers import FORMS, count_forms, damage
from cltv_ml.columns.parse import _NOTHING
from cltv_ml.columns.text_bytes import signs_of
from cltv_ml.engine import connect, keep

#: Pieces that the tests of identifiers look for, alone and put together.
PIECES = [
    *[
        "",
        " ",
        "\t",
        "\n",
        "\r",
        "a",
        "N",
        "n",
        "-",
        "1",
        "0",
        ".0",
        ".00",
        ".000",
        "@",
        "A@b.c",
        "E+",
        "1.2E+11",
    ],
    *["null", "NaN", "<na>", "#N/A", "\\N", "(null)", "1234567890123450", "é", "e\u0301", "\u00a0", "\u200b"],
]
CON = connect()


def _counts(texts):
    """Return the forms found as they are looked for, and where every form is looked for."""
    table = keep(CON, "texts", f"select unnest({duckdb.ConstantExpression(texts)}::varchar[]) as v")
    every, kept = [*FORMS, "nothing", *damage("v")], identifiers._possible_forms
    signs = signs_of("v", table)
    found = count_forms("v", table, _NOTHING, signs)
    identifiers._possible_forms = lambda signs: every
    try:
        return found, count_forms("v", table, _NOTHING, signs)
    finally:
        identifiers._possible_forms = kept


def test_no_form_of_one_text_is_missed_for_its_bytes():
    for text in PIECES:
        found, all_looked_for = _counts([text])
        assert found == all_looked_for, text


@given(st.lists(st.none() | st.lists(st.sampled_from(PIECES), max_size=3).map("".join), max_size=3))
@settings(max_examples=40, deadline=None)
def test_no_form_is_missed_for_the_bytes_of_a_column(texts):
    found, all_looked_for = _counts(texts)
    assert found == all_looked_for
