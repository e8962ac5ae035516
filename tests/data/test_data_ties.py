"""Tests of columns that could each have one name: what decides between them, and what is still asked."""

import pandas as pd
import pytest

from cltv_ml.columns.questions import QuestionsError
from cltv_ml.data import clean, read

DAYS = ["2024-01-05", "2024-02-06", "2024-03-07", "2024-04-08"]
SALES = {
    "order_id": ["1", "2", "3", "4"],
    "customer_id": list("abca"),
    "date": DAYS,
    "amount": [10.0, 20, 30, 40],
}


def settled(**columns) -> tuple[dict[str, str], str]:
    """Return the mapping and the notes of a log with other columns in place of some; None takes one out."""
    table = {name: values for name, values in (SALES | columns).items() if values is not None}
    report = clean(read(pd.DataFrame(table))).report
    return dict(report.mapping), " ".join(report.notes)


def test_an_email_goes_before_a_name_and_an_id_before_both():
    mails, names = ["a@x.org", "b@x.org", "c@x.org", "a@x.org"], ["Al", "Bo", "Cy", "Al"]
    mapping, notes = settled(customer_id=None, email=mails, customer_name=names)
    assert mapping["customer_id"] == "email"
    assert "customer_name uses the other" in notes
    mapping, _ = settled(customer_id=None, Kunde=names, Kundennummer=[7, 8, 9, 7])
    assert mapping["customer_id"] == "Kundennummer"


def test_customers_that_differ_much_between_two_columns_are_asked_about():
    with pytest.raises(QuestionsError, match="could each be the customer_id"):
        settled(customer_id=None, email=["s@x.org"] * 4, customer_name=["Al", "Bo", "Cy", "Di"])
    with pytest.raises(QuestionsError, match="could each be the customer_id"):
        settled(
            customer_id=None, email=["a@x.org", "", "", "a@x.org"], customer_name=["Al", "Bo", "Cy", "Al"]
        )


def test_the_day_of_the_order_goes_before_those_of_invoices_and_payments():
    later = ["2024-01-09", "2024-02-06", "2024-03-08", "2024-04-08"]
    for column in ("payment_date", "Invoice Date", "Paid at"):
        mapping, notes = settled(date=None, order_date=DAYS, **{column: later})
        assert mapping["timestamp"] == "order_date"
        assert "a different date on 2 of the first 4 lines" in notes


def test_a_day_of_the_order_with_an_unknown_heading_goes_before_that_of_the_invoice():
    days = {"Invoice Date": ["2025-01-07"] * 4, "Ordered On": ["2025-01-05", "2025-01-06"] * 2}
    assert settled(date=None, **days)[0]["timestamp"] == "Ordered On"


def test_the_time_of_creation_goes_before_that_of_the_payment_unless_it_lies_after_it():
    paid = ["2024-01-09", "2024-02-06", "2024-03-08", "2024-04-08"]
    for names in (("paid_at", "created_at"), ("Created at", "Paid at"), ("payment_date", "created")):
        days = {name: paid if "pa" in name.lower() else DAYS for name in names}
        mapping, notes = settled(date=None, **days)
        assert days[mapping["timestamp"]] == DAYS
        assert "the time of the order" in notes
    with pytest.raises(QuestionsError, match="could each be the timestamp"):
        settled(date=None, paid_at=DAYS, created_at=["2024-12-31"] * 4)


def test_a_day_of_the_order_that_is_often_blank_is_asked_about():
    with pytest.raises(QuestionsError, match="could each be the timestamp"):
        settled(date=None, order_date=[*DAYS[:2], None, None], payment_date=DAYS)


PAIRS = [
    (
        {"Montant TTC": [12.0, 24, 33, 48], "Montant HT": [10.0, 20, 30, 40]},
        "Montant HT",
        "without tax (117.00",
    ),
    (
        {"Total incl. VAT": [12.0, 24, 33, 48], "Total excl. VAT": [10.0, 20, 30, 40]},
        "Total excl. VAT",
        "tax",
    ),
    (
        {"Total": [10.0, 20, 30, 40], "Net amount": [10.0, 15, 30, 0], "Refund amount": [0, 5.0, 0, 40]},
        "Total",
        "before the refunds",
    ),
    (
        {
            "Grand Total": [12.0, 22, 32, 42],
            "Total Amount": [10.0, 20, 30, 40],
            "Shipping Fee": [2.0] * 4,
        },
        "Grand Total",
        "including the postage",
    ),
    (
        {"authorized_amount": [12.0, 22, 32, 42], "captured_amount": [10.0, 22, 32, 0]},
        "captured_amount",
        "what was paid",
    ),
    ({"total": [10.0, 20, 30, 40], "revenue": [10.0, 20, 30, 40]}, "total", "the same values"),
]


