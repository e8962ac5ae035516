"""Orders that returns name: in a column, which becomes `cancels`, or in a text."""

from __future__ import annotations

from collections.abc import Mapping

from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.kinds import first_lines, look
from cltv_ml.columns.levels import MOST_LEVELS, read_levels
from cltv_ml.columns.named_orders import find_reference, find_text, named_in_text
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import id_text, quote
from cltv_ml.engine import Relation, keep, literal, quoted, show
from cltv_ml.sources.frames import MARK

#: The column of the order that a return's text names.
NAMED = "order named in text"


def read_reference(
    table: Relation,
    first: Relation,
    kinds: Mapping[str, str],
    mapping: dict[str, str],
    explicit: Mapping[str, str | None],
) -> list[str]:
    """Map the column by which returns name other orders, and that of the numbers they name; return a note."""
    order, product = mapping.get("order_id", ""), mapping.get("product_id", "")
    unused = [name for name in kinds if name not in mapping.values() and kinds[name] in ("text", "number")]
    orders = [order] if order else [] if "order_id" in explicit else unused
    if plain_heading(product) == "reference" and "product_id" not in explicit:
        unused = [*unused, product]
    if not orders or not unused or "cancels" in {*mapping, *explicit}:
        return []
    if not (returned := _find_returned(first, mapping)):
        return []
    texts = {name: id_text(name) for name in {*orders, *unused}}
    found = find_reference(
        (first, table),
        returned,
        id_text(mapping["customer_id"]),
        {name: texts[name] for name in orders},
        {name: texts[name] for name in unused},
    )
    if not found:
        return []
    mapping["order_id"], mapping["cancels"] = found
    if found[1] == product:
        del mapping["product_id"]
    return [
        f"Column {found[1]!r} refers to other orders and was read as cancels: returns name in it the {found[0]!r} that "
        "they take back (--mapping cancels= turns this off)."
    ]


def join_references(
    table: Relation, mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> tuple[Relation, str] | None:
    """Return the table with a column of the orders that texts of returns name, and a note; None without such texts."""
    first = first_lines(table)
    unused = [name for name, kind in look(first).items() if kind == "text" and name not in mapping.values()]
    if not unused or "order_id" not in mapping or "cancels" in {*mapping, *explicit}:
        return None
    if not (returned := _find_returned(first, mapping)):
        return None
    customer, order = id_text(mapping["customer_id"]), id_text(mapping["order_id"])
    if not (column := find_text(first, returned, customer, order, {name: id_text(name) for name in unused})):
        return None
    named = keep(table.con, "references", named_in_text(table, returned, customer, order, id_text(column)))
    joined = f"from {table} as lines left join {named} using (source_row)"
    note = (
        f"Texts of returns in column {column!r} name the {mapping['order_id']!r} that they take back, which was read "
        "as cancels (--mapping cancels= turns this off)."
    )
    return show(table.con, "rows", f"select lines.*, named as {quoted(MARK + NAMED)} {joined}"), note


def _find_returned(first: Relation, mapping: Mapping[str, str]) -> str:
    """Return SQL for the lines that are returns, by a negative number or the type; empty if there are none."""
    reading = Columns(first, Rules(), ask=False)
    tests = [f"{reading.number(mapping[name])} < 0" for name in ("amount", "quantity") if name in mapping]
    if "type" in mapping:
        text = f"trim(cast({quote(mapping['type'])} as varchar))"
        levels = [
            level or "" for (level,) in first.rows(f"select distinct {text} from {first} limit {MOST_LEVELS}")
        ]
        readings = zip(levels, read_levels("type", levels), strict=True)
        refunds = [literal(level) for level, meaning in readings if meaning == "refund"]
        tests += [f"{text} in ({', '.join(refunds)})"] if refunds else []
    returned = " or ".join(f"coalesce({test}, false)" for test in tests)
    return returned if "customer_id" in mapping and returned and first.holds(returned) else ""
