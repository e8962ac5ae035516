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
    tests = {}
    for given, change in permutations(values, 2):
        g, c = (f"coalesce({values[column]}, 0)" for column in (given, change))
        tests[given, change] = (
            f"count(*) filter (abs({g} - {c} - ({paid})) < 0.011)",
            f"count(*) filter ({c} > 0 and {c} < {g})",
        )
    where = f"({where}) and ({paid}) <> 0"
    [[some]] = lines.aggregate({"": ("count(*)",)}, where).values()
    for columns, (agree, differ) in lines.aggregate(tests, where).items():
        if min(some, differ) >= _FEWEST and agree >= _AGREE * some:
            return columns
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
    tests = {
        column: (
            f"count(*) filter ({value} <> 0)",
            f"count(*) filter ({value} <> 0 and {amount} = 0)",
            f"count(*) filter ({value} < 0)",
            f"count(*) filter ({value} <> 0 and ({value} <> floor({value}) or abs({value}) >= 100))",
            f"coalesce(sum({value}), 0)",
            f"coalesce(sum({amount}), 0)",
        )
        for column, value in list(numbers.items())[:_COMPARED]
    }
    for column, (some, without, below, cents, money, amounts) in lines.aggregate(tests, where).items():
        if some >= _FEWEST and without >= _AGREE * some and not below and cents >= 0.5 * some and amounts > 0:
            return column, int(some), float(money), float(amounts)
    return None
