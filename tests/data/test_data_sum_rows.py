"""Rows that add up other rows: subtotals, sums carried forward, and what a file says of its period and its total."""

import pytest

from cltv_ml.columns import zones
from cltv_ml.data import QuestionsError, clean, read, sum_rows

MONEY = [12.5, 30, 7.25, 19, 44.5, 8, 15, 61, 23.75, 9.5, 31, 27]


def cleaned(tmp_path, text, name="sales.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return clean(read(path))


def lines(label, of_sums, every=3):
    """Return lines of a report, with a row of sums after every few of them, and the sum of the lines."""
    text, block, total = "Kunde;Datum;Beleg;Umsatz\n", 0.0, 0.0
    for number, money in enumerate(MONEY, 1):
        text += f"K{number % 5};2024-01-{number:02d};B{number};{money}\n"
        block, total = block + money, total + money
        if number % every == 0:
            text += (
                f"{label.format(number)};2024-01-{number:02d};;{block if of_sums == 'blocks' else total}\n"
            )
            block = 0.0
    return text, total


@pytest.mark.parametrize(
    ("label", "of_sums"),
    [("Monatsumme", "blocks"), ("Übertrag", "carried"), ("K{} Ergebnis", "blocks"), ("Σ {}", "blocks")],
)
def test_rows_that_are_sums_of_others_are_set_aside_whatever_they_are_called(tmp_path, label, of_sums):
    text, total = lines(label, of_sums)
    report = cleaned(tmp_path, text).report
    assert report.money_kept == total
    assert any("4 lines" in note and "exactly the sums" in note for note in report.notes)


def test_rows_that_are_sums_only_in_the_first_lines_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(sum_rows, "_LINES", 12)
    text, total = lines("Monatsumme", "blocks")
    assert cleaned(tmp_path, text).report.money_kept == total
    later = "".join(
        f"{'Monatsumme' if n % 3 == 0 else f'K{n % 5}'};2024-02-{n:02d};C{n};{n}.17\n" for n in range(1, 28)
    )
    report = cleaned(tmp_path, text + later).report
    assert report.rows_kept == 4 * 4 + 27
    assert not any("were quarantined" in note for note in report.notes)


def test_sums_above_their_lines_and_a_last_sum_of_all_are_set_aside(tmp_path):
    text, total = lines("Block", "blocks")
    header, *rows = text.splitlines()
    upside_down = "\n".join([header, *reversed(rows), f"Alles;2024-01-31;;{total}", ""])
    report = cleaned(tmp_path, upside_down).report
    assert report.money_kept == total
    assert any("5 lines without a value in column 'Beleg'" in note for note in report.notes)


@pytest.mark.parametrize("sign", [1, -1])
def test_lines_that_pay_for_the_others_are_set_aside_also_those_of_returns(tmp_path, sign):
    text = "Kunde;Tag;Beleg;Satz;Umsatz\n"
    for number, money in enumerate(MONEY, 1):
        for back in (1, -1) if number == 7 else (1,):
            head = f"K{number % 5};2024-01-{number:02d};B{number * back}"
            text += f"{head};Ware;{back * money}\n{head};Ware;{back * 0.5}\n{head};Nachlass;{-back}\n"
            text += f"{head};Bar;{sign * back * (money - 0.5)}\n"
    report = cleaned(tmp_path, text).report
    assert report.money_kept == sum(MONEY) - 0.5 * 12 - 14.5
    assert any("13 lines with 'Bar' in column 'Satz'" in note for note in report.notes)


def test_equal_prices_of_one_customer_are_no_sums(tmp_path):
    text = "customer,date,amount\n"
    for number in range(1, 29):
        text += f"{'big' if number % 3 == 0 else number % 4},2024-02-{number:02d},{20 if number % 3 == 0 else 10}\n"
    report = cleaned(tmp_path, text).report
    assert report.rows_kept == 28
    assert not any("exactly" in note for note in report.notes)


def orders(day):
    return "order,customer,date,total\n" + "".join(
        f"{number},C{number % 4},{day.format(number % 12 + 1)},{10 + number}\n" for number in range(24)
    )


def test_the_customers_of_a_simulated_shop_are_no_year():
    assert read("synthetic:1999").said == ()


def test_dates_outside_of_the_month_that_the_name_of_the_file_gives_are_told(tmp_path):
    said = "'orders_2024-03.csv' names the time 2024-03-01 to 2024-03-31, but its dates go from 2024-01-03"
    swapped = cleaned(tmp_path, orders("2024-{:02d}-03"), "orders_2024-03.csv")
    assert any(said in note for note in swapped.report.notes)
    right = cleaned(tmp_path, orders("2024-03-{:02d}"), "orders_2024-03.csv")
    assert not any("names the time" in note for note in right.report.notes)


def test_dates_outside_of_the_period_in_the_title_are_told(tmp_path):
    title = "Zeitraum: 01.02.2024 - 29.02.2024\n\n"
    report = cleaned(tmp_path, title + orders("2024-{:02d}-02")).report
    assert any("names the time 2024-02-01 to 2024-02-29" in note for note in report.notes)


def test_a_total_at_the_end_that_the_lines_do_not_have_is_told(tmp_path):
    text = orders("2024-03-{:02d}")
    right = cleaned(tmp_path, text + "End,,,516\n")
    assert not any("Check that no line is missing" in note for note in right.report.notes)
    lacking = cleaned(tmp_path, text + "End,,,690.5\n")
    assert any("One of the last lines has 690.50" in note for note in lacking.report.notes)


def test_lines_inside_a_field_are_told(tmp_path):
    text = 'order,customer,date,item,total\n1,a,2024-01-01,Cup,5\n2,b,2024-01-02,"TV,7\n'
    text += '3,c,2024-01-03,Cup,8\n4,a,2024-01-04,Disk 3",9\n5,b,2024-01-05,Cup,10\n6,c,2024-01-06,Cup,11\n'
    report = cleaned(tmp_path, text).report
    assert any("contain 2 whole lines of the table, the first in row 2" in note for note in report.notes)


def test_an_address_of_several_lines_is_no_line_of_the_table(tmp_path):
    text = "order,customer,date,address,total\n"
    text += "".join(f'{n},c{n % 2},2024-01-0{n},"Street {n}\nTown, Land",{n}\n' for n in range(1, 7))
    report = cleaned(tmp_path, text).report
    assert report.rows_kept == 6
    assert not any("whole lines" in note for note in report.notes)


def test_ditto_marks_repeat_the_value_above(tmp_path):
    text = 'customer\tdate\torder\ttotal\nann\t2024-01-01\t1\t5\n”\t2024-01-02\t2\t6\n-"-\t2024-01-03\t3\t7\n'
    found = cleaned(tmp_path, text + "bob\t2024-01-04\t4\t8\n〃\t”\t5\t9\n", "sales.tsv")
    assert found.log["customer_id"].tolist() == ["ann", "ann", "ann", "bob", "bob"]
    assert any(
        "Ditto marks were replaced by the value above: 3 in 'customer'" in n for n in found.report.notes
    )


ARABIC = str.maketrans("0123456789.", "٠١٢٣٤٥٦٧٨٩٫")

LATE = {
    "digits": lambda customer, day, amount: [customer, day.translate(ARABIC), amount.translate(ARABIC)],
    "full-width ids": lambda customer, day, amount: ["C７", day, amount],
    "guards": lambda customer, day, amount: [f'"=""{customer}"""', day, amount],
    "ditto marks": lambda customer, day, amount: ["\u3003", day, amount],
}


@pytest.mark.parametrize("change", LATE.values(), ids=LATE)
def test_signs_that_begin_after_thousands_of_lines_are_read_like_the_first(tmp_path, change):
    lines = [["C7", f"2024-01-{1 + n % 28:02}", "10.50"] for n in range(4000)]
    lines = [line if n < 3000 else change(*line) for n, line in enumerate(lines)]
    found = cleaned(tmp_path, "customer,date,amount\n" + "\n".join(map(",".join, lines)) + "\n")
    assert set(found.log["customer_id"]) == {"C7"}
    assert found.report.money_kept == 4000 * 10.5


def test_a_column_in_one_file_only_is_blank_for_the_others(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "a.csv").write_text("order,customer,date,total\n1,a,2024-01-01,5\n2,b,2024-01-02,6\n")
    (folder / "b.csv").write_text("order,customer,date,total,coupon\n3,a,2024-02-01,7,X\n4,b,2024-02-02,8,\n")
    report = clean(read(folder)).report
    assert (report.rows_kept, report.money_kept) == (4, 26.0)
    assert any("The columns ['coupon'] are not in every file" in note for note in report.notes)


def zoned(tmp_path, *names, **changes):
    times = ["2024-11-03 00:30:00", "2024-11-03 12:00:00", "2024-11-04 23:30:00"]
    rows = "".join(f"{n},c{n % 2},{time} {names[n % len(names)]},{n + 1}\n" for n, time in enumerate(times))
    path = tmp_path / "zoned.csv"
    path.write_text("order,customer,created_at,total\n" + rows)
    found = clean(read(path, changes=changes))
    return [f"{time:%d %H:%M}" for time in found.log.sort_values("order_id")["timestamp"]], found.report.notes


def test_the_name_of_one_zone_leaves_local_times_as_they_are(tmp_path):
    times, notes = zoned(tmp_path, "America/New_York")
    assert times == ["03 00:30", "03 12:00", "04 23:30"]
    assert any("name their zone, America/New_York" in note for note in notes)


@pytest.mark.parametrize("other", ["Europe/Berlin", "+0100"])
def test_the_names_of_several_zones_are_converted(tmp_path, other):
    times, _ = zoned(tmp_path, "America/New_York", other)
    assert times == ["03 04:30", "03 11:00", "05 04:30"]


def test_the_second_name_of_a_zone_is_found_wherever_it_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(zones, "_SEARCHED", 1)
    for summer, winter in (("PDT", "PST"), ("BST", "GMT")):
        assert zoned(tmp_path, summer, winter)[0] == ["03 00:30", "03 12:00", "04 23:30"]


def test_the_name_of_a_zone_is_converted_to_the_shops_own(tmp_path):
    times, _ = zoned(tmp_path, "PT", timezone="Europe/London")
    assert times == ["03 07:30", "03 20:00", "05 07:30"]


def test_days_above_their_lines_are_put_before_the_times(tmp_path):
    text = "Time,Receipt,Customer,Amount\n"
    for day in (5, 6, 7):
        text += f'"Monday, {day} May 2025",,,\n09:15,{day}1,ann,2.5\n14:30,{day}2,bob,3.5\n'
    found = cleaned(tmp_path, text)
    assert found.log["timestamp"].dt.strftime("%d %H:%M").tolist()[:3] == ["05 09:15", "05 14:30", "06 09:15"]
    assert any("3 rows with only a day, such as 'Monday, 5 May 2025'" in note for note in found.report.notes)


def test_a_file_that_breaks_off_inside_its_last_amount_is_told(tmp_path):
    text = "order,customer,date,total\n" + "".join(
        f"{n},c{n % 5},2024-05-{n:02d},{n}.50\n" for n in range(1, 29)
    )
    assert not any("cut off" in note for note in cleaned(tmp_path, text.rstrip()).report.notes)
    assert any("'28', has fewer decimals" in note for note in cleaned(tmp_path, text[:-4]).report.notes)


def test_a_header_with_a_byte_order_mark_between_joined_files_is_left_out(tmp_path):
    text = "\ufefforder,customer,date,total\n1,a,2024-05-01,2\n2,b,2024-05-02,3\n"
    report = cleaned(tmp_path, text + text.replace("\n1", "\n3").replace("\n2", "\n4")).report
    assert (report.rows_kept, report.money_kept) == (4, 10.0)


STEPS = [3, 5.5, 2, 9, 4, 7.25]


def running(by_customer):
    """Return lines whose amounts are running totals, of all lines or of each customer."""
    text, totals = "date,receipt,customer,sales\n", {}
    for number in range(48):
        customer = f"c{number % 2}"
        of = customer if by_customer else ""
        totals[of] = totals.get(of, 0) + STEPS[number * 5 % 6]
        text += f"2024-{number // 24 + 1:02d}-{number % 24 + 1:02d},r{number},{customer},{totals[of]}\n"
    return text


@pytest.mark.parametrize("by_customer", [False, True])
def test_running_totals_are_asked_about(tmp_path, by_customer):
    with pytest.raises(QuestionsError, match=r"column 'sales' go up .*as a running total"):
        cleaned(tmp_path, running(by_customer))


def test_amounts_that_are_sorted_are_no_running_totals(tmp_path):
    text = "date,receipt,customer,amount\n"
    text += "".join(f"2024-01-{n + 1:02d},r{n},c{n % 4},{10 + n + STEPS[n % 6] / 100}\n" for n in range(28))
    assert cleaned(tmp_path, text).report.rows_kept == 28


def test_words_among_the_numbers_of_orders_are_told(tmp_path):
    text = "client;date;ticket;total\n" + "".join(
        f"C{n % 4};2024-02-{n + 1:02d};{'Moyenne' if n % 9 == 8 else n};{n + 1}\n" for n in range(27)
    )
    notes = cleaned(tmp_path, text).report.notes
    assert any(
        "words on 3 of 27 lines" in note and "'Moyenne'; these lines count with 54.00" in note
        for note in notes
    )


def test_a_number_before_names_that_differ_is_told(tmp_path):
    text = "doc,customer,date,total\n" + "".join(
        f"{n},K{n % 5} - {'Acme Ltd' if n % 2 else 'ACME'},2024-02-{n + 1:02d},{n + 1}\n" for n in range(20)
    )
    notes = cleaned(tmp_path, text).report.notes
    assert any("5 of 10 sampled customers begin with the same number" in note for note in notes)


def test_the_total_of_a_customer_on_each_line_is_asked_about(tmp_path):
    text = "customer,order,date,sales\n"
    text += "".join(f"C{n % 12},{n},2024-03-{n // 2 + 1:02d},{(n % 12) ** 2 + 7.5}\n" for n in range(36))
    with pytest.raises(QuestionsError, match="the same on all lines of a customer"):
        cleaned(tmp_path, text)


def test_the_price_of_a_subscription_is_no_total_of_a_customer(tmp_path):
    text = "customer,order,date,sales\n"
    text += "".join(f"C{n % 12},{n},2024-03-{n // 2 + 1:02d},{(n % 12) % 3 + 7.5}\n" for n in range(36))
    assert cleaned(tmp_path, text).report.rows_kept == 36


def test_dates_that_were_not_read_are_told_with_an_example(tmp_path):
    text = "customer,order,date,sales\n"
    text += "".join(
        f"C{n % 4},{n},{'Yesterday 10:0' if n > 25 else '2024-03-'}{n % 9 + 1},{n}\n" for n in range(28)
    )
    notes = cleaned(tmp_path, text).report.notes
    assert any("'date': 2 texts were read as no date, such as 'Yesterday 10:0" in note for note in notes)


def test_short_turkish_months_are_read(tmp_path):
    text = "Müşteri;Tarih;Tutar\nA;08.Oca.24;5,00\nB;09.Şub.24;6,00\nA;10.Ağu.24;7,00\n"
    assert cleaned(tmp_path, text).log["timestamp"].dt.month.tolist() == [1, 2, 8]


def test_lines_that_are_a_fixed_share_of_their_order_are_told(tmp_path):
    text = "Beleg;Kunde;Datum;Text;Betrag\n"
    for n in range(12):
        money = 10 + STEPS[n % 6] + n
        text += f"{n};C{n % 4};2024-03-{n + 1:02d};Ware;{money:.2f}\n"
        text += f"{n};C{n % 4};2024-03-{n + 1:02d};USt 19%;{0.19 * money:.2f}\n"
    notes = cleaned(tmp_path, text).report.notes
    assert any("'USt 19%' in column 'Text' are 19.0% of the rest of their order" in note for note in notes)


def test_an_id_that_repeats_with_customer_and_time_is_the_order(tmp_path):
    text = "id,updated_at,created_at,customer,total\n"
    for n in range(12):
        text += f"{n},2024-03-02 10:00,2024-03-01 10:{n:02d},c{n % 5},{n + 20}\n" * (n % 2)
        text += f"{n},2024-03-03 10:00,2024-03-01 10:{n:02d},c{n % 5},{n + 10}\n"
    report = cleaned(tmp_path, text).report
    assert (report.mapping["order_id"], report.rows_kept, report.money_kept) == ("id", 12, 186.0)


def test_thousands_in_the_heading_of_a_column_are_told(tmp_path):
    text = "Ordrenr,Kundenr,Dato,Beløb (t.kr.)\n1,a,2024-03-01,5.25\n2,b,2024-03-02,7.50\n"
    report = cleaned(tmp_path, text).report
    assert report.money_kept == 12_750.0
    assert "'Beløb (t.kr.)' was multiplied by 1,000" in " ".join(report.notes)
    assert not any("mentions thousands" in note for note in report.notes)


@pytest.mark.parametrize(
    ("heading", "kept"),
    [
        ("销售额(万元)", 127_500),
        ("売上(百万円)", 12_750_000),
        ("매출(천원)", 12_750),
        ("Umsatz in TEUR", 12_750),
    ],
)
def test_units_of_other_languages_in_the_heading_of_the_amount_are_converted(tmp_path, heading, kept):
    text = f"Order,Customer,Date,{heading}\n1,a,2024-03-01,5.25\n2,b,2024-03-02,7.50\n"
    assert cleaned(tmp_path, text).report.money_kept == kept


def test_a_triangle_is_the_minus_of_japanese_accounts(tmp_path):
    text = (
        '伝票番号,顧客番号,日付,金額\n1,a,2024-03-01,"1,500"\n2,a,2024-03-02,"△1,200"\n3,b,2024-03-05,▲300\n'
    )
    text += "4,b,2024-03-02,800\n"
    assert cleaned(tmp_path, text).report.money_in == 800.0


def test_digits_of_any_script_are_read(tmp_path):
    text = "order,customer,date,total\n1,a,০৯/০১/২০২৪,২.৫০\n2,b,১৩/০১/২০২৪,৩.৭৫\n"
    report = cleaned(tmp_path, text).report
    assert (report.rows_kept, report.money_kept) == (2, 6.25)


def test_numbers_of_web_pages_are_read_before_rounding(tmp_path):
    cells = "<tr><td>Customer</td><td>Date</td><td>Total</td></tr>" + "".join(
        f'<tr><td>c{n}</td><td x:num="45300">2024-01-0{n}</td><td x:num="{n}.25">{n}</td></tr>'
        for n in range(1, 5)
    )
    report = cleaned(tmp_path, f"<html><table>{cells}</table></html>", "sales.xls").report
    assert (report.rows_kept, report.money_kept) == (4, 11.0)


def order_totals(of_kinds, heading="class"):
    """Return orders as one row per part, such as the goods, the postage and their sum."""
    rows = [
        f"{n};c{n % 5};2025-01-{n + 1:02d};{kind};{of_kinds[kind](10.5 + 3 * n, 4.9 if n % 2 else 5.9):.2f}"
        for n in range(12)
        for kind in of_kinds
    ]
    return "\n".join([f"orders_id;customer;date;{heading};value", *rows, ""])


def test_sums_without_a_tax_that_is_included_are_set_aside_with_it(tmp_path):
    parts = {
        "goods": lambda goods, _: goods,
        "post": lambda _, post: post,
        "tax": lambda goods, _: goods * 0.16,
    }
    text = order_totals({**parts, "total": lambda goods, post: goods + post})
    report = cleaned(tmp_path, text).report
    assert report.money_kept == pytest.approx(sum(10.5 + 3 * n + (4.9 if n % 2 else 5.9) for n in range(12)))
    assert any("do not contain the lines with 'tax' in column 'class'" in note for note in report.notes)


def test_a_total_and_the_payment_of_each_receipt_are_set_aside(tmp_path):
    parts = {"a": lambda goods, _: goods, "b": lambda goods, post: goods - post}
    both = {kind: lambda goods, post: 2 * goods - post for kind in ("TOTAL", "CARD")}
    report = cleaned(tmp_path, order_totals({**parts, **both}, "text")).report
    assert report.money_kept == pytest.approx(
        sum(2 * (10.5 + 3 * n) - (4.9 if n % 2 else 5.9) for n in range(12))
    )


def test_names_in_rows_of_their_own_above_documents_are_groups(tmp_path):
    rows = "".join(
        f"{name};;\nINV-{n}1;2025-01-0{n};{n}0.00\nINV-{n}2;2025-02-0{n};5.00\nTotal {name};;{n}5.00\n"
        for n, name in enumerate(["Ann", "Bob", "Cid"], 1)
    )
    text = "Invoice;Date;Amount\n" + rows
    with pytest.raises(QuestionsError, match="no column found for customer_id") as asked:
        cleaned(tmp_path, text)
    assert asked.value.questions[0].answers[0] == "customer_id=group heading"
    log = clean(read(tmp_path / "sales.csv", {"customer_id": "group heading"})).log
    assert log.groupby("customer_id")["amount"].sum().to_dict() == {"Ann": 15.0, "Bob": 25.0, "Cid": 35.0}


def test_sums_without_a_date_or_a_number_are_no_question_of_what_their_lines_are(tmp_path):
    rows = ["거래처,일자,전표번호,담당자,공급가액,세액,합계"]
    for who in "가나다라마바":
        rows += [f"{who},24/{n:02}/0{n},{who}{n},김,{n}0,{n},{n}{n}" for n in (1, 2, 3)] + [
            f"{who} 소계,,,,60,6,66"
        ]
    read_so = cleaned(tmp_path, "\n".join(rows) + "\n")
    assert (read_so.report.mapping["customer_id"], read_so.report.mapping["amount"]) == ("거래처", "공급가액")
    assert (read_so.log["amount"].sum(), read_so.log["order_id"].nunique()) == (360.0, 18)


@pytest.mark.parametrize(
    ("headings", "day"),
    [
        ("Pelanggan,Tanggal,No. Struk,Total Belanja,Diskon", "05 Agustus 2024"),
        ("Mã khách hàng,Ngày hạch toán,Số chứng từ,Doanh số bán,Chiết khấu", "25/08/2024"),
        ("Cari Kodu,Tarih,Belge No,Tutar,İskonto", "05.08.2024"),
        ("客户编码,日期,单据编号,不含税金额,折扣", "2024年8月5日"),
        ("得意先コード,売上日,伝票番号,税抜金額,値引", "2024年8月5日"),
        ("Покупець,Дата,Накладная,Сума,Скидка", "5 серпень 2024"),
        ("Razón social,Fecha,Nº albarán,Importe,Descuento", "25/08/2024"),
        ("Sell-to No.,Posting Date,Document No.,Amount,Discount", "08/25/2024"),
    ],
)
def test_headings_of_small_firms_reports_are_known(tmp_path, headings, day):
    lines = "\n".join(f"c{n % 3},{day},d{n},{n}0.50,0" for n in range(1, 6))
    mapping = cleaned(tmp_path, f"{headings}\n{lines}\n").report.mapping
    names = ("customer_id", "timestamp", "order_id", "amount", "discount")
    assert [mapping[name] for name in names] == headings.split(",")


def test_a_total_of_sales_less_returns_is_no_doubt_where_months_have_sums_of_their_own(tmp_path):
    rows = ["Client,Date,Piece,Montant HT"]
    for month in (1, 2, 3):
        rows += [f"c{n},{n + 10}/0{month}/2024,F{month}{n},{n}0.50" for n in range(1, 5)]
        rows += [f"c1,20/0{month}/2024,A{month},-10.50", f"Total {month},,,91.50"]
    text = "\n".join([*rows, "Total,,,274.50"]) + "\n"
    report = cleaned(tmp_path, text).report
    assert report.money_kept == 274.5
    assert not any("like the total of a report" in note for note in report.notes)
    doubted = cleaned(tmp_path, text.replace("274.50", "374.50")).report
    assert any("like the total of a report" in note for note in doubted.notes)
