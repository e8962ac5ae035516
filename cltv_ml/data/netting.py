"""Netting of cancellations and returns against the purchases they undo, set by set in the engine."""

from __future__ import annotations

from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.data.revisited import Revisited
from cltv_ml.engine import MONEY_SCALE, Relation, keep
from cltv_ml.money import log_amount

#: The matching rounds: the columns in which a return and its purchase must agree. Each round
#: uses only what earlier rounds left unmatched.
ROUNDS = (
    ("customer_id", "order_ref", "product_id"),
    ("customer_id", "product_id", "units", "money"),
    ("customer_id", "product_id", "units"),
    ("customer_id", "product_id"),
)

#: Within one round, returns of a customer are served by the latest purchases before them. Seen backwards
#: in time this is a queue: returns wait, purchases serve them. `open` is how many units wait; when a
#: purchase brings more than that, the surplus was not returned. What was returned lies, like the returns
#: themselves, end to end on one line of units, and purchase and return match where they overlap. One
#: purchase with one return, the most common case, needs no queue.
_MATCH = """
insert into {matched}
with taken as (
    select source_row, sum(units) as gone from (
        select sale_row as source_row, units from {matched} union all select return_row, units from {matched}
    ) group by all
), unmatched as (
    select entries.*, entries.units - coalesce(gone, 0) as left_over
    from {entries} as entries left join taken using (source_row) where {known} and left_over > 0
), grouped as materialized (
    select {key}, row_number() over () as pair, count(*) as rows, min(left_over) as units,
        max(source_row) filter (where not is_return) as sale_row,
        max(source_row) filter (where is_return) as return_row,
        max({time}) filter (where not is_return) <= max({time}) filter (where is_return) as in_order
    from unmatched group by {key} having sale_row is not null and return_row is not null
), pairs as (select * from grouped where rows > 2), candidates as (
    select source_row, is_return, {time} as timestamp, left_over, pair from unmatched join pairs using ({key})
), waiting as (
    select *, sum(if(is_return, left_over, -left_over)) over backwards as open
    from candidates
    window backwards as (partition by pair order by timestamp desc, is_return desc, source_row desc
                         rows unbounded preceding)
), lowest as (
    select *, min(least(open, 0)) over backwards as low from waiting
    window backwards as (partition by pair order by timestamp desc, is_return desc, source_row desc
                         rows unbounded preceding)
), served as (
    select * replace (left_over - (coalesce(lag(low) over backwards, 0) - low) as left_over) from lowest
    window backwards as (partition by pair order by timestamp desc, is_return desc, source_row desc)
), placed as materialized (  -- both sides below must see the same numbers of pairs
    select *, sum(left_over) over backwards as stop from served
    window backwards as (partition by pair, is_return
                         order by timestamp desc, source_row desc rows unbounded preceding)
)
select sale.source_row, back.source_row,
    least(sale.stop, back.stop) - greatest(sale.stop - sale.left_over, back.stop - back.left_over)
from placed as sale join placed as back using (pair)
where not sale.is_return and back.is_return and sale.left_over > 0
    and sale.stop - sale.left_over < back.stop and back.stop - back.left_over < sale.stop
union all select sale_row, return_row, units from grouped where rows = 2 and in_order
"""


