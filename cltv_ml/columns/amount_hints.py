"""Hints that amounts may not be what was paid: refunds, additions, running totals and lower payments."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cltv_ml.columns.glance import COLUMNS_COMPARED, Glance
from cltv_ml.columns.headings import plain_heading, plain_pattern
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.overlooked_numbers import HEADED
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.summed import is_tender
from cltv_ml.columns.words import words

_HEADED_AS = {
    name: re.compile(plain_pattern(words("overlooked")[name])) for name in ("other_money", "so_far", "added")
}

#: Headings of what was paid.
PAID = re.compile(plain_pattern(words("ties")["headings"]["paid"]))

#: On fewer lines than this, money equal to the amount may be its refund.
_ORDERS = 10


def hint_at_amounts(
    glance: Glance, unmapped: Mapping[str, str], mapping: Mapping[str, str], decided: Mapping[str, str | None]
) -> list[str]:
    """Return notes on numbers that say that the mapped amounts may not be what was paid."""
    if "amount" not in mapping:
        return []
    notes = []
    if "returned_quantity" not in decided and decided.get("refunded", True):
        numbers = [
            column
            for column, kind in unmapped.items()
            if kind in ("number", "rate")
            and not _HEADED_AS["other_money"].search(plain_heading(column))
            and not any(
                HEADED[of].search(plain_heading(column)) for of in ("discount", "carriage", "sale_fees")
            )
            and not HEADED["unpaid"].search(plain_heading(column))
            and "parent" not in plain_heading(column)
            and not is_tender(column)
        ]
        notes += [
            note
            for column in numbers[:COLUMNS_COMPARED]
            for note in _tell_of_refunds(glance, column, mapping)
        ]
    notes += _sums_so_far(glance, mapping) + _tell_of_added(glance, unmapped, mapping)
    numbers = [column for column, kind in unmapped.items() if kind == "number"]
    return notes + [note for column in numbers for note in _paid_less(glance, column, mapping)]


def _tell_of_refunds(glance: Glance, column: str, mapping: Mapping[str, str]) -> list[str]:
    """Return a note on money on few lines that never exceeds their amount: it may be a refund."""
    value, amount = glance.number(column), glance.number(mapping["amount"])
    if "refunded" in mapping and not glance.differ(column, mapping["refunded"]):
        return []
    some, within, money, less = glance.lines.row(
        f"select count(*) filter (v <> 0), count(*) filter (v <> 0 and abs(v) <= abs(a) + 0.005), "
        f"count(*) filter (abs(v) >= 10 or v <> floor(v)), count(*) filter (v <> 0 and abs(v - a) > 0.005) "
        f"from (select {value} as v, {amount} as a from {glance.lines})"
    )
    # If it equals the amount, on the first line of each order, it is only a repetition.
    repeated = not less and some >= _ORDERS
    if not some or some > 0.5 * glance.rows or within < some or not money or repeated:
        return []
    return [
        f"Column {column!r} has a number on {some:,} of {glance.rows:,} lines, never above the amount, and "
        f"is not used. If this is refunded money, use --mapping {flag('refunded', column)}."
    ]


def _tell_of_added(glance: Glance, unmapped: Mapping[str, str], mapping: Mapping[str, str]) -> list[str]:
    """Return a note on tips, taxes or security deposits in the amount: it is the sum of them and another column."""
    numbers = [column for column, kind in unmapped.items() if kind in ("number", "rate")]
    added = [column for column in numbers if _HEADED_AS["added"].search(plain_heading(column))]
    bases = [column for column in numbers if column not in added][:COLUMNS_COMPARED]
    if not added or not bases:
        return []
    amount, values = glance.number(mapping["amount"]), {column: glance.number(column) for column in numbers}
    together = " + ".join(f"coalesce({values[column]}, 0)" for column in added)
    agreements = glance.lines.aggregate(
        {
            (extra, base): (
                f"count(*) filter ({values[extra]} > 0 and (abs({amount} - {values[extra]} - {values[base]}) < 0.011 "
                f"or abs({amount} - ({together}) - {values[base]}) < 0.011))",
                f"count(*) filter ({values[extra]} > 0)",
                f"sum({values[extra]})",
            )
            for extra in added
            for base in bases
        }
    )
    notes = {
        extra: f"Column {mapping['amount']!r} includes the values of {extra!r}, {money:,.2f} in total; {base!r} "
        f"does not include them (--mapping {flag('amount', base)} uses it)."
        for (extra, base), (agreeing, positive, money) in agreements.items()
        if positive >= 3 and agreeing >= 0.98 * positive
    }
    return list(notes.values())


def _sums_so_far(glance: Glance, mapping: Mapping[str, str]) -> list[str]:
    """Return a note on an amount that only increases from line to line of each customer, like a running total."""
    amount, customer = mapping["amount"], mapping.get("customer_id")
    if not customer or "quantity" in mapping:
        return []
    up, down, equal, all_up, all_down = glance.lines.row(
        "select count(*) filter (own > 0), count(*) filter (own < 0), count(*) filter (own = 0), "
        "count(*) filter (whole > 0), count(*) filter (whole < 0) "
        f"from (select v - lag(v) over (partition by {quote(customer)} order by source_row) as own, "
        "v - lag(v) over (order by source_row) as whole from ("
        f"select *, {glance.number(amount)} as v from {glance.lines} where v > 0))"  # refunds are no steps
    )
    named = _HEADED_AS["so_far"].search(plain_heading(amount)) is not None
    steps = up + down
    if min(up, down) or steps < max(3 if named else 15, equal) or not min(all_up, all_down):
        return []
    return [
        f"Column {amount!r} only increases from line to line of each customer, like a running total. If it "
        "is one, export the amount of each purchase instead."
    ]


def _paid_less(glance: Glance, column: str, mapping: Mapping[str, str]) -> list[str]:
    """Return a note on a paid amount that equals the amount on most lines and is lower on some."""
    if not PAID.search(plain_heading(column)):
        return []
    paid, amount = glance.number(column), glance.number(mapping["amount"])
    same, less, money = glance.lines.row(
        f"select count(*) filter (abs(p - a) < 0.006), count(*) filter (p < a - 0.006), "
        f"sum(a - p) filter (p < a - 0.006) from (select coalesce({paid}, 0) as p, {amount} as a from {glance.lines})"
    )
    if not less or same < 0.5 * glance.rows or same + less < 0.98 * glance.rows:
        return []
    return [
        f"Column {column!r} equals {mapping['amount']!r} on most lines but is lower on {less:,}, by "
        f"{money:,.2f} in total. The lines count with the full amount (--mapping {flag('amount', column)} "
        "uses the lower one)."
    ]
