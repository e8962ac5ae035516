"""The different texts of a column, each inspected once, and the simplest SQL that reads them all correctly."""

from __future__ import annotations

from collections.abc import Callable

from cltv_ml.engine import Relation, keep

#: Plain ways to read a number, as SQL over its text, from the quickest on.
_PLAIN_WAYS = (
    "{0}",
    "replace({0}, ',', '.')",
    "replace({0}, ',', '')",
    "replace(replace({0}, '.', ''), ',', '.')",
    r"replace(replace(regexp_replace({0}, '[^\d.,+-]+', '', 'g'), '.', ''), ',', '.')",
    r"replace(regexp_replace({0}, '[^\d.,+-]+', '', 'g'), ',', '')",
)


def keep_texts(table: Relation, text: str) -> Relation:
    """Return the different texts `t` that an SQL expression has in a table, and how often each occurs, `n`."""
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
