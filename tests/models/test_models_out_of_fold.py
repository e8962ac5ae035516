"""No prediction comes from a fit that saw its row, its customer's label or its window."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.models import ValueModel
from cltv_ml.models.out_of_fold import FOLDS, OTHER_CUSTOMERS, OUT_OF_TIME, out_of_fold, split


class Recorder(ValueModel):
    """Remembers what each fit was given; clones share the list."""

    name = "recorder"
    fits: list[tuple[pd.DataFrame, pd.DataFrame | None]] = []  # noqa: RUF012

    def __init__(self, horizon=91, needs_labels=True):
        self.horizon = horizon
        self.needs_labels = needs_labels

    def fit(self, X, y=None):
        self.seen_ = {"fit": X.index}
        return self

    def adapt(self, X):
        self.seen_["adapt"] = X.index
        return self

    def _predict(self, X):
        Recorder.fits.append((self.seen_, X.index))
        return X["spend"].to_numpy()


def panel(*days, customers=90):
    rng = np.random.default_rng(5)
    keys = pd.MultiIndex.from_product(
        [pd.to_datetime(list(days)), [f"c{number:02}" for number in range(customers)]],
        names=["cutoff", "customer_id"],
    )
    X = pd.DataFrame({"spend": np.arange(len(keys), dtype=float)}, index=keys)
    return X, pd.Series(rng.gamma(1, 20, len(keys)) * (rng.random(len(keys)) < 0.5), index=keys)


@pytest.fixture
def fits():
    Recorder.fits = []
    yield Recorder.fits
    Recorder.fits = []


def test_the_latest_cutoff_is_predicted_from_windows_that_had_ended_by_then(fits):
    X, y = panel("2024-01-01", "2024-03-01", "2024-04-01")
    found = out_of_fold([Recorder(91)], X, y, 91)
    values, protocol = found.predictions, found.protocol
    ((seen, predicted),) = fits
    assert protocol == OUT_OF_TIME
    assert set(seen["fit"].get_level_values("cutoff")) == {pd.Timestamp("2024-01-01")}
    assert list(predicted) == list(seen["adapt"]) == [f"c{number:02}" for number in range(90)]
    assert set(values.index.get_level_values("cutoff")) == {pd.Timestamp("2024-04-01")}


def test_a_holdout_that_reaches_past_the_latest_cutoff_by_a_day_is_not_earlier():
    X, y = panel("2024-01-02", "2024-04-01")  # 90 days apart
    assert split(X, y, 90)[0].protocol == OUT_OF_TIME
    assert split(X, y, 91)[0].protocol == OTHER_CUSTOMERS


def test_without_an_earlier_window_no_customer_is_predicted_by_a_fit_that_knew_them(fits):
    X, y = panel("2024-03-01", "2024-04-01")
    found = out_of_fold([Recorder(91)], X, y, 91)
    values, protocol = found.predictions, found.protocol
    assert protocol == OTHER_CUSTOMERS
    assert len(fits) == FOLDS
    for seen, predicted in fits:
        assert not set(predicted) & set(seen["fit"].get_level_values("customer_id"))
        assert not set(predicted) & set(seen["adapt"].get_level_values("customer_id"))
        assert set(seen["adapt"].get_level_values("cutoff")) == {pd.Timestamp("2024-04-01")}
    latest = X.loc[[pd.Timestamp("2024-04-01")]]
    assert values.index.equals(latest.index)
    assert (values["recorder"] == latest["spend"]).all()


def test_models_without_labels_learn_from_the_known_customers_of_the_latest_cutoff(fits):
    X, y = panel("2024-01-01", "2024-04-01")
    out_of_fold([Recorder(91, needs_labels=False)], X, y, 91)
    assert fits[0][0]["fit"].equals(X.loc[pd.Timestamp("2024-04-01")].index)


def test_every_group_holds_its_share_of_buyers():
    X, y = panel("2024-04-01")
    y.iloc[:] = 0.0
    y.iloc[[3, 50, 51]] = 10.0
    buyers = [int((y.iloc[fold.windows[0][1]] > 0).sum()) for fold in split(X, y, 91)]
    assert buyers == [1, 1, 1]


def test_an_earlier_window_in_which_nobody_bought_teaches_nothing():
    X, y = panel("2024-01-01", "2024-04-01")
    y.loc["2024-01-01"] = 0.0
    assert split(X, y, 91)[0].protocol == OTHER_CUSTOMERS


def test_one_buyer_is_too_few_to_validate_on():
    X, y = panel("2024-01-01", "2024-04-01")
    y.loc["2024-04-01"] = 0.0
    y.iloc[-1] = 5.0
    with pytest.raises(ValueError, match="1 customer bought in the latest labelled window"):
        split(X, y, 91)


def test_rows_without_a_cutoff_are_one_window_of_other_customers():
    X, y = panel("2024-04-01")
    found = out_of_fold([Recorder(91)], X.droplevel("cutoff"), y.droplevel("cutoff"), 91)
    values, protocol = found.predictions, found.protocol
    assert protocol == OTHER_CUSTOMERS
    assert values.index.equals(X.index.droplevel("cutoff"))


def test_each_window_is_predicted_by_a_fit_on_those_that_had_ended_by_it(fits):
    days = pd.to_datetime(["2023-10-01", "2024-01-01", "2024-04-01"])
    X, y = panel(*days)
    found = out_of_fold([Recorder(91)], X, y, 91, days)
    assert found.protocol == OUT_OF_TIME
    trained = [set(seen["fit"].get_level_values("cutoff")) for seen, _ in fits]
    assert trained == [{days[0]}, {days[0], days[1]}]
    assert set(found.predictions.index.get_level_values("cutoff")) == set(days[1:])


def test_groups_of_customers_share_their_fits_between_windows(fits):
    days = pd.to_datetime(["2024-03-01", "2024-04-01"])
    X, y = panel(*days)
    found = out_of_fold([Recorder(91)], X, y, 91, days)
    assert found.protocol == OTHER_CUSTOMERS
    assert len({id(seen) for seen, _ in fits}) == FOLDS
    assert found.predictions.index.equals(X.index)


class Fragile(Recorder):
    name = "fragile"

    def fit(self, X, y=None):
        if X["spend"].max() < 90:
            raise InputError("nothing to learn.")
        return super().fit(X, y)


def test_a_model_that_cannot_be_fitted_somewhere_has_no_values_there_and_a_reason(fits):
    days = pd.to_datetime(["2023-10-01", "2024-01-01", "2024-04-01"])
    X, y = panel(*days)
    found = out_of_fold([Fragile(91), Recorder(91)], X, y, 91, days)
    assert found.failures == {("fragile", days[1]): "nothing to learn."}
    assert found.predictions.loc[days[1], "fragile"].isna().all()
    assert found.predictions.loc[days[2]].notna().all(axis=None)
    assert found.predictions["recorder"].notna().all()
