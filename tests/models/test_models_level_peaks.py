"""A first Christmas: the total does not carry a peak on that has ended, unless the log knows better."""

import numpy as np
import pytest

from cltv_ml.models.level import estimate_level, past_days
from cltv_ml.models.level_candidates import CohortRevenue
from cltv_ml.models.level_peaks import after_peak, peak_ended


def shop(days, season, fades=10.0):
    """Return a shop of 30 newcomers a day, who spend less as they age, times the season of the day."""
    first, day = (cells.ravel() for cells in np.indices((days, days)))
    some = first <= day
    first, day = first[some], day[some]
    amount = 30 / (1 + (day - first) / fades) ** 2 * season(day)
    return CohortRevenue(first, day, amount, np.arange(days + 1) * 30.0)


def christmas(day):
    """Return a factor of 3 in the four weeks before day 250 of each year."""
    return np.where((day % 364 >= 222) & (day % 364 < 250), 3.0, 1.0)


def carried_on(log, cutoff, horizon, factor):
    """Return what would be forecast by day if the peak went on."""
    truth = {day: log.revenue(day, day + horizon, known=day) for day in past_days(cutoff)}
    return {day: total * (factor if day > 222 else 1.0) for day, total in truth.items()}


def test_a_peak_that_has_ended_is_not_carried_on():
    log, cutoff = shop(360, christmas, fades=150.0), 265
    level = estimate_level(log.until(cutoff), cutoff, 60, carried_on(log, cutoff, 60, 1.6))
    true = log.revenue(cutoff, cutoff + 60, known=cutoff)
    assert not level.season_seen
    assert level.total < 1.35 * true  # 1.6 without the rule


@pytest.mark.parametrize(
    ("season", "cutoff", "horizon", "ended"),
    [
        (christmas, 265, 60, True),
        (christmas, 245, 60, False),  # it goes on
        (christmas, 350, 60, False),  # it lies a quarter back
        (christmas, 265, 300, False),  # it may come again within the horizon
        (lambda day: np.exp(day / 100), 265, 60, False),  # growth
        (lambda day: np.where(day < 250, 1.0, 0.5), 265, 60, False),  # a fall without a rise
        (lambda day: np.where(day < 250, christmas(day), 0.0), 265, 60, False),  # closed
    ],
)
def test_only_a_rise_and_a_fall_within_the_last_quarter_are_a_peak(season, cutoff, horizon, ended):
    assert peak_ended(shop(360, season), cutoff, horizon) is ended


def test_a_log_that_knows_last_years_season_keeps_its_forecast():
    log = shop(360, christmas)
    assert after_peak(log, 265, 60, 1e6, seasonal=True) == 1e6
    lowered = after_peak(log, 265, 60, 1e6, seasonal=False)
    assert lowered == pytest.approx(1e6 * np.exp(-0.35))
    assert (
        after_peak(log, 265, 60, 1e3, seasonal=False) == 1e3
    )  # it already lies below the rate since the peak


def test_a_short_log_does_not_show_what_is_usual():
    assert not peak_ended(shop(150, lambda day: np.where((day > 80) & (day < 110), 3.0, 1.0)), 130, 60)
