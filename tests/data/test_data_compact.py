"""Dates of six or eight digits: the whole column says which are day, month and year, else the user is asked."""

from datetime import date, timedelta

import pandas as pd
import pytest

from cltv_ml.data import clean, read
from cltv_ml.errors import InputError

DAYS = [date(2024, 1, 5) + timedelta(days=9 * number) for number in range(12)]


def days_of(texts, **changes):
    frame = pd.DataFrame({"customer_id": "a", "date": texts, "amount": [1.5 + n for n in range(len(texts))]})
    return clean(read(frame, changes=changes or None)).log["timestamp"].dt.date.tolist()


def test_the_column_says_which_digits_are_the_day():
    wrong = []
    for form in ("%d%m%Y", "%m%d%Y", "%d%m%y", "%m%d%y", "%y%m%d", "%Y%m%d"):
        texts = [day.strftime(form) for day in DAYS]
        for written in (texts, [int(text) for text in texts]):  # a number loses its first zero
            wrong += [(form, written)] if days_of(written) != DAYS else []
    assert not wrong


def test_digits_that_may_be_two_days_are_asked_about_by_the_name_of_the_rule():
    texts = ["01022024", "02032024", "05042024"]
    with pytest.raises(InputError, match=r"'01022024' could be day 1 of month 2 or .*--rule day_first=true"):
        days_of(texts)
    assert days_of(texts, day_first=True)[0] == date(2024, 2, 1)
    assert days_of(texts, day_first=False)[0] == date(2024, 1, 2)


def test_years_with_their_month_are_read_as_its_first_day_and_told():
    for heading, months in (
        ("period", [202401, 202403, 202411, 202412]),
        ("yyyymm", ["201001", "201002", "201103", "201012"]),
    ):
        frame = pd.DataFrame({"customer": list("abca"), heading: months, "amount": [1.0, 2, 3, 4]})
        cleaned = clean(read(frame))
        assert sorted(cleaned.log["timestamp"].dt.strftime("%Y%m%d")) == sorted(
            f"{month}01" for month in months
        )
        assert "months without a day" in " ".join(cleaned.report.notes)


def test_digits_that_end_alike_may_be_days_and_are_no_months():
    with pytest.raises(InputError):
        days_of(["200101", "200201", "200301"])
