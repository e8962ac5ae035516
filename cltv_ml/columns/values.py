"""SQL of each standard column: read from a source column or computed from others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial

from cltv_ml.columns.currency import check_signs
from cltv_ml.columns.discounts import (
    check_one_form,
    find_net,
    is_in_usual_prices,
    less_discount,
    multiply_discount,
    subtract_shown_discount,
)
from cltv_ml.columns.headings import PRICE_PER, plain_heading
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.numerals import WHOLE_CURRENCIES
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question, QuestionsError, questions_of
from cltv_ml.columns.rates import rate_of_lines
from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.sales import Sales, read_sales
from cltv_ml.errors import InputError
from cltv_ml.money import THOUSANDTHS
from cltv_ml.sources.measures import unit_of
from cltv_ml.tables import TRANSACTIONS

#: Headings of amounts that may be before the discount.
_BEFORE_DISCOUNT = re.compile(
    "^gross|^(subtotal|zwischensumme|soustotal|subtotale)$|^list|^original(price|total|amount|value)|^full(price|total|amount)"
    "|before(discount|promo)|undiscounted|vorrabatt|avantremise|^listen|antesdel?descuento|primadellosconto"
)

#: Fewest lines with a discount that show that amounts are before it.
_FEWEST_OFF = 3

#: Columns of money.
_MONEY = frozenset(("amount", "unit_price", "discount", "cost", "unit_cost", "profit"))

_READ_AS = {"string": Columns.identifier, "timestamp": Columns.timestamp, "number": Columns.number}


def open_questions(raw: Raw) -> tuple[Question, ...]:
    """Return the open questions about the mapped columns, even if columns are missing."""
    questions: list[Question] = []
    columns = Columns(raw.table, raw.rules)
    values = _expressions(raw, columns, questions)
    sales = read_sales(columns, raw.mapping, columns.rules.levels, values.get("amount", ""))
    return (*questions, *sales.questions)


def understand(raw: Raw, columns: Columns) -> tuple[dict[str, str], Sales]:
    """Return the SQL of each standard column, and the reading of completed sales.

    Raises
    ------
    QuestionsError
        Open questions about the columns.
    """
    questions: list[Question] = []
    values = _expressions(raw, columns, questions)
    sales = read_sales(columns, raw.mapping, columns.rules.levels, values.get("amount", ""))
    questions += sales.questions
    if questions:
        raise QuestionsError(questions)
    if sales.takes_back:
        for name in {"amount", "quantity"} & set(values):
            values[name] = f"if({sales.takes_back}, -abs({values[name]}), {values[name]})"
    if sales.reading:
        values["reading"] = sales.reading
    if sales.state:
        values["state"] = sales.state
    if "returned_quantity" in raw.mapping and "quantity" in values and not sales.refunded:
        came_back = columns.number(raw.mapping["returned_quantity"])
        share = f"least(abs({came_back}) / nullif(abs({values['quantity']}), 0), 1)"
        values["refunded"] = f"abs({values['amount']}) * coalesce({share}, 0)"
    if sales.refunded:
        refunded = values["refunded"] = _money_given_back(raw, columns, values, sales)
        # A refund on a separate row is money back; within an order only the type identifies that row.
        is_refund = f"coalesce({values['amount']}, 0) = 0 and {refunded} > 0"
        if "order_id" not in raw.mapping:
            values["amount"] = f"if({is_refund}, -({refunded}), {values['amount']})"
        elif sales.takes_back or _stand_alone(raw, columns, is_refund):
            is_refund = (
                f"coalesce({sales.takes_back}, false) and {is_refund}" if sales.takes_back else is_refund
            )
            values["amount"] = f"if({is_refund}, -({refunded}), {values['amount']})"
            values["refunded"] = (
                f"if({is_refund}, 0, {refunded})"  # else it would be deducted from the order a second time
            )
    return values, sales


def _stand_alone(raw: Raw, columns: Columns, is_refund: str) -> bool:
    """Whether lines without an amount contain the refunds of orders whose other lines have none."""
    if not columns.table.holds(is_refund):
        return False
    order, refunded = columns.quote(raw.mapping["order_id"]), columns.number(raw.mapping["refunded"])
    return not columns.table.holds(
        f"{order} in (select {order} from {columns.table} where {is_refund}) "
        f"and ({refunded}) <> 0 and not ({is_refund})"
    )


def _money_given_back(raw: Raw, columns: Columns, values: dict[str, str], sales: Sales) -> str:
    """Return SQL for the refund of a line's order in the log's currency, as its amount is."""
    refunded = _in_currency(columns, raw.mapping["refunded"], sales.refunded, raw.mapping.get("currency"))
    if "currency" not in values or not (columns.rules.rates or columns.rules.rate_table):
        return refunded
    rate = rate_of_lines(raw, columns, values)
    return f"({refunded}) * ({rate})" if rate else refunded


def _ask(questions: list[Question], read: Callable[..., str], *args: str) -> str:
    """Return the result of `read`; if it raises InputError, add its questions to `questions` and return "null"."""
    try:
        return read(*args)
    except InputError as error:
        questions += questions_of(error)
        return "null"


def _expressions(raw: Raw, columns: Columns, questions: list[Question]) -> dict[str, str]:
    """Return the SQL of each standard column that the source has or that can be computed."""
    mapping = raw.mapping
    try:
        money = mapping.get("amount") or mapping.get("unit_price")
        if money:
            check_signs(columns, money, mapping.get("currency"))
    except InputError as error:
        questions += questions_of(error)
    if "time_of_day" in mapping and "timestamp" in mapping:
        columns.clocks[mapping["timestamp"]] = mapping["time_of_day"]
    values = {
        name: _ask(questions, partial(_READ_AS[column.kind], columns), mapping[name])
        for name, column in TRANSACTIONS.columns.items()
        if name in mapping
    }
    number = {
        name: _ask(questions, columns.number, mapping[name])
        for name in ("unit_price", "unit_cost", "profit")
        if name in mapping
    }
    for name in ("amount", "unit_price"):
        table = values if name in values else number
        if name in mapping and columns.kinds[mapping[name]] == "VARCHAR":  # a share is not an amount
            table[name] = f"if(suffix(trim({columns.quote(mapping[name])}), '%'), null, {table[name]})"
    for table in (values, number):
        table |= {
            name: _in_currency(columns, mapping[name], table[name], mapping.get("currency"))
            for name in _MONEY & set(table) & set(mapping)
        }
    if "credit" in mapping and "amount" in mapping:
        credit = _ask(questions, columns.number, mapping["credit"])
        credit = _in_currency(columns, mapping["credit"], credit, mapping.get("currency"))
        values["amount"] = f"coalesce({values['amount']} - coalesce({credit}, 0), -({credit}))"
        if mapping["credit"] == mapping["amount"]:  # sales are booked below 0
            values["amount"] = f"-({credit})"
            columns.notes.append(
                f"Most numbers in column {mapping['amount']!r} are below 0, as sales booked as credits are, so their "
                "sign was reversed (--mapping credit= keeps it)."
            )
            if "quantity" in values:
                values["quantity"] = f"abs({values['quantity']}) * if({credit} > 0, -1, 1)"
    _derive(columns, mapping, values, number, questions)
    if "cancels" in mapping:
        values["cancels"] = f"nullif({columns.identifier(mapping['cancels'])}, '0')"
    if "version" in mapping:
        read = columns.number if _counts_versions(columns, mapping["version"]) else columns.timestamp
        values["version"] = _ask(questions, read, mapping["version"])
    if "currency" in mapping:
        values["currency"] = columns.currency(mapping["currency"])
        rate = _ask(questions, partial(rate_of_lines, raw, columns, values))
        for name in {"amount", "discount", "cost"} & set(values) if rate else ():
            values[name] = f"({values[name]}) * ({rate})"
    return values


def _counts_versions(columns: Columns, column: str) -> bool:
    """Whether versions of an order are numbered from 1 on rather than dated."""
    text = f"trim(cast({columns.quote(column)} as varchar))"
    [small] = columns.row(
        f"select bool_and(regexp_full_match({text}, '\\d{{1,4}}(\\.0+)?')) from {columns.table} where {text} <> ''"
    )
    return bool(small) or "version" in column.lower()


def _derive(
    columns: Columns,
    mapping: Mapping[str, str],
    values: dict[str, str],
    number: MutableMapping[str, str],
    questions: list[Question],
) -> None:
    """Add amount, discount and cost computed from unit prices, rates, unit costs or profits."""
    for name in {"discount", "discount_rate"} & set(mapping):
        _ask(questions, partial(check_one_form, columns), mapping[name])
    computed = "amount" not in mapping and {"quantity", "unit_price"} <= set(mapping)
    if computed:
        _divide_price(columns, mapping, number)
        values["amount"] = f"({values['quantity']}) * ({number['unit_price']})"
    before = computed or _BEFORE_DISCOUNT.search(plain_heading(mapping.get("amount", ""))) is not None
    lone = not before and {"amount", "discount"} <= set(values) and "unit_price" not in number
    if lone and columns.rules.price_discounted is None:
        subtract_shown_discount(columns, mapping, values)
    before = before or (lone and columns.rules.price_discounted is False)
    if not computed and {"amount", "quantity"} <= set(values) and "unit_price" in number:
        whole = f"({values['quantity']}) * ({number['unit_price']})"
        stated = f"abs({values['discount']})" if "discount" in values else ""
        if before and stated:
            before = not _is_less(columns, values["amount"], whole, stated)
        elif stated:
            before = _is_whole(columns, values["amount"], whole, stated)
        elif before and "discount_rate" in mapping:
            deduction = f"abs({whole}) * {columns.share(mapping['discount_rate'])}"
            before = not _is_less(columns, values["amount"], whole, deduction)
    if computed and "discount" in values and columns.rules.price_discounted is None:
        multiply_discount(columns, mapping["discount"], values)
        before = not is_in_usual_prices(columns, mapping, values, number["unit_price"])
    if (
        before
        and "discount" in values
        and not _is_taken_off(columns, mapping["discount"], (values["amount"], values["discount"]), questions)
    ):
        values["amount"] = less_discount(values)
    if "discount_rate" in mapping and "discount" not in values and "amount" in values:
        rate = columns.share(mapping["discount_rate"])
        certainly_before = computed and columns.rules.price_discounted is None
        off = before and (
            certainly_before
            or not _is_taken_off(
                columns,
                mapping["discount_rate"],
                (values["amount"], f"({values['amount']}) * {rate}"),
                questions,
                True,
            )
        )
        if not off:
            values["discount"] = f"coalesce(({values['amount']}) * {rate} / nullif(1 - {rate}, 0), 0)"
        else:  # the money is then before the discount
            values["discount"] = f"coalesce(({values['amount']}) * {rate}, 0)"
            values["amount"] = f"({values['amount']}) * (1 - coalesce({rate}, 0))"
    if "cost" not in values and "unit_cost" in number and "quantity" in values:
        values["cost"] = f"({values['quantity']}) * ({number['unit_cost']})"
    elif "cost" not in values and "profit" in number and "amount" in values:
        values["cost"] = f"({values['amount']}) - ({number['profit']})"


def _is_less(columns: Columns, amount: str, whole: str, off: str) -> bool:
    """Whether amounts are the whole less its discount on all lines with a discount."""
    lines, less = columns.row(
        f"select count(*), count(*) filter (abs(abs({amount}) - abs({whole}) + {off}) < 0.011) from {columns.table} "
        f"where {off} > 0.02"
    )
    return bool(lines and less == lines)


def _is_whole(columns: Columns, amount: str, whole: str, off: str) -> bool:
    """Whether amounts are quantity times price on all of several lines with a discount, so that it is not in them."""
    lines, same = columns.row(
        f"select count(*), count(*) filter (abs(abs({amount}) - abs({whole})) < 0.011) from {columns.table} "
        f"where {off} > 0.02 and {amount} <> 0"
    )
    return bool(lines >= _FEWEST_OFF and same == lines)


def _divide_price(columns: Columns, mapping: Mapping[str, str], number: MutableMapping[str, str]) -> None:
    """Convert the price to one item if a column says how many items it covers, such as 100, and note it."""
    for column in (name for name in columns.kinds if PRICE_PER.search(plain_heading(name))):
        value = Columns(columns.table, columns.rules, ask=False).number(column)
        allowed = f"coalesce({value}, 1) in (1, 10, 100, 1000, 10000)"
        if (
            column in mapping.values()
            or not columns.row(f"select bool_and({allowed}) from {columns.table}")[0]
        ):
            continue
        if columns.table.holds(f"{value} > 1"):
            number["unit_price"] = f"({number['unit_price']}) / coalesce({value}, 1)"
            columns.notes.append(
                f"Column {mapping['unit_price']!r} was divided by {column!r}, the number of items "
                "that a price covers."
            )


def _in_currency(columns: Columns, column: str, value: str, currency: str | None = None) -> str:
    """Return SQL for money in currency units if the heading says cents or thousands, and note it."""
    unit = columns.rules.money_unit or unit_of(column)
    if unit is None or unit == 1:
        return value
    [whole] = columns.row(f"select bool_and({value} = floor({value})) from {columns.table}")
    if columns.rules.money_unit is None and unit < 1 and not whole:
        columns.notes.append(
            f"The heading of column {column!r} suggests a smaller unit, but its values have "
            "decimals, so it was read unchanged."
        )
        return value
    divisor = f"{1 / unit:.0f}.0" if unit < 1 else ""
    if unit == 0.01 and currency and columns.rules.money_unit is None:
        code = columns.currency(currency)
        thousandths = f"when {code} in {THOUSANDTHS} then 1000.0"
        divisor = f"case when {code} in {WHOLE_CURRENCIES} then 1.0 {thousandths} else 100.0 end"
    conversion = f"divided by {1 / unit:,.0f}" if unit < 1 else f"multiplied by {unit:,.0f}"
    if "case" in divisor and columns.table.holds(f"{code} in {WHOLE_CURRENCIES + THOUSANDTHS}"):
        conversion = (
            "divided by the number of smallest units in each line's currency (100 cents, 1 yen, 1,000 fils)"
        )
    columns.notes.append(
        f"Column {column!r} was {conversion} because of its heading (--rule money_unit=1 reads it unchanged)."
        if columns.rules.money_unit is None
        else f"Column {column!r} was {conversion}, as the rule money_unit says; notes that compare columns state "
        "money as the file has it."
    )
    return f"({value}) / {divisor}" if divisor else f"({value}) * {unit:.0f}"


def _is_taken_off(
    columns: Columns, column: str, sold: tuple[str, str], questions: list[Question], share: bool = False
) -> bool:
    """Whether a discount is zero or already in the price; ask if no other column tells.

    Parameters
    ----------
    sold
        SQL of the amount, and of the money of its discount.
    """
    amount, discount = sold
    if columns.rules.price_discounted is not None:
        return columns.rules.price_discounted
    if columns.table.holds(f"{discount} <> 0"):
        if net := find_net(columns, amount, discount):
            columns.notes.append(
                f"The discount in {column!r} was subtracted, which gives {net!r} on each line with a discount (--rule "
                "price_discounted=true does not subtract it)."
            )
            return False
        percents = (
            "" if share else (f", or --mapping {flag('discount_rate', column)} if it contains percentages")
        )
        answers = () if share else (f"discount_rate={column}",)
        text = (
            f"column {column!r} contains discounts, and the amount of a line is its subtotal or quantity "
            "times unit price. Use --rule price_discounted=false if the discount must still be subtracted, "
            f"or --rule price_discounted=true if it is already subtracted{percents}."
        )
        questions.append(Question(text, ("price_discounted=false", "price_discounted=true", *answers)))
    return True
