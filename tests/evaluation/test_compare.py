import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.compare import choose_champion


def scores(**models):
    return pd.DataFrame.from_dict(models, orient="index", columns=["bias", "decile_mape", "gini"])


def test_the_best_order_wins_among_models_within_bounds():
    verdict = choose_champion(scores(a=[0.05, 0.1, 0.70], b=[-0.09, 0.2, 0.75], c=[0.5, 0.1, 0.99]))
    assert verdict.champion == "b"
    assert verdict.within_bounds


def test_without_a_model_within_bounds_the_smallest_overstep_wins_and_says_so():
    verdict = choose_champion(scores(a=[0.4, 0.1, 0.9], b=[0.2, 0.3, 0.1]))
    assert verdict.champion == "b"
    assert not verdict.within_bounds
    assert "no model within bounds" in verdict.reason


def test_a_tie_goes_to_the_model_listed_first():
    assert choose_champion(scores(simple=[0.0, 0.1, 0.7], complex=[0.0, 0.1, 0.7])).champion == "simple"


def test_a_window_in_which_nobody_bought_has_no_champion():
    with pytest.raises(ValueError, match="nobody bought anything in the test window"):
        choose_champion(scores(a=[np.nan, np.nan, np.nan]))
