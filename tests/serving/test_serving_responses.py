"""What a served model refuses before it looks at anybody."""

import pandas as pd
import pytest

from cltv_ml.serving.requests import Refusal, check_transactions

BOUGHT = pd.DataFrame({"customer_id": ["ann"], "timestamp": ["2026-01-03"], "amount": [12.5]})


@pytest.mark.parametrize("sent", [BOUGHT, BOUGHT.assign(quantity=None)], ids=["no column", "nothing in it"])
def test_transactions_without_a_column_that_the_features_need_are_refused_by_its_name(sent):
    with pytest.raises(Refusal, match=r"Missing columns \['quantity'\]; this model's features"):
        check_transactions(sent, ["frequency", "items_per_order"])


def test_a_column_that_no_feature_needs_may_be_missing():
    assert list(check_transactions(BOUGHT, ["frequency"])) == ["customer_id", "timestamp", "amount"]
