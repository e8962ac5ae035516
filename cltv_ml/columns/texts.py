"""The distinct texts of a column, each inspected once, and the simplest SQL that reads them all correctly."""

from __future__ import annotations

from collections.abc import Callable

from cltv_ml.columns import numerals
from cltv_ml.columns.source_columns import SourceColumns
from cltv_ml.columns.zones import once
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
    """Return SQL for a number: a faster plain form if it reads every text as `read` does, else what `read` returns.

    >>> import duckdb
    >>> texts = Relation(duckdb.connect(), "(values ('1,5'), ('x')) as texts(t)")
    >>> read_plainly(texts, lambda t: f"try_cast(replace(trim({t}), ',', '.') as double)", "price")
    "try_cast(replace(price, ',', '.') as double)"
    """
    plain_forms = [f"try_cast({form} as double)" for form in _PLAIN_WAYS]
    alike = ", ".join(f"bool_and({form.format('t')} is not distinct from v)" for form in plain_forms)
    agreements = texts.row(f"select {alike} from (select t, {read('t')} as v from {texts})")
    return next(
        (form.format(text) for form, agrees in zip(plain_forms, agreements, strict=True) if agrees),
        read(text),
    )


def cast_number(text: str) -> str:
    """Return SQL for a text's number if the engine reads all texts as finite numbers."""
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
    """Return SQL for numbers that are negative with DR and positive with CR, the reverse of what `read` returns."""
    return f"if(regexp_matches(upper(rtrim({text}, '. ')), '[CD]R$'), -({read(text)}), {read(text)})"


def turns_sides(columns: SourceColumns, column: str, texts: Relation) -> bool:
    """Whether debits (DR) are negative; if not, credits (CR) are, unless they are the majority."""
    end = "upper(rtrim(t, '. '))"
    debits, credits = columns.row(
        f"select coalesce(sum(n) filter (where suffix({end}, 'DR')), 0), "
        f"coalesce(sum(n) filter (where suffix({end}, 'CR')), 0) from {texts}"
    )
    if not credits:
        return False
    turned = bool(credits > debits > 0)
    under, over = ("DR", "CR") if turned else ("CR", "DR")
    columns.notes.append(
        f"Column {column!r}: {credits:,} amounts end in CR and {debits:,} in DR. Amounts in {under} were "
        f"read as negative, amounts in {over} as positive."
    )
    return turned
