"""Orders for which nothing was paid: samples, replacements, trials."""

from __future__ import annotations

from cltv_ml.columns.rules import Rules
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import keep
from cltv_ml.money import log_amount


def treat_free_orders(lines: Lines, aside: Aside, rules: Rules) -> list[str]:
    """Set orders without money aside if the rule `free_order` is on; else return a note that they count as purchases.

    Without order ids, a customer's lines of a day are an order.
    """
    if not lines.tally.free or not lines.marks.holds("rule is null and money > 0"):
        return []
    order = "coalesce(by_order, hash(customer_id_hash, cast(timestamp as date)))"
    bought = keep(
        lines.marks.con,
        "bought",
        f"select source_row, {order} as bought, marks.money from {lines.marks} as marks join (select source_row, "
        f"customer_id_hash, timestamp from {lines.parsed}) using (source_row) anti join {aside} using (source_row) "
        f"where {'reading is null' if 'reading' in lines.columns else 'true'}",
    )
    free = (
        f"select bought from {bought} where bought in (select bought from {bought} where money = 0) group by 1 "
        "having min(money) = 0 and max(money) = 0"
    )
    if rules.applies("free_order"):
        aside.add("free_order", f"select source_row from {bought} where bought in ({free})")
        return []
    [orders] = bought.row(f"select count(*) from ({free})")
    if not orders:
        return []
    if orders == 1:
        return [
            f"One order has a total of {log_amount(0)} and counts as a purchase. If it is a sample, a replacement or a "
            "trial, --rule on=free_order leaves it out."
        ]
    return [
        f"{orders:,} orders have a total of {log_amount(0)} and count as purchases. If they are samples, replacements "
        "or trials, --rule on=free_order leaves them out."
    ]
