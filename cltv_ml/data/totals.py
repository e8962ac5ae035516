"""Order totals on several lines of an order, counted once."""

from __future__ import annotations

import re

from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.levels import SAYS_CANCELLED
from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.words import TOTAL_WORDS
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.data.repeats import (
    doubt_undone_lines,
    look_at_orders,
    names_products,
    number_of_payments,
    repeats_totals,
    take_joined_once,
    tell_of_equal_lines,
    tell_of_lost_refunds,
    whose_money,
)
from cltv_ml.engine import MONEY_SCALE, Relation, keep, literal
from cltv_ml.money import log_amount
from cltv_ml.sources.frames import MARK

#: Headings of codes that tell an order's header from its lines, and the most codes of one.
_KINDS_OF_ROWS = re.compile("type|kind|typ$|^art$|record|^row|^line$|level|satzart|zeile|区分|种类|種別")
_MOST_KINDS = 6


def take_totals_once(raw: Raw, lines: Lines, aside: Aside, rules: Rules) -> list[str]:
    """Quarantine lines that repeat or sum up their order, or have no amount of their own; return notes.

    Raises QuestionsError if the data do not show whether amounts are per line or per order.
    """
    column = raw.mapping.get("amount", "")
    if column:
        _continue_orders(raw, lines, aside, column)
    notes = _set_grand_total_aside(lines, aside) or _set_group_totals_aside(lines, aside)
    notes = notes or _set_labelled_totals_aside(raw, lines.marks, aside)
    if rules.amount_per != "line":
        notes = notes or _set_headers_aside(raw, lines.marks, aside)
    notes += _set_parts_aside(lines, aside)
    counted = {"product_id", "quantity"} <= set(raw.mapping)
    if "order_id" not in raw.mapping or not (column or counted) or rules.amount_per == "line":
        return notes
    sample = look_at_orders(lines.marks, names_products(raw, lines))
    notes += take_joined_once(raw, aside, rules, sample)
    if not column:
        return notes
    if sample.long >= 3 and sample.summed >= 0.95 * sample.long:
        return notes + _set_sums_aside(lines.marks, aside)
    whose = rules.amount_per or whose_money(raw, rules)
    if whose == "line":
        return notes
    if whose == "order" or repeats_totals(sample, column, number_of_payments(raw)):
        notes += doubt_undone_lines(raw, lines, rules)
        repeated = _set_repeats_aside(lines, aside, column, rules)
        return [*notes, *repeated, *tell_of_lost_refunds(lines, aside)]
    return notes + tell_of_equal_lines(sample, column)


def _set_repeats_aside(lines: Lines, aside: Aside, column: str, rules: Rules) -> list[str]:
    """Keep one line per order and amount, and one refund per time; of several statuses, the final one counts."""
    advice = "" if rules.amount_per else ", or use --rule amount_per=line if each line has its own amount"
    remaining = f"{lines.marks} as marks anti join {aside} using (source_row)"
    refunded = "reading = 'refund' desc nulls last, " if "reading" in lines.columns else ""
    repeats = keep(
        lines.marks.con,
        "repeats",
        "select source_row, "
        "    row_number() over (partition by by_order, money "
        f"        order by {refunded}source_row) "
        "        as number "
        f"from {remaining} where not is_return and money > 0 and by_order is not null "
        "union all select source_row, row_number() over (partition by by_order, marks.money, timestamp order by "
        f"source_row) from {remaining} join (select source_row, timestamp from {lines.parsed}) using (source_row) "
        "where is_return and by_order is not null",
    )
    if "state" in lines.columns:  # a separate row shows that the order was finally cancelled
        cancelled = (
            f"select by_order from {lines.parsed} as lines join {lines.marks} as marks using (source_row) "
            f"where {SAYS_CANCELLED}"
        )
        aside.add(
            "not_completed",
            f"select source_row from {remaining} where not is_return and by_order in ({cancelled})",
        )
    aside.add(
        "repeated_total",
        f"select source_row from {repeats} anti join {aside} using (source_row) where number > 1",
    )
    number, money = aside.taken("repeated_total", lines.marks)
    if not number:
        return []
    return [
        f"Column {column!r} contains the order total on each line, so it counted once per order; this left "
        f"out {number:,} lines with a total of {log_amount(money)}. To keep every line, map unit_price and quantity "
        f"instead{advice}."
    ]


def _set_sums_aside(marks: Relation, aside: Aside) -> list[str]:
    """Quarantine the lines that are the sum of the other lines of their order."""
    in_orders = keep(
        marks.con,
        "in_orders",
        "select source_row, by_order, money, by_product, "
        "    count(*) over (partition by by_order) as n, sum(money) over (partition by by_order) as total, "
        "    row_number() over (partition by by_order order by source_row) as place "
        f"from {marks} anti join {aside} using (source_row) where not is_return and money > 0 "
        "and by_order is not null",
    )
    [last] = in_orders.row(
        f"select avg(cast(place = n as integer)) > 0.5 from {in_orders} where n > 2 and 2 * money = total"
    )
    lines, money = aside.add_and_count(
        "total_row",
        f"select source_row from {in_orders} where 2 * money = total and n > 1 "
        f"and (n > 2 or place = {2 if last else 1})",
        marks,
    )
    note = (
        f"{lines:,} lines with a total of {log_amount(money)} are the sum of the other lines of their order "
    )
    return [f"{note}and were quarantined."] if lines else []


