"""Rows that add up the rows around them, found by arithmetic, whatever they are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import MONEY_SCALE, Relation, keep, literal
from cltv_ml.money import log_amount
from cltv_ml.sources.frames import MARK

#: Lines and columns that are looked at: the layout of a report repeats.
_LINES, _COLUMNS = 10_000, 60

#: Fewer lines than this show nothing.
_FEWEST_SUMMED = 9

#: Rows of sums have at least this share of the money, and this many times the money of an average line.
_SHARE, _LARGER = 0.1, 1.2

#: Share of the rows with a label that must be sums; from the second on the user is told.
_SURE, _DOUBTED = 0.95, 0.6

#: Levels of sums below each other, such as by customer and by month, and labels that are checked for each.
_LEVELS, _LABELS = 4, 12


class _Label(NamedTuple):
    """What tells some rows from the others: the value of a column, or how it begins or ends.

    Parameters
    ----------
    column, part, value
        A column of the source; `"whole"`, `"first"` or `"last"`, the word compared; the value, blank where the column
        is.
    """

    column: str
    part: str
    value: str

    @property
    def test(self) -> str:
        """SQL for whether a row has the label."""
        return f"{_WORDS_OF[self.part].format(_cell_text(self.column))} = {literal(self.value)}"

    @property
    def text(self) -> str:
        """How to name the rows."""
        if not self.value:
            return f"without a value in column {self.column!r}"
        how = {"whole": "with", "first": "that begin with", "last": "that end in"}[self.part]
        return f"{how} {self.value[:40]!r} in column {self.column!r}"


#: Parts of a text by which rows are compared.
_WORDS_OF = {
    "whole": "{0}",
    "first": r"regexp_extract({0}, '^(\S+)\s', 1)",
    "last": r"regexp_extract({0}, '\s(\S+)$', 1)",
}


def set_sum_rows_aside(raw: Raw, lines: Lines, aside: Aside, rules: Rules) -> list[str]:
    """Quarantine the rows of subtotals, sums carried forward and the like; return notes.

    Such rows have something in common: a word in a column, or a blank one. Those are sums where nearly each is exactly
    the money of the other lines since an earlier such row, or up to the next one, and where the same amounts, moved by
    one row, are not. The first lines show which rows may be sums, and all lines of the file have to bear it out.
    """
    few = lines.tally.unbroken < _FEWEST_SUMMED
    if few or not rules.applies("total_row") or rules.amount_per == "line":
        return []
    notes: list[str] = []
    for _ in range(_LEVELS):
        sample = _counting_lines(raw, lines, aside, _compared_columns(raw), _LINES)
        labels = _likely_labels(raw, sample)
        share, label = max(((_share_of_sums(sample, label), label) for label in labels), default=(0.0, None))
        if share < _DOUBTED and (pair := _find_memo(raw, sample, labels)):
            notes.append(_set_memo_aside(raw, lines, aside, *pair))
            continue
        if label is None or share < _DOUBTED:
            break
        if lines.tally.unbroken > _LINES:
            sample = _counting_lines(raw, lines, aside, [label.column])
            share = _share_of_sums(sample, label)
        if share < _SURE:
            notes += [_doubt(sample, label, share)] if share >= _DOUBTED else []
            break
        notes.append(_set_label_aside(raw, lines, aside, label))
    return notes + (_set_last_aside(lines, aside) if notes else [])


def _counting_lines(
    raw: Raw, lines: Lines, aside: Aside, columns: Sequence[str], first: int | None = None
) -> Relation:
    """Return the lines that still count, or the `first` of them, in their order, with columns and their money."""
    some = "true" if first is None else f"source_row < {first}"
    return keep(
        raw.con,
        "counting_lines",
        f"select source_row, money, {', '.join(map(quote, columns))} from (from {raw.table} where {some}) join (select "
        f"source_row, money from {lines.marks} anti join {aside} using (source_row) where {some} and rule is null) "
        "using (source_row) order by source_row",
    )


def _compared_columns(raw: Raw) -> list[str]:
    """Return the columns in which rows of sums may differ: not the amount, those with a standard name first."""
    money = {raw.mapping.get(name) for name in ("amount", "unit_price", "quantity")}
    named = [column for column in raw.mapping.values() if column not in money]
    return list(dict.fromkeys([*named, *(c for c in raw.unused if c not in money)]))[:_COLUMNS]


def _cell_text(column: str) -> str:
    return f"coalesce(trim(cast({quote(column)} as varchar)), '')"


def _likely_labels(raw: Raw, sample: Relation) -> list[_Label]:
    """Return labels of rows that have a large part of the money and more of it than the others, most money first."""
    lines, money = sample.row(f"select count(*), coalesce(sum(money), 0) from {sample}")
    if lines < 4 or money <= 0:
        return []
    columns, parts = _compared_columns(raw), [*_WORDS_OF]
    texts = ", ".join(
        f"coalesce(cast({quote(column)} as varchar), '') as \"{place}\""
        for place, column in enumerate(columns)
    )
    worded = [place for place, column in enumerate(columns) if raw.table.kinds[MARK + column] == "VARCHAR"]
    words = ", ".join(words.format("trim(text)") for words in _WORDS_OF.values())
    candidates = sample.rows(
        "select place, part, value, sum(money) as own from (select cast(name as integer) as place, money, "
        f"unnest({[*range(len(parts))]}) as part, unnest([{words}]) as value from (unpivot (select money, {texts} from "
        f"{sample}) on columns(* exclude money) into name name value text)) where part = 0 or place in "
        f"(select unnest({worded}::integer[])) group by place, part, value having count(*) > 1 "
        f"and 2 * count(*) <= {lines} and own >= {_SHARE} * {money} and own * ({lines} - count(*)) >= "
        f"{_LARGER} * count(*) * ({money} - own) order by own desc, place, part limit {_LABELS}"
    )
    labels = [_Label(columns[place], parts[part], value) for place, part, value, _ in candidates]
    return [label for label in labels if label.value or label.part == "whole"]


def _share_of_sums(sample: Relation, label: _Label) -> float:
    """Return the share of the rows with a label that are sums of other lines; 0 if this may be chance."""
    columns = sample.con.execute(
        f"select money, {label.test} as labelled from {sample} order by source_row"
    ).fetchnumpy()
    money, labelled = columns["money"].astype(np.int64), columns["labelled"].astype(bool)
    return max(_share_above(money, labelled), _share_above(money[::-1], labelled[::-1]))


def _share_above(money: np.ndarray, labelled: np.ndarray) -> float:
    """Return the share of labelled amounts that are sums of the others since the start or an earlier labelled one.

    >>> _share_above(np.array([2, 3, 5, 4, 9, 13, 7, 8, 15]), np.array([0, 0, 1, 0, 0, 1, 0, 0, 1]) > 0)
    1.0
    """
    others = np.cumsum(np.where(labelled, 0, money))
    numbers = np.cumsum(~labelled)
    sums, before, own = others[labelled], numbers[labelled], money[labelled]
    starts = np.concatenate([[0], sums])
    several = np.diff(np.concatenate([[0], before])) > 1
    right = (np.isin(sums - own, starts) | (own == others[-1])) & (own > 0)
    if right.sum() < 2 or (several & right).sum() < 2:
        return 0.0
    if len(own) < 4:
        exact = (own == np.diff(starts)) | (own == sums)
        return float(right.mean()) if exact.all() and (before > 1).all() else 0.0
    moved = np.roll(own, 1)
    by_chance = np.isin(sums - moved, starts)[moved != own]
    return float(right.mean()) if len(by_chance) and by_chance.mean() < 0.5 * right.mean() else 0.0


def _find_memo(raw: Raw, sample: Relation, labels: Sequence[_Label]) -> tuple[_Label, _Label] | None:
    """Return a label of the totals of orders, of all lines but those with a second label, and the second one."""
    order = raw.mapping.get("order_id")
    for label in (
        label for label in labels if order and label.part == "whole" and label.column in raw.unused
    ):
        text = _cell_text(label.column)
        values = sample.rows(
            f"select {text} as value from {sample} where not ({label.test}) group by value having count(*) > 1 "
            f"order by count(*) desc, value limit {_LABELS}"
        )
        for (value,) in values:
            memo = _Label(label.column, "whole", str(value))
            if value and _are_order_totals(sample, str(order), label, memo):
                return label, memo
    return None


def _are_order_totals(sample: Relation, order: str, label: _Label, memo: _Label) -> bool:
    """Whether each of several orders has one line with a label, the sum of the order's lines with neither label."""
    orders, right, several = sample.row(
        "select count(*), count(*) filter (totals = 1 and total = parts), count(*) filter (lines > 1) from (select "
        f"count(*) filter ({label.test}) as totals, sum(money) filter ({label.test}) as total, "
        f"sum(money) filter (not ({label.test}) and not ({memo.test})) as parts, "
        f"count(*) filter (not ({label.test}) and not ({memo.test})) as lines from {sample} group by {quote(order)})"
    )
    return orders >= _FEWEST_SUMMED and right >= _SURE * orders and several >= 0.2 * orders


