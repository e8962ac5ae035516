"""Hints at what may be no sale, or not the money that was paid: told where headings do not say so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cltv_ml.data.glance import Glance
from cltv_ml.data.headings import plain_heading, plain_pattern
from cltv_ml.data.levels import NO, YES, plain_level
from cltv_ml.data.mapping import flag
from cltv_ml.data.parse import quote
from cltv_ml.data.questions import Question
from cltv_ml.data.words import words
from cltv_ml.engine import literal

_HEADED = {
    name: re.compile(plain_pattern(words("overlooked")[name]))
    for name in (
        "texts",
        "other_money",
        "status",
        "no_status",
        "prefixes",
        "sale_fees",
        "carriage",
        "paid_out",
        "no_lines",
        "successors",
        "so_far",
        "flags",
    )
}
_NO_GOODS = re.compile("|".join(words("overlooked")["no_goods"]))
_NO_SALE = plain_pattern(words("overlooked")["no_sale"])

#: So many columns are compared with one another.
_COLUMNS_COMPARED = 8

#: On fewer lines, money that equals the amount may be a refund of it.
_ORDERS = 10


def hint(
    glance: Glance,
    left: Sequence[str],
    kinds: Mapping[str, str],
    mapping: Mapping[str, str],
    decided: Mapping[str, str | None],
) -> list[str]:
    """Return what to tell about columns without a name, and about numbers of orders like those of credit notes."""
    told = []
    if "type" not in decided:
        told += [
            note for column in left if kinds[column] == "text" for note in _tell_of_free_text(glance, column)
        ]
    if not {"refunded", "returned_quantity"} & set(decided) and "amount" in mapping:
        numbers = [
            column
            for column in left
            if kinds[column] in ("number", "rate")
            and not _HEADED["other_money"].search(plain_heading(column))
        ]
        told += [
            note
            for column in numbers[:_COLUMNS_COMPARED]
            for note in _tell_of_refunds(glance, column, mapping)
        ]
    if "order_id" in mapping and "amount" in mapping and "type" not in decided:
        told += _prefixes(glance, mapping)
    if "amount" in mapping:
        told += _sums_so_far(glance, mapping)
    told += [note for column in left for note in _successors(glance, column, mapping.get("customer_id"))]
    return told


def _tell_of_free_text(glance: Glance, column: str) -> list[str]:
    """Tell of a free text that says of some lines that they are no sale."""
    if not _HEADED["texts"].search(plain_heading(column)):
        return []
    text = f"strip_accents(lower(trim({quote(column)})))"
    rows, example = glance.lines.row(
        f"select count(*), min({quote(column)}) from {glance.lines} where regexp_matches({text}, '{_NO_SALE}')"
    )
    if not rows or rows > 0.5 * glance.rows:
        return []
    return [
        f"Column {column!r} says {str(example)[:40]!r} or the like on {rows:,} of {glance.rows:,} lines, which count "
        "as sales; take such lines out of the export, or add a column that says what they are."
    ]


def _tell_of_refunds(glance: Glance, column: str, mapping: Mapping[str, str]) -> list[str]:
    """Tell of money on a few lines only, and never more than their amount: it may have been given back."""
    value, amount = glance.number(column), glance.number(mapping["amount"])
    some, within, money, less = glance.lines.row(
        f"select count(*) filter (v <> 0), count(*) filter (v <> 0 and abs(v) <= abs(a) + 0.005), "
        f"count(*) filter (v >= 10 or v <> floor(v)), count(*) filter (v <> 0 and abs(v - a) > 0.005) "
        f"from (select {value} as v, {amount} as a from {glance.lines})"
    )
    # The amount itself on the first line of each order is nothing else.
    repeated = not less and some >= _ORDERS
    if not some or some > 0.5 * glance.rows or within < some or not money or repeated:
        return []
    return [
        f"Column {column!r} holds numbers on {some:,} of {glance.rows:,} lines, none above the amount, and is not "
        f"used; if that money was given back, say --mapping {flag('refunded', column)}."
    ]


def _sums_so_far(glance: Glance, mapping: Mapping[str, str]) -> list[str]:
    """Tell of an amount that only grows from line to line of each customer, as what was spent so far does."""
    amount, customer = mapping["amount"], mapping.get("customer_id")
    if not customer or "quantity" in mapping:
        return []
    up, down, all_up, all_down = glance.lines.row(
        "select count(*) filter (own > 0), count(*) filter (own < 0), count(*) filter (whole > 0), "
        "count(*) filter (whole < 0) "
        f"from (select v - lag(v) over (partition by {quote(customer)} order by source_row) as own, "
        "v - lag(v) over (order by source_row) as whole from ("
        f"select *, {glance.number(amount)} as v from {glance.lines}))"
    )
    named = _HEADED["so_far"].search(plain_heading(amount)) is not None
    if min(up, down) or up + down < (3 if named else 15) or not min(all_up, all_down):
        return []
    return [
        f"Column {amount!r} only grows from line to line of each customer, as sums of what was spent so far do; where "
        "it is one, export what each purchase cost."
    ]


def _successors(glance: Glance, column: str, customer: str | None) -> list[str]:
    """Tell of a column that names the customer that another one became."""
    if not customer or not _HEADED["successors"].search(plain_heading(column)):
        return []
    ids = f"select cast({quote(customer)} as varchar) from {glance.lines}"
    [rows] = glance.lines.row(
        f"select count(*) from {glance.lines} where trim(cast({quote(column)} as varchar)) <> '' "
        f"and cast({quote(column)} as varchar) <> cast({quote(customer)} as varchar) "
        f"and cast({quote(column)} as varchar) in ({ids})"
    )
    if not rows:
        return []
    return [
        f"Column {column!r} names another customer on {rows:,} of {glance.rows:,} lines and is not used; where it says "
        f"who a customer became, put that id into {customer!r} of the export."
    ]


def _prefixes(glance: Glance, mapping: Mapping[str, str]) -> list[str]:
    """Tell of orders whose number begins as that of a credit note, with an amount above 0."""
    order = f"lower(trim(cast({quote(mapping['order_id'])} as varchar)))"
    found = glance.lines.rows(
        rf"select regexp_extract({order}, '^([a-z]*)[-_ ]?\d', 1) as prefix, count(*), "
        f"count(*) filter ({glance.number(mapping['amount'])} > 0), min({quote(mapping['order_id'])}) "
        f"from {glance.lines} where {order} <> '' group by 1 order by 2 desc limit 6"
    )
    return [
        f"{above:,} of {glance.rows:,} lines have an order_id such as {str(example)[:30]!r}, as credit notes have, and "
        f"an amount above 0: they count as sales; --rule {flag('adjustments', prefix + '.*')} sets them aside."
        for prefix, rows, above, example in found[1:]
        if above and rows < 0.5 * glance.rows and prefix != found[0][0] and _HEADED["prefixes"].match(prefix)
    ]


def tell_of_levels(column: str, levels: Mapping[str, int], decided: Mapping[str, str | None]) -> list[str]:
    """Tell of a column that is called a status or holds tests, and is not used."""
    heading = plain_heading(column)
    shown = ", ".join(f"{level} ({rows:,} lines)" for level, rows in list(levels.items())[:6])
    if "test" not in decided and len(levels) > 1 and any(level.strip().lower() == "test" for level in levels):
        return [f"Column {column!r} with {shown} is not used; take the lines of tests out of the export."]
    if {"status", "payment_status"} & set(decided) or not len(levels) >= 2:
        return []
    if _HEADED["status"].search(heading) and not _HEADED["no_status"].search(heading):
        return [
            f"Column {column!r} with {shown} is not used; where one of these is no sale, say --mapping "
            f"{flag('status', column)} and what each means."
        ]
    return []


def tell_of_lines(
    column: str, levels: Mapping[str, int], glance: Glance, decided: Mapping[str, str | None]
) -> list[str]:
    """Tell of lines that may be no sales, by a column's levels or because it says yes of them."""
    return _flagged(column, levels, glance, decided) or _no_goods(column, levels, glance, decided)


