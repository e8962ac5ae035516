"""Amounts counted in cents, of some files or of all lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cltv_ml.columns.compound import words_of
from cltv_ml.columns.headings import CURRENCY_WORDS, plain_heading, plain_pattern
from cltv_ml.columns.numerals import WHOLE_CURRENCIES
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.words import words
from cltv_ml.engine import Relation, quoted
from cltv_ml.money import THOUSANDTHS
from cltv_ml.sources.measures import unit_of

#: Fewest taxes or fees that tell.
_LEAST_PARTS = 4

#: Headings that identify exports of payment services, which are in cents.
_OF_PAYMENTS = re.compile(
    "^psp|^capture(id|d?at)|^captured?amount|^charge(id)?$|^refundid|paymentintent|paymentid|balancetransaction"
    "|^(amount|total|price|money)(value|amount|minor)$|moneyamount$|^amountmoney|^(currency)?exponent$|^minorunits?$|^(currency)?decimal(s|places)$|^amountscale$"
    "|^merchant(reference|account|id)|^livemode$|^amount(refunded|captured|capturable|received)$|^settlementid|^payoutid|(creditsapplied|writeoffamount)$|klarna|adyen|stripe|mollie|checkoutid"
)

#: Headings of taxes and fees, and the least share of integers that are no multiples of 10 among cents.
_TAXES_AND_FEES = re.compile(
    plain_pattern([*words("ties")["headings"]["part_tax"], *words("ties")["headings"]["part_fee"]])
    + "|^earnings|^proceeds"
)
_ODD_SHARE = 0.3

#: Rows at the beginning and at the end of a table that are compared, and the share with decimals of most amounts.
_END, _MOSTLY = 50, 0.5

#: The least share of amounts that are a hundred times the number in another column.
_MOST_EQUAL = 0.9

#: Currencies whose taxes and fees are never all whole.
_NEVER_WHOLE = ("EUR", "USD", "GBP", "CHF", "CAD", "AUD")

#: Identifiers from the APIs of such services, for example txn_01hv8wptq8987qeep44cyrewp9.
_OF_INTERFACES = re.compile(r"[a-z]{2,6}_[0-9A-Za-z]{10,}")


def doubt_parts(
    table: Relation, mapping: Mapping[str, str], files: Sequence[tuple[str, int]], rules: Rules
) -> list[Question]:
    """Ask if one of several files, or the end of one, seems to be in cents and the others are not.

    Its amounts are integers, not all of them multiples of 100, and their median is about a hundred times that of the
    other files, which have decimals.

    Parameters
    ----------
    files
        Name and first `source_row` of each file.
    """
    column = mapping.get("amount") or mapping.get("unit_price", "")
    if not column or rules.money_unit is not None:
        return []
    value = Columns(table, Rules(), ask=False).number(column)
    parts = [(repr(name), start) for name, start in files] if len(files) > 1 else _stretches(table, value)
    if not parts:
        return []
    cases = " ".join(
        f"when source_row >= {start} then {place}" for place, (_, start) in reversed(list(enumerate(parts)))
    )
    medians = table.rows(
        f"select case {cases} end as part, median(abs(v)), bool_and(v = floor(v)), bool_or(v % 100 <> 0) "
        f"from (select source_row, {value} as v from {table}) where v <> 0 group by 1"
    )
    broken = [middle for _, middle, whole, _ in medians if not whole]
    cents = [
        (parts[int(place)][0], middle)
        for place, middle, whole, odd in medians
        if broken and whole and odd and middle / max(broken) >= 30 and middle / min(broken) <= 300
    ]
    if not cents:
        return []
    name, middle = cents[0]
    text = (
        f"the numbers in column {column!r} of {name} are integers, and their median is {middle / min(broken):,.0f} "
        "times that of the others, which have decimals. They may be cents: convert all to one unit, or use --rule "
        "money_unit=1 if the numbers are correct."
    )
    return [Question(text, ("money_unit=1",))]


def _stretches(table: Relation, value: str) -> list[tuple[str, int]]:
    """Return the two parts of a table, and the first row of each, whose numbers have decimals in only one of them."""
    rows = table.count()
    if rows < 2 * _END:
        return []
    numbers = f"(select source_row as row, {value} as v from {table}"
    [last] = table.row(f"select max(source_row) from {table}")
    start, end = table.row(
        f"select count(*) filter (v <> floor(v) and row < {_END}), count(*) filter (v <> floor(v) and row >= {_END}) "
        f"from {numbers} where source_row < {_END} or source_row > {last - _END})"
    )
    if min(start, end) or max(start, end) < _MOSTLY * _END:
        return []
    place = "max" if start else "min"
    [change] = table.row(f"select {place}(row) filter (v <> floor(v)) from {numbers})")
    first = change + 1 if start else change
    early, late = f"the rows before {first + 1:,}", f"the rows from {first + 1:,} on"
    return [(early, 0), (late, first)]


def _of_interface(table: Relation) -> bool:
    """Whether the first row contains an identifier from a payment service's API."""
    texts = ", ".join(quoted(name) for name, kind in table.kinds.items() if kind == "VARCHAR")
    rows = table.rows(f"select {texts} from {table} limit 1") if texts else []
    return any(_OF_INTERFACES.fullmatch(str(value)) for row in rows for value in row)


