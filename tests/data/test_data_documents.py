"""Kinds of documents and lines in several languages: offers, delivery notes, lay-bys."""

from tests.data.test_data_by_hand import answered, found

DOCUMENTS = """
{headings}
2025-01-05,1,ann,{invoice},40.00
2025-01-06,2,bob,{offer},100.00
2025-01-20,4,bob,{other},80.00
2025-02-07,5,bob,{invoice},50.00
"""


def test_offers_and_delivery_notes_next_to_invoices_are_no_sales(tmp_path):
    for headings, invoice, offer, other in (
        ("Datum,Nummer,Klant,Soort,Bedrag", "Factuur", "Offerte", "Pakbon"),
        ("Tarih,Belge No,Müşteri,Belge Türü,Tutar", "Fatura", "Teklif", "Proforma Fatura"),
        ("日付,番号,顧客,種類,金額", "請求書", "見積書", "納品書"),
        ("日期,单号,客户,单据类型,金额", "销售单", "报价单", "送货单"),
    ):
        text = DOCUMENTS.format(headings=headings, invoice=invoice, offer=offer, other=other)
        assert found(tmp_path, text)[:2] == (2, 90.0), headings


def test_an_unknown_document_next_to_invoices_is_a_question(tmp_path):
    text = DOCUMENTS.format(
        headings="Datum,Nummer,Kund,Typ,Belopp", invoice="Faktura", offer="Offert", other="Förköp"
    )
    customers, _, asked = answered(tmp_path, text)
    assert (customers, asked) == (2, ["type=Förköp:counts"])


def test_a_lay_by_next_to_its_payments_is_offered_as_no_sale(tmp_path):
    text = """
Date,Receipt,Customer,Type,Amount
2025-01-05,1,ann,SALE,40.00
2025-01-06,2,bob,LAYBY,100.00
2025-01-06,2,bob,LAYBY_PAYMENT,20.00
2025-01-20,2,bob,LAYBY_PAYMENT,80.00
2025-02-07,3,cara,SALE,50.00
"""
    assert answered(tmp_path, text) == (3, 190.0, ["type=LAYBY:ignore"])


def test_two_columns_of_one_heading_are_told_apart_by_the_quantity(tmp_path):
    text = """
Order ID,Customer,Date,Item,Qty,Price,Price
1,ann,2025-01-05,A,2,20.00,40.00
2,bob,2025-01-06,B,3,10.00,30.00
3,ann,2025-02-07,C,1,20.00,20.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 90.0)
    assert "'Price_2', which is 'Price' times 'Qty'" in told


def test_corrections_and_samples_by_their_text_are_told(tmp_path):
    text = """
order_id,customer,date,sku,description,amount
1,ann,2025-01-05,M1,Mug,40.00
2,bob,2025-01-06,L1,Lamp,50.00
3,bob,2025-01-31,M,Manual,25.00
4,bob,2025-03-06,S,Free sample,1.00
5,bob,2025-03-08,L1,Lamp,50.00
"""
    assert "on 2 of 5 lines, which count like any other" in found(tmp_path, text)[2]


def test_a_header_that_sums_up_the_lines_of_its_order_counts_once(tmp_path):
    text = """
Record Type,Order ID,Date,Customer,Item,Amount
H,1,2025-01-05,ann,,45.00
D,1,2025-01-05,ann,Mug,40.00
D,1,2025-01-05,ann,Postage,5.00
H,2,2025-01-06,bob,,55.00
D,2,2025-01-06,bob,Lamp,50.00
D,2,2025-01-06,bob,Postage,5.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 100.0)
    assert "Lines with 'H' in column 'Record Type', 100.00 in total, sum up" in told
    assert found(tmp_path, text, changes={"amount_per": "line"})[1] == 200.0


def test_equal_payments_of_an_order_are_asked_about_and_offered_as_payments(tmp_path):
    lines = [
        f"p{2 * i + half},{i},c{i % 7},2025-0{1 + i % 9}-05 10:0{half},{20 + i}.00"
        for i in range(40)
        for half in (0, 1)
    ]
    text = "payment_id,order_id,customer_id,paid_at,amount\n" + "\n".join(lines)
    assert answered(tmp_path, text) == (7, 2.0 * sum(range(20, 60)), ["amount_per=line"])


