"""BG/BB donors and sBG cohorts: the estimates of Fader, Hardie and Shang (2010) and Fader and Hardie (2007)."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import betaln

from cltv_ml.models import BGBB, SBG, BdW

# "1995 cohort" of the public-radio donors, 11,104 customers over six years: (frequency, recency): customers
DONORS = {
    (0, 0): 3464,
    (1, 1): 1091,
    (1, 2): 277,
    (1, 3): 129,
    (1, 4): 78,
    (1, 5): 119,
    (1, 6): 129,
    (2, 2): 613,
    (2, 3): 255,
    (2, 4): 155,
    (2, 5): 173,
    (2, 6): 234,
    (3, 3): 322,
    (3, 4): 181,
    (3, 5): 225,
    (3, 6): 357,
    (4, 4): 240,
    (4, 5): 284,
    (4, 6): 512,
    (5, 5): 335,
    (5, 6): 728,
    (6, 6): 1203,
}


@pytest.fixture(scope="module")
def donors():
    table = pd.DataFrame(DONORS.keys(), columns=["frequency", "recency"]).astype(float)
    return table.assign(n_opportunities=6.0, count=list(DONORS.values()))


@pytest.fixture(scope="module")
def bgbb(donors):
    return BGBB().fit(donors, weights=donors["count"])


def test_bg_bb_parameters_are_the_published_ones(bgbb):
    published = {"alpha": 1.203522, "beta": 0.749716, "gamma": 0.656718, "delta": 2.783442}
    assert bgbb.params_ == pytest.approx(published, abs=5e-4)
    assert bgbb.log_likelihood_ == pytest.approx(-33225.5813, abs=1e-3)


def test_bg_bb_forecasts_the_published_donations(bgbb, donors):
    total = bgbb.expected_purchases(donors, 5) @ donors["count"]
    assert total == pytest.approx(12884.2, abs=0.1)


def test_bg_bb_gives_the_published_p_alive_at_the_next_opportunity(bgbb, donors):
    alive = pd.Series(bgbb.p_alive(donors, 1), index=pd.MultiIndex.from_tuples(DONORS))
    assert alive.loc[[(0, 0), (2, 4), (6, 6)]].tolist() == pytest.approx([0.11, 0.59, 0.93], abs=0.006)


def test_bg_bb_fits_the_published_histogram(bgbb):
    fitted = [11104 * bgbb.new_customer_pmf(n, 6) for n in (0, 6)]
    assert fitted == pytest.approx([3454.9, 1253.1], abs=0.1)


# customers of 1,000 who left at the first, second ... seventh renewal, and who stayed
LOST = {"high_end": [131, 126, 90, 60, 42, 34, 26, 491], "regular": [369, 163, 86, 56, 37, 27, 21, 241]}


@pytest.mark.parametrize(
    ("cohort", "alpha", "beta", "log_likelihood"),
    [("high_end", 0.668088, 3.806095, -1611.16), ("regular", 0.704077, 1.182043, -1680.27)],
)
def test_sbg_is_the_published_one(cohort, alpha, beta, log_likelihood):
    periods = pd.DataFrame({"recency": np.arange(1.0, 9), "T": 8.0})
    model = SBG().fit(periods, weights=LOST[cohort])
    assert model.params_ == pytest.approx({"alpha": alpha, "beta": beta}, abs=5e-4)
    assert model.log_likelihood_ == pytest.approx(log_likelihood, abs=0.005)


@pytest.mark.parametrize("cohort", LOST)
def test_bdw_is_the_highest_likelihood_of_its_survival_curve(cohort):
    lost = np.array(LOST[cohort])
    periods = pd.DataFrame({"recency": np.arange(1.0, 9), "T": 8.0})
    model = BdW().fit(periods, weights=lost)

    def log_likelihood(gamma, delta, c):
        """Written out with the survival function of Fader et al. (2018), equation 6."""
        alive = np.exp(betaln(gamma, delta + np.arange(8.0) ** c) - betaln(gamma, delta))
        return lost @ np.log(np.r_[-np.diff(alive), alive[-1]])

    assert model.log_likelihood_ == pytest.approx(log_likelihood(**model.params_), abs=1e-8)
    for name in model.params_:
        for factor in (0.98, 1.02):
            moved = {**model.params_, name: model.params_[name] * factor}
            assert log_likelihood(**moved) < model.log_likelihood_
    assert model.log_likelihood_ > SBG().fit(periods, weights=lost).log_likelihood_


def test_bdw_without_duration_dependence_is_sbg():
    ones = pd.DataFrame({"recency": [3.0, 8.0, 2.0], "T": [3.0, 8.0, 9.0]})
    plain = SBG().with_params({"alpha": 0.668, "beta": 3.806})
    same = BdW().with_params({"gamma": 0.668, "delta": 3.806, "c": 1.0})
    assert same.expected_purchases(ones, 12) == pytest.approx(plain.expected_purchases(ones, 12), rel=1e-12)


def test_bdw_projects_the_high_end_cohort_nearer_than_sbg():
    # percentages that were still there in years 8 to 12, which neither model has seen (Fader and Hardie, 2007, table 1)
    seen = np.array([46.8, 44.5, 42.7, 40.9, 39.4])
    periods, new = (
        pd.DataFrame({"recency": np.arange(1.0, 9), "T": 8.0}),
        pd.DataFrame({"recency": [1.0], "T": [1.0]}),
    )
    off = []
    for model in (SBG(), BdW()):
        fitted = model.fit(periods, weights=LOST["high_end"])
        off.append(np.abs([100 * fitted.p_alive(new, year)[0] for year in range(8, 13)] - seen).max())
    assert off == pytest.approx([1.6, 1.0], abs=0.05)
