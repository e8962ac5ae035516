"""The forecast of the whole shop as a pipeline: tables that add up, the last plan, sentences."""

import re

import numpy as np
import pandas as pd
import pytest
from pages import SENTENCES, columns_shown, lost_numbers

from cltv_ml import pipelines
from cltv_ml.errors import InputError
from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.evaluation.shop_tables import margin_rate
from cltv_ml.evaluation.whole_shop import forecast_shop
from cltv_ml.log import Log
from cltv_ml.money import format_money
from cltv_ml.pipelines.forecast_inputs import (
    find_plan,
    kept_plan,
    pause_expected_again,
    plan_terms,
    unused_holidays,
)
from cltv_ml.reporting import plots
from cltv_ml.settings import Forecast
from cltv_ml.windows import Window


@pytest.fixture(scope="module")
def growing():
    """A shop that wins customers to its last day: 3 a day, who buy again about every 40 days for a while."""
    rng = np.random.default_rng(4)
    joined = np.sort(rng.integers(0, 170, 500))
    later = joined[:, None] + 1 + np.cumsum(rng.exponential(40, (500, 3)), axis=1)
    days = np.c_[joined, later]
    who, _ = np.nonzero(days < 170)
    return pd.DataFrame(
        {
            "customer_id": who.astype(str),
            "timestamp": pd.Timestamp("2023-01-01") + pd.to_timedelta(days[days < 170].astype(int), unit="D"),
            "amount": rng.gamma(3.0, 10.0, len(who)).round(2),
        }
    )


@pytest.fixture(scope="module")
def forecasts(growing, tmp_path_factory, filling):
    """Two forecasts of the same shop, a month apart, with the file of the first named to the second."""
    folder = tmp_path_factory.mktemp("forecast")
    with filling(folder):
        earlier = growing[growing["timestamp"] < "2023-05-21"]
        terms = {"horizon": "6w", "margin_rate": 0.4, "acquisition_cost": 3.0, "currency": "EUR"}
        first = pipelines.forecast(data=earlier, out=folder / "plan.csv", **terms)
        second = pipelines.forecast(data=growing, out=folder / "plan.csv", **terms)
    return first, second


def test_parts_and_periods_of_a_forecast_add_up(forecasts):
    table = forecasts[0].table
    for measure in ("revenue", "orders", "contribution"):
        mine = table[table["measure"] == measure].pivot_table(
            index="span", columns="part", values="expected", aggfunc="sum"
        )
        assert mine.loc["period"].to_numpy() == pytest.approx(mine.loc["horizon"].to_numpy())
        assert (mine["known"] + mine["new"]).to_numpy() == pytest.approx(mine["total"].to_numpy())


def test_contribution_is_the_margin_of_revenue_less_the_cost_of_winning(forecasts):
    whole = forecasts[0].table.query("span == 'horizon'").set_index(["part", "measure"])["expected"]
    assert whole["known", "contribution"] == pytest.approx(0.4 * whole["known", "revenue"])
    new = 0.4 * whole["new", "revenue"] - 3.0 * whole["new", "won"]
    assert whole["new", "contribution"] == pytest.approx(new)
    equity = forecasts[0].equity.set_index("part")["equity"]  # nothing is discounted
    assert equity["total"] == pytest.approx(whole["total", "contribution"])


def test_refunds_on_days_of_their_own_lower_the_basket_and_not_the_orders(growing):
    until = growing["timestamp"].max()
    back = growing[growing["amount"] > 30].assign(
        amount=-10.0, timestamp=lambda sold: sold["timestamp"] + pd.Timedelta(days=3)
    )
    log = pd.concat([growing, back[back["timestamp"] <= until]], ignore_index=True)
    first = log["customer_id"].map(growing.groupby("customer_id")["timestamp"].min())
    later = log[log["timestamp"] > first]
    orders = later[later["amount"] > 0].drop_duplicates(["customer_id", "timestamp"])
    shop = forecast_shop(log, Window(until.normalize() + pd.Timedelta(days=1), 42), size=20)
    assert shop.ratios.repeat_basket == pytest.approx(later["amount"].sum() / len(orders))


def test_bands_lie_within_each_other(forecasts):
    table = forecasts[0].table
    ends = ["lower_95", "lower_80", "lower_50", "upper_50", "upper_80", "upper_95"]
    assert (np.diff(table[ends].to_numpy(), axis=1) >= 0).all()


def test_a_steady_shop_is_forecast_within_its_band(forecasts, growing):
    judged = forecasts[1].judged
    inside = judged["actual"].between(judged["lower_95"], judged["upper_95"])
    assert inside.all()
    assert judged["actual"].sum() == pytest.approx(judged["expected"].sum(), rel=0.2)


