"""The distinct values of columns about customers, each counted once."""

from __future__ import annotations

from collections.abc import Collection

from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.texts import keep_texts
from cltv_ml.engine import Relation

_LEVELS = "levels"


def levels_of(table: Relation, column: str) -> Relation:
    """Return the distinct texts `t` of a column and the number `n` of rows of each; the table remembers them."""
    key = (_LEVELS, column)
    if key not in table.found:
        table.found[key] = keep_texts(table, f"cast({quote(column)} as varchar)")
    levels: Relation = table.found[key]
    return levels


def with_levels(table: Relation, source: Relation, changed: Collection[str]) -> Relation:
    """Return a table derived from another one, with the stored levels of the columns that did not change."""
    kept = {key: found for key, found in source.found.items() if key[0] == _LEVELS and key[1] not in changed}
    table.found.update(kept)
    return table