def _set_grand_total_aside(lines: Lines, aside: Aside) -> list[str]:
    """Quarantine a first or last line that is the sum of all others, if labelled so or if there are many others."""
    rows, total, top = lines.marks.row(
        f"select count(*), coalesce(sum(money), 0), max(money) from {lines.marks} where rule is null"
    )
    if rows < 3 or not top or 2 * top != total:
        return []
    named = " or ".join(
        f"coalesce(regexp_full_match(lower({name}), '{TOTAL_WORDS}'), false)" for name in _names(lines)
    )
    number, money = aside.add_and_count(
        "total_row",
        f"select source_row from {lines.parsed} anti join {aside} using (source_row) "
        f"where money = {top} and ({named} or ({rows} > 7 and source_row in "
        f"(select unnest([min(source_row), max(source_row)]) from {lines.marks}))) limit 1",
        lines.marks,
    )
    return (
        [f"{number:,} line with {log_amount(money)} is the sum of all others and was quarantined."]
        if number
        else []
    )


def _names(lines: Lines) -> list[str]:
    """Return the columns that may label a row as a total."""
    return [name for name in ("customer_id", "order_id", "product_id") if name in lines.columns]


def _set_group_totals_aside(lines: Lines, aside: Aside) -> list[str]:
    """Quarantine lines labelled as totals (per customer or month, say) that equal the sum of other lines."""
    named = " or ".join(rf"regexp_matches(lower({name}), '^({TOTAL_WORDS})\b')" for name in _names(lines))
    # If there are group totals, some are among the first or last lines; so texts are rarely read for nothing.
    last = lines.tally.last
    if last is None or not lines.parsed.holds(
        f"(source_row < 20000 or source_row > {last} - 1000) and ({named})"
    ):
        return []
    totals = keep(
        lines.marks.con,
        "named_totals",
        f"select source_row, money from {lines.parsed} anti join {aside} using (source_row) "
        f"where money > 0 and coalesce({named}, false)",
    )
    rows, money = totals.row(f"select count(*), coalesce(sum(money), 0) from {totals}")
    if not rows:
        return []
    [summed] = totals.row(
        f"select coalesce(sum(money), 0) from {lines.marks} anti join {aside} using (source_row) "
        f"anti join {totals} using (source_row)"
    )
    if abs(summed - money) > 0.02 * money:
        return []
    aside.add("total_row", f"select source_row from {totals}")
    return [
        f"{rows:,} lines with a total of {log_amount(money / MONEY_SCALE)} are labelled as totals and equal "
        "the sum of other lines, so they were quarantined."
    ]


def _set_labelled_totals_aside(raw: Raw, marks: Relation, aside: Aside) -> list[str]:
    """Quarantine lines that a label calls totals if each is the sum of its order's other lines; return a note."""
    if "order_id" not in raw.mapping:
        return []
    for column, called in _labelled_columns(raw):
        totals = keep(
            marks.con, "labelled", f"select source_row from {raw.table} where coalesce({called}, false)"
        )
        orders, alike, lines, money = marks.row(
            "select count(*), count(*) filter (abs(total - rest) <= 100), sum(n), sum(total) from ("
            "select sum(money) filter (labelled.source_row is not null) as total, "
            "coalesce(sum(money) filter (labelled.source_row is null), 0) as rest, count(labelled.source_row) as n "
            f"from {marks} as marks anti join {aside} using (source_row) "
            f"left join {totals} as labelled using (source_row) where by_order is not null group by by_order) "
            "where total <> 0"
        )
        if orders and alike >= 0.95 * orders:
            aside.add("total_row", f"select source_row from {totals}")
            return [
                f"{lines:,} lines with a total of {log_amount(money / MONEY_SCALE)} are labelled as totals in "
                f"column {column!r} and sum up their orders, so they were quarantined."
            ]
    return []


def _labelled_columns(raw: Raw) -> list[tuple[str, str]]:
    """Return the unused columns that call one of the first rows a total, each with SQL for such a row.

    All are read in one query, because a wide table has many.
    """
    columns = [name for name in raw.unused if raw.table.kinds[MARK + name] == "VARCHAR"]
    if not columns:
        return []
    labels = list(map(_label, columns))
    places = raw.table.rows(
        f"select distinct place from (select unnest([{', '.join(labels)}]) as label, "
        f"unnest(range({len(columns)})) as place from {raw.table} where source_row < 20000) "
        f"where regexp_full_match(label, '{TOTAL_WORDS}') order by 1"
    )
    return [(columns[place], f"regexp_full_match({labels[place]}, '{TOTAL_WORDS}')") for [place] in places]


