"""Small spellings at the door: quantities with words, old encodings, months by name and fiscal periods."""

import pandas as pd
import pytest

from cltv_ml.columns.questions import QuestionsError
from cltv_ml.data import clean, read
from cltv_ml.errors import InputError
from cltv_ml.sources.encodings import find_encoding

NAMES = {
    "German": "Müller Bäcker Jörg Äpfel Weiß",
    "French": "Hélène François Café Zoë Dépôt Éric",
    "Spanish": "José Núñez María Peña",
    "Danish": "Søren Ågård Jørgensen Lærke",
}

#: Text of today's encodings that holds letters and signs which older ones would read as other letters.
TODAY = {
    "cp1252": [
        *NAMES.values(),
        "Men’s shoes Women’s hat – blue",
        "€10.00 €4.50 “quoted” — no…",
        "London–Paris",
    ],
    "cp1250": ["Łukasz Żak Wiśniewski Gołąb"],
    "cp1254": ["Yılmaz Şahin Çağlar Öztürk"],
    "cp932": ["テスト アイス カメラ"],
}


def sales(**columns):
    return pd.DataFrame({"order": ["1", "2", "3"], "customer": ["ann", "bob", "ann"], **columns})


@pytest.mark.parametrize(
    "quantities", [["2 pcs", "1 pcs", "3 pcs"], ["2 Stk.", "1 Stück", "3 St"], ["2 x", "1x", "x3"]]
)
def test_quantities_with_a_word_for_pieces_are_numbers(quantities):
    days = ["2025-01-02", "2025-01-03", "2025-02-03"]
    assert (
        clean(sales(date=days, qty=quantities, price=["10.00", "4.50", "4.50"])).log["amount"].sum() == 38.0
    )


def test_a_price_next_to_quantities_in_other_words_is_asked_about():
    days = ["2025-01-02", "2025-01-03", "2025-02-03"]
    frame = sales(date=days, qty=["2 boxes", "1 box", "3 boxes"], price=["10.00", "4.50", "4.50"])
    with pytest.raises(QuestionsError, match="'price' could be the price of one item or of the line"):
        read(frame)
    assert clean(read(frame, {"amount": "price"})).log["amount"].sum() == 19.0


def test_text_of_old_encodings_is_told_by_its_letters(tmp_path):
    wrong = []
    for encoding in ("cp850", "mac_roman", "cp1252"):
        for language, names in NAMES.items():
            path = tmp_path / "a.csv"
            path.write_bytes("\n".join(names.split()).encode(encoding))
            found, _, notes = find_encoding(path)
            wrong += [(language, encoding, found)] * (found != encoding or encoding not in notes[0])
    assert not wrong


def test_text_of_todays_encodings_is_not_taken_for_an_old_one(tmp_path):
    wrong = []
    for encoding, texts in TODAY.items():
        for text in texts:
            path = tmp_path / "a.csv"
            path.write_bytes("\n".join(text.split()).encode(encoding))
            wrong += [(text, one) for one in [find_encoding(path)[0]] if one in ("cp850", "mac_roman")]
    assert not wrong


def test_a_table_of_japanese_customers_is_read_in_the_encoding_of_its_headings(tmp_path):
    """Wide digits had it taken for a western one, and refused."""
    path = tmp_path / "a.csv"
    wide = str.maketrans("0123456789-", "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff0d")
    rows = "".join(f"会員{n},鈴木,{f'090-{n}-1580'.translate(wide)},配信中\n" for n in range(1000, 1300))
    path.write_bytes(f"顧客ID,氏名,電話番号,メルマガ状態\n{rows}".encode("cp932"))
    assert find_encoding(path)[0] == "cp932"


def test_months_by_name_in_a_column_of_their_own_are_part_of_the_date():
    for months in (["March", "April", "May"], ["Mär.", "Apr", "Mai"], ["mars", "avril", "mai"]):
        frame = sales(year=[2025] * 3, month=months, day=[2, 3, 13], amount=[1.0, 2.0, 3.0])
        assert clean(frame).log["timestamp"].dt.strftime("%m-%d").tolist() == ["03-02", "04-03", "05-13"]
        assert clean(frame.drop(columns="day")).log["timestamp"].dt.month.tolist() == [3, 4, 5]


def test_a_month_that_is_missing_is_no_date():
    for months in (["March", "April", "May", "May", "June", "", None], [3, 4, 5, 5, 6, None, None]):
        frame = pd.DataFrame(
            {"customer": list("abcabca"), "year": 2025, "month": months, "day": 2, "amount": 1.0}
        )
        assert clean(frame).quarantine["source_row"].tolist() == [6, 7]


def test_fiscal_periods_are_named():
    with pytest.raises(InputError, match="fiscal periods, such as 'FY24 P03'"):
        clean(sales(period=["FY24 P03", "FY24 P04", "FY24 P05"], amount=[1.0, 2.0, 3.0]))
    with pytest.raises(InputError, match="seem to contain fiscal periods"):
        read(sales(fiscal_year=[2024] * 3, fiscal_period=[3, 4, 5], amount=[1.0, 2.0, 3.0]))


def test_two_quantities_next_to_a_unit_price_are_asked_about_where_they_differ():
    days = ["2025-01-02", "2025-01-03", "2025-02-03"]
    frame = sales(
        date=days, **{"qty ordered": [2, 2, 2], "qty shipped": [2, 1, 2], "price": [10.0, 4.5, 4.5]}
    )
    with pytest.raises(QuestionsError, match="contain different quantities"):
        read(frame)
    assert clean(read(frame, {"quantity": "qty shipped"})).log["amount"].sum() == 33.5
    assert read(frame.assign(**{"qty shipped": 2})).mapping["quantity"] == "qty ordered"


def test_customers_with_signs_of_web_pages_and_one_pair_in_two_cases_are_told():
    frame = pd.DataFrame({"date": "2025-01-02", "amount": [1.0, 2.0, 3.0, 4.0]})
    cases = {
        "contains HTML entities": ["Müller", "M&uuml;ller", "b", "c"],
        "only in upper and lower case": ["ann", "Ann", "b", "c"],
    }
    for told, customers in cases.items():
        notes = clean(frame.assign(customer=customers, order=range(4))).report.notes
        assert any(told in note for note in notes), notes


def test_a_file_that_is_named_like_a_data_set_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not any("data set" in note for note in read("synthetic:2").notes)
    (tmp_path / "synthetic:2").write_text("a file")
    assert (
        "synthetic:2 was read as a public data set. To read the file of that name, use ./synthetic:2."
        in read("synthetic:2").notes
    )
