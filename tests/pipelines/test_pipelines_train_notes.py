import pytest

from cltv_ml.models import PooledValue
from cltv_ml.pipelines.train_notes import _grouping_note


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("attribute_text_home_shop", "BG/NBD by group: 2 groups by home shop."),
        ("T", "BG/NBD by group: 2 cohorts of customers of about the same age."),
        ("", "BG/NBD by group: no grouping predicted earlier windows better than one group of all."),
    ],
)
def test_a_note_says_how_customers_are_grouped(column, said):
    model = PooledValue()
    model.grouped_by_, model.values_ = column, {"": None, "a": None, "b": None}
    assert _grouping_note(model) == said
