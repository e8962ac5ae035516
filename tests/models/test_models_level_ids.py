"""Replaced ids are told from a closure and from customers who come once."""

import numpy as np

from cltv_ml.models.level_candidates import CohortRevenue
from cltv_ml.models.level_ids import find_replaced_ids


def shop(every, replaced=None, days=300, open_=lambda day: True):
    """A customer a day who returns every so many days; from `replaced` on those of before have new ids."""
    cells = []
    for joined in range(days):
        for day in range(joined, days, every):
            new = replaced is not None and joined < replaced <= day
            if open_(day):
                cells.append((replaced + (joined + day) % every if new else joined, day))
    first, day = np.array([cell for cell in cells if cell[0] <= cell[1]]).T
    return CohortRevenue(first, day, np.ones(len(day)), np.arange(days + 1.0))


def test_a_day_from_which_no_customer_returns_is_found():
    assert find_replaced_ids(shop(10, replaced=180)) == 180
    assert find_replaced_ids(shop(10)) is None


def test_a_closure_and_a_shop_of_single_purchases_are_none():
    assert find_replaced_ids(shop(10, open_=lambda day: not 150 <= day < 200)) is None
    assert find_replaced_ids(shop(1000)) is None
    assert find_replaced_ids(shop(10, days=40)) is None