def adopt_returns(lines: Lines, aside: Aside) -> Relation:
    """Return `source_row` and `customer_id` of returns that take the customer of their order.

    These are returns without a customer or with a placeholder, which are no longer quarantined, and returns whose order
    has another customer, such as a refund whose sender is the shop. Their marks become those of the order's customer.
    """
    con, marks = lines.marks.con, lines.marks
    adopted = keep(con, "adopted", "select 0::bigint as source_row, '' as customer_id limit 0")
    if "order_id" not in lines.columns:
        return adopted
    refers, names_order = "order_id", "false"
    if "cancels" in lines.columns:
        refers, names_order = "coalesce(cancels, order_id)", "cancels is not null and marks.rule is null"
    orphans = (
        f"select source_row, {refers} as order_ref, customer_id from {lines.parsed} as lines "
        f"join {marks} as marks using (source_row) where marks.is_return "
        f"and (marks.rule in ('missing_customer', 'placeholder_customer') or ({names_order})) "
        "and timestamp is not null and lines.money is not null"
    )
    if not marks.rows(f"{orphans} limit 1"):
        return adopted
    adopted.change(
        f"insert into {adopted} with orphans as ({orphans}), owners as ("
        "    select order_id, min(customer_id) as customer_id "
        f"    from {lines.parsed} as lines join {marks} as marks using (source_row) "
        "    where not lines.is_return and customer_id is not null "
        "    and marks.rule is distinct from 'placeholder_customer' "
        "    and order_id in (select order_ref from orphans) group by 1 having count(distinct customer_id) = 1"
        ") select source_row, owners.customer_id from orphans join owners on order_ref = order_id "
        "where owners.customer_id is distinct from orphans.customer_id"
    )
    marks.change(
        f"update {marks} set rule = null, by_order = keys.by_order, by_product = keys.by_product from ("
        f"    select source_row, hash(hash(adopted.customer_id), hash({refers})) as by_order, "
        "        hash(hash(adopted.customer_id), product_id_hash) as by_product "
        f"    from {adopted} as adopted join {lines.parsed} as lines using (source_row)) as keys "
        f"where {marks}.source_row = keys.source_row"
    )
    aside.table.change(f"delete from {aside} where source_row in (select source_row from {adopted})")
    return adopted


def nothing_reduced(lines: Lines) -> Relation:
    """Return the result of `net_returns` without any deduction."""
    return keep(
        lines.marks.con,
        "reduced",
        "select 0::bigint as source_row, 0::double as units_share, 0::bigint as money, false as undone limit 0",
    )


def net_returns(entries: Relation, match: bool) -> tuple[Relation, Relation]:
    """Return the deductions for returns, and what came back when (see `_date_returns`).

    The deductions have `source_row`, `units_share` (the share of the line's units that remains), `money` (what remains
    of the line in integer minor units; returns are negative) and `undone` (nothing remains).

    A return is deducted from the order it names (`cancels`, or its own `order_id`), whatever the dates: from the line
    of its product or, if the order does not have it, as with a coupon, from all lines in proportion to their money.
    Other returns are deducted from the same customer's latest earlier purchases of the same product: first of the same
    quantity and price, then of the same quantity, then of any that stands: an order cancelled by its own status or date
    can be undone only by a return that equals it. A return dated at midnight can be from any time of that
    day. Without `product_id`, any purchase of the customer qualifies, and money is counted instead of units, as it is
    without `quantity`: one item of 7.00 does not offset one of 10.00. A purchase loses what was credited, never more
    than it cost.

    Parameters
    ----------
    entries
        The returns and what they may undo, see `collect_entries`.
    match
        Whether returns look for their purchase at all.
    """
    con, none = entries.con, "0::bigint as source_row, 0::bigint as money, 0::double as share limit 0"
    matched = keep(
        con, "matched", "select 0::bigint as sale_row, 0::bigint as return_row, 0::hugeint as units limit 0"
    )
    credits = keep(con, "credits", f"select {none}")
    if match and _name_orders_of_sales(entries):
        _match(_at_order_times(entries), matched, ROUNDS[0], "order_time", "true")
        _credit_orders(entries, matched, credits)
    for key in ROUNDS[1:] if match else ():
        not_credited = f"source_row not in (select source_row from {credits} where share is not null)"
        if _is_open(entries, matched, not_credited):
            test = f"{not_credited} and not void" if key == ROUNDS[-1] else not_credited
            _match(entries, matched, key, "timestamp", test)
    return _reduce(entries, matched, credits), _date_returns(entries, matched, credits)


def _match(entries: Relation, matched: Relation, key: tuple[str, ...], time: str, test: str) -> None:
    """Add to `matched` the units that purchases and returns with the same key share, if they pass a test."""
    condition = " and ".join([test, *(f"{name} is not null" for name in key)])
    if entries.holds(f"is_return and {condition}"):
        named = {"entries": entries, "matched": matched}
        matched.change(_MATCH.format(key=", ".join(key), known=condition, time=time, **named))


