"""What a command reads: the log, and of its customers what a model has learned from."""

import pandas as pd

from cltv_ml.evaluation.progress import silent
from cltv_ml.pipelines.inputs import load
from cltv_ml.settings import Monitor

SALES = pd.DataFrame({"customer_id": ["a", "b"], "timestamp": ["2024-01-01"] * 2, "amount": [1.0, 2.0]})
PEOPLE = pd.DataFrame({"customer_id": ["a", "b"], "club": ["yes", "no"]})


def test_customers_may_come_as_a_frame():
    known = load(Monitor(data=SALES, customers=PEOPLE), silent).transactions.attributes
    assert known.to_pydict() == {"customer_id": ["a", "b"], "flag_club": [1.0, 0.0]}


def test_attributes_are_read_in_the_kinds_that_a_model_has_learned():
    settings = Monitor(data=SALES, customers=PEOPLE.assign(age=[30, 40]))
    known = load(settings, silent, learned=["attribute_text_club"]).transactions.attributes
    assert known.to_pydict() == {"customer_id": ["a", "b"], "text_club": ["yes", "no"]}