def _set_memo_aside(raw: Raw, lines: Lines, aside: Aside, label: _Label, memo: _Label) -> str:
    """Quarantine rows of sums and what these sums do not contain, such as payments; return a note."""
    sums = _set_label_aside(raw, lines, aside, label)
    return (
        f"{sums} They do not contain the lines {memo.text}, such as taxes included "
        f"or payments. {_set_label_aside(raw, lines, aside, memo, 'are in none of these sums')}"
    )


def _set_label_aside(
    raw: Raw,
    lines: Lines,
    aside: Aside,
    label: _Label,
    reason: str = "are exactly the sums of the lines above or below them",
) -> str:
    """Quarantine all lines with a label and return the note."""
    [before] = aside.table.row(f"select count(*) from {aside} where rule = 'total_row'")
    money = f"sum(money) filter (where source_row in (select source_row from {raw.table} where {label.test}))"
    [summed] = lines.marks.row(
        f"select coalesce({money}, 0) from {lines.marks} anti join {aside} using (source_row) where rule is null"
    )
    aside.add(
        "total_row",
        f"select source_row from {raw.table} anti join {aside} using (source_row) where {label.test} "
        f"and source_row in (select source_row from {lines.marks} where rule is null)",
    )
    [after] = aside.table.row(f"select count(*) from {aside} where rule = 'total_row'")
    return (
        f"{after - before:,} lines {label.text}, {int(summed) / MONEY_SCALE:,.2f} in total, {reason} and were "
        "quarantined (--rule off=total_row keeps them)."
    )


def _set_last_aside(lines: Lines, aside: Aside) -> list[str]:
    """Quarantine a last line that is the sum of all others, below subtotals; return a note."""
    left = f"{lines.marks} anti join {aside} using (source_row) where rule is null"
    money, last, own = lines.marks.row(
        f"select coalesce(sum(money), 0), max(source_row), arg_max(money, source_row) from {left}"
    )
    if not own or 2 * own != money:
        return []
    aside.add("total_row", f"select {last} as source_row")
    return [
        f"The last line, {log_amount(int(own) / MONEY_SCALE)}, is the sum of all others and was quarantined."
    ]


def _doubt(sample: Relation, label: _Label, share: float) -> str:
    rows, money = sample.row(f"select count(*), sum(money) from {sample} where {label.test}")
    return (
        f"{share:.0%} of the {rows:,} lines {label.text}, {int(money) / MONEY_SCALE:,.2f} in total, are exactly the "
        "sum of lines above or below them, and all of them count. If they are subtotals, remove them from the export."
    )
