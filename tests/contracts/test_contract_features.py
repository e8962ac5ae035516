"""Every feature of the catalogue, on a log full of traps: it sees one customer's past and nothing else."""

import os

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cltv_ml.features import (
    CATALOGUE,
    DuckDB,
    Source,
    Spark,
    build_features,
    build_labels,
    read_features,
    write_features,
)
from cltv_ml.tables import POSTCODE_PARTS
from cltv_ml.windows import Window
from tests.catalogues import for_each

CUTOFFS = [pd.Timestamp("2023-08-15"), pd.Timestamp("2024-01-01")]


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


def make_source(seed: int = 0, customers: int = 60) -> Source:
    """The log, with states of customers that change and campaign contacts that are answered later."""
    log, rng = make_log(seed, customers), np.random.default_rng(seed + 100)
    who = rng.choice(log["customer_id"].unique(), size=200)
    start = pd.Timestamp("2022-06-01")
    days = start + pd.to_timedelta(rng.integers(0, 800, size=200), unit="D")
    states = pd.DataFrame({"customer_id": who, "valid_from": days}).astype({"customer_id": "str"})
    for name in ("text_country", "text_gender"):
        states[name] = pd.Series(rng.choice(["a", "b", "c"], size=200)).mask(rng.random(200) < 0.2)
    states["number_household_size"] = rng.integers(1, 6, size=200)
    states["flag_member"] = pd.Series(rng.integers(0, 2, size=200)).mask(rng.random(200) < 0.2).astype(float)
    states["birth_date"] = rng.integers(-10_000, 12_000, size=200)
    states["date_signup"] = rng.integers(19_000, 20_000, size=200)
    waits = pd.to_timedelta(rng.integers(0, 90, size=200), unit="D")
    answers = pd.Series(days + waits).mask(rng.random(200) < 0.5)
    contacts = pd.DataFrame({"customer_id": rng.permutation(who), "timestamp": days, "responded_at": answers})
    return Source(log, states, contacts.astype({"customer_id": "str"}))


@pytest.fixture(scope="module")
def source() -> Source:
    return make_source()


@pytest.fixture(scope="module")
def built(source: Source) -> pd.DataFrame:
    return build_features(source, CUTOFFS, "all")


def test_the_source_of_these_tests_allows_every_feature(built):
    attributes = [name for name in built if name.startswith("attribute_")]
    assert set(built.columns) == {*CATALOGUE, *attributes}
    assert len(attributes) == 7


def poisoned(source: Source, cutoff: pd.Timestamp) -> Source:
    """Another future: absurd amounts, new orders at the cutoff, old order ids come back, answers to old mail."""
    log = source.log
    past, future = log[log["timestamp"] < cutoff], log[log["timestamp"] >= cutoff].copy()
    future["amount"] *= 1e6
    again = past.assign(
        timestamp=cutoff, amount=7e7, product_id="poison", category="poison", channel="poison"
    )
    returned = past.assign(timestamp=cutoff + pd.Timedelta(days=30), amount=-past["amount"] - 1)
    log = pd.concat([again, past, future.iloc[::2], returned, log.tail(1)], ignore_index=True)
    states, mail = source.customers, source.contacts
    moved = states.assign(valid_from=cutoff, text_country="poison", number_household_size=99)
    answers = mail["responded_at"].where(mail["responded_at"] < cutoff, cutoff)
    resent = mail.assign(timestamp=cutoff, responded_at=cutoff + pd.Timedelta(days=1))
    return Source(
        log,
        pd.concat([moved, states[states["valid_from"] < cutoff]], ignore_index=True),
        pd.concat([resent, mail[mail["timestamp"] < cutoff].assign(responded_at=answers)], ignore_index=True),
    )


def truncated(source: Source, cutoff: pd.Timestamp) -> Source:
    """What was known on the eve of the cutoff."""
    log, states, mail = source.log, source.customers, source.contacts
    answers = mail["responded_at"].where(mail["responded_at"] < cutoff)
    return Source(
        log[log["timestamp"] < cutoff],
        states[states["valid_from"] < cutoff],
        mail.assign(responded_at=answers)[mail["timestamp"] < cutoff],
    )


@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_a_poisoned_future_changes_no_feature(source, built, cutoff):
    changed = build_features(poisoned(source, cutoff), [cutoff], "all")
    pd.testing.assert_frame_equal(changed, built.loc[[cutoff]], check_exact=True)


@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_the_truncated_log_gives_the_same_features(source, built, cutoff):
    one = build_features(truncated(source, cutoff), cutoff, "all")
    pd.testing.assert_frame_equal(one, built.loc[cutoff], check_exact=True)


