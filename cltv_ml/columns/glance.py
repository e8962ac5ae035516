"""A sample of a source's lines, small enough to inspect every column."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

from cltv_ml.columns.denials import says_no_sql
from cltv_ml.columns.kinds import look
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import Relation, keep
from cltv_ml.sources.frames import first_rows

#: Smaller sources are read completely; of larger ones, this many blocks of this many lines.
_ALL, _BLOCKS, _BLOCK = 30_000, 10, 2_000

#: Number of lines that show which columns have too many values for levels; for a longer table fewer lines are read
#: first.
_FEW, _VERY_FEW = 2_000, 200

#: Maximum number of columns compared with each other.
COLUMNS_COMPARED = 8

#: The most shops or tills, and the most columns of these that are tried.
_PLACES, _TRIED = 40, 4


class Glance:
    """A sample of lines from all parts of a source.

    Parameters
    ----------
    table
        The source's rows.
    columns
        The columns to inspect; without any, no table is created.
    """

    def __init__(self, table: Relation, columns: Sequence[str]) -> None:
        self.rows = 0
        self.table = table
        self.columns = tuple(columns)
        self._levels: dict[int, dict[str, dict[str, int]]] = {}
        if not columns:
            return
        rows = table.count()
        if rows <= _ALL:
            self.lines, self.rows = table, rows
            return
        starts = [number * (rows - _BLOCK) // (_BLOCKS - 1) for number in range(_BLOCKS)]
        where = " or ".join(f"source_row between {start} and {start + _BLOCK - 1}" for start in starts)
        self.lines = keep(table.con, "glance", f"from {table} where {where}")
        self.rows = self.lines.count()

    def levels(self, columns: Sequence[str], most: int) -> dict[str, dict[str, int]]:
        """Return the distinct values of columns with their numbers of lines, unless there are too many."""
        found = self._levels.setdefault(most, {})
        for more in [more for more in self._levels if more > most]:
            found |= {
                column: levels if len(levels) <= most else {} for column, levels in self._levels[more].items()
            }
        sought = [column for column in columns if column not in found]
        if sought:
            counted = count_values(self.lines, sought, most, "trim(value)", blanks=True)
            found |= {column: counted.get(column, {}) for column in sought}
        return {column: found[column] for column in columns if found[column]}

    def first(self, columns: Sequence[str]) -> dict[str, set[str]]:
        """Return the different texts of columns on the first lines."""
        if not columns:
            return {}
        texts = ", ".join(f"cast({quote(column)} as varchar)" for column in columns)
        rows = self.lines.rows(f"select {texts} from {first_rows(self.lines, _VERY_FEW)}")
        return {
            column: {value for value in values if value is not None}
            for column, values in zip(columns, zip(*rows, strict=True), strict=False)
        }

    def filled(self, column: str) -> int:
        """Return the number of lines on which a column is filled."""
        return self._one(f"count(*) filter (where trim(cast({quote(column)} as varchar)) <> '')")

    def affirmed(self, column: str, no: Collection[str]) -> int:
        """Return the number of lines on which a column says something else than a no."""
        text = f"lower(coalesce(trim(cast({quote(column)} as varchar)), ''))"
        return self._one(f"count(*) filter (where not {says_no_sql(text, no)})")

    def any_number(self, column: str) -> bool:
        """Whether a column holds a number other than 0."""
        return bool(self._one(f"count(*) filter (where {self.number(column)} <> 0)"))

    def differ(self, first: str, second: str) -> bool:
        """Whether two columns of numbers differ on any line."""
        return bool(self._one(f"count(*) filter (where {self.number(first)} <> {self.number(second)})"))

    def is_paired(self, column: str, order: str | None, amount: str | None) -> bool:
        """Whether some orders have the same amount on two lines, and a column always differs between the two."""
        if not order or not amount:
            return False
        pairs, differ = self.lines.row(
            f"select count(*), count(*) filter (where least < most) from (select min({quote(column)}) as least, "
            f"max({quote(column)}) as most from {self.lines} group by {quote(order)}, {quote(amount)} "
            "having count(*) = 2)"
        )
        return bool(pairs and differ >= 0.9 * pairs)

    def only_where(self, column: str, empty: Collection[str], condition: str) -> bool:
        """Whether a column has values other than `nothing`, and only on lines that meet a condition."""
        text = f"lower(coalesce(trim(cast({quote(column)} as varchar)), ''))"
        filled = f"not {says_no_sql(text, empty)} and coalesce(try_cast({text} as double), 1) <> 0"
        filled_lines, outside = self.table.row(
            f"select count(*) filter (where {filled}), count(*) filter (where {filled} and not ({condition})) "
            f"from {self.table}"
        )
        return bool(filled_lines and not outside)

    def flagged(self, flag: str, column: str, no: Collection[str]) -> tuple[int, int]:
        """Return the number of lines with a flag set where a column of numbers is empty, and where it is not."""
        text = f"lower(coalesce(trim(cast({quote(flag)} as varchar)), ''))"
        some = f"coalesce({self.number(column)}, 0) <> 0"
        without, both = self.lines.row(
            f"select count(*) filter (where not ({some})), count(*) filter (where {some}) from {self.lines} "
            f"where not {says_no_sql(text, no)}"
        )
        return int(without), int(both)

    def given_back(self, column: str, amount: str | None, least: int = 1) -> bool:
        """Whether a column of money never exceeds the amount, and equals it on at least some lines."""
        if not amount:
            return False
        back, paid = self.number(column), self.number(amount)
        some, within, whole = self.lines.row(
            f"select count(*), count(*) filter (where b <= a + 0.005), count(*) filter (where abs(b - a) < 0.006) "
            f"from (select abs({back}) as b, {paid} as a from {self.lines}) where b > 0"
        )
        return bool(whole >= least and within == some)

    def money_of(self, column: str, amount: str, function: str = "") -> dict[str, float]:
        """Return the sum of an amount for each value of a column, after a function such as `abs`."""
        text = f"coalesce(trim(cast({quote(column)} as varchar)), '')"
        rows = self.lines.rows(
            f"select {text}, coalesce(sum({function}({self.number(amount)})), 0) from {self.lines} group by 1"
        )
        return {str(value): float(money) for value, money in rows}

    def number(self, column: str) -> str:
        """Return SQL for the numbers of a column, read in the first format that fits."""
        return self._as_numbers.number(column)

    def read_together(self, columns: Sequence[str]) -> None:
        """Read the numbers of columns by the decimal sign of the others, where their own values do not show one."""
        if columns:
            self._as_numbers.learn_numbers(list(columns), again=True)

    def numbers(self, columns: Sequence[str]) -> list[str]:
        """Return what `number` returns for each column, with two queries for all."""
        self._as_numbers.learn_numbers(list(columns))
        return [self.number(column) for column in columns]

    @cached_property
    def _as_numbers(self) -> Columns:
        return Columns(self.lines, Rules(), ask=False)

    def _one(self, expression: str) -> int:
        return int(self.lines.row(f"select {expression} from {self.lines}")[0])


def count_values(
    table: Relation, columns: Collection[str], most: int, text: str, *, blanks: bool = False
) -> dict[str, dict[str, int]]:
    """Return the different texts of each column with their numbers of lines, the most frequent first.

    A column with more than this many texts is left out. The first lines exclude most columns.

    Parameters
    ----------
    text
        SQL for the text of a `value`.
    blanks
        Whether null counts as an empty text instead of none.
    """
    steps = [few for few in (_VERY_FEW, _FEW) if table.count() > 5 * few] + [table.count()]
    counts: dict[str, dict[str, int]] = {}
    for rows in steps:
        counts = _count_first(table, columns, most, text, rows, blanks=blanks)
        columns = [name for name in columns if len(counts[name]) <= most]
    return {name: counts[name] for name in columns if counts[name]}


def _count_first(
    table: Relation, columns: Collection[str], most: int, text: str, rows: int, *, blanks: bool
) -> dict[str, dict[str, int]]:
    """Count the texts of columns on the first lines; of a column with more than `most`, some are counted.

    The columns stand one below the other before anything is computed: the engine plans an expression per column slowly.
    """
    if not columns:
        return {}
    names, lines = list(columns), min(rows, table.count())
    selected = ", ".join(f'cast({quote(name)} as varchar) as "{place}"' for place, name in enumerate(names))
    counted = table.rows(
        f"select place, {text} as text, count(*) as n from (unpivot (select {selected} from {first_rows(table, rows)}) "
        "on columns(*) into name place value value) group by place, text "
        f"qualify row_number() over (partition by place) <= {most} + 1"
    )
    counts: dict[str, dict[str, int]] = {name: {} for name in names}
    for place, value, count in counted:
        counts[names[int(place)]][str(value)] = int(count)
    for found in counts.values() if blanks else ():
        if nulls := lines - sum(found.values()):
            found[""] = found.get("", 0) + nulls
    return {
        name: dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
        for name, found in counts.items()
    }


def find_places(lines: Relation, columns: Sequence[str]) -> list[str]:
    """Return the columns with the fewest values above one, no dates, that may be the shop, branch or till of a line."""
    kinds = look(lines)
    columns = [column for column in columns if kinds[column] in ("text", "number")]
    levels = Glance(lines, columns).levels(columns, _PLACES)
    few = sorted(levels, key=lambda column: len(levels[column]))
    return [column for column in few[:_TRIED] if len(levels[column]) > 1]
