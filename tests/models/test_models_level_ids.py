"""Replaced ids are told from a closure and from customers who come once."""

import numpy as np

from cltv_ml.models.level_candidates import CohortRevenue
from cltv_ml.models.level_ids import find_replaced_ids


def shop(every, replaced=None, days=300, open_=lambda day: True, kept=1000):
    """A customer a day who returns every so many days; from `replaced` on those of before have new ids.

    Every `kept`-th keeps the old one.
    """
    cells = []
    for joined in range(days):
        for day in range(joined, days, every):
            new = replaced is not None and joined < replaced <= day and joined % kept
            if open_(day):
                cells.append((replaced + (joined + day) % every if new else joined, day))
    first, day = np.array([cell for cell in cells if cell[0] <= cell[1]]).T
    return CohortRevenue(first, day, np.ones(len(day)), np.arange(days + 1.0))


def test_a_day_from_which_no_customer_returns_is_found():
    assert find_replaced_ids(shop(10, replaced=180)).day == 180
    assert find_replaced_ids(shop(10)) is None


def test_a_closure_and_a_shop_of_single_purchases_are_none():
    assert find_replaced_ids(shop(10, open_=lambda day: not 150 <= day < 200)) is None
    assert find_replaced_ids(shop(1000)) is None
    assert find_replaced_ids(shop(10, days=40)) is None


def test_ids_of_which_a_fifth_stay_are_found_with_their_shares():
    found = find_replaced_ids(shop(10, replaced=180, kept=5))
    assert abs(found.day - 180) <= 2
    assert found.before > 0.85
    assert 0.15 < found.after < 0.25
    assert find_replaced_ids(shop(10, replaced=180, kept=2)) is None


def test_customers_who_were_only_away_are_not_taken_for_replaced_ones():
    """For five weeks the shop sells to newcomers alone; afterwards the earlier customers are back."""
    log = shop(10)
    away = (log.first < 180) & (log.day >= 180) & (log.day < 215)
    doubled = np.where((log.first == log.day) & (log.day >= 180) & (log.day < 215), 20.0, 1.0)
    kept = CohortRevenue(log.first[~away], log.day[~away], doubled[~away], log.joined)
    assert find_replaced_ids(kept) is None
