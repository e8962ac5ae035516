"""Rates of currencies by day, and questions answered in the terminal."""

import pandas as pd
import pytest

from cltv_ml.data import answer, change_rules, clean, read
from cltv_ml.errors import InputError

TABLE = "date,currency,rate\n2025-01-01,USD,0.90\n2025-01-10,USD,0.80\n2025-01-01,GBP,1.20\n"


def sales(*lines):
    return pd.DataFrame(lines, columns=["customer", "date", "amount", "currency"])


def cleaned(frame, tmp_path, table=TABLE, rates=("EUR:1",)):
    (tmp_path / "rates.csv").write_text(table)
    raw = read(frame, changes={"rates": [str(tmp_path / "rates.csv"), *rates]})
    return clean(raw)


def test_a_line_takes_the_latest_rate_not_after_its_day(tmp_path):
    frame = sales(
        ("a", "2025-01-09", 100, "USD"),
        ("a", "2025-01-10", 100, "usd"),
        ("b", "2025-03-01", 10, "GBP"),
        ("b", "2025-03-02", 5, "EUR"),
    )
    result = cleaned(frame, tmp_path)
    assert result.log["amount"].tolist() == [90.0, 80.0, 12.0, 5.0]
    assert any("rates.csv" in note for note in result.report.notes)


def test_lines_older_than_the_first_rate_are_asked_about(tmp_path):
    with pytest.raises(InputError, match="1 line is dated before the first rate"):
        cleaned(sales(("a", "2024-12-31", 100, "USD"), ("a", "2025-01-10", 100, "EUR")), tmp_path)


def test_a_currency_without_any_rate_is_asked_about(tmp_path):
    with pytest.raises(InputError, match="there is no rate for 'JPY'"):
        cleaned(sales(("a", "2025-01-31", 100, "USD"), ("a", "2025-01-10", 100, "JPY")), tmp_path)


def test_a_broken_table_of_rates_is_refused(tmp_path):
    frame = sales(("a", "2025-01-31", 100, "USD"), ("a", "2025-01-10", 100, "EUR"))
    for table, words in (
        (TABLE.replace("0.90", "-1"), "no positive rate"),
        ("a,b\n1,2\n", "columns date, currency and rate"),
    ):
        with pytest.raises(InputError, match=words):
            cleaned(frame, tmp_path, table)
    raw = read(frame, changes={"rates": "nowhere.csv"})
    with pytest.raises(InputError, match="does not exist"):
        clean(raw)


def test_one_run_asks_all_that_is_open():
    frame = pd.DataFrame(
        {
            "customer": ["a", "b"],
            "date": ["01/02/2025", "03/04/2025"],
            "total": ["1.250", "2.500"],
            "revenue": ["1.250", "2.500"],
            "status": ["B7", "paid"],
            "Is Return": ["Y", "N"],
        }
    )
    with pytest.raises(InputError) as asked:
        read(frame)
    for words in ("could each be the amount", "Is Return", "day_first", "'B7'"):
        assert words in str(asked.value)


def test_answers_lead_to_the_truth():
    frame = pd.DataFrame(
        {
            "customer": ["a", "b"],
            "date": ["01/02/2025", "03/04/2025"],
            "net": [1.0, 2.0],
            "gross": [2.0, 4.0],
            "status": ["B7", "paid"],
        }
    )
    mapping, rules = answer(["amount=gross", "day_first=true", "status=B7:counts"], {}, {})
    result = clean(read(frame, mapping, changes=rules))
    assert result.report.money_kept == 6.0
    assert result.log["timestamp"].dt.month.tolist() == [2, 4]
    assert change_rules(read(frame, mapping, changes=rules).rules, {}).day_first is True
