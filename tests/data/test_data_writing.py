"""How shops, tills and spreadsheets write numbers, dates and identifiers, each with what it stands for."""

from datetime import datetime

import duckdb
import pyarrow as pa
import pytest

from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import QuestionsError
from cltv_ml.columns.rules import Rules
from cltv_ml.engine import lend
from cltv_ml.sources.frames import MARK


def opened(values, rules=None):
    con = duckdb.connect()
    table = pa.table({f"{MARK}x": pa.array(values), "source_row": range(len(values))})
    return Columns(lend(con, "rows", table), rules or Rules())


def values_of(columns, expression):
    query = f"select {expression} from {columns.table} order by source_row"
    return [value for (value,) in columns.table.rows(query)]


def numbers(values, **rules):
    columns = opened(values, Rules(**rules))
    return values_of(columns, columns.number("x"))


def days(values, **rules):
    columns = opened(values, Rules(**rules))
    return [value and f"{value:%Y-%m-%d}" for value in values_of(columns, columns.timestamp("x"))]


def times(values, **rules):
    columns = opened(values, Rules(**rules))
    return values_of(columns, columns.timestamp("x"))


def identifiers(values, **rules):
    columns = opened(values, Rules(**rules))
    return values_of(columns, columns.identifier("x")), columns.notes


def assert_each(read, expected):
    wrong = [(given, read(given), right) for given, right in expected if read(given) != right]
    assert not wrong


def test_the_decimal_sign_is_decided_by_the_column_as_a_whole():
    assert_each(
        lambda given: numbers(list(given)),
        [
            (("1.250", "980", "20.500"), [1250, 980, 20500]),
            (("1,250", "980", "20,500"), [1250, 980, 20500]),
            (("1.250", "12,50"), [1250, 12.5]),
            (("1,250", "12.50"), [1250, 12.5]),
            (("1.250.000", "7.500"), [1250000, 7500]),
            (("1.250", "0.500"), [1.25, 0.5]),
            (("1.250", "12345.500"), [1.25, 12345.5]),
            (("1,23,456.00", "7,500"), [123456, 7500]),
            (("12,34,567", "7,500"), [1234567, 7500]),
            (("1 250", "12 500"), [1250, 12500]),
            (("1'250.50", "980"), [1250.5, 980]),
            (("1.5", "2.25"), [1.5, 2.25]),
        ],
    )


@pytest.mark.parametrize(
    "values",
    [["1.250", "20.500"], ["1,250", "20,500"], ["1.234", "980"], ["1.250", "12500"], ["1.250", "3,250"]],
)
def test_a_sign_in_doubt_is_asked_about(values):
    with pytest.raises(ValueError, match=r"could be .*Choose the decimal|contains both"):
        numbers(values)
    assert numbers(values, decimal=",")[0] == float(values[0].replace(".", "").replace(",", "."))
    assert numbers(values, decimal=".")[0] == float(values[0].replace(",", ""))


def test_the_rule_is_obeyed_also_where_every_text_casts():
    assert numbers(["1.250", "980"], decimal=",") == [1250, 980]
    assert numbers(["1.250", "980"], decimal=".") == [1.25, 980]
    assert numbers(["12.50", "1.250"], decimal=",") == [None, 1250]


def test_a_dash_for_no_cents_is_no_minus():
    assert numbers(["99,-", "1.299,-", "€ 49,--", "7,50"]) == [99, 1299, 49, 7.5]
    assert numbers(["CHF 99.-", "1'299.–", "49.—", "7.50"]) == [99, 1299, 49, 7.5]
    assert numbers(["99:-", "Rs. 1,23,456/-", "-5.- €", "5.00-"]) == [99, 123456, -5, -5]


def test_currencies_and_minus_signs_are_read_wherever_they_stand():
    written = [
        "R$ 1.234,50",
        "1.234,50 kr",
        "kr. 1.234,50",
        "1 234,50 zł",
        "€ 1.234,50",
        "EUR 1.234,50",
        "1.234,50 eur",
        "CHF 1'234,50",
        "1.234,50 Ft",
        "1 234,50 Kč",
        "US$1.234,50",
        "Rs.1.234,50",
        "₺1.234,50",
    ]
    assert numbers(written) == [1234.5] * len(written)
    negative = [
        "-5,00 €",
        "−5,00",
        "–5,00 €",
        "(5,00)",
        "(€5,00)",
        "5,00-",
        "€ -5,00",
        "-€5,00",
        "5,00 € -",
        "- 5,00",
    ]
    assert numbers(negative) == [-5] * len(negative)
    assert numbers(["12 50", "1,5 apples", "5,00"]) == [None, None, 5]


