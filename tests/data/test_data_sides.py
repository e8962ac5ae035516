"""Ledgers: codes that say on which side an amount stands, in a column of their own or behind the amount."""

import pandas as pd
import pytest

from cltv_ml.columns.levels import read_level
from cltv_ml.columns.questions import QuestionsError
from cltv_ml.data import change_rules, clean, read


def ledger(sides=None, amounts=None, **more):
    """Return nine invoices of 10 to 90; the last line, of 90, takes the sale of 90 before it back."""
    amount = amounts or [10.0, 20, 30, 40, 50, 60, 70, 90, 90]
    days = pd.date_range("2025-01-05", periods=9, freq="9D")
    table = {
        "customer": list("abcdabcdd"),
        "date": days,
        "order": [1, 2, 3, 4, 5, 6, 7, 8, 8],
        "amount": amount,
    }
    return pd.DataFrame(table | ({"side": sides} if sides else {}) | more)


def kept(frame, mapping=None, rules=None):
    raw = read(frame, mapping)
    return clean(raw, change_rules(raw.rules, rules or {})).report.money_kept


@pytest.mark.parametrize(
    ("heading", "sale", "back"),
    [
        ("S/H", "S", "H"),
        ("Dr/Cr", "DR", "CR"),
        ("D/C", "D", "C"),
        ("Buchung", "Soll", "Haben"),
        ("Movement", "+", "-"),
    ],
)
def test_the_side_with_little_money_gives_money_back(heading, sale, back):
    assert kept(ledger(**{heading: [sale] * 8 + [back]})) == 280.0


def test_sales_may_be_the_credits():
    assert kept(ledger(**{"D/C": ["C"] * 8 + ["D"]})) == 280.0


def test_kinds_of_cards_and_letters_under_other_headings_are_no_sides():
    assert kept(ledger(**{"Card type": ["Debit"] * 8 + ["Credit"]})) == 460.0
    assert kept(ledger(Size=list("SSSSSSSSH"))) == 460.0


def test_sides_of_as_much_money_are_asked_about_for_one_may_hold_payments():
    frame = ledger(**{"S/H": list("SHSHSHSHS")})
    with pytest.raises(QuestionsError, match="payments of the other"):
        kept(frame)
    answers = {"type": ["S:counts", "H:ignore"]}
    assert kept(frame, {"type": "S/H"}, answers) == 250.0


def test_signs_whose_meaning_was_told_are_told_apart():
    told = {"+": "counts", "-": "refund"}
    assert [read_level("type", sign, told) for sign in "+-"] == ["counts", "refund"]


@pytest.mark.parametrize(("sale", "back"), [(" Dr", " Cr"), ("", "CR"), (" CR", " DR")])
def test_amounts_may_end_in_their_side(sale, back):
    amounts = [f"{n}0.00{sale}" for n in (1, 2, 3, 4, 5, 6, 7, 9)] + [f"90.00{back}"]
    assert kept(ledger(amounts=amounts)) == 280.0


def test_credits_far_down_a_long_ledger_are_told():
    lines = 20_500
    table = pd.DataFrame(
        {
            "customer": [f"c{line % 700}" for line in range(lines)],
            "date": pd.Timestamp("2025-01-05")
            + pd.to_timedelta([line % 300 for line in range(lines)], unit="D"),
            "order": range(lines),
            "amount": ["10.00 DR"] * (lines - 10) + ["10.00 CR"] * 10,
        }
    )
    notes = clean(read(table)).report.notes
    assert any("10 amounts end in CR" in note for note in notes), notes
