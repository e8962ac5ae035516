"""Places, such as branches, that give out the same customer numbers, told by the names of the customers."""

from __future__ import annotations

from collections.abc import Mapping

from cltv_ml.engine import Relation, quoted, show
from cltv_ml.sources.frames import MARK

#: Fewest numbers of several places and of lines that repeat one of a place, and the share of these that must agree.
_FEWEST, _AGREE, _LEFT = 3, 0.9, 0.02

#: What stands between the parts of a number, in the heading of their column and in its values.
AND = " / "

#: Fewest names per number and place: a salesman or an address of the place is the same for many.
_OWN_NAMES = 0.8


def find_place(
    lines: Relation, number: str, name: str, places: Mapping[str, str]
) -> tuple[str, int, int] | None:
    """Return the column that tells equal numbers apart, with the shared numbers and those of several places.

    Nearly every number that occurs in several places has another name in each, and one name within each. A text
    without letters is no name: an order's number differs from place to place as well.

    Parameters
    ----------
    number, name
        SQL for the number and the name of a line's customer.
    places
        SQL of columns with few values, such as the branch, by name.
    """
    for column, place in places.items():
        several, shared, pairs, torn, again, names = lines.row(
            f"with keyed as (select trim(cast({number} as varchar)) as number, lower(trim(cast({name} as varchar))) "
            f"as name, cast({place} as varchar) as place from {lines}), "
            r"filled as (from keyed where regexp_matches(number, '\d') and place <> '' "
            r"and regexp_matches(name, '\p{L}{3}')), "
            "pairs as (select number, place, count(distinct name) as names, count(*) as n, any_value(name) as one "
            "from filled group by all), "
            "numbers as (select number, count(distinct one) as names from pairs group by number having count(*) > 1) "
            "select (select count(*) from numbers), (select count(*) from numbers where names > 1), "
            "(select count(*) from pairs), (select count(*) from pairs where names > 1), "
            "(select count(*) from pairs where n > 1), (select count(distinct name) from filled)"
        )
        if (
            min(shared, again) >= _FEWEST
            and shared >= _AGREE * several
            and torn <= _LEFT * pairs
            and names >= _OWN_NAMES * pairs
        ):
            return column, int(shared), int(several)
    return None


def parts_of(table: Relation, column: str) -> list[str]:
    """Return the parts of a column that `join_parts` made in an earlier run and a saved mapping names; else nothing."""
    parts = [] if MARK + column in table.kinds else column.split(AND)
    return parts if len(parts) > 1 and MARK + parts[-1] in table.kinds else []


def join_parts(table: Relation, parts: Mapping[str, str], source: str = "") -> tuple[Relation, str]:
    """Return the table with the parts of a number as one column, empty where the last of them is, and its heading.

    Parameters
    ----------
    parts
        SQL of the parts by their names, the number last.
    source
        Query of the rows with what the SQL needs; the table itself without one.
    """
    *_, number = parts.values()
    heading, values = AND.join(parts), f"concat_ws('{AND}', {', '.join(parts.values())})"
    value = f"if(trim(cast({number} as varchar)) <> '', {values}, null)"
    rows = f"select *, {value} as {quoted(MARK + heading)} from {source or table}"
    return show(table.con, "rows", rows), heading


def are_numbered_apart(lines: Relation, number: str, place: str) -> bool:
    """Whether places may each number their customers from 1: nearly all of the numbers occur in several places.

    Parameters
    ----------
    number, place
        SQL for the number of a line's customer, and for the place.
    """
    numbers, several, dense = lines.row(
        "with keyed as (select try_cast(trim(cast("
        f"{number} as varchar)) as bigint) as number, cast({place} as varchar) as place from {lines}), "
        "owned as (select number, count(distinct place) as places from keyed where place <> '' group by number) "
        "select count(*), count(*) filter (places > 1), coalesce(max(number) <= 3 * count(*), false) "
        "and count(number) = count(*) from owned"
    )
    return bool(numbers >= _FEWEST and several >= _AGREE * numbers and dense)
