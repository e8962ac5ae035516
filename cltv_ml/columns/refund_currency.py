"""Refunds in the currency of each line next to money in one currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cltv_ml.columns.currency import currency_codes, is_exchanged, is_own_currency
from cltv_ml.columns.glance import COLUMNS_COMPARED, Glance
from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.overlooked_numbers import Overlooked, speaks_of_return
from cltv_ml.columns.questions import Question
from cltv_ml.columns.source_columns import quote

#: Share of the lines with a refund on which one share of two sums of money must agree.
_SAME_SHARE = 0.98

#: Two sums of money whose quotient differs from 1 by more are in different currencies.
_OTHER_CURRENCY = 0.01


def pair_refund(
    glance: Glance,
    unmapped: Mapping[str, str],
    mapping: Mapping[str, str],
    explicit: Mapping[str, str | None],
    account: Overlooked,
) -> None:
    """Map the refunds that are in the currency of the amount, or ask where there may be none.

    A refund is the same share of its order in every currency: `refund / total = base_refund / base_total`.
    """
    amount, refunded = mapping.get("amount", ""), mapping.get("refunded", "")
    numbers = [column for column, kind in unmapped.items() if kind == "number"]
    returned = [column for column in numbers if speaks_of_return(plain_heading(column))]
    others = [column for column in numbers if column not in returned][:COLUMNS_COMPARED]
    if not amount or not refunded or {"refunded"} & {*explicit, *account.mapping}:
        return
    if not returned or not others:
        account.questions += _doubt_refund(glance, unmapped, others, mapping)
        return
    own, back = glance.number(amount), glance.number(refunded)
    tests = {
        (other, refund): (
            f"count(*) filter ({r} <> 0 and abs({own} / nullif({o}, 0) - 1) > {_OTHER_CURRENCY})",
            _agree(f"{back} * {own}", f"{r} * {o}"),
            _agree(f"{back} * {o}", f"{r} * {own}"),
        )
        for other, o in zip(others, glance.numbers(others), strict=True)
        for refund, r in zip(returned, glance.numbers(returned), strict=True)
    }
    for (other, refund), (apart, crossed, straight) in glance.lines.aggregate(tests, f"{back} <> 0").items():
        if apart and (crossed or 0) >= _SAME_SHARE > (straight or 0):
            account.mapping["refunded"] = refund
            account.notes.append(
                f"Column {refund!r} was read as refunded: it is the same share of {amount!r} as {refunded!r} is of "
                f"{other!r}, so {refunded!r} is in other currencies."
            )
            return


def _doubt_refund(
    glance: Glance, unmapped: Mapping[str, str], others: Sequence[str], mapping: Mapping[str, str]
) -> list[Question]:
    """Ask about refunds that may be in several currencies, unlike the amount."""
    amount, refunded = mapping["amount"], mapping["refunded"]
    codes = [column for column, found in currency_codes(glance.lines, unmapped).items() if len(found) > 1]
    if "currency" in mapping or not codes or is_own_currency(refunded) or not glance.any_number(refunded):
        return []
    other = next(
        (
            column
            for column in others
            if is_exchanged(glance.lines, glance.number(amount), glance.number(column), quote(codes[0]))
        ),
        "",
    )
    if not other and not is_own_currency(amount):
        return []
    same = f" like {other!r}" * bool(other)
    text = (
        f"column {refunded!r} contains refunds, perhaps in the currencies of {codes[0]!r}{same}, but {amount!r} is in "
        f"one currency. Use --mapping {flag('refunded', refunded)} if they are in that of {amount!r}; otherwise "
    )
    text += (
        f"use --mapping {flag('amount', other)} --mapping {flag('currency', codes[0])} with exchange rates."
        if other
        else "export them in that currency."
    )
    return [Question(text, (f"refunded={refunded}",))]


def _agree(one: str, other: str) -> str:
    """Return SQL for the share of lines on which two products agree but for rounding."""
    return f"avg(cast(abs({one} - {other}) <= 0.01 * (1 + abs({one})) as integer))"
