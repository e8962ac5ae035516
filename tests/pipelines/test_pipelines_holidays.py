"""Holidays that move: read with one sentence for what is wrong, and used for the level."""

import pandas as pd
import pytest

from cltv_ml.data import clean, simulate
from cltv_ml.errors import InputError
from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.log import Log
from cltv_ml.pipelines.competing import read_holidays, with_holidays
from cltv_ml.settings import Train
from cltv_ml.windows import Window


@pytest.fixture(scope="module")
def log():
    return clean(simulate(200, days=600, seed=3).log).transactions  # 2022 and half of 2023


def dates(*days, name="Easter"):
    return pd.DataFrame({"holiday": [name] * len(days), "date": list(days)})


def test_a_table_of_holidays_reaches_the_level(log):
    table = dates("2022-04-17", "2023-04-09")
    aware = with_holidays(log, Train(data="shop.csv", holidays=table))
    assert aware.holidays["date"].tolist() == [pd.Timestamp("2022-04-17"), pd.Timestamp("2023-04-09")]
    window = Window("2023-03-20", 30)
    plain, moved = (forecast_level(one, window).table.set_index("candidate") for one in (log, aware))
    assert moved.at["top-down", "total"] != plain.at["top-down", "total"]
    assert moved.at["bottom-up", "total"] == plain.at["bottom-up", "total"]


def test_without_a_table_the_log_stays_the_same(log):
    assert with_holidays(log, Train(data="shop.csv")) is log


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (dates("2022-04-17", "soon"), "the date 'soon' of Easter is not a date; write it as 2024-03-31"),
        (dates("2022-04-17"), "Easter needs dates in two consecutive years"),
        (dates("1999-04-04", "2000-04-23"), "Easter needs dates in two consecutive years around the log"),
        (
            dates("2022-04-17", "2022-11-09", "2023-04-09"),
            "Easter has 2022-04-17 and then 2022-11-09, which are not",
        ),
        (
            dates("2021-04-04", "2023-04-09"),
            "Easter has 2021-04-04 and then 2023-04-09, which are not a year apart",
        ),
        (dates(), "the table has no rows"),
        (dates("2022-04-17", "2023-04-09").drop(columns="date"), r"missing columns \['date'\]"),
    ],
)
def test_wrong_dates_are_one_sentence(log, table, sentence):
    with pytest.raises(InputError, match=sentence):
        read_holidays(table, log)


def test_a_file_that_is_not_there_is_named(log, tmp_path):
    with pytest.raises(
        InputError, match=r"no file .*easter.csv; give a table with the columns holiday and date"
    ):
        read_holidays(tmp_path / "easter.csv", Log.of(log))


def test_a_holiday_without_its_next_date_is_told(log):
    aware = with_holidays(log, Train(data="shop.csv", holidays=dates("2021-04-04", "2022-04-17")))
    notes = forecast_level(aware, Window("2023-03-20", 30)).notes
    assert any(
        "no date of Easter after 2022-04-17: the forecast of the total from 2023-03-20" in note
        for note in notes
    )
    assert not any("Easter" in note for note in forecast_level(aware, Window("2023-02-20", 14)).notes)