def test_two_amounts_are_settled_by_what_they_differ_by():
    wrong = []
    for columns, taken, told in PAIRS:
        mapping, notes = settled(amount=None, **columns)
        if mapping["amount"] != taken or told not in notes:
            wrong.append((taken, notes))
    assert not wrong


def test_two_amounts_that_nothing_explains_are_asked_about():
    with pytest.raises(QuestionsError, match="could each be the amount"):
        settled(amount=None, total=[10.0, 20, 30, 40], revenue=[11.0, 25, 30, 47])
    with pytest.raises(QuestionsError, match="could each be the amount"):
        settled(amount=None, total=[10.0, 20, 30, 40], revenue=[10.0, 20, 30, 47], refund_amount=[0] * 4)


def test_a_status_whose_levels_all_count_gives_way():
    mapping, _ = settled(
        **{"Status": ["paid", "paid", "cancelled", "paid"], "Invoice Status": ["invoiced"] * 4}
    )
    assert mapping["status"] == "Status"


def test_items_that_never_came_back_are_not_asked_about():
    mapping, _ = settled(quantity_returned=[0, 0, 0, 0])
    assert mapping["amount"] == "amount"


def test_an_untaxed_amount_goes_before_a_total():
    mapping, notes = settled(
        amount=None, **{"Untaxed Amount": [10.0, 20, 30, 40], "Total": [12.0, 24, 36, 48]}
    )
    assert mapping["amount"] == "Untaxed Amount"
    assert "Total" in notes


def test_the_date_of_an_order_or_its_refund_goes_before_that_of_the_payout():
    later = ["2024-01-12", "2024-02-13", "2024-03-14", "2024-04-15"]
    mapping, notes = settled(date=None, **{"Payout Date": later, "Order Date / Refund Date": DAYS})
    assert mapping["timestamp"] == "Order Date / Refund Date"
    assert "'Payout Date' has a different date on 4 of the first 4 lines" in notes


def test_a_status_in_words_goes_before_its_codes():
    mapping, notes = settled(
        status_id=[10, 10, 4, 10], status=["Completed", "Completed", "Refunded", "Completed"]
    )
    assert mapping["status"] == "status"
    assert "whose levels are words, unlike those of 'status_id'" in notes


def family_log():
    """Return three families of two, each with one address and a card per person, who buy twice."""
    people = [
        (f"f{family}@x.org", f"97{family}{person}", f"P{family}{person}")
        for family in range(3)
        for person in range(2)
    ]
    mails, cards, names = (list(part) * 2 for part in zip(*people, strict=True))
    return {
        "order_id": [str(number) for number in range(12)],
        "customer_id": None,
        "date": [f"2024-0{1 + number // 6}-1{number % 6}" for number in range(12)],
        "amount": [10.0 + number for number in range(12)],
        "E-mail": mails,
        "Loyalty Card": cards,
        "Contact": names,
    }


def test_cards_of_a_family_with_one_address_are_asked_about():
    lines = family_log()
    with pytest.raises(
        QuestionsError, match="3 of 3 values of 'E-mail' have several in 'Loyalty Card', 6 together"
    ):
        settled(**lines)
    lines["Loyalty Card"] = None
    mapping, notes = settled(**lines)
    assert mapping["customer_id"] == "E-mail"
    assert "3 of 3 values of 'E-mail' have several in 'Contact', 6 together" in notes


def test_a_company_of_several_contacts_is_told():
    lines = family_log()
    lines |= {"Loyalty Card": None, "Contact": None, "Company": lines["E-mail"]}
    lines["E-mail"] = [f"{card}@x.org" for card in family_log()["Loyalty Card"]]
    mapping, notes = settled(**lines)
    assert mapping["customer_id"] == "E-mail"
    assert "3 of 3 values of 'Company' have several customers in 'E-mail'" in notes


def test_the_day_on_which_an_order_was_processed_is_told_next_to_its_creation():
    mapping, notes = settled(date=None, created_at=DAYS, processed_at=["2024-02-05", *DAYS[1:]])
    assert mapping["timestamp"] == "created_at"
    assert "'processed_at' has a different date on 1 of the first 4 lines" in notes
