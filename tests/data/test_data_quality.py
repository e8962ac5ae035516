import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import (
    DATASETS,
    Rules,
    change_rules,
    clean,
    clean_to_parquet,
    compute_cohorts,
    compute_months,
    compute_seasonality,
    compute_spend,
    compute_summary,
    doubt_products,
    fetch,
    judge,
    read,
    simulate,
    write_simulation,
)
from cltv_ml.tables import TRANSACTIONS


def log_of(*rows):
    frame = pd.DataFrame(list(rows), columns=["customer_id", "day", "amount"])
    return frame.assign(timestamp=pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["day"], unit="D")).drop(
        columns="day"
    )


def regular_log(customers=600, gap=30, purchases=8):
    rows = [(f"c{n}", n % 30 + gap * k, 10.0) for n in range(customers) for k in range(purchases)]
    return log_of(*rows)


SMALL = log_of(("a", 0, 10.0), ("a", 0, 5.0), ("a", 7, 20.0), ("b", 2, 0.0))


def test_the_summary_counts_what_is_there():
    facts = compute_summary(SMALL).iloc[0]
    assert (facts["rows"], facts["customers"], facts["orders"], facts["revenue"]) == (4, 2, 3, 35.0)
    assert (facts["days"], facts["repeat_rate"], facts["median_gap"]) == (8, 0.5, 7.0)
    assert (facts["days_without_orders"], facts["longest_gap"], facts["zero_customers"]) == (5, 4, 1)


def test_cohorts_months_and_seasons_share_out_the_same_revenue():
    log = simulate(300).log
    total = pytest.approx(log["amount"].sum(), abs=0.005)
    seasons = compute_seasonality(log)
    assert compute_cohorts(log)["revenue"].sum() == total
    assert compute_months(log)["revenue"].sum() == total
    assert seasons.groupby("part")["revenue"].sum().tolist() == [total, total]
    assert compute_months(log)["new_customers"].sum() == 300


def test_spend_quantiles_are_numpy_s():
    log = simulate(300).log
    spend = compute_spend(log)
    customers = log.groupby("customer_id")["amount"].sum()
    expected = np.quantile(customers, spend["quantile"], method="inverted_cdf")
    np.testing.assert_allclose(spend["customer_value"], expected)
    above = customers[customers > expected[3]].sum() / customers.sum()
    assert spend["share_above"].iloc[3] == pytest.approx(above)


def test_a_large_irregular_log_is_a_go():
    assert judge(simulate(700).log, horizon=180).level == "go"


