"""Whether a column holds money per item or per line, read off how it grows with the quantity."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from cltv_ml.data.mapping import ask, is_open_name
from cltv_ml.data.parse import Columns, quote
from cltv_ml.data.rules import Rules
from cltv_ml.errors import InputError

#: Fewer lines than this, whose quantity differs from the product's usual one, prove nothing.
_LINES = 30

#: The name that a column is proposed for, and what it is when it holds the other kind of money.
_OTHER = {"unit_price": "amount", "cost": "unit_cost"}


def settle_scale(
    con: duckdb.DuckDBPyConnection, mapping: Mapping[str, str], given: Mapping[str, str | None]
) -> dict[str, str]:
    """Return a proposed mapping in which a column called merely price or cost stands for what it holds.

    Within a product a price per item does not depend on how many are bought, a line's total is
    proportional to it; without products the cost is compared with the line's amount. The first 20,000
    rows decide.

    Raises
    ------
    InputError
        The column is neither clearly the one nor the other.
    """
    settled = dict(mapping)
    for name, other in _OTHER.items():
        column = mapping.get(name)
        if column is None or name in given or other in mapping or not is_open_name(column):
            continue
        growth = _growth(con, mapping, column) if "quantity" in mapping else None
        if growth is None:
            continue
        if 0.25 < growth < 0.75:
            raise InputError(
                f"column {column!r} may be money per item or per line: with twice the quantity it is "
                f"{2**growth:.2f} times as large; {ask([name, other], column)}."
            )
        if (growth > 0.5) == (name == "unit_price"):
            settled[other] = settled.pop(name)
    return settled


def _growth(con: duckdb.DuckDBPyConnection, mapping: Mapping[str, str], column: str) -> float | None:
    """Return the elasticity of a column in the quantity, 0 per item and 1 per line; None without evidence."""
    con.execute("create or replace temp table some_rows as from raw limit 20000")
    columns = Columns(con, Rules(), "some_rows", ask=False)
    value, quantity = columns.number(column), columns.number(mapping["quantity"])
    if "product_id" in mapping:
        group, per = quote(mapping["product_id"]), "1"
    elif column == mapping.get("cost") and "amount" in mapping:
        group, per = "1", columns.number(mapping["amount"])
    else:
        return None
    [(lines, slope)] = con.execute(
        f"with line as (select ln({value}) - ln({per}) as v, ln({quantity}) as q, {group} as g from some_rows "
        f"where {value} > 0 and {quantity} > 0 and {per} > 0), "
        "moved as (select v - avg(v) over (partition by g) as v, q - avg(q) over (partition by g) as q from line) "
        "select count(*) filter (where abs(q) > 1e-9), sum(v * q) / nullif(sum(q * q), 0) from moved"
    ).fetchall()
    con.execute("drop table some_rows")
    if lines < _LINES or slope is None:
        return None
    return float(slope) + (1.0 if per != "1" else 0.0)
