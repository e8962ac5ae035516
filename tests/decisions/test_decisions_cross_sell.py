import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from cltv_ml.decisions.associations import find_associations
from cltv_ml.decisions.cross_sell import (
    Shown,
    _less_sure,
    _strongest_items,
    margin_per_purchase,
    recommend_next,
)
from cltv_ml.decisions.cross_sell_quality import evaluate_cross_sell
from cltv_ml.decisions.margins import compute_margins
from cltv_ml.decisions.purchases import Purchases, read_purchases
from cltv_ml.decisions.recommenders import RECOMMENDERS, best_items, best_new_items, linear_autoencoder
from cltv_ml.windows import Window

CUTOFF = "2023-10-01"
WINDOW = Window(CUTOFF, 92)


def _shop(taste: float, customers: int = 400) -> pd.DataFrame:
    """A year of a shop with 40 products; with chance `taste` a line is from the customer's own half."""
    rng = np.random.default_rng(4)
    lines = customers * 15
    customer = rng.integers(0, customers, lines)
    own = rng.random(lines) < taste
    product = np.where(own, rng.integers(0, 20, lines) + 20 * (customer % 2), rng.integers(0, 40, lines))
    return pd.DataFrame(
        {
            "customer_id": np.char.add("c", customer.astype(str)),
            "timestamp": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 365, lines), unit="D"),
            "amount": 5.0 + product % 20,
            "cost": 3.0 + np.where(product % 20 == 19, 50, 0),
            "product_id": np.char.add("p", product.astype(str)),
        }
    ).astype({"customer_id": "str", "product_id": "str"})


@pytest.fixture(scope="module")
def tasteful():
    return _shop(0.9)


@pytest.fixture(scope="module")
def margins(tasteful):
    return margin_per_purchase(compute_margins(tasteful, "product_id"))


def test_where_taste_decides_the_autoencoder_beats_the_most_popular(tasteful):
    table = evaluate_cross_sell(tasteful, WINDOW)
    assert table.loc["linear_autoencoder", "gain"] > 0.15
    assert table.loc["linear_autoencoder", "gain_lower"] > 0
    assert "beats the most popular items" in table.loc["linear_autoencoder", "verdict"]


def test_where_chance_decides_the_verdict_says_so():
    verdict = evaluate_cross_sell(_shop(0.0), WINDOW).loc["linear_autoencoder", "verdict"]
    assert verdict.startswith("not shown to beat the most popular items")


def test_quality_equals_a_slow_count(tasteful):
    row = evaluate_cross_sell(tasteful, WINDOW, recommenders=[]).loc["most_popular"]
    before = tasteful[tasteful["timestamp"] < CUTOFF].groupby("customer_id")["product_id"].agg(set)
    after = tasteful[tasteful["timestamp"] >= CUTOFF].groupby("customer_id")["product_id"].agg(set)
    popular = list(read_purchases(tasteful, CUTOFF).items)
    ndcg, hits = [], []
    for customer in before.index.intersection(after.index):
        new = after[customer] - before[customer]
        if new:
            shown = [item for item in popular if item not in before[customer]][:5]
            gains = [1 / np.log2(place + 2) for place, item in enumerate(shown) if item in new]
            ndcg.append(sum(gains) / sum(1 / np.log2(place + 2) for place in range(min(5, len(new)))))
            hits.append(bool(gains))
    assert row["customers"] == len(ndcg)
    assert row["ndcg_5"] == pytest.approx(np.mean(ndcg))
    assert row["hit_rate_5"] == pytest.approx(np.mean(hits))


def test_the_autoencoder_equals_one_ridge_regression_per_item(tasteful):
    purchases = read_purchases(tasteful, CUTOFF)
    X = purchases.matrix.toarray()
    penalty = 6.0 * X.sum(axis=0).mean()
    others = X[:, 1:]
    slow = np.linalg.solve(others.T @ others + penalty * np.eye(others.shape[1]), others.T @ X[:, 0])
    np.testing.assert_allclose(linear_autoencoder(purchases)[0][1:, 0], slow, atol=1e-10)


