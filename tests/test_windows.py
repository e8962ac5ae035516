import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.log import Log
from cltv_ml.windows import (
    MAX_YEARS,
    MOST_HORIZONS,
    Window,
    label_days,
    main_horizon,
    rolling_origins,
    to_cutoff,
    to_days,
    to_horizons,
    training_origins,
)

LOG = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "a", "b"],
        "timestamp": pd.to_datetime(
            ["2020-01-01", "2020-01-31", "2020-02-01", "2020-02-10 23:59", "2020-02-20"], format="ISO8601"
        ),
        "amount": [10.0, 20.0, 5.0, 0.1, 0.2],
    }
)


def test_holdout_starts_at_the_cutoff_and_excludes_its_end():
    target = Log.of(LOG).target(Window("2020-02-01", 10), pd.Index(["a", "b"]))
    assert target["b"] == 5.0
    assert target["a"] == 0.1  # 10 February 23:59 is the last minute of a window of ten days


def test_customers_without_a_purchase_have_a_target_of_zero_and_order_is_kept():
    target = Log.of(LOG).target(Window("2020-02-01", 5), pd.Index(["nobody", "b", "a"]))
    assert list(target) == [0.0, 5.0, 0.0]


def test_target_counts_purchase_days_and_activity():
    window = Window("2020-02-01", 20)
    assert list(Log.of(LOG).target(window, pd.Index(["a", "b"]), "purchases")) == [1, 2]
    assert list(Log.of(LOG).target(window, pd.Index(["a", "c"]), "active")) == [1, 0]


def test_target_refuses_a_holdout_that_the_log_does_not_reach():
    with pytest.raises(ValueError, match="ends 2020-02-22, but the log ends on 2020-02-20"):
        Log.of(LOG).target(Window("2020-02-01", 21), pd.Index(["a"]))


def test_target_refuses_an_unknown_label():
    with pytest.raises(ValueError, match="Unknown label 'money'"):
        Log.of(LOG).target(Window("2020-02-01", 5), pd.Index(["a"]), "money")


@pytest.mark.parametrize("horizon", ["soon", "13 weeks", "", 0, -3, "0d", float("nan")])
def test_horizons_that_cannot_be_read_are_refused(horizon):
    with pytest.raises(ValueError, match="horizon"):
        to_days(horizon)


@pytest.mark.parametrize(
    "moment",
    ["yesterday-ish", "2020-01-01 12:00", "2020-01-01T00:00Z", None, "01.02.2020", "1/2/2020", "010220"],
)
def test_cutoffs_that_are_no_calendar_day_are_refused(moment):
    with pytest.raises(ValueError, match="cutoff must be a calendar day"):
        to_cutoff(moment)


@pytest.mark.parametrize(
    ("cutoff", "horizon", "message"),
    [
        ("2019-12-01", 5, "cutoff 2019-12-01 lies outside the log"),
        ("2010-01-10", 3650, "the horizon of 3650 days is longer than the log of"),
        ("2020-01-10", 51, "the horizon of 51 days is as long as the log of 51 days; shorten it"),
        ("2020-01-01", 5, "lies outside the log"),
        ("2020-03-01", 5, "lies outside the log"),
        ("2020-02-18", 5, "ends 2020-02-23, but the log ends on 2020-02-20"),
        ("2020-01-15", 20, "is 14 days long, but at least 20 are needed"),
    ],
)
def test_windows_that_do_not_fit_the_log_are_refused(cutoff, horizon, message):
    with pytest.raises(ValueError, match=message):
        Window(cutoff, horizon).check(LOG["timestamp"].min(), LOG["timestamp"].max())


def test_no_training_holdout_reaches_into_the_test_window():
    test = Window("1997-12-30", "26w")
    origins = rolling_origins(pd.Timestamp("1996-01-01"), test, max_origins=12)
    assert len(origins) == 12
    assert all(origin.end <= test.cutoff for origin in origins)
    assert origins[0].end == test.cutoff


def test_a_log_too_short_for_a_training_origin_has_none():
    assert rolling_origins(pd.Timestamp("2020-01-01"), Window("2020-04-15", "3m"), max_origins=3) == []


