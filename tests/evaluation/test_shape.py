"""The shape contest: order and shares, whatever the total."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.shape import choose_shape, shape_deviance, share_out


@pytest.fixture(scope="module")
def window():
    """Two windows of 300 customers, what they spent and who foresaw it how well."""
    rng = np.random.default_rng(3)
    index = pd.MultiIndex.from_product(
        [pd.to_datetime(["2024-01-01", "2024-04-01"]), [f"c{n}" for n in range(300)]],
        names=["cutoff", "customer_id"],
    )
    rate = rng.gamma(1.0, 20.0, 600)
    spent = pd.Series(rate * rng.exponential(1.0, 600), index=index)
    noise = pd.Series(rng.gamma(1.0, 20.0, 600), index=index)
    good = pd.Series(rate, index=index)
    return spent, pd.DataFrame({"same_rate": 0.5 * good + 0.5 * noise, "noise": noise, "good": 3 * good})


def test_the_total_does_not_decide(window):
    spent, values = window
    contest = choose_shape(values, spent, list(values))
    assert contest.verdict.champion == "good"  # three times too high in all
    assert contest.scores.at["good", "windows"] == 2


def test_the_naive_rule_is_no_refuge(window):
    spent, values = window
    contest = choose_shape(values.assign(good=0.2 * values["good"] + values["noise"]), spent, list(values))
    scores = contest.scores
    assert scores["gini"].idxmax() == "same_rate"
    assert contest.verdict.champion == "good"
    assert scores.at["same_rate", "left_out"] == "the naive rule is only a benchmark"
    assert scores.at["noise", "left_out"] == "ranking not shown to beat chance"


def test_the_naive_rule_is_named_where_no_other_beats_chance(window):
    spent, values = window
    assert (
        choose_shape(values[["same_rate", "noise"]], spent, ["same_rate", "noise"]).verdict.champion
        == "same_rate"
    )


def test_where_nothing_tells_customers_apart_the_best_shares_win_and_never_the_naive_rule(window):
    spent, values = window
    noise = values["noise"].to_numpy()
    blind = pd.DataFrame(
        {"same_rate": noise[::-1], "wild": np.roll(noise, 7), "flat": noise.mean() + 0.01 * noise},
        index=spent.index,
    )
    contest = choose_shape(blind, spent, list(blind))
    assert contest.verdict.champion == "flat"
    assert "no ranking of customers is shown to beat chance" in contest.verdict.reason
    assert contest.scores.at["same_rate", "left_out"] == "the naive rule is only a benchmark"
    assert contest.scores.at["wild", "left_out"] == ""


def test_the_naive_rule_alone_is_named(window):
    spent, values = window
    alone = values[["same_rate"]].iloc[::-1].set_axis(values.index)
    assert choose_shape(alone, spent, ["same_rate"]).verdict.champion == "same_rate"


def test_a_model_these_windows_may_not_decide_about_is_left_out(window):
    spent, values = window
    near = values.assign(near=0.8 * values["good"] + 0.2 * values["noise"])
    contest = choose_shape(near, spent, ["same_rate", "near"])
    assert contest.verdict.champion == "near"
    assert "cannot decide" in contest.scores.at["good", "left_out"]
    assert contest.scores.at["near", "wins"] == 2  # of those that may be chosen
    assert "best Gini in" not in contest.verdict.reason  # where only one may be, it is no news


def test_values_are_shared_out_at_the_realised_total(window):
    spent, values = window
    assert share_out(values, spent).sum().to_numpy() == pytest.approx(spent.sum())


def test_the_deviance_is_least_for_the_true_means(window):
    spent, values = window
    assert shape_deviance(spent, values["good"]) < shape_deviance(spent, values["same_rate"])
    assert shape_deviance(spent, spent) == pytest.approx(0.0, abs=1e-3)


def test_a_window_in_which_all_spent_the_same_cannot_be_judged(window):
    spent, values = window
    with pytest.raises(ValueError, match="no model can be judged"):
        choose_shape(values, spent * 0 + 1, list(values))


def test_among_equal_orders_the_truer_shares_win(window):
    spent, values = window
    good = values["good"]
    bent = values.assign(bent=good**2, same_rate=values["same_rate"])[["bent", "good"]]  # the same order
    assert choose_shape(bent, spent, ["bent", "good"]).verdict.champion == "good"


def test_an_order_that_is_hardly_worse_wins_with_truer_shares(window):
    spent, values = window
    good = values["good"]
    sharp = good**1.3 + 0.005 * spent  # knows a little more, and spreads the shares too far
    contest = choose_shape(pd.DataFrame({"sharp": sharp, "good": good}), spent, ["sharp", "good"])
    scores = contest.scores
    assert 0 < scores.at["sharp", "gini"] - scores.at["good", "gini"] < 0.005
    assert contest.verdict.champion == scores["deviance"].idxmin() == "good"


def test_of_models_with_the_same_shares_the_simpler_wins(window):
    spent, values = window
    alike = pd.DataFrame({"simple": values["good"], "blend": values["good"] * (1 - 1e-9)})
    assert choose_shape(alike, spent, ["simple", "blend"]).verdict.champion == "simple"


def test_shares_decide_where_the_better_order_exaggerates_them(window):
    spent, values = window
    good = values["good"]
    wild = (good + 0.05 * spent) ** 4  # a better order, nearly all of the money on a few
    contest = choose_shape(pd.DataFrame({"wild": wild, "good": good}), spent, ["wild", "good"])
    assert contest.scores["gini"].idxmax() == "wild"
    assert contest.verdict.champion == "good"
    assert "best Gini in 0 of 2 windows" in contest.verdict.reason


def one_season(skill):
    """Return a model's values and the spend: a window of a season with 80 buyers, and four with two buyers each."""
    rng = np.random.default_rng(1)
    rate, parts = rng.gamma(1.0, size=200), []
    for month, buyers in enumerate([80, 2, 2, 2, 2]):
        spent = np.zeros(200)
        chances = rate / rate.sum() if month == 0 else None  # out of season anybody buys
        spent[rng.choice(200, buyers, replace=False, p=chances)] = rng.gamma(2.0, size=buyers)
        parts.append(pd.DataFrame({"spent": spent, "value": rate**skill * rng.gamma(2.0, size=200)}))
    keys = pd.date_range("2024-01-01", periods=5, freq="91D")
    table = pd.concat(dict(zip(keys, parts, strict=True)), names=["cutoff", "customer_id"])
    return table[["value"]], table["spent"]


def test_windows_with_a_handful_of_buyers_do_not_drown_the_season():
    assert choose_shape(*one_season(1.0), ["value"]).scores.at["value", "gini_lower"] > 0
    assert choose_shape(*one_season(0.0), ["value"]).scores.at["value", "gini_lower"] < 0