@pytest.mark.parametrize("recommender", RECOMMENDERS)
def test_nobody_is_offered_what_they_have_or_what_loses_money(tasteful, margins, recommender):
    table = recommend_next(tasteful, WINDOW, recommender=recommender, margin_per_purchase=margins)
    before = tasteful[tasteful["timestamp"] < CUTOFF]
    owned = set(zip(before["customer_id"], before["product_id"], strict=True))
    assert not owned & set(zip(table["customer_id"], table["item"], strict=True))
    assert not {"p19", "p39"} & set(table["item"])
    assert set(table["customer_id"]) == set(before["customer_id"])


def test_items_are_ranked_by_expected_margin(tasteful, margins):
    table = recommend_next(tasteful, WINDOW, margin_per_purchase=margins)
    assert (
        table.groupby("customer_id")["expected_margin"]
        .apply(lambda values: values.is_monotonic_decreasing)
        .all()
    )
    pd.testing.assert_series_equal(
        table["expected_margin"], table["probability"] * table["item"].map(margins), check_names=False
    )


def test_probabilities_are_those_of_the_later_window(tasteful):
    table = recommend_next(tasteful, WINDOW)
    after = tasteful[tasteful["timestamp"] >= CUTOFF]
    bought = set(zip(after["customer_id"], after["product_id"], strict=True))
    hit = [pair in bought for pair in zip(table["customer_id"], table["item"], strict=True)]
    assert table["probability"].mean() == pytest.approx(np.mean(hit), rel=0.2)


def test_a_single_offer_that_was_taken_up_is_no_certainty():
    steps, fitted = np.array([0.1, 1.0]), np.array([0.1] * 1000 + [1.0])
    assert _less_sure(steps, fitted, 0.1) == pytest.approx([0.1, (1 + 20 * 0.1) / 21])


def test_the_reason_is_something_the_customer_has(tasteful):
    table = recommend_next(tasteful, WINDOW).dropna(subset="because")
    before = tasteful[tasteful["timestamp"] < CUTOFF]
    owned = set(zip(before["customer_id"], before["product_id"], strict=True))
    assert len(table) > 500
    assert set(zip(table["customer_id"], table["because"], strict=True)) <= owned


def test_nothing_from_the_cutoff_on_is_seen(tasteful):
    early = tasteful[tasteful["timestamp"] < CUTOFF]
    pd.testing.assert_frame_equal(recommend_next(tasteful, WINDOW), recommend_next(early, WINDOW))


def test_a_customer_who_is_leaving_has_lower_probabilities(tasteful):
    active = pd.Series(0.5, index=pd.Index(tasteful["customer_id"].unique()))
    full, half = (recommend_next(tasteful, WINDOW, p_active=active * scale) for scale in (2.0, 1.0))
    assert half["probability"].sum() == pytest.approx(full["probability"].sum() / 2)


def test_a_log_without_products_says_what_it_needs(tasteful):
    with pytest.raises(ValueError, match="map the article number to product_id"):
        recommend_next(tasteful.drop(columns="product_id"), WINDOW)


def test_a_thin_log_says_what_would_help(tasteful):
    with pytest.raises(ValueError, match="two items with at least 20 buyers"):
        recommend_next(tasteful.head(30), WINDOW)


def test_an_unknown_recommender_is_refused(tasteful):
    with pytest.raises(ValueError, match="Unknown recommender 'magic'"):
        recommend_next(tasteful, WINDOW, recommender="magic")


def _online_retail(folder):
    raw = pd.read_parquet(folder / "online_retail" / "online_retail.parquet")
    product = raw["StockCode"].astype("str").str.match(r"^\d{5}")
    raw = raw[raw["CustomerID"].notna() & (raw["Quantity"] > 0) & (raw["UnitPrice"] > 0) & product]
    return pd.DataFrame(
        {
            "customer_id": raw["CustomerID"].astype("str"),
            "timestamp": raw["InvoiceDate"],
            "amount": (raw["Quantity"] * raw["UnitPrice"]).astype(float),
            "order_id": raw["InvoiceNo"].astype("str"),
            "product_id": raw["StockCode"].astype("str"),
        }
    )


