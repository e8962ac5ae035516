"""Macros of feature expressions: the `@` abbreviations, expanded for one cutoff and one engine."""

from __future__ import annotations

import pandas as pd

from cltv_ml.engine import MONEY_SCALE
from cltv_ml.errors import InputError
from cltv_ml.features.grains import ITEM_SCALE

#: Number of arguments of each abbreviation.
MACROS = {
    "cutoff": 0,
    "days_to_quarter": 1,
    "first_text": 2,
    "last": 1,
    "last_text": 2,
    "latest": 1,
    "ratio": 2,
    "since_last": 0,
    "slope": 2,
    "spread": 1,
    "squares": 1,
}
_EPOCH = pd.Timestamp("1970-01-01")
_SCALES = {"currency": MONEY_SCALE, "items": ITEM_SCALE, "item": ITEM_SCALE}


def day_number(moment: pd.Timestamp) -> int:
    """Return the days since 1970-01-01.

    >>> day_number(pd.Timestamp("1997-10-01"))
    10135
    """
    return (moment - _EPOCH).days


def unit_scale(unit: str) -> float:
    """Return the divisor that converts a value in whole units to `unit`.

    >>> unit_scale("currency/day"), unit_scale("items/order"), unit_scale("currency/item"), unit_scale("days")
    (10000.0, 1000.0, 10.0, 1.0)
    """
    top, _, bottom = unit.partition("/")
    return _SCALES.get(top, 1) / _SCALES.get(bottom, 1)


class Speller:
    """Spells expressions out for one cutoff (none: to describe the meaning) and one engine.

    `wide` is the engine's name for whole numbers of 38 digits. Where states of customers are not `dated`, the last
    known value is the greatest, which costs a fraction of the work.
    """

    def __init__(self, cutoff: pd.Timestamp | None, wide: str, dated: bool = True) -> None:
        self.moment = cutoff
        self.cutoff = "@cutoff" if cutoff is None else str(day_number(cutoff))
        self.wide = wide
        self.dated = dated

    def spell(self, sql: str, time: str) -> str:
        """Return `sql` without abbreviations; `time` is the column with the moment of a row."""
        start = sql.find("@")
        if start < 0:
            return sql
        stop = start + 1
        while stop < len(sql) and (sql[stop].isalnum() or sql[stop] == "_"):
            stop += 1
        name = sql[start + 1 : stop]
        arguments, rest = _arguments(sql[stop:]) if MACROS[name] else ([], sql[stop:])
        spelled = getattr(self, f"_{name}")(time, *[self.spell(one, time) for one in arguments])
        return sql[:start] + spelled + self.spell(rest, time)

    def _cutoff(self, time: str) -> str:
        return self.cutoff

    def _last(self, time: str, days: str) -> str:
        return f"({time} >= {self.cutoff} - {days})"

    def _since_last(self, time: str) -> str:
        return f"({self.cutoff} - last_purchase_day)"

    def _latest(self, time: str, column: str) -> str:
        """The last known value; of two values of the same day the greater one."""
        if not self.dated:
            return f"max({column})"
        return f"max_by({column}, ({time}, {column})) filter (where {column} is not null)"

    def _first_text(self, time: str, column: str, moment: str) -> str:
        """The text with the smallest moment; at one moment the first by name.

        The moment goes in front with 13 digits: the minimum of one text is half the work of `min_by` over
        pairs, and the same on every engine.
        """
        return f"substr(min(cast({moment} + 2000000000000 as string) || {column}), 14)"

    def _last_text(self, time: str, column: str, moment: str) -> str:
        return f"substr(max(cast({moment} + 2000000000000 as string) || {column}), 14)"

    def _days_to_quarter(self, time: str, quarter: str) -> str:
        """Days to the next such quarter of the year, 0 inside it."""
        if self.moment is None:
            return f"@days_to_quarter({quarter})"
        if self.moment.quarter == int(quarter):
            return "0"
        year = self.moment.year + (int(quarter) < self.moment.quarter)
        return str((pd.Timestamp(year=year, month=3 * int(quarter) - 2, day=1) - self.moment).days)

    def _ratio(self, time: str, top: str, bottom: str) -> str:
        return f"(cast({top} as double) / nullif(cast({bottom} as double), 0e0))"

    def _squares(self, time: str, x: str) -> str:
        """Sum of squares, exact."""
        return f"sum(cast({x} as {self.wide}) * cast({x} as {self.wide}))"

    def _spread(self, time: str, x: str) -> str:
        """Sample standard deviation from whole sums: no rounding before the division."""
        total = f"sum(cast({x} as {self.wide}))"
        top = f"count({x}) * {self._squares(time, x)} - {total} * {total}"
        return f"sqrt(cast({top} as double) / nullif(cast(count({x}) * (count({x}) - 1) as double), 0e0))"

    def _slope(self, time: str, y: str, x: str) -> str:
        """Least-squares slope of y on x from whole sums."""
        wide_x, wide_y = f"cast({x} as {self.wide})", f"cast({y} as {self.wide})"
        top = f"count({x}) * sum({wide_x} * {wide_y}) - sum({wide_x}) * sum({wide_y})"
        bottom = f"count({x}) * {self._squares(time, x)} - sum({wide_x}) * sum({wide_x})"
        return f"(cast({top} as double) / nullif(cast({bottom} as double), 0e0))"


def _arguments(rest: str) -> tuple[list[str], str]:
    """Split `(a, f(b, c)) tail` into its arguments and the tail."""
    depth, begin, arguments = 0, 1, []
    for position, sign in enumerate(rest):
        depth += (sign == "(") - (sign == ")")
        if (sign == "," and depth == 1) or depth == 0:
            arguments.append(rest[begin:position].strip())
            begin = position + 1
        if depth == 0:
            return arguments, rest[position + 1 :]
    raise InputError(f"a bracket is not closed in {rest!r}.")
