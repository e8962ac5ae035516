"""Placeholder customers: what the bytes of all identifiers rule out need not be looked for."""

import duckdb
import pandas as pd

from cltv_ml.columns.text_bytes import Signs, signs_of
from cltv_ml.data import clean, read
from cltv_ml.data.placeholders import NUMBERS, WORDS, _spelled, _suspects
from cltv_ml.engine import connect, keep

LISTED = sorted({*_spelled(WORDS), *NUMBERS})
ODD = ["Guest 12", "ゲスト12", "test user 3", "a@example.com", "***", "[]", "12345", "ann"]


def test_no_placeholder_is_missed_for_the_bytes_of_a_column():
    con, seen = connect(), 0
    for names in [*([name] for name in ODD), *([name] for name in LISTED[::120]), ["C0012", "0"]]:
        texts = duckdb.ConstantExpression(names)
        table = keep(con, "lines", f"select unnest({texts}) as customer_id, 1 as money, false as is_return")
        found, wanted = (
            suspects.rows(f"from {suspects} order by all") if suspects else []
            for suspects in (
                _suspects(table, str(table), signs) for signs in (signs_of("customer_id", table), Signs.any())
            )
        )
        assert found == wanted
        seen += len(wanted)
    assert seen == len(ODD[:6]) + len(LISTED[::120]) + 1  # the last two names are customers, and so is C0012


def test_letters_that_were_decoded_wrongly_are_told():
    lines = pd.DataFrame(
        {"customer_id": ["J\u00c3\u00bcrgen", "Jürgen"], "date": "2024-01-31", "amount": 1.0}
    )
    assert any("'Jürgen'; the same name in its own letters" in note for note in clean(lines).report.notes)
    assert not any("decoded" in note for note in clean(lines[1:]).report.notes)


def test_masked_ids_are_told():
    for masked in ("****1234", "A*** B**", "c***@example.com", "XXXX-XXXX-1004"):
        lines = pd.DataFrame({"customer_id": ["Bea", masked], "date": "2024-01-31", "amount": 1.0})
        notes = clean(read(lines)).report.notes
        assert any("1 of 2 sampled customers have masked ids" in note for note in notes), masked
    lines = pd.DataFrame({"customer_id": ["Bea", "****"], "date": "2024-01-31", "amount": 1.0})
    assert not any("masked" in note for note in clean(read(lines)).report.notes)


def test_an_id_with_many_addresses_is_told_next_to_the_column_that_tells_them_apart():
    lines = pd.DataFrame(
        {
            "Order ID": range(24),
            "Date": pd.date_range("2024-01-05", periods=24, freq="9D"),
            "User ID": [["WEB", "u1", "u2", "u3"][row % 4] for row in range(24)],
            "E-mail": [f"g{row}@a.example" if row % 4 == 0 else f"u{row % 4}@a.example" for row in range(24)],
            "Total": [20.0 + row for row in range(24)],
        }
    )
    told = "The 6 lines of customer 'WEB' in the first lines have 6 different values in 'E-mail'"
    assert any(told in note for note in read(lines).notes)
    assert not any("different values" in note for note in read(lines[lines["User ID"] != "WEB"]).notes)
