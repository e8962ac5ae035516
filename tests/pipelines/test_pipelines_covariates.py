"""Campaigns, prices and holidays that the Pareto/NBD with a season follows, from a user's tables."""

import sys

import numpy as np
import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.features import build_features
from cltv_ml.log import Log
from cltv_ml.models import ParetoNBDCalendar, ProbabilisticValue
from cltv_ml.models.calendar_path import at_purchases
from cltv_ml.pipelines.backtest import backtest
from cltv_ml.pipelines.calendar_inputs import CALENDAR, check_paths, effect_notes
from cltv_ml.pipelines.competing import named_models
from cltv_ml.settings import Train

PLAN = pd.DataFrame(
    {"date": ["2023-01-01", "2023-03-01", "2023-04-01", "2024-03-01"], "campaign": [0, 1, 0, 0]}
)
EASTER = pd.DataFrame({"holiday": "Easter", "date": ["2023-04-09", "2024-03-31"]})


def follower(**options):
    models = named_models(Train(data="shop.csv", **options), 30, [])
    return next(model for model in models if model.name == CALENDAR)


def purchases(n=60, seed=0):
    rng = np.random.default_rng(seed)
    rows = [
        (f"c{one}", pd.Timestamp("2023-01-05") + pd.Timedelta(days=int(day)))
        for one in range(n)
        for day in np.unique(rng.integers(0, 200, 8))
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp"])
    return frame.assign(amount=10.0 + np.arange(len(frame)) % 5)


def test_a_table_lets_the_model_compete_and_follow_its_columns():
    paths = follower(covariates=PLAN).purchases.paths
    assert paths == {"campaign": {"2023-01-01": 0.0, "2023-03-01": 1.0, "2023-04-01": 0.0, "2024-03-01": 0.0}}


def test_a_file_says_the_same_as_a_frame(tmp_path):
    PLAN.to_csv(tmp_path / "plan.csv", index=False)
    (tmp_path / "train.toml").write_text(f'covariates = "{(tmp_path / "plan.csv").as_posix()}"')
    told = Train.read(tmp_path / "train.toml")
    assert follower(covariates=told.covariates).purchases.paths == follower(covariates=PLAN).purchases.paths


def test_a_holiday_is_the_fortnight_that_leads_up_to_it():
    path = follower(models=CALENDAR, holidays=EASTER).purchases.paths["holiday Easter"]
    assert path["2023-03-27"] == 1.0
    assert path["2023-04-10"] == 0.0
    assert len(path) == 5


def test_holidays_alone_add_no_model():
    names = {model.name for model in named_models(Train(data="shop.csv", holidays=EASTER), 30, [])}
    assert CALENDAR not in names


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            PLAN.assign(campaign=["0", "x", "0", "0"]),
            "campaign must be a number on every date, found 'x' in 1",
        ),
        (PLAN.assign(date="2023-01-01"), "2023-01-01 appears in several rows"),
        (PLAN.assign(date="soon"), "'soon' is not a date; write it as 2024-03-31"),
        (PLAN[["date"]], "at least one column for a campaign or price"),
    ],
)
def test_what_is_no_path_is_said(table, sentence):
    with pytest.raises(InputError, match=sentence):
        follower(covariates=table)


def test_covariates_that_no_model_follows_are_refused():
    with pytest.raises(InputError, match=f"none of the models .* uses them; add {CALENDAR}"):
        named_models(Train(data="shop.csv", models="same_rate", covariates=PLAN), 30, [])


def test_a_plan_that_ends_before_the_forecast_is_asked_for_before_the_training():
    model = follower(covariates=PLAN.head(3))
    check_paths([model], pd.Timestamp("2023-01-05"), pd.Timestamp("2023-05-15"))
    with pytest.raises(InputError, match="until 2024-02-01: add the plan until then"):
        check_paths([model], pd.Timestamp("2023-01-05"), pd.Timestamp("2024-02-01"))
    with pytest.raises(InputError, match="begins on 2023-01-01, after the first purchase day on 2022-12-01"):
        check_paths([model], pd.Timestamp("2022-12-01"), pd.Timestamp("2023-05-01"))