def among_others(source: Source, cutoff: pd.Timestamp) -> Source:
    """A third of the customers, among new ones who do other things."""
    mine = set(sorted(source.log["customer_id"].unique())[::3])
    others = make_source(seed=1)

    def mixed(table: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
        strangers = other.assign(customer_id="x" + other["customer_id"])
        return pd.concat([table[table["customer_id"].isin(mine)], strangers], ignore_index=True)

    return Source(
        mixed(source.log, others.log),
        mixed(source.customers, others.customers),
        mixed(source.contacts, others.contacts),
    )


def shuffled(source: Source, cutoff: pd.Timestamp) -> Source:
    tables = (source.log, source.customers, source.contacts)
    return Source(*(table.sample(frac=1, random_state=3) for table in tables))


def shared(changed: pd.DataFrame, built: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that both have, which must not be few."""
    both = built.index.intersection(changed.index)
    assert len(both) > len(built) / 4
    return changed.loc[both], built.loc[both]


def test_other_customers_change_no_feature(source, built):
    changed = build_features(among_others(source, CUTOFFS[0]), CUTOFFS, "all")
    pd.testing.assert_frame_equal(*shared(changed, built), check_exact=True)


def test_row_order_changes_no_feature(source, built):
    changed = build_features(shuffled(source, CUTOFFS[0]), CUTOFFS, "all")
    pd.testing.assert_frame_equal(changed, built, check_exact=True)


@pytest.mark.parametrize("shards", [3, 16])
def test_shards_change_no_feature(source, built, shards):
    sharded = build_features(source, CUTOFFS[1:], "all", engine=DuckDB(shards=shards))
    pd.testing.assert_frame_equal(sharded, built.loc[CUTOFFS[1:]], check_exact=True)


def test_the_way_of_few_lines_changes_no_feature(source, built):
    quick = build_features(source, CUTOFFS[1:], "all", engine=DuckDB(few=True))
    pd.testing.assert_frame_equal(quick, built.loc[CUTOFFS[1:]], check_exact=True)


@pytest.fixture(scope="module")
def spark():
    pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
    from cltv_ml.serving.spark import spark_session

    session = spark_session(os.environ.get("CLTV_TEST_SPARK", "local[2]"))  # named by the test of a cluster
    session.conf.set("spark.sql.shuffle.partitions", "2")
    yield session
    session.stop()


def assert_engines_agree(theirs: pd.DataFrame, ours: pd.DataFrame) -> None:
    """Whole numbers and texts bit for bit, the others to 1e-9."""
    pd.testing.assert_frame_equal(theirs, ours, rtol=1e-9, atol=0)
    whole = [name for name in ours if ours[name].dtype != np.float64 or (ours[name] % 1 == 0).all()]
    pd.testing.assert_frame_equal(theirs[whole], ours[whole], check_exact=True)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore::FutureWarning:pyspark", "ignore::ResourceWarning")
def test_spark_and_duckdb_agree_on_every_feature(spark, source, built):
    assert_engines_agree(build_features(source, CUTOFFS, "all", engine=Spark(spark)), built)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore::FutureWarning:pyspark", "ignore::ResourceWarning")
@pytest.mark.parametrize("change", [poisoned, truncated, among_others, shuffled])
def test_nothing_but_the_customers_own_past_changes_a_feature_on_spark(spark, source, built, change):
    cutoff = CUTOFFS[0]
    changed = build_features(change(source, cutoff), [cutoff], "all", engine=Spark(spark))
    assert_engines_agree(*shared(changed, built.loc[[cutoff]]))


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore::FutureWarning:pyspark", "ignore::ResourceWarning")
def test_parts_of_postcodes_are_the_same_on_spark(spark):
    ids = [f"{number}" for number in range(4)]
    log = pd.DataFrame({"customer_id": ids, "timestamp": pd.Timestamp("2024-01-31"), "amount": 5.0})
    codes = pa.table({"customer_id": ids, "text_zip": ["m14 5tp", "SW1A1AA", "10115", None]})
    names = [f"attribute_text_zip_{part}" for part in POSTCODE_PARTS]
    ours = build_features(Source(log, codes), "2024-02-01", names)
    assert ours[names].nunique().to_dict() == {**dict.fromkeys(names, 3), "attribute_text_zip_letters": 2}
    assert_engines_agree(build_features(Source(log, codes), "2024-02-01", names, engine=Spark(spark)), ours)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore::FutureWarning:pyspark", "ignore::ResourceWarning")
@pytest.mark.parametrize("of", [duckdb.from_arrow, pa.Table.to_pandas])
def test_spark_reads_tables_of_other_libraries_under_any_names(spark, of):
    engine = Spark(spark)
    assert engine.register("cltv_log", of(pa.table({"a `b` c": ["x"]}))) == {"a `b` c": "text"}
    engine.clear()


@for_each(CATALOGUE)
def test_every_feature_says_what_it_is(name):
    found = CATALOGUE[name]
    assert found.doc.endswith(".")
    assert found.unit or found.dtype == "text"


@for_each(CATALOGUE)
def test_every_feature_takes_more_than_one_value_and_no_infinite_one(name, built):
    values = built[name]
    assert values.nunique() > 1
    if CATALOGUE[name].dtype == "number":
        assert values.dtype == np.float64
        assert not np.isinf(values).any()


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore::FutureWarning:pyspark", "ignore::ResourceWarning")
def test_spark_writes_what_duckdb_builds_and_leaves_no_view(spark, source, tmp_path):
    names = ["overdue_ratio", "orders_90d", "attribute_text_country"]
    write_features(source, CUTOFFS, tmp_path / "X", names, horizon=60, engine=Spark(spark))
    assert len(list(tmp_path.glob("X/*/*/*.parquet"))) == len(CUTOFFS)  # no step has spread the rows again
    built = read_features(tmp_path / "X").to_pandas().set_index(["cutoff", "customer_id"])
    labels = build_labels(source, [Window(cutoff, 60) for cutoff in CUTOFFS]).add_prefix("label_")
    ours = build_features(source, CUTOFFS, names).join(labels)
    assert_engines_agree(built[list(ours.columns)], ours)
    assert not [table.name for table in spark.catalog.listTables() if table.name.startswith("cltv")]
