"""Amounts that are running totals: they never fall from line to line, or from line to line of a customer."""

from __future__ import annotations

import numpy as np

from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.data.questions import Question, QuestionsError
from cltv_ml.data.raw_table import Raw
from cltv_ml.data.rules import Rules

#: First lines that are looked at, and the fewest steps from one line to the next.
_READ, _STEPS = 5_000, 20

#: Share of the steps that go up; the largest first amount, in mean steps; the least relative spread of the steps.
_RISING, _FIRST, _SPREAD = 0.98, 5.0, 0.2


def check_running_sums(raw: Raw, lines: Lines, aside: Aside, rules: Rules) -> None:
    """Raise QuestionsError if the amounts seem to be running totals, of all lines or of each customer.

    Such amounts begin with that of one line and go up by as much with each line, which sorted amounts do not.
    """
    if rules.amount_per or "amount" not in raw.mapping:
        return
    found = lines.parsed.con.execute(
        f"select marks.money, dense_rank() over (order by customer_id) as customer, epoch(timestamp) as time from ("
        f"from {lines.marks} anti join {aside} using (source_row) where rule is null order by source_row "
        f"limit {_READ}) as marks join {lines.parsed} as lines using (source_row) order by marks.source_row"
    ).fetchnumpy()
    money, customer, time = (np.asarray(found[name], dtype=float) for name in ("money", "customer", "time"))
    if len(money) <= _STEPS:
        return
    by_customer = np.lexsort((time, customer))
    for order, group, whose in (
        (np.argsort(time, kind="stable"), np.zeros(len(money)), "from one line to the next"),
        (by_customer, customer[by_customer], "from each line of a customer to the next"),
    ):
        if _is_running(money[order], group):
            column = raw.mapping["amount"]
            text = (
                f"the amounts in column {column!r} go up {whose}, as a running total or a balance does. Map the column "
                "with the amount of each line, or use --rule amount_per=line if these are such amounts."
            )
            raise QuestionsError([Question(text, ("amount_per=line",))])


def _is_running(money: np.ndarray, group: np.ndarray) -> bool:
    """Whether amounts are running totals within groups of neighbours.

    >>> steps = np.array([3.0, 5, 2, 9, 4, 7] * 4)
    >>> _is_running(np.cumsum(steps), np.zeros(24)), _is_running(np.sort(steps), np.zeros(24))
    (True, False)
    """
    within = group[1:] == group[:-1]
    steps = np.diff(money)[within]
    firsts = money[np.concatenate([[True], ~within])]
    if len(steps) < _STEPS or (steps > 0).mean() < _RISING:
        return False
    return bool(firsts.mean() <= _FIRST * steps.mean() and steps.std() >= _SPREAD * steps.mean())