@pytest.mark.parametrize("values", [["$5.00", "€5.00"], ["5,00 kr", "5,00 zł"], ["usd 5", "GBP 5"]])
def test_amounts_of_several_currencies_are_asked_about(values):
    with pytest.raises(ValueError, match="several currencies"):
        opened(values).check_one_currency("x")


def test_one_currency_may_be_written_in_several_ways():
    opened(["5 €", "EUR 5", "eur 5", "5", "-€5"]).check_one_currency("x")
    columns = opened(["usd", "USD", "€", " Rs. "])
    assert values_of(columns, columns.currency("x")) == ["USD", "USD", "EUR", "INR"]


def test_the_order_of_short_dates_is_decided_by_the_column_as_a_whole():
    assert_each(
        lambda given: days(list(given)),
        [
            (("25-01-05", "25-02-14", "25-03-30"), ["2025-01-05", "2025-02-14", "2025-03-30"]),
            (("05-01-25", "14-02-25", "02-06-25"), ["2025-01-05", "2025-02-14", "2025-06-02"]),
            (("01-05-25", "02-14-25", "06-02-25"), ["2025-01-05", "2025-02-14", "2025-06-02"]),
            (("01/05/98", "02/14/99", "06/02/02"), ["1998-01-05", "1999-02-14", "2002-06-02"]),
            (("31.12.97", "01.02.03"), ["1997-12-31", "2003-02-01"]),
            (
                ("25.01.05", "25.02.14", "25.06.02", "25.03.30"),
                ["2025-01-05", "2025-02-14", "2025-06-02", "2025-03-30"],
            ),
            (("13/02/2024", "01/02/2024"), ["2024-02-13", "2024-02-01"]),
            (("02/13/2024", "01/02/2024"), ["2024-02-13", "2024-01-02"]),
            (("05-JAN-25", "14-Feb-98", "1-mar-2025"), ["2025-01-05", "1998-02-14", "2025-03-01"]),
        ],
    )


def test_short_dates_in_doubt_are_asked_about_and_the_rules_obeyed():
    with pytest.raises(ValueError, match=r"'05-01-25' could be 2025-01-05 .*day_first=true.*year_first=true"):
        days(["05-01-25"])
    assert days(["05-01-25"], year_first=True) == ["2005-01-25"]
    assert days(["05-01-25"], day_first=True) == ["2025-01-05"]
    assert days(["05-01-25"], day_first=False) == ["2025-05-01"]


def test_one_wrong_date_among_many_does_not_decide():
    assert days(["13/02/2024"] * 300 + ["02/13/2024"])[-2:] == ["2024-02-13", None]


def test_dates_with_names_of_months_are_read_in_seven_languages():
    written = [
        "5 Mar 2025",
        "5. März 2025",
        "5 mars 2025",
        "5 de marzo de 2025",
        "5 marzo 2025",
        "5 de março de 2025",
        "5 mrt. 2025",
        "March 5th, 2025",
        "Mar 5, 2025",
        "05-MAR-25",
        "2025-Mar-05",
        "mer. 5 mars 2025",
        "Wednesday, March 5, 2025",
        "5/Mar/2025",
    ]
    assert days(written) == ["2025-03-05"] * len(written)
    months = ["janv", "févr", "mars", "avril", "mai", "juin", "juil", "août", "sept", "oct", "nov", "déc"]
    assert days([f"1 {month}. 2025" for month in months]) == [
        f"2025-{number:02d}-01" for number in range(1, 13)
    ]


def test_times_of_mails_browsers_and_databases_are_read():
    written = [
        "Wed, 05 Mar 2025 10:15:00 GMT",
        "Wed, 05 Mar 2025 11:15:00 +0100",
        "Wed, 5 Mar 2025 05:15:00 EST",
        "Wed Mar 05 2025 11:15:00 GMT+0100 (Central European Standard Time)",
        "2025-03-05T11:15:00+01:00",
        "2025-03-05 10:15:00 UTC",
        "03/05/2025 02:15:00 PST",
        "2025-03-05T10:15:00.000Z",
    ]
    assert times(written, day_first=False) == [datetime(2025, 3, 5, 10, 15)] * len(written)
    naive = [
        "Wed Mar  5 10:15:00 2025",
        "05-MAR-25 10.15.00.000000 AM",
        "5 mars 2025 à 10h15",
        "2025/03/05 10:15",
    ]
    assert times(naive) == [datetime(2025, 3, 5, 10, 15)] * len(naive)


