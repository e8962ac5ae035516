"""Changes of unit: a day from which on the amounts of all customers are another multiple of before."""

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
    """The first day of the week of the change, and the ratio of the same customers' amounts after it to before."""

    day: pd.Timestamp
    ratio: float


def find_unit_change(log: AnyLog) -> UnitChange | None:
    """Return the latest change of the unit of the amounts, None where there is none.

    A currency is replaced or loses zeros, or an export turns from cents to units. All amounts change within a week, for
    good, and by a factor that no price does: the mean log amounts of all weeks after it lie on one side, those of all
    weeks before it on the other, and the same customers pay another multiple in the quarter after it than in the one
    before.
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
    """Return the weeks at which mean log amounts jump for good, the earliest first."""
    found = []
    for place in range(_WEEKS_NEAR, len(sizes) - _WEEKS_NEAR + 1):
        before, after = sizes[place - _WEEKS_NEAR : place].mean(), sizes[place : place + _WEEKS_NEAR].mean()
        sign, middle = np.sign(after - before), (before + after) / 2
        apart = (sign * (sizes[:place] - middle) < 0).all() and (sign * (sizes[place:] - middle) > 0).all()
        if apart and abs(after - before) >= np.log(LEAST_CHANGE):
            found.append(int(weeks[place]))
    return found
