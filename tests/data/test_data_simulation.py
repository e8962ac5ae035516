import pandas as pd
import pytest

from cltv_ml.data import simulate
from cltv_ml.tables import TRANSACTIONS


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
