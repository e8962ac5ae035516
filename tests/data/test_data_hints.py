"""What headings do not say: told from free texts, numbers of orders, money on few lines, and sums of columns."""

import pandas as pd
import pytest

from cltv_ml.columns.questions import QuestionsError
from cltv_ml.data import Rules, change_rules, clean, read
from cltv_ml.errors import InputError

AMOUNTS = [20.0, 30.5, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]


def orders(**columns):
    """Return eight orders with further columns."""
    days = pd.date_range("2025-01-05", periods=8, freq="9D")
    table = {"order_id": range(1, 9), "customer": list("abcdabcd"), "date": days, "total": AMOUNTS}
    return pd.DataFrame({**table, **columns})


def last(value, others=None):
    """Return eight values of which the last one is different."""
    return [others] * 7 + [value]


def test_what_may_be_no_sale_is_told():
    cases = {
        "'description' contains 'Refund for order 3'": orders(
            description=last("Refund for order 3", "Blue shirt")
        ),
        "'tags' contains 'vip, cancelled'": orders(tags=last("vip, cancelled", "vip")),
        "such as 'CN-8', which looks like a credit note": orders(
            order_id=[f"INV-{n}" for n in range(1, 8)] + ["CN-8"]
        ),
        "'zwr' has a number on 1 of 8 lines, never above the amount": orders(zwr=last(25.0, 0.0)),
        "'statut_cmd' with 3 (7 lines), 5 (1 line) is not used": orders(statut_cmd=last("5", "3")),
        "'origin' with web (7 lines), test (1 line) is not used": orders(origin=last("test", "web")),
        "'Bezahlt am' is blank on 1 of 8 lines": orders(**{"Bezahlt am": last(None, "2025-04-01")}),
    }
    untold = [told for told, frame in cases.items() if not any(told in note for note in read(frame).notes)]
    assert not untold


def test_usual_columns_draw_no_hint():
    frame = orders(
        description=["Blue shirt", "Returns & gifts box"] * 4,
        order_id=[f"INV-{n}" for n in range(1, 9)],
        shipping=last(4.9, 0.0),
        送料=last(15.0, 0.0),
        tax=[2.0] * 8,
        ship_status=["sent", "open"] * 4,
        note=["", "please ring, do not cancel"] * 4,
    )
    assert read(frame).notes == ()


def test_lines_of_one_moment_with_one_amount_are_told_where_no_order_is_named():
    frame = pd.concat([orders(sku="A"), orders(sku="B")]).drop(columns="order_id")
    frame["date"] += pd.Timedelta(hours=9)
    assert any("have equal amounts in 8 of 8 cases" in note for note in read(frame).notes)


def test_a_column_that_is_what_is_left_is_asked_about_whatever_it_is_called():
    frame = orders(zniz=[5.0] * 8, kopa=[amount - 5 for amount in AMOUNTS])
    with pytest.raises(QuestionsError, match="'kopa' equals 'total' minus 'zniz'"):
        read(frame)
    assert clean(read(frame, {"amount": "kopa"})).report.money_kept == sum(AMOUNTS) - 40


def test_refunds_are_not_taken_off_an_amount_called_net_in_silence():
    frame = orders(refund_amount=last(10.0, 0.0)).rename(columns={"total": "net_amount"})
    with pytest.raises(QuestionsError, match="may already be net of them"):
        read(frame)
    assert clean(read(frame, {"refunded": ""})).report.money_kept == sum(AMOUNTS)


def test_days_without_a_year_are_not_taken_for_months_of_years():
    frame = orders(date=[f"Jan {day:02}" for day in range(3, 27, 3)])
    with pytest.raises(InputError, match="seem to lack a year"):
        clean(frame)


def test_names_in_another_order_are_told():
    names = ["Ann Lee", "Lee, Ann", "Bob Ray", "Ray, Bob", "Cid Fox", "Fox, Cid", "Ann Lee", "Ann Lee"]
    assert any(
        "only in the order of their names" in note for note in clean(orders(customer=names)).report.notes
    )


def test_addresses_that_stand_for_nobody_are_set_aside():
    frame = orders(email=["noemail@shop.com", "a@x.org"] * 4).drop(columns="customer")
    assert clean(frame).report.money_kept == sum(AMOUNTS[1::2])


def test_an_amount_after_the_fees_of_a_marketplace_is_asked_about():
    fees, net = [-round(one / 10, 2) for one in AMOUNTS], [round(0.9 * one, 2) for one in AMOUNTS]
    cases = {
        "amount=product sales": {"product sales": AMOUNTS, "comissões e impostos": fees, "total": net},
        "amount=Verkaufspreis": {"Verkaufspreis": AMOUNTS, "Verkaufsgebühr": fees, "total": net},
        "amount=": {"unit price": [one / 2 for one in AMOUNTS], "qty": 2, "platform fee": fees, "total": net},
        "amount=gross proceeds": {"gross proceeds": AMOUNTS, "settlement amount": net, "total": None},
    }
    asked = {}
    for answer, columns in cases.items():
        with pytest.raises(QuestionsError, match="may be the seller's payout") as error:
            read(orders(**columns))
        asked[answer] = error.value.questions[0].answers[0]
    assert asked == {answer: answer for answer in cases}


