"""Exports whose words no vocabulary contains: what the values alone show is told, and right columns stay quiet."""

import pandas as pd
import pytest

from cltv_ml.data import QuestionsError, clean, read


def found(folder, text, **mapping):
    """Return customers and money of an export, and what was told."""
    path = folder / "export.csv"
    path.write_text(text.strip("\n") + "\n", encoding="utf-8")
    cleaned = clean(read(path, mapping or None))
    report = cleaned.report
    return cleaned.log["customer_id"].nunique(), round(report.money_kept, 2), " ".join(report.notes)


APPOINTMENTS = """
Wizyta,Data,Klient,Etap,Wartość
1,2025-01-05,Anna,Zakończona,80.00
2,2025-01-06,Bolek,Zakończona,110.00
3,2025-01-07,Cela,Nieodbyta,80.00
4,2025-02-05,Anna,Zakończona,80.00
5,2025-02-06,Bolek,Odwołana,110.00
"""


def test_values_in_no_vocabulary_are_told_with_their_lines_and_money(tmp_path):
    told = found(tmp_path, APPOINTMENTS)[2]
    assert (
        "'Etap' with Zakończona (3 lines, 270.00), Odwołana (1 line, 110.00), Nieodbyta (1 line, 80.00)"
        in told
    )
    assert "use --mapping status=Etap; the next run then asks what each value means" in told


def test_the_next_run_asks_what_each_value_means(tmp_path):
    with pytest.raises(QuestionsError, match="'Etap' \\(status\\) contains unknown levels: 'Nieodbyta'"):
        found(tmp_path, APPOINTMENTS, status="Etap")


def test_whole_numbers_may_be_codes_of_states(tmp_path):
    text = """
order,customer,date,amount,situace
1,ann,2025-01-05,20.00,810
2,bob,2025-01-06,30.00,810
3,bob,2025-01-07,30.00,850
4,ann,2025-02-05,25.00,810
5,ann,2025-02-07,25.00,810
6,bob,2025-02-08,10.00,850
"""
    assert "'situace' with 810 (4 lines, 100.00), 850 (2 lines, 40.00)" in found(tmp_path, text)[2]


def shop(**columns):
    """Return 120 orders of 30 customers, with further columns."""
    lines = pd.DataFrame({"order": range(120), "customer": [f"c{row % 30}" for row in range(120)]})
    lines["date"] = pd.date_range("2025-01-01", periods=120).strftime("%Y-%m-%d")
    lines["amount"] = [20.5 + row % 7 for row in range(120)]
    return lines.assign(**columns)


def test_columns_that_describe_customers_goods_or_the_way_of_a_sale_are_quiet():
    described = shop(
        zielgruppe=[["alt", "neu", "fern"][row % 30 % 3] for row in range(120)],
        payment_method=["card", "cash"] * 60,
        store=["north", "south", "east"] * 40,
        ship_status=["sent", "open"] * 60,
    )
    assert clean(read(described)).report.notes == ()


def test_values_that_change_from_order_to_order_of_a_customer_are_told():
    [note] = clean(read(shop(lage=["neu"] * 100 + ["strittig"] * 20))).report.notes
    assert "'lage' with neu (100 lines, 2,345.00), strittig (20 lines, " in note


def test_an_unused_column_of_money_with_another_total_is_told_with_both_totals(tmp_path):
    text = """
order_ref,placed,shopper,goods_value,voucher_value,to_pay
1,2025-01-05,ann,50.00,10.00,40.00
2,2025-01-06,bob,30.00,0.00,30.00
3,2025-01-17,cid,40.00,5.00,35.00
4,2025-02-05,ann,40.00,5.00,35.00
"""
    told = found(tmp_path, text)[2]
    assert "140.00 with 'to_pay', and 160.00 with 'goods_value', which was used" in told


def test_instalments_of_a_contract_are_told(tmp_path):
    text = """
Payment Date,Client,Contract Value,Instalment No,Paid
2025-01-05,Ann,200.00,1,100.00
2025-01-06,Bob,100.00,1,50.00
2025-02-05,Ann,200.00,2,100.00
2025-02-06,Bob,100.00,2,50.00
"""
    assert "300.00 with 'Paid', and 600.00 with 'Contract Value'" in found(tmp_path, text)[2]


def test_a_quantity_below_the_one_in_use_is_told():
    lines = shop(quantity=[2] * 120, final=[2] * 100 + [1] * 20)
    lines["unit_price"] = lines.pop("amount")
    [note] = [note for note in clean(read(lines)).report.notes if "other totals" in note]
    assert "(--mapping quantity=final uses 'final')" in note


