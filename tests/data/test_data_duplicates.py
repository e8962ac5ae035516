import pandas as pd
import pytest

from cltv_ml.data import Rules, clean

TWICE = pd.DataFrame({"customer_id": ["a", "a", "b"], "timestamp": "2024-01-31", "amount": [5.0, 5.0, 5.0]})


def test_equal_purchases_of_one_day_are_kept_and_told_where_nothing_tells_them_apart():
    cleaned = clean(TWICE)
    assert len(cleaned.log) == 3
    assert any(note.startswith("1 lines equal an earlier one and were kept") for note in cleaned.report.notes)


def test_the_rule_sets_them_aside_when_it_is_switched_on():
    cleaned = clean(TWICE, Rules(on=("exact_duplicate",)))
    assert cleaned.quarantine["source_row"].tolist() == [2]


@pytest.mark.parametrize(
    "more",
    [{"order_id": ["1", "1", "2"]}, {"timestamp": "2024-01-31 18:05"}],
    ids=["order id", "time of day"],
)
def test_a_copy_is_set_aside_where_lines_name_order_or_time(more):
    cleaned = clean(TWICE.assign(**more))
    assert cleaned.quarantine["rule"].tolist() == ["exact_duplicate"]


def test_nothing_is_told_where_no_line_equals_another():
    assert clean(TWICE.drop(index=1)).report.notes == ()
