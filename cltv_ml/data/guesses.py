"""Likely first answers to questions: readings of unknown levels, and columns for required names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from cltv_ml.data.levels import agreed_levels, is_payment, kind_of_document, plain_level, read_level
from cltv_ml.data.parse import Columns
from cltv_ml.data.rules import Rules
from cltv_ml.data.source_columns import quote
from cltv_ml.data.words import words
from cltv_ml.engine import Relation, quoted
from cltv_ml.sources.frames import MARK

#: The most columns among which sums are looked for.
_MOST_SUMMED = 6

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

    >>> guess_levels("type", {"Lieferschein": 50.0, "Adjustment": -5.0}, ["Lieferschein", "Adjustment"])
    {'Lieferschein': 'ignore', 'Adjustment': 'refund'}
    >>> guess_levels("type", {"LAYBY": 100.0}, ["LAYBY", "LAYBY_PAYMENT", "SALE"])
    {'LAYBY': 'ignore'}
    """
    plain = list(map(plain_level, levels))
    agreed = agreed_levels(plain)
    guesses = {}
    for level, total in money.items():
        own = plain_level(level)
        returned = name == "type" and any(_is_return_of(other, own) for other in plain)
        guesses[level] = (
            "ignore" if own in agreed else "counts" if returned else _guess_level(name, level, total)
        )
    return guesses


def rank_columns(first: Relation, name: str, columns: Sequence[str]) -> list[str]:
    """Return the columns offered for a required name, the most likely by their values first.

    Customers come back, so a column unique to each line is no likely customer; an e-mail address is the most likely,
    and where a report names something alone in a row above its lines, that.
    An amount is likely the sum of other columns or has decimals, and rarely a whole number that only grows.
    """
    if name not in ("customer_id", "amount") or len(columns) < 2:
        return list(columns)
    sums = _which_are_sums(first, columns[:_MOST_SUMMED]) if name == "amount" else []
    doubts = {column: -1 if column in sums else _doubt_column(first, name, column) for column in columns}
    return sorted(columns, key=doubts.__getitem__)


def _doubt_column(first: Relation, name: str, column: str) -> int:
    text = f"nullif(trim(cast({quote(column)} as varchar)), '')"
    if name == "customer_id":
        mails, unique = first.row(
            f"select count({text}) filter ({text} like '%@%'), count({text}) = count(distinct {text}) from {first}"
        )
        return 0 if mails or _heads_groups(first, text) else 1 + unique
    decimals, grows = first.row(
        rf"select bool_or(regexp_matches(t, '\d[.,]\d')), bool_and(v > before and v = floor(v)) filter "
        f"(before is not null) from (select {text} as t, try_cast({text} as double) as v, "
        f"try_cast(lag({text}) over (order by source_row) as double) as before from {first})"
    )
    return 0 if decimals else 1 + bool(grows)


def _heads_groups(first: Relation, text: str) -> bool:
    """Whether a text stands alone in several rows and is blank in the rows below, but perhaps for one of totals."""
    cells = ", ".join(f"cast({quoted(name)} as varchar)" for name in first.kinds if name.startswith(MARK))
    alone, others, blank = first.row(
        "select count(*) filter (t is not null and n = 1), count(*) filter (t is not null and n > 1), "
        f"count(*) filter (t is null and n > 1) from (select {text} as t, "
        f"len(list_filter([{cells}], lambda cell: trim(cell) <> '')) as n from {first})"
    )
    return alone > 1 and others <= alone + 1 and blank >= alone


def _which_are_sums(first: Relation, columns: Sequence[str]) -> list[str]:
    """Return the columns that are the sum of two or of all other columns of numbers."""
    number = Columns(first, Rules(), ask=False).number
    values = {column: f"coalesce({number(column)}, 0)" for column in columns}
    others = {whole: tuple(column for column in columns if column != whole) for whole in columns}
    parts = [
        (whole, added) for whole in columns for added in (*combinations(others[whole], 2), others[whole])
    ]
    parts = [(whole, added) for whole, added in parts if len(added) > 1]
    if not parts:
        return []
    tests = ", ".join(
        f"avg(cast(abs({' + '.join(values[part] for part in added)} - {values[whole]}) < 0.011 as integer)) "
        f"* cast({' and '.join(f'count(*) filter ({values[part]} <> 0) > 0' for part in added)} as integer)"
        for whole, added in parts
    )
    agreeing = first.row(f"select {tests} from {first}")
    return [whole for (whole, _), share in zip(parts, agreeing, strict=True) if share and share >= 0.95]


def _is_return_of(other: str, level: str) -> bool:
    """Whether a level is the return of another one, such as a deposit: it is netted against what counts."""
    words = set(level.split()) & set(other.split())
    return other != level and bool(words) and read_level("type", other) == "refund"


def _guess_level(name: str, level: str, money: float) -> str:
    plain = plain_level(level)
    ordered = name == "type" and kind_of_document(plain) == "ordered"
    bought = name == "type" and re.search("purchase", plain)
    if re.fullmatch(r"-\d+", level) or is_payment(level) or ordered or bought or _PLANNED.search(plain):
        return "ignore"
    return "refund" if (name == "type" and money < 0) or plain == "closed" else "counts"