@pytest.fixture(scope="module")
def sorted_goods(tasteful):
    """The tasteful shop with a category for each five products."""
    number = tasteful["product_id"].str[1:].astype(int)
    return tasteful.assign(category="k" + (number // 5).astype(str))


def test_a_customer_is_shown_one_product_of_a_category(sorted_goods):
    table = recommend_next(sorted_goods, WINDOW)
    kind = table["item"].map(sorted_goods.drop_duplicates("product_id").set_index("product_id")["category"])
    assert not pd.DataFrame({"who": table["customer_id"], "kind": kind}).duplicated().any()
    assert (table.groupby("customer_id").size() > 1).any()


def test_excluded_products_and_categories_are_not_shown(sorted_goods):
    shown = set(recommend_next(sorted_goods, WINDOW, shown=Shown(exclude=["k1", "p3"]))["item"])
    assert shown
    assert shown.isdisjoint({"p3", "p5", "p6", "p7", "p8", "p9"})


def test_a_product_that_is_no_longer_sold_is_not_shown(tasteful):
    gone = (tasteful["product_id"] == "p2") & (tasteful["timestamp"] >= "2023-06-01")
    assert "p2" in set(recommend_next(tasteful, WINDOW, shown=Shown(top=10))["item"])
    assert "p2" not in set(recommend_next(tasteful[~gone], WINDOW, shown=Shown(top=10))["item"])


def test_to_exclude_everything_is_refused(sorted_goods):
    with pytest.raises(ValueError, match="all items that could be recommended are excluded"):
        recommend_next(sorted_goods, WINDOW, shown=Shown(exclude=[f"k{number}" for number in range(8)]))


@pytest.mark.slow
def test_new_products_of_online_retail_are_foreseen_better_than_by_popularity(data_dir):
    table = evaluate_cross_sell(_online_retail(data_dir), Window("2011-09-10", 90))
    assert table.loc["linear_autoencoder", "gain_lower"] > 0.15


@pytest.mark.slow
def test_new_products_of_complete_journey_are_foreseen_better_than_by_popularity(data_dir):
    raw = pd.read_parquet(data_dir / "completejourney" / "transactions.parquet")
    log = pd.DataFrame(
        {
            "customer_id": raw["household_id"].astype("str"),
            "timestamp": raw["transaction_timestamp"] - pd.Timedelta(hours=5),
            "amount": raw["sales_value"],
            "product_id": raw["product_id"].astype("str"),
        }
    )
    table = evaluate_cross_sell(log, Window("2017-10-01", 92))
    assert table.loc["linear_autoencoder", "gain_lower"] > 0.15


@pytest.mark.slow
def test_pairs_of_online_retail_are_found_within_memory(data_dir):
    table = find_associations(_online_retail(data_dir), "product_id")
    assert len(table) > 1000
    assert (table["lift_lower"] > 1).all()


@pytest.mark.parametrize("top", [3, 50])
@pytest.mark.parametrize("personal", [True, False])
def test_the_best_new_items_are_those_of_all_scores(personal, top):
    """Equal scores too: of items as popular as the last of the best, the same ones are shown."""
    rng = np.random.default_rng(6)
    owned = sparse.csr_matrix((rng.random((300, 30)) < 0.2).astype(float))
    people = Purchases(pd.RangeIndex(300), pd.RangeIndex(30), owned)
    weights = rng.random((30, 30)) if personal else None
    popular, offered = np.repeat(np.arange(10, 0, -1) / 10, 3), rng.random(30) < 0.8
    rows = rng.permutation(300)[:270]
    scores = popular + (np.asarray(owned[rows] @ weights) if personal else 0.0) + np.zeros((270, 30))
    scores[owned[rows].nonzero()] = -np.inf
    scores[:, ~offered] = -np.inf
    places, found = best_new_items(people, (weights, popular), rows, top, offered)
    wanted = np.take_along_axis(scores, best_items(scores, top), axis=1)
    assert np.array_equal(found, wanted)
    assert np.array_equal(np.take_along_axis(scores, places, axis=1), wanted)
    items = places[:, 0]
    reasons = _strongest_items(people, (weights, popular), rows, items)
    for row, item, reason in zip(rows, items, reasons, strict=True):
        has = np.flatnonzero(owned[row].toarray()[0])
        assert reason == (has[weights[has, item].argmax()] if personal and len(has) else -1)
