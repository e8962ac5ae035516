"""Kinds of lines that repeat other lines of their customer: one sale may count twice."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import pandas as pd

from cltv_ml.columns.denials import says_no, says_no_sql
from cltv_ml.columns.levels import CANCELLED, NO, is_payment, plain_level
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.twins import Twins, find_retractions, find_twins, share_repeated
from cltv_ml.engine import Relation, keep_first, literals

#: Lines and columns that are compared, and the share of lines with an equal one from which on they are.
_COMPARED_LINES, _COMPARED_COLUMNS, _REPEATED = 20_000, 8, 0.05

#: Numbers of instalments, such as 2/3.
_INSTALMENT = re.compile(r"\d+ ?(/|of|von|de|di|van|sur|z) ?\d+")

#: Share of lines that repeat one of their order from which on these are compared.
_RETRACTED = 0.01

#: Fewest lines that a column marks as reversals, the share of them with a twin, and of others that have one by chance.
_FEWEST_MARKED, _WITH_TWIN, _PAID_AGAIN = 3, 0.9, 0.3


#: Words of events that cancel a part of an order, or that only ask for it.
_IN_PART = re.compile(
    r"\b(items?|lines?|parti\w*|products?|articles?|artikel|position\w*|request\w*|reject\w*|fail\w*|pending|void\w*)\b"
)


def find_copies(
    table: Relation, mapping: Mapping[str, str], columns: Sequence[str]
) -> dict[str, list[Twins]]:
    """Return, by column, the levels whose lines repeat the customer and the amount of another level's lines."""
    if not columns or not {"customer_id", "amount"} <= set(mapping):
        return {}
    first = keep_first(table, _COMPARED_LINES)
    read = Columns(first, Rules(day_first=True), ask=False)
    amount, customer = read.number(mapping["amount"]), quote(mapping["customer_id"])
    if share_repeated(first, customer, amount) < _REPEATED:
        return {}
    time = read.timestamp(mapping["timestamp"]) if "timestamp" in mapping else "null"
    order = quote(mapping["order_id"]) if "order_id" in mapping else "null"
    found = {
        column: find_twins(first, cell_text(column), customer, amount, time, order)
        for column in columns[:_COMPARED_COLUMNS]
    }
    return {column: twins for column, twins in found.items() if twins}


def ask_about_repeats(
    table: Relation,
    mapping: Mapping[str, str],
    levels_of: Mapping[str, Mapping[str, int]],
    decided: Mapping[str, str | None],
    asked: Collection[str],
) -> list[Question]:
    """Ask about a column that may tell kinds of lines apart, because those with one value repeat others.

    Parameters
    ----------
    levels_of
        The values of columns with few, and their numbers of lines.
    asked
        The answers to the questions that are open.
    """
    if "type" in decided or any(answer.startswith("type=") for answer in asked):
        return []
    columns = [
        column
        for column, levels in levels_of.items()
        if column not in decided.values() and len(levels) > 1 and not all(map(_INSTALMENT.fullmatch, levels))
    ]
    for column, copies in find_copies(table, mapping, columns).items():
        return [ask_about_kinds(column, copies)]
    return _ask_about_retractions(table, mapping, columns)


def _ask_about_retractions(
    table: Relation, mapping: Mapping[str, str], columns: Sequence[str]
) -> list[Question]:
    """Ask about a column some of whose lines repeat an earlier line of their order and may take it back."""
    if not columns or not {"order_id", "timestamp", "amount"} <= set(mapping):
        return []
    first = keep_first(table, _COMPARED_LINES)
    read = Columns(first, Rules(day_first=True), ask=False)
    amount, time = read.number(mapping["amount"]), read.timestamp(mapping["timestamp"])
    order = cell_text(mapping["order_id"])
    product = cell_text(mapping["product_id"]) if "product_id" in mapping else "''"
    if share_repeated(first, f"{order} || {product}", f"abs({amount})") < _RETRACTED:
        return []
    for column in columns[:_COMPARED_COLUMNS]:
        for twins in find_retractions(first, cell_text(column), order, product, amount, time)[:1]:
            levels = [level for [level] in first.rows(f"select distinct {cell_text(column)} from {first}")]
            rules = [f"type={twins.copy}:refund"]
            rules += [f"type={level}:counts" for level in sorted(levels) if level not in (twins.copy, "")]
            flags = " ".join(f"--rule {flag('type', rule.removeprefix('type='))}" for rule in rules)
            text = (
                f"column {column!r}: {twins.twins:,} of {twins.lines:,} lines with {twins.copy!r} repeat the amount of "
                f"an earlier line of their order with {twins.base!r}. If they take it back, use --mapping "
                f"{flag('type', column)} {flags}; if they are further sales, use --mapping type=."
            )
            return [Question(text, (",".join([f"type={column}", *rules]), "type="))]
    return []


