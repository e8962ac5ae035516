"""Cost per customer, value by age and payback: shops whose truth is known, and inputs that must be refused."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions import Costs, acquisition_value
from cltv_ml.decisions.acquisition_costs import (
    BLENDED,
    UNATTRIBUTED,
    check_costs,
    compute_cac,
    spelled_as,
)
from cltv_ml.decisions.acquisition_value import (
    compute_returns,
    judge_earlier,
    judged_errors,
    monthly_drift,
    value_by_channel,
)
from cltv_ml.decisions.cost_days import split_by_day, within_log
from cltv_ml.decisions.customers_won import REPORTED_AGES, read_won
from cltv_ml.errors import InputError
from experiments.simulated_channels import (
    FIRST,
    LAST,
    MARGIN_RATE,
    TRUTH,
    costs_of,
    simulate_channels,
    true_payback,
    true_value,
)


@pytest.fixture(scope="module")
def won():
    return read_won(simulate_channels(1), costs=Costs(margin_rate=MARGIN_RATE))


@pytest.fixture(scope="module")
def cac(won):
    months = won.customers.groupby(["month", "channel"], as_index=False)["customers"].sum()
    return compute_cac(costs_of(won.customers), months)


def test_the_payback_month_of_every_channel_is_found_within_its_interval(won, cac):
    found = compute_returns(value_by_channel(won), cac).set_index("channel")
    for channel in ("ads", "shop"):
        early, late = found.loc[channel, ["payback_early", "payback_late"]]
        assert early <= true_payback(channel) <= (late if late == late else 24), channel
    assert np.isnan(true_payback("mail"))
    assert np.isnan(found.at["mail", "payback"])
    assert found.at["mail", "never"] == 1500


def test_the_value_of_a_year_is_that_of_the_truth(won):
    value = value_by_channel(won).set_index(["channel", "age"])
    for channel in TRUTH:
        assert value.at[(channel, 360), "expected"] == pytest.approx(true_value(channel, 12), rel=0.06), (
            channel
        )


def test_values_grow_with_age_and_lie_within_their_interval(won):
    value = value_by_channel(won)
    assert (value.groupby("channel")["expected"].diff().dropna() >= -1e-9).all()
    assert value["expected"].between(value["lower"], value["upper"]).all()


@pytest.mark.parametrize("drift", [0.0, 0.2])
def test_intervals_are_those_of_a_mean_plus_the_drift_between_months(drift, monkeypatch):
    rng = np.random.default_rng(4)
    later = pd.DataFrame({"customer_id": rng.integers(0, 300, 900), "day": rng.integers(0, 360, 900)})
    lines = pd.concat([pd.DataFrame({"customer_id": np.arange(300), "day": 0}), later], ignore_index=True)
    lines = lines.assign(amount=rng.gamma(2.0, 10.0, len(lines)).round(2), channel="ads")
    last = pd.DataFrame({"customer_id": [0], "day": [400], "amount": [1.0], "channel": ["ads"]})
    log = pd.concat([lines, last]).assign(
        timestamp=lambda rows: FIRST + pd.to_timedelta(rows["day"], unit="D")
    )
    monkeypatch.setattr(acquisition_value, "monthly_drift", lambda *_: drift)
    value = value_by_channel(read_won(log.drop(columns="day"), costs=Costs(margin_rate=1.0))).set_index("age")
    for age in (90, 180, 360):
        mine = value[value["channel"] == "ads"].loc[age]
        brought = lines[lines["day"] < age].groupby("customer_id")["amount"].sum()
        assert mine["expected"] == pytest.approx(brought.mean())
        error = np.sqrt(brought.var(ddof=0) / 300 + (drift * brought.mean()) ** 2)  # one month
        assert mine["upper"] - mine["expected"] == pytest.approx(1.2816 * error)
        assert mine["expected"] - mine["lower"] == pytest.approx(1.2816 * error)


def daily_orders(joined, days, last):
    """Return a log of 40 customers for each day of joining, an order of 10.00 at each age in days, up to a last day."""
    rows = [
        (f"{day}-{number}", day + age)
        for day in joined
        for number in range(40)
        for age in days
        if day + age <= last
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "day"])
    dates = FIRST + pd.to_timedelta(table["day"], unit="D")
    return table.assign(timestamp=dates, amount=10.0, channel="ads").drop(columns="day")


def test_the_drift_of_one_month_counts_less_among_several(monkeypatch):
    monkeypatch.setattr(acquisition_value, "monthly_drift", lambda *_: 0.2)
    value = value_by_channel(read_won(daily_orders([0, 31, 60, 100], [0], 400)))
    row = value[(value["channel"] == "ads") & (value["age"] == 30)].iloc[0]
    assert row["expected"] == pytest.approx(10.0)
    assert row["upper"] - row["expected"] == pytest.approx(1.2816 * 0.2 * 10.0 / np.sqrt(4), rel=1e-4)


def test_ages_that_nobody_has_reached_go_on_as_the_last_months_went():
    steady = value_by_channel(read_won(daily_orders([0], range(0, 720, 5), 400)))
    ended = value_by_channel(read_won(daily_orders([0], [*range(0, 60, 5), 400], 400)))
    at = {
        name: table[table["channel"] == "ads"].set_index("age")["expected"]
        for name, table in (("steady", steady), ("ended", ended))
    }
    assert at["steady"][720] == pytest.approx(2 * at["steady"][360], rel=0.05)
    assert at["ended"][360] == pytest.approx(120.0)
    assert at["ended"][720] == pytest.approx(120.0)


def test_earlier_months_are_judged_by_what_they_brought_up_to_the_age_itself():
    log = daily_orders(range(0, 700, 30), [0, 175], 729)
    judged = judge_earlier(read_won(log), age=180)
    assert len(judged) >= 5
    assert judged["realised"].tolist() == [20.0] * len(judged)
    assert judged["rule"].tolist() == [20.0] * len(judged)
    assert judged["expected"].tolist() == pytest.approx([20.0] * len(judged), rel=0.01)


def test_value_over_cost_is_the_value_divided_by_what_a_customer_cost():
    value = value_by_channel(read_won(daily_orders([0, 400], [0], 400)))
    won = pd.DataFrame({"month": FIRST, "channel": ["ads"], "customers": [40]})
    costs = pd.DataFrame({"month": FIRST, "channel": ["ads"], "cost": [20.0]})
    returns = compute_returns(value, compute_cac(costs, won))
    ads = returns.set_index("channel").loc["ads"]
    assert (ads["cac"], ads["value"]) == (0.5, pytest.approx(10.0))
    assert ads["ratio"] == pytest.approx(20.0)


def test_a_channel_of_few_customers_is_shrunk_to_the_shop_with_the_weight_of_fifty():
    # Credibility weights: (own sum + 50 x level x shop's rate) / (own customers + 50), level = own / expected sum.
    many = daily_orders([0], [0, 100, 400], 400)
    few = pd.DataFrame({"customer_id": [f"few-{n}" for n in range(10)], "timestamp": FIRST, "amount": 40.0})
    value = value_by_channel(read_won(pd.concat([many, few.assign(channel="few")])))
    expected = value[value["channel"] == "few"].set_index("age")["expected"]
    level = 10 * 40.0 / (10 * (16.0 + 8.0))  # the shop's 50 customers bring 16 on the first day and 8 later
    assert expected[1] == pytest.approx((400 + 50 * level * 16) / 60)
    assert expected[120] == pytest.approx((400 + 50 * level * (16 + 8)) / 60) == pytest.approx(40.0)


def test_a_band_that_nobody_has_finished_may_be_off_by_half_of_its_rate(monkeypatch):
    monkeypatch.setattr(acquisition_value, "monthly_drift", lambda *_: 0.0)
    value = value_by_channel(read_won(daily_orders([0], range(0, 720, 5), 400)))
    ads = value[value["channel"] == "ads"].set_index("age")
    rates = ads["expected"].diff()
    assert ads["upper"][390] - ads["expected"][390] == pytest.approx(0.0, abs=1e-4)  # all customers are alike
    assert ads["upper"][420] - ads["expected"][420] == pytest.approx(1.2816 * 0.5 * rates[420], rel=1e-6)
    reach = 1.2816 * 0.5 * np.hypot(rates[420], rates[450])
    assert ads["expected"][450] - ads["lower"][450] == pytest.approx(reach, rel=1e-6)


def test_the_drift_is_the_spread_of_months_over_their_mean():
    log = daily_orders([0, 31, 59, 90], [0], 90)
    log = log[log["customer_id"].str.split("-").str[1].astype(int) < 30]  # a month needs thirty customers
    end = pd.DataFrame({"customer_id": "end", "timestamp": [FIRST + pd.Timedelta(days=200)], "amount": 1.0})
    month = log["timestamp"].dt.month
    log = log.assign(amount=month.map({1: 8.0, 2: 10.0, 3: 12.0, 4: 10.0}))
    assert monthly_drift(read_won(pd.concat([log[month < 4], end]))) == pytest.approx(2.0 / 10.0)
    assert monthly_drift(read_won(pd.concat([log[month < 3], end]))) == 0.1  # two months tell nothing
    fewer = log[(month < 3) | ((month == 3) & log["customer_id"].str.endswith(("-1", "-2", "-3")))]
    assert monthly_drift(read_won(pd.concat([fewer, end]))) == 0.1  # nor does a third of three customers


def test_chance_among_the_customers_of_a_month_is_no_drift():
    log = daily_orders([0, 31, 59], [0], 59)
    number = log["customer_id"].str.split("-").str[1].astype(int)
    mean = log["timestamp"].dt.month.map({1: 8.0, 2: 10.0, 3: 12.0})
    log = log.assign(amount=mean + np.where(number % 2, 3.0, -3.0))
    end = pd.DataFrame({"customer_id": "end", "timestamp": [FIRST + pd.Timedelta(days=200)], "amount": 1.0})
    # the variance of the months' means, less 3^2 / 40 of chance in each of them
    assert monthly_drift(read_won(pd.concat([log, end]))) == pytest.approx(np.sqrt(4.0 - 9.0 / 40) / 10.0)


def test_the_bounds_of_an_earlier_month_hold_its_chance_and_the_drift(monkeypatch):
    monkeypatch.setattr(acquisition_value, "monthly_drift", lambda *_: 0.2)
    log = daily_orders(range(0, 700, 30), [0, 175], 729)
    # As the log stood on day 536, 180 days before its end: 18 days of joining, 12 of them 180 days old.
    months = pd.PeriodIndex(FIRST + pd.to_timedelta(range(0, 536, 30), unit="D"), freq="M").nunique()
    judged = judge_earlier(read_won(log), age=180)
    drift = (
        0.2 * judged["expected"] * np.sqrt(1 + 1 / months)
    )  # of the month itself, and of those it was learned from
    assert (judged["upper"] - judged["expected"]).tolist() == pytest.approx((1.2816 * drift).tolist())
    assert (judged["expected"] - judged["lower"]).tolist() == pytest.approx((1.2816 * drift).tolist())
    log["amount"] = np.where(log["customer_id"].str[-1].astype(int) % 2, 16.0, 4.0)  # 12 around a total of 20
    judged = judge_earlier(read_won(log), age=180)
    learned = 6**2 / (18 * 40) + (12**2 - 6**2) / (12 * 40)  # chance among those it was learned from, by band
    reach = 1.2816 * np.sqrt(drift**2 + 12**2 / 40 + learned)
    assert (judged["upper"] - judged["expected"]).tolist() == pytest.approx(reach.tolist())


def test_customers_of_the_opening_count_only_where_too_few_later_ones_are_old_enough():
    old = daily_orders([0], [0, 10, 40, 100, 400], 400).assign(amount=30.0)
    new = daily_orders([330], [0, 10, 40], 400)
    won = read_won(pd.concat([old, new]))
    value = value_by_channel(won, opening=91).query("channel == @BLENDED").set_index("age")
    assert value["expected"][[1, 30, 60]].tolist() == pytest.approx([10.0, 20.0, 30.0])
    # New customers spent a third of what old ones did in the bands that both finished, so half of that in log units.
    assert value["expected"][120] == pytest.approx(30.0 + 30.0 / np.sqrt(3))
    assert value["seen"][[60, 90]].tolist() == [40, 0]
    assert value["customers"].unique().tolist() == [80]
    assert value_by_channel(won).set_index("age")["expected"][30].iloc[0] == pytest.approx((60 + 20) / 2)


def test_the_value_of_new_customers_is_found_where_the_log_begins_in_the_middle_of_the_shop():
    rng = np.random.default_rng(0)
    joined = np.sort(rng.integers(-600, 500, 6000))
    stays = rng.random(6000) < 0.2  # a fifth buy every 20 days for years, the others twice a year for a while
    leaves = joined + np.where(stays, 2000, rng.exponential(60, 6000))
    count = rng.poisson((500 - joined) / np.where(stays, 20, 180))
    who = np.repeat(np.arange(6000), count)
    later = joined[who] + rng.random(len(who)) * (500 - joined[who])
    who, day = np.r_[np.arange(6000), who], np.r_[joined, later].astype(int)
    log = pd.DataFrame({"customer_id": who.astype(str), "timestamp": FIRST + pd.to_timedelta(day, unit="D")})
    log = log[(day < leaves[who]) & (day >= 0)].assign(amount=10.0)
    new = log[joined[log["customer_id"].astype(int)] >= 0]
    truth, before, found = (
        value_by_channel(read_won(part), opening=days)
        .query("channel == @BLENDED")
        .set_index("age")["expected"]
        for part, days in ((new, 0), (log, 0), (log, 91))
    )
    for age in (90, 180, 365):
        assert found[age] == pytest.approx(truth[age], rel=0.12), age
        assert before[age] > 1.25 * truth[age], age


def test_the_cost_of_a_customer_leaves_out_months_in_which_old_ones_look_new():
    months = pd.to_datetime(["2022-01-01", "2022-04-01"])
    won = pd.DataFrame({"month": months, "channel": "ads", "customers": [100, 10]})
    costs = pd.DataFrame({"month": months, "channel": "ads", "cost": [50.0, 50.0]})
    assert compute_cac(costs, won)["cac"].iloc[0] == pytest.approx(100 / 110)
    assert compute_cac(costs, won, months[1])["cac"].tolist() == [5.0, 5.0]
    assert compute_cac(costs[:1], won, months[1])["cac"].tolist() == [0.5, 0.5]  # no other month has costs


def test_a_cost_is_back_in_the_first_whole_month_whose_value_reaches_it():
    ages, amounts = [1, 30, 60, 365, 390], [1.0, 2.0, 3.0, 9.0, 9.0]
    table = pd.DataFrame({"channel": "ads", "age": ages, "customers": 7, "seen": 7})
    value = table.assign(**dict.fromkeys(("realised", "expected", "lower", "upper"), amounts))
    months = {1.0: 1.0, 2.0: 1.0, 3.0: 2.0, 3.5: 13.0}
    for cost, month in months.items():
        row = compute_returns(value, pd.DataFrame({"channel": ["ads"], "customers": 7, "cac": cost})).iloc[0]
        assert (row["payback"], row["payback_early"], row["payback_late"]) == (month, month, month), cost
        assert (row["never"], row["ratio"]) == (0, 9.0 / cost)
    lost = compute_returns(value, pd.DataFrame({"channel": ["ads"], "customers": 7, "cac": 9.5})).iloc[0]
    assert np.isnan(lost["payback"])
    assert lost["never"] == 7


def test_realised_payback_counts_ages_that_enough_customers_have_reached():
    value = pd.DataFrame({"channel": "ads", "age": [1, 30, 60, 90, 365], "customers": 80})
    value = value.assign(seen=[80, 80, 40, 3, 0], realised=[1.0, 2.0, 3.0, 50.0, np.nan])
    value = value.assign(expected=4.0, lower=4.0, upper=4.0)
    for cost, month in ((2.5, 2.0), (9.0, np.nan)):
        row = compute_returns(value, pd.DataFrame({"channel": ["ads"], "customers": 80, "cac": cost})).iloc[0]
        np.testing.assert_equal((row["payback_realised"], row["months_observed"]), (month, 2))


def test_customers_who_never_pay_back_are_those_of_the_channels_that_do_not():
    parts = {BLENDED: (10, 9.5), "ads": (7, 2.0), "tv": (3, 27.0)}
    ages = [1, 30, 365]
    value = pd.concat(
        pd.DataFrame({"channel": name, "age": ages, "customers": customers, "seen": customers})
        for name, (customers, _) in parts.items()
    ).assign(realised=5.0, expected=5.0, lower=5.0, upper=5.0)
    cac = pd.DataFrame(
        [(name, customers, each) for name, (customers, each) in parts.items()],
        columns=["channel", "customers", "cac"],
    )
    assert compute_returns(value, cac)["never"].tolist() == [3, 0, 3]


def test_every_customer_is_in_one_channel(won):
    value = value_by_channel(won)
    at = value[value["age"] == 30].set_index("channel")["customers"]
    assert at[BLENDED] == at.drop(BLENDED).sum() == 4500


def test_months_that_are_alike_have_next_to_no_drift(won):
    assert monthly_drift(won) < 0.15


def test_earlier_months_were_expected_about_right(won):
    judged = judge_earlier(won)
    assert len(judged) >= 5
    weight = judged["customers"] / judged["customers"].sum()
    assert (weight * judged["expected"]).sum() == pytest.approx((weight * judged["realised"]).sum(), rel=0.1)
    assert judged["realised"].between(judged["lower"], judged["upper"]).mean() >= 0.6


def test_of_less_than_a_month_nothing_is_expected():
    log = simulate_channels(1, each=200)
    short = log[log["timestamp"] < FIRST + pd.Timedelta(days=200)]
    assert judge_earlier(read_won(short)).empty
    with pytest.raises(InputError, match=r"observed for 30 days, but the longest here was observed for 2\d;"):
        value_by_channel(read_won(log[log["timestamp"] < FIRST + pd.Timedelta(days=25)]))


def test_what_was_known_earlier_holds_no_later_customer(won):
    then = won.before(180)
    assert then.customers["customers"].sum() < won.customers["customers"].sum()
    assert then.customers["observed"].min() >= 0
    assert then.spent["revenue"].sum() < won.spent["revenue"].sum()


def test_a_customer_of_the_day_after_is_not_known_earlier_and_one_of_the_last_day_is():
    days = pd.to_datetime(["2022-01-01", "2022-01-04", "2022-01-05", "2022-01-06"])
    log = pd.DataFrame({"customer_id": ["old", "last", "after", "end"], "timestamp": days, "amount": 5.0})
    then = read_won(log).before(2)  # as of the end of January 4
    assert then.customers[["observed", "customers"]].to_numpy().tolist() == [[1, 1], [4, 1]]
    assert then.spent[["observed", "band", "revenue"]].to_numpy().tolist() == [[1, 0, 5.0], [4, 0, 5.0]]


def test_money_counts_at_the_first_age_that_lies_beyond_its_day():
    ages = np.array([0, 1, 29, 30, 89, 90, 364, 365, 719, 720])
    log = pd.DataFrame(
        {
            "customer_id": "ann",
            "timestamp": FIRST + pd.to_timedelta(ages, unit="D"),
            "amount": 2.0 ** np.arange(len(ages)),
        }
    )
    value = value_by_channel(read_won(log)).query("channel == @BLENDED").set_index("age")["realised"]
    for age in (1, 30, 60, 90, 180, 365, 720):
        assert value[age] == log["amount"][ages < age].sum(), age


def test_reports_show_the_ages_of_one_two_three_and_six_months_one_year_and_two(won):
    ages = value_by_channel(won)["age"]
    assert sorted(set(ages[ages.isin(REPORTED_AGES)])) == [30, 60, 90, 180, 365, 720]


def test_variable_costs_are_taken_off_every_order():
    log = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b"],
            "timestamp": pd.to_datetime(["2023-01-01", "2023-01-20", "2023-03-01"]),
            "amount": [100.0, 50.0, 200.0],
        }
    )
    won = read_won(log, costs=Costs(margin_rate=0.5), per_order=3.0, share_of_amount=0.1)
    assert won.spent["revenue"].sum() == 350.0
    assert won.spent["contribution"].sum() == pytest.approx(0.4 * 350 - 9)


def test_revenue_stays_revenue_where_contribution_is_not_known():
    log = pd.DataFrame({"customer_id": ["a"], "timestamp": pd.to_datetime(["2023-01-01"]), "amount": [100.0]})
    won = read_won(log, per_order=3.0, share_of_amount=0.1)
    assert not won.known
    assert won.spent["contribution"].sum() == 100.0


def test_cost_and_customers_without_a_channel_are_a_row_of_their_own():
    month = pd.Timestamp("2022-01-01")
    costs = pd.DataFrame({"month": month, "channel": ["ads", UNATTRIBUTED], "cost": [90.0, 30.0]})
    won = pd.DataFrame({"month": month, "channel": ["ads", UNATTRIBUTED], "customers": [9, 6]})
    found = compute_cac(costs, won).set_index("channel")
    assert found.loc[BLENDED, ["customers", "cost", "cac"]].tolist() == [15, 120.0, 8.0]
    assert found.at["ads", "cac"] == 10.0
    assert found.loc[UNATTRIBUTED, ["customers", "cost"]].tolist() == [6, 30.0]
    assert np.isnan(found.at[UNATTRIBUTED, "cac"])


def test_a_channel_that_the_costs_do_not_name_has_no_cost_where_some_cost_has_no_channel():
    month = pd.Timestamp("2022-01-01")
    won = pd.DataFrame({"month": month, "channel": ["ads", "organic"], "customers": [9, 6]})
    for named in ([UNATTRIBUTED], [UNATTRIBUTED, "ads"]):
        costs = pd.DataFrame({"month": month, "channel": named, "cost": 90.0})
        found = compute_cac(costs, won).set_index("channel")
        assert found["cac"].notna().to_dict() == {
            BLENDED: True,
            "ads": "ads" in named,
            "organic": False,
            UNATTRIBUTED: False,
        }
    every = pd.DataFrame({"month": month, "channel": ["ads"], "cost": 90.0})
    assert compute_cac(every, won).set_index("channel").at["organic", "cac"] == 0.0  # nothing else was spent


def test_one_more_customer_costs_more_where_spend_wins_less_and_less():
    months = pd.date_range("2022-01-01", periods=12, freq="MS")
    spend = np.geomspace(100, 1000, 12)
    costs = pd.DataFrame({"month": months, "channel": "ads", "cost": spend})
    won = pd.DataFrame({"month": months, "channel": "ads", "customers": np.round(10 * spend**0.5)})
    row = compute_cac(costs, won).set_index("channel").loc["ads"]
    assert row["marginal_cac"] == pytest.approx(2 * row["cac"], rel=0.02)
    flat = compute_cac(costs.assign(cost=100.0), won).set_index("channel").loc["ads"]
    assert np.isnan(flat["marginal_cac"])


def test_costs_by_campaign_and_day_are_summed_by_month_and_channel():
    table = pd.DataFrame(
        {
            "date": ["2022-01-03", "2022-01-09", "2022-02-01"],
            "channel": ["ads", "ads", None],
            "campaign": ["x", "y", "z"],
            "cost": ["10", "5.5", "1"],
        }
    )
    found = check_costs(table)
    assert found[["channel", "cost"]].to_numpy().tolist() == [["ads", 15.5], [UNATTRIBUTED, 1.0]]


def test_costs_of_several_days_are_divided_among_their_months():
    until = pd.to_datetime(["2022-03-05", "2022-02-28"])
    spent = pd.DataFrame(
        {"date": pd.to_datetime(["2022-01-10", "2022-02-28"]), "until": until, "cost": [55.0, 7.0]}
    )
    daily, [sentence] = split_by_day(spent)
    assert check_costs(daily)["cost"].tolist() == [22.0, 35.0, 5.0]
    assert sentence.startswith("Costs were divided evenly from their first to their last day")
    with pytest.raises(InputError, match="begins on 2022-03-05 and ends on 2022-01-10"):
        split_by_day(spent.rename(columns={"date": "until", "until": "date"}))
    with pytest.raises(InputError, match=r"a number of 0 or more, got '-55\.0' in 2022-01"):
        split_by_day(spent.assign(cost=[-55.0, 7.0]))
    assert split_by_day(pd.concat([spent, spent]))[0]["cost"].sum() == pytest.approx(124.0)
    every_second_week = pd.DataFrame(
        {"date": pd.date_range("2022-01-03", periods=9, freq="14D"), "cost": 1.0}
    )
    assert split_by_day(every_second_week) == (every_second_week, [])


def test_costs_that_cannot_be_used_are_one_sentence():
    good = pd.DataFrame({"month": ["2022-03"], "channel": ["ads"], "cost": [5.0]})
    wrong = {
        "need the columns month": good.drop(columns="month"),
        "write months such as 2025-03": good.assign(month="March"),
        "every cost is negative or 0, such as -5 in 2022-03": good.assign(cost=-5.0),
        "must be a number of 0 or more, got 'much'": good.assign(cost="much"),
    }
    for sentence, table in wrong.items():
        with pytest.raises(InputError, match=sentence):
            check_costs(table)


def test_variable_costs_that_are_no_shares_are_refused():
    log = pd.DataFrame({"customer_id": ["a"], "timestamp": [FIRST], "amount": [5.0]})
    with pytest.raises(InputError, match=r"share_of_amount must be a share .* got 3; write 0\.03"):
        read_won(log, costs=Costs(margin_rate=0.3), share_of_amount=3.0)


def test_costs_outside_the_log_are_left_out_and_counted():
    months = pd.to_datetime(["2021-12-01", "2022-03-01", "2031-01-01"])
    costs = pd.DataFrame({"month": months, "channel": "ads", "cost": [5.0, 7.0, 11.0]})
    kept, notes = within_log(costs, FIRST, LAST)
    assert kept["cost"].tolist() == [7.0]
    assert notes == ["Costs of 16.00 fall in months outside the log and are left out: 2021-12, 2031-01."]
    with pytest.raises(InputError, match="all months of the costs lie outside the log: 2031-01 to 2031-01"):
        within_log(costs.tail(1), FIRST, LAST)


def test_costs_by_day_count_from_the_first_day_of_the_log_to_its_last():
    days = pd.DataFrame({"date": pd.date_range("2024-02-28", "2024-05-31"), "channel": "ads", "cost": 10.0})
    first, last = pd.Timestamp("2024-03-10 09:00"), pd.Timestamp("2024-05-09 18:00")
    kept, notes = within_log(days, first, last, "EUR")
    assert check_costs(kept)["cost"].tolist() == [
        220.0,
        300.0,
        90.0,
    ]  # 22 days of March, April, 9 days of May
    assert notes == [
        "Costs of 330.00 EUR fall before the log's first day, 2024-03-10, or after its last, 2024-05-09, and are left "
        "out."
    ]
    with pytest.raises(InputError, match="all days of the costs lie outside the log: 2024-05 to 2024-05"):
        within_log(days.tail(5), first, last)


def test_costs_of_a_month_that_the_log_covers_in_part_count_in_full_and_are_told():
    first, last = pd.Timestamp("2024-03-10 09:00"), pd.Timestamp("2024-05-30 18:00")
    months = pd.to_datetime(["2024-03-01", "2024-04-01", "2024-05-01"])
    for heading in ("month", "date"):  # one date per month is that of the month's costs
        kept, notes = within_log(pd.DataFrame({heading: months, "cost": [31.0, 30.0, 31.0]}), first, last)
        assert kept["cost"].sum() == 92.0
        assert [note.split(";")[0] for note in notes] == [
            "The log covers 22 of the 31 days of 2024-03, but its costs of 31.00 count in full"
        ]


def test_a_spelling_that_two_channels_share_is_left_as_it_is():
    channels = pd.Series(["E-Mail", "email", "Paid Search"])
    assert spelled_as(pd.Series(["e mail", "email", "PAID_SEARCH"]), channels).tolist() == [
        "e mail",
        "email",
        "Paid Search",
    ]
    own = pd.Series(["Télé", "?"])
    assert spelled_as(pd.Series(["TELE", "-"]), own).tolist() == ["Télé", "-"]


def test_a_channel_that_no_customer_has_is_one_sentence():
    month = pd.Timestamp("2022-01-01")
    costs = pd.DataFrame({"month": [month], "channel": ["radio"], "cost": [5.0]})
    won = pd.DataFrame({"month": [month], "channel": ["ads"], "customers": [3]})
    with pytest.raises(InputError, match="no customer came through the channel 'radio'"):
        compute_cac(costs, won)
    with pytest.raises(InputError, match="such as 'radio', but no customer has a channel; add --customers"):
        compute_cac(costs, won.assign(channel="unattributed"))


def test_two_first_channels_and_thousands_of_channels_are_one_sentence():
    log = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(150)],
            "timestamp": pd.Timestamp("2022-01-05"),
            "amount": 5.0,
        }
    )
    twice = pd.Series(["ads", "mail"], index=["c1", "c1"])
    with pytest.raises(InputError, match="customer 'c1' has two first channels, 'ads' and 'mail'"):
        read_won(log, twice)
    with pytest.raises(InputError, match="150 channels, but at most 100"):
        read_won(log, pd.Series(log["customer_id"].to_numpy(), index=log["customer_id"]))


def test_errors_of_earlier_expectations_weigh_months_by_their_customers():
    judged = pd.DataFrame(
        {
            "customers": [30, 90],
            "expected": [10.0, 20.0],
            "rule": [10.0, 10.0],
            "realised": [14.0, 14.0],
            "lower": [9.0, 15.0],
            "upper": [15.0, 25.0],
        }
    )
    assert judged_errors(judged) == pytest.approx({"bias": 0.25, "rule_bias": 10 / 14 - 1, "coverage": 0.5})
    assert all(np.isnan(error) for error in judged_errors(judged[:0]).values())
