"""The matrix of customers and items that recommendations start from."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from scipy import sparse

from cltv_ml.decisions.associations import ProductLevel
from cltv_ml.engine import frame
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.windows import to_cutoff

#: Fewest buyers of an item that may be recommended, and most items, those with most buyers.
_LEAST_BUYERS, _MOST_ITEMS = 20, 3000


@dataclass(frozen=True)
class Purchases:
    """Customers in rows, items in columns, 1 where the customer bought the item before the cutoff."""

    customers: pd.Index
    items: pd.Index
    matrix: sparse.csr_matrix

    @property
    def buyers(self) -> np.ndarray:
        """Number of customers who bought each item, shape (items,)."""
        return np.asarray(self.matrix.sum(axis=0)).ravel()


def read_purchases(
    log: AnyLog,
    cutoff: str | pd.Timestamp,
    level: ProductLevel = "product_id",
) -> Purchases:
    """Return the purchases before the cutoff of items with enough buyers, the most bought first.

    Raises
    ------
    InputError
        The log has no such column, or fewer than two items have enough buyers.
    """
    log = Log.of(log)
    con, _ = log.connect_for("cross-selling", [level])
    end = to_cutoff(cutoff)
    con.execute(
        f"create temp table bought as select distinct customer_id, {level} as item from log "
        f"where timestamp < timestamp '{end}' and {level} is not null"
    )
    items = _most_bought(con)
    if len(items) < 2:
        raise InputError(
            f"cross-selling needs two items with at least {_LEAST_BUYERS} buyers before {end:%Y-%m-%d}, found "
            f"{len(items)}; recommend categories, or use a longer log."
        )
    con.register("items", pd.DataFrame({"item": items, "place": range(len(items))}))
    customers = log.customers_before(end)
    con.register("customers", pd.DataFrame({"customer_id": customers, "row_number": range(len(customers))}))
    cells = con.sql(
        "select c.row_number, i.place from bought b join items i using (item) join customers c using (customer_id)"
    ).fetchnumpy()
    at = np.asarray(cells["row_number"]), np.asarray(cells["place"])
    matrix = sparse.csr_matrix((np.ones(len(cells["place"])), at), shape=(len(customers), len(items)))
    return Purchases(customers, pd.Index(items, name="item"), matrix)


def holds(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return whether each wanted key is among the keys, which ascend.

    >>> holds(np.array([2, 5]), np.array([[5, 1], [9, 2]])).tolist()
    [[True, False], [False, True]]
    """
    if not len(keys):
        return np.zeros(wanted.shape, dtype=bool)
    return keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted


def _most_bought(con: duckdb.DuckDBPyConnection) -> pd.Series:
    return frame(
        con.sql(
            f"select item, count(*) as buyers from bought group by 1 having count(*) >= {_LEAST_BUYERS} "
            f"order by buyers desc, item limit {_MOST_ITEMS}"
        )
    )["item"]