def test_a_plan_may_begin_on_the_day_of_the_first_purchase():
    # in units of the mean age that day was a moment before midnight, so the plan began a day too late
    log = purchases()
    path = {f"{log['timestamp'].min():%Y-%m-%d}": 0.0, "2024-03-01": 0.0}
    model = ParetoNBDCalendar(months=False, paths={"campaign": path}, path_prior=1.0)
    for cutoff in ("2023-05-30", "2023-06-01", "2023-06-08", "2023-07-01"):
        X = build_features(log, cutoff, [*model.reads, *model.learns_from])
        assert np.isfinite(model.fit(X).expected_purchases(X, 4)).all()


def test_a_backtest_asks_for_the_rest_of_a_plan_before_it_fits(tmp_path, monkeypatch):
    module = sys.modules[backtest.__module__]
    monkeypatch.setattr(module, "judge_each", lambda *_, **__: pytest.fail("models were fitted"))
    options = {"horizon": "30d", "windows": 2, "out": tmp_path, "covariates": PLAN.head(2)}
    with pytest.raises(
        InputError, match="'campaign' has its last value on 2023-03-01, but the model needs values"
    ):
        backtest(data=purchases(), **options)
    assert not list(tmp_path.iterdir())


def test_purchase_days_while_a_path_is_on_are_counted_from_the_log():
    log = purchases()
    model = ParetoNBDCalendar(months=False, paths=follower(covariates=PLAN).purchases.paths)
    X = build_features(log, "2023-06-01", [*model.reads, *model.learns_from])
    days = log[log["timestamp"] < "2023-06-01"].sort_values("timestamp")
    repeat = days[days.duplicated("customer_id")]
    inside = repeat[repeat["timestamp"].between("2023-03-01", "2023-03-31 23:59")]
    counted = inside.groupby("customer_id").size().reindex(X.index, fill_value=0)
    assert X["purchase_days_20230301_20230401"].tolist() == counted.tolist()
    # the sums that a caller gives say the same
    fitted = model.fit(X).params_
    assert fitted == pytest.approx(model.fit(X.assign(**{at_purchases("campaign"): counted})).params_)


def test_the_notes_say_what_a_campaign_does():
    log = purchases(200)
    march = log["timestamp"].between("2023-03-01", "2023-03-31 23:59")
    more = log[march].assign(timestamp=lambda t: t["timestamp"].dt.floor("D") + pd.Timedelta(days=1))
    log = pd.concat([log, more[more["timestamp"] < "2023-04-01"]])
    model = follower(covariates=PLAN)
    model.set_params(purchases__months=False)  # March and the campaign are one here
    X = build_features(Log.of(log), "2023-06-01", list(model.reads))
    (note,) = effect_notes([model.fit(X)])
    effect, error = (
        kept["purchase:campaign"] for kept in (model.purchases_.params_, model.purchases_.standard_errors_)
    )
    low, middle, high = np.exp(effect + np.array([-1.96, 0, 1.96]) * error)
    assert 1 < low < 2 < high  # every purchase in March was doubled
    assert note == (
        f"According to the Pareto/NBD with a season, customers buy {middle:.2f} times as often where campaign is 1 "
        f"as where it is 0 (95%: {low:.2f} to {high:.2f})."
    )


def test_a_prior_holds_the_effect_of_a_path_that_is_never_seen():
    X = build_features(purchases(), "2023-02-15", ["cutoff_day"])
    paths = follower(covariates=PLAN).purchases.paths
    columns = ParetoNBDCalendar(months=False, paths=paths).learns_from
    X = X.assign(**dict.fromkeys(columns, 0.0))
    held = ParetoNBDCalendar(months=False, paths=paths, path_prior=1.0).fit(X)
    assert held.params_["purchase:campaign"] == pytest.approx(0.0, abs=1e-4)
    assert held.standard_errors_["purchase:campaign"] == pytest.approx(1.0, rel=0.05)


def test_a_value_model_with_paths_reads_what_the_features_count():
    model = follower(covariates=PLAN)
    assert isinstance(model, ProbabilisticValue)
    assert "purchase_days_20230301_20230401" in model.reads
    fitted = model.fit(build_features(purchases(), "2023-06-01", list(model.reads)))
    assert "purchase_days_20230301_20230401" not in fitted.feature_names_in_
