"""Cancellations and returns are taken off the purchases they undo, in the engine, set by set."""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from cltv_ml.engine import MONEY_SCALE

#: The rounds in which returns look for their purchase: the columns in which both must agree. A round
#: sees only what earlier rounds left over.
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
insert into matched
with taken as (
    select source_row, sum(units) as gone from (
        select sale_row as source_row, units from matched union all select return_row, units from matched
    ) group by all
), unmatched as (
    select entries.*, entries.units - coalesce(gone, 0) as left_over
    from entries left join taken using (source_row) where {known} and left_over > 0
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


#: `reduced`, see `net_returns`, where no return took anything away.
NOTHING_REDUCED = (
    "create or replace temp table reduced "
    "(source_row bigint, units_share double, money bigint, undone boolean)"
)


def find_candidates(con: duckdb.DuckDBPyConnection) -> None:
    """Make `candidates`, the rows of returns and of all that they may undo, from the hashes in `marks`."""
    _adopt(con)
    con.execute(
        "create or replace temp table candidates as "
        + " union ".join(
            f"select source_row from marks where {key} in (select {key} from marks where is_return and rule is null)"
            for key in ("by_product", "by_order")
        )
    )


def _adopt(con: duckdb.DuckDBPyConnection) -> None:
    """Give returns without a customer the customer of their order, in `adopted` and in `marks`.

    So too returns that name an order of somebody else: a refund whose sender is the shop, say.
    """
    con.execute("create or replace temp table adopted (source_row bigint, customer_id varchar)")
    columns = {str(name) for name, *_ in con.execute("describe lines").fetchall()}
    if "order_id" not in columns:
        return
    refers, names_order = "order_id", "false"
    if "cancels" in columns:
        refers, names_order = "coalesce(cancels, order_id)", "cancels is not null and marks.rule is null"
    orphans = (
        f"select source_row, {refers} as order_ref, customer_id from lines join marks using (source_row) where "
        f"marks.is_return and (marks.rule = 'missing_customer' or ({names_order})) "
        "and timestamp is not null and lines.money is not null"
    )
    if not con.execute(f"{orphans} limit 1").fetchall():
        return
    con.execute(
        f"insert into adopted with orphans as ({orphans}), owners as ("
        "    select order_id, min(customer_id) as customer_id from lines where not is_return "
        "    and customer_id is not null "
        "    and order_id in (select order_ref from orphans) group by 1 having count(distinct customer_id) = 1"
        ") select source_row, owners.customer_id from orphans join owners on order_ref = order_id "
        "where owners.customer_id is distinct from orphans.customer_id"
    )
    con.execute(
        "update marks set rule = null, by_order = keys.by_order, by_product = keys.by_product from ("
        f"    select source_row, hash(hash(adopted.customer_id), hash({refers})) as by_order, "
        "        hash(hash(adopted.customer_id), product_id_hash) as by_product "
        "    from adopted join lines using (source_row)) as keys where marks.source_row = keys.source_row"
    )
    con.execute("delete from aside where source_row in (select source_row from adopted)")


def net_returns(con: duckdb.DuckDBPyConnection, match: bool) -> None:
    """Make `entries`, the returns and what they may undo, and `reduced`, what returns took away.

    `reduced` has `source_row`, `units_share` (the share of the line's units that is left), `money` (what is
    left of the line in integer minor units, returns negative) and `undone` (nothing is left).

    A return is taken off the order it names (`cancels`, or its own `order_id`), whatever the times say: off the
    line of its product, or where the order has none, as with a coupon, off all its lines by the same share of
    their money. Else it is taken off the latest earlier purchases by the same customer of the same product:
    first of the same quantity and price, then the same quantity, then any. A return dated at midnight happened
    at some time of that day. Without `quantity`, money stands for units; without `product_id`, any
    purchase of the customer serves. A purchase loses what was credited, never more than it cost.

    Parameters
    ----------
    con
        Holds `touched_lines`, `candidates` and `aside`.
    match
        Whether returns look for their purchase at all.
    """
    _collect_entries(con, {str(name) for name, *_ in con.execute("describe lines").fetchall()})
    con.execute("create or replace temp table matched (sale_row bigint, return_row bigint, units hugeint)")
    con.execute("create or replace temp table credits (source_row bigint, money bigint, share double)")
    for key in ROUNDS if match else ():
        known = " and ".join(f"{name} is not null" for name in key)
        if "order_ref" not in key:
            known += " and source_row not in (select source_row from credits where share is not null)"
        present = con.execute(f"select 1 from entries where is_return and {known} limit 1").fetchall()
        if present:
            time = "order_time" if "order_ref" in key else "timestamp"
            con.execute(_MATCH.format(key=", ".join(key), known=known, time=time))
        if "order_ref" in key:
            _credit_orders(con)
    _reduce(con)


def _collect_entries(con: duckdb.DuckDBPyConnection, columns: Collection[str]) -> None:
    """Gather the returns, and the purchases of the same customer and the same product or order."""
    units = (
        f"if(abs(quantity) < 1e12, cast(round(abs(quantity) * {MONEY_SCALE}) as bigint), null)"
        if "quantity" in columns
        else "abs(money)"
    )
    product = "product_id" if "product_id" in columns else "''"
    order = "order_id" if "order_id" in columns else "cast(null as varchar)"
    refers = f"if(is_return, coalesce(cancels, {order}), {order})" if "cancels" in columns else order
    midnight = "is_return and timestamp = date_trunc('day', timestamp)"
    con.execute(
        "create or replace temp table entries as "
        "select *, greatest(timestamp, max(timestamp) filter (where not is_return) "
        "over (partition by customer_id, order_ref)) as order_time from ("
        "select source_row, is_return, coalesce(adopted.customer_id, lines.customer_id) as customer_id, "
        f"{product} as product_id, {refers} as order_ref, "
        f"if({midnight}, timestamp + interval 1 day - interval 1 microsecond, timestamp) as timestamp, "
        f"abs(money) as money, {units} as units from touched_lines as lines left join adopted using (source_row) "
        "semi join candidates using (source_row) anti join aside using (source_row))"
    )


def _credit_orders(con: duckdb.DuckDBPyConnection) -> None:
    """Take what an order's other negative lines are worth, coupons and the like, off all its lines alike."""
    con.execute(
        "insert into credits "
        "with gone as ("
        "    select sale_row as source_row, "
        "        sum(round(cast(back.money as double) * matched.units / back.units)) as money "
        "    from matched join entries as back on back.source_row = return_row group by 1"
        "), backs as ("
        "    select source_row, customer_id, order_ref, money from entries where is_return and order_ref is not null "
        "    and source_row not in (select return_row from matched) and (customer_id, order_ref, product_id) not in ("
        "        select (customer_id, order_ref, product_id) from entries "
        "        where not is_return and order_ref is not null and product_id is not null)"
        "), credit as (select customer_id, order_ref, sum(money) as credit from backs group by all"
        "), sales as ("
        "    select source_row, customer_id, order_ref, credit, entries.money - coalesce(gone.money, 0) as worth "
        "    from entries join credit using (customer_id, order_ref) left join gone using (source_row) "
        "    where not is_return and worth > 0"
        "), summed as ("
        "    select *, sum(worth) over (partition by customer_id, order_ref order by source_row) as upto, "
        "        sum(worth) over (partition by customer_id, order_ref) as total from sales"
        ") select source_row, cast(round(upto * least(credit / total, 1)) "
        "    - round((upto - worth) * least(credit / total, 1)) as bigint), null from summed "
        "union all select backs.source_row, null, least(max(total) / max(credit), 1) from backs "
        "join summed using (customer_id, order_ref) group by 1"
    )


def _reduce(con: duckdb.DuckDBPyConnection) -> None:
    """Turn matched units into money: a purchase loses what was credited for the units matched."""
    con.execute(
        "create or replace temp table reduced as "
        "with credited as ("
        "    select sale_row, return_row, matched.units, "
        "        cast(round(cast(back.money as double) * matched.units / back.units) as bigint) as money "
        "    from matched join entries as back on back.source_row = return_row"
        "), "
        "lines as ("
        "    select sale_row as source_row, sum(units) as units, sum(money) as money from credited group by 1 "
        "    union all select return_row, sum(units), sum(money) from credited group by 1"
        "    union all select source_row, 0, money from credits where money is not null"
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
        "from per_line join entries using (source_row)) "
        "union all "
        "select source_row, 1 - share, least(cast(round(entries.money * (share - 1)) as bigint), 0), share = 1 "
        "from credits join entries using (source_row) where share is not null"
    )


def take_refunds_off(con: duckdb.DuckDBPyConnection) -> None:
    """Take the money that the column `refunded` says was given back off its line, where no return did so already.

    Where a refund exceeds its line it is the order's, repeated on its lines or written on one: it is then taken off
    all lines of the order, each by the same share.
    """
    refunds = (
        f"select source_row, cast(round(least(refunded, 1e12) * {MONEY_SCALE}) as bigint) as refund, money from lines "
        "anti join aside using (source_row) where refunded > 0 and not is_return"
    )
    con.execute(f"create or replace temp table refunds as {refunds}")
    ordered = "order_id" in {str(name) for name, *_ in con.execute("describe lines").fetchall()}
    exceeds = con.execute("select 1 from refunds where refund > money limit 1").fetchall()
    if ordered and exceeds:
        con.execute(
            "create or replace temp table refunds as with orders as ("
            "    select order_id, max(refund) as refund from refunds "
            "    join lines using (source_row) where order_id is not null group by 1"
            "), their_lines as ("
            "    select source_row, order_id, money from lines semi join orders using (order_id) "
            "    anti join aside using (source_row) where not is_return and money > 0"
            ") select source_row, money, cast(round(cast(money as double) * least(refund "
            "    / sum(money) over (partition by order_id), 1)) as bigint) as refund "
            "from their_lines join orders using (order_id)"
        )
    con.execute(
        "create or replace temp table reduced as "
        "select source_row, coalesce(units_share, 1) as units_share, "
        "    least(coalesce(reduced.money, refunds.money), greatest(refunds.money - refund, 0)) as money, "
        "    coalesce(undone, false) or refund >= refunds.money as undone "
        "from refunds left join reduced using (source_row) "
        "union all select source_row, units_share, money, undone from reduced anti join refunds using (source_row)"
    )