def _name_orders_of_sales(entries: Relation) -> bool:
    """Whether any return names an order with a purchase by the same customer."""
    sales = f"select (customer_id, order_ref) from {entries} where not is_return and order_ref is not null"
    return entries.holds(f"is_return and order_ref is not null and (customer_id, order_ref) in ({sales})")


def _at_order_times(entries: Relation) -> Relation:
    """Return the entries with `order_time`: the return of an order is dated no earlier than its last purchase."""
    return keep(
        entries.con,
        "entries",
        "select *, greatest(timestamp, max(timestamp) filter (where not is_return) "
        f"over (partition by customer_id, order_ref)) as order_time from {entries}",
    )


def _is_open(entries: Relation, matched: Relation, test: str) -> bool:
    """Whether a return that passes a test has unmatched units."""
    matched_units = f"select return_row as source_row, sum(units) as found from {matched} group by 1"
    return bool(
        entries.rows(
            f"select 1 from {entries} as entries left join ({matched_units}) using (source_row) "
            f"where is_return and {test} and coalesce(units > coalesce(found, 0), false) limit 1"
        )
    )


def _find_candidates(marks: Relation) -> Relation:
    """Return the `source_row` of returns and of all lines that they may offset."""
    returned = f"from {marks} where is_return and rule is null"
    parts = [
        f"select source_row from {marks} where {key} in (select {key} {returned})"
        for key in ("by_product", "by_order")
    ]
    return keep(marks.con, "candidates", " union ".join(parts))


def collect_entries(lines: Lines, revisited: Revisited, aside: Aside, adopted: Relation) -> Relation:
    """Return the returns, and the purchases of the same customer and the same product or order.

    Their columns are `source_row`, `is_return`, `void` (a purchase that its own status or date undoes), `customer_id`,
    `product_id`, `order_ref` (the order meant), `timestamp`, `money` and `units`, both without a sign.
    """
    columns = lines.columns
    candidates = _find_candidates(lines.marks)
    revisited.add_aside(aside, f"union select source_row from {candidates}")
    units = (
        f"if(abs(quantity) < 1e12, cast(round(abs(quantity) * {MONEY_SCALE}) as bigint), null)"
        if {"quantity", "product_id"} <= set(columns)
        else "abs(money)"
    )
    product = "product_id" if "product_id" in columns else "''"
    order = "order_id" if "order_id" in columns else "cast(null as varchar)"
    refers = f"if(is_return, coalesce(cancels, {order}), {order})" if "cancels" in columns else order
    void = "coalesce(reading = 'refund', false) and not is_return" if "reading" in columns else "false"
    midnight = "is_return and timestamp = date_trunc('day', timestamp)"
    return keep(
        lines.marks.con,
        "entries",
        f"select source_row, is_return, {void} as void, "
        "coalesce(adopted.customer_id, lines.customer_id) as customer_id, "
        f"{product} as product_id, {refers} as order_ref, "
        f"if({midnight}, timestamp + interval 1 day - interval 1 microsecond, timestamp) as timestamp, "
        f"abs(money) as money, {units} as units from {revisited.parsed} as lines "
        f"left join {adopted} as adopted using (source_row) semi join {candidates} using (source_row) "
        f"anti join {aside} using (source_row)",
    )


def _credit_orders(entries: Relation, matched: Relation, credits: Relation) -> None:
    """Spread an order's other negative lines, such as coupons, over all its lines in proportion.

    A returned product that the customer bought earlier, as in an exchange, is left for that earlier purchase.
    """
    credits.change(
        f"insert into {credits} "
        "with gone as ("
        "    select sale_row as source_row, "
        "        sum(round(cast(back.money as double) * matched.units / back.units)) as money "
        f"    from {matched} as matched join {entries} as back on back.source_row = return_row group by 1"
        "), backs as ("
        f"    select source_row, customer_id, order_ref, money from {entries} as back where is_return "
        f"    and order_ref is not null and source_row not in (select return_row from {matched}) "
        f"    and not exists (select 1 from {entries} as sale where not sale.is_return "
        "        and sale.customer_id = back.customer_id and sale.product_id = back.product_id "
        "        and (sale.order_ref = back.order_ref or sale.timestamp <= back.timestamp))"
        "), credit as (select customer_id, order_ref, sum(money) as credit from backs group by all"
        "), sales as ("
        "    select source_row, customer_id, order_ref, credit, entries.money - coalesce(gone.money, 0) as worth "
        f"    from {entries} as entries join credit using (customer_id, order_ref) left join gone using (source_row) "
        "    where not is_return and worth > 0"
        "), summed as ("
        "    select *, sum(worth) over (partition by customer_id, order_ref order by source_row) as upto, "
        "        sum(worth) over (partition by customer_id, order_ref) as total from sales"
        ") select source_row, cast(round(upto * least(credit / total, 1)) "
        "    - round((upto - worth) * least(credit / total, 1)) as bigint), null from summed "
        "union all select backs.source_row, null, least(max(total) / max(credit), 1) from backs "
        "join summed using (customer_id, order_ref) group by 1"
    )


