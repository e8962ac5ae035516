"""The start of a log: whether customers who had bought before it look new in its first weeks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.log import AnyLog, Log
from cltv_ml.models.arrivals import fit_arrivals
from cltv_ml.models.value_by_age import GUARD_DAYS

#: Fewest days of log: with fewer, a fading excess cannot be told from a trend.
SHORTEST_LOG = 56

#: If fewer than this share of the customers are first seen after the first days, the log is that of a panel.
_FEW_LATER = 0.15


@dataclass(frozen=True)
class LogStart:
    """What the first days of a log show; nothing where the log begins with the shop."""

    #: Days in which old customers look new, 0 if none do.
    days: int
    #: Customers first seen in these days, and the share of them who may have bought before; it is rather too high,
    #: because the excess is assumed to fade over `START_DAYS`.
    customers: int = 0
    share: float = 0.0
    #: Customers first seen after these days.
    later: int = 0

    @property
    def is_panel(self) -> bool:
        """Return whether almost no customers come after the first days, as in a panel of households."""
        return self.days > 0 and self.later < _FEW_LATER * (self.customers + self.later)

    def sentence(self, what_follows: str) -> str:
        """Return a sentence on the old customers who look new, and its consequence; empty if there are none.

        >>> LogStart(91, 1200, 0.63, 900).sentence("They count as old.")
        "Up to 65% of the 1,200 customers first seen in the log's first 91 days had bought before. They count as old."
        >>> LogStart(91, 1200, 0.63, 40).sentence("They count as old.").split("old. ")[1]
        'Only 40 customers came later, as in a panel: they may not be like those that a shop wins.'
        """
        if not self.days:
            return ""
        few = f" Only {self.later:,} customers came later, as in a panel: they may not be like those that a shop wins."
        return (
            f"Up to {max(5, 5 * round(20 * self.share))}% of the {self.customers:,} customers first seen in the log's "
            f"first {self.days} days had bought before. {what_follows}{few if self.is_panel else ''}"
        )

    def first_month(self, first: pd.Timestamp) -> pd.Timestamp:
        """Return the first month of whose days, for the most part, old customers no longer look new."""
        middle = pd.Timedelta(days=15 if self.days else 0)
        return (first + pd.Timedelta(days=self.days) + middle).to_period("M").to_timestamp()


def find_log_start(joined: np.ndarray, start: pd.Timestamp) -> LogStart:
    """Return how many customers of the first days are old, from the number first seen on each day of the log.

    If a shop is older than its log, many customers look new in the first weeks, and fewer and fewer later. A shop that
    begins with its log has no such excess. Old customers who buy less than once a year fade too slowly to be seen.
    """
    days = min(GUARD_DAYS, len(joined) // 4)
    if len(joined) < SHORTEST_LOG or not joined.any():
        return LogStart(0)
    share = fit_arrivals(joined, start, GUARD_DAYS).seen_before(days)
    if share <= 0:
        return LogStart(0)
    return LogStart(days, int(joined[:days].sum()), share, int(joined[days:].sum()))


def first_seen(log: AnyLog) -> np.ndarray:
    """Return the number of customers first seen on each day of a log."""
    log = Log.of(log)
    counts = (
        log.connect()
        .sql(
            f"select date_diff('day', date '{log.first:%Y-%m-%d}', day) as day, count(*) as customers from "
            "(select cast(min(timestamp) as date) as day from log group by customer_id) group by 1"
        )
        .fetchnumpy()
    )
    return np.bincount(
        counts["day"], counts["customers"], (log.last.normalize() - log.first.normalize()).days + 1
    )
