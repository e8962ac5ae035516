"""Share of a year's spend that customers keep in the next: in the log, and in a forecast beyond a year."""

from __future__ import annotations

import pandas as pd

from cltv_ml.log import AnyLog, Log
from cltv_ml.models.future_value import YEAR

#: By how much more the forecast may keep than the log did before it is said: customers who stay fade more slowly.
_SAID_FROM = 0.1


def spend_kept(log: AnyLog) -> float | None:
    """Return the spend of a log's last year over that of the year before, of the customers known between the two.

    Customers won during the first of the two years spent in a part of it only, so the share is rather too high. None if
    the log is shorter than two years or nothing was spent in the first.

    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b", "c"], "amount": [10.0, 4.0, 10.0, 9.0],
    ...     "timestamp": pd.to_datetime(["2024-06-30", "2025-06-01", "2023-12-31", "2025-12-30"])})
    >>> spend_kept(log)
    0.4
    """
    log = Log.of(log)
    since, between = (log.end - pd.Timedelta(days=years * YEAR) for years in (2, 1))
    if log.first.normalize() > since:
        return None
    spent = log.connect().sql(
        f"select sum(amount) filter (timestamp < timestamp '{between}'), sum(amount) filter (timestamp >= timestamp "
        f"'{between}') from log where timestamp >= timestamp '{since}' and customer_id in (select customer_id from log "
        f"where timestamp < timestamp '{between}')"
    )
    [(before, after)] = spent.fetchall()
    return max(float(after or 0.0), 0.0) / float(before) if before and before > 0 else None


def doubt_spend_kept(path: pd.Series, kept: float | None) -> str:
    """Return a sentence if a forecast keeps far more of a year's spend than the log did; empty otherwise.

    Parameters
    ----------
    path
        Total expected within each number of days.
    kept
        The result of `spend_kept`.

    >>> doubt_spend_kept(pd.Series({365: 100.0, 730: 195.0}), 0.77).partition(".")[0]
    "From its second year on, the forecast keeps 95% of a year's spend in the next"
    >>> doubt_spend_kept(pd.Series({365: 100.0, 730: 180.0}), 0.77)
    ''
    """
    if kept is None or 2 * YEAR not in path or not path[YEAR] > 0:
        return ""
    expected = path[2 * YEAR] / path[YEAR] - 1
    if expected < kept + _SAID_FROM:
        return ""
    return (
        f"From its second year on, the forecast keeps {expected:.0%} of a year's spend in the next. In the log's last "
        f"year, customers kept {kept:.0%} of what they had spent in the year before. If that continues, the residual "
        "value is too high; state an earlier --end."
    )
