"""Orders for which nothing was paid: samples, replacements, trials."""

from __future__ import annotations

from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.data.rules import Rules


def treat_free_orders(lines: Lines, aside: Aside, rules: Rules) -> list[str]:
    """Set orders without money aside if the rule `free_order` is on; else return a note that they count as purchases.

    Without order ids, a customer's lines of a day are an order.
    """
    if not lines.tally.free:
        return []
    order = "coalesce(by_order, hash(customer_id_hash, cast(timestamp as date)))"
    free = (
        f"select source_row, {order} as bought, max(marks.money) over (partition by bought) = 0 and "
        f"min(marks.money) over (partition by bought) = 0 as free from {lines.marks} as marks join "
        f"(select source_row, customer_id_hash, timestamp from {lines.parsed}) using (source_row) "
        f"anti join {aside} using (source_row)"
    )
    if rules.applies("free_order"):
        aside.add("free_order", f"select source_row from ({free}) where free")
        return []
    orders, nothing = lines.marks.row(
        f"select count(distinct bought), count(distinct bought) filter (free) from ({free})"
    )
    if not 0 < nothing < orders:
        return []
    return [
        f"{nothing:,} of {orders:,} orders have a total of 0.00 and count as purchases. If they are samples, "
        "replacements or trials, --rule on=free_order leaves them out."
    ]