def _reduce(entries: Relation, matched: Relation, credits: Relation) -> Relation:
    """Turn matched units into money: a purchase loses what was credited for the units matched."""
    return keep(
        entries.con,
        "reduced",
        "with credited as ("
        "    select sale_row, return_row, matched.units, "
        "        cast(round(cast(back.money as double) * matched.units / back.units) as bigint) as money "
        f"    from {matched} as matched join {entries} as back on back.source_row = return_row"
        "), "
        "lines as ("
        "    select sale_row as source_row, sum(units) as units, sum(money) as money from credited group by 1 "
        "    union all select return_row, sum(units), sum(money) from credited group by 1"
        f"    union all select source_row, 0, money from {credits} where money is not null"
        "), "
        "per_line as (select source_row, sum(units) as units, sum(money) as money from lines group by 1) "
        "select source_row, units_share, money, "
        "    if(is_return, units_share = 0, money = 0 and (units_share = 0 or cost_money)) as undone from ("
        "select source_row, is_return, entries.money > 0 as cost_money, "
        "    coalesce(greatest(entries.units - per_line.units, 0) / nullif(entries.units, 0), 1) as units_share, "
        "    case when is_return and entries.units = per_line.units then 0 "
        "        when is_return then least(per_line.money - entries.money, 0) "
        f"       when entries.money - per_line.money < {MONEY_SCALE} / 200 then 0 "
        "        else entries.money - per_line.money end as money "
        f"from per_line join {entries} as entries using (source_row)) "
        "union all "
        "select source_row, 1 - share, least(cast(round(entries.money * (share - 1)) as bigint), 0), share = 1 "
        f"from {credits} join {entries} as entries using (source_row) where share is not null",
    )


def _date_returns(entries: Relation, matched: Relation, credits: Relation) -> Relation:
    """Return the money of matched returns with the days of the purchase, `bought`, and of the return, `came_back`."""
    days = "cast({bought} as date) as bought, cast(back.timestamp as date) as came_back"
    return keep(
        entries.con,
        "returned",
        f"select {days.format(bought='sale.timestamp')}, "
        "    cast(round(cast(back.money as double) * matched.units / back.units) as bigint) as money "
        f"from {matched} as matched join {entries} as back on back.source_row = return_row "
        f"join {entries} as sale on sale.source_row = sale_row "
        f"union all select {days.format(bought='ordered')}, cast(round(back.money * share) as bigint) "
        f"from {credits} join {entries} as back using (source_row) join ("
        f"    select customer_id, order_ref, max(timestamp) as ordered from {entries} where not is_return group by all"
        ") using (customer_id, order_ref) where share is not null",
    )


def tell_of_excess(entries: Relation, reduced: Relation) -> list[str]:
    """Return a sentence on returns that were worth more than the purchases they were matched with."""
    [excess] = entries.row(
        "select sum(if(is_return, entries.money + reduced.money, reduced.money - entries.money)) "
        f"from {entries} as entries join {reduced} as reduced using (source_row)"
    )
    if not excess or excess < MONEY_SCALE / 100:
        return []
    return [
        f"Returns were worth {log_amount(excess / MONEY_SCALE)} more than the purchases they were matched with. A "
        "purchase loses at most its own amount, so this money was not deducted."
    ]
