"""Returns and refunds: deducted from their purchases, or quarantined if they match none."""

from __future__ import annotations

from cltv_ml.columns.rules import Rules
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.data.netting import (
    adopt_returns,
    collect_entries,
    net_returns,
    nothing_reduced,
    tell_of_excess,
)
from cltv_ml.data.returns_to_come import ReturnsToCome, find_returns_to_come
from cltv_ml.data.revisited import Revisited
from cltv_ml.engine import MONEY_SCALE, Relation, keep
from cltv_ml.money import log_amount


def take_returns_off(
    lines: Lines, revisited: Revisited, aside: Aside, rules: Rules
) -> tuple[Relation, list[str], ReturnsToCome | None]:
    """Return the deductions of returns and refunds from the lines (see `net_returns`), notes on them, and what later
    returns will probably take.

    Fully returned lines and returns without a purchase are quarantined.
    """
    returns, notes, to_come = False, [], None
    if lines.tally.returns:
        adopted = adopt_returns(lines, aside)
        returns = lines.marks.holds("is_return and rule is null")
    if returns:
        entries = collect_entries(lines, revisited, aside, adopted)
        reduced, returned = net_returns(entries, match=rules.applies("cancellation"))
        sold = (
            f"select cast(timestamp as date) as day, sum(money) as money from {lines.parsed} "
            f"anti join {aside} using (source_row) where not is_return and money > 0 group by 1"
        )
        to_come = find_returns_to_come(keep(lines.marks.con, "sold", sold), returned, rules.observed_until)
        notes = tell_of_excess(entries, reduced)
    else:
        reduced = nothing_reduced(lines)
    if "refunded" in lines.columns:
        notes += _tell_of_large_refunds(lines, aside)
        reduced = _take_refunds_off(lines, aside, reduced)
    if reduced.count():
        aside.add("cancellation", f"select source_row from {reduced} where undone")
    if "reading" in lines.columns:
        # Separate returns are already deducted, so a refunded order and its refund do not count twice.
        aside.add(
            "refunded",
            f"select source_row from {lines.marks} anti join {aside} using (source_row) "
            "where reading = 'refund' and rule is null and not is_return",
        )
    if returns:
        aside.add(
            "return_without_order",
            f"select source_row from {entries} anti join {aside} using (source_row) where is_return",
        )
        if rules.applies("customer_total"):
            _set_totals_aside(lines, aside, entries, reduced)
    return reduced, notes, to_come


def _take_refunds_off(lines: Lines, aside: Aside, reduced: Relation) -> Relation:
    """Return the deductions, including the money in the column `refunded`.

    A refund is deducted from its line unless a return already was. Where one is larger than its line, refunds belong to
    orders: they are then deducted from all lines of the order, each by the same share.
    """
    con = lines.marks.con
    refunds = keep(
        con,
        "refunds",
        f"select source_row, cast(round(least(refunded, 1e12) * {MONEY_SCALE}) as bigint) as refund, money "
        f"from {lines.parsed} anti join {aside} using (source_row) where refunded > 0 and not is_return",
    )
    if "order_id" in lines.columns and refunds.holds("refund > money"):
        refunds = _spread_refunds(lines, aside, refunds)
    return keep(
        con,
        "reduced",
        "select source_row, coalesce(units_share, 1) as units_share, "
        "    least(coalesce(reduced.money, refunds.money), greatest(refunds.money - refund, 0)) as money, "
        "    coalesce(undone, false) or refund >= refunds.money as undone "
        f"from {refunds} as refunds left join {reduced} as reduced using (source_row) union all "
        f"select source_row, units_share, money, undone from {reduced} anti join {refunds} using (source_row)",
    )


def _spread_refunds(lines: Lines, aside: Aside, refunds: Relation) -> Relation:
    """Return the refunds of orders, spread over their lines; a line without an order is one.

    A refund that all lines of an order repeat is the order's; others are added up.
    """
    return keep(
        lines.marks.con,
        "refunds",
        "with theirs as ("
        "    select source_row, lines.money, refund, "
        "        if(order_id is null, hash(source_row), hash(order_id)) as bought "
        f"    from {lines.parsed} as lines left join {refunds} as refunds using (source_row) "
        f"    anti join {aside} using (source_row) where not is_return"
        "), orders as ("
        "    select bought, if(min(refund) = max(refund) and bool_and(refund > 0 or coalesce(money, 0) = 0), "
        "        max(refund), sum(refund)) as back from theirs group by 1 having max(refund) > 0"
        ") select source_row, money, cast(round(cast(money as double) * least(back "
        "    / sum(money) over (partition by bought), 1)) as bigint) as refund "
        "from theirs join orders using (bought) where money > 0",
    )


def _tell_of_large_refunds(lines: Lines, aside: Aside) -> list[str]:
    """Return a note on refunds in a column that are larger than their orders, such as those with taxes."""
    order = "order_id" if "order_id" in lines.columns else "cast(source_row as varchar)"
    orders, excess = lines.parsed.row(
        "select count(*), coalesce(sum(refund - paid), 0) from ("
        f"select max(refunded) as refund, sum(amount) as paid from {lines.parsed} anti join {aside} using (source_row) "
        f"where not is_return group by coalesce({order}, cast(source_row as varchar))) "
        "where paid > 0 and refund > paid + 0.005"
    )
    if not orders:
        return []
    return [
        f"The refunds of {orders:,} orders exceed their amounts, by {log_amount(excess)} in total, which was not "
        "deducted. They may include taxes or postage that the amounts do not."
    ]


def _set_totals_aside(lines: Lines, aside: Aside, entries: Relation, reduced: Relation) -> None:
    """Quarantine the remaining lines of customers whose returns without an order outweigh them."""
    con = lines.marks.con
    open_returns = keep(
        con,
        "open_returns",
        "select customer_id, -sum(coalesce(-reduced.money, entries.money)) as money from "
        f"{entries} as entries join {aside} as aside using (source_row) "
        f"left join {reduced} as reduced using (source_row) where aside.rule = 'return_without_order' group by 1",
    )
    if not open_returns.count():
        return
    theirs = keep(
        con,
        "their_lines",
        "select source_row, customer_id, coalesce(reduced.money, lines.money) as money from "
        f"{lines.parsed} as lines anti join {aside} using (source_row) "
        f"left join {reduced} as reduced using (source_row) "
        f"where customer_id in (select customer_id from {open_returns})",
    )
    outweighed = (
        f"select customer_id from (select customer_id, money from {theirs} "
        f"union all select customer_id, money from {open_returns}) group by 1 having sum(money) <= 0"
    )
    aside.add("customer_total", f"select source_row from {theirs} where customer_id in ({outweighed})")
