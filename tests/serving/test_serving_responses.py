"""What a served model refuses before it looks at anybody, and what it answers when it fails."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_columns
from cltv_ml.serving.requests import Refusal, ServedModel, check_transactions
from cltv_ml.serving.responses import find_faults

BOUGHT = pd.DataFrame({"customer_id": ["ann"], "timestamp": ["2026-01-03"], "amount": [12.5]})


@pytest.mark.parametrize("sent", [BOUGHT, BOUGHT.assign(quantity=None)], ids=["no column", "nothing in it"])
def test_transactions_without_a_column_that_the_features_need_are_refused_by_its_name(sent):
    with pytest.raises(Refusal, match=r"Missing columns \['quantity'\]; this model's features"):
        check_transactions(sent, ["frequency", "items_per_order"])


def test_a_column_that_no_feature_needs_may_be_missing():
    assert list(check_transactions(BOUGHT, ["frequency"])) == ["customer_id", "timestamp", "amount"]


def failing(error):
    """Return a served model whose answer ends in an error."""
    served = ServedModel()
    served.card = SimpleNamespace(features=["frequency"], tiers={})
    served._answer = lambda *_: (_ for _ in ()).throw(error)
    return served


def refusal(served):
    with pytest.raises(Refusal) as refused:
        served.predict(None, pd.DataFrame({"frequency": [2.0]}))
    refused.value.message = "Failed to predict data 'ann 12.5'"  # as MLflow's server does with any error
    return refused.value


def test_a_fault_of_the_served_model_is_status_500_without_customers(caplog):
    fault = refusal(failing(ValueError("ann has 12.5 twice")))
    assert fault.get_http_status_code() == 500
    assert "ann" not in fault.serialize_as_json()
    assert "ann has 12.5 twice" in caplog.text  # the server's own log


def test_what_the_sender_can_fix_is_status_400_with_its_sentence():
    refused = refusal(failing(InputError("horizon must be positive.")))
    assert refused.get_http_status_code() == 400
    assert "horizon must be positive." in refused.serialize_as_json()
    assert "ann" not in refused.serialize_as_json()


def test_a_value_near_the_largest_number_is_a_fault_of_its_column():
    X = pd.DataFrame({"order_rate_30d": [0.1, 1e300]})
    ((sentence, rows),) = find_faults(X)
    assert sentence == "Column 'order_rate_30d' contains a value beyond 1e+15; check its unit."
    assert rows.tolist() == [False, True]


def test_days_since_the_last_purchase_are_no_recency():
    X = pd.DataFrame({"frequency": [3.0, 3.0], "recency": [2.0, 3.0], "T": [90.0, 90.0]})
    ((sentence, rows),) = find_faults(X)
    assert sentence.startswith("Column 'recency' is below column 'frequency', which counts days;")
    assert rows.tolist() == [True, False]


@pytest.mark.parametrize("value", [3.0, 0.0, -1.0, np.nan, np.inf, -np.inf, 1e16, 1e300])
@pytest.mark.parametrize("column", ["frequency", "order_rate_30d", "spend_spread"])
def test_one_customer_is_looked_at_as_many_are(column, value):
    usual = {"frequency": 1.0, "recency": 5.0, "T": 9.0, "order_rate_30d": 0.1, "spend_spread": 2.0}
    one = pd.DataFrame([usual | {column: value}])
    many = pd.concat([one] * 200, ignore_index=True)
    assert [sentence for sentence, _ in find_faults(one)] == [sentence for sentence, _ in find_faults(many)]
    assert said_of(one) == said_of(many)


def said_of(X):
    """Return the first row of the matrix that a model reads, as text, or the refusal."""
    try:
        return str(check_columns(SimpleNamespace(), X, list(X.columns), np.float32)[0])
    except InputError as error:
        return str(error)


def test_a_yes_or_no_attribute_is_1_or_0_or_missing():
    X = pd.DataFrame({"attribute_flag_member": [1.0, 0.0, np.nan, 2.0]})
    ((sentence, rows),) = find_faults(X)
    assert sentence == "Column 'attribute_flag_member' is yes or no; send 1, 0 or nothing."
    assert rows.tolist() == [False, False, False, True]


def test_an_age_that_nobody_has_is_refused():
    X = pd.DataFrame({"attribute_age_dob": [-0.5, 34.0, None, 151.0]})
    ((sentence, rows),) = find_faults(X)
    assert sentence == "Column 'attribute_age_dob' is an age in years; send 0 to 150 or nothing."
    assert rows.tolist() == [True, False, False, True]