def test_the_next_forecast_shows_what_came_of_the_last(forecasts, growing):
    first, second = forecasts
    assert first.judged is None
    ended = second.judged
    since, until = ended["start"].min(), ended["until"].max()
    mine = growing[(growing["timestamp"] >= since) & (growing["timestamp"] < until)]
    assert ended["actual"].sum() == pytest.approx(mine["amount"].sum())
    causes = second.causes.set_index("cause")["change"]
    assert causes["total"] == pytest.approx((ended["actual"] - ended["expected"]).sum(), abs=0.05)
    assert "The last forecast against realised revenue" in second.page.read_text()


def test_a_forecast_knows_its_equity_and_scenarios(forecasts):
    found = forecasts[0]
    assert found.equity["part"].tolist() == ["known", "new", "total"]
    assert found.scenarios["scenario"].tolist()[1:] == [
        "arrivals -20%",
        "retention +2 points",
        "basket +5%",
        "acquisition cost +10%",
    ]


def weekly_plan(cutoff, weeks=4):
    starts = pd.Timestamp(cutoff) + pd.to_timedelta(7 * np.arange(weeks), unit="D")
    return pd.DataFrame(
        {
            "cutoff": pd.Timestamp(cutoff),
            "start": starts,
            "until": starts + pd.Timedelta(days=7),
            "span": "period",
            "part": "total",
            "measure": "revenue",
            "expected": 10.0,
            "lower_80": 5.0,
            "upper_80": 15.0,
        }
    )


def call_daily(out, days, first="2024-01-01"):
    """Write a plan on each day as `forecast` does; return the cutoffs of the plans that the calls were given."""
    given = []
    for day in days:
        plan = find_plan(None, out, pd.Timestamp(first), pd.Timestamp(day))
        given.append(None if plan is None else f"{plan['cutoff'].iloc[0]:%m-%d}")
        if plan is not None:
            plan.to_csv(kept_plan(out), index=False)
        weekly_plan(day).to_csv(out, index=False)
    return given


def test_a_second_forecast_on_the_same_day_keeps_the_plan(tmp_path, forecasts):
    days = ["2024-02-01", "2024-03-01", "2024-03-01", "2024-03-01"]
    assert call_daily(tmp_path / "plan.csv", days) == [None, "02-01", "02-01", "02-01"]
    kept = pd.read_csv(forecasts[1].files["before"])
    np.testing.assert_allclose(kept["expected"], forecasts[0].table["expected"], atol=1e-4)


def test_a_forecast_a_day_is_judged_too_and_a_plan_that_is_over_makes_way(tmp_path):
    days = [f"{day:%Y-%m-%d}" for day in pd.date_range("2024-02-01", periods=31)]
    given = call_daily(tmp_path / "plan.csv", days)
    assert given[1:28] == ["02-01"] * 27
    assert given[28] == "02-28"  # all four weeks of the first are over


def test_a_forecast_of_another_shop_in_the_same_file_is_no_plan(tmp_path):
    assert call_daily(tmp_path / "plan.csv", ["2023-12-01", "2024-03-01"]) == [None, None]
    with pytest.raises(InputError, match="a forecast of the same shop"):
        find_plan(
            weekly_plan("2023-12-01"),
            tmp_path / "x.csv",
            pd.Timestamp("2024-01-01"),
            pd.Timestamp("2024-03-01"),
        )


def test_known_customers_are_expected_to_spend_their_level(growing, forecasts):
    level = forecast_level(Log(growing), Window("2023-06-20", 42))
    whole = (
        forecasts[1].table.query("span == 'horizon' and measure == 'revenue'").set_index("part")["expected"]
    )
    assert whole["known"] == pytest.approx(level.total, rel=1e-9)
    assert forecasts[1].table["start"].min() == pd.Timestamp("2023-06-20")


def test_less_than_a_year_of_arrivals_is_told(forecasts):
    assert any("less than a year" in note for note in forecasts[0].notes)


def test_customers_are_not_won_where_none_came_for_weeks(growing, tmp_path, store):
    first = growing.groupby("customer_id")["timestamp"].transform("min")
    closed = growing[first < "2023-04-01"]
    found = pipelines.forecast(data=closed, horizon="6w", out=tmp_path / "plan.csv")
    whole = found.table[found.table["span"] == "horizon"].set_index(["part", "measure"])["expected"]
    assert whole["new", "revenue"] == 0
    assert whole["total", "revenue"] == whole["known", "revenue"] > 0
    assert any("no new customer" in note for note in found.notes)
    page = found.page.read_text()
    assert "<dd>no forecast</dd>" in page
    assert "new customers</td>" not in page
    assert "arrivals -20%" not in found.scenarios["scenario"].tolist()


