"""Share of existing customers in a month's revenue, freed of newcomers who stay away or come in crowds."""

from __future__ import annotations

import math

#: Log units by which a month's revenue may differ from growth by chance.
_WITHIN_GROWTH = math.log(2.0)


def without_newcomers(known: float, known_expected: float, revenue: float, expected: float) -> float:
    """Return the factor that takes out of the existing customers' share what the revenue undoes of its change.

    Where newcomers stop, the share rises towards one and the revenue falls as far below what growth had expected:
    nothing of it is the existing customers' doing. A revenue within a factor of two of the expected one undoes nothing.

    Parameters
    ----------
    known, known_expected
        Revenue of a month's existing customers, and that of the same month of last year times growth.
    revenue, expected
        The same of all customers.

    >>> round(without_newcomers(10.0, 10.0, 10.0, 1000.0), 4), without_newcomers(10.0, 10.0, 600.0, 1000.0)
    (0.02, 1.0)
    >>> round(without_newcomers(50.0, 10.0, 600.0, 100.0), 4)  # the share of last year serves
    1.2
    """
    if min(known, revenue, expected) <= 0:
        return 1.0
    missing = math.log(revenue / expected)
    change = math.log(known / known_expected) - missing if known_expected > 0 else math.inf
    undone = min(abs(change), max(abs(missing) - _WITHIN_GROWTH, 0.0))
    return math.exp(-math.copysign(undone, change)) if change * missing < 0 else 1.0
