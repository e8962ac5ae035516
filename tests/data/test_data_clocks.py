"""Times of day in a column of their own."""

import datetime

import pandas as pd
import pytest

from cltv_ml.data import QuestionsError, Rules, clean, read

CLOCKS = [(9, 5, 0), (14, 30, 7), (0, 0, 0), (23, 59, 59)]


def shop(clocks, date="date", time="time", **columns):
    days = ["2024-01-05", "2024-01-31", "2024-03-03", "2024-12-31"]
    return pd.DataFrame({"customer": list("abca"), date: days, time: clocks, "amount": 9.5, **columns})


WRITTEN = {
    "with seconds": [f"{h:02}:{m:02}:{s:02}" for h, m, s in CLOCKS],
    "AM and PM": ["9:05 AM", "2:30:07 p.m.", "12:00:00 am", "11:59:59 PM"],
    "as in France": ["9h05", "14h30m07s", "0h00", "23h59m59"],
    "with points": ["9.05", "14.30.07", "0.00 Uhr", "23.59.59"],
    "digits": [90500, 143007, 0, 235959],
    "typed": [datetime.time(*clock) for clock in CLOCKS],
    "day 0 of a spreadsheet": [f"1899-12-30 {h:02}:{m:02}:{s:02}" for h, m, s in CLOCKS],
}


@pytest.mark.parametrize("clocks", WRITTEN.values(), ids=WRITTEN)
def test_a_time_of_day_in_its_own_column_is_added_to_the_day(clocks):
    outcome = clean(shop(clocks))
    assert outcome.report.mapping["time_of_day"] == "time"
    assert outcome.log["timestamp"].astype(str).tolist() == [
        "2024-01-05 09:05:00",
        "2024-01-31 14:30:07",
        "2024-03-03 00:00:00",
        "2024-12-31 23:59:59",
    ]
    assert "time" not in outcome.report.unused
    assert any("column 'time' were added to the days in 'date'" in note for note in outcome.report.notes)


def test_hours_and_minutes_may_be_digits_that_lost_their_zeros():
    log = clean(shop([5, 930, 1200, 2359])).log
    assert log["timestamp"].dt.strftime("%H:%M").tolist() == ["00:05", "09:30", "12:00", "23:59"]
    log = clean(shop([5, 9, 12, 23], time="Hour")).log
    assert log["timestamp"].dt.hour.tolist() == [5, 9, 12, 23]


def test_the_time_is_converted_with_its_day():
    lines = shop(["03:00:00", "04:30:00", "03:00:00", "23:59:00"])
    rules = Rules(source_timezone="UTC", timezone="America/New_York")
    assert clean(lines, rules).log["timestamp"].astype(str).tolist() == [
        "2024-01-04 22:00:00",
        "2024-01-30 23:30:00",
        "2024-03-02 22:00:00",
        "2024-12-31 18:59:00",
    ]
    named = clean(shop(["03:00:00"] * 4, time="Time (UTC)"), Rules(timezone="America/New_York")).log
    assert named["timestamp"].dt.hour.tolist() == [22] * 4


def test_the_time_of_the_sale_is_preferred_to_other_times():
    lines = shop(["09:00"] * 4, "Sale date", "Sale time", **{"Delivery time": "18:00", "Time": "12:00"})
    assert clean(lines).report.mapping["time_of_day"] == "Sale time"
    delivered = clean(shop(["18:00"] * 4, time="Delivery time"))
    assert "time_of_day" not in delivered.report.mapping


def test_times_that_the_date_has_itself_are_kept():
    lines = shop(["09:00"] * 4)
    lines["date"] += " 17:00:00"
    outcome = clean(lines)
    assert "time_of_day" not in outcome.report.mapping
    assert set(outcome.log["timestamp"].dt.hour) == {17}


def test_a_blank_time_is_midnight_and_one_that_cannot_be_read_is_told():
    lines = pd.concat([shop(["09:00", "10:00", None, "11:00"])] * 600)
    later = shop(["noon", "10:00", "11:00", "12:00"])
    report = clean(pd.concat([lines, later], ignore_index=True)).report
    assert any("'time': 1 text" in note and "read as midnight" in note for note in report.notes)


def test_a_time_can_be_declined_and_is_left_out_of_a_mapping_that_is_complete():
    lines = shop(["09:00"] * 4)
    assert "time_of_day" not in read(lines, {"time_of_day": ""}).mapping
    own = {"customer_id": "customer", "timestamp": "date", "amount": "amount"}
    told = clean(read(lines, own)).report
    assert set(clean(read(lines, own)).log["timestamp"].dt.hour) == {0}
    assert any("--mapping time_of_day=time" in note for note in told.notes)
    assert set(clean(read(lines, {**own, "time_of_day": "time"})).log["timestamp"].dt.hour) == {9}


def test_equal_purchases_of_one_day_are_told_apart_by_their_time():
    lines = pd.concat([shop(["09:00"] * 4), shop(["10:00"] * 4)], ignore_index=True)
    assert clean(lines).report.rows_kept == 8
    twice = clean(pd.concat([shop(["09:00"] * 4)] * 2, ignore_index=True), Rules(on=("exact_duplicate",)))
    assert twice.report.rows_kept == 4


def test_a_time_of_day_without_a_day_that_is_certain_leaves_the_question_of_the_day():
    columns = {"Bokforingsdag": ["2024-01-06"] * 4, "Transaktionsdag": ["2024-01-05"] * 4}
    lines = shop(["10:30", "11:30", "12:30", "13:30"]).drop(columns="date").assign(**columns)
    with pytest.raises(QuestionsError, match="'Bokforingsdag', 'Transaktionsdag'"):
        read(lines)
