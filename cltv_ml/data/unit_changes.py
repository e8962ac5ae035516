"""Changes of unit: a day from which on all customers' amounts are a multiple of what they were before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from cltv_ml.log import AnyLog, Log

#: Smallest ratio of what the same customers pay after the change to what they paid before, or the reverse.
LEAST_CHANGE = 3.0

#: Weeks on either side whose mean amounts are compared, and fewest lines of a week that counts.
_WEEKS_NEAR = 4
_LINES_OF_A_WEEK = 10

#: Days on either side in which customers must have bought, and the fewest of these customers.
_DAYS_APART = 91
_CUSTOMERS_NEEDED = 20


class UnitChange(NamedTuple):
    """The first day of the week of the change, and the same customers' amounts after it divided by those before it."""

    day: pd.Timestamp
    ratio: float


def find_unit_change(log: AnyLog) -> UnitChange | None:
    """Return the latest change of the unit of the amounts; None if there is none.

    A currency is replaced or loses zeros, or an export changes from cents to units. All amounts then change within a
    week, permanently, and by a factor too large for a price change: the mean log amounts of all later weeks are on one
    side, those of all earlier weeks on the other, and the same customers' amounts differ by that factor between the
    quarters before and after.
    """
    log = Log.of(log)
    con, start = log.connect(), log.first.normalize()
    weeks = con.sql(
        f"select date_diff('day', timestamp '{start}', timestamp) // 7 as week, avg(ln(amount)) as size "
        f"from log where amount > 0 group by 1 having count(*) >= {_LINES_OF_A_WEEK} order by 1"
    ).fetchnumpy()
    for week in reversed(_jumps(weeks["week"], weeks["size"])):
        day = start + pd.Timedelta(days=7 * int(week))
        customers, change = con.sql(f"""
            with days as (
                select customer_id, timestamp >= timestamp '{day}' as after, sum(amount) as amount from log
                where abs(date_diff('day', timestamp '{day}', timestamp)) <= {_DAYS_APART}
                group by 1, 2, date_trunc('day', timestamp) having sum(amount) > 0
            ), customer as (
                select avg(ln(amount)) filter (where after) - avg(ln(amount)) filter (where not after) as change
                from days group by customer_id
            )
            select count(change), median(change) from customer
        """).fetchall()[0]
        if customers >= _CUSTOMERS_NEEDED and abs(change) >= np.log(LEAST_CHANGE):
            return UnitChange(day, float(np.exp(change)))
    return None


def _jumps(weeks: np.ndarray, sizes: np.ndarray) -> list[int]:
    """Return the weeks at which mean log amounts jump permanently, the earliest first."""
    jumps = []
    for week in range(_WEEKS_NEAR, len(sizes) - _WEEKS_NEAR + 1):
        before, after = sizes[week - _WEEKS_NEAR : week].mean(), sizes[week : week + _WEEKS_NEAR].mean()
        sign, middle = np.sign(after - before), (before + after) / 2
        apart = (sign * (sizes[:week] - middle) < 0).all() and (sign * (sizes[week:] - middle) > 0).all()
        if apart and abs(after - before) >= np.log(LEAST_CHANGE):
            jumps.append(int(weeks[week]))
    return jumps
