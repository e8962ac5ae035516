import os
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import (
    Rules,
    change_rules,
    clean,
    clean_to_parquet,
    compute_summary,
    doubt_products,
    judge,
    read,
    simulate,
)


def log_of(*rows):
    frame = pd.DataFrame(list(rows), columns=["customer_id", "day", "amount"])
    return frame.assign(timestamp=pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["day"], unit="D")).drop(
        columns="day"
    )


def regular_log(customers=600, gap=30, purchases=8):
    rows = [(f"c{n}", n % 30 + gap * k, 10.0) for n in range(customers) for k in range(purchases)]
    return log_of(*rows)


def test_a_large_irregular_log_is_a_go():
    assert judge(simulate(700).log, horizon=180).level == "go"


@pytest.mark.parametrize(
    ("log", "horizon", "reason"),
    [
        (simulate(50).log, None, "50 customers have an order, fewer than the required 100 customers"),
        (log_of(("a", 0, 9.0)), None, "1 customer has an order, fewer than the required 100 customers"),
        (simulate(700, days=60).log, None, "the log spans 60 days, fewer than the required 90 days"),
        (
            log_of(*((f"c{n}", n, 5.0) for n in range(700))),
            None,
            "0.0 of 100 customers bought again, fewer than the required 3 of 100",
        ),
        (simulate(700).log, 400, "the horizon of 400 days is 55% of the history"),
        (regular_log(), None, "at regular intervals, like subscribers"),
    ],
)
def test_what_nothing_can_be_learned_from_is_a_no_go(log, horizon, reason):
    verdict = judge(log, horizon)
    assert verdict.level == "no-go"
    assert any(reason in text for text in verdict.reasons)


@pytest.mark.parametrize(
    ("log", "horizon", "reason"),
    [
        (
            simulate(300).log,
            None,
            "300 customers have an order, fewer than the recommended 500 customers",
        ),
        (
            simulate(700).log,
            300,
            "the horizon of 300 days is 41% of the history of 730 days, above the recommended maximum of 33%",
        ),
    ],
)
def test_what_little_can_be_learned_from_asks_for_caution(log, horizon, reason):
    verdict = judge(log, horizon)
    assert verdict.level == "caution"
    assert any(reason in text for text in verdict.reasons)


def yearly_log(first, amount, customers=600, years=5):
    """Return customers who buy once a year: the nth first on day `first(n)`, for `amount(n, year)`."""
    return log_of(
        *((f"c{n}", first(n) + 365 * k, amount(n, k)) for n in range(customers) for k in range(years))
    )


def test_yearly_gifts_are_no_contract():
    varying = yearly_log(lambda n: n % 364, lambda n, k: 20.0 + 15 * ((n + k) % 3))
    in_one_season = yearly_log(lambda n: 330 + n % 20, lambda n, k: 25.0)
    for log in (varying, in_one_season):
        verdict = judge(log, 91)
        assert verdict.level == "caution"
        assert "100% of the frequent customers buy once a year" in verdict.text


def test_a_contract_renewed_every_year_is_a_no_go():
    verdict = judge(yearly_log(lambda n: n % 364, lambda n, k: 60.0), 91)
    assert verdict.level == "no-go"
    assert "at regular intervals, like subscribers" in verdict.text


def test_lines_set_aside_weigh_on_the_verdict():
    frame = simulate(700).log
    frame.loc[frame.index % 2 == 0, "customer_id"] = None
    cleaned = clean(frame)
    assert any(
        "50% of the lines were quarantined" in text
        for text in judge(cleaned.log, None, cleaned.report).reasons
    )


def test_a_shop_whose_customers_return_half_of_the_orders_is_no_no_go():
    log = simulate(700).log
    log["order_id"] = [f"o{number}" for number in range(len(log))]
    returned = log[log.index % 2 == 0].assign(amount=lambda f: -f["amount"])
    cleaned = clean(pd.concat([log, returned], ignore_index=True))
    verdict = judge(cleaned.log, None, cleaned.report)
    assert verdict.level == "caution"
    assert [text for text in verdict.reasons if "returns of " in text]
    assert not [text for text in verdict.reasons if "were quarantined" in text]


