from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest

from cltv_ml.data import Rules, clean, read


def frame(**columns):
    size = len(next(iter(columns.values())))
    default = {
        "customer_id": [f"c{number}" for number in range(size)],
        "timestamp": ["2024-01-31"] * size,
        "amount": [1.0] * size,
    }
    return pd.DataFrame({**default, **columns})


def times(values, rules=None):
    return clean(frame(timestamp=values), rules).log["timestamp"].astype(str).tolist()


def amounts(values, rules=None):
    return clean(frame(amount=values), rules).log["amount"].tolist()


@pytest.mark.parametrize(
    "written",
    [
        "2024-01-31 15:04:00",
        "2024-01-31T15:04:00",
        "2024/1/31 15:04",
        "31/01/2024 15:04",
        "01/31/2024 3:04 PM",
        "31.01.2024 15:04",
        "31.1.24 15:04:00",
        "31 Jan 2024 15:04",
        "Jan 31, 2024 03:04 PM",
        "03:04 PM, January 31 2024",
        "15:04:00 31.01.2024",
        "15:04 Uhr, 31. Januar 2024",
        "1706713440",
        "1706713440000",
    ],
)
def test_dates_in_many_ways_of_writing_are_read(written):
    assert times([written]) == ["2024-01-31 15:04:00"]


def test_a_number_of_eight_digits_is_a_date():
    assert times(["20240131"]) == ["2024-01-31"]
    assert times([20240131]) == ["2024-01-31"]


def test_one_clear_date_decides_the_order_of_day_and_month():
    assert times(["01/02/2024", "13/02/2024"]) == ["2024-02-01", "2024-02-13"]
    assert times(["01/02/2024", "02/13/2024"]) == ["2024-01-02", "2024-02-13"]


def test_an_ambiguous_order_of_day_and_month_is_refused_with_both_readings():
    with pytest.raises(ValueError, match="'01/02/2024' could be day 1 of month 2 or day 2 of month 1"):
        times(["01/02/2024", "03/04/2024"])
    assert times(["01/02/2024"], Rules(day_first=True)) == ["2024-02-01"]
    assert times(["01/02/2024"], Rules(day_first=False)) == ["2024-01-02"]


def test_contradicting_orders_of_day_and_month_are_refused():
    with pytest.raises(ValueError, match="contradict each other"):
        times(["01/02/2024", "13/02/2024", "02/13/2024"])


def test_an_impossible_date_is_quarantined():
    assert times(["2024-02-30", "2024-02-29"]) == ["2024-02-29"]


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_times_with_a_zone_become_business_time_as_pandas_says(zone):
    instants = pd.date_range("2023-12-30", "2024-12-30", freq="7h11min", tz="UTC")
    expected = instants.tz_convert(ZoneInfo(zone)).tz_localize(None)
    rules = Rules(timezone=zone)
    assert list(clean(frame(timestamp=instants), rules).log["timestamp"]) == list(expected)
    written = [f"{instant:%Y-%m-%dT%H:%M:%S}Z" for instant in instants]
    assert list(clean(frame(timestamp=written), rules).log["timestamp"]) == list(expected)


def test_offsets_written_out_are_honoured():
    rules = Rules(timezone="Europe/Berlin")
    assert times(["2024-07-01T10:00:00-04:00", "2024-07-01 10:00:00 +0530"], rules) == [
        "2024-07-01 16:00:00",
        "2024-07-01 06:30:00",
    ]


def test_naive_times_of_another_zone_are_converted():
    rules = Rules(source_timezone="UTC", timezone="America/New_York")
    assert times(["2024-01-01 03:00:00", "2024-07-01 03:00:00"], rules) == [
        "2023-12-31 22:00:00",
        "2024-06-30 23:00:00",
    ]


