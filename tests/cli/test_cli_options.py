"""What the command line adds to the settings that were given."""

import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.cli.options import _with_currency
from cltv_ml.settings import Act, Audit, Forecast, Plot
from cltv_ml.tracking.store_names import CURRENCY_TAG


@pytest.fixture
def champion(store, tmp_path):
    """A registered champion whose training stated EUR."""
    client = MlflowClient()
    client.create_registered_model("cltv")
    client.create_model_version("cltv", tmp_path.as_uri(), tags={CURRENCY_TAG: "EUR"})
    client.set_registered_model_alias("cltv", "champion", "1")


def test_values_of_the_champion_are_shown_in_its_currency_where_none_is_stated(champion):
    kinds = (Act, Forecast, Plot)
    assert [_with_currency(kind(data="orders.csv")).currency for kind in kinds] == ["EUR"] * 3
    assert _with_currency(Act(data="orders.csv", currency="USD")).currency == "USD"
    assert (
        _with_currency(Audit(data="orders.csv")).currency == ""
    )  # the log alone, which may be another shop's


def test_no_currency_is_shown_where_there_is_no_champion(store):
    assert _with_currency(Act(data="orders.csv")).currency == ""
