"""Duplicate lines: copies of an earlier line, or separate units and purchases."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.data.overlaps import find_overlaps
from cltv_ml.engine import MONEY_SCALE, Relation, keep, lend, show
from cltv_ml.money import log_amount

#: Headings of ids that a message or a line has for itself; that of an item alone names the goods.
_IDS_OF_LINES = re.compile(
    "(message|event|line|row|record|insert|hit|entry|(order|line)item|detail|position)(id|uuid|guid|key|no|number)$"
    "|^(uuid|guid|pk)$"
)

#: Share of orders with several states that shows that lines are states of orders.
_SEVERAL_STATES = 0.5

#: Number of hashes sorted at a time when looking for duplicates: 400 MB.
_HASHES_AT_ONCE = 50_000_000


def treat_duplicates(raw: Raw, lines: Lines, aside: Aside, rules: Rules) -> list[str]:
    """Quarantine lines that copy an earlier line; return notes on them and on equal lines that may be separate sales.

    A till that scans each unit writes equal lines into one receipt. A copy repeats a whole receipt, or is on other
    lines of the source than the rest of its receipt. For lines without an order id, the customer and the time of day
    identify the receipt; without either, equal lines may be purchases of the same day. If each line has an id, as
    messages and events do, equal lines are copies.
    """
    if not rules.applies("exact_duplicate"):
        return []
    notes = _set_overlaps_aside(raw, lines, aside)
    duplicates = _find_duplicates(lines.marks, aside)
    if duplicates is None or not duplicates.count():
        return notes
    if "exact_duplicate" in rules.on or _have_ids(raw, duplicates) or _hold_states(lines):
        aside.add("exact_duplicate", f"from {duplicates}")
        return notes
    receipt = _receipt(lines)
    if receipt:
        aside.add("exact_duplicate", _copies(duplicates, *receipt, "product_id" in lines.columns))
    number, money = duplicates.row(
        f"select count(*), coalesce(sum(money), 0) from {duplicates} anti join {aside} using (source_row) "
        f"join {lines.marks} using (source_row)"
    )
    if not number:
        return notes
    why = (
        "a receipt can contain the same item more than once"
        if receipt
        else "without an order id or a time of day, they may be separate purchases on that day"
    )
    return [
        *notes,
        f"{number:,} lines with a total of {log_amount(int(money) / MONEY_SCALE)} equal an earlier line and were "
        f"kept: {why} (--rule on=exact_duplicate removes them).",
    ]


def _set_overlaps_aside(raw: Raw, lines: Lines, aside: Aside) -> list[str]:
    """Quarantine lines of files that an earlier file has too, in the days of both; return a note."""
    if len(raw.starts) < 2:
        return []
    hashed = (
        "select marks.source_row, marks.line_hash, marks.money, cast(timestamp as date) as day from "
        f"{lines.marks} as marks join {lines.parsed} using (source_row) "
        f"anti join {aside} using (source_row) where marks.rule is null"
    )
    dated = show(lines.marks.con, "dated_lines", hashed)
    copies, days = find_overlaps(dated, raw.starts)
    if not days:
        return []
    number, money = dated.row(
        f"select count(*), coalesce(sum(money), 0) from {dated} semi join {copies} using (source_row)"
    )
    aside.add("exact_duplicate", f"from {copies}")
    shown = [first if first == last else f"{first} to {last}" for first, last in days[:5]]
    periods = ", ".join([*shown, *["..."] * (len(days) > 5)])
    return [
        f"Several files or sheets have the same lines in the days that they share ({periods}), "
        f"so {number:,} lines with a total of {log_amount(int(money) / MONEY_SCALE)} were counted once (--rule "
        "off=exact_duplicate counts them in each)."
    ]


def tell_of_edited(lines: Lines, aside: Aside, starts: Sequence[int]) -> list[str]:
    """Return a note on orders that occur in several files, for example because one was changed between exports.

    An order split by the end of a file occurs as one contiguous block, so it is not reported.

    Parameters
    ----------
    starts
        The `source_row` that each file begins with.
    """
    if len(starts) < 2 or "order_id" not in lines.columns:
        return []
    file = " + ".join(f"cast(source_row >= {start} as integer)" for start in starts[1:])
    orders, example, money = lines.marks.row(
        f"select count(*), min(number), sum(least) from (select min(order_id) as number, min(money) as least "
        f"from (select source_row, order_id, by_order, marks.money, timestamp, {file} as part from {lines.parsed} "
        f"join {lines.marks} as marks using (source_row) anti join {aside} using (source_row) "
        "where not marks.is_return and by_order is not null) group by by_order having count(distinct part) > 1 "
        "and count(distinct cast(timestamp as date)) = 1 and max(source_row) - min(source_row) >= count(*))"
    )
    if not orders:
        return []
    return [
        f"{orders:,} orders such as {str(example)[:30]!r} occur in several files with the same date. They "
        f"count once per file, which counts at least {log_amount(int(money) / MONEY_SCALE)} twice. If an order was "
        "changed between two exports, keep only its latest version."
    ]


def _have_ids(raw: Raw, duplicates: Relation) -> bool:
    """Whether a column has a unique id per line, which only copies share."""
    headed = [column for column in raw.unused if _IDS_OF_LINES.search(plain_heading(column))]
    counts = ", ".join(f"count(*) = count(distinct {quote(column)})" for column in headed)
    first = f"select * from {raw.table} anti join {duplicates} using (source_row) limit 100000"
    return bool(headed) and any(raw.table.row(f"select {counts} from ({first})"))


def _hold_states(lines: Lines) -> bool:
    """Whether lines are the states of whole orders, as a shop sends them again and again, so equal ones are copies."""
    if not {"state", "order_id"} <= lines.columns or {"product_id", "quantity"} & lines.columns:
        return False
    [several] = lines.marks.row(
        "select avg(cast(n > 1 as integer)) from (select count(distinct state) as n from "
        f"(from {lines.marks} limit 100000) where by_order is not null and not is_return group by by_order)"
    )
    return (several or 0) >= _SEVERAL_STATES


def _receipt(lines: Lines) -> tuple[str, Relation] | None:
    """Return SQL that identifies a line's receipt, null if nothing does, and its table; None if no line has any."""
    timed = lines.parsed.holds("timestamp <> date_trunc('day', timestamp)")
    moment = "hash(customer_id, timestamp)"
    if "order_id" not in lines.columns:
        return (moment, lines.parsed) if timed else None
    if not timed or not lines.marks.holds("by_order is null"):
        return "by_order", lines.marks
    times = f"(select source_row, {moment} as moment from {lines.parsed})"
    both = show(
        lines.marks.con,
        "receipt_lines",
        f"select marks.*, moment from {lines.marks} as marks join {times} using (source_row)",
    )
    return "coalesce(by_order, moment)", both


