"""Evidence of whether amounts are per line or per order: headings are the prior, the data decide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cltv_ml.columns.headings import PER_LINE, PER_ORDER, plain_heading
from cltv_ml.columns.joined_lines import find_line_id
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question, QuestionsError
from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import MONEY_SCALE, Relation, keep
from cltv_ml.money import log_amount

#: Approximate number of lines, from whole orders, sampled to decide between line and order amounts.
_SAMPLE_LINES = 100_000

#: Lines that show whether products are named.
_NAMING_LINES = 20_000

#: Headings of the price of one line.
_LINES_MONEY = re.compile(
    "^(line|lineitem|item|product|position|zeilen|posten|artikel)s?(total|amount|subtotal|sum|value|betrag|summe)$"
    "|^(line|item|sku|product|article|position)s?total(price|value|amount|sum)?$|^total(line|item|sku)$"
)

#: Headings from tables that are often joined to order lines.
_JOINED = re.compile(
    "shipment|parcel|package|tracking|fulfil|deliver(y|ies)(id|no|nr|number)|payment(id|no|nr|number)|lieferschein"
)

#: Headings that number the payments of an order.
_PAYMENT_NUMBER = re.compile("^(payment|tender)(seq(uential|uence|no)?|number|no|nr|index)$")

#: Headings of the numbers of payments.
_PAYMENTS = re.compile(
    "^(payment|paymt|pmt|tender|charge|capture|zahlung|zahlungs|paiement|pago|pagamento|betaling|betalings|platnosc)s?"
    "(id|no|nr|number|ref|reference|nummer|key)$|^(id|no|nr)(payment|pago|pagamento|paiement|platnosci)$"
)


@dataclass(frozen=True)
class OrdersSeen:
    """Counts from a sample of orders with several lines each."""

    orders: int  # whose lines differ in their product, or in any column if there is no product
    constant: int  # of these, with one amount on all lines
    further: int  # lines of these beyond the first of their order
    chance: float  # probability that two orders have the same amount
    lines: int  # of all orders
    again: (
        int  # of these, equal to an earlier line of the order in product and amount, but not in all columns
    )
    long: int  # of three lines or more
    summed: int  # of these, with one line that is the sum of the others
    again_money: float  # of the lines counted in `again`


def names_products(raw: Raw, lines: Lines) -> bool:
    """Whether the first lines that count name a product, if a status may leave out others."""
    if not {"state", "reading"} & lines.columns:
        return "product_id" in raw.mapping
    first = f"source_row < {_NAMING_LINES}"
    return "product_id" in raw.mapping and lines.parsed.holds(
        f"{first} and product_id_hash <> hash(cast(null as varchar)) and source_row in (select source_row "
        f"from {lines.marks} where {first} and rule is null and money > 0)"
    )


def look_at_orders(marks: Relation, by_product: bool) -> OrdersSeen:
    """Return counts from a sample of orders with several lines."""
    state = "state" if "state" in marks.kinds else "null"
    # Equal lines are gathered first, since that costs far less than counting distinct ones; two values differ where
    # the least is below the most.
    alike = keep(
        marks.con,
        "alike",
        f"select by_order, by_product, money, {state} as state, line_hash, count(*) as n, sum(money) as total "
        f"from {marks} where rule is null and not is_return and money > 0 "
        f"and by_order % {marks.count() // _SAMPLE_LINES + 1} = 0 group by all",
    )
    if not alike.rows(f"select by_order from {alike} group by 1 having sum(n) > 1 limit 1"):
        return OrdersSeen(0, 0, 0, 1.0, alike.count(), 0, 0, 0, 0.0)
    differ = "products" if by_product else "hashes > 1"
    row = alike.row(
        "with orders as ("
        "    select by_order, sum(n) as n, min(money) as least, max(money) as top, sum(total) as total, "
        "        min(by_product) < max(by_product) as products, count(*) as hashes, "
        f"        min(state) < max(state) as states from {alike} group by 1"
        f"), repeated as (select count(*) - 1 as m, m * money as again from {alike} "
        "    group by by_order, by_product, money"
        f"), several as (select *, {differ} or states as differs from orders where n > 1"
        "), tops as (select count(*) as n from orders group by top"
        # Few tables are joined, of one row each: the engine weighs every order of them.
        ") select * from (select count(*) filter (differs), count(*) filter (differs and least = top), "
        "        coalesce(sum(hashes - 1) filter (differs), 0), count(*) filter (n > 2), "
        "        count(*) filter (n > 2 and 2 * top = total) from several), "
        "    (select coalesce(sum(n * (n - 1)) / nullif(sum(n) * (sum(n) - 1), 0), 0) from tops), "
        "    (select count(*), coalesce(sum(n), 0) from orders), "
        "    (select coalesce(sum(m), 0), coalesce(sum(again), 0) from repeated)"
    )
    orders, constant, further, long, summed, chance, all_orders, lines, again, money = row
    chance = max(float(chance), 1 / (all_orders + 1))
    again, money = (int(again), money / MONEY_SCALE) if by_product else (0, 0.0)
    return OrdersSeen(orders, constant, int(further), chance, int(lines), again, long, summed, money)


def take_joined_once(raw: Raw, aside: Aside, rules: Rules, sample: OrdersSeen) -> list[str]:
    """Quarantine copies of lines that a join repeated, if the user said so; return a note on lines that may be copies.

    Raises
    ------
    QuestionsError
        Another column has one id on the lines that seem to be copies.
    """
    joined = any(_JOINED.search(plain_heading(column)) for column in raw.unused)
    counted = {"product_id", "quantity"} <= set(raw.mapping) or (joined and "product_id" in raw.mapping)
    if not counted or sample.again < max(1 if joined else 3, 0.01 * sample.lines):
        return []
    told = f"{sample.again:,} of {sample.lines:,} sampled lines, with a total of "
    twice = ", repeat the product and amount of an earlier line in their order"
    order, columns = quote(raw.mapping["order_id"]), Columns(raw.table, rules, ask=False)
    money = columns.number(raw.mapping.get("amount") or raw.mapping["quantity"])
    same = [money, *(quote(raw.mapping[name]) for name in ("product_id", "quantity") if name in raw.mapping)]
    may_be_ids = {column: quote(column) for column in raw.unused}
    own = (
        find_line_id(raw.table, order, same, f"{money} > 0", may_be_ids)
        if "repeated_line" not in rules.off
        else ""
    )
    if own and rules.applies("repeated_line"):
        number = f"row_number() over (partition by {order}, {quote(own)} order by source_row) > 1"
        ids = (
            f"{raw.table} anti join {aside} using (source_row) where {money} > 0 and {quote(own)} is not null"
        )
        copies = f"select source_row from {ids} qualify {number}"
        aside.add("repeated_line", copies)
        return []
    if own:
        question = (
            f"{told}{sample.again_money:,.2f}{twice} and have its {own!r}. Use --rule on=repeated_line if a join with "
            "another table repeated them, so that each counts once, or --rule off=repeated_line if all are sales."
        )
        raise QuestionsError([Question(question, ("on=repeated_line", "off=repeated_line"))])
    unused = f" (not used: {', '.join(map(repr, raw.unused))})" if raw.unused else ""
    return [
        f"{told}{log_amount(sample.again_money)}{twice} but differ in another column{unused}. If the lines were joined "
        "to another table, such as shipments or payments, they count more than once."
    ]


def doubt_undone_lines(raw: Raw, lines: Lines, rules: Rules) -> list[str]:
    """Return a note on orders with one total of which only some products were cancelled or given back.

    Raises
    ------
    QuestionsError
        Another column may hold the money of each line.
    """
    if rules.amount_per or "product_id" not in raw.mapping:
        return []
    undone = "rule = 'not_completed'" + (" or reading = 'refund'" if "reading" in lines.columns else "")
    orders, money = lines.marks.row(
        "select count(*), coalesce(sum(total), 0) from (select max(money) as total, count(*) as n, "
        f"count(*) filter ({undone}) as undone from {lines.marks} where by_order is not null and money > 0 "
        "and not is_return group by by_order having n > 1 and count(distinct by_product) = n "
        "and min(money) = max(money) and undone between 1 and n - 1)"
    )
    if not orders:
        return []
    amount = raw.mapping["amount"]
    text = (
        f"{orders:,} orders with a total of {money / MONEY_SCALE:,.2f} contain both lines that count and lines "
        f"that were cancelled or given back, and {amount!r} is the total of an order"
    )
    own = [column for column in raw.unused if _LINES_MONEY.search(plain_heading(column))]
    own = [raw.mapping["unit_price"]] if "unit_price" in raw.mapping else own
    computed = {"quantity", "unit_price"} <= set(raw.mapping)
    if not own:
        return [f"{text[0].upper()}{text[1:]}, so it cannot be reduced by such a line."]
    advice = "--mapping amount=" if computed else f"--mapping {flag('amount', own[0])}"
    question = (
        f"{text}. Use {advice} to count the money of each line, or --rule amount_per=order to take the whole "
        "orders as they are."
    )
    answer = "amount=" if computed else f"amount={own[0]}"
    raise QuestionsError([Question(question, (answer, "amount_per=order"))])


def whose_money(raw: Raw, rules: Rules) -> str:
    """Return whether the amount is per order or per line, judged by a price or another column with the money of a line.

    Returns
    -------
    "order" where the amount stays the same on an order's lines whose own money differs, or on those of one numbered
    payment; "line" where it is that money on each line of orders with several products; else nothing.
    """
    if not {"order_id", "timestamp", "amount"} <= set(raw.mapping):
        return ""
    columns = Columns(raw.table, rules, ask=False)
    line_money = [
        columns.number(column) for column in raw.unused if _LINES_MONEY.search(plain_heading(column))
    ]
    if {"quantity", "unit_price"} <= set(raw.mapping):
        line_money.append(
            " * ".join(columns.number(raw.mapping[name]) for name in ("quantity", "unit_price"))
        )
    elif "unit_price" in raw.mapping:
        line_money.append(columns.number(raw.mapping["unit_price"]))
    order, time = (f"cast({quote(raw.mapping[name])} as varchar)" for name in ("order_id", "timestamp"))
    product = quote(raw.mapping["product_id"]) if "product_id" in raw.mapping else "null"
    amount = columns.number(raw.mapping["amount"])
    numbered = [name for name in raw.unused if _PAYMENT_NUMBER.search(plain_heading(name))]
    if numbered and re.search("^pa(id|ym)|tender", plain_heading(raw.mapping["amount"])):
        several, alike = columns.row(
            "select count(*), count(*) filter (least = most) from ("
            f"select min({amount}) as least, max({amount}) as most from {raw.table} where {amount} > 0 "
            f"group by {order}, {quote(numbered[0])} having count(*) > 1)"
        )
        if several and alike >= 0.95 * several:
            return "order"
    if _are_sums(columns, order, amount, line_money[:3]):
        return "order"
    for value in line_money[:3]:
        differ, stays, several, alike = columns.row(
            "select count(*) filter (differ), count(*) filter (differ and least = most and most >= biggest), "
            "count(*) filter (products > 1), count(*) filter (products > 1 and alike) from ("
            f"select min({amount}) as least, max({amount}) as most, max({value}) as biggest, "
            f"max({value}) > 1.001 * min({value}) as differ, count(distinct {product}) as products, "
            f"bool_and(abs({amount} - ({value})) < 0.006) as alike "
            f"from (from {raw.table} limit 20000) where {amount} > 0 and {value} > 0 group by {order}, {time})"
        )
        if differ and stays >= 0.95 * differ:
            return "order"
        if several and alike >= 0.95 * several:
            return "line"
    return ""


def _are_sums(columns: Columns, order: str, amount: str, line_money: Sequence[str]) -> bool:
    """Whether the one amount of each order of several lines is the sum of their own money."""
    for value in line_money:
        several, summed = columns.row(
            "select count(*), count(*) filter (least = most and abs(total - most) < 0.011) from ("
            f"select min({amount}) as least, max({amount}) as most, sum({value}) as total "
            f"from (from {columns.table} limit 20000) where {amount} > 0 and {value} > 0 group by {order} "
            "having count(*) > 1)"
        )
        if several and summed >= 0.95 * several:
            return True
    return False


def repeats_totals(sample: OrdersSeen, column: str, payments: str = "") -> bool:
    """Whether the amount is the order total: equal on the lines of nearly all orders, more often than by chance.

    Parameters
    ----------
    payments
        The column that numbers the payments, if each line is one: an order may be paid in equal parts.
    """
    if not sample.orders or sample.constant < 0.95 * sample.orders:
        return False
    by_chance = sample.chance**sample.further
    heading = plain_heading(column)
    decided, doubted = 1e-3, 0.03
    if PER_LINE.search(heading):
        decided, doubted = -1, 1e-3  # tickets with a single price each are lines, too
    elif PER_ORDER.search(heading):
        decided = doubted = 1.0
    answers = ("amount_per=order", "amount_per=line")
    if payments and decided <= doubted and not PER_ORDER.search(heading) and by_chance <= doubted:
        decided, answers = -1, answers[::-1]
    if decided < by_chance <= doubted:
        text = (
            f"column {column!r} has the same amount on all lines of the {sample.constant:,} orders whose lines "
            "differ. Use --rule amount_per=order if it is the order total, which then counts once, or "
            "--rule amount_per=line if each line has its own amount."
        )
        raise QuestionsError([Question(text, answers)])
    return by_chance <= decided


def number_of_payments(raw: Raw) -> str:
    """Return the column that gives each line the number of a payment of its own; empty if there is none."""
    for column in (name for name in raw.unused if _PAYMENTS.search(plain_heading(name))):
        [unique] = raw.table.row(
            f"select count(distinct {quote(column)}) = count(*) from (from {raw.table} limit 20000)"
        )
        if unique:
            return column
    return ""


def tell_of_lost_refunds(lines: Lines, aside: Aside) -> list[str]:
    """Return a note on refunds that stand only on lines that repeat the total of their order."""
    if "refunded" not in lines.columns:
        return []
    each = "greatest(sum(distinct cents), sum(cents) / count(distinct by_product))"
    each = each if "product_id" in lines.columns else "sum(distinct cents)"
    orders, money = lines.marks.row(
        f"select count(*), coalesce(sum(lost), 0) from (select {each} / 100 - "
        "coalesce(max(cents) filter (repeats is null), 0) / 100 as lost from (select by_order, by_product, "
        "cast(round(refunded * 100) as bigint) as cents, aside.rule as repeats "
        f"from {lines.marks} as marks join (select source_row, refunded from {lines.parsed} where refunded > 0) "
        f"using (source_row) left join {aside} as aside using (source_row) where by_order is not null "
        "and not is_return and coalesce(aside.rule, 'repeated_total') = 'repeated_total') group by by_order) "
        "where lost > 0.005"
    )
    if not orders:
        return []
    return [
        f"{orders:,} orders have other refunds, {money:,.2f} in total, on lines that repeat their total; only the "
        "refund on the first line was subtracted. To subtract all, sum up the refunds of each order in the export."
    ]


def tell_of_equal_lines(sample: OrdersSeen, column: str) -> list[str]:
    """Return a note if the few orders with several lines repeat one amount on all of them, and each counts."""
    if not sample.orders or sample.constant < sample.orders or PER_LINE.search(plain_heading(column)):
        return []
    return [
        f"Column {column!r} has the same amount on all lines of the {sample.orders:,} orders whose lines "
        "differ. These are too few to show whether it is the order total, so each line counts (--rule "
        "amount_per=order counts it once per order)."
    ]
