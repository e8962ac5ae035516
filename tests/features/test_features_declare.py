import pandas as pd
import pytest

from cltv_ml.features import CATALOGUE, feature
from cltv_ml.features.catalogue import assemble


def declare(sql: str, grain: str = "order", name: str = "mine"):
    return feature(name, unit="orders", grain=grain, sql=sql, doc="A feature.")


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("(select max(amount) from log)", "select"),
        ("sum(amount) over (partition by day)", "over"),
        ("count(distinct day)", "distinct"),
        ("max(amount) from cltv_orders", "from"),
        ("sum(amount) union all", "union"),
        ("random()", "random"),
        ("first(amount)", "first"),
        ("sum(price)", "price"),
        ("sum(cltv_orders.amount)", r"\."),
        ("sum(amount); drop table log", ";"),
        ("sum(amount) -- all", "comment"),
        ("sum(amount) /* all */", "comment"),
        ('sum("amount")', '"'),
        ("@future(7)", "@future"),
        ("@last", "@last"),
        ("sum(amount", "bracket"),
        ("amount", "outside"),
    ],
)
def test_a_forbidden_expression_is_refused(sql, word):
    with pytest.raises(ValueError, match=f"feature 'mine': .*{word}"):
        declare(sql)


def test_an_unknown_grain_is_refused():
    with pytest.raises(ValueError, match=r"unknown grain 'week'. Available: .*'order'"):
        declare("count(*)", grain="week")


def test_an_aggregate_over_customers_is_refused():
    with pytest.raises(ValueError, match="'avg' would mix customers"):
        declare("T / avg(T)", grain="customer")


@pytest.mark.parametrize("name", ["Mine", "my feature", "7d", "a-b", "order"])
def test_a_name_that_is_no_column_name_is_refused(name):
    with pytest.raises(ValueError, match="name"):
        declare("count(*)", name=name)


def test_a_feature_without_a_sentence_is_refused():
    with pytest.raises(ValueError, match="doc must be a sentence"):
        feature("mine", unit="orders", grain="order", sql="count(*)", doc="")


def test_two_features_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two features are called 'mine'; rename one of them"):
        assemble([*declare("count(*)"), *declare("sum(lines)")])


def test_a_feature_of_an_unknown_feature_is_refused():
    with pytest.raises(ValueError, match="feature 'mine' reads 'nothing'"):
        assemble(declare("nothing + 1", grain="customer"))


def test_a_feature_of_itself_is_refused():
    with pytest.raises(ValueError, match="made from itself: a <- b <- a"):
        assemble([*declare("b + 1", "customer", "a"), *declare("a + 1", "customer", "b")])


def test_windows_make_one_feature_each():
    found = feature(
        "lines_{w}d", unit="lines", grain="order", windows=(7, 30), doc="In {w} days.", sql="sum(lines)"
    )
    assert [(one.name, one.window, one.doc) for one in found] == [
        ("lines_7d", 7, "In 7 days."),
        ("lines_30d", 30, "In 30 days."),
    ]


def test_the_catalogue_has_the_sixty_features_that_were_promised():
    assert len(CATALOGUE) >= 60


def test_every_theme_is_in_the_catalogue():
    names = pd.Series(CATALOGUE)
    for name in (
        "overdue_percentile",
        "acceleration",
        "discount_share",
        "margin_rate",
        "cohort",
        "first_product",
    ):
        assert name in names