def test_customers_of_the_opening_days_can_be_set_aside():
    log = log_of(("old", 0, 1.0), ("old", 10, 1.0), ("new", 15, 1.0), ("new", 25, 1.0))
    assert compute_summary(log)["opening_customers"].tolist() == [1]
    assert set(clean(log, Rules(on=("history_before_log",))).log["customer_id"]) == {"new"}


def test_winsorising_caps_and_reports_its_share():
    log = simulate(300).log.astype({"amount": float})
    log.loc[5, "amount"] = 1e6
    cleaned = clean(log, Rules(winsorise=5))
    assert len(cleaned.log) == len(log)
    assert cleaned.log["amount"].max() < 10_000
    assert cleaned.report.money_capped > 9e5
    assert "were capped at that value, which reduces revenue" in cleaned.report.notes[-1]


def test_each_switchable_rule_can_be_switched_off():
    frame = pd.DataFrame(
        [
            ("a", "2124-01-01 10:00", 1.0, "POST", 1),
            ("a", "2024-01-01 10:00", 1.0, "x", -1),
            ("a", "2024-01-01 10:00", 2.0, "x", 1),
        ]
        * 2,
        columns=["customer_id", "timestamp", "amount", "product_id", "quantity"],
    )
    rules = Rules(non_products=("post",), unsigned_returns=False)
    broken = clean(frame, rules).report.rules.set_index("rule")["rows"]
    for rule in ("future_date", "contradictory_signs", "exact_duplicate"):
        assert broken[rule] > 0
        assert rule not in set(clean(frame, replace(rules, off=(rule,))).quarantine["rule"])


def test_the_rule_table_accounts_for_every_line_and_amount():
    frame = simulate(50).log.assign(amount=lambda f: f["amount"].where(f.index % 7 != 0, -f["amount"]))
    report = clean(frame).report
    assert report.rows_in - report.rules["rows"].sum() == report.rows_kept
    assert report.money_in - report.rules["money"].sum() == pytest.approx(report.money_kept)
    assert (report.rules["rows_before"].diff().dropna() == -report.rules["rows"][:-1].to_numpy()).all()


def test_orders_keep_the_lines_revenue():
    log = simulate(200).log
    orders = clean(log, grain="order").log
    assert len(orders) == log["order_id"].nunique()
    assert orders["order_id"].is_unique
    assert orders["amount"].sum() == pytest.approx(clean(log).log["amount"].sum())


def test_without_order_id_a_customer_s_day_is_an_order():
    small = log_of(("a", 0, 10.0), ("a", 0, 5.0), ("a", 7, 20.0), ("b", 2, 0.0))
    orders = clean(small, grain="order").log
    assert sorted(orders[["customer_id", "amount"]].values.tolist()) == [["a", 15.0], ["a", 20.0], ["b", 0.0]]


def test_a_log_written_to_parquet_is_the_one_in_memory(tmp_path):
    log = simulate(100).log
    log.loc[3, "amount"] = np.nan
    report = clean_to_parquet(log, tmp_path)
    cleaned = clean(log)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "log.parquet"), cleaned.log, check_dtype=False)
    assert pd.read_parquet(tmp_path / "quarantine.parquet")["rule"].tolist() == ["bad_amount"]
    assert report.money_kept == cleaned.report.money_kept
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.parquet", "quarantine.parquet"]
    assert not [path for path in tmp_path.iterdir() if os.name == "posix" and path.stat().st_mode & 0o077]


