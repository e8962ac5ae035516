"""An order that is written again whenever it changes, or in every snapshot: its newest state counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cltv_ml.data.aside import Aside
from cltv_ml.data.headings import SYNONYMS, plain_heading
from cltv_ml.data.lines import Lines
from cltv_ml.data.parse import quote
from cltv_ml.engine import Relation, keep

if TYPE_CHECKING:
    from cltv_ml.data.sources import Raw


def find_version(
    first: Relation, table: Relation, kinds: Mapping[str, str], mapping: Mapping[str, str]
) -> str:
    """Return the column that says when a line's state was recorded, where it differs within orders; else nothing.

    Without an order id a snapshot repeats lines that are equal in all other columns.
    """
    for step in SYNONYMS["version"]:
        for column in (one for one in kinds if plain_heading(one) in step.split() and kinds[one] != "empty"):
            others = [one for one in kinds if one != column]
            if column in mapping.values() or ("order_id" not in mapping and not _is_snapshot(column)):
                continue
            key = f"hash({', '.join(map(quote, [mapping['order_id']] if 'order_id' in mapping else others))})"
            if table.holds(
                f"{key} in (select {key} from {first} where {quote(column)} is not null) "
                f"group by {key} having min({quote(column)}) < max({quote(column)})"
            ):
                return column
    return ""


def keep_newest(raw: Raw, lines: Lines, aside: Aside) -> list[str]:
    """Set aside the lines of an order that a newer state of it replaces, and tell.

    Lines of one order with times of their own are no states of it: those repeat its products, or stand alone
    in their state, and have one date.
    """
    if "version" not in lines.columns:
        return []
    column, ordered = raw.mapping["version"], "order_id" in lines.columns
    key = "by_order" if ordered else "hash(rest_hash, customer_id_hash, product_id_hash)"
    returns = "true" if _is_snapshot(column) else "not is_return"
    kept = f"select *, {key} as key from {lines.marks} join (select source_row, version, timestamp, "
    kept += f"rest_hash, customer_id_hash, product_id_hash from {lines.parsed}) using (source_row) where {returns}"
    states = keep(
        lines.marks.con,
        "states",
        f"select * exclude (key), max(version) over (partition by key, is_return) as newest, "
        "    key, count(*) over (partition by key, version) > 1 as several, "
        "    min(timestamp) over (partition by key) = max(timestamp) over (partition by key) as dated "
        f"from ({kept}) where key is not null and version is not null "
        "qualify min(version) over (partition by key) < max(version) over (partition by key)",
    )
    same = "key, is_return"
    if "product_id" in lines.columns:
        same += ", by_product"
    elif states.holds("several"):
        same += ", money"
    old, again = states.row(
        f"select count(*), count(*) filter (again and dated) from (select *, "
        f"bool_or(version = newest) over (partition by {same}) as again from {states}) where version < newest"
    )
    if not old or again < 0.8 * old:
        return []
    aside.add(
        "superseded",
        f"select source_row from {states} anti join {aside} using (source_row) where version < newest",
    )
    number, money = aside.taken("superseded", lines.marks)
    return [
        f"Column {column!r} tells the states of an order apart: the newest counts, which leaves out {number:,} lines "
        f"with {money:,.2f}; --mapping version= keeps every line."
    ]


def _is_snapshot(column: str) -> bool:
    return plain_heading(column) in SYNONYMS["version"][0].split()
