"""The column that dates the versions of an order, found among those of the source."""

from __future__ import annotations

from collections.abc import Mapping

from cltv_ml.columns.headings import SYNONYMS, plain_heading
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import Relation


def find_version(table: Relation, kinds: Mapping[str, str], mapping: Mapping[str, str]) -> str:
    """Return the column with the time of a line's version if it varies within orders; else an empty text.

    Without an order id, lines of a snapshot are equal in all other columns.
    """
    for step in SYNONYMS["version"]:
        for column in (
            name for name in kinds if plain_heading(name) in step.split() and kinds[name] != "empty"
        ):
            remaining = [name for name in kinds if name != column]
            if column in mapping.values() or ("order_id" not in mapping and not is_snapshot(column)):
                continue
            key = ", ".join(map(quote, [mapping["order_id"]] if "order_id" in mapping else remaining))
            named = f"{key} is not null" if "order_id" in mapping else "true"
            if table.holds(
                f"{named} group by hash({key}) having min({quote(column)}) < max({quote(column)})"
            ):
                return column
    return ""


def is_snapshot(column: str) -> bool:
    """Return whether the heading names the day of a snapshot of all orders."""
    return plain_heading(column) in SYNONYMS["version"][0].split()
