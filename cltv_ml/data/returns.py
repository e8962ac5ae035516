"""Returns and refunds: deducted from their purchases, or quarantined if they match none."""

from __future__ import annotations

from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.data.netting import (
    adopt_returns,
    collect_entries,
    net_returns,
    nothing_reduced,
    take_refunds_off,
    tell_of_excess,
)
from cltv_ml.data.revisited import Revisited
from cltv_ml.data.rules import Rules
from cltv_ml.engine import Relation, keep
from cltv_ml.money import log_amount


def take_returns_off(
    lines: Lines, revisited: Revisited, aside: Aside, rules: Rules
) -> tuple[Relation, list[str]]:
    """Return the deductions of returns and refunds from the lines (see `net_returns`), and notes on them.

    Fully returned lines and returns without a purchase are quarantined.
    """
    returns, notes = False, []
    if lines.tally.returns:
        adopted = adopt_returns(lines, aside)
        returns = lines.marks.holds("is_return and rule is null")
    if returns:
        entries = collect_entries(lines, revisited, aside, adopted)
        reduced = net_returns(entries, match=rules.applies("cancellation"))
        notes = tell_of_excess(entries, reduced)
    else:
        reduced = nothing_reduced(lines)
    if "refunded" in lines.columns:
        notes += _tell_of_large_refunds(lines, aside)
        reduced = take_refunds_off(lines, aside, reduced)
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
    return reduced, notes


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