def _label(column: str) -> str:
    """Return SQL for a label in lower case; a mark in a column of main lines is the label of a total."""
    label = f"lower(trim({quote(column)}))"
    if plain_heading(column) != "mainline":
        return label
    return f"case when {label} in ('*', 't', 'yes', 'true') then 'total' else {label} end"


def _set_headers_aside(raw: Raw, marks: Relation, aside: Aside) -> list[str]:
    """Quarantine the header of each order, which a code tells from its lines and which sums them up; return a note."""
    if "order_id" not in raw.mapping:
        return []
    for column in (name for name in raw.unused if _KINDS_OF_ROWS.search(plain_heading(name))):
        code = f"coalesce(trim(cast({quote(column)} as varchar)), '')"
        codes = raw.table.rows(f"select distinct {code} from {raw.table} limit {_MOST_KINDS + 1}")
        if not 2 <= len(codes) <= _MOST_KINDS:
            continue
        headers = marks.rows(
            f"with coded as (select by_order, money, {code} as code from {marks} as marks anti join {aside} using "
            f"(source_row) join {raw.table} using (source_row) where by_order is not null), "
            "kinds as (select by_order, code, count(*) as n, sum(money) as money from coded group by all), "
            "orders as (select *, sum(n) over whole as lines, sum(money) over whole as total from kinds "
            "window whole as (partition by by_order)) "
            "select code, sum(money) from orders where money <> 0 group by code having bool_and(n = 1) "
            "and avg(cast(2 * money = total as integer)) >= 0.95 and count(*) filter (lines > 2) >= 2 limit 1"
        )
        for header, money in headers:
            rows = f"select source_row from {raw.table} where {code} = {literal(header)}"
            aside.add("total_row", rows)
            return [
                f"Lines with {header!r} in column {column!r}, {log_amount(int(money) / MONEY_SCALE)} in total, sum up "
                "the other lines of their orders, so they were quarantined (--rule amount_per=line keeps them)."
            ]
    return []


def _set_parts_aside(lines: Lines, aside: Aside) -> list[str]:
    """Quarantine orders that are parts of another order with the same sum, within a day; return notes."""
    if not {"cancels", "order_id"} <= lines.columns:
        return []
    parts = keep(
        lines.marks.con,
        "parts",
        "select source_row, hash(customer_id_hash, hash(cancels)) as whole, timestamp, money "
        f"from {lines.parsed} anti join {aside} using (source_row) "
        "where cancels is not null and cancels is distinct from order_id and not is_return",
    )
    wholes = keep(
        lines.marks.con,
        "wholes",
        "with summed as (select whole, sum(money) as money, min(timestamp) as first, max(timestamp) as last "
        f"    from {parts} group by 1"
        "), whole as ("
        f"    select by_order as whole, sum(marks.money) as money, min(timestamp) as day from {lines.marks} as marks "
        f"    join (select source_row, timestamp from {lines.parsed}) using (source_row) "
        f"    anti join {aside} using (source_row) "
        "    where not is_return and by_order in (select whole from summed) group by 1"
        ") select whole, summed.money = whole.money and last - day < interval 2 day and day - first < interval 2 day "
        "    as divided from summed join whole using (whole)",
    )
    orders, divided = wholes.row(f"select count(*), count(*) filter (divided) from {wholes}")
    if divided >= 0.5 * orders and divided:
        whole = f"select whole from {wholes} where divided"
        aside.add("repeated_total", f"select source_row from {parts} where whole in ({whole})")
    undivided = orders - divided if divided >= 0.5 * orders else orders
    divided_note = [
        f"{divided:,} orders occur a second time, split into parts with the same sum, so they counted once "
        "(--mapping cancels= keeps the parts)."
    ]
    parents_note = [f"{undivided:,} orders are the parent of other orders, and both count."]
    return divided_note * (divided > 0 and undivided < orders) + parents_note * (undivided > 0)


def _continue_orders(raw: Raw, lines: Lines, aside: Aside, column: str) -> None:
    """Distinguish lines without an amount, whose order has one on another line, from unreadable amounts.

    A line without an amount is a continuation only if orders have a single amount, on one of their lines.
    """
    if not lines.tally.counts_ordered("bad_amount"):
        return
    marks, bad = lines.marks, "rule = 'bad_amount' and by_order is not null"
    several, once = marks.row(
        "select count(*), count(*) filter (where amounts <= 1) from (select count(money) as amounts "
        f"from {marks} where by_order is not null and not is_return group by by_order having count(*) > 1)"
    )
    if once < 0.9 * several:  # every line has an amount, so a missing one is an error
        return
    blank = (
        f"select source_row from {raw.table} semi join (select source_row from {marks} where {bad}) "
        f"using (source_row) where coalesce(trim(cast({quote(column)} as varchar)), '') = ''"
    )
    marks.change(
        f"update {marks} set rule = 'continuation' where source_row in ({blank}) "
        f"and by_order in (select by_order from {marks} where money is not null)"
    )
    aside.table.change(
        f"update {aside} set rule = 'continuation' where source_row in "
        f"(select source_row from {marks} where rule = 'continuation')"
    )
