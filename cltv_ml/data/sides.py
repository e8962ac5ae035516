"""Columns whose codes say on which side of a ledger an amount stands: S and H, Dr and Cr, D and C, + and -, S and R."""

from __future__ import annotations

from collections.abc import Mapping

from cltv_ml.data.mapping import flag
from cltv_ml.data.overlooked_numbers import HEADED, Unmapped
from cltv_ml.data.parse import quote
from cltv_ml.data.questions import Question

#: Codes of both sides in small letters; words and signs need no heading that says so.
_SIDE_LETTERS = ("s h", "d c", "d h", "d a", "d k", "1 -1", "s r", "i c", "p r")
_SIDE_WORDS = (
    "dr cr",
    "soll haben",
    "debe haber",
    "dare avere",
    "debet kredit",
    "debit credit",
    "+ -",
    "plus minus",
)

#: The lesser side may have so much of the money; with more, it may be payments.
_REFUNDS = 0.25


def look_at_sides(column: Unmapped, levels: Mapping[str, int]) -> bool:
    """Read a column of sides as the type: the side with most money holds sales; ask where the other has much as well.

    Returns
    -------
    Whether it is such a column.
    """
    heading, glance, decided = column.heading, column.glance, column.decided
    codes = {level.lower(): level for level in levels if level.strip()}
    spelled = {part.strip() for part in column.name.lower().split("/")} == set(codes)
    pairs = _SIDE_WORDS + (_SIDE_LETTERS if spelled or HEADED["sides"].search(heading) else ())
    amount = decided.get("amount")
    if "type" in decided or not amount or HEADED["no_codes"].search(heading) or len(codes) != 2:
        return False
    if not any(set(pair.split()) == set(codes) for pair in pairs):
        return False
    text = f"coalesce(trim(cast({quote(column.name)} as varchar)), '')"
    money = dict(
        glance.lines.rows(f"select {text}, sum(abs({glance.number(amount)})) from {glance.lines} group by 1")
    )
    less, more = sorted(codes.values(), key=lambda code: money.get(code) or 0.0)
    some, most = money.get(less) or 0.0, money.get(more) or 0.0
    if some <= _REFUNDS * (some + most):
        column.account.mapping["type"] = column.name
        column.account.levels["type"] = {more: "counts", less: "refund"}
        return True
    chosen = f"--mapping {flag('type', column.name)} --rule {flag('type', more + ':counts')}"
    text = (
        f"column {column.name!r} says on which side each amount stands: {more!r} ({levels[more]:,} lines, {most:,.2f}) "
        f"and {less!r} ({levels[less]:,} lines, {some:,.2f}); say {chosen} with --rule "
        f"{flag('type', less + ':refund')} if one gives money back, or with --rule "
        f"{flag('type', less + ':ignore')} if it holds payments of the other, or --mapping type= if both are sales."
    )
    both = f"type={column.name},type={more}:counts"
    column.account.questions.append(
        Question(text, (f"{both},type={less}:refund", f"{both},type={less}:ignore", "type="))
    )
    return True
