"""Money given and change at a till, and money in a column of its own on lines without an amount."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

from cltv_ml.engine import Relation

#: Fewest lines that count as evidence, the share of them that must agree, and the most columns that are compared.
_FEWEST, _AGREE, _COMPARED = 4, 0.98, 8


def find_tendered(
    lines: Relation, paid: str, numbers: Mapping[str, str], where: str = "true"
) -> tuple[str, str] | None:
    """Return the columns of what was given and of the change, whose difference is what was paid; None without such.

    Parameters
    ----------
    paid, where
        SQL for what was paid, and for the lines that are compared.
    numbers
        SQL of columns of numbers, by name.
    """
    values = dict(list(numbers.items())[:_COMPARED])
    for given, change in permutations(values, 2):
        some, agree, differ = lines.row(
            "select count(*), count(*) filter (abs(g - c - p) < 0.011), count(*) filter (c > 0 and c < g) from (select "
            f"coalesce({values[given]}, 0) as g, coalesce({values[change]}, 0) as c, {paid} as p "
            f"from {lines} where {where}) where p <> 0"
        )
        if min(some, differ) >= _FEWEST and agree >= _AGREE * some:
            return given, change
    return None


def find_opposite(
    lines: Relation, amount: str, numbers: Mapping[str, str], where: str = "true"
) -> tuple[str, int, float, float] | None:
    """Return a column of money on lines without an amount, with their number, its money and that of the amounts.

    Parameters
    ----------
    amount, where
        SQL for the amount of a line, and for the lines that are compared.
    numbers
        SQL of columns of numbers, by name.
    """
    for column, value in list(numbers.items())[:_COMPARED]:
        some, without, below, cents, money, amounts = lines.row(
            "select count(*) filter (v <> 0), count(*) filter (v <> 0 and a = 0), count(*) filter (v < 0), "
            "count(*) filter (v <> 0 and (v <> floor(v) or abs(v) >= 100)), coalesce(sum(v), 0), coalesce(sum(a), 0) "
            f"from (select {value} as v, {amount} as a from {lines} where {where})"
        )
        if some >= _FEWEST and without >= _AGREE * some and not below and cents >= 0.5 * some and amounts > 0:
            return column, int(some), float(money), float(amounts)
    return None