def test_a_total_in_one_currency_is_known_by_the_rate_of_each_line(tmp_path):
    text = """
Invoice No,Date,Customer,Currency,Invoice Total,Exchange Rate,Base Total
1,2025-01-05,ann,EUR,50.00,1.00,50.00
2,2025-01-06,bob,USD,55.00,0.909091,50.00
3,2025-02-07,cara,PLN,344.00,0.232558,80.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (3, 180.0)
    assert "'Base Total' is 'Invoice Total' in one currency" in told


def test_answers_of_a_bank_tell_attempts_from_payments(tmp_path):
    text = """
Attempt,Order Ref,Customer,Time,Amount,Response Code,Response
1,1,ann,2025-01-05 10:00,40.00,51,Insufficient funds
2,1,ann,2025-01-05 10:01,40.00,00,Approved
3,2,bob,2025-01-06 10:00,50.00,00,Approved
4,3,cara,2025-01-06 11:00,70.00,05,Do not honour
"""
    assert found(tmp_path, text)[:2] == (2, 90.0)


def test_an_invoiced_order_with_its_total_on_each_line_counts_once_in_portuguese(tmp_path):
    text = """
Order;Creation Date;Client Email;Status;SKU Name;Quantity_SKU;SKU Total Price;Total Value
v1;2025-01-05;ana@x.example;Faturado;Caneca;2;36.00;90.00
v1;2025-01-05;ana@x.example;Faturado;Lampada;1;50.00;90.00
v2;2025-01-06;beto@x.example;Faturado;Caneca;3;45.00;55.00
v3;2025-01-07;beto@x.example;Cancelado;Caneca;1;20.00;30.00
"""
    assert found(tmp_path, text)[:2] == (2, 145.0)


def test_free_gifts_and_internal_orders_are_told(tmp_path):
    text = """
订单编号,买家昵称,下单时间,货品名称,数量,单价,总金额,赠品标记
1,anna,2025-01-05,杯子,2,20.00,40.00,0
1,anna,2025-01-05,样品,1,10.00,10.00,1
2,bob,2025-01-06,灯,1,50.00,50.00,0
"""
    assert "'赠品标记' says yes on 1 line" in found(tmp_path, text)[2]
    text = """
Order,Date,Customer,Customer Group,Total
1,2025-01-05,ann,Retail,40.00
3,2025-02-06,dan,Employee,25.00
4,2025-02-07,eve,Internal test,99.00
5,2025-02-08,ann,Retail,30.00
"""
    told = found(tmp_path, text)[2]
    assert "'Employee' (1 line, 25.00), 'Internal test' (1 line, 99.00)" in told


def test_a_second_count_of_undone_items_is_told_and_not_taken_for_money(tmp_path):
    text = """
order_number,order_date,customer_number,article,ordered_quantity,cancelled_quantity,returned_quantity,unit_price
1,2025-01-05,c1,A,3,1,0,10.00
1,2025-01-05,c1,B,2,0,1,20.00
2,2025-01-06,c2,A,4,0,0,10.00
"""
    told = found(tmp_path, text, mapping={"returned_quantity": "returned_quantity"})[2]
    assert "'cancelled_quantity' counts items that came back or were not sent and is not used" in told


def test_products_that_are_no_goods_by_their_names_are_told(tmp_path):
    text = """
Sale Date,Client ID,Sale ID,Item name,Item Total
2025-01-15,101,1,10 class pass,150.00
2025-01-16,102,2,Drop-in,20.00
2025-01-17,102,3,Account deposit,100.00
2025-02-17,101,4,Drop-in,20.00
"""
    _, money, told = found(tmp_path, text)
    assert money == 290.0
    assert "'Item name' contains 'Account deposit' (1 line, 100.00), which count as goods" in told
    assert found(tmp_path, text, changes={"non_products": "Account deposit"})[1] == 190.0


def test_replacements_are_told(tmp_path):
    text = """
Order,Date,Customer,Order Type,Total
1,2025-01-15,ann,Standard,40.00
2,2025-01-16,bob,Standard,50.00
3,2025-02-01,bob,Replacement,50.00
"""
    assert "lines such as 'Replacement' (1 line, 50.00) count as sales" in found(tmp_path, text)[2]


def test_a_deposit_with_a_return_of_its_own_is_offered_as_a_sale(tmp_path):
    text = """
