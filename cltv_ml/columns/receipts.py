"""Receipt numbers that restart each day or year, or in each shop or till, and what tells equal ones apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cltv_ml.engine import Relation

#: The share of the numbers that several customers have, and the fewest numbers that a customer has on several days.
_SHARED, _FEWEST = 0.5, 3

#: Fewest numbers that would have several customers in one place by chance, where only the place tells them apart.
_BY_CHANCE = 4

#: The share of the receipts that may still have several customers.
_LEFT = 0.02

#: The column of the day of a line, and SQL of the periods after which numbers restart, by name.
DAY = "day_of_line"
RESTART_AFTER = {"year": f"year({DAY})", "day": f"cast({DAY} as varchar)"}


@dataclass(frozen=True)
class Receipts:
    """Lines of receipts, with SQL for the number of a line's receipt, its customer and its day."""

    lines: Relation
    number: str
    customer: str
    day: str

    def restart(self) -> tuple[bool, bool]:
        """Whether most numbers belong to several customers, and whether customers have some of them on several days."""
        numbers, shared, again = self.lines.row(
            "select count(*), count(*) filter (least < most), coalesce(sum(again), 0) from (select min(who) as least, "
            "max(who) as most, count(*) filter (days > 1) as again from (select number, who, "
            f"count(distinct {DAY}) as days from {self._keyed} group by all) group by number)"
        )
        return bool(shared and shared >= _SHARED * numbers), again >= _FEWEST

    def find_parts(self, places: Mapping[str, str], again: bool = True) -> list[str]:
        """Return what, next to its number, makes nearly every receipt that of one customer, if anything does.

        Parameters
        ----------
        places
            SQL of columns with few values, such as the shop or till, by name.
        again
            Whether customers have a number on several days; else only a place may tell receipts apart.
        """
        alone = [[place] for place in places if again or self._would_mix(places[place])]
        dated = ([[period], *([period, place] for place in places)] for period in RESTART_AFTER)
        for parts in [*alone, *(parts for tried in dated if again for parts in tried)]:
            sql = [RESTART_AFTER.get(part) or places[part] for part in parts]
            values = ", ".join(f"any_value({part}) as p{place}" for place, part in enumerate(sql))
            split = " or ".join(f"count(distinct {part}) > 1" for part in sql)
            names = ", ".join(f"p{place}" for place, _ in enumerate(parts))
            key = f"number, who, {DAY}"
            of_customers = f"select {key}, {values}, {split} as torn from {self._keyed} group by {key}"
            receipts, mixed, torn = self.lines.row(
                "select count(*), count(*) filter (owners > 1), coalesce(sum(torn), 0) from "
                "(select count(*) as owners, "
                f"count(*) filter (torn) as torn from ({of_customers}) group by number, {names})"
            )
            if mixed <= _LEFT * receipts and torn <= _LEFT * receipts:
                return parts
        return []

    def _would_mix(self, place: str) -> bool:
        """Whether customers with one number would often have one place if places had nothing to do with numbers."""
        [mixed] = self.lines.row(
            f"with keyed as (select distinct number, who, {place} as place from {self._keyed}), "
            "shares as (select place, count(*) / sum(count(*)) over () as share from keyed group by place) "
            "select (select sum(share * share) from shares) * (select count(*) from (select number from keyed "
            "group by number having count(distinct who) > 1))"
        )
        return bool(mixed >= _BY_CHANCE)

    @property
    def _keyed(self) -> str:
        return (
            f"(select * from (select cast({self.number} as varchar) as number, nullif(trim(cast({self.customer} as "
            f"varchar)), '') as who, cast({self.day} as date) as {DAY}, * from {self.lines}) where who is not null "
            "and number is not null)"
        )
