"""Compiler of declared features: the SQL of their ledgers, and one query per cutoff over these.

DuckDB runs the SQL, in this process or in Spark's workers, and sqlglot translates it for warehouses. The compiler
writes the filter on the cutoff into every read of a table, and no ledger row spans more than one day, so no feature can
leak. Tables are called `cltv_...` because on Spark they are next to the user's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.features.declare import Feature
from cltv_ml.features.grains import GRAINS
from cltv_ml.features.macros import Speller, unit_scale
from cltv_ml.labels import Label
from cltv_ml.tables import SUMMARY

#: Columns of an order that its day has too.
_PASSED_ON = ("second", "products", "discount")


@dataclass(frozen=True)
class Plan:
    """The requested features and those that they combine; the source of all SQL."""

    names: tuple[str, ...]
    features: Mapping[str, Feature]
    labels: tuple[Label, ...] = ()

    @cached_property
    def used(self) -> dict[str, Feature]:
        """The named features and, before each, the features its expression combines."""
        used: dict[str, Feature] = {}
        for name in self.names:
            _collect_used(name, self.features, used, ())
        return used

    @property
    def needs(self) -> frozenset[str]:
        """The optional columns, and `table.column` of extra tables, that the used features need."""
        return frozenset(need for feature in self.used.values() for need in feature.needs)

    def ledgers(self, has_orders: bool) -> dict[str, str]:
        """The SQL of each ledger over the base tables and the ledgers before it, in order."""
        ledgers = {"cltv_orders": self._order_ledger(has_orders), "cltv_days": self._day_ledger()}
        if self._reads("contact"):
            ledgers["cltv_contact_days"] = (
                f"select customer_id, day, {self._computed('contact')} from cltv_contacts group by customer_id, day"
            )
        return ledgers

    def query(self, cutoff: pd.Timestamp, dated: bool = True, wide: str = "hugeint") -> str:
        """The SQL of one row per customer with a purchase before `cutoff`, over base tables and ledgers.

        `dated` states whether states of customers have a moment from which they hold, `wide` the name of whole numbers
        of 38 digits.
        """
        return self._query(Speller(cutoff, wide, dated))

    @property
    def version(self) -> str:
        """A short hash of the meaning of the named features: it changes when a value could change."""
        plain = Plan(self.names, self.features)  # labels change no feature
        text = [*plain.ledgers(has_orders=True).values(), plain._query(Speller(None, "wide"))]
        return hashlib.sha256("\n".join(text).encode()).hexdigest()[:12]

    def _reads(self, grain: str) -> list[str]:
        everything: list[Feature | Label] = [*self.used.values(), *self.labels]
        words = {word for feature in everything if feature.grain == grain for word in feature.words}
        return [name for name in GRAINS[grain].columns if name in words]

    def _computed(self, grain: str, always: Iterable[str] = (), speller: Speller | None = None) -> str:
        columns = GRAINS[grain].columns
        chosen = [name for name in columns if name in {*self._reads(grain), *always}]
        computed = [(name, columns[name].sql) for name in chosen if columns[name].sql not in ("", name)]
        if speller is not None:
            computed = [(name, speller.spell(sql, "day")) for name, sql in computed]
        return ", ".join(f"{_as_bigint(sql)} as {name}" for name, sql in computed)

    def _order_ledger(self, has_orders: bool) -> str:
        key = "customer_id, order_id, day" if has_orders else "customer_id, day"
        days = self._reads("day")
        computed = self._computed(
            "order", always=["lines", "amount", *(name for name in _PASSED_ON if name in days)]
        )
        month = ", max(month) as month" if "month" in days else ""
        ledger = f"select {key}{month}, {computed} from cltv_lines group by {key}"
        if "is_first" not in self._reads("order"):
            return ledger
        placed = "row_number() over (partition by customer_id, order_id, lines > 0 order by day) = 1"
        is_first = f"lines > 0 and {placed}" if has_orders else "lines > 0"
        return f"select *, {is_first} as is_first from ({ledger}) as placed"

    def _day_ledger(self) -> str:
        computed = self._computed("day", always=("amount",))
        days = (
            f"select customer_id, day, {computed} from cltv_orders where lines > 0 group by customer_id, day"
        )
        past = "over (partition by customer_id order by day)"
        extra = {"gap": f"day - lag(day) {past}", "number": f"row_number() {past}"}
        added = [f"{sql} as {name}" for name, sql in extra.items() if name in self._reads("day")]
        return f"select {', '.join(['*', *added])} from ({days}) as days" if added else days

    def _query(self, speller: Speller) -> str:
        parts, joins, outer = [], [], ["by_day.customer_id"]
        for name, source in self._sources(speller).items():
            members = [feature for feature in self.used.values() if _part_of_feature(feature) == name]
            columns = [f"{_feature_sql(feature, speller)} as {feature.name}" for feature in members]
            if name == "by_day":
                columns.append("max(day) as last_purchase_day")
            elif members:
                joins.append(f"left join {name} on {name}.customer_id = by_day.customer_id")
            else:
                continue
            parts.append(
                f"{name} as (select customer_id, {', '.join(columns)} {source} group by customer_id)"
            )
            outer += [
                f"{_filled(feature, f'{name}.{feature.name}')} as {feature.name}" for feature in members
            ]
        rows = f"select {', '.join(outer)} from by_day {' '.join(joins)}"
        for level in self._levels():
            derived = [
                f"{_filled(feature, _feature_sql(feature, speller))} as {feature.name}" for feature in level
            ]
            rows = f"select *, {', '.join(derived)} from ({rows}) as level"
        return (
            f"with {', '.join(parts)} select customer_id, {', '.join(self.names)} from ({rows}) as customers"
        )

    def _sources(self, speller: Speller) -> dict[str, str]:
        condition = f"where day < {speller.cutoff}"
        last = "(select customer_id, last_purchase_day from by_day) as last"
        return {
            "by_day": f"from cltv_days {condition}",
            "by_gap": f"from cltv_days join {last} using (customer_id) {condition}",
            "by_order": f"from cltv_orders {condition}",
            "by_product": self._grouped("product", "product_id", speller),
            "by_category": self._grouped("category", "category", speller),
            "by_attribute": f"from cltv_customers where valid_day < {speller.cutoff}",
            "by_contact": f"from cltv_contact_days {condition}",
        }

    def _grouped(self, grain: str, key: str, speller: Speller) -> str:
        computed = ", ".join(filter(None, [f"customer_id, {key}", self._computed(grain, speller=speller)]))
        seen = f"day < {speller.cutoff} and amount >= 0 and {key} is not null"
        return (
            f"from (select {computed} from cltv_lines where {seen} group by customer_id, {key}) as {grain}s"
        )

    def _levels(self) -> list[list[Feature]]:
        depth: dict[str, int] = {}
        for name, feature in self.used.items():
            derived_from = feature.words if feature.grain == "customer" else ()
            depth[name] = max((1 + depth[word] for word in derived_from), default=0)
        levels = range(1, max(depth.values(), default=0) + 1)
        return [[self.used[name] for name in depth if depth[name] == level] for level in levels]


def _as_bigint(sql: str) -> str:
    """Sums come back as 64-bit integers on every engine."""
    return f"cast({sql} as bigint)" if "sum(" in sql else sql


def _part_of_feature(feature: Feature) -> str:
    return "by_gap" if "@since_last" in feature.sql else f"by_{feature.grain}"


def _feature_sql(feature: Feature, speller: Speller) -> str:
    """The expression without abbreviations, in the unit and type of the feature."""
    sql = speller.spell(feature.sql, GRAINS[feature.grain].time)
    if feature.dtype == "text":
        return f"cast({sql} as string)"
    scale = 1.0 if feature.grain == "customer" else unit_scale(feature.unit)
    return f"cast({sql} as double)" + (f" / {scale}e0" if scale != 1 else "")


def _filled(feature: Feature, sql: str) -> str:
    return sql if feature.fill is None else f"coalesce({sql}, {float(feature.fill)}e0)"


def _collect_used(
    name: str, features: Mapping[str, Feature], used: dict[str, Feature], path: tuple[str, ...]
) -> None:
    if name in path:
        raise InputError(
            f"feature {name!r} is made from itself: {' <- '.join([*path, name])}; remove one of these steps."
        )
    if name not in features:
        who = f"feature {path[-1]!r} reads" if path else "Unknown feature"
        raise InputError(f"{who} {name!r}. {known_names(name, features)}")
    if name in used:
        return
    feature = features[name]
    if feature.grain == "customer":
        for word in sorted(feature.words):
            _collect_used(word, features, used, (*path, name))
    used[name] = feature


def known_names(name: str, features: Mapping[str, Feature]) -> str:
    """Return a sentence that names features with a similar name, and where all are listed.

    >>> known_names("ordrs", dict.fromkeys(["orders", "T"]))
    "Similar: ['orders']; `cltv features list` shows all 2."
    """
    similar = get_close_matches(name, features, n=5, cutoff=0.5)
    listed = f"`cltv features list` shows all {len(features)}."
    return f"Similar: {similar}; {listed}" if similar else listed


def summary_first(names: Sequence[str]) -> tuple[str, ...]:
    """Return the four summary columns, then the other names, each once."""
    return tuple(dict.fromkeys([*SUMMARY, *names]))
