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
