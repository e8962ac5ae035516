"""Amounts that cover more than one line: running totals, and a customer's total on each of their lines."""

from __future__ import annotations

import numpy as np

from cltv_ml.columns.questions import Question, QuestionsError
from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import Rules
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines

#: First lines that are looked at, and the fewest steps from one line to the next.
_READ, _STEPS = 5_000, 20

#: The fewest customers with lines at several times, and the share of their amounts that must differ.
_CUSTOMERS, _DISTINCT = 10, 0.9

#: Share of the steps that go up; the largest first amount, in mean steps; the least relative spread of the steps.
_RISING, _FIRST, _SPREAD = 0.98, 5.0, 0.2


def check_running_sums(raw: Raw, lines: Lines, aside: Aside, rules: Rules) -> None:
    """Raise QuestionsError if the amounts seem to be running totals, or the totals of customers on each of their lines.

    Running totals begin with the amount of one line and go up by as much with each line, which sorted amounts do not.
    Totals of customers are the same at all times of a customer, and nearly no two customers share one.
    """
    if rules.amount_per or "amount" not in raw.mapping or lines.tally.unbroken <= _STEPS:
        return
    columns = lines.parsed.con.execute(
        f"select marks.money, dense_rank() over (order by customer_id) as customer, epoch(timestamp) as time from ("
        f"from {lines.marks} anti join {aside} using (source_row) where source_row < {_READ} and rule is null) as "
        f"marks join (from {lines.parsed} where source_row < {_READ}) as lines using (source_row) "
        "order by marks.source_row"
    ).fetchnumpy()
    money, customer, time = (np.asarray(columns[name], dtype=float) for name in ("money", "customer", "time"))
    if len(money) <= _STEPS:
        return
    by_customer = np.lexsort((time, customer))
    for order, group, whose in (
        (np.argsort(time, kind="stable"), np.zeros(len(money)), "from one line to the next"),
        (by_customer, customer[by_customer], "from each line of a customer to the next"),
    ):
        if _is_running(money[order], group):
            raise _ask_about_amounts(raw, f"go up {whose}, as a running total or a balance does")
    if _is_of_customers(money, customer, time):
        raise _ask_about_amounts(
            raw, "are the same on all lines of a customer and differ between customers, as their totals do"
        )


def _ask_about_amounts(raw: Raw, how: str) -> QuestionsError:
    text = (
        f"the amounts in column {raw.mapping['amount']!r} {how}. Map the column with the amount of each line, or use "
        "--rule amount_per=line if these are such amounts."
    )
    return QuestionsError([Question(text, ("amount_per=line",))])


def _is_of_customers(money: np.ndarray, customer: np.ndarray, time: np.ndarray) -> bool:
    """Whether the amounts are one for each customer at several times, and nearly all of them different.

    >>> whose, money = np.repeat(np.arange(12), 3), np.repeat(np.arange(12) ** 2.0, 3)
    >>> _is_of_customers(money, whose, np.arange(36)), _is_of_customers(money % 5, whose, np.arange(36))
    (True, False)
    """
    _, first, whose = np.unique(customer, return_index=True, return_inverse=True)
    spans = np.zeros((2, len(first)))
    for span, values in zip(spans, (time, money), strict=True):
        low, high = np.full(len(first), np.inf), np.full(len(first), -np.inf)
        np.minimum.at(low, whose, values)
        np.maximum.at(high, whose, values)
        span[:] = high - low
    several = spans[0] > 0
    own = money[first][several]
    if several.sum() < _CUSTOMERS or (spans[1][several] == 0).mean() < _RISING:
        return False
    return bool(len(np.unique(own)) >= _DISTINCT * len(own))


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
