"""Amounts called net, from which refunds may be subtracted already."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cltv_ml.columns.glance import Glance
from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.overlooked_numbers import Overlooked
from cltv_ml.columns.questions import Question

#: Fewest refunds that show that an amount is net of them, and the share of lines on which another one must agree.
_FEWEST_NET, _ON_ALL = 5, 0.98


def look_at_net(
    glance: Glance,
    numbers: Sequence[str],
    mapping: Mapping[str, str],
    explicit: Mapping[str, str | None],
    account: Overlooked,
) -> None:
    """Use the amount before refunds where another one is that amount less refunds on all lines.

    Otherwise ask whether refunds must still be subtracted from an amount called net.
    """
    amount, refunded = mapping.get("amount", ""), mapping.get("refunded", "")
    if "refunded" in explicit or not refunded or not amount:
        return
    back, net = f"abs(coalesce({glance.number(refunded)}, 0))", glance.number(amount)
    agree = [f"abs({glance.number(one)} - {back} - ({net})) < 0.006" for one in numbers] or ["false"]
    counts = ", ".join(
        f"count(*) filter ({test} and {back} > 0), avg(cast(coalesce({test}, false) as integer))"
        for test in agree
    )
    some, *found = glance.lines.row(f"select count(*) filter ({back} > 0), {counts} from {glance.lines}")
    before = [one for one, share in zip(numbers, found[1::2], strict=False) if (share or 0) >= _ON_ALL]
    if some >= _FEWEST_NET and before and "amount" not in explicit:
        account.mapping["amount"] = before[0]
        account.notes.append(
            f"Column {amount!r} is {before[0]!r} without the refunds in {refunded!r}. {before[0]!r} was used and "
            f"the refunds were subtracted (--mapping {flag('amount', amount)} --mapping refunded= uses {amount!r})."
        )
    elif re.search("net(?!to)", plain_heading(amount)):
        answers = (f"refunded={refunded}", "refunded=")
        text = (
            f"column {refunded!r} contains refunds, and {amount!r} may already be net of them. Use --mapping "
            f"{flag('refunded', refunded)} to subtract them, or --mapping refunded= if they are already subtracted."
        )
        already = some and max(found[::2]) >= _ON_ALL * some
        account.questions.append(Question(text, answers[::-1] if already else answers))