def test_zones_without_a_business_zone_are_mentioned():
    report = clean(frame(timestamp=["2024-07-01T10:00:00Z"])).report
    assert [note.split(".")[0] for note in report.notes] == ["Times have a time zone and were read as UTC"]


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1,234.50", 1234.5),
        ("1.234,50", 1234.5),
        ("$9.50", 9.5),
        ("9,50 €", 9.5),
        ("EUR 1 234,50", 1234.5),
        ("1'234.50", 1234.5),
        ("1e3", 1000.0),
        (" 7 ", 7.0),
    ],
)
def test_amounts_in_many_ways_of_writing_are_read(written, amount):
    assert amounts([written]) == [amount]


@pytest.mark.parametrize("written", ["(9.50)", "-9.50", "9.50-", "-$9.50", "$-9.50"])
def test_negative_amounts_in_many_ways_of_writing_are_read(written):
    assert clean(frame(amount=[written, "20"])).report.money_in == 10.5


@pytest.mark.parametrize(
    "written", ["=1+1", "12 apples", "1.2.3", "--5", "1e400", "nan", "🙂", "0x10", "1,2,3.4,5"]
)
def test_what_is_no_amount_is_quarantined(written):
    assert clean(frame(amount=[written, "20.00"])).quarantine["rule"].tolist() == ["bad_amount"]


def test_an_open_decimal_sign_is_refused_with_both_readings():
    with pytest.raises(ValueError, match=r"'1,234' could be 1234 or 1\.234. Choose the decimal separator"):
        amounts(["1,234", "7"])
    assert amounts(["1,234"], Rules(decimal=".")) == [1234.0]
    assert amounts(["1,234"], Rules(decimal=",")) == [1.234]


def test_both_decimal_signs_in_one_column_are_read_where_each_number_shows_its_own():
    assert amounts(["1,50", "1.50", "1.234,5", "7"]) == [1.5, 1.5, 1234.5, 7.0]
    with pytest.raises(ValueError, match="contains both"):
        amounts(["1,50", "1.50", "1.250"])


def test_signs_of_several_currencies_need_rates():
    with pytest.raises(ValueError, match=r"currencies \['\$', 'EUR'\], but there is no rate for '\$'"):
        amounts(["$1.50", "€1.50"])
    rates = Rules(rates={"EUR": 1.0, "CHF": 0.9})
    assert clean(frame(amount=["CHF 45.00", "45,50 €"]), rates).log["amount"].tolist() == [40.5, 45.5]
    with pytest.raises(ValueError, match="several currencies"):
        amounts(["5", "$1.50", "€1.50"])  # in which one is the first?
    with pytest.raises(ValueError, match="several currencies"):
        clean(frame(amount=["$10.00", "9,00 €"], base_total=["$10.00", "$9.80"]))


def test_a_sign_must_agree_with_the_currency_that_is_stated_for_its_line():
    """Dollars had counted as the euros that the mapped column states."""
    with pytest.raises(ValueError, match=r"amounts in '\$' on lines for which column 'currency' says 'EUR'"):
        clean(read(frame(amount=["$10.00", "€9.00"], currency=["EUR", "EUR"]), {"currency": "currency"}))
    source = frame(amount=["$10.00", "€9.00"], currency=["CAD", "EUR"])
    rates = Rules(rates={"EUR": 1.0, "CAD": 0.5})
    assert clean(read(source, {"currency": "currency"}), rates).log["amount"].tolist() == [5.0, 9.0]


def test_several_currencies_are_refused_without_rates_and_converted_with_them():
    source = frame(amount=[10.0, 10.0], currency=["EUR", "GBP"])
    with pytest.raises(ValueError, match=r"currencies \['EUR', 'GBP'\], but there is no rate for 'EUR'"):
        clean(source)
    cleaned = clean(source, Rules(rates={"EUR": 1.0, "GBP": 1.2}))
    assert cleaned.log["amount"].tolist() == [10.0, 12.0]
    assert cleaned.report.money_in == 22.0


