"""Questions about which money column was paid, when one column equals another minus a third."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cltv_ml.columns.amount_hints import PAID
from cltv_ml.columns.candidates import named
from cltv_ml.columns.glance import COLUMNS_COMPARED, Glance
from cltv_ml.columns.headings import SYNONYMS, plain_heading
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.overlooked_numbers import HEADED
from cltv_ml.columns.questions import Question
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.tendered import find_opposite, find_tendered


def _may_be_deducted(deducted: str, net: str) -> bool:
    """Whether two columns differ in more than their numbers, as "Amount 1" and "Amount 2" do not."""
    return re.sub(r"\d+", "", deducted) != re.sub(r"\d+", "", net)


def ask_what_is_left(
    glance: Glance, numbers: Sequence[str], mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> list[Question]:
    """Ask which money was paid if one column equals the amount minus another, whatever their headings."""
    columns = [  # an amount before the seller's fees is correct
        column
        for column in numbers
        if not any(
            HEADED[name].search(plain_heading(column))
            for name in ("other_money", "sale_fees", "carriage", "negative")
        )
    ][:COLUMNS_COMPARED]
    if "amount" in explicit or len(columns) < 2 or {"discount", "refunded", "credit"} & {*mapping, *explicit}:
        return []
    base = mapping.get("amount") or f"{mapping.get('quantity')} x {mapping.get('unit_price')}"
    amount = (
        glance.number(mapping["amount"])
        if "amount" in mapping
        else " * ".join(f"({glance.number(mapping[name])})" for name in ("quantity", "unit_price"))
    )
    pairs = [(deducted, net) for deducted in columns for net in columns if _may_be_deducted(deducted, net)]
    values = {column: glance.number(column) for pair in pairs for column in pair}
    agreements = glance.lines.aggregate(
        {
            (deducted, net): (
                f"avg(cast(abs(({amount}) - abs({values[deducted]}) - ({values[net]})) < 0.006 as integer))",
                f"count(*) filter (({values[deducted]}) <> 0 and ({values[net]}) <> 0) "
                f"* cast(sum(abs({values[net]})) >= sum(abs({values[deducted]})) as integer)",
            )
            for deducted, net in pairs
        }
    )
    for (deducted, net), (agree, differ) in agreements.items():
        if differ >= 3 and agree is not None and agree >= 0.98:
            text = (
                f"column {net!r} equals {base!r} minus {deducted!r} on nearly all lines and may be the amount "
                f"paid. Use --mapping {flag('amount', net)} if it is, or --mapping "
                f"{flag('amount', mapping['amount'])} if it is not."
                if "amount" in mapping
                else f"column {net!r} equals {base!r} minus {deducted!r} on nearly all lines and may be the "
                f"amount paid. Use --mapping {flag('amount', net)} if it is, or --rule "
                f"price_discounted=true with --mapping {flag('discount', deducted)} if it is not."
            )
            stays = f"amount={mapping['amount']}" if "amount" in mapping else f"discount={deducted}"
            return [Question(text, (f"amount={net}", stays))]
    return []


def ask_about_shares(
    glance: Glance, numbers: Sequence[str], mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> list[Question]:
    """Ask which money was paid if a line occurs once per payment, each time with the full amount."""
    amount, order = mapping.get("amount", ""), mapping.get("order_id", "")
    if not amount or not order or "amount" in explicit:
        return []
    for paid in (column for column in numbers if PAID.search(plain_heading(column))):
        groups, shared, single, differing = glance.lines.row(
            "select count(*) filter (n > 1 and paid < n * amount - 0.006), "
            "count(*) filter (n > 1 and abs(paid - amount) < 0.006), count(*) filter (n = 1), "
            "count(*) filter (n = 1 and abs(paid - amount) > 0.006) from (select count(*) as n, sum(p) as paid, a as "
            f"amount from (select {quote(order)} as o, {glance.number(amount)} as a, {glance.number(paid)} as p "
            f"from {glance.lines}) where a > 0 group by o, a)"
        )
        if shared and shared == groups and differing <= 0.1 * single:
            text = (
                f"{shared:,} lines occur once per payment, each time with the full {amount!r} and a share of "
                f"it in {paid!r}. Use --mapping {flag('amount', paid)} for what was paid, or --mapping "
                f"{flag('amount', amount)} if these are different items."
            )
            return [Question(text, (f"amount={paid}", f"amount={amount}"))]
    return []


def ask_about_fees(
    glance: Glance, numbers: Sequence[str], mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> list[Question]:
    """Ask which money was paid if the amount is a price minus the fees of a marketplace or payment service.

    Customers paid the price; the seller received the rest. The two may differ by at most the fees; without a column
    of fees, the heading of the amount must mention a payout.
    """
    amount = mapping.get("amount", "")
    fees = [column for column in numbers if HEADED["sale_fees"].search(plain_heading(column))]
    deducted = [column for column in fees if not HEADED["carriage"].search(plain_heading(column))]
    paid_out = HEADED["paid_out"].search(plain_heading(amount)) is not None
    if not amount or "amount" in explicit or not (deducted or paid_out):
        return []
    values = {column: glance.number(column) for column in [amount, *numbers]}
    if find_tendered(glance.lines, values[amount], {column: values[column] for column in numbers}):
        return []  # what was given at the till, and the change
    prices = {f"amount={column}": values[column] for column in numbers if column not in fees}
    if "unit_price" in mapping:
        price = glance.number(mapping["unit_price"])
        if "quantity" in mapping:
            prices = {"amount=": f"({price}) * ({glance.number(mapping['quantity'])})", **prices}
        else:
            prices[f"amount={mapping['unit_price']}"] = price
    deductions = " + ".join(f"coalesce(abs({values[column]}), 0)" for column in deducted) or "1"
    most = (
        " + ".join(f"coalesce(abs({values[column]}), 0)" for column in fees)
        if deducted
        else f"{values[amount]} / 2"
    )
    tests = ["count(*)"] + [
        f"count(*) filter (({price}) - ({values[amount]}) between 0.005 and {most} + 0.011)"
        for price in prices.values()
    ]
    sold, *agreeing = glance.lines.row(
        f"select {', '.join(tests)} from {glance.lines} where {values[amount]} > 0 and {deductions} > 0"
    )
    fitting = [
        price for price, lines in zip(prices, agreeing, strict=True) if sold >= 3 and lines >= 0.8 * sold
    ]
    if not fitting or sold < 0.5 * glance.rows:
        return []
    first = fitting[0].partition("=")[2] or f"{mapping['quantity']} x {mapping['unit_price']}"
    because = f"by at most {', '.join(map(repr, fees))}" if deducted else "on nearly all lines"
    text = (
        f"column {amount!r} is lower than {first!r} {because}, so it may be the seller's payout. Use "
        f"--mapping {flag('amount', fitting[0].partition('=')[2])} for what customers paid, or --mapping "
        f"{flag('amount', amount)} if the amount is correct."
    )
    return [Question(text, (*fitting, f"amount={amount}"))]


def ask_about_opposites(
    glance: Glance, numbers: Sequence[str], mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> list[Question]:
    """Ask about money that only lines without an amount have, such as that of returns or payments."""
    if "amount" not in mapping or {"amount", "credit"} & {*explicit} or "credit" in mapping:
        return []
    kinds = ("discount", "price", "other_money", "sale_fees", "carriage")
    plain = {column: plain_heading(column) for column in numbers}
    tried = [column for column in numbers if not any(HEADED[kind].search(plain[column]) for kind in kinds)]
    amount = glance.number(mapping["amount"])
    dated = (
        f"trim(cast({quote(mapping['timestamp'])} as varchar)) <> ''" if "timestamp" in mapping else "true"
    )
    found = find_opposite(glance.lines, amount, {column: glance.number(column) for column in tried}, dated)
    if not found:
        return []
    column, lines, money, amounts = found
    text = (
        f"column {column!r} has {money:,.2f} on {lines:,} lines, nearly all with 0 in {mapping['amount']!r}. Use "
        f"--mapping {flag('credit', column)} if this was given back, as for returns, or --mapping credit= if not."
    )
    answers = (f"credit={column}", "credit=")
    return [Question(text, answers if money < amounts / 2 else answers[::-1])]


def doubt_price(
    kinds: Mapping[str, str], mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> list[Question]:
    """Ask about a price used as the amount if the quantities cannot be read as numbers."""
    price = mapping.get("amount", "")
    if {"amount", "quantity"} & set(explicit) or "quantity" in mapping:
        return []
    texts = [column for column, kind in kinds.items() if kind == "text" and column not in mapping.values()]
    counts = named("quantity", texts)
    if not counts or plain_heading(price) not in SYNONYMS["amount"][-1].split():
        return []
    text = (
        f"column {counts[0]!r} seems to be the quantity but contains words, so {price!r} could be the price "
        f"of one item or of the line. Use --mapping {flag('amount', price)} for the line, or export "
        f"{counts[0]!r} as numbers."
    )
    return [Question(text, (f"amount={price}",))]
