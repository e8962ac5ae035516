"""An order's total that stands on several of its lines is taken once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from cltv_ml.data.headings import PER_LINE, PER_ORDER, plain_heading
from cltv_ml.data.parse import quote
from cltv_ml.data.questions import Question, QuestionsError
from cltv_ml.data.rules import Rules
from cltv_ml.engine import MONEY_SCALE

if TYPE_CHECKING:
    from cltv_ml.data.sources import Raw

#: About so many lines, of whole orders, show whether amounts are per line or per order.
_SAMPLE = 100_000

#: What a row of totals is called.
TOTAL_WORDS = (
    "total|grand total|sub ?total|sum|summe|gesamt|gesamtsumme|zwischensumme|somme|total general|total general:|"
    "suma|totale|totaal|totals|order total|итого|合计|合計"
)


@dataclass(frozen=True)
class _Seen:
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


def take_totals_once(raw: Raw, rules: Rules) -> list[str]:
    """Set aside the lines that repeat their order's total, sum its lines up, or have no amount of their own.

    Raises
    ------
    QuestionsError
        The data leave open whether amounts are per line or per order.
    """
    con = raw.con
    notes = _continue_orders(raw)
    column = raw.mapping.get("amount", "")
    notes += _set_grand_total_aside(con) or _set_group_totals_aside(con)
    counted = {"product_id", "quantity"} <= set(raw.mapping)
    if "order_id" not in raw.mapping or not (column or counted) or rules.amount_per == "line":
        return notes
    seen = _look(con, "product_id" in raw.mapping)
    if counted and seen.again >= max(3, 0.01 * seen.lines):
        notes.append(
            f"{seen.again:,} of {seen.lines:,} lines looked at repeat an earlier line of their order in product and "
            f"amount but differ in another column (not used: {', '.join(map(repr, raw.unused)) or 'none'}): if "
            "the lines were joined to another table, such as shipments or payments, they count more than once."
        )
    if not column:
        return notes
    if seen.long >= 3 and seen.summed >= 0.95 * seen.long:
        return notes + _set_sums_aside(con)
    if rules.amount_per == "order" or _repeats(seen, column):
        return notes + _set_repeats_aside(con, column, rules)
    return notes


def _look(con: duckdb.DuckDBPyConnection, by_product: bool) -> _Seen:
    [(rows,)] = con.execute("select count(*) from marks").fetchall()
    # Two values differ where the least is below the most, which costs less than counting distinct ones.
    differ = "products" if by_product else "hashes > 1"
    [row] = con.execute(
        "with orders as ("
        "    select by_order, count(*) as n, min(money) as least, max(money) as top, sum(money) as total, "
        "        min(by_product) < max(by_product) as products, count(distinct line_hash) as hashes, "
        "        min(state) < max(state) as states "
        f"    from marks where rule is null and not is_return and money > 0 and by_order % {rows // _SAMPLE + 1} = 0 "
        "    group by 1"
        "), repeated as (select count(distinct line_hash) - 1 as m from marks where rule is null and not is_return "
        f"and money > 0 and by_order % {rows // _SAMPLE + 1} = 0 group by by_order, by_product, money "
        "having count(*) > 1"
        f"), several as (select *, {differ} or states as differs from orders where n > 1"
        "), alike as (select count(*) as n from orders group by top"
        ") select (select count(*) filter (differs) from several), "
        "    (select count(*) filter (differs and least = top) from several), "
        "    (select coalesce(sum(hashes - 1) filter (differs), 0) from several), "
        "    (select coalesce(sum(n * (n - 1)) / nullif(sum(n) * (sum(n) - 1), 0), 0) from alike), "
        "    (select count(*) from orders), (select coalesce(sum(n), 0) from orders), "
        "    (select coalesce(sum(m), 0) from repeated), "
        "    (select count(*) filter (n > 2) from several), "
        "    (select count(*) filter (n > 2 and 2 * top = total) from several)"
    ).fetchall()
    orders, constant, further, chance, all_orders, lines, again, long, summed = row
    chance = max(float(chance), 1 / (all_orders + 1))
    again = int(again) if by_product else 0
    return _Seen(orders, constant, int(further), chance, int(lines), again, long, summed)


def _repeats(seen: _Seen, column: str) -> bool:
    """Whether the amount is the order's: equal on the lines of nearly all orders, too often for chance."""
    if not seen.orders or seen.constant < 0.95 * seen.orders:
        return False
    by_chance = seen.chance**seen.further
    heading = plain_heading(column)
    decided, doubted = 1e-3, 0.03
    if PER_LINE.search(heading):
        decided, doubted = 1e-6, 1e-3
    elif PER_ORDER.search(heading):
        decided = doubted = 0.3
    if decided < by_chance <= doubted:
        text = (
            f"column {column!r} holds the same amount on every line of the {seen.constant:,} orders whose lines "
            "differ; it may be the order's total, to be taken once, or each line's own: say --rule "
            "amount_per=order or --rule amount_per=line."
        )
        raise QuestionsError([Question(text, ("amount_per=order", "amount_per=line"))])
    return by_chance <= decided


