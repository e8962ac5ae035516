import re
from collections import deque

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cltv_ml.data import Rules, clean, judge, read

COLUMNS = ["customer_id", "timestamp", "amount", "order_id", "product_id", "quantity"]


def lines(*rows, columns=COLUMNS):
    frame = pd.DataFrame(list(rows), columns=columns)
    return frame.assign(timestamp=pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["timestamp"], unit="D"))


def left(frame, rules=None):
    cleaned = clean(frame, rules)
    return cleaned.log[["order_id", "amount"]].values.tolist(), cleaned


def test_an_order_bought_and_cancelled_leaves_nothing():
    kept, cleaned = left(lines(("a", 0, 20.0, "1", "x", 10), ("a", 1, -20.0, "C2", "x", -10)))
    assert kept == []
    assert cleaned.quarantine["rule"].tolist() == ["cancellation", "cancellation"]


def test_a_partial_return_reduces_its_order():
    kept, cleaned = left(lines(("a", 0, 20.0, "1", "x", 10), ("a", 1, -8.0, "2", "x", -4)))
    assert kept == [["1", 12.0]]
    assert cleaned.log["quantity"].tolist() == [6.0]


def test_a_return_takes_the_purchase_of_equal_quantity_before_a_later_one():
    kept, _ = left(
        lines(("a", 0, 6.0, "1", "x", 3), ("a", 1, 20.0, "2", "x", 10), ("a", 2, -6.0, "3", "x", -3)),
    )
    assert kept == [["2", 20.0]]


def test_a_return_spans_the_latest_purchases_before_it():
    kept, _ = left(
        lines(
            ("a", 0, 10.0, "1", "x", 10),
            ("a", 1, 10.0, "2", "x", 10),
            ("a", 2, -15.0, "3", "x", -15),
            ("a", 3, 10.0, "4", "x", 10),
        )
    )
    assert kept == [["1", 5.0], ["4", 10.0]]


def test_a_return_before_the_purchase_matches_nothing():
    kept, cleaned = left(lines(("a", 0, -20.0, "1", "x", -10), ("a", 1, 50.0, "2", "x", 10)))
    assert kept == [["2", 50.0]]
    assert cleaned.quarantine["rule"].tolist() == ["return_without_order"]


def test_returns_stay_with_their_customer_and_product():
    kept, _ = left(
        lines(
            ("a", 0, 20.0, "1", "x", 10),
            ("a", 0, 20.0, "1", "y", 10),
            ("b", 0, 20.0, "2", "x", 10),
            ("a", 1, -20.0, "3", "x", -10),
        )
    )
    assert kept == [["1", 20.0], ["2", 20.0]]


def test_a_cancellation_id_outranks_a_later_purchase():
    frame = lines(
        ("a", 0, 20.0, "1", "x", 10), ("a", 1, 20.0, "2", "x", 10), ("a", 2, -20.0, "3", "x", -10)
    ).assign(cancels=[None, None, "1"])
    kept, _ = left(frame)
    assert kept == [["2", 20.0]]


def test_a_return_booked_under_its_order_is_taken_off_that_order():
    kept, _ = left(
        lines(("a", 0, 20.0, "1", "x", 10), ("a", 1, 20.0, "2", "x", 10), ("a", 2, -4.0, "1", "x", -2))
    )
    assert kept == [["1", 16.0], ["2", 20.0]]


def test_without_products_a_refund_takes_its_money_not_an_item_of_another_price():
    rows = [("a", "2025-01-05", 12.0, 1.0), ("a", "2025-01-07", 7.0, 1.0), ("a", "2025-01-09", -10.0, -1.0)]
    lines = pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount", "quantity"])
    assert clean(lines).log["amount"].tolist() == [9.0]


