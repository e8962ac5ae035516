"""Migration of customers between segments from one scoring date to the next."""

from __future__ import annotations

import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.tables import pandas_only

#: Names for customers outside the first scoring and outside the second.
ARRIVED, GONE = "(not yet a customer)", "(no longer scored)"


@pandas_only
def compute_migration(
    before: pd.Series, after: pd.Series, values: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the number of customers who moved from each segment to each: the flows of a Sankey figure.

    Columns `before`, `after`, `customers`, `share` (of the customers of `before`), and with `values` also
    `value_before` and `value_after` (currency, zero where not scored). Every customer of either date is
    in exactly one row.

    Parameters
    ----------
    before, after
        Name of the segment by customer_id at the two dates.
    values
        Columns `before` and `after`: predicted value by customer_id.

    >>> compute_migration(pd.Series({"a": "high", "b": "low"}), pd.Series({"a": "low", "c": "low"})).values.tolist()
    [['(not yet a customer)', 'low', 1, 1.0], ['high', 'low', 1, 1.0], ['low', '(no longer scored)', 1, 1.0]]
    """
    for name, scoring in (("before", before), ("after", after)):
        if not scoring.index.is_unique:
            twice = scoring.index[scoring.index.duplicated()][0]
            raise InputError(
                f"{name} lists customer {twice!r} more than once; give one segment per customer."
            )
    everybody = before.index.union(after.index)
    moved = pd.DataFrame(
        {
            "before": before.reindex(everybody).astype("str").fillna(ARRIVED),
            "after": after.reindex(everybody).astype("str").fillna(GONE),
        },
        index=everybody,
    )
    if values is not None:
        filled = values.reindex(everybody).fillna(0.0)
        moved["value_before"], moved["value_after"] = filled["before"], filled["after"]
    grouped = moved.groupby(["before", "after"], sort=True)
    flows = grouped.size().rename("customers").to_frame()
    flows["share"] = flows["customers"] / flows.groupby(level="before")["customers"].transform("sum")
    if values is not None:
        flows = flows.join(grouped[["value_before", "value_after"]].sum())
    return flows.reset_index()
