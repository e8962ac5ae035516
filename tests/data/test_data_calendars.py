"""Dates of other calendars and zones, in two orders at once, and days counted from a start."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from cltv_ml.data import QuestionsError, Rules, clean, read
from cltv_ml.errors import InputError


def days(values, heading="date", rules=None):
    lines = pd.DataFrame({"customer": "a", heading: values, "amount": 1.0})
    mapping = {"customer_id": "customer", "timestamp": heading, "amount": "amount"}
    log = clean(read(lines, mapping, rules=rules)).log
    return log["timestamp"].dt.strftime("%Y-%m-%d").tolist()


@pytest.mark.parametrize("written", ["25670131", "14021111", "1130131", "11/11/1402", "113/01/31 14時30分"])
def test_dates_of_other_calendars_are_read_in_digits_and_with_the_day_first(written):
    assert days([written]) == ["2024-01-31"]
    if written.isdigit():
        assert days([int(written)]) == ["2024-01-31"]


def test_islamic_dates_in_digits_are_named():
    with pytest.raises(InputError, match="Islamic calendar"):
        days(["14450719"])


def test_dates_of_two_calendars_in_one_column_are_told():
    lines = pd.DataFrame({"customer": "a", "date": ["2024-01-31", "2567-02-01"], "amount": 1.0})
    assert any(
        "1 date such as '2567-02-01' has years of another calendar" in n for n in clean(lines).report.notes
    )


def test_short_years_of_another_calendar_are_refused():
    with pytest.raises(
        InputError, match="years of two digits the latest date, '5/2/67', would be 1967-02-05"
    ):
        days(["31/1/67", "5/2/67"])
    assert days(["31/1/97", "5/2/97"]) == ["1997-01-31", "1997-02-05"]


def test_a_year_first_with_the_day_before_and_behind_the_month_is_refused():
    with pytest.raises(InputError, match="in 1 date the day comes before the month, in 2 after it"):
        days(["2024-31-01", "2024-01-30", "2024-01-29"])


def test_a_question_about_contradicting_orders_counts_both():
    with pytest.raises(QuestionsError, match="2 have only the day first, 1 only the month"):
        days(["13/02/2024", "14/02/2024", "02/13/2024", "01/02/2024"])


def test_counted_days_and_weeks_are_read_from_the_first_day():
    with pytest.raises(
        InputError, match="use --rule first_day=YYYY-MM-DD with the day of the first, number 1"
    ):
        days(["1", "3"], "DAY")
    rules = Rules(first_day="2024-01-31")
    assert days(["1", "3"], "DAY", rules) == days([1, 3], "DAY", rules) == ["2024-01-31", "2024-02-02"]
    assert days(["1", "3"], "WEEK_NO", rules) == ["2024-01-31", "2024-02-14"]


def test_days_that_no_spreadsheet_counts_are_asked_about():
    for first, numbers in (("1970-01-02", ["19753", "19754"]), ("1960-01-02", ["23406", "23407"])):
        with pytest.raises(QuestionsError, match=f"--rule first_day={first}"):
            days(numbers)
        assert days(numbers, rules=Rules(first_day=first)) == ["2024-01-31", "2024-02-01"]
    assert days(["45322", "45323"]) == ["2024-01-31", "2024-02-01"]


def test_seconds_before_2000_are_told():
    lines = pd.DataFrame({"customer": "a", "ts": [728352000, 728438400], "amount": 1.0})
    told = "read as seconds since 1970, which end on 1993-01-31"
    assert any(told in note for note in clean(lines).report.notes)
    assert not any("Apple" in note for note in clean(lines.assign(ts=lines["ts"] + 978307200)).report.notes)


def test_times_that_a_spreadsheet_shortened_and_weeks_without_a_day_are_told():
    lines = pd.DataFrame({"customer": "a", "date": ["1.70674E+12", "1.70683E+12"], "amount": 1.0})
    assert any("shortened 2 times to forms such as 1.70674E+12" in note for note in clean(lines).report.notes)
    weeks = lines.assign(date=["2024-W05", "2024-W06"])
    assert any("contains weeks. Each was read as its Monday" in note for note in clean(weeks).report.notes)
    assert not any(
        "weeks" in note for note in clean(lines.assign(date=["2024-W05-3", "2024-W06-1"])).report.notes
    )


def test_months_are_read_as_austrians_and_hungarians_write_them():
    assert days(["31. Jänner 2024", "1. Feber 2024"]) == ["2024-01-31", "2024-02-01"]
    assert days(["2024. január 31.", "2024. február 1."]) == ["2024-01-31", "2024-02-01"]


@pytest.mark.parametrize(
    "written",
    [
        ["3 มี.ค. 2566", "14 ม.ค. 2567", "25 ธ.ค. 2567"],
        ["3 tháng 3, 2023", "ngày 14 tháng 1 năm 2024", "25 tháng 12, 2024"],
        ["2023年3月3日(金)", "2024/01/14(日) 10:00", "2024年12月25日（水）"],
        ["3 мар. 2023 г.", "14 янв. 2024 г.", "25 дек. 2024 г."],
        ["3 март 2023", "14 януари 2024", "25 декември 2024"],
    ],
)
def test_days_are_read_as_more_languages_write_them(written):
    lines = pd.DataFrame({"Customer": ["a", "b", "c"], "Date": written, "Amount": [1.0, 2.0, 3.0]})
    days = clean(lines).log["timestamp"].dt.strftime("%Y-%m-%d")
    assert days.tolist() == ["2023-03-03", "2024-01-14", "2024-12-25"]


@pytest.mark.parametrize(
    ("written", "month"),
    [("7 февр. 2024 г.", 2), ("7 сент. 2024", 9), ("7 април 2024", 4), ("7 груд. 2024", 12)],
)
def test_short_cyrillic_months_are_read(written, month):
    lines = pd.DataFrame({"Customer": ["a"], "Date": [written], "Amount": [1.0]})
    assert clean(lines).log["timestamp"].dt.month.tolist() == [month]


def test_a_count_of_weeks_is_named_where_there_is_no_date():
    lines = pd.DataFrame({"household": "a", "week_no": [1, 2], "amount": 1.0})
    with pytest.raises(QuestionsError, match="--mapping timestamp=week_no --rule first_day=YYYY-MM-DD"):
        read(lines)


def test_times_below_a_heading_that_says_utc_are_in_utc():
    lines = pd.DataFrame({"customer": ["a"], "Date (UTC)": ["2024-01-31 23:30:00"], "amount": [1.0]})
    assert any(
        note.startswith("Times have a time zone and were read as UTC") for note in clean(lines).report.notes
    )
    paris = clean(lines, Rules(timezone="Europe/Paris")).log["timestamp"]
    assert paris.tolist() == [pd.Timestamp("2024-02-01 00:30:00")]
    dates = lines.assign(**{"Date (UTC)": "2024-01-31"})
    assert not any("time zone" in note for note in clean(dates).report.notes)


def test_julian_days_are_read_and_told():
    lines = pd.DataFrame({"customer": "a", "sold_on": [2460340.5, 2460341.5], "amount": 1.0})
    cleaned = clean(lines)
    assert cleaned.log["timestamp"].tolist() == [pd.Timestamp("2024-01-31"), pd.Timestamp("2024-02-01")]
    assert any("contains 2 Julian days" in note for note in cleaned.report.notes)


def test_nanoseconds_with_a_zone_are_read(tmp_path):
    at = pa.array([pd.Timestamp("2024-01-31 03:00:00").value], pa.timestamp("ns", "America/New_York"))
    table = pa.table({"customer": ["a"], "created_at": at, "amount": [1.0]})
    pa.parquet.write_table(table, tmp_path / "orders.parquet")
    assert clean(read(tmp_path / "orders.parquet")).log["timestamp"].tolist() == [
        pd.Timestamp("2024-01-31 03:00:00")
    ]


def test_quarters_of_a_fiscal_year_are_named():
    with pytest.raises(InputError, match="fiscal periods, such as 'Q1 FY24'"):
        days(["Q1 FY24", "Q2 FY24"])
