"""A later plan of campaigns changes what a fitted model expects, and not what it learned."""

import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.models import GammaGamma, ParetoNBD, ParetoNBDCalendar, ProbabilisticValue, with_plan
from cltv_ml.serving import scoring
from cltv_ml.serving.batch_order import Order, identity
from cltv_ml.serving.model_files import Card
from cltv_ml.serving.registered_model import Registered

TRAINED = {"2019-01-01": 0.0, "2019-11-01": 1.0, "2019-11-15": 0.0, "2020-03-01": 0.0}
CUSTOMER = pd.DataFrame(
    {"frequency": [4.0], "recency": [200.0], "T": [220.0], "monetary_value": [10.0], "cutoff_day": [18_262.0]}
)  # cut off on 2020-01-01


def following(path=TRAINED):
    model = ParetoNBDCalendar("days", months=False, paths={"campaign": path})
    known = {"r": 0.8, "alpha": 40.0, "s": 0.7, "beta": 300.0, "purchase:campaign": 1.0}
    spend = GammaGamma().with_params({"p": 6.0, "q": 4.0, "v": 15.0})
    return ProbabilisticValue(model, horizon=28).with_parts(model.with_params(known), spend)


def test_a_campaign_ahead_raises_the_forecast_as_if_it_had_been_known():
    model = following()
    planned = with_plan(model, {"campaign": {"2020-01-08": 1.0, "2020-01-22": 0.0, "2020-02-20": 0.0}})
    known = {"2019-01-01": 0.0, "2019-11-01": 1.0, "2019-11-15": 0.0, "2020-01-08": 1.0, "2020-01-22": 0.0}
    assert planned.predict(CUSTOMER) == pytest.approx(
        following({**known, "2020-02-20": 0.0}).predict(CUSTOMER)
    )
    assert planned.predict(CUSTOMER) > 1.5 * model.predict(CUSTOMER)
    assert model.purchases_.paths["campaign"] == TRAINED


def test_a_plan_can_reach_further_than_the_training():
    later = CUSTOMER.assign(cutoff_day=18_262.0 + 500, T=720.0)
    with pytest.raises(InputError, match="needs values until 2021-05-14: add the plan until then, in the"):
        following().predict(later)
    planned = with_plan(following(), {"campaign": {"2020-03-01": 0.0, "2021-08-01": 0.0}})
    assert planned.predict(later) > 0


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (
            {"price": {"2020-01-01": 1.0}},
            r"uses \['campaign'\], not 'price'; name the columns as in the training",
        ),
        (
            {"campaign": {"2021-12-01": 1.0}},
            "is known until 2020-12-30 .* from 2021-12-01 on .*; add its values in between",
        ),
    ],
)
def test_a_plan_of_something_else_or_with_a_gap_is_refused(plan, sentence):
    with pytest.raises(InputError, match=sentence):
        with_plan(following(), plan)


def test_a_model_without_paths_refuses_a_plan():
    with pytest.raises(InputError, match="uses no campaign or price, not 'campaign'"):
        with_plan(ProbabilisticValue(ParetoNBD()), {"campaign": {"2020-01-01": 1.0}})


def test_a_batch_is_scored_by_the_plan_and_another_plan_is_another_batch(monkeypatch):
    card = Card("pareto_nbd_calendar_gamma_gamma", 28, "2020-01-01", [], "", {}, 1, "transactions")
    monkeypatch.setattr(scoring, "open_registered", lambda *_: Registered(following(), card, 1, ()))
    orders = [Order("out", plan={"campaign": {"2020-01-08": on, "2020-02-20": 0.0}}) for on in (0.0, 1.0)]
    scorers = [scoring._open_scorer(order) for order in orders]
    assert scorers[1].model.predict(CUSTOMER) > 1.5 * scorers[0].model.predict(CUSTOMER)
    assert identity(orders[0], scorers[0]) != identity(orders[1], scorers[1])
