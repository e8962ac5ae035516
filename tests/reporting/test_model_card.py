"""The card of a registered model states the currency of its amounts, or that none was stated."""

from cltv_ml.reporting.model_card import model_card


def test_amounts_of_a_card_are_in_the_training_s_currency(judged, verdict):
    card = model_card(judged, verdict, [], {"dataset": "orders.csv", "currency": "EUR"})
    assert "Expected spend of each customer over the next 91 days (EUR)." in card
    assert "mean absolute error per customer (EUR) |" in card


def test_a_card_without_a_stated_currency_says_currency_units(judged, verdict):
    card = model_card(judged, verdict, [], {"dataset": "orders.csv"})
    assert "over the next 91 days (currency units)." in card
    assert "per customer (currency units) |" in card