def test_parts_that_sum_to_the_amount_of_an_order_show_that_it_is_the_orders_total(tmp_path):
    text = """
code,email,datetime,item,price,total
A1,ann@x.example,2025-01-05 10:00,Day ticket,40.00,80.00
A1,ann@x.example,2025-01-05 10:00,Day ticket,40.00,80.00
A3,cid@x.example,2025-01-07 12:00,Evening,30.00,30.00
A6,ann@x.example,2025-02-01 09:00,Evening,30.00,30.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 140.0)
    assert "'code' changes only with the customer and the time, and was read as order_id" in told


def test_means_of_payment_are_summed_where_no_column_holds_the_total(tmp_path):
    text = """
Transaction Date,Transaction ID,Customer,Cash,Check,CC,Gift Certificate Redemption
2025-01-05,1,Ann Arbor,40.00,0.00,0.00,0.00
2025-01-06,2,Bob Bell,0.00,0.00,60.00,0.00
2025-01-07,3,Cid Cole,5.00,0.00,0.00,20.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (3, 125.0)
    assert "were summed and read as 'amount'" in told


def test_returned_and_cancelled_items_are_taken_off_together(tmp_path):
    text = """
order_number,customer_email,created_at,sku,qty_ordered,qty_canceled,qty_refunded,price
1,ann@x.example,2025-01-05,A,5,1,1,20.00
2,bob@x.example,2025-01-06,B,3,1,0,20.00
3,cid@x.example,2025-01-07,B,2,2,0,20.00
4,dan@x.example,2025-01-08,B,2,0,2,20.00
"""
    assert found(tmp_path, text)[:2] == (2, 100.0)


def test_a_count_of_sales_is_not_the_amount_next_to_revenue(tmp_path):
    text = """
Date,Customer,Sales,Revenue
2025-01-05,Ann,2,60.00
2025-01-06,Bob,1,40.00
2025-01-07,Cid,3,120.00
2025-02-05,Ann,2,80.00
"""
    assert found(tmp_path, text)[:2] == (3, 300.0)


def test_kinds_of_transactions_are_no_order_numbers(tmp_path):
    text = """
Policy,Date,Client,Transaction,Amount
P1,2025-01-05,A1,New Business,300.00
P2,2025-01-06,A2,New Business,400.00
P2,2025-02-06,A2,Adjusted,50.00
P1,2025-02-15,A1,Renewal,350.00
"""
    assert "'Transaction' with New Business (2 lines), Adjusted (1 line)" in found(tmp_path, text)[2]


def test_the_first_answers_name_customers_who_come_back_and_amounts_that_are_sums(tmp_path):
    text = """
Dokument,Tag,Partei,Teil,Rest,Ganzes
D1,2025-01-05,anna,5.00,15.00,20.00
D2,2025-01-06,bernd,6.00,15.00,21.00
D3,2025-02-05,anna,7.00,15.00,22.00
"""
    with pytest.raises(QuestionsError) as asked:
        found(tmp_path, text)
    first = [question.answers[0] for question in asked.value.questions]
    assert "customer_id=Partei" in first
    assert "amount=Ganzes" in first


def test_the_first_answers_name_what_heads_the_groups_of_a_report_and_numbers_that_count_time(tmp_path):
    rows = "".join(
        f"Anna {n},,,\n,{1735900000 + n},{n},{n}.50\n,{1735990000 + n},{n},7.00\nSum {n},,,\n" for n in (1, 2)
    )
    with pytest.raises(QuestionsError) as asked:
        found(tmp_path, "\n,Stempel,Pieces,Amount\n" + rows)
    first = [question.answers[0] for question in asked.value.questions]
    assert first == ["customer_id=column_1", "timestamp=Stempel"]


def test_whole_amounts_of_a_payment_service_are_asked_about_though_all_are_round(tmp_path):
    text = """
id,amount,currency,email,payment_id,created_at
1,49900,INR,ann@x.example,pay_29QQoUBi66xm2f,2025-01-05
2,99900,INR,bob@x.example,pay_29QQoUBi66xm2g,2025-01-06
3,19900,INR,ann@x.example,pay_29QQoUBi66xm2h,2025-02-06
"""
    with pytest.raises(QuestionsError, match="payment services export cents"):
        found(tmp_path, text)