def test_what_cannot_be_forecast_is_one_sentence(growing, tmp_path):
    wrong = {
        "needs 56 days of log": {"data": growing[growing["timestamp"] < "2023-02-01"]},
        "ends in .parquet or .csv": {"out": tmp_path / "plan.xlsx"},
        "write 0.08 if you mean 8%": {"discount_rate": 8.0},
        "write 0.1 if you mean 10%, or 0 to discount nothing": {"discount_rate": -0.1},
        "a table with date and name": {"holidays": tmp_path / "none.csv"},
        "need a column date": {"holidays": pd.DataFrame({"day": ["2023-01-01"]})},
        "write dates such as 2025-12-25": {"holidays": pd.DataFrame({"date": ["Christmas"]})},
        "contains a row without a date": {"holidays": pd.DataFrame({"date": ["2023-01-01", None]})},
        "the table of holidays has no row": {"holidays": pd.DataFrame({"date": []})},
        "the earlier forecast lacks": {"before": pd.DataFrame({"start": [1]})},
        "has '1 Feb 24' in the column start": {"before": weekly_plan("2023-02-01").assign(start="1 Feb 24")},
        "has 'n/a' in the column expected": {"before": weekly_plan("2023-02-01").assign(expected="n/a")},
        "lacks rows for the period from 2023-02-01": {
            "before": weekly_plan("2023-02-01").assign(part="known")
        },
        "write 0.1 for 10%": {"margin_rate": 40.0},
    }
    for sentence, options in wrong.items():
        with pytest.raises(InputError, match=sentence):
            pipelines.forecast(**({"data": growing, "horizon": "4w", "out": tmp_path / "p.csv"} | options))


def test_a_shop_dated_by_week_is_told_what_is_counted_and_that_holidays_are_not(growing, tmp_path):
    mondays = growing.assign(timestamp=growing["timestamp"].dt.to_period("W").dt.start_time)
    easter = pd.DataFrame({"date": ["2023-04-09"], "name": ["easter"]})
    found = pipelines.forecast(data=mondays, horizon="9w", holidays=easter, out=tmp_path / "plan.csv")
    assert (
        "Purchases have one date per week, so the forecast of the total compares whole weeks, not days."
        in found.notes
    )
    assert "The table of holidays is not used, because purchases have one date per week." in found.notes


def test_a_pause_that_is_expected_again_is_told_where_no_other_year_shows_it():
    days, window = np.arange(600), Window("2024-08-23", 91)  # day 600 of a log from 2023-01-01
    paused = np.where((days > 250) & (days < 350), 0.0, 2.0)
    never = np.zeros(600, dtype=bool)
    [sentence] = pause_expected_again(paused, never, window)
    assert sentence.startswith("Nobody new came from 2023-09-09 to 2023-12-16.")
    over = Window("2024-08-23", 7)  # before it comes again
    assert pause_expected_again(paused, never, over) == []
    assert pause_expected_again(np.where(days < 300, paused, 2.0), never, window) == []
    assert pause_expected_again(paused, paused == 0, window) == []  # a closure that is not expected again


def test_holidays_without_an_effect_are_named():
    first, window = pd.Timestamp("2023-01-01"), Window("2024-03-01", 91)
    days = {
        "easter": ["2023-04-09", "2024-03-31"],
        "market": ["2024-05-04"],
        "fair": ["2023-05-06"],
    }
    holidays = {name: [pd.Timestamp(day) for day in dates] for name, dates in days.items()}
    assert unused_holidays(holidays, first, window) == [
        "No day of these holidays lies within the log, so they have no effect on the forecast: market."
    ]
    assert unused_holidays({"easter": holidays["easter"]}, first, window) == []
    old = {"easter": [pd.Timestamp("2019-04-21")]}
    assert unused_holidays(old, first, window)[0].startswith("No date in the table of holidays lies within")


def test_every_number_of_the_page_is_in_a_file_next_to_it(forecasts):
    found = forecasts[1]
    assert set(found.files) == {
        "forecast",
        "history",
        "scenarios",
        "equity",
        "last_plan",
        "causes",
        "before",
        "earlier",
    }
    assert lost_numbers(found.page, found.files.values(), known=[42], tags="td") == []
    assert lost_numbers(found.page, found.page.parent.rglob("*.csv"), tags=SENTENCES) == []


def test_files_hold_at_most_four_decimals_and_amounts_of_a_column_the_same_digits(forecasts):
    for file in forecasts[1].page.parent.rglob("*.csv"):
        assert not re.search(r"\d\.\d{5}", file.read_text(encoding="utf-8")), file
    for column in columns_shown(forecasts[1].page):
        amounts = [cell for cell in column if cell.endswith(" EUR")]
        assert len({bool(re.search(r"\.\d\d EUR$", cell)) for cell in amounts}) < 2, column


