"""The source's lines under the standard names, and the rule that each breaks by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from cltv_ml.data.days import Plausible, plausible_days
from cltv_ml.data.headings import plain_heading, unit_of
from cltv_ml.data.identifiers import doubt_spellings
from cltv_ml.data.mapping import flag
from cltv_ml.data.parse import Columns, is_number, is_time, quote
from cltv_ml.data.questions import Question, QuestionsError, questions_of
from cltv_ml.data.rates import rate_sql
from cltv_ml.data.rules import Rules
from cltv_ml.data.sales import Sales, describe_levels, read_sales
from cltv_ml.engine import MONEY_SCALE, literal
from cltv_ml.errors import InputError
from cltv_ml.tables import TRANSACTIONS

if TYPE_CHECKING:
    from cltv_ml.data.sources import Raw

#: Amounts from here on are taken for errors; below, sums of integer minor units cannot overflow.
LARGEST_AMOUNT = 1e12

#: Amounts that may be before the discount.
_BEFORE_DISCOUNT = ("subtotal", "zwischensumme", "soustotal", "subtotale")

#: Columns of money.
_MONEY = frozenset(("amount", "unit_price", "discount", "cost", "unit_cost", "profit"))

#: The customer's identifier as read, next to the source's own columns in the view `named`.
CUSTOMER = "customer_id as read"

_READ_AS = {"string": Columns.identifier, "timestamp": Columns.timestamp, "number": Columns.number}


def read_lines(raw: Raw, rules: Rules) -> tuple[list[str], pd.DataFrame]:
    """Make `lines`, the standard columns, and `marks`, what decides about each line.

    `marks` holds `source_row`, `rule` (the first rule that the line breaks by itself), `is_return`, `money`
    (the amount in integer minor units), `reading` (`'refund'` where a status says that the sale was undone),
    `state` (a hash of its statuses),
    `line_hash` of all the source's columns, and `by_product` and `by_order`, hashes of the customer with the
    product and with the order meant. Text is parsed once into a table; typed columns stay where they are. What
    a reader should know is returned, a sentence each, and how the levels of a status were read, see `Sales`.

    `touched`, still empty, is for the raw lines that are looked at again; `touched_lines` shows them as
    `lines` does, `named` as they came, besides the customer's identifier.

    Raises
    ------
    InputError
        A required column holds nothing that can be read.
    QuestionsError
        Something must be settled by the user, such as the rates of several currencies; all is asked at once.
    """
    columns = Columns(raw.con, rules)
    values, sales = _understand(raw, columns)
    selected = ", ".join(f"{expression} as {name}" for name, expression in values.items())
    quantity = "quantity" if "quantity" in values else "null"
    keys = {name: values.get(name, "null") for name in ("customer_id", "product_id", "order_id")}
    keyed = ", ".join(f"hash({expression}) as {name}_hash" for name, expression in keys.items())
    # What is an identifier as it stands is hashed once, for the keys and for the whole line.
    others = [quote(name) for name in columns.kinds if quote(name) not in keys.values()]
    keyed += f", hash({', '.join(others or ['null'])}) as rest_hash"
    refers = "if(is_return and cancels is not null, hash(cancels), order_id_hash)"
    by_order = f"hash(customer_id_hash, {refers if 'cancels' in values else 'order_id_hash'})"
    raw.con.execute("create or replace temp table touched as from raw limit 0")
    kinds = {"raw": (_kept_as(raw, columns), "lines"), "touched": ("view", "touched_lines")}
    for table, (kind, name) in kinds.items():
        raw.con.execute(
            f"create or replace temp {kind} {name} as "
            f"select *, coalesce(amount < 0 or {quantity} < 0, false) as is_return, "
            f"if(abs(amount) < {LARGEST_AMOUNT}, cast(round(amount * {MONEY_SCALE}) as bigint), null) as money, "
            "hash(rest_hash, customer_id_hash, product_id_hash, order_id_hash) as line_hash "
            f"from (select source_row, {selected}, {keyed} from {table})"
        )
    days = plausible_days(raw.con, raw.read_at.date()) if rules.applies("implausible_date") else None
    reading = "reading" if "reading" in values else "cast(null as varchar)"
    state = "hash(state)" if "state" in values else "cast(null as ubigint)"
    raw.con.execute(
        f"create or replace temp table marks as select source_row, "
        f"{_rule(rules, set(values), raw.read_at, days)} as rule, is_return, money, {reading} as reading, "
        f"{state} as state, line_hash, "
        "hash(customer_id_hash, product_id_hash) as by_product, "
        f"{by_order if 'order_id' in values else 'cast(null as ubigint)'} as by_order from lines"
    )
    raw.con.execute(
        f"create or replace temp view named as select *, {values['customer_id']} as {quote(CUSTOMER)} from touched"
    )
    _check_readable(raw)
    notes = describe_levels(sales.levels, "refunded" in values) + ([days.note] if days else [])
    [(rows,)] = raw.con.execute("select count(*) from marks").fetchall()
    return [*notes, *_notes(raw, columns, values), *doubt_spellings(raw.con, rows)], sales.levels


def open_questions(raw: Raw) -> tuple[Question, ...]:
    """Return what the mapped columns leave open, also where columns are missing."""
    asked: list[Question] = []
    columns = Columns(raw.con, raw.rules)
    values = _expressions(raw, columns, asked)
    sales = read_sales(columns, raw.mapping, columns.rules.levels, values.get("amount", ""))
    return (*asked, *sales.questions)


def _understand(raw: Raw, columns: Columns) -> tuple[dict[str, str], Sales]:
    """Return the SQL of each standard column, and how completed sales are told apart.

    Raises
    ------
    QuestionsError
        All that the columns leave open.
    """
    asked: list[Question] = []
    values = _expressions(raw, columns, asked)
    sales = read_sales(columns, raw.mapping, columns.rules.levels, values.get("amount", ""))
    asked += sales.questions
    if asked:
        raise QuestionsError(asked)
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
        if "order_id" not in raw.mapping:  # a refund on a row of its own gives money back
            own = f"coalesce({values['amount']}, 0) = 0 and {refunded} > 0"
            values["amount"] = f"if({own}, -({refunded}), {values['amount']})"
    return values, sales


def _money_given_back(raw: Raw, columns: Columns, values: dict[str, str], sales: Sales) -> str:
    """Return SQL for the refund of a line's order in the log's currency, as its amount is."""
    refunded = _in_currency(columns, raw.mapping["refunded"], sales.refunded)
    if "currency" not in values or not (columns.rules.rates or columns.rules.rate_table):
        return refunded
    rate = _rate(raw, values, columns.rules)
    return f"({refunded}) * ({rate})" if rate else refunded


def _ask(asked: list[Question], read: Callable[..., str], *args: str) -> str:
    """Return what `read` returns; where it leaves something open, keep the question and read nothing."""
    try:
        return read(*args)
    except InputError as error:
        asked += questions_of(error)
        return "null"


def _notes(raw: Raw, columns: Columns, values: dict[str, str]) -> list[str]:
    """Return how times, amounts and currencies were understood where that is not plain to see."""
    notes = [*columns.notes]
    if "amount" not in raw.mapping:
        less = (
            ", less the discount" if "discount_rate" in raw.mapping and "discount" not in raw.mapping else ""
        )
        notes.append(f"The amount of a line is its quantity times its unit price{less}.")
    if columns.rules.timezone or columns.rules.source_timezone:
        notes.append(f"Times with a zone were converted to {columns.rules.timezone or 'UTC'}.")
    elif columns.has_zones(raw.mapping["timestamp"]):
        notes.append(
            "Times carry a zone and stand in UTC; set timezone to the shop's own (--rule timezone=Europe/Paris)."
        )
    if columns.rules.rates and "currency" in values:
        notes.append(f"Amounts were converted with the rates {dict(columns.rules.rates)}.")
    if columns.rules.rate_table and "currency" in values:
        notes.append(
            f"Amounts were converted with the latest rate of {Path(columns.rules.rate_table).name!r} on or before the "
            "line's day."
        )
    return notes


def _kept_as(raw: Raw, columns: Columns) -> str:
    typed = {name: is_number(kind) or is_time(kind) for name, kind in columns.kinds.items()}
    parsed = [name for name in ("timestamp", "amount", "unit_price", "quantity") if name in raw.mapping]
    return "view" if all(typed[raw.mapping[name]] for name in parsed) else "table"


def _expressions(raw: Raw, columns: Columns, asked: list[Question]) -> dict[str, str]:
    """Return the SQL of each standard column that the source has or that follows from others."""
    mapping = raw.mapping
    try:
        if money := mapping.get("amount") or mapping.get("unit_price"):
            columns.check_one_currency(money)
    except InputError as error:
        asked += questions_of(error)
    values = {
        name: _ask(asked, partial(_READ_AS[column.kind], columns), mapping[name])
        for name, column in TRANSACTIONS.columns.items()
        if name in mapping
    }
    number = {
        name: _ask(asked, columns.number, mapping[name])
        for name in ("unit_price", "unit_cost", "profit")
        if name in mapping
    }
    for table in (values, number):
        table |= {
            name: _in_currency(columns, mapping[name], table[name])
            for name in _MONEY & set(table) & set(mapping)
        }
    _derive(columns, mapping, values, number, asked)
    if "cancels" in mapping:
        values["cancels"] = columns.identifier(mapping["cancels"])
    if "currency" in mapping:
        values["currency"] = columns.currency(mapping["currency"])
        rate = _ask(asked, partial(_rate, raw, values, columns.rules))
        for name in {"amount", "discount", "cost"} & set(values) if rate else ():
            values[name] = f"({values[name]}) * ({rate})"
    return values


def _derive(
    columns: Columns,
    mapping: Mapping[str, str],
    values: dict[str, str],
    number: Mapping[str, str],
    asked: list[Question],
) -> None:
    """Add the amount, the discount and the cost that follow from unit prices, rates, unit costs or profits."""
    computed = "amount" not in mapping and {"quantity", "unit_price"} <= set(mapping)
    if computed:
        values["amount"] = f"({values['quantity']}) * ({number['unit_price']})"
    before = computed or plain_heading(mapping.get("amount", "")) in _BEFORE_DISCOUNT
    if (
        before
        and "discount" in values
        and not _is_taken_off(columns, mapping["discount"], values["discount"], asked)
    ):
        # A line that goes back gives less back by its discount.
        values["amount"] += f" - sign({values['amount']}) * coalesce(abs({values['discount']}), 0)"
    if "discount_rate" in mapping and "discount" not in values and "amount" in values:
        rate = columns.share(mapping["discount_rate"])
        if "amount" in mapping:
            values["discount"] = f"coalesce(({values['amount']}) * {rate} / nullif(1 - {rate}, 0), 0)"
        else:  # the unit price is then the one before the discount
            values["discount"] = f"coalesce(({values['amount']}) * {rate}, 0)"
            values["amount"] = f"({values['amount']}) * (1 - coalesce({rate}, 0))"
    if "cost" not in values and "unit_cost" in number and "quantity" in values:
        values["cost"] = f"({values['quantity']}) * ({number['unit_cost']})"
    elif "cost" not in values and "profit" in number and "amount" in values:
        values["cost"] = f"({values['amount']}) - ({number['profit']})"


def _in_currency(columns: Columns, column: str, value: str) -> str:
    """Return SQL for money in the currency's own unit where the heading counts cents or thousands, and note it."""
    unit = columns.rules.money_unit or (None if columns.rules.rates else unit_of(column))
    if unit is None or unit == 1:
        return value
    found = columns.con.execute(f"select bool_and({value} = floor({value})) from {columns.table}").fetchall()
    if columns.rules.money_unit is None and unit < 1 and not found[0][0]:
        columns.notes.append(
            f"Column {column!r} is headed as a smaller unit but holds fractions: it was read as it is."
        )
        return value
    said = f"divided by {1 / unit:,.0f}" if unit < 1 else f"multiplied by {unit:,.0f}"
    columns.notes.append(
        f"Column {column!r} was {said}, as its heading says; --rule money_unit=1 leaves it as it is."
    )
    return f"({value}) / {1 / unit:.0f}.0" if unit < 1 else f"({value}) * {unit:.0f}"


