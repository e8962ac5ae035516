"""Bookings as DATEV exports them: who the debtor is, what each booking does, and in which year its day lies."""

import pytest

from cltv_ml.errors import InputError
from tests.data.test_data_by_hand import found

LINE = '"EXTF";700;21;"Buchungsstapel";13;20240801;;"RE";"";"";1001;456;20240701;4;20240701;20250630;"R";""\n'
BOOKINGS = """
Umsatz (ohne Soll/Haben-Kz);Soll/Haben-Kennzeichen;WKZ;Konto;Gegenkonto (ohne BU-Schlüssel);Belegdatum;Belegfeld 1
1.190,00;S;EUR;10001;8400;0507;RE1
50,00;H;EUR;8400;10002;3112;RE2
20,00;H;EUR;10001;8400;201;RE1
1.170,00;S;EUR;1200;10001;1501;RE1
50,00;H;EUR;10002;1200;1601;RE2
30,00;S;EUR;10002;8400;0102;RE3
99,00;S;EUR;4930;70001;0302;X9
"""


def test_bills_and_credits_of_debtors_count_and_payments_do_not(tmp_path):
    customers, money, told = found(tmp_path, LINE + BOOKINGS.lstrip())
    assert (customers, money) == (2, 1190 - 20 + 50 + 30)
    assert "debtor accounts were read as customers" in told


def test_days_without_a_year_lie_in_the_year_that_the_first_line_begins_with(tmp_path):
    from cltv_ml.data import clean, read

    path = tmp_path / "EXTF.csv"
    path.write_text(LINE + BOOKINGS.lstrip(), encoding="utf-8")
    days = clean(read(path)).log["timestamp"]
    assert [f"{day:%Y-%m-%d}" for day in days] == ["2024-07-05", "2024-12-31", "2025-02-01"]


@pytest.mark.parametrize("mark", ["1", "G"])
@pytest.mark.parametrize("side", ["S", "H"])
def test_a_reversed_booking_takes_its_bill_back_on_either_side(tmp_path, mark, side):
    head, *lines = BOOKINGS.strip().split("\n")
    back = lines[5].replace(";S;", f";{side};")
    text = "\n".join([f"{head};Generalumkehr (GU)", *(f"{line};0" for line in lines), f"{back};{mark}"])
    customers, money, told = found(tmp_path, LINE + text)
    assert (customers, money) == (2, 1190 - 20 + 50)
    assert f"on the {'same' if side == 'S' else 'other'} side" in told


def test_a_reversed_booking_without_its_bill_is_on_the_other_side_as_datev_writes_it(tmp_path):
    head, *lines = BOOKINGS.strip().split("\n")
    back = lines[5].replace("30,00;S;", "15,00;H;")
    text = "\n".join([f"{head};Generalumkehr (GU)", *(f"{line};" for line in lines), f"{back};1"])
    assert found(tmp_path, LINE + text)[1] == 1190 - 20 + 50 + 30 - 15


def test_bookings_without_debtors_name_no_customers(tmp_path):
    text = BOOKINGS.replace("10001", "70001").replace("10002", "70002").lstrip()
    with pytest.raises(InputError, match="without debtor accounts"):
        found(tmp_path, LINE + text)