def test_times_written_as_numbers_are_told_by_their_size():
    written = ["20250305101500", "202503051015", "1741169700", "1741169700000", "1741169700000000"]
    for value in (*written, *map(int, written)):
        assert times([value]) == [datetime(2025, 3, 5, 10, 15)]


def test_day_numbers_of_a_spreadsheet_are_read_and_said():
    columns = opened(["45662", "45810.5"])
    assert values_of(columns, columns.timestamp("x")) == [datetime(2025, 1, 5), datetime(2025, 6, 2, 12)]
    assert "45810 was read as 2025-06-02" in columns.notes[0]
    assert times(["17850", "45662", "9"]) == [None] * 3


def test_identifiers_are_brought_to_one_form_value_by_value():
    written = ["188.0", "188", " 188", "188\u00a0", "\u200b188", "188.00", "00188", "v1.0"]
    found, notes = identifiers(written)
    assert found == ["188"] * 6 + ["00188", "v1.0"]
    assert any("3 identifiers lost spaces or invisible characters" in note for note in notes)
    assert any("2 identifiers such as 12345.0 were read as 12345" in note for note in notes)
    mails, notes = identifiers(["Ann@Shop.example", "ann@shop.example", "Ann"])
    assert mails == ["ann@shop.example", "ann@shop.example", "Ann"]
    assert "1 identifiers are e-mail addresses" in notes[0]
    assert identifiers(["Zoe\u0308", "Zo\u00eb"])[0] == ["Zo\u00eb"] * 2


def test_forms_of_identifiers_can_be_switched_off():
    assert identifiers(["188.0", "A@b.example"], id_forms=("none",)) == (["188.0", "A@b.example"], [])
    assert identifiers(["188.0", "A@b.example"], id_forms=("decimals",))[0] == ["188", "A@b.example"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["1.2E+11", "7"], "a spreadsheet shortened"),
        ([f"12345678901234{digit}0" for digit in range(6)], "more than 15 digits end in 0"),
        ([float(2**53 + 2), 7.0], "floating-point numbers above 9,007,199,254,740,992"),
    ],
)
def test_identifiers_that_a_spreadsheet_may_have_damaged_are_named(values, said):
    assert any(said in note for note in identifiers(values)[1])


def test_what_is_no_number_in_a_column_is_counted():
    columns = opened(["1.50", "two", "", "n/a", "inf"])
    columns.number("x")
    assert columns.notes == [
        "Column 'x': 2 values are not finite numbers, such as 'inf', and count as missing."
    ]
    columns = opened([1.5, float("nan"), float("-inf"), None])
    assert values_of(columns, columns.number("x")) == [1.5, None, None, None]
    assert columns.notes[0].startswith("Column 'x': 2 values are not finite numbers")


def test_quarters_and_numbers_of_days_are_dates():
    assert days(["2024-Q1", "2024-Q3"]) == ["2024-01-01", "2024-07-01"]
    assert days(["Q2 2024", "Q4 '24"]) == ["2024-04-01", "2024-10-01"]
    assert days(["1. Quartal 2024", "3rd Quarter 2024"]) == ["2024-01-01", "2024-07-01"]
    assert days(["2024-123", "2025-001"]) == ["2024-05-02", "2025-01-01"]
    for written in (["2024366", "2025001"], [2024366, 2025001], ["24366", "25001"]):
        assert days(written) == ["2024-12-31", "2025-01-01"]
    assert days(["45366", "45701"]) == ["2024-03-15", "2025-02-13"]  # days of a spreadsheet


def test_prices_may_name_what_they_are_for():
    assert numbers(["10.00/pc", "3.50 per kg", "€4.00 / Stk"]) == [10.0, 3.5, 4.0]


def test_currencies_without_parts_leave_no_doubt_about_a_sign():
    assert numbers(["1,838円", "12,500円"]) == [1838.0, 12500.0]
    with pytest.raises(QuestionsError, match=r"could be 1838 or 1\.838"):
        numbers(["1,838", "12,500"])


def test_clocks_without_colons_are_times():
    assert times(["20240105T150405Z", "20240106T080000Z"])[0] == datetime(2024, 1, 5, 15, 4, 5)
    assert times(["05-JAN-24 03.04.05.000000 PM +00:00"]) == [datetime(2024, 1, 5, 15, 4, 5)]
