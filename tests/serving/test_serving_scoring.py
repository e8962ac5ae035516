"""Batches: what is read of the tables about customers."""

from types import SimpleNamespace

import pandas as pd

from cltv_ml.customers import CustomerSources
from cltv_ml.data import Rules
from cltv_ml.serving import scoring


def test_tables_about_customers_are_read_by_the_rules_of_the_log(tmp_path):
    log = pd.DataFrame({"customer_id": ["a"], "timestamp": [pd.Timestamp("2024-01-01")], "amount": [1.0]})
    log.to_parquet(tmp_path / "log.parquet")
    born = CustomerSources(
        customers=pd.DataFrame({"customer_id": ["a", "b"], "birth": ["02/01/1990", "03/01/1991"]})
    )
    scorer = SimpleNamespace(features=["attribute_age_birth"], model=None)
    known = scoring._with_customers(tmp_path / "log.parquet", scorer, born, Rules(day_first=True), None)
    assert (
        known.attributes["birth_birth"].to_pylist()[0] == (pd.Timestamp("1990-01-02") - pd.Timestamp(0)).days
    )
