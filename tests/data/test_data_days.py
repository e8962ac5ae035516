import pandas as pd
import pytest

from cltv_ml.data import Rules, clean, read

DAYS = [str(day.date()) for day in pd.date_range("2024-01-01", periods=300)]


def cleaned(days, rules=None):
    size = len(days)
    frame = pd.DataFrame(
        {"customer_id": [f"c{n % 40}" for n in range(size)], "timestamp": days, "amount": 1.0}
    )
    return clean(frame, rules)


@pytest.mark.parametrize(
    "day", ["1970-01-01", "1900-01-01", "1969-12-31 23:00:00", "2000-01-01", "1904-01-01"]
)
def test_a_placeholder_is_set_aside_however_often_it_occurs(day):
    outcome = cleaned([day] * 60 + DAYS)
    assert outcome.quarantine["rule"].unique().tolist() == ["implausible_date"]
    assert len(outcome.quarantine) == 60
    assert any(
        note.startswith(f"60 lines dated {day[:10]} were quarantined") for note in outcome.report.notes
    )


@pytest.mark.parametrize("day", ["2011-03-05", "1924-01-07"])
def test_a_lonely_day_years_before_all_others_is_set_aside(day):
    assert cleaned([day, *DAYS]).quarantine["rule"].tolist() == ["implausible_date"]


def test_a_lonely_day_years_after_all_others_is_set_aside():
    days = [str(day.date()) for day in pd.date_range("2015-01-01", periods=300)]
    assert cleaned([*days, "2024-03-05"]).quarantine["rule"].tolist() == ["implausible_date"]


def test_the_rule_can_be_switched_off():
    assert cleaned(["1970-01-01", *DAYS], Rules(off=("implausible_date",))).quarantine.empty


@pytest.mark.parametrize(
    "days",
    [
        [*DAYS, "2023-01-01", "2022-01-05"],
        ["2000-01-01", "2000-01-02", "2000-03-01"] * 100,
        [str(day.date()) for day in pd.date_range("1968-01-01", periods=1500)],
        ["2015-03-01", "2024-03-01", "2024-04-01"],
        ["2015-03-01"] * 30 + DAYS,
    ],
)
def test_days_that_belong_to_a_log_are_kept(days):
    assert (
        "implausible_date" not in cleaned(days, Rules(off=("exact_duplicate",))).quarantine["rule"].tolist()
    )


def test_year_month_and_day_in_columns_of_their_own_are_one_date():
    parts = pd.DataFrame(
        {"Kunde": list("aab"), "Jahr": 2024, "Monat": [1, 2, 11], "Tag": [5, 14, 3], "Umsatz": 9.5}
    )
    raw = read(parts)
    assert raw.mapping["timestamp"] == "Jahr-Monat-Tag"
    assert any("'Jahr-Monat-Tag'" in note for note in raw.notes)
    assert clean(raw).log["timestamp"].astype(str).tolist() == ["2024-01-05", "2024-02-14", "2024-11-03"]
    assert clean(read(parts, dict(raw.mapping))).report.rows_kept == 3
    months = parts.drop(columns="Tag").astype(str)
    assert clean(months).log["timestamp"].astype(str).tolist() == ["2024-01-01", "2024-02-01", "2024-11-01"]
    shipped = parts.assign(Versanddatum="2024-12-09")
    assert read(shipped).mapping["timestamp"] == "Jahr-Monat-Tag"
    dated = parts.assign(Datum="2024-03-09")
    assert read(dated).mapping["timestamp"] == "Datum"