def test_a_figure_without_a_past_is_of_expected_revenue_alone(forecasts):
    found = forecasts[1]
    titles = {
        plots.shop_forecast(found.table, history=past).layout.title.text for past in (None, found.judged[:0])
    }
    assert titles == {"Revenue, expected"}
    past = pd.read_csv(found.files["history"], parse_dates=["start"])
    assert (
        plots.shop_forecast(found.table, history=past).layout.title.text == "Revenue, realised and expected"
    )


def test_the_page_compares_with_the_revenue_before_and_a_year_ago(forecasts, growing):
    page, start = forecasts[1].page.read_text(), forecasts[1].table["start"].min()
    before = growing[growing["timestamp"].between(start - pd.Timedelta(days=42), start, inclusive="left")]
    assert (
        f"The 42 days before brought in {format_money(before['amount'].sum(), 'EUR')}; the forecast is"
        in page
    )


def test_earlier_forecasts_use_what_lay_before_them_and_stand_next_to_what_came(forecasts, growing):
    earlier = pd.read_csv(forecasts[1].files["earlier"], parse_dates=["cutoff"])
    last = earlier.iloc[-1]
    until = last["cutoff"] + pd.Timedelta(days=42)
    came = growing[growing["timestamp"].between(last["cutoff"], until, inclusive="left")]["amount"].sum()
    assert last["realised"] == pytest.approx(came, abs=0.01)
    assert until <= growing["timestamp"].max() + pd.Timedelta(days=1)
    then = forecast_shop(
        growing[growing["timestamp"] < last["cutoff"]], Window(last["cutoff"], 42), "week", size=50
    )
    assert last["forecast"] == pytest.approx(sum(then.totals), rel=0.05)
    missed = (earlier["forecast"] / earlier["realised"] - 1).abs().mean()
    assert f"missed by {missed:.0%} on average" in forecasts[1].page.read_text()


def test_the_page_links_its_files_and_tells_its_band_first(forecasts):
    page, whole = forecasts[1].page.read_text(), forecasts[1].table.query("span == 'horizon'")
    low, high = whole.query("part == 'total' and measure == 'revenue'")[["lower_80", "upper_80"]].iloc[0]
    assert all(f'href="{file.name}"' in page for file in forecasts[1].files.values())
    assert f"expected in 42 days; {low:,.0f} EUR to {high:,.0f} EUR with 80% probability" in page


def test_equity_is_one_number_wherever_the_page_tells_it(forecasts):
    found = forecasts[0]
    assert found.scenarios["equity"].iloc[0] == pytest.approx(found.equity["equity"].iloc[-1])


def test_lines_without_a_cost_are_told_and_take_the_margin_of_the_others(growing):
    days = growing["timestamp"]
    costs = growing.assign(cost=(0.6 * growing["amount"]).where(days >= "2023-03-01"))
    rate, gap = margin_rate(costs, pd.Timestamp("2023-01-01"), pd.Timestamp("2023-07-01"))
    assert rate == pytest.approx(0.4)
    early = growing.loc[days < "2023-03-01", "amount"].sum()
    assert gap == pytest.approx(early / growing["amount"].sum())
    assert margin_rate(costs, pd.Timestamp("2023-01-01"), pd.Timestamp("2023-02-01")) == (None, 1.0)


def test_a_stated_margin_rate_fills_the_gaps_of_the_costs_alone(growing):
    days, cutoff = growing["timestamp"], pd.Timestamp("2023-06-20")
    stated = Forecast(data="x", margin_rate=0.1)
    early = growing.loc[days < "2023-03-01", "amount"].sum() / growing["amount"].sum()
    some = Log(growing.assign(cost=(0.6 * growing["amount"]).where(days >= "2023-03-01")))
    terms, notes = plan_terms(stated, some, cutoff)
    assert terms.margin_rate == pytest.approx(0.4 * (1 - early) + 0.1 * early)
    assert (
        f"{early:.1%} of the last year's revenue has no cost: the stated margin rate is used for it"
        in notes[0]
    )
    terms, notes = plan_terms(stated, Log(growing.assign(cost=0.6 * growing["amount"])), cutoff)
    assert terms.margin_rate == pytest.approx(0.4)
    assert "their margin of 40.0% is used instead of the stated rate" in notes[0]
    assert plan_terms(stated, Log(growing.assign(cost=np.nan)), cutoff)[0].margin_rate == 0.1
    assert plan_terms(stated, Log(growing), cutoff)[1] == []
    with pytest.raises(InputError, match="a margin below -100%"):
        plan_terms(stated, Log(growing.assign(cost=60 * growing["amount"])), cutoff)