def _is_taken_off(columns: Columns, column: str, discount: str, asked: list[Question]) -> bool:
    """Whether a discount is none or in the price already; ask where only the user knows."""
    if columns.rules.price_discounted is not None:
        return columns.rules.price_discounted
    some = columns.con.execute(f"select 1 from {columns.table} where {discount} <> 0 limit 1").fetchall()
    if some:
        text = (
            f"column {column!r} holds discounts, and the amount of a line is its subtotal or its quantity times its "
            "unit price; say --rule price_discounted=false if the discount still comes off, --rule "
            f"price_discounted=true if it is taken off already, or --mapping {flag('discount_rate', column)} if it "
            "holds percents."
        )
        asked.append(
            Question(text, ("price_discounted=false", "price_discounted=true", f"discount_rate={column}"))
        )
    return True


def _rate(raw: Raw, values: dict[str, str], rules: Rules) -> str:
    """Return SQL for the value of one unit of a line's currency; nothing when all lines have the same."""
    time = values.get("timestamp", "cast(null as timestamp)")
    return rate_sql(raw.con, values["currency"], time, raw.mapping["currency"], rules)


def _rule(rules: Rules, columns: set[str], read_at: pd.Timestamp, days: Plausible | None) -> str:
    """Return SQL for the first rule that a line breaks by itself."""
    tests = {"not_completed": "reading = 'ignore'"} if "reading" in columns else {}
    tests |= {
        "missing_customer": "customer_id is null",
        "bad_date": "timestamp is null or timestamp < timestamp '1900-01-01'",
        "future_date": f"timestamp > timestamp '{read_at + pd.Timedelta(days=1)}'",
        **({"implausible_date": days.test} if days else {}),
        "bad_amount": "money is null",
    }
    if "quantity" in columns:
        tests["contradictory_signs"] = "quantity < 0 and amount > 0"
    if "currency" in columns and (len(rules.rates) > 1 or rules.rate_table):
        tests["unknown_currency"] = "currency is null"
    if rules.non_products and "product_id" in columns:
        tests["non_product"] = _matches("product_id", rules.non_products)
    coded = [name for name in ("order_id", "product_id") if name in columns]
    if rules.adjustments and coded:
        tests["adjustment"] = " or ".join(_matches(name, rules.adjustments) for name in coded)
    broken = " ".join(f"when {test} then '{name}'" for name, test in tests.items() if rules.applies(name))
    return f"case {broken} end"


def _matches(column: str, patterns: tuple[str, ...]) -> str:
    return f"coalesce(regexp_full_match({column}, {literal('|'.join(patterns))}, 'i'), false)"


def _check_readable(raw: Raw) -> None:
    """Raise InputError when a required column holds nothing that can be read."""
    wanted = {"missing_customer": "customer_id", "bad_date": "timestamp", "bad_amount": "amount"}
    other = f"select 1 from marks where rule is null or rule not in {tuple(wanted)} limit 1"
    if raw.con.execute(other).fetchall():
        return
    for name in wanted.values():
        [(readable,)] = raw.con.execute(
            f"select count({'money' if name == 'amount' else name}) from lines"
        ).fetchall()
        if readable == 0:
            column = raw.mapping.get(name, raw.mapping.get("unit_price", ""))
            [(value,)] = raw.con.execute(
                f"select {quote(column)} from raw order by source_row limit 1"
            ).fetchall()
            kind = {"customer_id": "an identifier", "timestamp": "a date", "amount": "an amount"}[name]
            raise InputError(
                f"column {column!r} was read as {name}, but none of its values is {kind}, for example "
                f"{str(value)[:50]!r}; map another column to {name}."
            )
