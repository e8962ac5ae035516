"""Versions of an order, exported again at each change or in every snapshot; the latest one counts."""

from __future__ import annotations

from cltv_ml.columns.levels import SAYS_CANCELLED
from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.version_column import is_snapshot
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import Relation, keep
from cltv_ml.money import log_amount


def keep_newest(raw: Raw, lines: Lines, aside: Aside) -> list[str]:
    """Quarantine the lines of older versions of an order; return a note.

    Lines of an order with different times are not versions of it: versions repeat its products, or are the only line
    with their version, and have one date. Without a column for the version, the date distinguishes versions if each
    line of an order has a different status; a completed sale then keeps its first date.
    """
    column, recorded = raw.mapping.get("version", ""), "version" in lines.columns
    if not recorded and not _has_history(lines):
        return []
    ordered, snapshot = "order_id" in lines.columns, is_snapshot(column)
    key = "by_order" if ordered else "hash(rest_hash, customer_id_hash, product_id_hash)"
    sold = "rule is null" + (" and reading is null" if "reading" in lines.columns else "")
    last = "max(version) over (partition by key, is_return)"
    first_sale = f"min(version) filter ({sold}) over (partition by key, is_return)"
    states = keep(
        lines.marks.con,
        "states",
        "select * exclude (keeper), "
        + (
            "keeper, min(timestamp) over (partition by key) = max(timestamp) over (partition by key) as alike "
            if recorded
            else f"if(bool_or(version = keeper and {sold}) over (partition by key), {first_sale}, keeper) as keeper, "
            "count(distinct state) over (partition by key) = count(*) over (partition by key) as alike "
        )
        + f"from (select *, {last} as keeper, count(*) over (partition by key, version) > 1 as several "
        f"from (select *, {key} as key from {lines.marks} join (select source_row, timestamp, "
        f"{'version' if recorded else 'timestamp as version'}, "
        f"rest_hash, customer_id_hash, product_id_hash from {lines.parsed}) using (source_row) "
        f"where {'true' if snapshot else 'not is_return'}) where key is not null and version is not null "
        "qualify min(version) over (partition by key) < max(version) over (partition by key))",
    )
    same = "key, is_return"
    if "product_id" in lines.columns:
        same += ", by_product"
    if not recorded or ("product_id" not in lines.columns and states.holds("several")):
        same += ", money"
    old, again = states.row(
        f"select count(*), count(*) filter (again and alike) from (select *, "
        f"bool_or(version = keeper) over (partition by {same}) as again from {states}) where version <> keeper"
    )
    if not old or again < 0.8 * old:
        return []
    aside.add(
        "superseded",
        f"select source_row from {states} anti join {aside} using (source_row) where version <> keeper",
    )
    number, money = aside.taken("superseded", lines.marks)
    column, no = (column, "version") if recorded else (raw.mapping["timestamp"], "status")
    return [
        f"Column {column!r} dates the states of an order. Only the last one counts, which leaves out "
        f"{number:,} lines with a total of {log_amount(money)} (--mapping {no}= keeps every line)."
    ]


def set_undone_aside(lines: Lines, aside: Aside) -> list[str]:
    """Quarantine the sales of orders that another row marks as cancelled or refunded; return notes.

    Overlapping exports look like this: an order is completed in the first and cancelled in the second. If orders have
    several lines, an order counts as cancelled only if each of its lines occurs twice; otherwise it may be cancelled in
    part, which a note says.
    """
    if not {"state", "order_id"} <= lines.columns:
        return []
    read = "marks.reading" if "reading" in lines.columns else "cast(null as varchar)"
    sold = keep(
        lines.marks.con,
        "sold_and_undone",
        f"select source_row, by_order, marks.rule is null and {read} is null as sold, "
        "min(marks.money) over same = max(marks.money) over same as alike, hash(by_product, marks.money) as line, "
        f"coalesce({read} = 'refund' or ({SAYS_CANCELLED}), false) as undone "
        f"from {lines.parsed} as lines join {lines.marks} as marks using (source_row) "
        "where not marks.is_return and by_order in ("
        f"select by_order from {lines.marks} as marks where rule = 'not_completed' or {read} = 'refund') "
        "window same as (partition by by_order) qualify bool_or(sold) over same and bool_or(undone) over same "
        "and min(timestamp) over same = max(timestamp) over same",
    )
    several = (
        f"by_order is not null and by_order not in (select by_order from {sold} where alike) and not is_return "
        "group by by_order, state having count(distinct line_hash) > 1"
    )
    if not sold.count():
        return []
    notes: list[str] = []
    query = f"select source_row from {sold} where sold and alike"
    if lines.marks.holds(several):
        query, notes = _sold_twice(sold)
    aside.add("superseded", f"select source_row from ({query}) anti join {aside} using (source_row)")
    number, money = aside.taken("superseded", lines.marks)
    if not number:
        return notes
    return [
        "Orders with lines both as sold and as cancelled or refunded were read as cancelled, which leaves "
        f"out {number:,} lines with a total of {log_amount(money)} (--mapping status= ignores the status).",
        *notes,
    ]


def _sold_twice(sold: Relation) -> tuple[str, list[str]]:
    """Return the query for sold lines that are repeated as cancelled, in orders where all lines are, and a note.

    Orders with several different lines prove that exports overlap; orders with one line are then read the same way.
    """
    pairs = keep(
        sold.con,
        "sold_again",
        "select *, min(copies) over (partition by by_order) > 1 as twice from (select *, count(*) over one as copies, "
        "bool_or(sold) over one and bool_or(undone) over one as paired, min(line) over whole < max(line) over whole as "
        f"several from {sold} window one as (partition by by_order, line), whole as (partition by by_order)) "
        "qualify bool_or(paired) over (partition by by_order)",
    )
    proof, against, lines = pairs.row(
        "select count(distinct by_order) filter (several and twice), count(distinct by_order) filter (several and not "
        f"twice), count(*) filter (paired and sold) from {pairs}"
    )
    if proof and against <= 0.05 * (proof + against):
        return f"select source_row from {pairs} where sold and paired and twice", []
    note = (
        f"{lines:,} lines occur as sold and again, in the same order, as cancelled or refunded; they "
        "count as sold."
    )
    return f"select source_row from {pairs} where false", [note] if lines else []


def _has_history(lines: Lines) -> bool:
    """Whether some sampled orders have several dates and a different status on each line."""
    if not {"state", "order_id"} <= lines.columns:
        return False
    return lines.marks.holds(
        f"by_order % {lines.marks.count() // 100_000 + 1} = 0 and not is_return group by by_order "
        "having count(*) > 1 and count(distinct state) = count(*)"
    )
