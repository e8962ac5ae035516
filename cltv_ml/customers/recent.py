"""Attributes computed from recent purchases: they follow the log's last months far more closely than earlier ones."""

from __future__ import annotations

import pandas as pd

from cltv_ml.customers.closeness import closeness

#: Days of the windows at the end of the log that tiers, segments and flags are usually worked out from.
LAST_DAYS = (91, 182, 365)

#: Closeness to what customers spent in the last window from which a column is doubtful.
_DOUBTFUL = 0.5

#: Fewest customers for the comparison, and how much closer to the last window than to the one before is too close:
#: an attribute that is not worked out from purchases is as close to both, within the errors of two correlations.
_FEWEST, _MARGIN, _ERRORS = 100, 0.1, 1.5

_AGO = "date_diff('day', day, (select cast(max(timestamp) as date) from log))"


#: What customers spent in the last days of the log, in the year that it ends in, and in the year before.
_IN_LAST_YEAR = "date_part('year', day) = (select date_part('year', max(timestamp)) from log)"
_SUM_SPENT = "coalesce(sum(amount) filter (where {}), 0)"
LATE_SPEND = {
    **{f"spend in the last {days} days": _SUM_SPENT.format(f"{_AGO} < {days}") for days in LAST_DAYS},
    "spend in the last year of the log": _SUM_SPENT.format(f"{_IN_LAST_YEAR}"),
    "spend in the year before the last": _SUM_SPENT.format(f"{_IN_LAST_YEAR} - 1"),
}


def recent_facts() -> dict[str, str]:
    """Return SQL by name: what each customer spent late in the log, and in as many days before the last days.

    The SQL is over a customer's days of purchase: `day` and `amount` of each.
    """
    before = {
        _before(days): _SUM_SPENT.format(f"{_AGO} between {days} and {2 * days - 1}") for days in LAST_DAYS
    }
    return LATE_SPEND | before


def follow_recent_spend(values: pd.Series, joined: pd.DataFrame, end: float) -> tuple[str, float]:
    """Return what values follow if that is recent purchases, and how closely; else ("", 0).

    Only customers who first bought before both windows are compared. A country or a channel is related to their spend
    in either window; a segment computed from the last window follows only that one.

    Parameters
    ----------
    joined
        The values' customers with `recent_facts` and `first_day`.
    end
        The last day of the log.
    """
    for days in LAST_DAYS:
        known = joined["first_day"] <= end - 2 * days
        if known.sum() < _FEWEST:
            continue
        late = closeness(values[known], joined.loc[known, f"spend in the last {days} days"])
        early = closeness(values[known], joined.loc[known, _before(days)])
        if late >= _DOUBTFUL and late - early >= _MARGIN + _ERRORS / known.sum() ** 0.5:
            sentence = (
                f"what customers spent in the last {days} days of the log ({late:.0%} of the order in common) more "
                f"closely than what they spent in the {days} days before ({early:.0%})"
            )
            return sentence, late
    return "", 0.0


def _before(days: int) -> str:
    return f"spend in the {days} days before the last {days}"