def _set_repeats_aside(con: duckdb.DuckDBPyConnection, column: str, rules: Rules) -> list[str]:
    """Keep one line per order and amount; of several statuses the last word is kept."""
    told = "" if rules.amount_per else ", or --rule amount_per=line if each line has its own"
    ends = "false"
    if "state" in {str(name) for name, *_ in con.execute("describe lines").fetchall()}:
        ends = r"regexp_matches(lines.state, '\b(cancel|annul|storn|void|geannul|отмен)')"
    con.execute(
        "create or replace temp table repeats as select source_row, "
        "    row_number() over (partition by by_order, money "
        "        order by reading = 'refund' desc nulls last, source_row) "
        "        as number "
        "from marks anti join aside using (source_row) where not is_return and money > 0 and by_order is not null"
    )
    if ends != "false":  # a status of its own row says that the order was cancelled in the end
        con.execute(
            "insert into aside select source_row, 'not_completed' from marks anti join aside using (source_row) "
            "where not is_return and by_order in ("
            f"select by_order from lines join marks using (source_row) where {ends} and marks.rule = 'not_completed')"
        )
    con.execute(
        "insert into aside select source_row, 'repeated_total' from repeats anti join aside using (source_row) "
        "where number > 1"
    )
    lines, money = _taken(con, "repeated_total")
    if not lines:
        return []
    return [
        f"Column {column!r} holds the order's total on each of its lines: it was taken once, which leaves out "
        f"{lines:,} lines with {money:,.2f}; map unit_price and quantity instead to keep every line{told}."
    ]


