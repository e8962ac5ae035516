"""Lines of sales that were undone: with a cancellation document, or marked themselves."""

from __future__ import annotations

from cltv_ml.engine import Relation, keep

#: Fewest sales with a cancelling status, and the share of them that a document cancels as well.
_FEWEST, _SHARE = 3, 0.8

#: Most days from a sale to the document that cancels it.
_CANCELLED_WITHIN = 60


def find_stornos(parsed: Relation, marks: Relation, cancelled: str) -> Relation:
    """Return `source_row` of returns that cancel sales left out by their status; none unless nearly all such have one.

    Parameters
    ----------
    parsed, marks
        The lines as read, and the rule that each breaks, as the cleaning passes them on.
    cancelled
        SQL over `lines` and `marks` for whether the status of a line says that it was cancelled.
    """
    lines = f"from {parsed} as lines join {marks} as marks using (source_row)"
    return keep(
        marks.con,
        "stornos",
        f"with sold as (select source_row, customer_id, timestamp, marks.money {lines} "
        f"where not marks.is_return and marks.money > 0 and {cancelled}), "
        f"backs as (select source_row, customer_id, timestamp, -marks.money as money {lines} "
        "where marks.is_return and rule is null), "
        "pairs as (select sold.source_row as sale, min_by(backs.source_row, backs.timestamp) as source_row from sold "
        "join backs on sold.customer_id = backs.customer_id and sold.money = backs.money and backs.timestamp between "
        f"date_trunc('day', sold.timestamp) and sold.timestamp + interval {_CANCELLED_WITHIN} day group by sale) "
        "select distinct source_row from pairs where (select count(*) from pairs) >= greatest("
        f"{_FEWEST}, {_SHARE} * (select count(*) from sold))",
    )


def are_undone(
    table: Relation, marked: str, money: str, order: str, customer: str, time: str
) -> tuple[int, bool | None]:
    """Return the number of marked lines, and whether they are the sales that were undone, not refunds of others.

    Each then has the time of its order's sales, as refunded tickets have, or an order of its own, and no sale of its
    customer has its amount; None where some sale has.

    Parameters
    ----------
    marked, money, order, customer, time
        SQL for whether a line is called refunded, for its amount, and for texts, empty where there is none.
    """
    rows, apart, met = table.row(
        f"with lines as (select {marked} as back, {money} as money, {order} as number, {customer} as owner, "
        f"{time} as moment from {table}), sales as (from lines where not back) "
        "select count(*), count(*) filter (where number = '' or coalesce(money, 0) <= 0 "
        "or (number in (select number from sales) and (number, moment) not in (select (number, moment) from sales))), "
        "count(*) filter (where number not in (select number from sales) "
        "and (owner, money) in (select (owner, money) from sales where money is not null)) from lines where back"
    )
    return rows, False if apart else None if met else True