Invoice,Date,Customer,Charge type,Amount
1,2025-01-15,ann,Rental,40.00
1,2025-01-15,ann,Security deposit,100.00
1,2025-01-20,ann,Deposit return,-100.00
2,2025-02-16,bob,Rental,50.00
"""
    customers, money, asked = answered(tmp_path, text)
    assert (customers, money) == (2, 90.0)
    assert asked == ["type=Rental:counts,type=Security deposit:counts"]


def test_goods_sent_that_wait_for_the_customer_are_sold_in_chinese(tmp_path):
    text = """
订单编号,买家会员名,订单创建时间,订单状态,买家实际支付金额
1,anna,2025-01-15 10:00:00,交易成功,100
2,bob,2025-01-16 10:00:00,交易关闭,50
3,anna,2025-02-17 10:00:00,卖家已发货，等待买家确认,50
4,anna,2025-02-18 10:00:00,等待买家付款,70
"""
    assert found(tmp_path, text)[:2] == (1, 150.0)


def test_posts_of_a_shop_are_read_with_their_states_and_refunds(tmp_path):
    text = """
ID,post_type,post_parent,post_date,post_status,_customer_user,_order_total
1,shop_order,0,2025-01-15 10:00,wc-completed,7,40.00
2,shop_order,0,2025-01-16 10:00,wc-completed,8,50.00
3,shop_order_refund,2,2025-01-20 10:00,wc-completed,0,-20.00
4,shop_order,0,2025-02-15 10:00,wc-completed,7,20.00
5,shop_order,0,2025-02-16 10:00,wc-pending,8,60.00
"""
    assert found(tmp_path, text)[:2] == (2, 90.0)


def test_a_price_each_and_a_line_total_are_known_in_swedish(tmp_path):
    text = """
Ordernr;Datum;Kundnr;Artikel;Antal;Pris/st;Rabatt %;Radsumma
1;2025-01-15;k1;A;3;20,00;10;54,00
1;2025-01-15;k1;B;1;22,00;0;22,00
2;2025-01-16;k2;A;2;20,00;0;40,00
"""
    assert found(tmp_path, text)[:2] == (2, 116.0)


def test_tenders_among_the_lines_of_a_receipt_are_told(tmp_path):
    text = """
receipt,date,member,line,amount
1,2025-01-15,m1,Mug,40.00
1,2025-01-15,m1,Cash tendered,50.00
1,2025-01-15,m1,Change,-10.00
2,2025-01-16,m2,Lamp,50.00
2,2025-01-16,m2,Card payment,50.00
"""
    assert "Column 'line' contains 'Card payment' or similar texts" in found(tmp_path, text)[2]
    assert "Column 'item' contains 'Card payment'" in found(tmp_path, text.replace("line", "item"))[2]


def test_operations_of_invoices_are_known_in_portuguese(tmp_path):
    text = """
Número NF;Data emissão;Cliente;Natureza da operação;Valor total
1;15/01/2025;Ana;Venda de mercadoria;40,00
2;16/01/2025;Beto;Venda de mercadoria;50,00
3;17/01/2025;Beto;Devolução de venda;10,00
4;18/01/2025;Ana;Remessa em bonificação;15,00
"""
    assert found(tmp_path, text)[:2] == (2, 80.0)


def test_sales_and_returns_under_an_unknown_heading_are_asked_about(tmp_path):
    text = """
No;Date;Customer;Livro;Total
1;2025-01-15;Ana;Venda;40.00
2;2025-01-16;Beto;Venda;50.00
3;2025-01-17;Beto;Devolução de venda;10.00
4;2025-01-18;Ana;Empréstimo;15.00
"""
    assert answered(tmp_path, text)[2][0] == "type=Livro"


def test_a_tax_is_not_offered_as_what_was_paid(tmp_path):
    text = """
Fatura No;Tarih;Müşteri;Ara Tutar;KDV;Genel Toplam
1;15.01.2025;Ayşe;40,00;8,00;48,00
2;16.01.2025;Can;50,00;10,00;60,00
3;20.01.2025;Can;10,00;2,00;12,00
"""
    assert found(tmp_path, text)[:2] == (2, 120.0)


def test_an_estimate_is_offered_after_the_final_price(tmp_path):
    text = """