def test_negative_numbers_within_the_amount_may_be_refunds(tmp_path):
    text = """
Order code,Time,Customer code,Amount,Incidents
G1,2025-01-05,C1,25.00,0.00
G2,2025-01-06,C2,30.00,-10.00
G3,2025-02-06,C1,25.00,0.00
"""
    assert "If this is refunded money, use --mapping refunded=Incidents" in found(tmp_path, text)[2]


def test_texts_that_cannot_be_times_are_not_offered_for_one(tmp_path):
    rows = "".join(f"C{n % 3},{n}.50,AB{n},{'xy'[n % 2]}\n" for n in range(12))
    with pytest.raises(QuestionsError, match="no column found for timestamp") as asked:
        found(tmp_path, "customer,amount,code,kind\n" + rows)
    assert asked.value.questions[0].answers == ()


def test_a_price_that_grows_with_the_quantity_is_first_offered_as_that_of_the_line(tmp_path):
    rows = "".join(
        f"{n},2025-01-{n:02d},c{n % 3},{'AB'[n % 2]},{n % 3 + 1},{(n % 3 + 1) * (5.25 + n % 2)}\n"
        for n in range(1, 25)
    )
    with pytest.raises(QuestionsError, match="no column found for amount") as asked:
        found(tmp_path, "receipt,date,customer,item,quantity,final price\n" + rows)
    assert asked.value.questions[0].answers[0] == "amount=final price"


def test_a_wholesale_price_is_offered_before_the_retail_price(tmp_path):
    text = "order,date,customer,item,quantity,retail price,wholesale price\n1,2025-01-05,c,A,2,9.50,4.50\n"
    with pytest.raises(QuestionsError, match="no column found for amount") as asked:
        found(tmp_path, text)
    assert asked.value.questions[0].answers[0] == "unit_price=wholesale price"


def test_columns_with_one_value_are_neither_the_customer_nor_the_amount(tmp_path):
    rows = "".join(
        f"{n},2025-01-{n:02d},c{n % 3},shop@shop.example,EUR,1.0000,{n}.50\n" for n in range(1, 13)
    )
    text = "orders_id,date,customers_id,user,currency,currency_value,final_price\n" + rows
    with pytest.raises(QuestionsError, match="no column found for amount") as asked:
        found(tmp_path, text)
    assert asked.value.questions[0].answers[0] == "amount=final_price"
    with pytest.raises(QuestionsError, match="no column found for customer_id"):
        found(tmp_path, text.replace("customers_id", "code").replace("final_price", "amount"))


def test_the_kind_before_the_number_of_a_document_is_its_type(tmp_path):
    text = """
Документ,Дата,Контрагент,Сумма
Реализация товаров 0000-000001 от 05.01.2025,05.01.2025,ООО Анна,100.00
Реализация товаров 0000-000002 от 06.01.2025,06.01.2025,ООО Борис,80.00
Возврат товаров от покупателя 0000-000001 от 09.01.2025,09.01.2025,ООО Борис,80.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (1, 100.0)
    assert "'document type' is what stands before the number in column 'Документ'" in told


def test_money_named_after_the_customer_is_told_like_any_other():
    paid = [amount * 1.1 for amount in shop()["amount"]]
    notes = " ".join(read(shop(**{"Total Paid Customer": paid})).notes)
    assert f"{sum(paid):,.2f} with 'Total Paid Customer'" in notes


def test_notes_read_rupiah_in_whole_units_and_take_no_remark_for_the_amount(tmp_path):
    text = """
ID Pesanan,Tanggal,Pelanggan,Subtotal,Total Pesanan,Catatan
1,05-01-2025,Adi,Rp 45.000,Rp 57.000,Rp 60.000
2,06-01-2025,Budi,Rp 128.500,Rp 140.500,Rp 150.000
3,17-01-2025,Adi,Rp 89.000,Rp 101.000,Rp 110.000
"""
    money, told = found(tmp_path, text)[1:]
    assert money == 262_500
    assert "lead to other totals: 298,500.00 with 'Total Pesanan', and 262,500.00 with 'Subtotal'" in told
    assert "Catatan" not in told


def test_a_price_without_a_quantity_is_compared_as_other_money():
    lines = shop(delivery=[0.0] * 60 + [3.0] * 60)
    lines["price"], lines["subtotal"] = lines["amount"] + lines["delivery"], lines.pop("amount")
    [note] = [note for note in clean(read(lines)).report.notes if "other totals" in note]
    assert "with 'price', and" in note
    assert "'subtotal', which was used" in note