def test_one_currency_needs_no_rate():
    assert clean(frame(currency=["EUR", "EUR"])).log["amount"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "identifiers", [[17850.0, None], ["17850.0", ""], [17850, None], [" 17850 ", "NULL"]]
)
def test_identifiers_lose_blanks_and_a_float_s_point(identifiers):
    cleaned = clean(frame(customer_id=identifiers))
    assert cleaned.log["customer_id"].tolist() == ["17850"]
    assert cleaned.quarantine["rule"].tolist() == ["missing_customer"]


def test_leading_zeros_of_identifiers_stay():
    assert clean(frame(customer_id=["00017", "17"])).log["customer_id"].tolist() == ["00017", "17"]


def test_unit_price_unit_cost_and_profit_become_amount_and_cost():
    source = frame(amount=[0.0]).drop(columns="amount")
    priced = clean(source.assign(quantity=3, unit_price=2.5, unit_cost=1.0)).log
    assert priced[["amount", "cost"]].values.tolist() == [[7.5, 3.0]]
    assert clean(source.assign(sales=10.0, profit=4.0)).log["cost"].tolist() == [6.0]


def test_a_line_total_beside_a_unit_price_is_the_amount():
    raw = read(frame(amount=[7.0]).rename(columns={"amount": "total"}).assign(quantity=3, unit_price=2.5))
    assert clean(raw).log["amount"].tolist() == [7.0]


def test_an_open_number_is_read_with_the_decimal_sign_of_the_columns_beside_it():
    source = pd.DataFrame(
        {
            "Kunde": ["a", "b"],
            "Datum": ["2025-01-05"] * 2,
            "Betrag": ["1.234,50", "7,00"],
            "Menge": ["2,000", "1,000"],
        }
    )
    cleaned = clean(source)
    assert cleaned.log["quantity"].tolist() == [2.0, 1.0]
    assert any("'Menge' was read with the decimal separator ','" in note for note in cleaned.report.notes)


def test_a_month_name_first_may_have_a_year_of_two_digits():
    source = pd.DataFrame(
        {"customer_id": ["a"] * 2, "date": ["Jan-05-25", "Feb-17-25"], "amount": ["1", "2"]}
    )
    assert clean(source).log["timestamp"].tolist() == [pd.Timestamp("2025-01-05"), pd.Timestamp("2025-02-17")]


def test_a_sign_of_euros_may_stand_for_the_point():
    frame = pd.DataFrame({"customer": list("aab"), "date": ["2025-01-01", "2025-01-03", "2025-02-01"]})
    log = clean(read(frame.assign(amount=["12€50", "-3€00", "1234 €"]))).log
    assert sorted(log["amount"]) == [9.5, 1234]


def test_amounts_of_rupiah_have_no_parts():
    frame = pd.DataFrame({"customer": list("aab"), "date": ["2025-01-01", "2025-01-03", "2025-02-01"]})
    assert clean(read(frame.assign(amount=["Rp 10.500", "Rp 20.500", "Rp9.000"]))).report.money_kept == 40_000


def test_prices_per_any_unit_are_numbers():
    frame = pd.DataFrame({"customer": list("aab"), "date": ["2025-01-01", "2025-01-03", "2025-02-01"]})
    assert (
        clean(read(frame.assign(amount=["$10.50/session", "20 per Stunde", "5.00/人"]))).report.money_kept
        == 35.5
    )


def test_files_with_and_without_zones_are_read_alike_whatever_the_zone_of_the_machine(tmp_path, monkeypatch):
    open_database = duckdb.connect

    def open_elsewhere(**settings):
        con = open_database(**settings)
        con.execute("set timezone = 'Asia/Tokyo'")
        return con

    monkeypatch.setattr(duckdb, "connect", open_elsewhere)
    lines = frame(timestamp=pd.to_datetime(["2024-01-31 15:04:00"]))
    lines.to_parquet(tmp_path / "naive.parquet")
    lines.assign(timestamp=lines["timestamp"].dt.tz_localize("UTC"), amount=2.0).to_parquet(
        tmp_path / "zoned.parquet"
    )
    found = clean(read(tmp_path)).log["timestamp"]
    assert found.tolist() == [pd.Timestamp("2024-01-31 15:04:00")] * 2