@pytest.mark.parametrize(
    ("log", "horizon", "reason"),
    [
        (simulate(50).log, None, "50 customers have an order; fewer than 100 customers are too few"),
        (simulate(700, days=60).log, None, "the log spans 60 days; fewer than 90 days are too few"),
        (
            log_of(*((f"c{n}", n, 5.0) for n in range(700))),
            None,
            "0.0 of 100 customers bought again; fewer than 3",
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
            "300 customers have an order; fewer than 500 customers are a reason for caution",
        ),
        (simulate(700).log, 300, "the horizon of 300 days is 41% of the history of 730 days; more than 33%"),
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
        assert "100% of the frequent customers buy regularly once a year" in verdict.text


def test_a_contract_renewed_every_year_is_a_no_go():
    verdict = judge(yearly_log(lambda n: n % 364, lambda n, k: 60.0), 91)
    assert verdict.level == "no-go"
    assert "at regular intervals, like subscribers" in verdict.text


def test_lines_set_aside_weigh_on_the_verdict():
    frame = simulate(700).log
    frame.loc[frame.index % 2 == 0, "customer_id"] = None
    cleaned = clean(frame)
    assert any(
        "50% of the lines were set aside" in text for text in judge(cleaned.log, None, cleaned.report).reasons
    )


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
    assert "were capped there, which takes" in cleaned.report.notes[-1]


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
    rules = Rules(non_products=("post",))
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
    orders = clean(SMALL, grain="order").log
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


def test_the_simulation_is_a_full_transactions_table_and_repeats():
    shop = simulate(100)
    assert set(shop.log.columns) == set(TRANSACTIONS.columns)
    TRANSACTIONS.check(shop.log)
    pd.testing.assert_frame_equal(shop.log, simulate(100).log)


def test_simulated_rates_and_spend_are_found_again_in_the_log():
    shop = simulate(3000)
    log = shop.log.assign(gross=shop.log["amount"] + shop.log["discount"])
    truth = shop.truth.set_index("customer_id")
    end = pd.Timestamp("2022-01-01") + pd.Timedelta(days=730)
    exposure = (truth["ended"].clip(upper=end) - truth["joined"]) / pd.Timedelta(days=1)
    plain = log[log["discount"] == 0].groupby("order_id").first()
    repeats = len(plain) - len(truth)
    assert repeats == pytest.approx((truth["rate"] * exposure).sum(), rel=0.1)
    orders = (
        log.groupby(["order_id", "customer_id"])["gross"].sum().groupby("customer_id").agg(["mean", "size"])
    )
    many = orders[orders["size"] > 50]
    ratio = many["mean"] / truth.loc[many.index, "mean_spend"]
    assert ratio.mean() == pytest.approx(1, abs=0.03)
    assert (shop.expected_value(90) > 0).equals(truth["alive"])


def test_a_simulation_of_any_size_is_written_in_lots(tmp_path):
    log = read(write_simulation(tmp_path, 200))
    assert clean(log, Rules(off=("exact_duplicate",))).report.money_kept == pytest.approx(
        simulate(200).log["amount"].sum()
    )


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_that_is_here_reads_and_reconciles(name):
    if name != "synthetic" and DATASETS[name].find() is None:
        pytest.skip(f"data set {name!r} is not on this machine")
    report = clean(read("synthetic:300" if name == "synthetic" else name)).report
    assert report.rows_kept > 0.6 * report.rows_in
    assert DATASETS[name].traps


def test_lines_of_complete_journey_get_their_category_from_the_table_of_products(monkeypatch, tmp_path):
    folder = tmp_path / "completejourney"
    folder.mkdir()
    lines = pd.DataFrame(
        {
            "household_id": [1, 2, 1],
            "transaction_timestamp": pd.to_datetime(["2017-01-02 12:00"] * 3),
            "sales_value": [1.0, 2.0, 3.0],
            "basket_id": [7, 8, 7],
            "product_id": [30, 10, 99],
            "retail_disc": 0.0,
        }
    )
    lines.to_parquet(folder / "transactions.parquet")
    monkeypatch.setenv("CLTV_DATA_DIR", str(tmp_path))
    with pytest.raises(ValueError, match=r"'products\.parquet' is missing next to the lines"):
        read("complete_journey")
    products = pd.DataFrame({"product_id": [10, 20, 30], "product_category": ["BEEF", "CHEESE", None]})
    products.to_parquet(folder / "products.parquet")
    log = clean(read("complete_journey")).log
    assert dict(zip(log["product_id"], log["category"].fillna("none"), strict=True)) == {
        "30": "none",
        "10": "BEEF",
        "99": "none",
    }


def test_complete_journey_keeps_every_cent_beside_its_categories():
    if DATASETS["complete_journey"].find() is None:
        pytest.skip("data set 'complete_journey' is not on this machine")
    log = clean(read("complete_journey")).log
    assert round(log["amount"].sum(), 2) == 4_596_039.58
    assert log["category"].isna().sum() == 7_045


def test_a_data_set_that_is_not_here_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.delenv("CLTV_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(
        ValueError, match="not on this machine; fetch it with `cltv data fetch online_retail_ii`"
    ):
        read("online_retail_ii")
    with pytest.raises(ValueError, match=r"Unknown data set 'nothing'\. Available"):
        fetch("nothing")


def test_a_fetched_data_set_is_checked_against_its_checksum(monkeypatch, tmp_path):
    import hashlib
    import threading
    import zipfile
    from http.server import HTTPServer, SimpleHTTPRequestHandler

    from openpyxl import Workbook

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def translate_path(self, _):
            return str(tmp_path / "served.zip")

    book = Workbook()
    for row in (
        ["Invoice", "StockCode", "Quantity", "InvoiceDate", "Price", "Customer ID"],
        ["1", "x", 2, "2010-01-01", 1.5, 7],
    ):
        book.active.append(row)
    book.save(tmp_path / "book.xlsx")
    with zipfile.ZipFile(tmp_path / "served.zip", "w") as archive:
        archive.write(tmp_path / "book.xlsx", "book.xlsx")
    server = HTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.delenv("CLTV_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    try:
        url = f"http://127.0.0.1:{server.server_port}/book.zip"
        good = hashlib.sha256(Path(tmp_path, "book.xlsx").read_bytes()).hexdigest()
        monkeypatch.setitem(
            DATASETS, "online_retail_ii", replace(DATASETS["online_retail_ii"], url=url, sha256="0" * 64)
        )
        with pytest.raises(ValueError, match=r"checksum .* not 0000"):
            fetch("online_retail_ii")
        monkeypatch.setitem(
            DATASETS, "online_retail_ii", replace(DATASETS["online_retail_ii"], url=url, sha256=good)
        )
        assert os.path.exists(fetch("online_retail_ii"))
        assert clean(read("online_retail_ii")).log["amount"].tolist() == [3.0]
    finally:
        server.shutdown()
        server.server_close()


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
    assert any("cannot be read, about" in reason for reason in verdict.reasons)


def test_the_verdict_names_a_customer_with_a_large_share():
    log = pd.DataFrame({"customer_id": [f"c{n}" for n in range(40)] + ["bulk"] * 20, "amount": 1.0})
    log["timestamp"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(range(60), "D")
    assert any(
        "'bulk' has 33% of the orders and 33% of the revenue" in reason for reason in judge(log).reasons
    )


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
        reason.startswith("1 returns worth 20.00 match no purchase")
        for reason in judge(cleaned.log, None, cleaned.report).reasons
    )