def _set_sums_aside(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Set the lines aside that are the sum of the other lines of their order."""
    con.execute(
        "create or replace temp table orders_lines as select source_row, by_order, money, by_product, "
        "    count(*) over (partition by by_order) as n, sum(money) over (partition by by_order) as total, "
        "    row_number() over (partition by by_order order by source_row) as place "
        "from marks anti join aside using (source_row) where not is_return and money > 0 and by_order is not null"
    )
    [(last,)] = con.execute(
        "select avg(cast(place = n as integer)) > 0.5 from orders_lines where n > 2 and 2 * money = total"
    ).fetchall()
    con.execute(
        "insert into aside select source_row, 'total_row' from orders_lines where 2 * money = total and n > 1 "
        f"and (n > 2 or place = {2 if last else 1})"
    )
    lines, money = _taken(con, "total_row")
    return [
        f"{lines:,} lines with {money:,.2f} are the sum of the other lines of their order and were set aside."
    ]


def _set_grand_total_aside(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Set aside a first or last line that is the sum of all others, where it says so or many others are."""
    rows, total, top = con.execute(
        "select count(*), coalesce(sum(money), 0), max(money) from marks where rule is null"
    ).fetchall()[0]
    if rows < 3 or not top or 2 * top != total:
        return []
    columns = {str(name) for name, *_ in con.execute("describe lines").fetchall()}
    named = " or ".join(
        f"coalesce(regexp_full_match(lower({name}), '{TOTAL_WORDS}'), false)"
        for name in ("customer_id", "order_id", "product_id")
        if name in columns
    )
    con.execute(
        "insert into aside select source_row, 'total_row' from lines anti join aside using (source_row) "
        f"where money = {top} and ({named} or ({rows} > 7 and source_row in "
        "(select unnest([min(source_row), max(source_row)]) from marks))) limit 1"
    )
    lines, money = _taken(con, "total_row")
    return [f"{lines:,} line with {money:,.2f} is the sum of all others and was set aside."] if lines else []


def _set_group_totals_aside(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Set aside the lines called totals, such as one per customer or month, where they sum the other lines up."""
    columns = {str(name) for name, *_ in con.execute("describe lines").fetchall()}
    named = " or ".join(
        rf"regexp_matches(lower({name}), '^({TOTAL_WORDS})\b')"
        for name in ("customer_id", "order_id", "product_id")
        if name in columns
    )
    # Totals of groups also stand among the first lines or the last ones; else no text is read in vain.
    [(last,)] = con.execute("select max(source_row) from marks").fetchall()
    some = (
        f"select 1 from lines where (source_row < 20000 or source_row > {last} - 1000) and ({named}) limit 1"
    )
    if last is None or not con.execute(some).fetchall():
        return []
    con.execute(
        "create or replace temp table named_totals as select source_row, money from lines anti join aside "
        f"using (source_row) where money > 0 and coalesce({named}, false)"
    )
    [(rows, money)] = con.execute("select count(*), coalesce(sum(money), 0) from named_totals").fetchall()
    if not rows:
        return []
    [(others,)] = con.execute(
        "select coalesce(sum(money), 0) from marks anti join aside using (source_row) "
        "anti join named_totals using (source_row)"
    ).fetchall()
    if abs(others - money) > 0.02 * money:
        return []
    con.execute("insert into aside select source_row, 'total_row' from named_totals")
    return [
        f"{rows:,} lines with {money / MONEY_SCALE:,.2f} are called totals and sum the others up: they were set aside."
    ]


def _continue_orders(raw: Raw) -> list[str]:
    """Tell lines without an amount, whose order has one on another line, from amounts that cannot be read.

    Only where orders have one amount, on one of their lines, is a line without any a continuation.
    """
    column = raw.mapping.get("amount")
    bad = "select source_row from marks where rule = 'bad_amount' and by_order is not null"
    if column is None or not raw.con.execute(f"{bad} limit 1").fetchall():
        return []
    [(several, once)] = raw.con.execute(
        "select count(*), count(*) filter (where amounts <= 1) from (select count(money) as amounts from marks "
        "where by_order is not null and not is_return group by by_order having count(*) > 1)"
    ).fetchall()
    if once < 0.9 * several:  # each line has its amount, so that one without lacks it
        return []
    raw.con.execute(
        "update marks set rule = 'continuation' where source_row in ("
        f"select source_row from raw semi join ({bad}) using (source_row) "
        f"where coalesce(trim(cast({quote(column)} as varchar)), '') = '') "
        "and by_order in (select by_order from marks where money is not null)"
    )
    raw.con.execute(
        "update aside set rule = 'continuation' where source_row in "
        "(select source_row from marks where rule = 'continuation')"
    )
    return []


def _taken(con: duckdb.DuckDBPyConnection, rule: str) -> tuple[int, float]:
    [(lines, money)] = con.execute(
        "select count(*), coalesce(sum(money), 0) from aside join marks using (source_row) "
        f"where aside.rule = '{rule}'"
    ).fetchall()
    return int(lines), int(money) / MONEY_SCALE