def test_money_of_returns_that_no_purchase_can_lose_is_told():
    kept, cleaned = left(
        lines(("a", 0, 7.0, "1", "x", 1), ("a", 0, 10.0, "1", "y", 1), ("a", 4, -10.0, "2", "x", -1))
    )
    assert kept == [["1", 10.0]]
    assert any("Returns were worth 3.00 more than the purchases" in note for note in cleaned.report.notes)
    _, cleaned = left(lines(("a", 0, 20.0, "1", "x", 10), ("a", 1, -8.0, "2", "x", -4)))
    assert not any("Returns were worth" in note for note in cleaned.report.notes)


def test_without_product_or_quantity_money_is_matched():
    frame = lines(
        ("a", 0, 30.0),
        ("a", 1, 50.0),
        ("a", 2, -30.0),
        ("a", 3, -10.0),
        columns=["customer_id", "timestamp", "amount"],
    )
    assert clean(frame).log["amount"].tolist() == [40.0]


def test_a_refund_below_the_price_leaves_what_the_shop_kept():
    kept, cleaned = left(lines(("a", 0, 20.0, "1", "x", 1), ("a", 1, -15.0, "2", "x", -1)))
    assert kept == [["1", 5.0]]
    assert cleaned.report.money_netted == 0.0


def test_a_refund_above_the_price_never_makes_an_amount_negative():
    kept, cleaned = left(
        lines(("a", 0, 20.0, "1", "x", 2), ("a", 1, -15.0, "2", "x", -1), ("b", 1, 1.0, "3", "x", 1))
    )
    assert kept == [["1", 5.0], ["3", 1.0]]
    kept, cleaned = left(
        lines(("a", 0, 20.0, "1", "x", 2), ("a", 1, -25.0, "2", "x", -1), ("b", 1, 1.0, "3", "x", 1))
    )
    assert kept == [["3", 1.0]]
    assert cleaned.report.money_netted == -5.0


def test_netting_can_be_switched_off_and_returns_are_then_set_aside():
    kept, cleaned = left(
        lines(("a", 0, 20.0, "1", "x", 10), ("a", 1, -8.0, "2", "x", -4)), Rules(off=("cancellation",))
    )
    assert kept == [["1", 20.0]]
    assert cleaned.quarantine["rule"].tolist() == ["return_without_order"]


def test_customers_who_returned_more_than_they_bought_are_set_aside():
    frame = lines(("a", 0, -50.0, "1", "x", -1), ("a", 1, 20.0, "2", "y", 1), ("b", 1, 20.0, "3", "y", 1))
    kept, cleaned = left(frame)
    assert kept == [["3", 20.0]]
    assert cleaned.quarantine["rule"].tolist() == ["return_without_order", "customer_total"]
    assert left(frame, Rules(off=("customer_total",)))[0] == [["2", 20.0], ["3", 20.0]]


def slow_units_left(rows):
    """The rounds of `netting.ROUNDS` as loops: (customer, day, quantity, product) -> units left per line."""
    remaining = [abs(quantity) for _, _, quantity, _ in rows]
    backwards = sorted(range(len(rows)), key=lambda n: (rows[n][1], rows[n][2] < 0, n), reverse=True)
    for key in (
        lambda n: (rows[n][0], rows[n][3], abs(rows[n][2])),
        lambda n: (rows[n][0], rows[n][3]),
    ):
        waiting = {}
        for n in backwards:
            queue = waiting.setdefault(key(n), deque())
            if rows[n][2] < 0:
                if remaining[n]:
                    queue.append(n)
                continue
            while queue and remaining[n]:
                served = min(remaining[n], remaining[queue[0]])
                remaining[n] -= served
                remaining[queue[0]] -= served
                if not remaining[queue[0]]:
                    queue.popleft()
    return remaining


purchase_or_return = st.tuples(
    st.sampled_from("ab"), st.integers(0, 5), st.integers(-4, 6).filter(bool), st.sampled_from("xy")
)


