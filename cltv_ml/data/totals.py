"""Order totals repeated on several lines of an order, counted once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cltv_ml.data.aside import Aside
from cltv_ml.data.headings import PER_LINE, PER_ORDER, plain_heading
from cltv_ml.data.levels import SAYS_CANCELLED
from cltv_ml.data.lines import Lines
from cltv_ml.data.parse import Columns, quote
from cltv_ml.data.questions import Question, QuestionsError
from cltv_ml.data.rules import Rules
from cltv_ml.engine import MONEY_SCALE, Relation, keep

if TYPE_CHECKING:
    from cltv_ml.data.raw import Raw

#: About so many lines, of whole orders, show whether amounts are per line or per order.
_SAMPLE_LINES = 100_000

#: Headings of tables that an order's lines are often joined to.
_JOINED = re.compile(
    "shipment|parcel|package|tracking|fulfil|deliver(y|ies)(id|no|nr|number)|payment(id|no|nr|number)|lieferschein"
)

#: What a row of totals is called.
TOTAL_WORDS = (
    "total|grand total|sub ?total|sum|summe|gesamt|gesamtsumme|zwischensumme|somme|total general|total general:|"
    "suma|totale|totaal|totals|order total|итого|合计|合計"
)


@dataclass(frozen=True)
class _OrdersSeen:
    """What a sample of orders with several lines shows."""

    orders: int  # whose lines differ in their product, or in anything where no product is named
    constant: int  # of these, with one amount on all lines
    further: int  # lines of these beyond the first of their order
    chance: float  # that two orders have the same amount
    lines: int  # of all orders
    again: (
        int  # of these, equal to an earlier line of the order in product and amount, but not in all columns
    )
    long: int  # of three lines or more
    summed: int  # of these, with one line that is the sum of the others


def take_totals_once(raw: Raw, lines: Lines, aside: Aside, rules: Rules) -> list[str]:
    """Set aside the lines that repeat their order's total, sum its lines up, or have no amount of their own.

    Raises
    ------
    QuestionsError
        The data leave open whether amounts are per line or per order.
    """
    column = raw.mapping.get("amount", "")
    if column:
        _continue_orders(raw, lines.marks, aside, column)
    notes = _set_grand_total_aside(lines, aside) or _set_group_totals_aside(lines, aside)
    notes += _set_parts_aside(lines, aside)
    counted = {"product_id", "quantity"} <= set(raw.mapping)
    if "order_id" not in raw.mapping or not (column or counted) or rules.amount_per == "line":
        return notes
    seen = _look(lines.marks, "product_id" in raw.mapping)
    joined = any(_JOINED.search(plain_heading(one)) for one in raw.unused)
    if counted and seen.again >= max(1 if joined else 3, 0.01 * seen.lines):
        notes.append(
            f"{seen.again:,} of {seen.lines:,} lines looked at repeat an earlier line of their order in product and "
            f"amount but differ in another column (not used: {', '.join(map(repr, raw.unused)) or 'none'}): if "
            "the lines were joined to another table, such as shipments or payments, they count more than once."
        )
    if not column:
        return notes
    if seen.long >= 3 and seen.summed >= 0.95 * seen.long:
        return notes + _set_sums_aside(lines.marks, aside)
    if rules.amount_per == "order" or _sums_prices(raw, rules) or _repeats(seen, column):
        return notes + _set_repeats_aside(lines, aside, column, rules)
    return notes + _tell_of_equal_lines(seen, column)


def _look(marks: Relation, by_product: bool) -> _OrdersSeen:
    sampled = (
        f"from {marks} where rule is null and not is_return and money > 0 "
        f"and by_order % {marks.count() // _SAMPLE_LINES + 1} = 0"
    )
    state = "state" if "state" in marks.kinds else "null"
    # Equal lines are gathered first, since that costs far less than counting distinct ones; two values differ where
    # the least is below the most.
    differ = "products" if by_product else "hashes > 1"
    row = marks.row(
        "with alike as materialized ("
        f"    select by_order, by_product, money, {state} as state, line_hash, count(*) as n, sum(money) as total "
        f"    {sampled} group by all"
        "), orders as ("
        "    select by_order, sum(n) as n, min(money) as least, max(money) as top, sum(total) as total, "
        "        min(by_product) < max(by_product) as products, count(*) as hashes, "
        "        min(state) < max(state) as states from alike group by 1"
        "), repeated as (select count(*) - 1 as m from alike group by by_order, by_product, money"
        f"), several as (select *, {differ} or states as differs from orders where n > 1"
        "), tops as (select count(*) as n from orders group by top"
        # Few tables are joined, of one row each: the engine weighs every order of them.
        ") select * from (select count(*) filter (differs), count(*) filter (differs and least = top), "
        "        coalesce(sum(hashes - 1) filter (differs), 0), count(*) filter (n > 2), "
        "        count(*) filter (n > 2 and 2 * top = total) from several), "
        "    (select coalesce(sum(n * (n - 1)) / nullif(sum(n) * (sum(n) - 1), 0), 0) from tops), "
        "    (select count(*), coalesce(sum(n), 0) from orders), (select coalesce(sum(m), 0) from repeated)"
    )
    orders, constant, further, long, summed, chance, all_orders, lines, again = row
    chance = max(float(chance), 1 / (all_orders + 1))
    again = int(again) if by_product else 0
    return _OrdersSeen(orders, constant, int(further), chance, int(lines), again, long, summed)


def _sums_prices(raw: Raw, rules: Rules) -> bool:
    """Whether the amount, the same on an order's lines, is what their quantities times prices sum up to."""
    names = ("order_id", "timestamp", "amount", "quantity", "unit_price")
    if not set(names) <= set(raw.mapping):
        return False
    columns = Columns(raw.table, rules, ask=False)
    order, time = (f"cast({quote(raw.mapping[name])} as varchar)" for name in names[:2])
    amount, quantity, price = (columns.number(raw.mapping[name]) for name in names[2:])
    several, summed = columns.row(
        "select count(*), count(*) filter (least = most and abs(total - most) < 0.006) from ("
        f"select min({amount}) as least, max({amount}) as most, sum({quantity} * {price}) as total "
        f"from (from {raw.table} limit 20000) where {amount} > 0 group by {order}, {time} having count(*) > 1)"
    )
    return bool(several and summed >= 0.95 * several)


