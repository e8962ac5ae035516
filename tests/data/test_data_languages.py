"""Exports in many languages: headings put together from common words, statuses, refunds, calendars and digits."""

import pandas as pd
import pytest

from cltv_ml.columns.candidates import named
from cltv_ml.columns.compound import find_compound
from cltv_ml.columns.levels import read_level
from cltv_ml.data import clean, read
from cltv_ml.errors import InputError
from tests.data.test_data_by_hand import found

DAYS = ["2024-01-05", "2024-01-19", "2024-02-07", "2024-02-28", "2024-03-13", "2024-03-31"]


def shop(tmp_path, header, rows, encoding="utf-8"):
    """Return the path of a file divided by semicolons."""
    path = tmp_path / "export.csv"
    lines = [header, *(";".join(map(str, row)) for row in rows)]
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "headings"),
    [
        (
            "customer_id",
            "Kunden Email;Login kupującego;Klantnaam;注文者メールアドレス;구매자;Username (Buyer);לקוח;"
            "ชื่อผู้ใช้ (ผู้ซื้อ);Mitgliedsnr.;Mitglieds-ID;Nº de socio;Numéro d'adhérent;Lidnummer;Medlemsnr;Jäsennumero;"
            "Číslo člena;Numer członka;Üye No;Nomor anggota;N° abonné;Abonnentennummer;Subscriber;Versicherungsnehmer;"
            "Gastnummer;Patienten-ID;Student No;Player UUID;Haushaltsnummer;Relatienummer;Šifra kupca;Kliendikood",
        ),
        (
            "amount",
            "Gesamtbetrag Brutto;Total inkl. MwSt. CHF;Wartość zamówienia;결제액;Сума;"
            "Faturalanacak Tutar;Positionswert;請求金額合計;お支払額;合计应收;จำนวนเงินทั้งหมด;상품별 총 주문금액",
        ),
        ("order_id", "Παραγγελία;Comanda;เลขที่คำสั่งซื้อ;หมายเลขคำสั่งซื้อ;Замовлення;شماره سفارش"),
        (
            "refunded",
            "Kwota zwrotu;Återbetalt belopp;Сумма возврата;返金額;환불액;ยอดคืนเงิน;المبلغ المسترد;Tiền hoàn",
        ),
        ("payment_status", "Order Payment State;Financial status code"),
    ],
)
def test_headings_put_together_from_common_words_are_read(name, headings):
    unread = [heading for heading in headings.split(";") if not find_compound(name, [heading])]
    assert not unread


def test_german_headings_of_costs_are_known():
    for name, headings in {
        "cost": ["Einstandskosten", "Wareneinsatz", "Wareneinsatz netto (EUR)"],
        "unit_cost": ["Einstandspreis", "Einstandspreis pro Stück"],
    }.items():
        assert [named(name, [heading]) for heading in headings] == [[heading] for heading in headings]


def test_headings_that_only_hold_such_words_are_left():
    for name, headings in {
        "customer_id": [
            *(
                "Customer Group",
                "Customer type",
                "Customer Address",
                "Customer since",
                "Members",
                "Member since",
            ),
            *(
                "Number of guests",
                "No of passenger",
                "Teilnehmerzahl",
                "Household size",
                "Membership",
                "Guests",
            ),
        ],
        "amount": ["Total Orders", "VAT amount", "Discount total", "Item count", "Sales order", "Paid"],
        "order_id": ["Order Date", "Order Status"],
    }.items():
        assert find_compound(name, headings) == []


def test_statuses_are_read_in_languages_of_other_scripts():
    wanted = {
        "refund": "คืนเงิน Повернено Върната הוחזר مرجوع Rambursat Vrátené Vraćeno 已退款 환불 Zwrócone İade",
        "ignore": "ยกเลิก Скасовано Отказана בוטל Anulat Zrušené Otkazano Dibatalkan 已取消 취소 Неоплачен İptal",
        "counts": "ชำระแล้ว Оплачено Платена שולם Platit Zaplatené Plaćeno Lunas 已付款 Ödendi",
    }
    levels = [(level, reading) for reading, listed in wanted.items() for level in listed.split(" ")]
    levels += [("تم الدفع", "counts"), ("Ödeme Alındı", "counts"), ("في انتظار الدفع", "ignore")]
    levels += [("一部返品", "counts"), ("部分退款", "counts"), ("부분 환불", "counts"), ("Réussie", "counts")]
    levels += [("Chưa thanh toán", "ignore"), ("riuscito", "counts"), ("in behandeling", "counts")]
    levels += [("Slutbetald", "counts"), ("Obetald", "ignore")]
    levels += [("تم الغاء الطلب", "ignore"), ("返送", "refund")]
    posted = (
        "Gebucht Verbucht Comptabilisée Contabilizado Contabilizzata Geboekt Zaksięgowana Bokförd Проведен"
    )
    levels += [(level, "counts") for level in posted.split()]
    levels += [
        ("Nicht gebucht", "ignore"),
        ("Не проведен", "ignore"),
        ("Non comptabilisée", "ignore"),
        ("Umgebucht", None),
    ]
    wrong = [level for level, reading in levels if read_level("status", level) != reading]
    assert not wrong


