import pandas as pd
import pytest

from cltv_ml.data import Rules, clean, read

LINES = {
    "Order ID": ["1", "1", "1", "2", "3", "3"],
    "Customer": ["C1", "C1", "C1", "C2", "C3", "C3"],
    "Date": "2025-01-05",
    "SKU": ["A", "B", "C", "A", "A", "D"],
}


def kept(frame, rules=None):
    return round(clean(frame, rules).report.money_kept, 2)


@pytest.mark.parametrize("heading", ["Order Total", "Gesamtbetrag", "Grand total", "invoice_amount"])
def test_an_order_s_total_on_each_of_its_lines_is_taken_once(heading):
    cleaned = clean(pd.DataFrame({**LINES, heading: [100.0, 100.0, 100.0, 50.0, 70.0, 70.0]}))
    assert cleaned.report.money_kept == 220.0
    assert any("left out 3 lines with a total of 270.00" in note for note in cleaned.report.notes)


def test_a_refund_repeated_on_the_lines_of_its_order_is_taken_off_once_and_a_later_one_again():
    sold = pd.DataFrame({**LINES, "Order Total": [100.0, 100.0, 100.0, 50.0, 70.0, 70.0]})
    first = sold.iloc[:2].assign(**{"Order Total": -20.0, "Date": "2025-01-09"})
    later = sold.iloc[:1].assign(**{"Order Total": -20.0, "Date": "2025-01-12"})
    assert kept(pd.concat([sold, first, later])) == 220.0 - 20.0 - 20.0


def test_a_heading_that_says_nothing_is_asked_for_where_orders_are_few():
    frame = pd.DataFrame({**LINES, "Amount": [100.0, 100.0, 100.0, 50.0, 70.0, 70.0]})
    with pytest.raises(ValueError, match=r"--rule amount_per=order .*or --rule amount_per=line"):
        clean(frame)
    assert kept(frame, Rules(amount_per="order")) == 220.0
    assert kept(frame, Rules(amount_per="line")) == 490.0


def test_many_orders_decide_whatever_the_heading():
    rows = [(f"o{n}", f"c{n % 7}", "2025-01-05", sku, 10.0 + n) for n in range(20) for sku in "AB"]
    frame = pd.DataFrame(rows, columns=["order_id", "customer", "date", "sku", "value"])
    assert kept(frame) == sum(10.0 + n for n in range(20))


def test_lines_of_their_own_prices_stay():
    frame = pd.DataFrame({**LINES, "Order Total": [10.0, 20.0, 10.0, 50.0, 70.0, 70.0]})
    assert kept(frame) == 230.0


def test_one_price_for_everything_is_no_repeated_total():
    rows = [(f"o{n}", f"c{n % 7}", "2025-01-05", sku, 5.0) for n in range(20) for sku in "AB"]
    assert kept(pd.DataFrame(rows, columns=["order_id", "customer", "date", "sku", "amount"])) == 200.0


@pytest.mark.parametrize(
    ("history", "worth"),
    [
        (["pending", "paid", "shipped"], 100.0),
        (["paid", "refunded"], 0.0),
        (["paid", "cancelled"], 0.0),
        (["failed", "paid"], 100.0),
        (["pending", "cancelled"], 0.0),
    ],
)
def test_of_one_row_per_status_the_last_word_counts(history, worth):
    rows = [("1", "a", f"2025-01-0{day}", status, 100.0) for day, status in enumerate(history, start=1)]
    rows += [
        (f"x{n}", f"b{n}", f"2025-01-{n + 2:02d}", status, 30.0 + n)
        for n in range(8)
        for status in ("paid", "shipped")
    ]
    frame = pd.DataFrame(rows, columns=["order_id", "customer", "date", "order_status", "amount"])
    assert kept(frame) == worth + sum(30.0 + n for n in range(8))


def test_a_row_that_sums_up_its_order_is_set_aside():
    rows = []
    for n in range(6):
        prices = [4.0 + n, 7.5, 1.25][: 1 + n % 3]
        rows += [(f"o{n}", f"c{n}", "2025-01-05", f"P{i}", price) for i, price in enumerate(prices)]
        rows += [(f"o{n}", f"c{n}", "2025-01-05", None, sum(prices))]
    frame = pd.DataFrame(rows, columns=["order_id", "customer", "date", "sku", "amount"])
    rows.append(("o9", "c9", "2025-01-05", "P0", 3.0))
    assert kept(frame) == frame.loc[frame["sku"].notna(), "amount"].sum()