def _repeats(seen: _OrdersSeen, column: str) -> bool:
    """Whether the amount is the order's: equal on the lines of nearly all orders, too often for chance."""
    if not seen.orders or seen.constant < 0.95 * seen.orders:
        return False
    by_chance = seen.chance**seen.further
    heading = plain_heading(column)
    decided, doubted = 1e-3, 0.03
    if PER_LINE.search(heading):
        decided, doubted = -1, 1e-3  # tickets of one price each are lines, too
    elif PER_ORDER.search(heading):
        decided = doubted = 1.0
    if decided < by_chance <= doubted:
        text = (
            f"column {column!r} holds the same amount on every line of the {seen.constant:,} orders whose lines "
            "differ; it may be the order's total, to be taken once, or each line's own: say --rule "
            "amount_per=order or --rule amount_per=line."
        )
        raise QuestionsError([Question(text, ("amount_per=order", "amount_per=line"))])
    return by_chance <= decided


def _tell_of_equal_lines(seen: _OrdersSeen, column: str) -> list[str]:
    """Return a note where the few orders with several lines have one amount on all of them, and each counts."""
    if not seen.orders or seen.constant < seen.orders or PER_LINE.search(plain_heading(column)):
        return []
    return [
        f"Column {column!r} holds the same amount on every line of the {seen.orders:,} orders whose lines differ, too "
        "few to show whether it is the order's total: each line counts (--rule amount_per=order takes it once)."
    ]


def _set_repeats_aside(lines: Lines, aside: Aside, column: str, rules: Rules) -> list[str]:
    """Keep one line per order and amount, and one refund of each moment; of several statuses the last word counts."""
    told = "" if rules.amount_per else ", or --rule amount_per=line if each line has its own"
    left = f"{lines.marks} as marks anti join {aside} using (source_row)"
    refunded = "reading = 'refund' desc nulls last, " if "reading" in lines.columns else ""
    repeats = keep(
        lines.marks.con,
        "repeats",
        "select source_row, "
        "    row_number() over (partition by by_order, money "
        f"        order by {refunded}source_row) "
        "        as number "
        f"from {left} where not is_return and money > 0 and by_order is not null "
        "union all select source_row, row_number() over (partition by by_order, marks.money, timestamp order by "
        f"source_row) from {left} join (select source_row, timestamp from {lines.parsed}) using (source_row) "
        "where is_return and by_order is not null",
    )
    if "state" in lines.columns:  # a status of its own row says that the order was cancelled in the end
        cancelled = (
            f"select by_order from {lines.parsed} as lines join {lines.marks} as marks using (source_row) "
            f"where {SAYS_CANCELLED}"
        )
        aside.add(
            "not_completed",
            f"select source_row from {left} where not is_return and by_order in ({cancelled})",
        )
    aside.add(
        "repeated_total",
        f"select source_row from {repeats} anti join {aside} using (source_row) where number > 1",
    )
    number, money = aside.taken("repeated_total", lines.marks)
    if not number:
        return []
    return [
        f"Column {column!r} holds the order's total on each of its lines: it was taken once, which leaves out "
        f"{number:,} lines with {money:,.2f}; map unit_price and quantity instead to keep every line{told}."
    ]