def test_a_status_in_another_language_is_found_under_any_heading():
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b", "a", "c", "b", "c"],
            "date": DAYS,
            "amount": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0],
            "col7": ["ชำระแล้ว"] * 4 + ["ยกเลิก", "คืนเงิน"],
        }
    )
    assert clean(frame).report.money_kept == 100


def test_refunds_under_a_heading_of_another_language_are_taken_off(tmp_path):
    rows = [
        (number, day, f"K{number % 3}", "50,00", "20,00" if number == 4 else "0,00")
        for number, day in enumerate(DAYS)
    ]
    path = shop(tmp_path, "Заказ;Дата;Клиент;Сумма;Сумма возврата", rows)
    assert clean(read(path)).report.money_kept == 280


@pytest.mark.parametrize(
    "dates",
    [
        [
            "令和6年1月5日",
            "令和6年1月19日",
            "令和6年2月7日",
            "令和6年2月28日",
            "令和6年3月13日",
            "令和6年3月31日",
        ],
        ["05/01/2567", "19/01/2567", "07/02/2567", "28/02/2567", "13/03/2567", "31/03/2567"],
        ["113/01/05", "113/01/19", "113/02/07", "113/02/28", "113/03/13", "113/03/31"],
        ["1402/10/15", "1402/10/29", "1402/11/18", "1402/12/09", "1402/12/23", "1403/01/12"],
        ["۱۴۰۲/۱۰/۱۵", "۱۴۰۲/۱۰/۲۹", "۱۴۰۲/۱۱/۱۸", "۱۴۰۲/۱۲/۰۹", "۱۴۰۲/۱۲/۲۳", "۱۴۰۳/۰۱/۱۲"],
        ["٢٠٢٤-٠١-٠٥", "٢٠٢٤-٠١-١٩", "٢٠٢٤-٠٢-٠٧", "٢٠٢٤-٠٢-٢٨", "٢٠٢٤-٠٣-١٣", "٢٠٢٤-٠٣-٣١"],
        ["2024-W01-5", "2024-W03-5", "2024-W06-3", "2024-W09-3", "2024-W11-3", "2024-W13-7"],
        [f"{day} {half} 1:00" for day, half in zip(DAYS, ["上午", "下午"] * 3, strict=True)],
        [f"/Date({int(pd.Timestamp(day).timestamp() * 1000)})/" for day in DAYS],
        [f"{(pd.Timestamp(day) - pd.Timestamp('1899-12-30')).days},25" for day in DAYS],
    ],
)
def test_dates_of_other_calendars_and_notations_are_read(tmp_path, dates):
    rows = [(f"K{number % 3}", date, 10 + number) for number, date in enumerate(dates)]
    log = clean(read(shop(tmp_path, "customer;date;amount", rows))).log
    assert [f"{day:%Y-%m-%d}" for day in log["timestamp"]] == DAYS


def test_islamic_years_are_refused_by_name(tmp_path):
    rows = [(f"K{number % 3}", f"1445/06/{number + 10}", 10) for number in range(6)]
    with pytest.raises(InputError, match="Islamic calendar"):
        clean(read(shop(tmp_path, "customer;date;amount", rows)))


def test_digits_of_another_script_are_amounts(tmp_path):
    rows = [(f"K{number % 3}", day, "۱۲٫۵۰") for number, day in enumerate(DAYS)]
    cleaned = clean(read(shop(tmp_path, "customer;date;amount", rows)))
    assert cleaned.report.money_kept == 75
    assert any("digits of another script" in note for note in cleaned.report.notes)


def test_an_order_that_waits_for_its_confirmation_is_no_sale_and_one_with_its_payment_done_is():
    assert read_level("status", "注文確認待ち") == "ignore"
    assert read_level("status", "支払手続き済") == "counts"
    for name, level, meaning in (
        ("status", "无售后或售后取消", "counts"),
        ("status", "订单取消", "ignore"),
        ("status", "交易完成", "counts"),
        ("status", "Đã hoàn", "refund"),
        ("status", "Đã hoàn thành", "counts"),
        ("status", "Сделка провалена", "ignore"),
        ("type", "charged_back", "refund"),
        ("type", "חשבונית זיכוי", "refund"),
        ("type", "Díjbekérő", "ignore"),
        ("type", "Végszámla", "counts"),
        ("captured", "cancelled", "ignore"),
    ):
        assert read_level(name, level) == meaning, level


def test_documents_of_a_ledger_in_russian_are_mapped_by_their_headings():
    table = {"Контрагент": list("abcabc"), "Дата": DAYS, "Сумма документа": [1.5, 2, 3, 4, 5, 6]}
    assert set(read(pd.DataFrame(table)).mapping.values()) == set(table)


