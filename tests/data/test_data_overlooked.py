"""Columns that no name was given to, and what in them changes revenue."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.columns.questions import QuestionsError
from cltv_ml.data import answer, change_rules, clean, read


def orders(**more):
    """Return eight orders of 10 to 80 with further columns; number 7 and 8 were given back."""
    days = pd.date_range("2025-01-05", periods=8, freq="9D")
    table = {
        "order_id": range(1, 9),
        "customer": list("abcdabcd"),
        "date": days,
        "total": [10.0 * n for n in range(1, 9)],
    }
    return pd.DataFrame({**table, **more})


def kept(frame, mapping=None, rules=None):
    raw = read(frame, mapping)
    return clean(raw, change_rules(raw.rules, rules or {})).report.money_kept


def flag(yes, no):
    return [no] * 6 + [yes] * 2


def test_levels_under_any_heading_are_read_where_all_are_known():
    wrong = {
        heading: kept(orders(**{heading: flag(undone, done)}))
        for heading, undone, done in (
            ("Outcome", "failed", "paid"),
            ("Delivery", "Returned", "Delivered"),
            ("Condition", "storniert", "bezahlt"),
        )
    }
    assert wrong == dict.fromkeys(wrong, 210.0)


@pytest.mark.parametrize(
    ("heading", "yes", "no", "name"),
    [
        ("Is Return", "Y", "N", "refunded"),
        ("Void Flag", True, False, "refunded"),
        ("RMA", "RMA-7", None, "cancelled_at"),
        ("Cancel reason", "fraud", None, "cancelled_at"),
        ("Approved", "no", "yes", "captured"),
        ("Notes", "REFUNDED", None, "status"),
    ],
)
def test_a_flag_is_asked_about_and_its_answer_leads_to_the_truth(heading, yes, no, name):
    frame = orders(**{heading: flag(yes, no)})
    with pytest.raises(QuestionsError, match=heading):
        kept(frame)
    assert kept(frame, {name: heading}) == 210.0
    assert kept(frame, {name: ""}) == 360.0


@pytest.mark.parametrize("heading", ["refunds_issued", "Value of returns"])
def test_a_few_refunds_are_asked_about_as_many_are(heading):
    frame = orders(**{heading: [0.0] * 6 + [30.0, 12.5]})
    with pytest.raises(QuestionsError, match=heading):
        kept(frame)
    assert kept(frame, {"refunded": heading}) == 317.5


def test_a_flag_of_refunds_does_not_hide_the_money_of_others():
    partly = {"Partial refund": [0.0] * 6 + [0.0, 12.5]}
    frame = orders(**{"Refunded?": [0] * 6 + [1, 0]}, **partly)
    raw = read(frame)
    assert (raw.mapping["refunded"], raw.mapping["cancelled_at"]) == ("Partial refund", "Refunded?")
    assert kept(frame) == 277.5
    fully = frame.assign(**{"Refunded?": [0] * 6 + [1, 1], "Fully refunded?": [0] * 6 + [1, 0]})
    with pytest.raises(QuestionsError, match=r"'Fully refunded\?' has an entry or a yes on 1 of 8 lines"):
        read(fully)
    assert kept(fully, {"cancelled_at": "Fully refunded?"}) == 277.5
    both = orders(**{"Refunded?": [0] * 6 + [0, 1]}, **partly)
    assert read(both).mapping["refunded"] == "Partial refund"
    assert kept(both) == 347.5


def test_shares_given_back_are_told():
    notes = read(orders(**{"refund %": flag("50%", "0%")})).notes
    assert any("'refund %' contains refunded shares" in note for note in notes)


def test_a_status_in_the_short_headings_of_old_systems_is_asked_about():
    frame = orders(STAT=flag("X", "C"))
    with pytest.raises(QuestionsError, match="'STAT'"):
        kept(frame)
    assert kept(frame, {"status": "STAT"}, {"status": ["X:ignore", "C:counts"]}) == 210.0


def test_what_was_paid_goes_before_what_was_ordered():
    frame = orders(paid_amount=[10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 0.0, 0.0]).rename(
        columns={"total": "order_amount"}
    )
    assert kept(frame) == 210.0
    assert any("'paid_amount', what was paid" in note for note in read(frame).notes)


def test_refunds_of_whole_amounts_are_taken_off_without_a_question():
    assert kept(orders(**{"Value of returns": [0.0] * 6 + [70.0, 12.5]})) == 277.5


def test_a_mark_on_lines_that_are_no_sale_anyway_is_not_asked_about():
    states = [*["paid"] * 6, "cancelled", "cancelled"]
    assert kept(orders(status=states, **{"Cancel reason": flag("fraud", None)})) == 210.0
    frame = orders(**{"Is Return": flag(1, 0)})
    frame.loc[6:, "total"] *= -1
    assert kept(frame) == kept(frame.drop(columns="Is Return"))


def test_harmless_columns_are_not_asked_about():
    frame = orders(
        category=flag("Returns & Gifts", "Books"),
        payment=flag("invoice", "cash on delivery"),
        delivery_status=flag("pending", "in transit"),
        notes=flag("do not cancel", None),
        return_policy=flag("30 days", "none"),
        returning_customer=flag("yes", "no"),
        returned=flag(None, None),
        channel=flag("online", "store"),
    )
    assert kept(frame) == 360.0


def test_a_column_of_kinds_under_another_heading_takes_back():
    frame = pd.concat([orders(), orders().tail(2)], ignore_index=True).assign(
        operation=["SALE"] * 8 + ["RETURN"] * 2
    )
    assert kept(frame) == 210.0


def test_codes_that_differ_where_an_order_repeats_its_amount_are_asked_about():
    frame = pd.concat([orders(), orders().tail(2)], ignore_index=True).assign(
        **{"Txn Code": ["S"] * 8 + ["R"] * 2}
    )
    with pytest.raises(QuestionsError, match="type=Txn Code"):
        kept(frame)
    assert kept(frame, {"type": "Txn Code"}, {"type": ["S:counts", "R:refund"]}) == 210.0


def test_items_that_came_back_are_taken_off():
    frame = (
        orders().drop(columns="total").assign(quantity=[2] * 8, unit_price=5.0, qty_returned=[0] * 6 + [1, 2])
    )
    assert kept(frame) == 65.0
    assert kept(frame, {"returned_quantity": ""}) == 80.0


def test_items_that_came_back_are_asked_about_next_to_an_amount():
    frame = orders(quantity=2, qty_returned=[0] * 6 + [1, 2])
    with pytest.raises(QuestionsError, match="may or may not include them"):
        kept(frame)


def test_two_prices_are_asked_about():
    frame = orders().drop(columns="total").assign(quantity=2, price=5.0, discounted_price=[4.0] + [5.0] * 7)
    with pytest.raises(QuestionsError, match="discounted_price"):
        kept(frame)
    assert kept(frame, {"unit_price": "discounted_price"}) == 78.0


def test_a_discount_next_to_a_computed_amount_is_asked_about():
    frame = orders().drop(columns="total").assign(quantity=2, price=5.0, discount=[1.0] + [0.0] * 7)
    with pytest.raises(QuestionsError, match="price_discounted"):
        kept(frame)
    assert kept(frame, rules={"price_discounted": "false"}) == 79.0
    assert kept(frame, rules={"price_discounted": "true"}) == 80.0
    assert kept(frame.assign(discount=0.0)) == 80.0
    back = pd.concat([frame, frame.head(1).assign(quantity=-2)], ignore_index=True)
    assert kept(back, rules={"price_discounted": "false"}) == 70.0


def test_units_in_headings_are_applied_and_told():
    for heading, unit in {
        "amount_cents": 100,
        "Betrag (Cent)": 100,
        "amount_micros": 1e6,
        "Revenue (k€)": 0.001,
    }.items():
        frame = orders().rename(columns={"total": heading})
        frame[heading] *= unit
        report = clean(read(frame)).report
        assert report.money_kept == pytest.approx(360.0, abs=0.01), heading
        assert any("money_unit" in note for note in report.notes), heading


def test_the_lines_own_total_is_taken_next_to_the_orders():
    lines = orders(**{"Line Total": 5.0, "Order Total": 50.0}).drop(columns="total")
    raw = read(lines)
    assert raw.mapping["amount"] == "Line Total"
    assert any("the line total, was used" in note for note in raw.notes)


def test_days_and_months_that_a_spreadsheet_exchanged_are_asked_about():
    days = pd.date_range("2025-01-03", periods=60, freq="5D")
    texts = [
        f"{day:%d/%m/%Y}" if day.day > 12 else f"{day:%Y}-{day.day:02}-{day.month:02} 00:00:00"
        for day in days
    ]
    frame = pd.DataFrame({"customer": "a", "date": texts, "amount": 1.0})
    with pytest.raises(QuestionsError, match="swapped_dates"):
        clean(frame)
    raw = read(frame)
    log = clean(raw, change_rules(raw.rules, {"swapped_dates": "true"})).log
    assert log["timestamp"].tolist() == days.tolist()
    many = pd.concat([frame[frame["date"].str.len() > 10]] * 1000).assign(amount=range(24_000))
    with pytest.raises(QuestionsError, match="swapped_dates"):
        clean(pd.concat([many, frame]))


def test_year_day_month_is_recognised():
    days = pd.date_range("2025-01-03", periods=60, freq="5D")
    frame = pd.DataFrame({"customer": "a", "date": [f"{day:%Y/%d/%m}" for day in days], "amount": 1.0})
    assert clean(frame).log["timestamp"].tolist() == days.tolist()


def test_times_are_read_in_further_spellings():
    spelled = {
        "2025-02-03 14:05": ["3 lutego 2025 14:05", "3 февраля 2025 г. 14:05", "03.02.2025 14:05 Uhr"],
        "2025-02-03 13:05": ["03/02/2025 1:05 p. m.", "20250203 13:05:00", "Mo., 03.02.2025 13:05"],
    }
    wrong = []
    for right, texts in spelled.items():
        for text in texts:
            frame = pd.DataFrame({"customer": "a", "date": [text, text], "amount": [1.0, 2.0]})
            raw = read(frame)
            found = clean(raw, change_rules(raw.rules, {"day_first": "true"})).log["timestamp"].iloc[0]
            wrong += [] if found == pd.Timestamp(right) else [(text, found)]
    assert not wrong


def test_customers_spelled_apart_are_told_and_brought_together_on_demand():
    for one, other, form in (
        ("C-1", "c-1", "case"),
        ("001", "1", "zeros"),
        ("#71", "71", "signs"),
        ("+49 170-12345", "017012345", "phones"),
    ):
        frame = orders().assign(
            customer=[one + str(n % 4) if n % 2 else other + str(n % 4) for n in (1, 2, 3, 4, 1, 2, 3, 4)]
        )
        frame = pd.concat(
            [
                frame,
                frame.assign(order_id=frame.order_id + 10, customer=frame.customer.str.replace(one, other)),
            ]
        )
        report = clean(frame).report
        assert any(f"id_forms=+{form}" in note for note in report.notes), (form, report.notes)
        raw = read(frame)
        log = clean(raw, change_rules(raw.rules, {"id_forms": f"+{form}"})).log
        assert log["customer_id"].nunique() == 4, form


def test_currencies_as_signs_or_names_are_asked_about():
    for names in (["€", "$"], ["Euro", "US Dollar"]):
        with pytest.raises(QuestionsError, match="there is no rate"):
            kept(orders(symbol=names * 4))
    assert kept(orders(symbol=["€"] * 8)) == 360.0


def test_tests_are_told_from_live_sales_by_their_mode():
    assert kept(orders(Mode=flag("test", "live"))) == 210.0


def test_a_subtotal_next_to_a_discount_is_asked_about():
    frame = orders(discount=[1.0] + [0.0] * 7).rename(columns={"total": "Subtotal"})
    with pytest.raises(QuestionsError, match="price_discounted"):
        kept(frame)
    assert kept(frame, rules={"price_discounted": "false"}) == 359.0


def test_unpaid_money_and_blank_ends_are_told():
    frame = orders(
        **{"Amount Due": [0.0] * 7 + [80.0], "completed_at": [pd.Timestamp("2025-05-01")] * 7 + [pd.NaT]}
    )
    notes = " ".join(clean(read(frame)).report.notes)
    assert "'Amount Due' contains money that is not paid yet" in notes
    assert "'completed_at' is blank on 1 of 8 lines, 80.00 in total, which count anyway" in notes


def test_a_blank_time_of_payment_of_lines_that_a_status_leaves_out_is_not_told():
    frame = orders(status=flag("open", "paid"), paid_at=flag(pd.NaT, pd.Timestamp("2025-05-01")))
    assert "is blank" not in " ".join(clean(read(frame)).report.notes)


def test_codes_of_a_status_id_are_asked_about():
    with pytest.raises(QuestionsError, match="order_state_id"):
        kept(orders(order_state_id=flag(5, 2)))


def test_lines_that_are_no_goods_are_told_with_their_money():
    for odd in ("TAX", "Gift card sold", "Commission", "Kaution"):
        notes = " ".join(clean(read(orders(line_kind=flag(odd, "ITEM")))).report.notes)
        assert f"lines such as '{odd}' (2 lines, 150.00) count as sales of goods" in notes


def test_a_share_of_discount_next_to_a_list_price_is_asked_about():
    frame = orders(discount=["10%"] + ["0%"] * 7).rename(columns={"total": "List total"})
    with pytest.raises(QuestionsError, match="price_discounted"):
        kept(frame)
    assert kept(frame, rules={"price_discounted": "false"}) == 359.0
    assert kept(frame, rules={"price_discounted": "true"}) == 360.0


def test_a_customer_that_became_another_is_told():
    frame = orders(merged_into=["b"] + [None] * 7)
    assert "Column 'merged_into' names another customer on 1 of 8" in " ".join(
        clean(read(frame)).report.notes
    )


def test_an_amount_that_is_the_sum_so_far_is_told():
    frame = orders().rename(columns={"total": "cumulative_spend"})
    frame["cumulative_spend"] = [10.0, 5.0, 7.0, 3.0, 60.0, 65.0, 77.0, 83.0]
    assert "like a running total" in " ".join(clean(read(frame)).report.notes)
    assert "running total" not in " ".join(clean(read(orders())).report.notes)


def test_refunds_of_customers_who_bought_once_make_no_running_total():
    rng = np.random.default_rng(1)
    bought = pd.DataFrame(
        {"customer_id": [f"c{n}" for n in range(200)], "total": rng.gamma(2, 20, 200).round(2)}
    )
    bought["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 200), unit="D")
    returned = bought.iloc[::5].assign(total=-bought["total"], date=bought["date"] + pd.Timedelta(days=9))
    frame = pd.concat([bought, returned]).sort_values("date")
    assert "running total" not in " ".join(clean(read(frame)).report.notes)


def test_a_welcome_price_makes_no_running_total():
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{n % 20}" for n in range(100)],
            "date": pd.date_range("2024-01-01", periods=100).strftime("%Y-%m-%d"),
            "total": [59.9 + n % 20 - (20 if n < 20 else 0) for n in range(100)],
        }
    )
    assert "running total" not in " ".join(clean(read(frame)).report.notes)


def test_whole_amounts_next_to_the_decimals_of_their_currency_are_asked_about():
    for heading in ("exponent", "minor_units"):
        with pytest.raises(QuestionsError, match="these are cents"):
            kept(orders(total=[1990, 4550, 12000, 875, 3330, 6420, 1995, 25005], **{heading: [2] * 8}))


def test_lines_that_a_column_calls_drafts_or_the_like_are_told_and_can_be_left_out():
    for heading, yes, no in (("draft", "Y", "N"), ("Internal order", True, False), ("Muster", "ja", "nein")):
        frame = orders(**{heading: flag(yes, no)})
        assert "says yes on 2 lines with a total of 150.00" in " ".join(clean(read(frame)).report.notes), (
            heading
        )
        assert kept(frame, {"test": heading}) == 210.0
    assert clean(read(orders(newsletter=flag("Y", "N")))).report.notes == clean(read(orders())).report.notes


def test_a_second_column_of_states_is_told_where_one_says_that_a_sale_is_pending():
    shop = orders(**{"Fulfillment Status": ["fulfilled", "unfulfilled"] * 4, "f7": flag("pending", "paid")})
    notes = clean(read(shop)).report.notes
    assert (
        "Column 'f7' contains 'pending' (2 of 8 lines) and is not used. If such lines are not completed sales, "
        "map the column." in notes
    )


def test_the_currency_named_like_the_amount_is_taken_and_told():
    frame = pd.DataFrame(
        {
            "Customer": list("aab"),
            "Date": ["2025-01-01", "2025-01-05", "2025-02-01"],
            "Presentment Amount": [1500, 20, 30],
            "Presentment Currency": ["JPY", "EUR", "EUR"],
            "Shop Amount": [10.5, 20.5, 30.5],
            "Shop Currency": "EUR",
        }
    )
    raw = read(frame, {"amount": "Shop Amount"})
    assert raw.mapping["currency"] == "Shop Currency"
    assert any(
        "'Shop Currency' was used because its name resembles 'Shop Amount'" in note for note in raw.notes
    )


def test_a_code_of_transactions_in_short_is_told():
    frame = pd.DataFrame(
        {
            "TransNo": range(1, 6),
            "CustNo": list("abcab"),
            "TransDt": [f"2025010{day}" for day in range(1, 6)],
            "TransCd": list("SSSSV"),
            "TransAmt": [10.5, 20.5, 30.5, 40.5, 50.5],
        }
    )
    assert any("'TransCd' with S (4 lines), V (1 line)" in note for note in read(frame).notes)


@pytest.mark.parametrize("most", [30.0, 12.0], ids=["known as refunds", "asked about"])
def test_the_date_of_a_refund_next_to_its_money_does_not_undo_the_order(most):
    source = pd.DataFrame(
        {
            "order_id": range(1, 9),
            "customer": list("abcdabcd"),
            "date": pd.date_range("2025-01-05", periods=8, freq="9D"),
            "total": [20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0],
            "返金日時": [None, "2025-02-01", None, None, "2025-03-01", None, None, None],
            "合計返金額": [0.0, most, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0],
        }
    )
    try:
        raw = read(source)
        kept = clean(raw).report.money_kept
    except QuestionsError as asked:
        [question] = asked.questions
        kept = clean(read(source, answer([question.answers[0]], {}, {})[0])).report.money_kept
    assert kept == pytest.approx(440.0 - most - 10.0)


def documents(marked, otherwise):
    """Two hundred sales, and ten lines that repeat one of them each, with a mark."""
    sold = pd.DataFrame(
        {
            "document": [f"D{n}" for n in range(200)],
            "customer": [f"C{n % 40}" for n in range(200)],
            "date": pd.date_range("2024-01-01", periods=200).astype(str),
            "amount": [5 + n * 37 % 211 / 4 for n in range(200)],
            "Return reason": otherwise,
        }
    )
    back = sold.iloc[::20].assign(date="2024-08-01", document=[f"R{n}" for n in range(10)])
    back["Return reason"] = [marked[n % len(marked)] for n in range(10)]
    return pd.concat([sold, back], ignore_index=True), sold["amount"].sum() - back["amount"].sum()


@pytest.mark.parametrize(("marked", "otherwise"), [(["Damaged", "R01"], None), (["yes"], "no")])
def test_marked_documents_that_repeat_a_sale_are_offered_as_returns_first(marked, otherwise):
    lines, kept = documents(marked, otherwise)
    with pytest.raises(QuestionsError) as asked:
        read(lines)
    [question] = asked.value.questions
    assert "10 of them have the customer and the amount of another line" in question.text
    mapping, rules = answer([question.answers[0]], {}, {})
    assert clean(read(lines, mapping, changes=rules)).report.money_kept == pytest.approx(kept)


def test_marks_on_sales_themselves_are_asked_about_as_cancellations():
    lines, _ = documents(["Damaged"], None)
    sold = lines.iloc[:200].copy()
    sold.loc[::20, "Return reason"] = "Damaged"
    with pytest.raises(QuestionsError) as asked:
        read(sold)
    assert asked.value.questions[0].answers[0] == "cancelled_at=Return reason"
