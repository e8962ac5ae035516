"""What changed between two scores, taken apart."""

import dataclasses
from types import SimpleNamespace

import pandas as pd
import pytest

from cltv_ml.actions import changes, customers, lists
from cltv_ml.actions.changes import add_changes
from cltv_ml.actions.terms import Actions
from cltv_ml.errors import InputError
from cltv_ml.log import Log
from cltv_ml.money import format_money
from cltv_ml.pipelines.act import _earlier_customers
from cltv_ml.serving import registered_model
from cltv_ml.settings import Act


class EarlierModel:
    """What MLflow loads, as far as the accounting uses it: expects ten of everybody."""

    metadata = SimpleNamespace(metadata={"features": ["recency"], "tiers": {"low": 0.0, "high": 50.0}})

    def predict(self, X):
        return pd.DataFrame({"expected_value": 10.0}, index=X.index)


def changed(shop, done, before):
    """Return the tables and sentences of `add_changes` against earlier scores."""
    earlier = dataclasses.replace(shop, terms=dataclasses.replace(shop.terms, before=before))
    found = Actions(
        tables={"customers": done.tables["customers"]}, rules={"tiers": {"high": 50.0, "low": 0.0}}
    )
    add_changes(earlier, found)
    return found.tables, " ".join(found.sections[0]["sentences"])


def parts(table):
    """Return the changes by part, having checked that they sum exactly to the total."""
    change = table.set_index("part")["change"]
    assert round(change.drop("total").sum() * 10_000) == round(change["total"] * 10_000)
    return change


def test_the_same_scores_have_not_changed(shop, done):
    tables, told = changed(shop, done, done.tables["customers"])
    assert (parts(tables["value_change"]) == 0).all()
    assert (parts(tables["profit_change"]) == 0).all()
    assert "Version 3 of the model made both scores" in told
    assert "has not changed" in told


def test_the_first_screen_and_the_section_tell_by_how_much_the_total_moved_since_when(shop, done):
    before = done.tables["customers"].assign(cutoff="2023-02-14")
    before["expected_value"] = before["expected_value"] / 2
    now = done.tables["customers"]["expected_value"].sum()
    terms = dataclasses.replace(shop.terms, before=before, currency="EUR")
    found = Actions(tables=dict(done.tables), rules={"tiers": {"high": 50.0, "low": 0.0}})
    add_changes(dataclasses.replace(shop, terms=terms), found)
    told = (
        f"Since 2023-02-14, the expected value of all customers went up by {format_money(now / 2, 'EUR')} to "
    )
    assert found.changed.startswith(told + format_money(now, "EUR"))
    assert found.sections[0]["sentences"][0] == found.changed
    answers = lists.list_answers(lists.list_totals(shop, found), shop, found)
    assert answers["What changed since last time?"] == [found.changed]


def test_the_customers_of_the_call_before_are_compared_where_they_are_of_an_earlier_day(tmp_path):
    days = pd.to_datetime(["2024-01-01", "2024-02-01"])
    lines = pd.DataFrame({"customer_id": ["007", "b"], "timestamp": days, "amount": [1.0, 2.0]})
    cleaned = SimpleNamespace(transactions=Log(lines))
    settings = Act(data="orders.csv", out=tmp_path)
    assert _earlier_customers(settings, cleaned) is None
    for cutoff, compared in {"2024-01-26": True, "2024-02-02": False}.items():
        table = pd.DataFrame({"customer_id": ["007"], "tier": "low", "expected_value": 1.5, "cutoff": cutoff})
        table.to_csv(tmp_path / "customers.csv", index=False)
        found = _earlier_customers(settings, cleaned)
        assert (found is not None) == compared, cutoff
        assert not compared or found.index.tolist() == ["007"]
        lifetime = Act(data="orders.csv", out=tmp_path, value="lifetime")
        assert _earlier_customers(lifetime, cleaned) is None  # of another value


def test_scores_by_an_earlier_model_tell_its_change_apart(shop, done, monkeypatch):
    monkeypatch.setattr(registered_model, "load_version", lambda version: {2: EarlierModel()}[version])
    today = done.tables["customers"]
    before = today.assign(model_version=2, expected_value=10.0)
    tables, told = changed(shop, done, before)
    assert parts(tables["value_change"])["model"] == pytest.approx(
        today["expected_value"].sum() - 10 * len(today)
    )
    assert "Version 2 made the earlier scores" in told


def test_an_earlier_model_that_is_gone_stays_in_the_other_parts(shop, done, monkeypatch):
    def gone(version):
        raise InputError(f"version {version} of model 'cltv' cannot be read: not found; train again.")

    monkeypatch.setattr(registered_model, "load_version", gone)
    tables, told = changed(shop, done, done.tables["customers"].assign(model_version=2))
    assert parts(tables["value_change"])["model"] == 0
    assert "The effect of the model is part of the other causes: version 2" in told


