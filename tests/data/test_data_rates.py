"""Rates of currencies by day, and questions answered in the terminal."""

import pandas as pd
import pytest

from cltv_ml.data import QuestionsError, answer, change_rules, clean, read
from cltv_ml.errors import InputError

TABLE = "date,currency,rate\n2025-01-01,USD,0.90\n2025-01-10,USD,0.80\n2025-01-01,GBP,1.20\n"


def sales(*lines):
    return pd.DataFrame(lines, columns=["customer", "date", "amount", "currency"])


def cleaned(frame, tmp_path, table=TABLE, rates=("EUR:1",)):
    (tmp_path / "rates.csv").write_text(table)
    raw = read(frame, changes={"rates": [str(tmp_path / "rates.csv"), *rates]})
    return clean(raw)


def test_a_line_takes_the_latest_rate_not_after_its_day(tmp_path):
    frame = sales(
        ("a", "2025-01-09", 100, "USD"),
        ("a", "2025-01-10", 100, "usd"),
        ("b", "2025-03-01", 10, "GBP"),
        ("b", "2025-03-02", 5, "EUR"),
    )
    result = cleaned(frame, tmp_path)
    assert result.log["amount"].tolist() == [90.0, 80.0, 12.0, 5.0]
    assert any("rates.csv" in note for note in result.report.notes)


def test_lines_older_than_the_first_rate_are_asked_about(tmp_path):
    with pytest.raises(InputError, match="1 line is dated before the first rate"):
        cleaned(sales(("a", "2024-12-31", 100, "USD"), ("a", "2025-01-10", 100, "EUR")), tmp_path)


def test_a_currency_without_any_rate_is_asked_about(tmp_path):
    with pytest.raises(InputError, match="there is no rate for 'JPY'"):
        cleaned(sales(("a", "2025-01-31", 100, "USD"), ("a", "2025-01-10", 100, "JPY")), tmp_path)


def test_a_broken_table_of_rates_is_refused(tmp_path):
    frame = sales(("a", "2025-01-31", 100, "USD"), ("a", "2025-01-10", 100, "EUR"))
    for table, words in (
        (TABLE.replace("0.90", "-1"), "no positive rate"),
        ("a,b\n1,2\n", "columns date, currency and rate"),
    ):
        with pytest.raises(InputError, match=words):
            cleaned(frame, tmp_path, table)
    raw = read(frame, changes={"rates": "nowhere.csv"})
    with pytest.raises(InputError, match="neither a file nor a column"):
        clean(raw)


def test_one_run_asks_all_that_is_open():
    frame = pd.DataFrame(
        {
            "customer": ["a", "b"],
            "date": ["01/02/2025", "03/04/2025"],
            "total": ["1.250", "2.500"],
            "revenue": ["1.250", "2.500"],
            "status": ["B7", "paid"],
            "Is Return": ["Y", "N"],
        }
    )
    with pytest.raises(InputError) as asked:
        read(frame)
    for words in ("could each be the amount", "Is Return", "day_first", "'B7'"):
        assert words in str(asked.value)


def test_answers_lead_to_the_truth():
    frame = pd.DataFrame(
        {
            "customer": ["a", "b"],
            "date": ["01/02/2025", "03/04/2025"],
            "net": [1.0, 2.0],
            "gross": [2.0, 4.0],
            "status": ["B7", "paid"],
        }
    )
    mapping, rules = answer(["amount=gross", "day_first=true", "status=B7:counts"], {}, {})
    result = clean(read(frame, mapping, changes=rules))
    assert result.report.money_kept == 6.0
    assert result.log["timestamp"].dt.month.tolist() == [2, 4]
    assert change_rules(read(frame, mapping, changes=rules).rules, {}).day_first is True


IN_CURRENCIES = """
order_id,date,email,currency,total,base_total,total_refunded,base_total_refunded
1,2025-01-05,ann@x.example,EUR,50.00,50.00,,
2,2025-01-06,bob@x.example,USD,110.00,100.00,27.50,25.00
3,2025-02-05,ann@x.example,GBP,40.00,50.00,,
4,2025-02-06,bob@x.example,EUR,60.00,60.00,,
"""


def read_export(folder, text, **mapping):
    path = folder / "export.csv"
    path.write_text(text.strip() + "\n", encoding="utf-8")
    return clean(read(path, mapping))


def test_refunds_are_those_in_the_currency_of_the_amount(tmp_path):
    report = read_export(tmp_path, IN_CURRENCIES, amount="base_total", currency="").report
    assert report.mapping["refunded"] == "base_total_refunded"
    assert report.money_kept == 50 + (100 - 25) + 50 + 60


