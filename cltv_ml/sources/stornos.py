"""Cancellation documents of sales that their own status leaves out already."""

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