def ask_about_copies(
    name: str,
    column: str,
    copies: Sequence[Twins],
    readings: Mapping[str, str | None],
    defined: Collection[str],
) -> list[Question]:
    """Ask about levels that are read alike, though the lines of one repeat those of the other."""
    alike = [
        twins
        for twins in copies
        if readings[twins.copy] == readings[twins.base] in ("counts", "refund") and twins.copy not in defined
    ]
    return [
        Question(
            f"column {column!r}: {_told(twins)}, as two documents of one sale do. Use --rule "
            f"{flag(name, twins.copy + ':ignore')} to leave them out, or --rule "
            f"{flag(name, f'{twins.copy}:{readings[twins.copy]}')} if they are sales or refunds of their own.",
            (f"{name}={twins.copy}:ignore", f"{name}={twins.copy}:{readings[twins.copy]}"),
        )
        for twins in alike[:1]
    ]


def guess_copies(copies: Sequence[Twins]) -> dict[str, str]:
    """Return the likely reading of levels that repeat others: dated later they take a sale back, else they announce it.

    >>> guess_copies([Twins("Pro forma", "Invoice", 9, 9, False), Twins("4", "3", 9, 9, True)])
    {'4': 'refund', 'Pro forma': 'ignore'}
    """
    return {
        twins.copy: "refund" if twins.later and not is_payment(twins.copy) else "ignore"
        for twins in copies[::-1]
    }


def count_reversals(table: Relation, mapping: Mapping[str, str | None], column: str) -> tuple[int, int]:
    """Return the number of lines that a column marks, and of those with a twin, if these are nearly all; else 0.

    A twin has the same customer and amount and no mark. Where customers often pay the same again, it shows nothing.
    """
    customer, amount = mapping.get("customer_id"), mapping.get("amount")
    if not customer or not amount:
        return 0, 0
    first = keep_first(table, _COMPARED_LINES)
    text = f"lower({cell_text(column)})"
    paid = Columns(first, Rules(), ask=False).number(amount)
    marked, twins, plain, again = first.row(
        "select sum(marked), sum(least(marked, plain)), sum(plain), coalesce(sum(plain) filter (plain > 1), 0) from ("
        "select count(*) filter (marked) as marked, count(*) filter (not marked) as plain from (select "
        f"{quote(customer)} as who, round(abs({paid}), 2) as money, not {says_no_sql(text, NO)} as marked "
        f"from {first}) group by who, money)"
    )
    told = marked >= _FEWEST_MARKED and twins >= _WITH_TWIN * marked and again <= _PAID_AGAIN * plain
    return (int(marked), int(twins)) if told else (0, 0)


def ask_about_reversals(
    column: str, counts: tuple[int, int], levels: Sequence[str], otherwise: str
) -> Question:
    """Ask whether marked lines with a positive amount take back another line, or are undone sales themselves.

    Parameters
    ----------
    counts
        The number of marked lines, and of those with a twin.
    levels
        The values of the column.
    otherwise
        The name of the mapping for sales that were undone themselves.
    """
    rules = [f"type={level}:{'counts' if says_no(level, NO) else 'refund'}" for level in levels if level]
    flags = " ".join(f"--rule {flag('type', rule.removeprefix('type='))}" for rule in rules)
    text = (
        f"column {column!r} has an entry or a yes on {counts[0]:,} lines, and {counts[1]:,} of them have the customer "
        f"and the amount of another line. If they take that line back, use --mapping {flag('type', column)} {flags}; "
        f"if they are sales that were undone, use --mapping {flag(otherwise, column)}; otherwise use --mapping "
        f"{otherwise}=."
    )
    return Question(text, (",".join([f"type={column}", *rules]), f"{otherwise}={column}", f"{otherwise}="))