def test_headings_of_more_countries_are_read():
    headings = {
        "customer_id": "Account Reference;Vevő neve;買受人;用户标识;CompAuxNum;Firma;Tên khách hàng;"
        "שם לקוח;Κωδ. πελάτη;Zákaznícka karta;Üye Mail;手机;メールアドレス;เบอร์โทรศัพท์;Odběratel;Mieter;cust_code;"
        "Supporter ID;Почта",
        "timestamp": "發票日期;发生时间;Reservation Date",
        "amount": "銷售額;收入金额（+元）;Laskun summa;Tổng tiền thanh toán;Total Harga Produk;Συνολική Αξία;"
        'סה"כ;Tổng thu;ยอดชำระสุทธิ;商家实收金额(元);Καθαρή αξία;Spolu s DPH;Valor da parcela',
        "order_id": "發票號碼;Folio;מספר מסמך;Número;POS Check ID;Číslo účtenky;Παραστατικό;オーダー番号;เลขที่เอกสาร",
        "quantity": "Jumlah",
        "cancelled_at": "Makulerad;Storno",
    }
    unread = [
        (name, heading)
        for name, listed in headings.items()
        for heading in listed.split(";")
        if not named(name, [heading]) and not find_compound(name, [heading])
    ]
    assert not unread
    assert not find_compound("order_id", ["Auftragskonto", "Order account"])


def test_who_bought_is_taken_before_who_attended():
    assert named("customer_id", ["Attendee", "Purchaser Email"]) == ["Purchaser Email"]
    assert named("customer_id", ["customer", "loyalty"]) == ["customer"]


def test_goods_given_back_from_orders_with_one_total_are_asked_about_in_korean(tmp_path):
    header = "주문번호;주문일시;주문자 아이디;상품명;수량;판매가;총 결제금액;주문상태"
    rows = [
        ("k1", "2024-01-05", "u1", "컵", 1, 9000, 21000, "구매확정"),
        ("k1", "2024-01-05", "u1", "접시", 1, 12000, 21000, "반품완료"),
        ("k2", "2024-02-05", "u2", "컵", 2, 9000, 18000, "구매확정"),
        ("k3", "2024-03-05", "u1", "컵", 1, 9000, 34000, "구매확정"),
        ("k3", "2024-03-05", "u1", "꽃병", 1, 25000, 34000, "구매확정"),
    ]
    path = shop(tmp_path, header, rows)
    with pytest.raises(InputError, match=r"1 order with a total of 21,000\.00 contains both"):
        clean(read(path))
    assert clean(read(path, {"amount": ""})).report.money_kept == 61_000


def test_a_slovak_till_is_read_with_its_returns(tmp_path):
    header = "Číslo účtenky;Dátum;Zákaznícka karta;Tovar;Množstvo;Cena s DPH;Spolu s DPH;Druh"
    rows = [(n, f"{1 + n}.01.2024", f"c{n}", "Soap", 3, "10,00", "30,00", "predaj") for n in range(1, 7)]
    rows += [(10 + n, f"{9 + n}.01.2024", f"c{n}", "Soap", -3, "10,00", "-30,00", "vrátenie") for n in (1, 2)]
    assert clean(read(shop(tmp_path, header, rows))).report.money_kept == 120


def test_what_is_left_to_pay_is_the_amount_next_to_a_discount_in_hebrew(tmp_path):
    header = "מספר הזמנה;תאריך הזמנה;Customer;סה״כ;הנחה;לתשלום"
    rows = [
        (n, f"{n:02}/03/2024", f"c{n % 3}", f"{n}0.00", f"{n % 2}.00", f"{10 * n - n % 2}.00")
        for n in range(13, 20)
    ]
    assert clean(read(shop(tmp_path, header, rows))).report.money_kept == sum(
        10 * n - n % 2 for n in range(13, 20)
    )


@pytest.mark.parametrize(
    "nobody", ["Contante verkoop", "Sprzedaż detaliczna", "Vente au comptoir", "Nakit müşteri"]
)
def test_sales_over_the_counter_are_no_customer_in_other_languages(tmp_path, nobody):
    text = f"""
Bon;Datum;Klant;Bedrag
1;25-01-2025;Ann;4,00
2;26-01-2025;{nobody};5,00
3;27-01-2025;Bob;10,00
4;28-01-2025;{nobody};20,00
"""
    assert found(tmp_path, text)[:2] == (2, 14.0)


@pytest.mark.parametrize(
    "stage", ["Etapa del negocio", "Etapa do negócio", "Deal-Phase", "Phase de la transaction"]
)
def test_the_stage_of_a_deal_is_its_status_in_other_languages(tmp_path, stage):
    text = f"""
Deal ID,Customer,Close Date,Amount,{stage}
1,Ann,2025-01-05,10.00,Closed Won
2,Bob,2025-01-06,20.00,Closed Lost
3,Bob,2025-01-07,40.00,Closed Won
"""
    assert found(tmp_path, text)[:2] == (2, 50.0)


def test_what_is_on_its_way_is_sold_in_russian(tmp_path):
    text = """
Номер заказа;Дата;Покупатель;Статус;Сумма
1;05.01.2025;Ann;Доставлен;10,00
2;06.01.2025;Bob;Доставляется;20,00
3;07.01.2025;Bob;Отменён;40,00
"""
    assert found(tmp_path, text)[:2] == (2, 30.0)
