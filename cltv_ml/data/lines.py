"""The source's lines with standard columns, and the rule that each breaks by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd

from cltv_ml.columns.date_parts import is_fiscal
from cltv_ml.columns.days import Plausible, plausible_days
from cltv_ml.columns.headings import currency_of_headings
from cltv_ml.columns.identifiers import doubt_spellings
from cltv_ml.columns.parse import Columns, is_number, is_time
from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import REASONS, Rules
from cltv_ml.columns.sales import describe_levels
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.text_bytes import Signs
from cltv_ml.columns.unsigned import lack_sign
from cltv_ml.columns.values import understand
from cltv_ml.data.tally import Tally, count_marks
from cltv_ml.engine import MONEY_SCALE, Relation, keep, literal, show
from cltv_ml.errors import InputError
from cltv_ml.money import digits, log_amount

#: Larger amounts are treated as errors; sums of smaller ones, in integer minor units, cannot overflow.
LARGEST_AMOUNT = 1e12

#: Columns whose headings may state the currency.
_MAY_STATE_CURRENCY = ("amount", "unit_price", "cost", "unit_cost")


@dataclass(frozen=True)
class Lines:
    """The source's lines as read, with everything the rules need."""

    #: The lines as they came.
    source: Relation = field(repr=False)
    #: `source_row`, the standard columns, `is_return`, `money` (the amount in integer minor units) and hashes
    #: of the identifiers. Text is parsed once into a table; typed columns stay where they are.
    parsed: Relation
    #: `source_row`, `rule` (the first rule that the line breaks by itself), `is_return`, `money`, `reading`
    #: (`'refund'` where a status says that the sale was undone), `state` (a hash of its statuses),
    #: `line_hash` of all the source's columns, and `by_product` and `by_order`, hashes of the customer with
    #: the product and with the order meant, the last null where the line names none. The source has no statuses
    #: where it lacks `reading` or `state`.
    marks: Relation
    #: The numbers of lines in `marks` as it was at first.
    tally: Tally = field(repr=False)
    #: The query of lines as `parsed` has them, for a table with the source's own columns.
    query_of: Callable[[Relation], str] = field(repr=False)
    #: SQL of the customer's identifier, over the source's own columns.
    customer: str = field(repr=False)
    #: The bytes that the customers' identifiers may be made of.
    customer_signs: Signs = field(repr=False)
    #: How the levels of a status were read, see `Sales`.
    levels: pd.DataFrame = field(repr=False)
    #: Notes for the reader, one sentence each.
    notes: tuple[str, ...] = ()
    #: Code of the currency that every line states or was converted to; empty if that is not known.
    currency: str = ""

    @property
    def columns(self) -> frozenset[str]:
        """The standard columns of the lines, without the internal ones of `parsed`."""
        return frozenset(self.parsed.kinds)


def read_lines(raw: Raw, rules: Rules) -> Lines:
    """Return the source's lines under the standard names.

    Raises
    ------
    InputError
        A required column has no readable values.
    QuestionsError
        The user must decide something, such as exchange rates; all questions are asked at once.
    """
    columns = Columns(raw.table, rules)
    values, sales = understand(raw, columns)
    query_of = partial(_query_of, columns, values, raw.mapping.get("version"))
    make = show if _is_typed(raw, columns) else keep
    parsed = make(raw.con, "lines", query_of(raw.table))
    days = plausible_days(parsed, raw.read_at.date()) if rules.applies("implausible_date") else None
    marks = _mark(parsed, _rule(rules, set(values), raw.read_at, days), set(values))
    tally = count_marks(marks)
    unsigned, sign_notes = False, list[str]()
    if tally.breaks("contradictory_signs"):
        unsigned, sign_notes = lack_sign(parsed, marks, raw.mapping, rules)
    if unsigned:
        values["amount"] = f"if({values['quantity']} < 0, -abs({values['amount']}), {values['amount']})"
        parsed = make(raw.con, "lines", query_of(raw.table))
        marks = _mark(parsed, _rule(rules, set(values), raw.read_at, days), set(values))
        tally = count_marks(marks)
    _check_readable(raw, parsed, tally)
    currency, blank_notes = _look_at_currency(parsed, raw.mapping.get("currency", ""), rules)
    currency = currency or ("currency" in parsed.kinds and _converted_to(rules)) or ""
    if not (currency or rules.rates or rules.rate_table):
        headings = (raw.mapping[name] for name in _MAY_STATE_CURRENCY if name in raw.mapping)
        currency = columns.currency_of_signs or currency_of_headings(headings)
    customer, signs = values["customer_id"], columns.signs.get(raw.mapping["customer_id"], Signs.any())
    notes = [
        *sign_notes,
        *(_tell_of_nothing(parsed, marks) if tally.gives_away else ()),
        *describe_levels(sales.levels, "refunded" in values),
        *([days.note] if days else []),
        *(_tell_of_unread_dates(raw, marks) if tally.breaks("bad_date") else ()),
        *_notes(raw, columns, values),
        *blank_notes,
        *doubt_spellings(parsed, marks.count(), signs),
    ]
    return Lines(
        raw.table, parsed, marks, tally, query_of, customer, signs, sales.levels, tuple(notes), currency
    )