def _set_sums_aside(marks: Relation, aside: Aside) -> list[str]:
    """Set the lines aside that are the sum of the other lines of their order."""
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
    aside.add(
        "total_row",
        f"select source_row from {in_orders} where 2 * money = total and n > 1 "
        f"and (n > 2 or place = {2 if last else 1})",
    )
    lines, money = aside.taken("total_row", marks)
    return [
        f"{lines:,} lines with {money:,.2f} are the sum of the other lines of their order and were set aside."
    ]


def _set_grand_total_aside(lines: Lines, aside: Aside) -> list[str]:
    """Set aside a first or last line that is the sum of all others, where it says so or many others are."""
    rows, total, top = lines.marks.row(
        f"select count(*), coalesce(sum(money), 0), max(money) from {lines.marks} where rule is null"
    )
    if rows < 3 or not top or 2 * top != total:
        return []
    named = " or ".join(
        f"coalesce(regexp_full_match(lower({name}), '{TOTAL_WORDS}'), false)" for name in _names(lines)
    )
    aside.add(
        "total_row",
        f"select source_row from {lines.parsed} anti join {aside} using (source_row) "
        f"where money = {top} and ({named} or ({rows} > 7 and source_row in "
        f"(select unnest([min(source_row), max(source_row)]) from {lines.marks}))) limit 1",
    )
    number, money = aside.taken("total_row", lines.marks)
    return (
        [f"{number:,} line with {money:,.2f} is the sum of all others and was set aside."] if number else []
    )


def _names(lines: Lines) -> list[str]:
    """Return the columns in which a row may be called a total."""
    return [name for name in ("customer_id", "order_id", "product_id") if name in lines.columns]


def _set_group_totals_aside(lines: Lines, aside: Aside) -> list[str]:
    """Set aside the lines called totals, such as one per customer or month, where they sum the other lines up."""
    named = " or ".join(rf"regexp_matches(lower({name}), '^({TOTAL_WORDS})\b')" for name in _names(lines))
    # Totals of groups also stand among the first lines or the last ones; else no text is read in vain.
    [last] = lines.marks.row(f"select max(source_row) from {lines.marks}")
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
    [others] = totals.row(
        f"select coalesce(sum(money), 0) from {lines.marks} anti join {aside} using (source_row) "
        f"anti join {totals} using (source_row)"
    )
    if abs(others - money) > 0.02 * money:
        return []
    aside.add("total_row", f"select source_row from {totals}")
    return [
        f"{rows:,} lines with {money / MONEY_SCALE:,.2f} are called totals and sum the others up: they were set aside."
    ]


def _set_parts_aside(lines: Lines, aside: Aside) -> list[str]:
    """Set aside the orders that are the parts of another one, which they sum up within a day, and tell of others."""
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
    left = orders - divided if divided >= 0.5 * orders else orders
    told = [
        f"{divided:,} orders are written again in parts that sum them up: they were taken once (--mapping cancels= "
        "keeps the parts)."
    ]
    also = [f"{left:,} orders are named as the parent of others, which count as orders of their own, too."]
    return told * (divided > 0 and left < orders) + also * (left > 0)


def _continue_orders(raw: Raw, marks: Relation, aside: Aside, column: str) -> None:
    """Tell lines without an amount, whose order has one on another line, from amounts that cannot be read.

    Only where orders have one amount, on one of their lines, is a line without any a continuation.
    """
    bad = "rule = 'bad_amount' and by_order is not null"
    if not marks.holds(bad):
        return
    several, once = marks.row(
        "select count(*), count(*) filter (where amounts <= 1) from (select count(money) as amounts "
        f"from {marks} where by_order is not null and not is_return group by by_order having count(*) > 1)"
    )
    if once < 0.9 * several:  # each line has its amount, so that one without lacks it
        return
    blank = (
        f"select source_row from {raw.table} semi join (select source_row from {marks} where {bad}) "
        f"using (source_row) where coalesce(trim(cast({quote(column)} as varchar)), '') = ''"
    )
    marks.con.execute(
        f"update {marks} set rule = 'continuation' where source_row in ({blank}) "
        f"and by_order in (select by_order from {marks} where money is not null)"
    )
    marks.con.execute(
        f"update {aside} set rule = 'continuation' where source_row in "
        f"(select source_row from {marks} where rule = 'continuation')"
    )
