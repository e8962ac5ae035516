"""Columns that count only together or with the opposite sign: tenders, returned or cancelled items, signed journals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cltv_ml.columns.candidates import named
from cltv_ml.columns.compound import find_compound
from cltv_ml.columns.headings import SYNONYMS, plain_heading, plain_pattern, split_case
from cltv_ml.columns.kinds import first_lines, look
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.words import words
from cltv_ml.engine import Relation, quoted, show
from cltv_ml.sources.frames import MARK

#: Headings of money paid one way, of accounts and of signed amounts.
_TENDERS = re.compile(plain_pattern(words("unexplained")["tenders"]))
_ACCOUNTS, _SIGNED = (re.compile(plain_pattern(words("ledger")[name])) for name in ("accounts", "signed"))

#: Words for further means of payment, and for what was paid with one.
_MORE_TENDERS = frozenset({"online", "wallet", "upi", "transfer", "mobile", "bank"})
_PAID_PART = re.compile(
    r"^(?!.*\b(tip|tax|fee|refund|change|count|number|due)).*\b(pa(y|id|yment)|tender|received|collected)"
)

#: Headings of items that did not stay with the customer.
_NOT_KEPT = frozenset(" ".join(SYNONYMS["returned_quantity"]).split())

#: Headings of the columns made here.
SUM_RETURNED = "returned and cancelled items"


def credit_of(column: str) -> str:
    """Return the heading of the column that holds a signed amount with the other sign."""
    return f"credits of {column}"


def is_tender(column: str) -> bool:
    """Whether a heading names a means of payment.

    >>> is_tender("Cash"), is_tender("Paid by Card"), is_tender("Cash back")
    (True, True, False)
    """
    return _TENDERS.search(plain_heading(re.sub(r"(?i)^paid (by|with|in) ", "", column))) is not None


def join_tenders(table: Relation, kinds: Mapping[str, str]) -> tuple[Relation, list[str]]:
    """Return the table with an amount summed over the means of payment if it has no other money; and a note."""
    numbers = [column for column, kind in kinds.items() if kind in ("number", "rate")]
    tenders = [column for column in numbers if is_tender(column)]
    if len(tenders) < 2:
        tenders = _find_tenders(numbers)
    if len(tenders) < 2:
        return table, []
    view = _show_sum(table, tenders, "amount")
    return view, [
        f"Columns {tenders} were summed and read as 'amount', because each seems to hold what was paid in one way "
        "and no column holds the total (--mapping amount=COLUMN uses one)."
    ]


def _find_tenders(columns: Sequence[str]) -> list[str]:
    """Return the columns whose headings differ in a means of payment alone.

    >>> _find_tenders(["pay_cash_amt", "pay_card_amt", "pay_online_amt", "cash_tip", "card_tip", "pay_fee_amt"])
    ['pay_cash_amt', 'pay_card_amt', 'pay_online_amt']
    """
    alike: dict[tuple[str, ...], list[str]] = {}
    for column in columns:
        parts = split_case(column).lower()
        words_here = [word for word in re.split(r"[\W_]+", parts) if word]
        means = [word for word in words_here if _TENDERS.search(word) or word in _MORE_TENDERS]
        others = tuple(word for word in words_here if word not in means)
        if len(means) == 1 and _PAID_PART.search(" ".join(others)):
            alike.setdefault(others, []).append(column)
    return max(alike.values(), key=len, default=[])


def join_returned(table: Relation) -> tuple[Relation, list[str]]:
    """Return the table with one column for returned and cancelled items if it has two that add up; and a note."""
    columns = _headings_of(table)
    counted = [column for column in columns if plain_heading(column) in _NOT_KEPT]
    counted += [column for column in find_compound("returned_quantity", columns) if column not in counted]
    bought = named("quantity", columns)
    if len(counted) < 2 or not bought:
        return table, []
    number = Columns(table, Rules(), ask=False).number
    values = [f"coalesce(abs({number(column)}), 0)" for column in counted]
    some = " and ".join(f"count(*) filter ({value} > 0) > 0" for value in values)
    apart = " or ".join(f"{value} <> {values[0]}" for value in values[1:])
    whole = f"count(*) filter ({' + '.join(values)} > abs({number(bought[0])}) + 1e-9) = 0"
    [adds_up] = table.row(f"select {some} and {whole} and coalesce(bool_or({apart}), false) from {table}")
    if not adds_up:
        return table, []
    view = _show_sum(table, counted, SUM_RETURNED)
    return view, [f"Columns {counted} were summed, because they never exceed {bought[0]!r} together."]


def join_credits(table: Relation) -> tuple[Relation, list[str]]:
    """Return the table with the credits of a signed amount next to a column of accounts, where sales are below 0."""
    columns = _headings_of(table)
    signed = [column for column in columns if _SIGNED.search(plain_heading(column))]
    accounts = [
        column for column in columns if _ACCOUNTS.search(plain_heading(column)) and column not in signed
    ]
    if not accounts or len(signed) != 1 or named("credit", columns):
        return table, []
    if look(first_lines(table)).get(signed[0]) != "number":
        return table, []
    value = Columns(table, Rules(), ask=False).number(signed[0])
    if not table.holds(f"{value} < 0"):
        return table, []
    negated = quoted(MARK + credit_of(signed[0]))
    return show(table.con, "rows", f"select *, -({value}) as {negated} from {table}"), []


def _headings_of(table: Relation) -> list[str]:
    return [name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)]


def _show_sum(table: Relation, columns: Sequence[str], name: str) -> Relation:
    number = Columns(table, Rules(), ask=False).number
    total = " + ".join(f"coalesce({number(column)}, 0)" for column in columns)
    return show(table.con, "rows", f"select *, round({total}, 4) as {quoted(MARK + name)} from {table}")