def _look_at_currency(parsed: Relation, column: str, rules: Rules) -> tuple[str, list[str]]:
    """Return the code that all lines state, else an empty text, and a note on lines that state none among others."""
    if "currency" not in parsed.kinds or len(rules.rates) > 1 or rules.rate_table:
        return "", []
    several, code, blank, paid, money = parsed.row(
        "select count(distinct currency), min(currency), count(*) - count(currency), "
        "count(*) filter (currency is null and money <> 0), coalesce(sum(money) filter (currency is null), 0) "
        f"from {parsed}"
    )
    if several == 1 and not blank and not rules.rates:
        return (code, []) if re.fullmatch("[A-Z]{3}", code) else ("", [])
    read_as = (
        "the log's currency"
        if rules.rates
        else f"{code}. If another currency is meant, give the value of one {code} in it, for example --rule "
        f"rates={code}:0.92"
    )
    total = log_amount(int(money) / MONEY_SCALE)
    note = f"Column {column!r} is blank on {paid:,} lines with a total of {total}, read as {read_as}."
    return "", [note] * (several == 1 and paid > 0)


def _converted_to(rules: Rules) -> str:
    """Return the code of the currency that amounts were converted to, which is the one with a rate of 1.

    The only currency of a source may also come in its smallest unit. Empty if no rate tells, or a table has the rates.

    >>> _converted_to(Rules(rates={"usd": 0.92, "eur": 1.0})), _converted_to(Rules(rates={"USD": 0.01}))
    ('EUR', 'USD')
    >>> _converted_to(Rules(rates={"USD": 0.92})), _converted_to(Rules(rates={"EUR": 1.0, "CHF": 1.0}))
    ('', '')
    """
    rates = {code.upper(): rate for code, rate in rules.rates.items()}
    whole = [code for code, rate in rates.items() if rate == 1]
    if len(rates) == 1:
        whole = [code for code, rate in rates.items() if rate in (1, 10 ** -digits(code))]
    known = len(whole) == 1 and re.fullmatch("[A-Z]{3}", whole[0]) and not rules.rate_table
    return whole[0] if known else ""


def _query_of(columns: Columns, values: dict[str, str], version: str | None, table: Relation) -> str:
    """Return the query for the standard columns of a source's lines."""
    selected = ", ".join(f"{expression} as {name}" for name, expression in values.items())
    quantity = "quantity" if "quantity" in values else "null"
    keys = {name: values.get(name, "null") for name in ("customer_id", "product_id", "order_id")}
    keyed = ", ".join(f"hash({expression}) as {name}_hash" for name, expression in keys.items())
    # Unchanged identifiers are hashed once, for the keys and for the whole line.
    unkeyed = [
        quote(column) for column in columns.kinds if column != version and quote(column) not in keys.values()
    ]
    keyed += f", hash({', '.join(unkeyed or ['null'])}) as rest_hash"
    return (
        f"select *, coalesce(amount < 0 or {quantity} < 0, false) as is_return, "
        f"if(abs(amount) < {LARGEST_AMOUNT}, cast(round(amount * {MONEY_SCALE}) as bigint), null) as money, "
        "hash(rest_hash, customer_id_hash, product_id_hash, order_id_hash"
        f"{', version' if version else ''}) as line_hash "
        f"from (select source_row, {selected}, {keyed} from {table})"
    )


def _tell_of_nothing(parsed: Relation, marks: Relation) -> list[str]:
    """Return a note on lines that are not purchases because their quantity and money are zero."""
    if "quantity" not in parsed.kinds:
        return []
    [lines] = parsed.row(
        f"select count(*) from {parsed} as lines join {marks} as marks using (source_row) "
        "where marks.money = 0 and marks.rule = 'not_completed' and quantity = 0"
    )
    note = f"{lines:,} lines with quantity 0 and no money are not purchases and were quarantined."
    return [note] * (lines > 0)


def _tell_of_unread_dates(raw: Raw, marks: Relation) -> list[str]:
    """Return a note on texts that were read as no date, with an example."""
    column = raw.mapping["timestamp"]
    text = f"trim(cast({quote(column)} as varchar))"
    lines, example = raw.table.row(
        f"select count(*), min({text}) from {raw.table} semi join (from {marks} where rule = 'bad_date') using "
        f"(source_row) where {text} <> ''"
    )
    note = f"Column {column!r}: {lines:,} texts were read as no date, such as {str(example)[:40]!r}."
    return [note] * (lines > 0)


def _is_typed(raw: Raw, columns: Columns) -> bool:
    """Whether no time or number of the source must be parsed from text."""
    names = ("timestamp", "time_of_day", "amount", "unit_price", "quantity")
    parsed = [name for name in names if name in raw.mapping]
    kinds = [columns.kinds[raw.mapping[name]] for name in parsed]
    return all(is_number(kind) or is_time(kind) for kind in kinds)


