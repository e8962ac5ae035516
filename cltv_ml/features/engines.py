"""The engines: the one place where the SQL of features speaks a dialect."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from cltv_ml.engine import MONEY_SCALE
from cltv_ml.features.grains import ITEM_SCALE

#: DuckDB's whole numbers of 38 digits.
WIDE = "hugeint"


def lines(columns: Collection[str], before: pd.Timestamp) -> str:
    """Return DuckDB's SQL of `lines` over the view `log`: whole numbers, nothing from `before` on."""
    chosen = [
        "cast(customer_id as varchar) as customer_id",
        "date_diff('day', date '1970-01-01', cast(timestamp as date)) as day",
        "date_diff('second', date_trunc('day', timestamp), timestamp) as second",
        "month(timestamp) as month",
        f"cast(round(amount * {MONEY_SCALE}) as bigint) as amount",
    ]
    chosen += [
        f"cast(round({name} * {MONEY_SCALE}) as bigint) as {name}"
        for name in ("discount", "cost")
        if name in columns
    ]
    if "quantity" in columns:
        chosen.append(f"cast(round(quantity * {ITEM_SCALE}) as bigint) as quantity")
    chosen += [name for name in ("order_id", "product_id", "category", "channel") if name in columns]
    seen = f"timestamp < timestamp '{before}' and customer_id is not null"
    return f"select {', '.join(chosen)} from log where {seen}"