@settings(max_examples=15, deadline=None)
@given(st.lists(purchase_or_return, min_size=1, max_size=25))
def test_netting_equals_the_slow_loop(rows):
    frame = pd.DataFrame(
        [(c, day, 2.0 * q, str(n), p, q) for n, (c, day, q, p) in enumerate(rows)], columns=COLUMNS
    ).assign(timestamp=lambda f: pd.Timestamp("2024-01-01") + pd.to_timedelta(f["timestamp"], unit="D"))
    cleaned = clean(frame, Rules(off=("exact_duplicate", "customer_total")))
    expected = {
        str(n): 2.0 * units
        for n, (units, row) in enumerate(zip(slow_units_left(rows), rows, strict=True))
        if row[2] > 0 and units
    }
    assert dict(zip(cleaned.log["order_id"], cleaned.log["amount"], strict=True)) == expected
    assert cleaned.report.money_in == pytest.approx(sum(2.0 * q for _, _, q, _ in rows))


def test_a_refund_that_the_shop_sends_is_taken_off_the_order_that_it_names():
    source = pd.DataFrame(
        {
            "customer_id": ["ana", "bob", "shop"],
            "timestamp": ["2025-01-05", "2025-01-06", "2025-01-09"],
            "amount": ["50", "80", "-30"],
            "order_id": ["1", "2", "3"],
            "cancels": [None, None, "2"],
        }
    )
    cleaned = clean(source)
    assert cleaned.log.set_index("customer_id")["amount"].to_dict() == {"ana": 50.0, "bob": 50.0}


def test_a_refund_of_part_of_an_order_is_not_taken_off_a_later_order_that_was_cancelled_anyway():
    frame = pd.DataFrame(
        {
            "customer": ["a", "a", "a", "b", "b"],
            "date": ["2024-01-01", "2024-01-05", "2024-01-07", "2024-01-03", "2024-01-06"],
            "amount": [100.0, 30.0, -40.0, 50.0, -50.0],
            "cancelled at": ["", "2024-01-05", "", "2024-01-04", ""],
        }
    )
    cleaned = clean(read(frame))
    assert cleaned.log["amount"].tolist() == [60.0]  # the second customer's order and its refund count once
    assert cleaned.report.money_in == pytest.approx(90.0)
    assert cleaned.report.money_kept == pytest.approx(60.0)


def test_returns_still_to_come_are_told_with_about_their_money():
    rng = np.random.default_rng(1)
    number, end = 4_800, pd.Timestamp("2024-02-05")
    time = end - pd.to_timedelta(rng.integers(1, 401, number), unit="D") + pd.Timedelta(hours=12)
    sales = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 900, number).astype(str),
            "order_id": [f"o{place}" for place in range(number)],
            "timestamp": time,
            "amount": rng.gamma(4, 10, number).round(2),
        }
    )
    back = rng.random(number) < 0.3
    later = sales.assign(timestamp=time + pd.to_timedelta(rng.integers(5, 40, number), unit="D"))[back]
    known, to_come = (later[later["timestamp"] < end], later[later["timestamp"] >= end])
    log = pd.concat([sales, known.assign(amount=-known["amount"])], ignore_index=True)
    cleaned = clean(read(log))
    [told] = [reason for reason in judge(cleaned.log, 91, cleaned.report).reasons if "to come back" in reason]
    share, days, money = re.search(
        r"return (\d+)% .* within (\d+) days, so about ([\d,.]+) of", told
    ).groups()
    assert float(money.replace(",", "")) == pytest.approx(to_come["amount"].sum(), rel=0.2)
    assert (int(share), int(days)) == (pytest.approx(30, abs=2), pytest.approx(38, abs=1))

    at_once = sales[back].assign(amount=-sales["amount"])
    cancelled = clean(read(pd.concat([sales, at_once], ignore_index=True)))
    assert not any("to come back" in reason for reason in judge(cancelled.log, 91, cancelled.report).reasons)