def test_the_figures_of_changes_are_drawn_from_the_same_accounting(shop, done, monkeypatch):
    def read_shop(_, terms, found):
        found.rules |= {"tiers": {"high": 50.0, "low": 0.0}}
        return dataclasses.replace(shop, terms=terms)

    monkeypatch.setattr(changes, "read_shop", read_shop)
    before = done.tables["customers"].sample(frac=0.8, random_state=0)
    before = before.assign(
        expected_value=before["expected_value"] * 0.7, cutoff=shop.window.cutoff - pd.Timedelta(days=91)
    )
    tables, _ = changed(shop, done, before)
    found = changes.compute_changes(None, before)
    pd.testing.assert_frame_equal(found.change, tables["value_change"])
    pd.testing.assert_frame_equal(found.flows, tables["migration"])
    assert (parts(found.change) != 0).sum() > 3


def test_a_price_rise_between_two_scores_is_told_apart(shop, done):
    cutoff = shop.window.cutoff - pd.Timedelta(days=91)
    dearer = shop.log.frame.assign(
        amount=shop.log.frame["amount"].where(
            shop.log.frame["timestamp"] < cutoff, shop.log.frame["amount"] * 2
        )
    )
    today = done.tables["customers"]
    plain, _ = changed(shop, done, today.assign(cutoff=cutoff))
    tables, _ = changed(dataclasses.replace(shop, log=Log(dearer)), done, today.assign(cutoff=cutoff))
    total = today["expected_value"].sum()
    before, after = (parts(one["value_change"])["prices and margins"] for one in (plain, tables))
    # What is bought at 1 + x times the price was worth 1 / (1 + x) of today's value at the prices of then.
    assert (1 - after / total) * 2 == pytest.approx(1 - before / total)


def test_a_margin_that_halved_is_told_apart_from_behaviour(shop, done):
    today = done.tables["customers"]
    before = today.assign(margin_rate=today["margin_rate"] * 2, expected_profit=today["expected_profit"] * 2)
    tables, _ = changed(shop, done, before)
    gained = today["margin_rate"] > 0
    assert parts(tables["profit_change"])["prices and margins"] == pytest.approx(
        -today.loc[gained, "expected_profit"].sum(), rel=1e-6
    )


def test_earlier_scores_that_say_nothing_of_themselves_are_behaviour(shop, done):
    before = done.tables["customers"][["tier", "expected_value"]]
    tables, told = changed(shop, done, before)
    assert set(tables) == {"customers", "migration", "value_change"}
    assert parts(tables["value_change"])["prices and margins"] == 0
    assert "The earlier scores do not name their model" in told


def test_earlier_scores_of_another_horizon_are_refused(shop, done):
    with pytest.raises(ValueError, match="cover 182 days and today's cover 91"):
        changed(shop, done, done.tables["customers"].assign(horizon=182))


def test_the_profit_of_the_horizon_is_that_of_the_champions_main_one_where_several_were_trained(shop):
    predictions = shop.predictions
    lifetimes = predictions[["expected_value"]].assign(
        expected_profit=predictions["expected_value"] * 0.9, margin_rate=0.3, horizon=365
    )
    terms = dataclasses.replace(shop.terms, value="horizon", basis="profit", lifetimes=lifetimes)
    several = dataclasses.replace(shop, terms=terms)
    assert several.values.tolist() == pytest.approx((predictions["expected_value"] * 0.3).tolist())
    assert several.days == 91
    terms = dataclasses.replace(terms, lifetimes=lifetimes.assign(horizon=91))
    one = dataclasses.replace(shop, terms=terms)
    assert one.values.tolist() == lifetimes["expected_profit"].tolist()


def test_the_profile_of_another_value_has_the_bounds_of_that_value(shop):
    ends = {"remaining_profit": 9.0, "remaining_profit_lower": 4.0, "remaining_profit_upper": 20.0}
    lifetimes = shop.predictions[["expected_value"]].assign(expected_profit=3.0, horizon=91, **ends)
    bounds = {}
    for value in ("remaining", "horizon"):
        terms = dataclasses.replace(shop.terms, value=value, basis="profit", lifetimes=lifetimes)
        table = customers._profile(dataclasses.replace(shop, terms=terms), shop.tiers)
        bounds[value] = table.filter(regex="^value_").drop_duplicates().to_dict("records")
    assert bounds["remaining"] == [{"value_per_customer": 9.0, "value_lower": 4.0, "value_upper": 20.0}]
    assert bounds["horizon"] == [{"value_per_customer": 3.0}]


def test_what_changed_of_another_value_is_taken_apart_where_the_earlier_table_holds_it(shop, done):
    customers = done.tables["customers"].assign(
        remaining_value=done.tables["customers"]["expected_value"] * 3
    )
    terms = dataclasses.replace(shop.terms, value="remaining", lifetimes=customers)
    shop, done = dataclasses.replace(shop, terms=terms), Actions(tables={"customers": customers})
    tables, told = changed(shop, done, customers.assign(remaining_value=customers["remaining_value"] / 2))
    total = tables["value_change"].set_index("part")["change"]["total"]
    assert total == pytest.approx(customers["remaining_value"].sum() / 2, rel=1e-6)
    assert "The value explained here is the remaining value." in told
    with pytest.raises(
        InputError, match=r"has no column remaining_value; .* cltv act --value remaining --basis revenue"
    ):
        changed(shop, done, customers.drop(columns="remaining_value"))
