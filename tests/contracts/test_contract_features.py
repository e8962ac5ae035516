"""Every feature of the catalogue, on a log full of traps: it sees one customer's past and nothing else."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.features import CATALOGUE, build_features

CUTOFFS = [pd.Timestamp("2023-07-01"), pd.Timestamp("2024-01-01")]


def make_log(seed: int = 0, customers: int = 60) -> pd.DataFrame:
    """Two years of orders with late lines and returns under old order ids, ties, midnights and one-timers."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2022-06-01")
    rows = []
    for number in range(customers):
        orders = 1 if number % 4 == 0 else int(rng.integers(2, 14))
        days = np.sort(rng.integers(0, 760, size=orders))
        for order, day in enumerate(days):
            hour = 0 if number % 5 == 0 else int(rng.integers(0, 24))
            placed = start + pd.Timedelta(days=int(day), hours=hour)
            for _ in range(int(rng.integers(1, 5))):
                rows.append(_line(rng, f"c{number:03d}", f"c{number:03d}-{order}", placed))
            if rng.random() < 0.3:  # a return and a forgotten line, days later, under the old order id
                later = placed + pd.Timedelta(days=int(rng.integers(1, 61)))
                back = _line(rng, f"c{number:03d}", f"c{number:03d}-{order}", later)
                rows.append({**back, "amount": -back["amount"] - 1})
                rows.append(_line(rng, f"c{number:03d}", f"c{number:03d}-{order}", later))
    for cutoff in CUTOFFS:  # bought on the last instant before, exactly at, and just after midnight
        for second in (-1, 0, 1):
            moment = cutoff + pd.Timedelta(seconds=second)
            rows.append(_line(rng, f"c{second + 1:03d}", f"midnight {cutoff} {second}", moment))
    return pd.DataFrame(rows).sort_values("timestamp", kind="stable", ignore_index=True)


def _line(rng: np.random.Generator, customer: str, order: str, moment: pd.Timestamp) -> dict:
    quantity = int(rng.integers(1, 6))
    price = float(rng.choice([1.99, 2.5, 10.0, 33.33]))
    discount = float(rng.choice([0.0, 0.0, 0.5]))
    product = int(rng.integers(0, 12))
    return {
        "customer_id": customer,
        "timestamp": moment,
        "amount": round(quantity * price - discount, 2) * (rng.random() > 0.02),
        "order_id": order,
        "product_id": f"p{product:02d}",
        "category": f"group {product % 4}",
        "quantity": quantity,
        "discount": discount,
        "cost": round(quantity * price * float(rng.uniform(0.4, 1.1)), 2),
        "channel": str(rng.choice(["web", "shop", "phone"])),
    }


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    return make_log()


@pytest.fixture(scope="module")
def built(log: pd.DataFrame) -> pd.DataFrame:
    return build_features(log, CUTOFFS, "all")


def poisoned(log: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """The log with another future: absurd amounts, new orders at the cutoff, old order ids come back."""
    past, future = log[log["timestamp"] < cutoff], log[log["timestamp"] >= cutoff].copy()
    future["amount"] *= 1e6
    again = past.assign(
        timestamp=cutoff, amount=7e7, product_id="poison", category="poison", channel="poison"
    )
    returned = past.assign(timestamp=cutoff + pd.Timedelta(days=30), amount=-past["amount"] - 1)
    end = log.tail(1)
    return pd.concat([again, past, future.iloc[::2], returned, end], ignore_index=True)


@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_a_poisoned_future_changes_no_feature(log, built, cutoff):
    changed = build_features(poisoned(log, cutoff), [cutoff], "all")
    pd.testing.assert_frame_equal(changed, built.loc[[cutoff]], check_exact=True)


@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_the_truncated_log_gives_the_same_features(log, built, cutoff):
    last = log[log["timestamp"] < cutoff]
    one = build_features(last, cutoff, "all")
    pd.testing.assert_frame_equal(one, built.loc[cutoff], check_exact=True)


def test_other_customers_change_no_feature(log, built):
    mine = sorted(log["customer_id"].unique())[::3]
    others = make_log(seed=1).assign(customer_id=lambda rows: "x" + rows["customer_id"])
    alone = build_features(pd.concat([log[log["customer_id"].isin(mine)], others]), CUTOFFS, "all")
    kept = built[built.index.get_level_values("customer_id").isin(mine)]
    pd.testing.assert_frame_equal(alone.loc[kept.index], kept, check_exact=True)


def test_row_order_changes_no_feature(log, built):
    shuffled = log.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(build_features(shuffled, CUTOFFS, "all"), built, check_exact=True)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_feature_says_what_it_is(name):
    found = CATALOGUE[name]
    assert found.doc.endswith(".")
    assert found.unit or found.dtype == "text"


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_feature_takes_more_than_one_value_and_no_infinite_one(built, name):
    values = built[name]
    assert values.nunique() > 1
    if CATALOGUE[name].dtype == "number":
        assert values.dtype == np.float64
        assert not np.isinf(values).any()
