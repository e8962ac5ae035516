"""Batches: what is read of the tables about customers."""

from types import SimpleNamespace

import pandas as pd
import pytest

from cltv_ml.customers import CustomerSources
from cltv_ml.data import Rules, clean, read
from cltv_ml.errors import InputError
from cltv_ml.serving import scoring
from cltv_ml.serving.batch_order import Order
from cltv_ml.serving.batch_pieces import Scorer
from cltv_ml.serving.resumable import Work


def test_tables_about_customers_are_read_by_the_rules_of_the_log(tmp_path):
    log = pd.DataFrame({"customer_id": ["a"], "timestamp": [pd.Timestamp("2024-01-01")], "amount": [1.0]})
    source = tmp_path / "log.parquet"
    log.to_parquet(source)
    born = CustomerSources(
        customers=pd.DataFrame({"customer_id": ["a", "b"], "birth": ["02/01/1990", "03/01/1991"]})
    )
    scorer = SimpleNamespace(features=["attribute_age_birth"], model=None)
    known = scoring._with_customers(source, source, scorer, born, Rules(day_first=True))
    assert (
        known.attributes["birth_birth"].to_pylist()[0] == (pd.Timestamp("1990-01-02") - pd.Timestamp(0)).days
    )


def test_scoring_says_which_attributes_it_reads_and_when_it_needs_none(tmp_path, caplog):
    log = pd.DataFrame({"customer_id": ["a"], "timestamp": [pd.Timestamp("2024-01-01")], "amount": [1.0]})
    source = tmp_path / "log.parquet"
    log.to_parquet(source)
    rows = pd.DataFrame({"customer_id": ["a", "b", "b"], "Kanał": ["TV", "SNS", "SNS"]})
    contacts = pd.DataFrame({"customer_id": ["a"], "time": ["2024-01-03"], "channel": ["mail"]})
    tables = CustomerSources(customers=rows, contacts=contacts)
    for features in (["attribute_text_kanal"], ["frequency"]):
        scorer = SimpleNamespace(features=features, model=None)
        scoring._with_customers(source, source, scorer, tables, None)
    learned, none = caplog.text.split("learned from no attribute")
    assert "Read: Kanał." in learned
    assert "1 of 3 rows were quarantined: 1 exact_duplicate." in learned
    assert "1 of 1 customers in the log (100%) have a row" in learned
    assert "Contacts  " in learned
    assert "quarantined" not in none


def test_who_bought_since_a_day_is_judged_by_what_the_model_sees(tmp_path):
    days = {"before": "2024-02-01", "between": "2024-03-05", "after": "2024-03-20"}
    log = pd.DataFrame({"customer_id": list(days), "timestamp": pd.to_datetime(list(days.values()))})
    source = tmp_path / "log.parquet"
    log.to_parquet(source)
    order, work = Order(tmp_path / "scores.parquet", since="2024-03-01"), Work(tmp_path)
    chosen = scoring._chosen(tmp_path / "log.parquet", order, pd.Timestamp("2024-03-10"), work)
    assert pd.read_parquet(chosen)["customer_id"].tolist() == ["between"]


def test_the_last_observed_day_of_a_clean_log_may_not_be_two_days():
    log = pd.DataFrame({"customer_id": ["a"], "timestamp": [pd.Timestamp("2024-01-01")], "amount": [1.0]})
    assert scoring.check_as_of(log, None, "2024-03-02") == pd.Timestamp("2024-03-03")
    with pytest.raises(InputError, match="observed_until must be a calendar day such as"):
        scoring.check_as_of(log, None, "02.03.2024")


@pytest.mark.parametrize(
    ("of_model", "of_log", "told"), [("EUR", "USD", 1), ("EUR", "EUR", 0), ("", "USD", 0)]
)
def test_a_log_in_another_currency_than_the_models_is_told(tmp_path, caplog, of_model, of_log, told):
    days = pd.date_range("2025-01-05", periods=6, freq="17D")
    orders = pd.DataFrame(
        {"Customer": list("ababca"), "Date": days, "Amount": range(10, 16), "Currency": of_log}
    )
    scorer = Scorer(None, None, 3, {}, of_model)
    for source in (read(orders), clean(orders)):
        caplog.clear()
        scoring._clean(source, Work(tmp_path), scorer, lambda *_: None)
        assert (
            caplog.text.count("version 3 predicts amounts in EUR, but every line of the data states USD")
            == told
        )