def test_codes_without_a_digit_are_doubted_and_the_rule_in_the_sentence_sets_them_aside():
    codes = [*(f"A{number}" for number in range(60)), "POST", "BANK CHARGES", "C.O.D"]
    bought = pd.DataFrame(
        {"customer_id": "a", "timestamp": "2024-01-01 10:00", "amount": 5.0, "product_id": codes}
    )
    (sentence,) = doubt_products(clean(read(bought)).log)
    assert sentence.startswith("3 of 63 product codes have no digit")
    pair = re.search('--rule "(.+)"', sentence)[1]
    cleaned = clean(read(bought), change_rules(Rules(), dict([pair.split("=", 1)])))
    assert cleaned.quarantine["rule"].tolist() == ["non_product"] * 3
    assert doubt_products(cleaned.log) == []


def test_products_with_names_raise_no_doubt():
    assert doubt_products(pd.DataFrame({"product_id": ["tea", "jam", "A1"], "amount": 1.0})) == []


def test_amounts_that_cannot_be_read_are_estimated_and_block_go():
    log = synthetic = simulate(700).log
    frame = synthetic.assign(amount=synthetic["amount"].astype(str))
    frame.loc[frame.index % 25 == 0, "amount"] = "?"
    cleaned = clean(read(frame), Rules(off=("exact_duplicate",)))
    lost = log["amount"][log.index % 25 == 0].sum()
    assert cleaned.report.money_unreadable == pytest.approx(lost, rel=0.1)
    verdict = judge(cleaned.log, 30, cleaned.report)
    assert verdict.level != "go"
    assert re.search(r"cannot be read \(about [\d,.]+ EUR, or", verdict.text_in("EUR"))


def test_the_verdict_on_a_log_of_returns_states_the_currency():
    lines = pd.DataFrame({"customer_id": "a", "order_id": "1", "amount": [5.0, -5.0], "currency": "EUR"})
    cleaned = clean(read(lines.assign(timestamp=["2024-01-01", "2024-01-05"])))
    assert "returns of 5.00 EUR reduced sales" in judge(cleaned.log, 30, cleaned.report).text


def test_the_verdict_names_a_customer_with_a_large_share():
    log = pd.DataFrame({"customer_id": [f"c{n}" for n in range(40)] + ["bulk"] * 20, "amount": 1.0})
    log["timestamp"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(range(60), "D")
    assert any(
        "'bulk' has 33% of the orders and 33% of the revenue" in reason for reason in judge(log).reasons
    )
    once = pd.DataFrame({"customer_id": [f"c{n // 2}" for n in range(399)], "amount": 1.0})
    once = once.assign(timestamp=pd.Timestamp("2024-01-01") + pd.to_timedelta(range(399), "D"))
    once.loc[398, "amount"] = 400.0
    assert "'c199' has less than 1% of the orders and 50% of the revenue" in judge(once).text


def test_payments_that_take_all_sales_back_are_named():
    lines = [(n, f"c{n}", f"2025-0{n}-05", amount) for n in (1, 2, 3) for amount in (30.0, 12.5, -42.5)]
    frame = pd.DataFrame(lines, columns=["receipt", "customer", "time", "amount"])
    cleaned = clean(frame)
    [_, returned] = judge(cleaned.log, None, cleaned.report).reasons
    assert returned.startswith("returns of 127.50 reduced sales by 100% (if negative lines are payments")
    assert clean(frame, Rules(off=("cancellation", "customer_total"))).report.money_kept == 127.5


def test_returns_that_match_no_purchase_are_a_doubt():
    source = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b"],
            "timestamp": ["2025-01-05", "2025-02-05", "2025-03-05"],
            "amount": [100.0, 50.0, -20.0],
        }
    )
    cleaned = clean(source)
    assert any(
        reason.startswith("1 return worth 20.00 matches no purchase")
        for reason in judge(cleaned.log, None, cleaned.report).reasons
    )


def test_logs_without_money_are_told_with_the_reason():
    log = simulate(600).log
    assert judge(log.assign(amount=0.0)).reasons == ("no line has a positive amount.",)
    small = judge(log.assign(amount=log["amount"] / 1e5))
    assert small.level == "caution"
    assert "--rule money_unit=1000" in small.text
    cleaned = clean(log.assign(customer_id="guest"))
    assert judge(cleaned.log, None, cleaned.report).text.endswith("lines broke the rule placeholder_customer")