def _copies(duplicates: Relation, receipt: str, table: Relation, by_product: bool) -> str:
    """Return the query of duplicates that are copies, judged by their position or by whole receipts that repeat."""
    receipts = keep(
        table.con,
        "receipts",
        "with repeating as ("
        f"    select {receipt} as receipt from {table} semi join {duplicates} using (source_row)"
        "), placed as ("
        f"    select {receipt} as receipt, source_row, line_hash, source_row - lag(source_row) over "
        f"        (partition by {receipt} order by source_row) > 1 as gap "
        f"    from {table} where {receipt} in (from repeating)"
        "), blocks as ("
        "    select *, sum(cast(coalesce(gap, false) as integer)) over (partition by receipt order by source_row) "
        "        as block from placed"
        ") select *, count(*) over (partition by receipt, line_hash) as times, "
        "    min(block) over (partition by receipt, line_hash) as first_block from blocks",
    )
    if _are_whole_receipts(receipts, receipt, table, by_product):
        copied = "true"
    elif not by_product or _stand_together(table, receipt):  # a copy is then away from its receipt
        copied = f"block > 0 and receipt not in (select receipt from {receipts} where first_block > 0)"
    else:
        copied = "false"
    return f"select source_row from {duplicates} join {receipts} using (source_row) where {copied}"


def _are_whole_receipts(receipts: Relation, receipt: str, table: Relation, by_product: bool) -> bool:
    """Whether equal lines come from whole receipts that were exported twice."""
    whole, several = receipts.row(
        "select count(*) filter (where least = most), count(*) from ("
        f"select min(times) as least, max(times) as most from {receipts} group by receipt "
        "having most > 1 and count(distinct line_hash) > 1)"
    )
    if several:
        return several >= 3 and whole >= 0.8 * several
    if by_product:
        return False
    [alone] = table.row(
        "select avg(cast(n = 1 as integer)) from (select count(distinct line_hash) as n "
        f"from (from {table} limit 100000) group by {receipt})"
    )
    return alone >= 0.9


def _stand_together(table: Relation, receipt: str) -> bool:
    """Whether a receipt's products are on consecutive lines; not so in a source shuffled or sorted by product."""
    product = "by_product" if "by_product" in table.kinds else "product_id"
    [together] = table.row(
        "select avg(cast(source_row - before = 1 as integer)) from (select source_row, product, "
        "lag(source_row) over receipt as before, lag(product) over receipt as product_before "
        f"from (select *, {product} as product from {table} limit 100000) "
        f"window receipt as (partition by {receipt} order by source_row)) where product <> product_before"
    )
    return together is None or together >= 0.5


def _find_duplicates(marks: Relation, aside: Aside) -> Relation | None:
    """Return the `source_row` of lines that equal an earlier line in every column; None if there are none."""
    partitions, twice = marks.count() // _HASHES_AT_ONCE + 1, []
    for partition in range(partitions):
        query = f"select line_hash from {marks} where rule is null and line_hash % {partitions} = {partition}"
        hashes = np.sort(marks.con.sql(query).to_arrow_table()["line_hash"].to_numpy())
        twice.append(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]))
    hashes = np.concatenate(twice)
    if not len(hashes):
        return None
    repeated = lend(marks.con, "repeated", pa.table({"line_hash": hashes}))
    return keep(
        marks.con,
        "duplicates",
        "select source_row from (select source_row, "
        "row_number() over (partition by line_hash, money order by source_row) as number "
        f"from {marks} where rule is null and line_hash in (from {repeated})) where number > 1 "
        f"and source_row not in (select source_row from {aside})",
    )
