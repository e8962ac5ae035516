"""A sample of customers that stands for all in the bottom-up forecasts of the level."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from cltv_ml.engine import MONEY_SCALE, connect, frame, view

#: About the most customers in the bottom-up forecasts. Half of the sample of a larger log are the largest spenders,
#: because the total depends on which of them are in it.
SAMPLED_CUSTOMERS = 20_000


def sample_days(days: pa.Table, customers: int) -> tuple[pa.Table, pd.Index]:
    """Return the rows of about `SAMPLED_CUSTOMERS` customers, and the ids of the largest spenders, who are all in it.

    The others are chosen by a hash of the id. Of no more than so many `customers` all rows are returned, and no ids.
    """
    if customers <= SAMPLED_CUSTOMERS:
        return days, pd.Index([])
    con = connect()
    view(con, "days", days)
    half = SAMPLED_CUSTOMERS // 2
    con.execute(
        f"create temp table spent as select customer_id, sum(cast(round(amount * {MONEY_SCALE}) as bigint)) as total, "
        "md5_number_lower(customer_id) as hash from days group by customer_id"
    )
    con.execute(
        f"create temp table top as select customer_id from spent order by total desc, hash limit {half}"
    )
    share = f"{half / (customers - half) * 1000003:.0f}"
    some = con.sql(
        "select days.* from days semi join "
        f"(from top union select customer_id from spent where hash % 1000003 < {share}) using (customer_id)"
    ).to_arrow_table()
    return some, pd.Index(frame(con.sql("from top"))["customer_id"])


def stand_for(largest: np.ndarray, customers: int) -> np.ndarray:
    """Return how many of all `customers` each customer of a sample stands for, shape (n,).

    Those who are among the `largest` spenders stand for themselves, the others for those who were left out as well.

    >>> stand_for(np.array([False, True, False]), customers=7).tolist()
    [3.0, 1.0, 3.0]
    """
    alone = int(largest.sum())
    others = max(len(largest) - alone, 1)
    return np.where(largest, 1.0, max((customers - alone) / others, 1.0))