def test_refunds_that_may_be_in_other_currencies_than_the_amount_are_asked_about(tmp_path):
    alone = "\n".join(row.rpartition(",")[0] for row in IN_CURRENCIES.strip().split("\n"))
    alone = alone.replace("total_refunded", "refund")
    for text in (alone, alone.replace(",total,", ",weight,").replace("0.00,", "1,")):
        with pytest.raises(QuestionsError, match="'refund' contains refunds, perhaps in the currencies"):
            read_export(tmp_path, text, amount="base_total", currency="")


def test_money_called_that_of_the_shop_needs_no_rates(tmp_path):
    rows = ["1,2025-01-05,ann@x.example,EUR,50.00", "2,2025-01-06,bob@x.example,USD,100.00"]
    for heading in ("base_total", "Amount (LCY)", "shop_total"):
        text = "\n".join([f"order_id,date,email,currency,{heading}", *rows])
        with pytest.raises(QuestionsError, match="is in one currency, as its name suggests") as asked:
            read_export(tmp_path, text)
        assert asked.value.questions[0].answers == ("currency=",)


@pytest.mark.parametrize(
    ("changes", "kept", "said"),
    [
        ({}, 15.0, "1 line with a total of 5.00, read as USD"),
        ({"rates": "USD:0.5"}, 10.0, "read as the log's currency"),
    ],
)
def test_a_line_without_a_currency_beside_others_is_told(changes, kept, said):
    frame = sales(("a", "2025-01-09", 10, "USD"), ("b", "2025-01-10", 5, ""))
    report = clean(read(frame, changes=changes)).report
    assert report.money_kept == kept
    assert any(said in note for note in report.notes)


def test_the_same_money_in_one_currency_is_found_by_its_numbers(tmp_path):
    rows = [
        (1, "EUR", 9.0, 10.0), (2, "USD", 20.0, 20.0), (3, "EUR", 27.0, 30.0), (4, "GBP", 32.0, 40.0),
        (5, "USD", 15.0, 15.0), (6, "GBP", 8.0, 10.0),
    ]  # fmt: skip
    text = "\n".join(
        f"{n},2025-01-{n:02d},c{n % 3},{code},{money},{money * 0.2},{settled},{settled * 0.19}"
        for n, code, money, settled in rows
    )
    text = "id,date,customer,currency,total,vat,payout,commission\n" + text
    with pytest.raises(QuestionsError, match="If 'payout' is the same money in one currency") as asked:
        read_export(tmp_path, text)
    assert asked.value.questions[0].answers == ("amount=payout,currency=",)
    text = text.replace("currency", "payout currency", 1)
    with pytest.raises(QuestionsError, match="'payout' is in these currencies and 'total' in one") as asked:
        read_export(tmp_path, text)
    assert asked.value.questions[0].answers == ("currency=",)


def test_refunds_and_amounts_are_chosen_in_the_same_currency(tmp_path):
    text = IN_CURRENCIES.replace("base_total_refunded", "refunded_amount_eur").replace(
        "base_total", "total_eur"
    )
    report = read_export(tmp_path, text.replace("total_refunded", "refunded_amount")).report
    assert report.mapping["amount"] == "total_eur"
    assert report.mapping["refunded"] == "refunded_amount_eur"
    assert report.money_kept == 50 + (100 - 25) + 50 + 60


def test_rates_in_a_column_of_the_source_are_offered_and_used_line_by_line():
    rates = {"INR": [1.0, 1.0, 1.0], "USD": [83.0, 84.0, 83.5], "GBP": [105.0, 106.0, 105.5]}
    lines = [(code, day, rate) for code, listed in rates.items() for day, rate in enumerate(listed)]
    frame = pd.DataFrame(
        {
            "customer": [code + str(day % 2) for code, day, _ in lines],
            "date": [f"2025-0{day + 1}-05" for _, day, _ in lines],
            "amount": [10.0 + day for _, day, _ in lines],
            "currency": [code for code, *_ in lines],
            "Exchange Rate": [rate for *_, rate in lines],
        }
    )
    with pytest.raises(QuestionsError, match=r"1 GBP = 105\.5, 1 USD = 83\.5") as asked:
        clean(read(frame))
    [question] = asked.value.questions
    mapping, rules = answer([question.answers[0]], {}, {})
    report = clean(read(frame, mapping, changes=rules)).report
    assert report.money_kept == pytest.approx((frame["amount"] * frame["Exchange Rate"]).sum())
    assert any("multiplied by its rate in column 'Exchange Rate'" in note for note in report.notes)


def test_what_is_neither_a_rate_nor_a_column_is_named():
    with pytest.raises(InputError, match="'Kurs' is neither a file nor a column"):
        clean(
            read(
                sales(("a", "2025-01-05", 1, "USD"), ("b", "2025-01-06", 1, "EUR")),
                changes={"rates": ["Kurs"]},
            )
        )