def ask_about_kinds(column: str, copies: Sequence[Twins]) -> Question:
    """Ask whether a column that is not used says what each line is."""
    text = (
        f"column {column!r}: {_told(copies[0])}, as two documents of one sale or a sale and its return do. If the "
        f"column says what each line is, use --mapping {flag('type', column)}; otherwise use --mapping type=."
    )
    return Question(text, (f"type={column}", "type="))


def _told(twins: Twins) -> str:
    return (
        f"{twins.twins:,} of {twins.lines:,} lines with {twins.copy!r} have the customer and the amount of a line with "
        f"{twins.base!r}"
    )


def voided_again(
    columns: Columns, mapping: Mapping[str, str], counted: pd.DataFrame, amount: str
) -> list[str]:
    """Return the levels of lines that void a sale on another line of their order, with equal sums."""
    levels = _cancelling(counted[counted["reading"] == "ignore"])
    if not levels or not amount or "order_id" not in mapping:
        return []
    counting = counted.loc[counted["reading"] == "counts", "level"]
    void, sale = (_has_level(mapping["type"], some) for some in (levels, counting))
    money, order = f"round(abs({amount}), 2)", cell_text(mapping["order_id"])
    orders, undone = columns.row(
        "select count(*), count(*) filter (abs(voided - sold) < 0.006) from (select "
        f"sum({money}) filter ({void}) as voided, sum({money}) filter ({sale}) as sold from {columns.table} "
        f"where {order} <> '' group by {order}) where voided > 0"
    )
    return levels if undone and undone >= 0.5 * orders else []


def add_cancelled_orders(
    columns: Columns,
    mapping: Mapping[str, str],
    counted: pd.DataFrame,
    amount: str,
    defined: Collection[str],
) -> tuple[pd.DataFrame, list[str]]:
    """Return the levels and SQL for the sales of orders that a line without money cancels, as a log of events does.

    A line that names a product may cancel only that, and the user's own meaning of a level stands.
    """
    levels = [
        level
        for level in _cancelling(counted[(counted["money"] == 0) & (counted["reading"] != "counts")])
        if level not in defined
        and not _IN_PART.search(re.sub(".*order.*void.*|.*void.*order.*", "", plain_level(level)))
    ]
    if not levels or not amount or "order_id" not in mapping:
        return counted, []
    order, ends = cell_text(mapping["order_id"]), _has_level(mapping["type"], levels)
    whole = f" and {cell_text(mapping['product_id'])} = ''" if "product_id" in mapping else ""
    test = (
        f"{order} in (select {order} from {columns.table} where {ends}{whole} and {order} <> '') and "
        f"{_has_level(mapping['type'], counted.loc[counted['reading'] == 'counts', 'level'])}"
    )
    rows, money = columns.row(
        f"select count(*), coalesce(sum({amount}), 0.0) from {columns.table} where {test}"
    )
    if not rows:
        return counted, []
    left_out = counted.assign(reading=counted["reading"].mask(counted["level"].isin(levels), "ignore"))
    ended = {"level": f"lines of orders with {', '.join(map(repr, levels))}", "reading": "ignore"}
    return pd.concat(
        [left_out, pd.DataFrame([{**ended, "rows": rows, "money": money, "amounts": rows, "most": 0.0}])],
        ignore_index=True,
    ), [f"({test})"]


def _cancelling(levels: pd.DataFrame) -> list[str]:
    """Return the levels that say that a sale was cancelled."""
    return [level for level in levels["level"] if re.search(CANCELLED, plain_level(level))]


def cell_text(column: str) -> str:
    """Return SQL for the text of a cell without blanks around it; empty without one."""
    return f"coalesce(trim(cast({quote(column)} as varchar)), '')"


def _has_level(column: str, levels: Iterable[str]) -> str:
    return f"{cell_text(column)} in ({literals(list(levels))})"