def test_a_dated_row_with_the_sum_of_all_is_set_aside():
    frame = pd.DataFrame(
        {"customer": ["a", "b", "c", "Total"], "date": "2025-01-05", "amount": [10.5, 20.25, 3.0, 33.75]}
    )
    assert kept(frame) == 33.75


def test_a_line_without_an_amount_of_its_own_belongs_to_its_order():
    frame = pd.DataFrame(
        {
            "order": ["1", "1", "2"],
            "customer": ["a", "a", "b"],
            "date": "2025-01-05",
            "sku": ["x", "y", "x"],
            "order total": ["10.50", None, "3.00"],
        }
    )
    cleaned = clean(frame)
    assert cleaned.report.money_kept == 13.5
    assert cleaned.quarantine["rule"].tolist() == ["continuation"]


@pytest.mark.parametrize(
    "nobody",
    [
        "guest",
        "Unknown",
        "Laufkundschaft",
        "-",
        "Anónimo",
        "walk-in",
        "Walk-in Customer",
        "deleted_user",
        "*****",
        "[__]",
        "Розничный покупатель",
        "散客",
    ],
)
def test_a_customer_who_is_nobody_is_set_aside_and_told(nobody):
    frame = pd.DataFrame({"customer": ["a", nobody, "b"], "date": "2025-01-05", "amount": [1.0, 2.0, 4.0]})
    cleaned = clean(frame)
    assert cleaned.report.money_kept == 5.0
    assert any(f"{nobody!r} (1 line, 2.00)" in note for note in cleaned.report.notes)
    assert kept(frame, Rules(off=("placeholder_customer",))) == 7.0


def test_zero_is_nobody_unless_it_begins_a_count():
    dates = {"date": "2025-01-05", "amount": [1.0, 2.0, 4.0]}
    assert kept(pd.DataFrame({"customer": [0, 638, 1135], **dates})) == 6.0
    assert kept(pd.DataFrame({"customer": [0, 1, 2], **dates})) == 7.0


def test_guests_with_an_id_of_their_own_are_told():
    for guest in ("guest_1{}", "Gast 100{}", "guest-7{}@shop.example", "Anónimo#{}"):
        names = [guest.format(n) for n in range(3)]
        frame = pd.DataFrame(
            {"customer": ["a", *names], "date": "2025-01-05", "amount": [1.0, 2.0, 4.0, 8.0]}
        )
        assert "(3 lines, 14.00) look like guests" in " ".join(clean(frame).report.notes), guest
    assert "look like guests" not in " ".join(
        clean(frame.assign(customer=["Anna 1", "Gasper 2", "b", "c"])).report.notes
    )


def test_customers_called_tests_are_told():
    rows = {"date": "2025-01-05", "amount": [float(n) for n in range(1, 8)]}
    for test in ("Test Customer", "test7@shop.org", "a@example.com", "Demo-Kunde 3"):
        frame = pd.DataFrame({"customer": [*"abcdef", test], **rows})
        assert f"1 customer such as {test!r} (1 line, 7.00) looks like tests" in " ".join(
            clean(frame).report.notes
        )
    named = pd.DataFrame({"customer": [f"{one}@example.com" for one in "abcdefg"], **rows})
    assert "look like tests" not in " ".join(clean(named).report.notes)
    aside = pd.DataFrame({"customer": [*"abcdef", "test@test.com"], **rows})
    assert "look like tests" not in " ".join(clean(aside).report.notes)


def test_equal_totals_of_lines_are_asked_about_and_never_taken_once_unasked():
    rows = [
        (f"c{order % 4}", f"2025-01-{order + 1:02d}", order, ticket, 10.0 + order)
        for order in range(12)
        for ticket in "AB"
    ]
    frame = pd.DataFrame(rows, columns=["customer", "date", "order_id", "ticket type", "Line Total"])
    with pytest.raises(ValueError, match=r"amount_per=order .*or --rule amount_per=line"):
        clean(read(frame))
    assert clean(read(frame), Rules(amount_per="line")).report.money_kept == 372


def test_words_that_many_customers_share_number_no_orders():
    rows = [
        ("F1", "ann", "2025-01-01", "Deposit", 50.0),
        ("F1", "ann", "2025-01-01", "Room", 100.0),
        ("F2", "bob", "2025-01-04", "Deposit", 20.0),
        ("F2", "bob", "2025-01-04", "Room", 40.0),
    ]
    raw = read(pd.DataFrame(rows, columns=["stay", "Guest", "Date", "Transaction", "Amount"]))
    assert "order_id" not in raw.mapping
    assert any("'Deposit' (2 lines, 70.00)" in note for note in raw.notes)
