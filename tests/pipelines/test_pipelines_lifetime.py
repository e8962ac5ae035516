"""Costs of `cltv lifetime`: what cannot be used, and what changes nothing."""

import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.evaluation.progress import silent
from cltv_ml.log import Log
from cltv_ml.pipelines.inputs import load
from cltv_ml.pipelines.lifetime import (
    _describe_returns,
    _end_without_dropout,
    _lifetime_notes,
    _profit,
    paid_to_win,
)
from cltv_ml.settings import Lifetime

DAY = pd.Timestamp("2024-01-02")
SALES = pd.DataFrame(
    {
        "customer_id": ["a", "b"],
        "timestamp": ["2024-01-01"] * 2,
        "amount": [1.0, 2.0],
        "channel": ["tv", "ads"],
    }
)


def profit(**stated):
    settings = Lifetime(data=SALES, **stated)
    cleaned = load(settings, silent)
    return _profit(cleaned.transactions, cleaned, DAY, settings)


def test_costs_that_change_nothing_without_a_margin_are_named():
    unknown = "Profit is unknown: map a cost column, or state --margin-rate."
    assert profit().notes == [unknown]
    without = " Without a margin, --per-order and --acquisition-cost changed nothing."
    assert profit(per_order=2.0, acquisition_cost=8.0).notes == [unknown + without]


def test_the_share_beyond_the_horizon_is_that_of_the_revenue_to_come():
    """Of a past of 1,000 and 200 to come, "13%" seemed a small part where it was three quarters of the forecast."""
    table = pd.DataFrame({"residual_value": [150.0], "remaining_value": [200.0], "lifetime_value": [1200.0]})
    (note, _) = _lifetime_notes(table, (91, 1826), profit(), [])
    assert note.startswith(
        "75% of the revenue to come (12% of the lifetime value) lies beyond the horizon of 91 days"
    )


def test_costs_that_cannot_be_used_are_refused_without_a_margin_too():
    with pytest.raises(InputError, match="acquisition cost must be 0 or more, got -8"):
        profit(acquisition_cost=-8.0)


def test_acquisition_costs_in_another_currency_than_the_log_are_refused():
    costs = pd.DataFrame({"channel": ["tv"], "acquisition_cost": [5.0], "currency": ["USD"]})
    cleaned = load(Lifetime(data=SALES), silent)
    with pytest.raises(InputError, match="the costs are in USD, but the log is in EUR"):
        paid_to_win(cleaned, cleaned.transactions, costs, DAY, "EUR")
    assert paid_to_win(cleaned, cleaned.transactions, costs, DAY, "usd")[0].tolist() == [5.0, 0.0]
    _, notes = paid_to_win(cleaned, cleaned.transactions, costs, DAY)
    assert notes[0].startswith(
        "The costs are in USD. The amounts of the log are assumed to be in the same currency"
    )


def test_without_dropout_the_length_of_the_log_caps_the_tail_unless_the_end_or_a_longer_horizon_is_stated():
    ends = {
        "default": _end_without_dropout(Lifetime(), 1826, 700, [91, 365]),
        "horizon": _end_without_dropout(Lifetime(), 1826, 700, [91, 1096]),
        "stated": _end_without_dropout(Lifetime(end="5y"), 1826, 700, [91]),
    }
    assert ends == {"default": 700, "horizon": 1096, "stated": 1826}


def test_returns_still_to_come_in_the_value_to_date_are_told_in_money_and_share():
    days = pd.to_datetime(["2024-01-01", "2024-01-30", "2024-01-31"])
    log = pd.DataFrame({"customer_id": ["a", "a", "b"], "timestamp": days, "amount": [60.0, 100.0, 40.0]})
    assert _describe_returns(Log.of(log), 200.0, "EUR") == ""
    log.attrs["returns_to_come"] = (
        '{"until": "2024-01-31", "kept": [0.75, 0.9]}'  # by age: 10 of 100 and 10 of 40
    )
    assert _describe_returns(Log.of(log), 200.0, "EUR") == (
        "The value to date includes about 20.00 EUR (10.0%) of the latest purchases that customers will probably still "
        "return; expected values count only what they keep."
    )
