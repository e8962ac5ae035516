"""Order numbers under headings that no list names, found by how their values change."""

import pandas as pd

from cltv_ml.data import clean, read


def rows(heading, number, goods=False, clock="", orders=40):
    """Return orders of ten customers, one of whom buys three times on the first day, twice at one item each."""
    days = [f"2024-{1 + place // 28:02}-{1 + place % 28:02}" for place in range(orders)]
    lines = []
    for place in range(orders):
        day = days[0] if place in (1, 2) else days[place]
        time = f"{day} {9 + place % 9:02}:{place:02}{clock}" if clock else day
        who = "C0" if place in (1, 2) else f"C{place % 10}"
        for item in ("soap", "lamp")[: 1 + goods]:
            lines.append(
                {
                    heading: number(place),
                    "date": time,
                    "client": who,
                    "item": item,
                    "total": 10.0 + 7 * place % 23,
                }
            )
    frame = pd.DataFrame(lines)
    return frame if goods else frame.drop(columns="item")


def orders_of(frame):
    cleaned = clean(read(frame))
    keys = ["order_id"] if "order_id" in cleaned.log else ["customer_id", "timestamp"]
    return len(cleaned.log[keys].drop_duplicates()), cleaned.report


def test_a_number_of_each_sale_tells_the_orders_of_a_day_apart_under_any_heading():
    for heading in ("Buchung", "Srid", "ID", "Vorgang", "Nº", "Zzz"):
        found, report = orders_of(rows(heading, lambda place: f"2024/{place + 1:05}"))
        assert (found, report.mapping.get("order_id")) == (40, heading), heading
    assert any("'Zzz' changes only with the customer and the time" in note for note in report.notes)


def test_a_number_that_lines_share_is_the_orders_with_and_without_times():
    for clock in ("", ":30"):
        found, report = orders_of(rows("Zzz", lambda place: 7000 + place, goods=True, clock=clock))
        assert (found, report.mapping["order_id"]) == (40, "Zzz")


def test_a_number_of_each_line_is_only_told_where_lines_are_goods():
    lines = rows("Zzz", lambda place: 7000 + place).assign(
        item=lambda frame: frame["total"].map("item {}".format)
    )
    found, report = orders_of(lines)
    assert "order_id" not in report.mapping
    assert found == 38
    assert any("'Zzz' differs on each line; if it numbers orders" in note for note in report.notes)


def test_numbers_of_scans_a_second_apart_are_only_told():
    scans = rows("order time", lambda place: "x", goods=True, clock=":30").assign(
        scan=lambda f: range(1, 1 + len(f))
    )
    scans.loc[1::2, "date"] = scans.loc[1::2, "date"].str.replace(":30", ":31")
    report = orders_of(scans)[1]
    assert "order_id" not in report.mapping
    assert any("'scan' differs on each line" in note for note in report.notes)


def test_numbers_of_lines_of_one_time_and_codes_of_customers_number_no_orders():
    lines = rows("order time", lambda place: "x", goods=True, clock=":30").assign(
        line=lambda f: range(1, 1 + len(f))
    )
    lines["card"] = "K-" + lines["client"]
    assert "order_id" not in orders_of(lines)[1].mapping


def test_events_of_one_payment_are_not_orders_although_each_has_a_number():
    sales = rows("payment", lambda place: f"PM{place:04}", clock=":30")
    later = sales.assign(date=sales["date"].str.replace(":30", ":45"))
    events = pd.concat([sales, later]).assign(event=lambda frame: [f"EV{n:05}" for n in range(len(frame))])
    assert orders_of(events)[1].mapping.get("order_id") != "event"


def test_money_and_texts_that_differ_on_each_line_are_no_order_numbers():
    lines = rows("note", lambda place: f"thank you very much {place}").assign(
        points=lambda frame: [7 * n * n % 9973 for n in range(1, 1 + len(frame))]
    )
    assert "order_id" not in orders_of(lines)[1].mapping


def test_the_sign_of_a_number_before_a_word_is_read_in_headings():
    lines = pd.DataFrame(
        {
            "№ заказа": [1, 1, 2, 3],
            "Дата": ["2024-01-05"] * 4,
            "Клиент": list("aabb"),
            "Сумма": [1.5, 2.5, 3.5, 4.5],
        }
    )
    assert orders_of(lines)[1].mapping["order_id"] == "№ заказа"