@pytest.mark.parametrize(
    ("horizons", "sentence"),
    [
        (
            "91d,30d",
            r"horizons must increase and differ, got 91d,30d \(91, 30 days\); write them from the shortest",
        ),
        ("30d,1m", "horizons must increase and differ"),  # a month is 30 days
        ("30d,,91d", "horizon '' cannot be read"),
        (",".join(f"{day}d" for day in range(1, 10)), "9 horizons are too many; give at most 8"),
    ],
)
def test_horizons_that_cannot_be_are_one_sentence(horizons, sentence):
    with pytest.raises(InputError, match=sentence):
        to_horizons(horizons)


def test_as_many_horizons_as_are_allowed_are_read():
    days = list(range(1, MOST_HORIZONS + 1))
    assert to_horizons(",".join(f"{day}d" for day in days)) == days


def test_the_same_months_of_earlier_years_and_the_window_before_last_years_are_origins():
    test = Window("2014-06-01", 91)
    cutoffs = {one.cutoff for one in training_origins(pd.Timestamp("2009-01-01"), test, max_origins=1)}
    years = [test.cutoff - pd.DateOffset(years=number) for number in range(1, MAX_YEARS + 1)]
    assert {*years, years[0] - pd.Timedelta(days=91)} <= cutoffs


def test_a_log_with_exactly_the_history_of_one_origin_has_it_and_one_of_a_day_less_has_none():
    test = Window("2024-06-01", 40)
    first = test.cutoff - pd.Timedelta(days=40 + 28)
    assert [one.cutoff for one in training_origins(first, test)] == [test.cutoff - pd.Timedelta(days=40)]
    assert training_origins(first + pd.Timedelta(days=1), test) == []


def test_a_horizon_longer_than_the_log_is_named_with_both_lengths():
    with pytest.raises(InputError, match="the horizon of 365 days is longer than the log of 90 days"):
        main_horizon(pd.Timestamp("2024-01-01"), pd.Timestamp("2024-03-30"), [30, 365])


def test_the_main_horizon_is_the_longest_with_a_labelled_window_before_its_test():
    cases = {"2024-04-30": [30, 91, 365], "2024-01-30": [30, 91, 365], "2022-04-30": [30, 91]}
    first = pd.Timestamp("2022-01-01")
    found = [main_horizon(first, pd.Timestamp(end), days) for end, days in cases.items()]
    assert found == [365, 91, 30]


def test_without_any_labelled_window_the_longest_horizon_with_a_test_window_is_the_main_one():
    assert main_horizon(pd.Timestamp("2022-01-01"), pd.Timestamp("2022-03-01"), [30, 31, 50]) == 31


def test_a_named_cutoff_decides_which_horizon_is_the_main_one():
    span = pd.Timestamp("2022-01-01"), pd.Timestamp("2024-06-30")
    assert [main_horizon(*span, [30, 365], cutoff) for cutoff in ("2023-06-01", "2024-03-01")] == [365, 30]


def test_labels_of_exactly_a_week_are_summed_and_shorter_ones_are_not():
    test = Window("2024-06-01", 91)
    history = 28 + 2 * 7  # the history of one origin, and two windows of a week
    assert label_days(test.cutoff - pd.Timedelta(days=history), test) == 7
    assert label_days(test.cutoff - pd.Timedelta(days=history - 1), test) == 0


def test_origins_of_a_horizon_shorter_than_a_step_are_whole_horizons_apart():
    test = Window("2024-06-01", 7)
    cutoffs = {
        one.cutoff for one in training_origins(pd.Timestamp("2023-01-01"), test, step=30, max_origins=3)
    }
    latest = test.cutoff - pd.Timedelta(days=7)
    assert {latest - pd.Timedelta(days=28 * number) for number in range(3)} <= cutoffs


def test_a_span_that_is_no_horizon_is_called_by_its_own_name():
    with pytest.raises(InputError, match=r"^end must be between one day and a hundred years, got '0'"):
        to_days("0", "end")


def test_a_hundred_years_are_the_longest_span():
    assert to_days("100y", "end") == 36525
    with pytest.raises(InputError, match="between one day and a hundred years, got '101y'"):
        to_days("101y", "end")
