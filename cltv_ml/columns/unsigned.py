"""Returns without a minus sign: the quantity of a line is negative and its amount positive."""

from __future__ import annotations

from collections.abc import Mapping

from cltv_ml.columns.questions import Question, QuestionsError
from cltv_ml.columns.rules import Rules
from cltv_ml.engine import MONEY_SCALE, Relation
from cltv_ml.money import log_amount

#: Lines that are invalid only because of their signs.
_UNSIGNED = "marks.rule = 'contradictory_signs'"

#: Share of the comparable lines that must agree with the price of their product.
_AGREEING = 0.9


def lack_sign(
    parsed: Relation, marks: Relation, mapping: Mapping[str, str], rules: Rules
) -> tuple[bool, list[str]]:
    """Return whether amounts take the sign of their quantity, and notes for the user.

    The lines are returns if neither the amounts of negative quantities nor those of sales have a minus sign, or if
    their prices are those of other lines of their product.

    Raises
    ------
    QuestionsError
        They may be sales, because most lines look so, or mistakes, because other returns have a sign.
    """
    if rules.unsigned_returns is False or not marks.holds("rule = 'contradictory_signs'"):
        return False, []
    lines, money, sales, signed = parsed.row(
        f"select count(*) filter (where {_UNSIGNED}), coalesce(sum(marks.money) filter (where {_UNSIGNED}), 0), "
        "count(*) filter (where marks.rule is null and quantity > 0 and amount > 0), "
        "count(*) filter (where marks.rule is null and amount < 0) "
        f"from {parsed} as lines join {marks} as marks using (source_row)"
    )
    total, oddity = int(money) / MONEY_SCALE, "have a negative quantity and a positive amount"
    evidence = f"{lines:,} lines with a total of {total:,.2f} {oddity}"
    if rules.unsigned_returns is None and lines > sales:
        quantity = mapping.get("quantity", "")
        text = (
            f"{evidence}, which is most of the money. Use --mapping quantity= if these lines are sales and "
            f"{quantity!r} is a stock movement, or --rule unsigned_returns=true if they are returns."
        )
        raise QuestionsError([Question(text, ("quantity=", "unsigned_returns=true"))])
    if rules.unsigned_returns is None and signed and not _cost_alike(parsed, marks):
        text = (
            f"{evidence}, while {signed:,} other amounts are negative. Use --rule unsigned_returns=true if these "
            "lines are returns, or --rule unsigned_returns=false to quarantine them."
        )
        raise QuestionsError([Question(text, ("unsigned_returns=true", "unsigned_returns=false"))])
    return True, [
        f"{lines:,} lines with a total of {log_amount(total)} {oddity}. They were read as returns (--rule "
        "unsigned_returns=false quarantines them)."
    ]


def _cost_alike(parsed: Relation, marks: Relation) -> bool:
    """Whether the amounts in question are quantity times the unit price of other lines of the product."""
    if "product_id" not in parsed.kinds:
        return False
    agree, priced = parsed.row(
        "with prices as ("
        "    select product_id, min(amount / quantity) as least, max(amount / quantity) as most "
        f"    from {parsed} as lines join {marks} as marks using (source_row) "
        "    where marks.rule is null and quantity > 0 and product_id is not null group by 1"
        ") select count(*) filter (where amount / -quantity between least - 0.006 and most + 0.006), count(*) "
        f"from {parsed} as lines join {marks} as marks using (source_row) join prices using (product_id) "
        f"where {_UNSIGNED}"
    )
    return bool(priced and agree >= _AGREEING * priced)
