"""Likely first answers to questions: readings of unknown levels, and columns for required names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from cltv_ml.columns.candidates import speaks_of
from cltv_ml.columns.levels import agreed_levels, is_payment, kind_of_document, plain_level, read_level
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.overlooked_numbers import HEADED
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.scale import growth_of
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.words import words
from cltv_ml.engine import Relation, quoted
from cltv_ml.sources.frames import MARK

#: The most columns among which sums are looked for.
_MOST_SUMMED = 6

#: Numbers that count days since 1900, or seconds, milli-, micro- or nanoseconds since 1970, from 1990 to 2040.
_CLOCKS = (
    (32_874, 51_136),
    *((631_152_000 * parts, 2_208_988_800 * parts) for parts in (1, 10**3, 10**6, 10**9)),
)

#: Numbers with decimals, such as money, which identify nobody.
_DECIMALS = r"\D{0,4}[\d.,'' ]*[.,](\d?[1-9]|[1-9]\d)\D{0,4}"

#: Two numbers, six digits or a year, as in nearly any time.
_TIME_LIKE = r"[0-9][^0-9]{1,12}[0-9]|[0-9]{6}|\b(19|20)[0-9]{2}\b"

#: A price of one item grows with the quantity by at most this power of it.
_PER_ITEM = 0.25

#: Lines that show that a column is no customer, because all have one value of two, or no time, because one is filled.
_TELLING_LINES = 10

#: Lines per value from which on a column is unlikely to be the customer.
_LINES_PER_CUSTOMER = 20

#: The doubt from which a column is not offered.
_NO_CANDIDATE = 9

#: Levels that mean unpaid if another level is one of those behind it.
_BEFORE_PAYING = ((("open", "offen"), ("closed",)), (("billed", "issued"), ("paid", "completed", "past due")))

#: Levels, in any column, that are more likely plans than completed sales.
_PLANNED = re.compile("|".join(words("overlooked")["planned"]))


def guess_levels(name: str, money: Mapping[str, float], levels: Iterable[str]) -> dict[str, str]:
    """Return the likely reading of each unknown level: "ignore", "refund" or "counts".

    Parameters
    ----------
    money
        The unknown levels, each with the sum of its amounts.
    levels
        All levels of the column: where one is the payment of another, the payments are the sales.

    >>> guess_levels("type", {"Lieferschein": 50.0, "Adjustment": -5.0}, ["Rechnung", "Lieferschein", "Adjustment"])
    {'Lieferschein': 'ignore', 'Adjustment': 'refund'}
    >>> guess_levels("type", {"LAYBY": 100.0}, ["LAYBY", "LAYBY_PAYMENT", "SALE"])
    {'LAYBY': 'ignore'}
    >>> guess_levels("type", {"Settlement": 100.0}, ["Settlement", "Refund"])
    {'Settlement': 'counts'}
    >>> guess_levels("status", {"Kreditfaktura": 100.0}, ["Betald", "Kreditfaktura"])
    {'Kreditfaktura': 'refund'}
    >>> guess_levels("type", {"Commission": -9.0}, ["Commission", "Sale", "Refund"])
    {'Commission': 'ignore'}
    """
    levels = list(levels)
    plain = list(map(plain_level, levels))
    agreed = agreed_levels(plain)
    guesses = {}
    for level, total in money.items():
        own = plain_level(level)
        returned = name == "type" and any(_is_return_of(other, own) for other in plain)
        unpaid = any(own in before and {*after} & {*plain} for before, after in _BEFORE_PAYING)
        guesses[level] = (
            "ignore"
            if own in agreed or unpaid
            else "counts"
            if returned
            else _guess_level(name, level, total)
        )
    most = max(money, key=lambda level: money[level], default="")
    known = {read_level(name, level) for level in levels}
    if name == "type" and money and money[most] > 0 and "counts" not in {*known, *guesses.values()}:
        guesses[most] = "counts"  # some kind of line is a sale
    return guesses


def rank_columns(first: Relation, name: str, columns: Sequence[str]) -> list[str]:
    """Return the columns offered for a required name, the most likely by their values first.

    Customers come back, so a column unique to each line is unlikely to be the customer, and so is one whose values each
    stand in adjacent lines, like order numbers. An e-mail address is the most likely, and so is a value that a report
    writes alone in a row above its lines.
    An amount is on most lines, and likely the sum of other columns or has decimals; it is rarely a whole number that
    only grows. A time has
    two numbers or many digits, as a number as many as a count of days, seconds or parts of them; other numbers are not
    offered for it.
    """
    if name not in ("customer_id", "timestamp", "amount"):
        return list(columns)
    sums = _which_are_sums(first, columns[:_MOST_SUMMED]) if name == "amount" else []
    doubts = {column: -1 if column in sums else _doubt_column(first, name, column) for column in columns}
    return sorted(
        (column for column in columns if doubts[column] < _NO_CANDIDATE), key=lambda column: doubts[column]
    )


def offer_item_price(first: Relation, mapping: Mapping[str, str], question: Question) -> Question:
    """Return a question for the amount that offers its first column as what it is: a price of one item or of a line."""
    name, _, column = (question.answers or ("",))[0].partition("=")
    if name == "unit_price" and f"amount={column}" in question.answers and MARK + column in first.kinds:
        growth = growth_of(Columns(first, Rules(), ask=False), mapping, column)
        if growth is None or not growth.is_evidence or growth.slope < 1 - _PER_ITEM:
            return question
        return _first_as(question, name, column, "amount")
    if (
        name != "amount"
        or MARK + column not in first.kinds
        or "quantity" not in mapping
        or f"unit_price={column}" in question.answers
    ):
        return question
    growth = growth_of(Columns(first, Rules(), ask=False), mapping, column)
    if growth is None or not growth.is_evidence or growth.slope > _PER_ITEM:
        return question
    return _first_as(question, name, column, "unit_price")


def _first_as(question: Question, name: str, column: str, other: str) -> Question:
    """Return a question whose first answer gives its column another name."""
    text = question.text
    for named in (f"{{'{name}': {column!r}}}", flag(name, column)):
        text = text.replace(named, named.replace(name, other, 1))
    return Question(text, tuple(dict.fromkeys((f"{other}={column}", *question.answers))))


def _doubt_column(first: Relation, name: str, column: str) -> int:
    text = f"nullif(trim(cast({quote(column)} as varchar)), '')"
    if name == "customer_id":
        mails, filled, distinct, begins, negative, money = first.row(
            "select count(t) filter (t like '%@%'), count(t), count(distinct t), "
            "count(t) filter (t is distinct from before), coalesce(bool_or(regexp_matches(t, '^-[0-9]')), false), "
            f"coalesce(bool_or(regexp_full_match(t, '{_DECIMALS}')), false) "
            f"from (select {text} as t, lag({text}) over (order by source_row) as before from {first})"
        )
        if mails or _heads_groups(first, column, text):
            return 0
        few = filled >= _TELLING_LINES and (distinct < 3 or distinct * _LINES_PER_CUSTOMER <= filled)
        lines = filled >= _TELLING_LINES and filled == distinct and not speaks_of(name, column)
        if money or lines or (few and distinct == 1):
            return _NO_CANDIDATE
        return 1 + (filled == distinct) + (begins == distinct) + 2 * negative + 3 * few
    if name == "timestamp":
        clocks = " or ".join(f"v between {low} and {high}" for low, high in _CLOCKS)
        likely, numbers, counts, blank = first.row(
            f"select avg(cast(regexp_matches(t, '{_TIME_LIKE}') as integer)) >= 0.5, "
            "bool_and(v is not null) filter (t is not null), "
            f"bool_and(coalesce({clocks}, false)) filter (t is not null), count(*) > {_TELLING_LINES} * count(t) "
            f"from (select {text} as t, try_cast({text} as double) as v from {first})"
        )
        return -1 if counts and not blank else _NO_CANDIDATE if blank or numbers or likely is False else 0
    decimals, rare, grows = first.row(
        rf"select bool_or(regexp_matches(t, '\d[.,]\d')), 2 * count(t) < count(*), "
        "bool_and(v > before and v = floor(v)) filter (before is not null) from "
        f"(select {text} as t, try_cast({text} as double) as v, "
        f"try_cast(lag({text}) over (order by source_row) as double) as before from {first})"
    )
    return (0 if decimals else 1 + bool(grows)) + 3 * rare


def _heads_groups(first: Relation, column: str, text: str) -> bool:
    """Whether a column on the left stands alone in several rows and is blank below, but perhaps for totals."""
    names = [name for name in first.kinds if name.startswith(MARK)]
    if MARK + column not in names[:2]:
        return False
    cells = ", ".join(f"cast({quoted(name)} as varchar)" for name in names)
    alone, others, blank = first.row(
        "select count(*) filter (t is not null and n = 1), count(*) filter (t is not null and n > 1), "
        f"count(*) filter (t is null and n > 1) from (select {text} as t, "
        f"len(list_filter([{cells}], lambda cell: trim(cell) <> '')) as n from {first})"
    )
    return alone > 1 and others <= alone + 1 and blank >= alone


def _which_are_sums(first: Relation, columns: Sequence[str]) -> list[str]:
    """Return the columns that are the sum of two or of all other columns of numbers, or the product of two."""
    number = Columns(first, Rules(), ask=False).number
    values = {column: f"coalesce({number(column)}, 0)" for column in columns}
    others = {whole: tuple(column for column in columns if column != whole) for whole in columns}
    parts = [
        (whole, added) for whole in columns for added in (*combinations(others[whole], 2), others[whole])
    ]
    parts = [(whole, added) for whole, added in parts if len(added) > 1]
    if not parts:
        return []
    signs = [(whole, added, " + ") for whole, added in parts]
    signs += [(whole, added, " * ") for whole, added in parts if len(added) == 2]
    tests = ", ".join(
        f"avg(cast(abs({sign.join(values[part] for part in added)} - {values[whole]}) < 0.011 as integer)) * cast("
        f"{' and '.join(f'count(*) filter ({values[part]} not in (0, 1)) > 0' for part in added)} as integer)"
        for whole, added, sign in signs
    )
    agreeing = first.row(f"select {tests} from {first}")
    return [whole for (whole, *_), share in zip(signs, agreeing, strict=True) if share and share >= 0.95]


def _is_return_of(other: str, level: str) -> bool:
    """Whether a level is the return of another one, such as a deposit: it is netted against what counts."""
    words = set(level.split()) & set(other.split())
    return other != level and bool(words) and read_level("type", other) == "refund"


def _guess_level(name: str, level: str, money: float) -> str:
    plain = plain_level(level)
    ordered = name == "type" and kind_of_document(plain) == "ordered"
    bought = name == "type" and re.search("purchase", plain)
    fee = name == "type" and HEADED["sale_fees"].search(plain.replace(" ", ""))
    if (
        re.fullmatch(r"-\d+", level)
        or is_payment(level)
        or ordered
        or bought
        or fee
        or _PLANNED.search(plain)
    ):
        return "ignore"
    taken_off = HEADED["discount"].search(plain.replace(" ", ""))  # below 0, and part of the sale
    refunded = read_level("type", level) == "refund"  # a word such as Gutschrift, which a state has seldom
    reversed_line = name == "type" and money < 0 and not taken_off
    return "refund" if refunded or reversed_line or plain == "closed" else "counts"
