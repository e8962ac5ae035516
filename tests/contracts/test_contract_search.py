"""What every search space promises, for whatever stands in the catalogue."""

import pytest
from sklearn.base import clone

from cltv_ml.models import CATALOGUE, ValueModel
from cltv_ml.models.search import Choice, Range

TUNED = [name for name, model in CATALOGUE.items() if issubclass(model, ValueModel) and model.search_space]
pytestmark = pytest.mark.parametrize("name", TUNED)


def test_a_search_space_names_arguments_of_the_model_and_holds_their_defaults(name):
    model = CATALOGUE[name]()
    arguments = model.get_params(deep=False)
    assert set(model.search_space) <= set(arguments)
    assert [entry for entry, space in model.search_space.items() if not space.holds(arguments[entry])] == []


def test_the_ends_of_a_search_space_are_settings_of_the_model(name):
    model = CATALOGUE[name]()
    for entry, space in model.search_space.items():
        assert isinstance(space, (Range, Choice))
        for value in (space.low, space.high) if isinstance(space, Range) else space.values:
            assert space.holds(value)
            assert clone(model).set_params(**{entry: value}).get_params()[entry] == value


def test_a_range_runs_upwards_and_one_over_doublings_stays_above_zero(name):
    ranges = [space for space in CATALOGUE[name].search_space.values() if isinstance(space, Range)]
    assert all(space.low < space.high and (space.low > 0 or not space.log) for space in ranges)
