"""Values of several horizons, for whatever model stands in the catalogue."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import CATALOGUE, Horizons, Intervals, Tweedie, ValueModel
from cltv_ml.models.fit_cache import shared_fits
from cltv_ml.models.state import from_state, to_state

DAYS = [30, 60, 91, 182, 365]

#: Totals by horizon that no log would show: they fall as the horizon grows, or leave nothing between two horizons.
TOTALS = [{}, {30: 9e9, 60: 0.0, 182: 1.0, 365: 1e9}, {30: 500.0, 365: 90_000.0}]


@pytest.fixture(scope="module")
def customers():
    rng = np.random.default_rng(7)
    count = 120
    T = rng.integers(1, 300, count).astype(float)
    frequency = rng.poisson(2, count) * (rng.random(count) < 0.6).astype(float)
    recency = np.where(frequency > 0, np.ceil(T * rng.random(count)), 0.0)
    frequency = np.minimum(frequency, recency)
    spend = np.where(frequency > 0, rng.gamma(5, 8, count), 0.0)
    index = pd.Index([f"c{number:03}" for number in range(count)], name="customer_id")
    X = pd.DataFrame(
        {"frequency": frequency, "recency": recency, "T": T, "monetary_value": spend}, index=index
    )
    return X, pd.Series(rng.gamma(2, 20, count) * (rng.random(count) < 0.4), index=index)


def _faults(model, X, soon):
    """Return what is wrong with the values of a fitted model at several horizons, at several totals."""
    values = model.predict(X)
    model.set_intervals(Intervals().fit(values, np.maximum(values[::-1], 0)))
    for totals in TOTALS:
        horizons = Horizons(91, DAYS, [1.0, 0.5]).fit(X, {30: soon}, values)
        horizons.bring_to({91: float(values.sum()), **totals}, X, values)
        narrow = {day: Intervals(0.5).fit(values + 1, values * day / 91) for day in DAYS if day != 182}
        table = model.set_horizons(horizons.set_intervals(narrow)).predict_table(X)
        found = {
            name: table[[f"{name}_{day}d" for day in DAYS if f"{name}_{day}d" in table]].to_numpy()
            for name in ("expected_value", "value_lower", "value_upper")
        }
        for name, grown in found.items():
            if not np.isfinite(grown).all() or (np.diff(grown, axis=1) < 0).any() or (grown < 0).any():
                yield f"{name} falls, is negative or is not finite"
        value = found["expected_value"]
        if (value[:, DAYS.index(91)] != table["expected_value"]).any():
            yield "the value of the main horizon moved"
        if not np.allclose(value[:, :1] + np.diff(value, axis=1).cumsum(axis=1), value[:, 1:]):
            yield "increments do not sum"
        bounded = value[:, [place for place, day in enumerate(DAYS) if f"value_upper_{day}d" in table]]
        if (bounded > found["value_upper"]).any() or (bounded < found["value_lower"]).any():
            yield "a value lies outside its bounds"
        again = from_state(to_state(model), CATALOGUE).predict_table(X)
        if not again.equals(table):
            yield "a stored model answers otherwise"


def test_values_never_fall_as_the_horizon_grows_whatever_the_model_and_the_totals(customers):
    X, y = customers
    soon = Tweedie(30, n_estimators=5).fit(X, y)
    with shared_fits():
        faults = [
            f"{name}: {fault}"
            for name, kind in CATALOGUE.items()
            if issubclass(kind, ValueModel)
            for fault in _faults(kind(horizon=91).fit(X, y), X, soon)
        ]
    if faults:
        pytest.fail("\n".join(faults))
