"""Orders to value for campaign tools: order, customer and time, read like a log."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cltv_ml.columns.parse import Columns
from cltv_ml.columns.proposal import complete
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.customers.key import match_key
from cltv_ml.data.raw import open_source
from cltv_ml.errors import InputError
from cltv_ml.sources.paths import readable
from cltv_ml.tables import YES


def read_order_dates(source: Any, customers: pd.Index) -> pd.DataFrame:
    """Return `order_id`, `customer_id` and `timestamp` of each line of a table from anything that `read` reads.

    Columns are identified by the headings of a log, the customers by their ids, and dates are read as in a log. The
    columns `first_order` and `previous_order`, which `cltv score --new-orders` writes, are read too: whether the order
    won the customer, and when the customer's one before was.

    Raises
    ------
    InputError
        The source cannot be read, a column is not clear, or a date cannot be read.

    >>> lines = pd.DataFrame({"Bestellnummer": ["7"], "Kunde": ["a"], "Bestelldatum": ["31.03.2026"]})
    >>> read_order_dates(lines, pd.Index(["a", "b"])).to_dict("records")
    [{'order_id': '7', 'customer_id': 'a', 'timestamp': Timestamp('2026-03-31 00:00:00')}]
    """
    opened = open_source(source)
    with readable(opened.table, opened.name):
        columns = Columns(opened.table, Rules())
        mapping = dict(complete(opened.table, {}).mapping)
        mapping["customer_id"] = match_key(columns, customers) or mapping.get("customer_id", "")
        missing = [name for name in _NEEDED if not mapping.get(name)]
        if missing:
            raise InputError(
                f"the orders need the columns {', '.join(_NEEDED)}, but no column is clearly the {missing[0]}; "
                f"name it {missing[0]}. Found {list(columns.kinds)}."
            )
        read = {name: getattr(columns, kind)(mapping[name]) for name, kind in _NEEDED.items()}
        if _WON_BY in columns.kinds:
            read[_WON_BY] = f"lower(cast({quote(_WON_BY)} as varchar)) in {YES}"
        if _ORDER_BEFORE in columns.kinds:
            read[_ORDER_BEFORE] = f"try_cast({quote(_ORDER_BEFORE)} as timestamp)"
        chosen = ", ".join(f"{sql} as {name}" for name, sql in read.items())
        lines = columns.table.con.sql(f"select {chosen} from {columns.table} order by source_row").df()
    unread = int(lines["timestamp"].isna().sum())
    if unread:
        row = int(lines["timestamp"].isna().argmax()) + 1
        raise InputError(
            f"the orders have no readable date in {unread:,} of {len(lines):,} rows, first in row {row} of "
            f"{mapping['timestamp']!r}; write dates such as 2026-03-01."
        )
    return lines


#: Whether an order won its customer.
_WON_BY = "first_order"

#: When the customer's order before was.
_ORDER_BEFORE = "previous_order"

#: The columns of orders, and how each is read.
_NEEDED = {"order_id": "identifier", "customer_id": "identifier", "timestamp": "timestamp"}
