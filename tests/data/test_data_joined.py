"""Dates, names and prices that several columns hold together, and columns that only look like customers."""

import pandas as pd
import pytest

from cltv_ml.data import clean, read
from cltv_ml.errors import InputError

DAYS = ["2024-01-05", "2024-02-06", "2024-03-07", "2024-04-08"]


def cleaned(**columns):
    return clean(read(pd.DataFrame({"date": DAYS, "amount": [10.0, 20, 30, 40]} | columns)))


def test_a_first_and_a_last_name_are_a_customer():
    names = {"First Name": ["Ann", "Ann", "Bob", "Ann"], "Last Name": ["Lee", "Moe", "Lee", "Lee"]}
    found = cleaned(**names)
    assert sorted(set(found.log["customer_id"])) == ["Ann Lee", "Ann Moe", "Bob Lee"]
    assert "customers with the same name count as one" in " ".join(found.report.notes)
    assert (
        read(pd.DataFrame(names | {"date": DAYS, "total": 5.0, "Email": list("abca")})).mapping["customer_id"]
        == "Email"
    )


def test_a_year_of_two_digits_and_a_month_are_a_date():
    frame = pd.DataFrame(
        {"Client": list("aba"), "Yr": [24, 24, 25], "Mth": ["Jan", "Dec", "Feb"], "Takings": [1.0, 2, 3]}
    )
    found = clean(read(frame)).log["timestamp"]
    assert [f"{day:%Y-%m}" for day in found] == ["2024-01", "2024-12", "2025-02"]


@pytest.mark.parametrize("heading", ["Card no", "CARD_NO", "Kartennummer"])
def test_the_number_of_a_card_names_a_customer_where_it_is_whole(heading):
    assert len(set(cleaned(**{heading: ["63011", "63022", "63033", "63011"]}).log["customer_id"])) == 3
    for masked in ("************1234", "XXXXXXXXXXXX1234", "1234"):
        with pytest.raises(InputError, match="no column found for customer_id"):
            cleaned(**{heading: [masked] * 4})


def test_a_price_for_a_hundred_items_is_divided():
    more = {
        "customer": list("abca"),
        "qty": [100, 2, 300, 4],
        "price": [50.0, 7, 50, 9],
        "Preiseinheit": [100, 1, 100, 1],
    }
    found = clean(read(pd.DataFrame({"date": DAYS} | more)))
    assert found.report.money_kept == 50 + 14 + 150 + 36
    assert "divided by 'Preiseinheit'" in " ".join(found.report.notes)


def test_statements_of_sql_are_named(tmp_path):
    path = tmp_path / "dump.csv"
    path.write_text("CREATE TABLE orders (\n id int);\n")
    with pytest.raises(InputError, match=r"dump of SQL without rows"):
        read(path)


@pytest.mark.parametrize(
    ("headings", "values", "day"),
    [(("Year", "Week"), (2024, 2), "2024-01-08"), (("Jahr", "Quartal"), (2024, "Q3"), "2024-07-01")],
)
def test_a_year_and_a_week_or_a_quarter_are_a_date(headings, values, day):
    found = clean(
        read(
            pd.DataFrame(
                {"customer": ["a"], headings[0]: values[:1], headings[1]: values[1:], "sales": [5.0]}
            )
        )
    )
    assert f"{found.log['timestamp'][0]:%Y-%m-%d}" == day
    assert "is dated to its first day" in " ".join(found.report.notes)


def test_days_without_a_year_are_named():
    with pytest.raises(InputError, match="days without a year, such as '05/01'"):
        cleaned(customer=list("abca"), date=["05/01", "06/02", "07/03", "08/04"])


def test_discounts_in_percent_are_shares():
    more = {
        "customer": list("abca"),
        "qty": [1, 2, 1, 4],
        "price": [10.0, 5, 20, 10],
        "Disc %": ["10%", "0%", "50%", "0%"],
    }
    frame = pd.DataFrame({"date": DAYS} | more)
    assert clean(read(frame)).report.money_kept == 9 + 10 + 10 + 40
    assert clean(read(frame, changes={"price_discounted": "false"})).report.money_kept == 9 + 10 + 10 + 40
    assert clean(read(frame, changes={"price_discounted": "true"})).report.money_kept == 80


def test_money_in_and_out_are_sides():
    more = {
        "Kunde": list("abca"),
        "Datum": DAYS,
        "Einnahme": [10.0, 20, 30, None],
        "Ausgabe": [None, None, None, 10.0],
    }
    with pytest.raises(InputError, match="'Einnahme' and 'Ausgabe' look like the two sides of a ledger"):
        read(pd.DataFrame(more))
    assert clean(read(pd.DataFrame(more), {"credit": "Ausgabe"})).report.money_kept == 50


def test_a_phone_number_is_a_customer_where_nothing_else_is():
    assert set(cleaned(Phone=["0171", "0172", "0173", "0171"]).log["customer_id"]) == {"0171", "0172", "0173"}
    assert (
        read(
            pd.DataFrame({"Phone": list("1231"), "Company": list("abca"), "date": DAYS, "total": 5.0})
        ).mapping["customer_id"]
        == "Company"
    )


def test_weeks_counted_from_a_start_are_no_dates():
    panel = pd.DataFrame(
        {"panel_id": ["p1", "p1", "p2"] * 10, "week": [1, 40, 104] * 10, "spent": [2.5, 3.0, 4.0] * 10}
    )
    with pytest.raises(InputError, match="'week' contains numbers, such as '1', and no dates"):
        clean(read(panel))