def _flagged(
    column: str, levels: Mapping[str, int], glance: Glance, decided: Mapping[str, str | None]
) -> list[str]:
    """Tell of a column that says yes of lines that may be no sales, such as samples or drafts, with their money."""
    yes = [level for level in levels if level.lower() in YES]
    if "test" in decided or not yes or not {level.lower() for level in levels} <= NO | YES or len(levels) < 2:
        return []
    if not _HEADED["flags"].search(plain_heading(column)) or not decided.get("amount"):
        return []
    rows = sum(levels[level] for level in yes)
    said = (
        f"lower(trim(cast({quote(column)} as varchar))) in ({', '.join(literal(one.lower()) for one in yes)})"
    )
    amount = glance.number(str(decided["amount"]))
    [money] = glance.lines.row(f"select sum({amount}) from {glance.lines} where {said}")
    return [
        f"Column {column!r} says yes on {rows:,} lines with {money or 0:,.2f}, which count as sales; where they "
        f"are none, --mapping {flag('test', column)} leaves them out."
    ]


def _no_goods(
    column: str, levels: Mapping[str, int], glance: Glance, decided: Mapping[str, str | None]
) -> list[str]:
    """Tell of lines of taxes, gift cards, deposits and the like among the sales, with their money."""
    amount, heading = decided.get("amount"), plain_heading(column)
    if "type" in decided or not amount or _HEADED["no_lines"].search(heading):
        return []
    odd = [level for level in levels if _NO_GOODS.search(plain_level(level))]
    if not odd or not any(level.strip() and level not in odd for level in levels):
        return []
    text, value = f"coalesce(trim(cast({quote(column)} as varchar)), '')", glance.number(amount)
    sums = dict(glance.lines.rows(f"select {text}, sum({value}) from {glance.lines} group by 1"))
    odd = [level for level in odd if sums.get(level)]
    if not odd:
        return []
    shown = ", ".join(f"{level!r} ({levels[level]:,} lines, {sums[level]:,.2f})" for level in odd[:6])
    return [
        f"Column {column!r} is not used, and its lines of {shown} count like goods; where they are no sales, say "
        f"--mapping {flag('type', column)} and --rule {flag('type', odd[0] + ':ignore')} with the others as :counts."
    ]