Job,Date,Client,Estimated price,Final price,Status
1,2025-01-15,ann,35.00,40.00,Done
2,2025-01-16,bob,60.00,50.00,Done
3,2025-01-17,bob,70.00,,Scheduled
"""
    assert answered(tmp_path, text) == (2, 90.0, ["amount=Final price", "status=Scheduled:ignore"])


def test_taxes_among_the_lines_and_intercompany_sales_are_told(tmp_path):
    text = """
Rechnung;Datum;Kunde;Bezeichnung;Betrag
1;15.01.2025;Anna;Tasse;40,00
1;15.01.2025;Anna;MwSt 19%;7,60
2;16.01.2025;Bob;Lampe;50,00
3;17.01.2025;Bob;Teller;20,00
"""
    told = found(tmp_path, text)[2]
    assert "'Bezeichnung' contains 'MwSt 19%' (1 line, 7.60), which count as goods" in told
    given = {"mapping": {"product_id": "Bezeichnung"}, "changes": {"non_products": "MwSt 19%"}}
    assert found(tmp_path, text, **given)[1] == 110.0
    text = """
Invoice,Date,Customer,Sales type,Net amount
1,2025-01-15,Acme,External,40.00
2,2025-01-16,Beta,External,50.00
3,2025-01-17,Acme Holding,Intercompany,900.00
"""
    assert "'Intercompany' (1 line, 900.00)" in found(tmp_path, text)[2]


def test_what_is_still_owed_is_not_sold(tmp_path):
    text = """
Date,Client,Service,Price,Payment
2025-01-15,ann,Cut,40.00,Paid
2025-01-16,bob,Colour,50.00,Paid
2025-01-17,bob,Cut,30.00,Owing
"""
    assert found(tmp_path, text)[:2] == (2, 90.0)


def test_a_total_without_tax_is_known_in_danish(tmp_path):
    text = """
Ordrenr.;Dato;E-mail;Total ekskl. moms;Moms;Total inkl. moms
1;15-01-2025;ann@x.example;40,00;10,00;50,00
2;16-01-2025;bo@x.example;50,00;12,50;62,50
3;17-01-2025;bo@x.example;30,00;7,50;37,50
"""
    assert found(tmp_path, text)[:2] == (2, 120.0)


def test_refunds_above_their_orders_are_told(tmp_path):
    text = """
Order,Customer,Date,Total,Refunded Amount,Currency
1,ann,2025-01-05,40.00,0.00,EUR
2,bob,2025-01-06,50.00,10.00,EUR
3,bob,2025-01-08,30.00,35.00,EUR
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 80.0)
    assert "The refunds of 1 order exceed their amounts, by 5.00 EUR in total" in told


def test_a_credit_note_names_its_invoice_also_where_only_values_tell_its_kind(tmp_path):
    text = """
Documento;Número;Data;Cliente;Total;Doc. origem
Fatura;FT 1;06-03-2023;Ana;40,00;
Fatura;FT 2;10-03-2023;Ana;50,00;
Fatura;FT 3;15-03-2023;Ana;60,00;
Fatura;FT 4;16-03-2023;Rui;70,00;
Nota de Crédito;NC 1;19-03-2023;Ana;40,00;FT 1
Nota de Crédito;NC 2;20-03-2023;Ana;10,00;FT 3
Nota de Crédito;NC 3;21-03-2023;Rui;20,00;FT 4
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 150.0)
    assert "'Doc. origem' refers to other orders" in told


def test_the_date_inside_the_texts_of_documents_is_read_if_no_column_holds_dates(tmp_path):
    text = """
Документ;Контрагент;Сумма
Реализация (акт, накладная) 00000000012 от 03.05.2025 12:10:00;Анна;40,00
Реализация (акт, накладная) 00000000013 от 04.05.2025 9:30:00;Борис;50,00
Возврат товаров от покупателя 00000000001 от 14.05.2025 10:00:00;Анна;-10,00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 80.0)
    assert "'date of the document' is the date inside the text of column 'Документ'" in told
    dated = text.replace("Документ;", "День;Документ;").replace("\nР", "\n05.05.2025;Р")
    assert "inside the text" not in found(tmp_path, dated.replace("\nВ", "\n15.05.2025;В"))[2]
