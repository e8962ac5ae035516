"""Requests whose lines need no cleaning get the answers that cleaning would give."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import Rules, clean, read
from cltv_ml.serving.plain_lines import read_plain
from cltv_ml.sources.synthetic import simulate
from cltv_ml.tables import TRANSACTIONS

#: What a request may hold that is out of the ordinary, by column.
STRANGE = {
    "customer_id": ["guest", "0", " a1", "a1 ", "ann@x.org", "Ann@X.org", "12.0", "nan", None, "total", "é1"],
    "timestamp": [
        *("1970-01-01", "2000-01-01", "2001-01-01", "1969-12-31", "1985-05-05", "1900-01-02", "1024-01-01"),
        *("2099-01-01", "2024-02-30", "31.01.2024", "2024-1-5"),
        *("2024-01-01T08:00:00Z", None, "", "2023-05-04 25:00:00", "2024-03-01 10:00"),
    ],
    "amount": [-5.0, np.nan, np.inf, 1e13, 0.0, 1e8, 0.004],
    "order_id": ["Gesamt", None, "n/a", "1234567890123456", "a#1", "7.0"],
    "product_id": ["subtotal", None, "postage fee", "x\u200b", "P1.00"],
    "category": ["EUR", None, " tea", "té", "nil"],
    "quantity": [-1.0, 0.0, np.nan, 3.0],
    "discount": [-1.0, np.nan, 2.0],
    "cost": [-1.0, np.nan, np.inf],
    "channel": [None, "web shop", "na"],
}


@pytest.fixture(scope="module")
def lines():
    """The lines of a shop as its system sends them: times as text."""
    log = simulate(60, seed=5).log
    return log.assign(timestamp=log["timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S"))


def cleaned(lines):
    """Return log and quarantine by the slow way."""
    mapping = {name: name for name in TRANSACTIONS.columns if name in lines.columns}
    found = clean(read(lines, mapping, changes={"fill_down": "false"}), Rules(amount_per="line"))
    return found.log, found.quarantine


def request(lines, draw):
    """Return the lines of a few customers, with one to three columns or values made strange in half of the cases."""
    some = draw.choice(lines["customer_id"].unique(), draw.integers(1, 4), replace=False)
    asked = lines[lines["customer_id"].isin(some)].head(int(draw.integers(1, 40))).reset_index(drop=True)
    optional = [name for name in asked.columns if name not in TRANSACTIONS.required]
    asked = asked.drop(
        columns=list(draw.choice(optional, draw.integers(0, len(optional) + 1), replace=False))
    )
    if draw.random() < 0.3:
        asked["timestamp"] = asked["timestamp"].str[:10]
    if draw.random() < 0.3:
        asked["amount"] = asked["amount"].round()
    if draw.random() < 0.15:
        asked = pd.concat([asked, asked.tail(1)], ignore_index=True)
    for _ in range(int(draw.integers(0, 3))):
        name = str(draw.choice(asked.columns))
        values = asked[name].astype(object) if name in ("customer_id", "timestamp") else asked[name].copy()
        values.iloc[int(draw.integers(len(asked)))] = draw.choice(np.array(STRANGE[name], dtype=object))
        asked[name] = values
    return asked


def differing(asked):
    """Return whether a request is plain, and what cleaning gives otherwise than it, empty where nothing."""
    plain = read_plain(asked)
    if plain is None:
        return False, ""
    log, quarantine = cleaned(asked)
    try:
        pd.testing.assert_frame_equal(plain, log, check_exact=True)
    except AssertionError as error:
        return True, str(error)
    return True, "" if quarantine.empty else f"set aside: {quarantine['rule'].tolist()}"


def test_what_is_read_as_plain_equals_what_cleaning_gives_to_the_last_digit(lines):
    draw = np.random.default_rng(7)
    found = [(asked, *differing(asked)) for asked in (request(lines, draw) for _ in range(12))]
    wrong = [f"{why}\n{asked.to_string()}" for asked, _, why in found if why]
    assert not wrong, wrong[0]
    assert sum(plain for _, plain, _ in found) >= 4


def test_every_strange_value_is_left_to_cleaning_or_read_as_it_does(lines):
    wrong = []
    for name, values in STRANGE.items():
        asked = lines.head(6)
        if TRANSACTIONS.columns[name].kind != "number":
            asked = asked.astype({name: object})
        for value in values:
            one = asked.copy()
            one.loc[1, name] = value
            if differing(one)[1]:
                wrong.append((name, value))
    assert not wrong


def test_a_shop_of_the_last_century_is_plain_and_read_as_cleaning_does(lines):
    old = lines.head(9).assign(
        timestamp=[f"199{year}-0{year + 1}-03" for year in range(1, 9)] + ["2000-12-31"]
    )
    assert differing(old[["customer_id", "timestamp", "amount"]]) == (True, "")


def test_a_line_that_is_the_sum_of_the_others_is_left_to_cleaning(lines):
    asked = lines.head(9).assign(amount=[1.0] * 8 + [8.0])
    assert read_plain(asked) is None


def test_long_requests_are_left_to_cleaning(lines):
    assert read_plain(lines.head(151)) is None
