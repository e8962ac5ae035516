import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.compare import compare_models, compare_pair, decide_challenge
from cltv_ml.evaluation.metrics import METRICS, Targeting


def spenders(n=3_000, seed=2):
    """Return customers whose expected spend is known, and what they then spent."""
    rng = np.random.default_rng(seed)
    expected = rng.gamma(0.5, 40, n)
    return pd.Series(expected), pd.Series(rng.gamma(0.8, expected / 0.8))


def noisy(expected, spread, seed=3):
    noise = np.exp(np.random.default_rng(seed).normal(0, spread, len(expected)))
    return expected * noise * (expected.sum() / (expected * noise).sum())


def test_a_model_differs_from_itself_by_nothing():
    expected, spent = spenders()
    table = compare_pair(spent, expected, expected, draws=50)
    assert (table[["difference", "lower", "upper"]] == 0).all(axis=None)
    assert (table["better"] == "neither").all()


def test_models_a_hair_apart_are_the_same():
    expected, spent = spenders()
    table = compare_pair(spent, expected, expected * (1 + 1e-8), draws=50)
    assert (table["better"] == "neither").all()


def test_the_truth_beats_a_blurred_truth_in_order_and_error():
    expected, spent = spenders()
    table = compare_pair(spent, noisy(expected, 1.0), expected)
    assert table.loc[["gini", "mae", "wmape", "top_decile_capture"], "better"].tolist() == ["challenger"] * 4
    assert table.at["gini", "lower"] > 0 > table.at["mae", "upper"]


def test_bias_is_compared_by_its_size():
    expected, spent = spenders()
    table = compare_pair(spent, expected * 1.5, expected * 0.9)
    assert table.at["bias", "champion"] > 0.3
    assert table.at["bias", "difference"] == pytest.approx(
        abs(table.at["bias", "challenger"]) - abs(table.at["bias", "champion"])
    )
    assert table.at["bias", "better"] == "challenger"


def test_equal_models_are_told_apart_in_about_one_of_twenty_worlds():
    """Two blurs of the same truth are equally good; the 95% interval should exclude zero rarely."""
    found = []
    for world in range(40):
        expected, spent = spenders(300, seed=100 + world)
        one, other = (noisy(expected, 0.7, seed) for seed in (1_000 + world, 2_000 + world))
        table = compare_pair(spent, one, other, draws=200, seed=world)
        found.append(table.at["gini", "better"] != "neither")
    assert np.mean(found) < 0.15


def test_every_model_but_the_champion_has_a_row_per_metric():
    expected, spent = spenders(300)
    values = pd.DataFrame({"a": expected, "b": expected + 1, "c": expected * 2})
    table = compare_models(spent, values, "b", targeting=Targeting(0.1, 5.0), draws=20)
    assert table["model"].unique().tolist() == ["a", "c"]
    assert set(table["metric"]) == (METRICS.keys() - {"spearman"}) | {"profit"}


def test_a_champion_that_is_not_there_is_refused():
    expected, spent = spenders(100)
    with pytest.raises(ValueError, match="champion 'z' is not a column of values"):
        compare_models(spent, pd.DataFrame({"a": expected}), "z")


def pair(gini=(0.0, -0.01, 0.01), champion=(0.0, 0.1), challenger=(0.0, 0.1), level="neither"):
    """Return the rows of `compare_pair` that the rule reads."""
    better = "challenger" if gini[1] > 0 else "champion" if gini[2] < 0 else "neither"
    return pd.DataFrame(
        {
            "champion": [*champion, 0.7],
            "challenger": [*challenger, 0.7 + gini[0]],
            "difference": [0.0, 0.0, gini[0]],
            "lower": [0.0, 0.0, gini[1]],
            "upper": [0.0, 0.0, gini[2]],
            "better": [level, level, better],
        },
        index=["bias", "decile_mape", "gini"],
    )


def test_a_challenger_replaces_when_the_interval_excludes_zero():
    decision = decide_challenge(pair((0.02, 0.005, 0.03)))
    assert decision.replace
    assert "+0.005 to +0.030" in decision.reason


def test_a_difference_that_chance_explains_changes_nothing():
    decision = decide_challenge(pair((0.02, -0.005, 0.04)))
    assert not decision.replace
    assert "not shown to be better" in decision.reason


def test_a_simpler_challenger_replaces_at_equal_quality():
    assert decide_challenge(pair((-0.001, -0.01, 0.01)), simpler=True).replace


def test_a_simpler_challenger_that_is_worse_is_refused():
    assert not decide_challenge(pair((-0.02, -0.03, -0.01)), simpler=True).replace


def test_the_same_recipe_fitted_to_a_newer_log_replaces_at_equal_quality():
    decision = decide_challenge(pair((-0.001, -0.01, 0.01)), newer=True)
    assert decision.replace
    assert "newer at equal quality" in decision.reason


def test_a_newer_challenger_whose_level_is_shown_to_be_worse_is_refused():
    assert not decide_challenge(pair((0.0, -0.01, 0.01), level="champion"), newer=True).replace


def test_a_challenger_outside_the_bounds_is_refused_however_well_it_ranks():
    decision = decide_challenge(pair((0.1, 0.05, 0.15), challenger=(0.3, 0.1)))
    assert not decision.replace
    assert r"bias +30.0%, allowed 10%" in decision.reason


def test_a_champion_outside_the_bounds_gives_way_to_one_proven_nearer():
    outside = {"champion": (0.4, 0.5), "challenger": (0.02, 0.1)}
    assert decide_challenge(pair(**outside, level="challenger")).replace
    assert not decide_challenge(pair(**outside, level="neither")).replace


def test_a_window_without_a_buyer_keeps_the_champion():
    assert not decide_challenge(pair(challenger=(np.nan, np.nan)), simpler=True).replace


def test_an_objective_nobody_measured_is_refused():
    with pytest.raises(ValueError, match="objective 'profit' was not measured; give a Targeting"):
        decide_challenge(pair(), objective="profit")


def test_an_unknown_objective_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="Unknown objective 'mae'"):
        decide_challenge(pair(), objective="mae")
