"""SQL for completed sales, from the columns status, type, test, captured, refunded and cancelled."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from cltv_ml.columns.copies import (
    add_cancelled_orders,
    ask_about_copies,
    cell_text,
    find_copies,
    guess_copies,
    voided_again,
)
from cltv_ml.columns.denials import says_no_sql
from cltv_ml.columns.guesses import guess_levels
from cltv_ml.columns.levels import (
    BLANK,
    CANCELLED,
    LEVEL_NAMES,
    MOST_LEVELS,
    NO,
    UNDONE_STATE,
    YES,
    beside_payment,
    is_partly_undone,
    plain_level,
    read_levels,
)
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question
from cltv_ml.columns.stornos import are_undone
from cltv_ml.columns.twins import Twins
from cltv_ml.engine import MONEY_SCALE, literals
from cltv_ml.money import log_amount

#: Unknown kinds of lines are left out if they have at most this share of the money.
_HARMLESS = 0.001
_LEVEL_COLUMNS = ["name", "column", "level", "reading", "rows", "money"]
_EMPTY, _FILLED_LEVEL = "(empty)", "(filled)"
_NO_LEVELS = literals(sorted(BLANK))


@dataclass(frozen=True)
class Sales:
    """SQL and notes for the columns that mark completed sales."""

    #: SQL for the reading of a line: `'ignore'`, `'refund'` or null for a completed sale.
    reading: str = ""
    #: SQL for whether a line is a refund regardless of its sign.
    takes_back: str = ""
    #: SQL for the statuses of a line as one text, empty if there is no such column.
    state: str = ""
    #: SQL for the refund of a line's order, empty if there is no such column.
    refunded: str = ""
    #: One row per level: `name`, `column`, `level`, `reading`, `rows`.
    levels: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    #: Questions about levels that only the user understands.
    questions: tuple[Question, ...] = ()


def read_sales(
    columns: Columns, mapping: Mapping[str, str], defined: Mapping[str, Mapping[str, str]], amount: str
) -> Sales:
    """Return the reading of the mapped columns that mark completed sales.

    Parameters
    ----------
    defined
        By mapping name, the levels that the user defined, see `Rules.levels`.
    amount
        SQL for a line's amount; empty if it cannot be read yet.
    """
    tables, questions, tests = [], [], _Tests()
    for name in (name for name in LEVEL_NAMES if name in mapping):
        counted, meanings = _count_levels(columns, mapping[name], amount), defined.get(name) or {}
        if len(counted) > MOST_LEVELS:
            questions.append(_no_levels(name, mapping[name]))
            continue
        counted["reading"] = read_levels(name, counted["level"], meanings, beside_payment(name, mapping))
        if name == "type" and counted["money"].any():  # reported with the other levels; no reason to stop
            small = counted["money"].abs() <= _HARMLESS * counted["money"].abs().sum()
            counted.loc[counted["reading"].isna() & small, "reading"] = "ignore"
        # A line without an amount, such as a second header, is quarantined anyway.
        if counted["amounts"].any():
            few = counted["rows"] <= max(1, 0.001 * counted["rows"].sum())
            counted.loc[counted["reading"].isna() & (counted["amounts"] == 0) & few, "reading"] = "ignore"
        # A negative line that cancels a sale reverses it; the sale is on a line of its own.
        if name in ("status", "type"):
            back = counted["level"].map(lambda level: bool(re.search(CANCELLED, plain_level(level))))
            back &= ~counted["level"].isin(set(meanings)) & (counted["most"] < 0)
            reversal = "counts" if name == "status" else "refund"
            counted.loc[back & (counted["reading"] == "ignore"), "reading"] = reversal
        if name == "type":
            voided = voided_again(columns, mapping, counted, amount)
            counted.loc[counted["level"].isin(set(voided) - set(meanings)), "reading"] = "refund"
            counted, ended = add_cancelled_orders(columns, mapping, counted, amount, meanings)
            tests.conditions["ignore"] += ended
        unknown, open_levels = counted[counted["reading"].isna()], {*counted["level"]} - set(meanings)
        compared = [mapping[name]] if name in ("status", "type") and open_levels and len(counted) > 1 else []
        copies = find_copies(columns.table, mapping, compared).get(mapping[name], [])
        if len(unknown):
            questions.append(_unknown(name, mapping[name], counted, copies))
        elif name in ("status", "type") and not ({"counts"} & {*counted["reading"]}) and open_levels:
            questions.append(_no_sales(name, mapping[name], counted))
        undone = name == "type" and _undoes_its_order(columns, mapping, counted, amount, meanings)
        if undone is None:
            questions.append(_whose_refunds(mapping["type"], counted))
        readings = dict(zip(counted["level"], counted["reading"], strict=True))
        questions += ask_about_copies(name, mapping[name], copies, readings, meanings)
        tests.add(name, mapping[name], counted, bool(undone))
        tables.append(counted.assign(name=name, column=mapping[name]))
    refunded = _read_filled(columns, mapping, amount, tests, tables, questions)
    levels = (
        pd.concat(tables, ignore_index=True)[_LEVEL_COLUMNS]
        if tables
        else pd.DataFrame(columns=_LEVEL_COLUMNS)
    )
    levels["level"] = levels["level"].replace("", _EMPTY)
    states = [
        f"lower({cell_text(mapping[name])})" for name in ("status", "payment_status") if name in mapping
    ]
    return Sales(
        tests.reading(), tests.takes_back(), " || ' ' || ".join(states), refunded, levels, tuple(questions)
    )


class _Tests:
    """SQL conditions, gathered per meaning."""

    def __init__(self) -> None:
        self.conditions: dict[str, list[str]] = {"ignore": [], "refund": [], "takes_back": []}

    def add(self, name: str, column: str, counted: pd.DataFrame, undone: bool) -> None:
        """Add the SQL of the levels that are not sales; `undone` where refunds of a type undo their own order."""
        for reading in ("ignore", "refund"):
            levels = counted.loc[counted["reading"] == reading, "level"]
            if len(levels):
                meaning = "takes_back" if name == "type" and reading == "refund" and not undone else reading
                self.conditions[meaning].append(f"{cell_text(column)} in ({literals(levels)})")

    def reading(self) -> str:
        """Return SQL for 'ignore', 'refund' or null; empty if every line counts."""
        branches = [
            f"when {' or '.join(self.conditions[reading])} then '{reading}'"
            for reading in ("ignore", "refund")
            if self.conditions[reading]
        ]
        return f"case {' '.join(branches)} end" if branches else ""

    def takes_back(self) -> str:
        """SQL for the lines whose type means a return."""
        return " or ".join(self.conditions["takes_back"])


def _count_levels(columns: Columns, column: str, amount: str) -> pd.DataFrame:
    """Return the levels of a column with their rows, money and number of amounts, the most frequent first."""
    amounts = f"count({amount}), coalesce(max({amount}), 0.0)" if amount else "0, 0.0"
    money = f"sum(cast(round({amount} * {MONEY_SCALE}) as hugeint)) / {MONEY_SCALE}.0" if amount else "0.0"
    rows = columns.table.rows(
        f"select {cell_text(column)} as level, count(*), coalesce({money}, 0.0), {amounts} from {columns.table} "
        f"group by 1 order by 2 desc, 1 limit {MOST_LEVELS + 1}"
    )
    return pd.DataFrame(rows, columns=["level", "rows", "money", "amounts", "most"]).astype({"money": float})


def _read_filled(
    columns: Columns,
    mapping: Mapping[str, str],
    amount: str,
    tests: _Tests,
    tables: list[pd.DataFrame],
    questions: list[Question],
) -> str:
    """Read the columns of cancellations and refunds; return SQL for the money given back, where one says so."""
    refunded = ""
    for name in (name for name in ("cancelled_at", "refunded") if name in mapping):
        column = mapping[name]
        if name == "refunded" and not _is_flag(columns, column):
            refunded = f"abs({columns.number(column)})"
            questions += _unread(columns, column, refunded)
            continue
        text = cell_text(column)
        filled = f"not {says_no_sql(f'lower({text})', NO)}"
        level = f"if({filled}, '{_FILLED_LEVEL}', if(lower({text}) in ({_NO_LEVELS}), '', {text}))"
        tests.conditions["refund"].append(filled)
        money = f"coalesce(sum({amount}), 0.0)" if amount else "0.0"
        rows = columns.table.rows(
            f"select {level}, if({filled}, 'refund', 'counts'), count(*), {money} "
            f"from {columns.table} group by all order by 3 desc"
        )
        table = pd.DataFrame(rows, columns=["level", "reading", "rows", "money"]).astype({"money": float})
        tables.append(table.assign(name=name, column=column))
    return refunded


def _unread(columns: Columns, column: str, number: str) -> list[Question]:
    """Return a question if a column of refunds contains mostly something else."""
    filled, read, example = columns.row(
        f"select count(*), count({number}), min({cell_text(column)}) filter (where {number} is null) "
        f"from {columns.table} where not {says_no_sql(f'lower({cell_text(column)})', NO)}"
    )
    if not filled or read >= 0.5 * filled:
        return []
    text = (
        f"column {column!r} was read as refunded, but {filled - read:,} of its values are not amounts, for "
        f"example {str(example)[:40]!r}. If any entry means a cancelled order, use --mapping "
        f"{flag('cancelled_at', column)} and --mapping refunded=; otherwise use only --mapping refunded=."
    )
    return [Question(text, (f"cancelled_at={column},refunded=", "refunded="))]


def _is_flag(columns: Columns, column: str) -> bool:
    """Whether a column holds only yes and no."""
    answers = literals(sorted(NO | YES))
    return not columns.table.holds(f"lower({cell_text(column)}) not in ({answers})")


def _unknown(name: str, column: str, counted: pd.DataFrame, copies: Sequence[Twins]) -> Question:
    unknown = counted[counted["reading"].isna()]
    listed = _by_level(unknown)
    remainder = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
    money = {str(row.level): row.money for row in unknown.itertuples()}
    guesses = guess_levels(name, money, [str(level) for level in counted["level"]])
    guesses |= {level: guess for level, guess in guess_copies(copies).items() if level in guesses}
    guessed = [f"{name}={level}:{guess}" for level, guess in guesses.items()]
    flags = " ".join(f"--rule {flag(*answer.split('=', 1))}" for answer in guessed[:8])
    text = (
        f"column {column!r} ({name}) contains unknown levels: {listed}{remainder}. For each, choose whether it "
        f"counts as a sale, is a refund or is ignored, for example {flags} (:counts, :refund or :ignore), or "
        f"leave the column out with --mapping {name}=."
    )
    together = [] if any("," in answer for answer in guessed) else [",".join(guessed)]
    readings = ("counts", "refund", "ignore")
    single = [f"{name}={level}:{reading}" for level in unknown["level"] for reading in readings]
    return Question(text, tuple(dict.fromkeys((*together, *single, f"{name}="))))


def _by_level(levels: pd.DataFrame) -> str:
    rows = levels.head(8).itertuples()
    return ", ".join(f"{row.level!r} ({row.rows:,} lines, {row.money:,.2f})" for row in rows)


def _undoes_its_order(
    columns: Columns,
    mapping: Mapping[str, str],
    counted: pd.DataFrame,
    amount: str,
    meanings: Mapping[str, str],
) -> bool | None:
    """Whether the lines that a type calls refunded are the sales that were undone, rather than refunds of others."""
    levels = list(counted.loc[counted["reading"] == "refund", "level"])
    needed = {"order_id", "customer_id", "timestamp"} <= set(mapping)
    if not amount or not needed or not levels or set(levels) & set(meanings):
        return False
    if not all(re.search(UNDONE_STATE, plain_level(level)) for level in levels):
        return False
    column, keys = (
        mapping["type"],
        [cell_text(mapping[name]) for name in ("order_id", "customer_id", "timestamp")],
    )
    rows, undone = are_undone(columns.table, f"{cell_text(column)} in ({literals(levels)})", amount, *keys)
    if not undone:
        return undone
    columns.notes.append(
        f"Column {column!r}: the {rows:,} refunded lines were read as undone sales, because they have "
        "orders of their own or the time of their order."
    )
    return True


def _whose_refunds(column: str, counted: pd.DataFrame) -> Question:
    """Ask whether lines called refunded are cancelled orders or refunds of other orders."""
    levels = counted.loc[counted["reading"] == "refund", "level"]
    undone, back = ([f"type={level}:{reading}" for level in levels] for reading in ("ignore", "refund"))
    flags = [
        " ".join(f"--rule {flag(*answer.split('=', 1))}" for answer in answers) for answers in (undone, back)
    ]
    text = (
        f"column {column!r} marks orders as {', '.join(map(repr, levels))} whose customers paid the same "
        f"amount for other orders. Use {flags[0]} if the marked orders were cancelled, or {flags[1]} if they "
        "are refunds of the other orders."
    )
    return Question(text, (",".join(undone), ",".join(back)))


def _no_sales(name: str, column: str, counted: pd.DataFrame) -> Question:
    """Ask if no level is a sale: "practice" is a test at a till, but a sale at a school."""
    text = (
        f"column {column!r} was read as {name}, but then no line is a sale: {_by_level(counted)}. If the "
        f"column means something else, use --mapping {name}=; if a level is a sale, use for example --rule "
        f"{flag(name, str(counted['level'].iloc[0]) + ':counts')}."
    )
    answers = [f"{name}={level}:{reading}" for level in counted["level"] for reading in ("counts", "ignore")]
    # of several levels, most lines have one of a sale
    return Question(
        text, (*answers[:1], f"{name}=", *answers[1:]) if len(counted) > 1 else (f"{name}=", *answers)
    )


def _no_levels(name: str, column: str) -> Question:
    text = (
        f"column {column!r} contains more than {MOST_LEVELS} distinct values, which is too many for a "
        f"{name}. Map another column, or leave it out with --mapping {name}=."
    )
    return Question(text, (f"{name}=",))


def describe_levels(levels: pd.DataFrame, refunds_known: bool) -> list[str]:
    """Return a note per column on how its levels were read, and one if partial refunds are unknown."""
    notes = []
    for (name, column), group in levels.groupby(["name", "column"], sort=False):
        parts = []
        for reading, word in (("counts", "counts"), ("refund", "netted"), ("ignore", "left out")):
            chosen = group[group["reading"] == reading]
            shown = ", ".join(
                f"{row.level} ({row.rows:,} lines, {log_amount(row.money)})" for row in chosen.itertuples()
            )
            parts += [f"{word}: {shown}"] if shown else []
        change = (
            ""
            if name in ("refunded", "cancelled_at")
            else f" (--rule {name}=LEVEL:counts, :refund or :ignore changes it)"
        )
        notes.append(f"Column {column!r} was read as {name}: {'; '.join(parts)}{change}.")
    states = levels[levels["name"].isin(["status", "payment_status"])]
    partly = states[states["level"].map(is_partly_undone).astype(bool)]
    if len(partly) and not refunds_known:
        notes.append(
            f"{partly['rows'].sum():,} lines with {log_amount(partly['money'].sum())} were partly refunded, but no "
            "column is mapped as refunded. They count in full unless a separate line has the refund."
        )
    return notes