def test_a_fee_that_customers_paid_or_that_is_still_in_the_amount_is_not_asked_about():
    paid = orders(subtotal=[one - 2 for one in AMOUNTS], **{"service fee": 2.0})
    before = orders(fee=0.5, net=[one - 0.5 for one in AMOUNTS])
    assert [read(frame).mapping["amount"] for frame in (paid, before)] == ["total", "total"]


def test_tips_taxes_and_deposits_in_the_amount_are_told_with_the_column_without_them():
    for heading in ("Tip", "Sales tax", "MwSt", "Security deposit", "Kaution"):
        tip = [2.0, 0, 4, 5, 0, 7, 8, 9]
        net = [total - more for total, more in zip(AMOUNTS, tip, strict=True)]
        frame = orders(**{heading: tip, "Goods": net})
        told = " ".join(clean(read(frame, {"amount": "total"})).report.notes)
        assert (
            f"'total' includes the values of {heading!r}, 35.00 in total; 'Goods' does not include them"
            in told
        )
        assert "includes the values of" not in " ".join(
            clean(read(orders(**{heading: tip, "Goods": tip}))).report.notes
        )


def test_what_came_back_is_no_price_that_was_paid():
    back = [0.0] * 4 + [-60.0, 0.0, -80.0, -90.0]
    net = [total + taken for total, taken in zip(AMOUNTS, back, strict=True)]
    frame = orders(**{"Gross sales": AMOUNTS, "Returns": back, "Net sales": net}).drop(columns="total")
    assert clean(read(frame)).report.money_kept == sum(net)


def test_numbers_of_receipts_that_begin_again_are_told():
    told = " ".join(clean(read(orders(order_id=[1, 1, 2, 2, 3, 3, 4, 4]))).report.notes)
    assert "4 of 4 values of 'order_id' belong to several customers" in told
    assert "belong to several customers" not in " ".join(clean(read(orders())).report.notes)


def test_kinds_of_documents_that_are_not_known_are_told():
    told = " ".join(clean(read(orders(BON_TYP=last("Bewirtung", "Umbuchung")))).report.notes)
    assert "'BON_TYP' with Umbuchung (7 lines), Bewirtung (1 line) is not used" in told
    assert clean(read(orders(BON_TYP=last("AVTraining", "Beleg")))).report.money_kept == sum(AMOUNTS[:-1])


def test_numbers_of_credit_notes_are_told_also_where_no_column_is_an_order():
    frame = orders(Number=[f"INV-{number}" for number in range(1, 8)] + ["CN-8"]).drop(columns="order_id")
    raw = read(frame)
    assert "order_id" not in raw.mapping
    [note] = [note for note in raw.notes if "looks like a credit note" in note]
    assert '--mapping order_id=Number with --rule "adjustments=cn.*"' in note
    told = read(frame, {"order_id": "Number"})
    assert len(clean(told, change_rules(Rules(), {"adjustments": ["cn.*"]})).log) == len(frame) - 1


def test_documents_that_begin_with_a_word_for_returns_are_told():
    lines = pd.DataFrame(
        {
            "Документ": [*(f"Реализация {number}" for number in range(23)), "Возврат товаров 3", "Прочее"],
            "Дата": pd.date_range("2025-01-05", periods=25).strftime("%d.%m.%Y"),
            "Контрагент": list("абвгд") * 5,
            "Сумма": [100.0 + number for number in range(25)],
        }
    )
    assert "contains 'Возврат товаров 3' or similar texts on 1 of 25 lines" in " ".join(read(lines).notes)


def test_a_column_that_begins_anew_with_each_order_is_not_the_first_customer_offered():
    orders_of = ["u7", "u2", "u7", "u5", "u2", "u5"]
    lines = pd.DataFrame(
        {
            "เลขที่": [f"24{row // 2}" for row in range(12)],
            "วันที่": [str(pd.Timestamp("2024-01-05") + pd.Timedelta(days=9 * (row // 2))) for row in range(12)],
            "ผู้ใช้": [orders_of[row // 2] for row in range(12)],
            "ยอดรวม": [20.5 + row for row in range(12)],
        }
    )
    with pytest.raises(QuestionsError) as asked:
        read(lines, {"timestamp": "วันที่", "amount": "ยอดรวม"})
    [question] = asked.value.questions
    assert question.answers[0] == "customer_id=ผู้ใช้"


def test_a_column_with_many_values_does_not_part_receipts_of_one_number_by_chance():
    towns = [f"Town {number}" for number in range(8)]
    frame = orders(order_id=[1, 1, 2, 2, 3, 3, 4, 4]).assign(town=towns)
    told = " ".join(clean(read(frame)).report.notes)
    assert "4 of 4 values of 'order_id' belong to several customers" in told


def test_amounts_of_which_only_some_include_tax_are_told():
    notes = " ".join(read(orders(price_includes_vat=["yes", "no"] * 4)).notes)
    assert "amounts of 4 lines include tax and those of 4 lines do not" in notes
    assert "include tax" not in " ".join(read(orders(price_includes_vat=["yes"] * 8)).notes)
