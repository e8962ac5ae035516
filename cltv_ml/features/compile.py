"""Declared features -> the SQL of their ledgers, and one SQL query per cutoff over the ledgers.

The text is the subset that means the same on DuckDB and Spark. The filter on the cutoff is written here,
in every read of a ledger, and no ledger row spans more than one day: this is why no feature can leak.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from cltv_ml.engine import MONEY_SCALE
from cltv_ml.features.declare import MACROS, Feature
from cltv_ml.features.grains import GRAINS, ITEM_SCALE

_EPOCH = pd.Timestamp("1970-01-01")


@dataclass(frozen=True)
class Plan:
    """The features that are asked for and those they are made from; all SQL is derived from here."""

    names: tuple[str, ...]
    features: Mapping[str, Feature]
    has_orders: bool

    @cached_property
    def used(self) -> dict[str, Feature]:
        """The named features and, before each, the features its expression combines."""
        used: dict[str, Feature] = {}
        for name in self.names:
            _collect(name, self.features, used, ())
        return used

    def columns(self, grain: str) -> set[str]:
        """The ledger columns that the used features read at one grain."""
        reads = {word for found in self.used.values() if found.grain == grain for word in found.words}
        return reads & set(GRAINS[grain].columns)

    def ledgers(self) -> dict[str, str]:
        """The SQL of each ledger over the view `lines` and the ledgers before it, in order."""
        return {"order_ledger": self._order_ledger(), "day_ledger": self._day_ledger()}

    def query(self, cutoff: pd.Timestamp, wide: str) -> str:
        """The SQL of one row per customer with a purchase before `cutoff`, over the ledgers.

        `wide` is the engine's name for whole numbers of 38 digits.
        """
        return self._query(_Dialect(cutoff, wide))

    @property
    def version(self) -> str:
        """A short hash of the meaning of the named features: it changes when a value could change."""
        text = [*self.ledgers().values(), self._query(_Dialect(None, "wide"))]
        return hashlib.sha256("\n".join(text).encode()).hexdigest()[:12]

    def _order_ledger(self) -> str:
        columns = GRAINS["order"].columns
        computed = [
            f"{columns[name].sql} as {name}"
            for name in sorted(self.columns("order") | {"lines", "amount", "second"})
            if name not in ("day", "is_first")
        ]
        key = "customer_id, order_id, day" if self.has_orders else "customer_id, day"
        ledger = f"select {key}, max(month) as month, {', '.join(computed)} from lines group by {key}"
        if "is_first" not in self.columns("order"):
            return ledger
        if not self.has_orders:
            return f"select *, lines > 0 as is_first from ({ledger}) as placed"
        placed = "row_number() over (partition by customer_id, order_id, lines > 0 order by day) = 1"
        return f"select *, lines > 0 and {placed} as is_first from ({ledger}) as placed"

    def _day_ledger(self) -> str:
        computed = [
            f"{column.sql} as {name}"
            for name, column in GRAINS["day"].columns.items()
            if column.sql and name != "day" and name in self.columns("day")
        ]
        days = ", ".join(["select customer_id, day", *computed])
        days = f"{days} from order_ledger where lines > 0 group by customer_id, day"
        gap = "day - lag(day) over (partition by customer_id order by day) as gap"
        number = "row_number() over (partition by customer_id order by day) as number"
        extra = [sql for name, sql in (("gap", gap), ("number", number)) if name in self.columns("day")]
        return f"select {', '.join(['*', *extra])} from ({days}) as days" if extra else days

    def _query(self, dialect: _Dialect) -> str:
        parts, joins, outer = [], [], ["by_day.customer_id"]
        for name, source in self._sources(dialect).items():
            mine = [found for found in self.used.values() if _part(found) == name]
            if not mine and name != "by_day":
                continue
            columns = [f"{dialect.column(found)} as {found.name}" for found in mine]
            if name == "by_day":
                columns.append("max(day) as last_purchase_day")
            parts.append(
                f"{name} as (select customer_id, {', '.join(columns)} {source} group by customer_id)"
            )
            if name != "by_day":
                joins.append(f"left join {name} on {name}.customer_id = by_day.customer_id")
            outer += [f"{dialect.filled(found, f'{name}.{found.name}')} as {found.name}" for found in mine]
        rows = f"select {', '.join(outer)} from by_day {' '.join(joins)}"
        for level in self._levels():
            derived = [f"{dialect.filled(one, dialect.column(one))} as {one.name}" for one in level]
            rows = f"select *, {', '.join(derived)} from ({rows}) as level"
        final = ", ".join(["customer_id", *self.names])
        return f"with {', '.join(parts)} select {final} from ({rows}) as customers"

    def _sources(self, dialect: _Dialect) -> dict[str, str]:
        seen = f"where day < {dialect.cutoff}"
        return {
            "by_day": f"from day_ledger {seen}",
            "by_gap": f"from day_ledger join "
            f"(select customer_id, last_purchase_day from by_day) as last using (customer_id) {seen}",
            "by_order": f"from order_ledger {seen}",
        }

    def _levels(self) -> list[list[Feature]]:
        depth: dict[str, int] = {}
        for name, found in self.used.items():
            inputs = [depth[word] for word in found.words if word in self.used]
            depth[name] = 1 + max(inputs, default=0) if found.grain == "customer" else 0
        derived = range(1, max(depth.values(), default=0) + 1)
        return [[self.used[name] for name in depth if depth[name] == level] for level in derived]


class _Dialect:
    """Abbreviations spelled out for one cutoff (or none, to describe the meaning) and one engine."""

    def __init__(self, cutoff: pd.Timestamp | None, wide: str) -> None:
        self.moment = cutoff
        self.cutoff = "@cutoff" if cutoff is None else str((cutoff - _EPOCH).days)
        self.wide = wide

    def column(self, found: Feature) -> str:
        """The expression with its abbreviations spelled out, in the unit and type of the feature."""
        sql = self._expand(found.sql, GRAINS[found.grain].time)
        if found.dtype == "text":
            return f"cast({sql} as string)"
        scale = {"currency": MONEY_SCALE, "items": ITEM_SCALE}.get(found.unit.split("/")[0], 1)
        if found.grain == "customer" or scale == 1:
            return f"cast({sql} as double)"
        return f"cast({sql} as double) / {scale}e0"

    @staticmethod
    def filled(found: Feature, sql: str) -> str:
        """The value, with the declared fill where it is missing."""
        return sql if found.fill is None else f"coalesce({sql}, {float(found.fill)!r}e0)"

    def _expand(self, sql: str, time: str) -> str:
        start = sql.find("@")
        if start < 0:
            return sql
        stop = start + 1
        while stop < len(sql) and (sql[stop].isalnum() or sql[stop] == "_"):
            stop += 1
        name = sql[start + 1 : stop]
        arguments, rest = _arguments(sql[stop:]) if MACROS[name] else ([], sql[stop:])
        spelled = getattr(self, f"_{name}")(time, *[self._expand(one, time) for one in arguments])
        return sql[:start] + spelled + self._expand(rest, time)

    def _cutoff(self, time: str) -> str:
        return self.cutoff

    def _last(self, time: str, days: str) -> str:
        return f"({time} >= {self.cutoff} - {days})"

    def _since_last(self, time: str) -> str:
        return f"({self.cutoff} - last_purchase_day)"

    def _days_to_month(self, time: str, month: str) -> str:
        if self.moment is None:
            return f"@days_to_month({month})"
        first = pd.Timestamp(year=self.moment.year, month=int(month), day=1)
        if first < self.moment:
            first += pd.DateOffset(years=1)
        return str((first - self.moment).days)

    def _ratio(self, time: str, top: str, bottom: str) -> str:
        return f"(cast({top} as double) / nullif(cast({bottom} as double), 0e0))"

    def _spread(self, time: str, x: str) -> str:
        """Sample standard deviation from whole sums: no rounding before the division."""
        wide = f"cast({x} as {self.wide})"
        top = f"count({x}) * sum({wide} * {wide}) - sum({wide}) * sum({wide})"
        return f"sqrt(cast({top} as double) / nullif(cast(count({x}) * (count({x}) - 1) as double), 0e0))"

    def _slope(self, time: str, y: str, x: str) -> str:
        """Least-squares slope of y on x from whole sums."""
        wide_x, wide_y = f"cast({x} as {self.wide})", f"cast({y} as {self.wide})"
        top = f"count({x}) * sum({wide_x} * {wide_y}) - sum({wide_x}) * sum({wide_y})"
        bottom = f"count({x}) * sum({wide_x} * {wide_x}) - sum({wide_x}) * sum({wide_x})"
        return f"(cast({top} as double) / nullif(cast({bottom} as double), 0e0))"


def _collect(
    name: str, features: Mapping[str, Feature], used: dict[str, Feature], path: tuple[str, ...]
) -> None:
    if name in path:
        raise ValueError(f"feature {name!r} is made from itself: {' <- '.join([*path, name])}.")
    if name not in features:
        who = f"feature {path[-1]!r} reads" if path else "Unknown feature"
        raise ValueError(f"{who} {name!r}. Available: {sorted(features)}.")
    if name in used:
        return
    found = features[name]
    if found.grain == "customer":
        for word in sorted(found.words):
            _collect(word, features, used, (*path, name))
    used[name] = found


def _part(found: Feature) -> str:
    return "by_gap" if "@since_last" in found.sql else f"by_{found.grain}"


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
    raise ValueError(f"a bracket is not closed in {rest!r}.")


def needs(names: Iterable[str], features: Mapping[str, Feature]) -> frozenset[str]:
    """The optional columns of the log that the named features need."""
    used: dict[str, Feature] = {}
    for name in names:
        _collect(name, features, used, ())
    return frozenset(need for found in used.values() for need in found.needs)


def summary_first(names: Sequence[str]) -> tuple[str, ...]:
    """The four summary columns, then the other names, each once."""
    return tuple(dict.fromkeys(["frequency", "recency", "T", "monetary_value", *names]))