def _mark(parsed: Relation, rule: str, names: set[str]) -> Relation:
    """Return the columns that the rules need for each line, see `Lines`."""
    states = "reading, " if "reading" in names else ""
    states += "hash(state) as state, " if "state" in names else ""
    refers = "coalesce(if(is_return, cancels, null), order_id)" if "cancels" in names else "order_id"
    by_order = f"if({refers} is null, null, hash(customer_id_hash, hash({refers})))"
    return keep(
        parsed.con,
        "marks",
        f"select source_row, {rule} as rule, is_return, money, {states}line_hash, "
        "hash(customer_id_hash, product_id_hash) as by_product, "
        f"{by_order if 'order_id' in names else 'cast(null as ubigint)'} as by_order from {parsed}",
    )


def _notes(raw: Raw, columns: Columns, values: dict[str, str]) -> list[str]:
    """Return notes on how times, amounts and currencies were read, where this is not obvious."""
    notes = [*columns.notes]
    if "amount" not in raw.mapping:
        less = (
            ", minus the discount" if "discount_rate" in raw.mapping and "discount" not in raw.mapping else ""
        )
        notes.append(f"The amount of a line is quantity times unit price{less}.")
    if columns.rules.timezone or columns.rules.source_timezone:
        notes.append(f"Times with a time zone were converted to {columns.rules.timezone or 'UTC'}.")
    elif columns.has_zones(raw.mapping["timestamp"]):
        notes.append(
            "Times have a time zone and were read as UTC. Set the shop's own time zone, for example "
            "--rule timezone=Europe/Paris."
        )
    if columns.rules.rates and "currency" in values:
        notes.append(f"Amounts were converted at the rates {dict(columns.rules.rates)}.")
    if columns.rules.rate_table in columns.kinds and "currency" in values:
        notes.append(
            f"The amount of each line was multiplied by its rate in column {columns.rules.rate_table!r}."
        )
    elif columns.rules.rate_table and "currency" in values:
        notes.append(
            f"Amounts were converted at the latest rate in {Path(columns.rules.rate_table).name!r} on or "
            "before the day of each line."
        )
    return notes


def _rule(rules: Rules, columns: set[str], read_at: pd.Timestamp, days: Plausible | None) -> str:
    """Return SQL for the first rule that a line breaks by itself."""
    nothing = ["reading = 'ignore'"] * ("reading" in columns)
    nothing += ["(quantity = 0 and money = 0)"] * ("quantity" in columns)
    tests = {"not_completed": " or ".join(nothing)} if nothing else {}
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
    kind = f"enum({', '.join(map(literal, REASONS))})"  # one byte per line
    broken = " ".join(
        f"when {test} then cast('{name}' as {kind})" for name, test in tests.items() if rules.applies(name)
    )
    return f"case {broken} end"


def _matches(column: str, patterns: tuple[str, ...]) -> str:
    return f"coalesce(regexp_full_match({column}, {literal('|'.join(patterns))}, 'i'), false)"


def _check_readable(raw: Raw, parsed: Relation, tally: Tally) -> None:
    """Raise InputError if a required column has no readable values."""
    wanted = {"missing_customer": "customer_id", "bad_date": "timestamp", "bad_amount": "amount"}
    if not tally.only_breaks(wanted):
        return
    for name in wanted.values():
        if parsed.holds(f"{'money' if name == 'amount' else name} is not null"):
            continue
        column = raw.mapping.get(name, raw.mapping.get("unit_price", ""))
        [value] = raw.table.row(f"select {quote(column)} from {raw.table} order by source_row limit 1")
        if name == "timestamp" and is_fiscal(str(value)):
            raise InputError(
                f"column {column!r} contains fiscal periods, such as {str(value)[:50]!r}, whose calendar "
                "months depend on the start of the fiscal year. Add a column with the date of each "
                "purchase, or with the first day of its period."
            )
        if name == "timestamp" and re.fullmatch(r"\d{1,2}[/.-]\d{1,2}[.]?|[0-3]\d[01]\d", str(value).strip()):
            raise InputError(
                f"column {column!r} contains days without a year, such as {str(value)!r}. Export "
                "dates with the year."
            )
        if name == "timestamp" and re.fullmatch(r"\d{1,4}", str(value)):
            raise InputError(
                f"column {column!r} contains numbers, such as {str(value)!r}, and no dates. If they count days or "
                "weeks from a start, use --rule first_day=YYYY-MM-DD with the day of the first, number 1; if they are "
                "days of a month, add the month and the year."
            )
        kind = {"customer_id": "an identifier", "timestamp": "a date", "amount": "an amount"}[name]
        raise InputError(
            f"column {column!r} was read as {name}, but none of its values is {kind} (for example "
            f"{str(value)[:50]!r}). Map another column to {name}."
        )