def doubt_cents(table: Relation, mapping: Mapping[str, str], rules: Rules) -> list[Question]:
    """Ask whether a payment service's amounts are cents, if all are large integers."""
    columns = Columns(table, Rules(), ask=False)
    headings = map(plain_heading, columns.kinds)
    of_service = any(map(_OF_PAYMENTS.search, headings)) or _of_interface(table)
    middle = _median_of_cents(columns, mapping, rules, smallest=100 if of_service else 0, odd_share=0)
    whole = "" if of_service or middle is None else _find_whole_part(columns, mapping)
    if whole and columns.table.holds(
        f"upper({columns.identifier(mapping['currency'])}) not in {_NEVER_WHOLE}"
    ):
        middle = _median_of_cents(columns, mapping, rules, smallest=0, odd_share=_ODD_SHARE)
    if middle is None or not (of_service or whole):
        return []
    why = f"so are those in {whole!r}" if whole else "payment services export cents"
    text = (
        f"the numbers in column {mapping['amount']!r} are integers with a median of {middle:,.0f}, and "
        f"{why}. Use --rule money_unit=0.01 if these are cents, or --rule "
        "money_unit=1 if they are not."
    )
    return [Question(text, ("money_unit=0.01", "money_unit=1"))]


def _find_whole_part(columns: Columns, mapping: Mapping[str, str]) -> str:
    """Return a column of taxes or fees that are all integers, few of them round, next to a currency; or nothing."""
    if "currency" not in mapping:
        return ""
    for column in (name for name in columns.kinds if _TAXES_AND_FEES.search(plain_heading(name))):
        value = columns.number(column)
        count, whole, odd = columns.row(
            f"select count(*), bool_and(v = floor(v)), avg(cast(v % 10 <> 0 as integer)) from (select {value} as v "
            f"from {columns.table} limit 20000) where v <> 0"
        )
        if count >= _LEAST_PARTS and whole and odd >= _ODD_SHARE:
            return str(column)
    return ""


def read_shown_cents(first: Relation, mapping: Mapping[str, str]) -> tuple[dict[str, float], list[str]]:
    """Return the rule that amounts are cents and a note, if another column has the same money, as in 5654 and $56.54.

    Its heading shares a word with the amount's, such as `total` and `total_formatted`, and names no tax or fee.
    """
    amount, columns = mapping.get("amount", ""), Columns(first, Rules(), ask=False)
    if _median_of_cents(columns, mapping, Rules(), smallest=0, odd_share=0) is None:
        return {}, []
    own = words_of(amount)
    for column in (name for name in columns.kinds if name not in mapping.values() and own & words_of(name)):
        if _TAXES_AND_FEES.search(plain_heading(column)):
            continue
        count, equal, broken = columns.row(
            "select count(*), count(*) filter (abs(v - 100 * n) < 0.5), count(*) filter (n <> floor(n)) from (select "
            f"{columns.number(amount)} as v, {columns.number(column)} as n from {first}) where v <> 0"
        )
        if count >= _LEAST_PARTS and broken and equal >= _MOST_EQUAL * count:
            return {"money_unit": 0.01}, [
                f"The numbers in column {amount!r} are 100 times those in {column!r}, so they were read as cents "
                "(--rule money_unit=1 reads them unchanged)."
            ]
    return {}, []


def tell_of_cents(table: Relation, mapping: Mapping[str, str], rules: Rules) -> list[str]:
    """Return a note if a currency with cents has only integer amounts, few of them round: they may be cents."""
    columns = Columns(table, Rules(), ask=False)
    named = mapping.get("currency") or words_of(mapping.get("amount", "")) & CURRENCY_WORDS
    if not named and "currency" not in " ".join(map(plain_heading, columns.kinds)):
        return []
    middle = _median_of_cents(columns, mapping, rules, smallest=0, odd_share=_ODD_SHARE)
    if middle is None:
        return []
    return [
        f"The numbers in column {mapping['amount']!r} are integers with a median of {middle:,.0f} and were "
        "read unchanged. If they are cents, use --rule money_unit=0.01."
    ]


def _median_of_cents(
    columns: Columns, mapping: Mapping[str, str], rules: Rules, *, smallest: int, odd_share: float
) -> float | None:
    """Return the median of amounts that may be cents; None if they are not or if their unit is known.

    At least three amounts of `smallest` or more must be integers, and a share of them no multiples of 10.
    """
    column, currency = mapping.get("amount", ""), mapping.get("currency", "")
    if not column or rules.money_unit is not None or rules.rates or unit_of(column):
        return None
    code = f"upper({columns.identifier(currency)})" if currency else "''"
    count, whole, odd, middle, cents = columns.row(
        f"select count(*), bool_and(v = floor(v)), avg(cast(v % 10 <> 0 as integer)), median(abs(v)), "
        f"bool_and(code not in {WHOLE_CURRENCIES + THOUSANDTHS}) "
        f"from (select {columns.number(column)} as v, {code} as code from {columns.table} limit 20000) "
        f"where v <> 0 and abs(v) >= {smallest}"
    )
    if count < 3 or not whole or odd < odd_share or middle < 300 or not cents:
        return None
    return float(middle)
