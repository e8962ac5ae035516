"""The distinct texts of a column, each inspected once, and the simplest SQL that reads them all correctly."""

from __future__ import annotations

from collections.abc import Callable

from cltv_ml.data import numerals
from cltv_ml.data.zones import once
from cltv_ml.engine import Relation, keep

#: Simple ways to read a number, as SQL over its text, the fastest first.
_PLAIN_WAYS = (
    "{0}",
    "replace({0}, ',', '.')",
    "replace({0}, ',', '')",
    "replace(replace({0}, '.', ''), ',', '.')",
    r"replace(replace(regexp_replace({0}, '[^\d.,+-]+', '', 'g'), '.', ''), ',', '.')",
    r"replace(regexp_replace({0}, '[^\d.,+-]+', '', 'g'), ',', '')",
)


def keep_texts(table: Relation, text: str) -> Relation:
    """Return the distinct texts `t` of an SQL expression over a table, and the count `n` of each."""
    query = f"select t, count(*) as n from (select {text} as t from {table}) where t is not null group by 1"
    return keep(table.con, "texts", query)


def read_plainly(texts: Relation, read: Callable[[str], str], text: str) -> str:
    """Return SQL for a number, quicker than `read` gives it where a plain way reads every text as `read` does.

    >>> import duckdb
    >>> texts = Relation(duckdb.connect(), "(values ('1,5'), ('x')) as texts(t)")
    >>> read_plainly(texts, lambda t: f"try_cast(replace(trim({t}), ',', '.') as double)", "price")
    "try_cast(replace(price, ',', '.') as double)"
    """
    ways = [f"try_cast({way} as double)" for way in _PLAIN_WAYS]
    alike = ", ".join(f"bool_and({way.format('t')} is not distinct from v)" for way in ways)
    found = texts.row(f"select {alike} from (select t, {read('t')} as v from {texts})")
    return next((way.format(text) for way, same in zip(ways, found, strict=True) if same), read(text))


def cast_number(text: str) -> str:
    """Return SQL for the number of a text where the engine reads all of them, and all are finite."""
    return f"try_cast({text} as double)"


def read_finite(text: str) -> str:
    """Return SQL for the finite number of a text as the engine reads it."""
    return f"if(isfinite(try_cast({text} as double)), try_cast({text} as double), null)"


def read_written(text: str, decimal: str | None) -> str:
    """Return SQL for the finite number of a text with this decimal sign; None takes the first sign that fits."""
    ways = [numerals.read_bare("b", sign) for sign in ([decimal] if decimal else ".,")]
    value = ways[0] if decimal else f"coalesce({', '.join(ways)})"
    return once(once(numerals.bare(text), "b", value), "n", "if(isfinite(n), n, null)")


def read_sides(read: Callable[[str], str], text: str) -> str:
    """Return SQL for numbers that are below 0 in DR and above in CR, which `read` has the other way round."""
    return f"if(regexp_matches(upper(rtrim({text}, '. ')), '[CD]R$'), -({read(text)}), {read(text)})"