def ask_what_is_left(
    glance: Glance, numbers: Sequence[str], mapping: Mapping[str, str], given: Mapping[str, str | None]
) -> list[Question]:
    """Ask which money was paid where one column is the amount less another one, whatever they are called."""
    columns = [  # an amount before the seller's fees is right
        one
        for one in numbers
        if not any(_HEADED[name].search(plain_heading(one)) for name in ("other_money", "sale_fees"))
    ][:_COLUMNS_COMPARED]
    if "amount" in given or len(columns) < 2 or {"discount", "refunded", "credit"} & {*mapping, *given}:
        return []
    base = mapping.get("amount") or f"{mapping.get('quantity')} x {mapping.get('unit_price')}"
    amount = (
        glance.number(mapping["amount"])
        if "amount" in mapping
        else " * ".join(f"({glance.number(mapping[name])})" for name in ("quantity", "unit_price"))
    )
    pairs = [(taken, rest) for taken in columns for rest in columns if taken != rest]
    values = {column: glance.number(column) for column in columns}
    tests = ", ".join(
        f"avg(cast(abs(({amount}) - abs({values[taken]}) - ({values[rest]})) < 0.006 as integer)), "
        f"count(*) filter (({values[taken]}) <> 0 and ({values[rest]}) <> 0)"
        for taken, rest in pairs
    )
    found = iter(glance.lines.row(f"select {tests} from {glance.lines}"))
    for (taken, rest), agree, differ in zip(pairs, *[found] * 2, strict=False):
        if differ >= 3 and agree is not None and agree >= 0.98:
            text = (
                f"column {rest!r} is {base!r} less {taken!r} on nearly all lines, and may be what was paid; say "
                f"--mapping {flag('amount', rest)}, or --mapping {flag('amount', mapping['amount'])} if it is not."
                if "amount" in mapping
                else f"column {rest!r} is {base!r} less {taken!r} on nearly all lines, and may be what was paid; say "
                f"--mapping {flag('amount', rest)}, or --rule price_discounted=true with --mapping "
                f"{flag('discount', taken)} if it is not."
            )
            stays = f"amount={mapping['amount']}" if "amount" in mapping else f"discount={taken}"
            return [Question(text, (f"amount={rest}", stays))]
    return []


def ask_about_fees(
    glance: Glance, numbers: Sequence[str], mapping: Mapping[str, str], given: Mapping[str, str | None]
) -> list[Question]:
    """Ask which money was paid where the amount is a price less what a marketplace or payment service keeps.

    Customers paid the price; the rest of it is what the seller got. Fees bound how far the two may differ; without
    them the heading of the amount must speak of a payout.
    """
    amount = mapping.get("amount", "")
    fees = [one for one in numbers if _HEADED["sale_fees"].search(plain_heading(one))]
    kept = [one for one in fees if not _HEADED["carriage"].search(plain_heading(one))]
    paid_out = _HEADED["paid_out"].search(plain_heading(amount)) is not None
    if not amount or "amount" in given or not (kept or paid_out):
        return []
    values = {one: glance.number(one) for one in [amount, *numbers]}
    prices = {f"amount={one}": values[one] for one in numbers if one not in fees}
    if "unit_price" in mapping:
        price = glance.number(mapping["unit_price"])
        if "quantity" in mapping:
            prices = {"amount=": f"({price}) * ({glance.number(mapping['quantity'])})", **prices}
        else:
            prices[f"amount={mapping['unit_price']}"] = price
    kept_back = " + ".join(f"coalesce(abs({values[one]}), 0)" for one in kept) or "1"
    most = " + ".join(f"coalesce(abs({values[one]}), 0)" for one in fees) if kept else f"{values[amount]} / 2"
    tests = ["count(*)"] + [
        f"count(*) filter (({price}) - ({values[amount]}) between 0.005 and {most} + 0.011)"
        for price in prices.values()
    ]
    sold, *less = glance.lines.row(
        f"select {', '.join(tests)} from {glance.lines} where {values[amount]} > 0 and {kept_back} > 0"
    )
    found = [one for one, lines in zip(prices, less, strict=True) if sold >= 3 and lines >= 0.8 * sold]
    if not found or sold < 0.5 * glance.rows:
        return []
    first = found[0].partition("=")[2] or f"{mapping['quantity']} x {mapping['unit_price']}"
    because = f"by no more than {', '.join(map(repr, fees))}" if kept else "on nearly all lines"
    text = (
        f"column {amount!r} is less than {first!r} {because}, and may be what the seller got; say --mapping "
        f"{flag('amount', found[0].partition('=')[2])} for what customers paid, or --mapping "
        f"{flag('amount', amount)} if that is right."
    )
    return [Question(text, (*found, f"amount={amount}"))]
