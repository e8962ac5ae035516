"""Recognition of known exports; columns, levels and settings that their formats define."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cltv_ml.columns.candidates import named
from cltv_ml.columns.formats import Format, recognise
from cltv_ml.columns.headings import SYNONYMS, plain_heading
from cltv_ml.columns.levels import MOST_LEVELS
from cltv_ml.columns.numerals import WHOLE_CURRENCIES
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import Relation, literal
from cltv_ml.errors import InputError
from cltv_ml.money import THOUSANDTHS


@dataclass(frozen=True)
class Recognised:
    """What a known format defines about a source."""

    #: The format.
    format: Format
    #: Standard name -> source column, `""` where the format has none; without the names that the user gave.
    mapping: Mapping[str, str]
    #: Settings of `Rules`, including the meaning of levels.
    rules: Mapping[str, Any]
    #: How it was recognised, and its pitfalls, one sentence each.
    notes: tuple[str, ...]


def recognise_source(
    table: Relation, kinds: Mapping[str, str], explicit: Mapping[str, str | None]
) -> Recognised | None:
    """Return the definition of a source's format, None if it is not a known export.

    Parameters
    ----------
    kinds
        Column -> kind of its values; `"empty"` for none.
    explicit
        The user's own mapping, which takes precedence.

    Raises
    ------
    InputError
        The export does not identify customers, so it is useless here.
    """
    columns = list(kinds)
    export = recognise(columns)
    if export is None:
        return None
    used = [column for column in explicit.values() if column]
    filled = [column for column in columns if kinds[column] != "empty"]
    described = {**export.map(columns, used), **export.map(filled, used)}
    mapping = {name: column for name, column in described.items() if name not in explicit}
    joined = _joined_customer([column for column in filled if column not in [*used, *mapping.values()]])
    if joined and not mapping.get("customer_id"):
        mapping |= {"customer_id": joined} if "customer_id" not in explicit else {}
    if not explicit.get("customer_id") and not mapping.get("customer_id"):
        raise InputError(
            f"recognised: {export.title}, but no column identifies the customer. {' '.join(export.traps)} If a "
            "column does, use --mapping customer_id=COLUMN."
        )
    because = ", ".join(repr(column) for column in export.identify(columns))
    notes = [
        f"Recognised: {export.title}, by the columns {because}.",
        *export.traps,
        *_guests(table, export, columns),
    ]
    rules = {**export.rules, "levels": _levels(table, export, mapping)}
    if export.amount_is == "order total" and _repeats_orders(table, {**explicit, **mapping}):
        rules["amount_per"] = "order"
    if export.minor_units:
        rules |= _in_major_units(table, mapping, notes)
    return Recognised(export, mapping, rules, tuple(notes))


def _joined_customer(columns: Sequence[str]) -> str:
    """Return the one column that certainly identifies customers, joined to an export without one; else nothing."""
    candidates = named("customer_id", columns)
    certain_headings = " ".join(SYNONYMS["customer_id"][:-1]).split()
    return candidates[0] if len(candidates) == 1 and plain_heading(candidates[0]) in certain_headings else ""


def _levels(table: Relation, export: Format, mapping: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return, by standard name, the meaning of the levels in its column."""
    readings = {}
    for name in (name for name in export.levels if mapping.get(name)):
        readings[name] = export.read_levels(name, _distinct_values(table, mapping[name], MOST_LEVELS + 1))
    return readings


def _distinct_values(table: Relation, column: str, most: int) -> Sequence[str]:
    rows = table.rows(
        f"select distinct trim(cast({quote(column)} as varchar)) as value from {table} limit {most}"
    )
    return [str(value) for (value,) in rows if value]


def _repeats_orders(table: Relation, mapping: Mapping[str, str | None]) -> bool:
    """Whether orders have several rows with equal order columns, as when products are joined."""
    names = ("customer_id", "timestamp", "amount", "status")
    order, amount = mapping.get("order_id"), mapping.get("amount")
    if not order or not amount:
        return False
    own = ", ".join(f"cast({quote(column)} as varchar)" for name in names if (column := mapping.get(name)))
    several, differ = table.row(
        f"select count(*), count(*) filter (kinds > 1) from (select count(*) as n, count(distinct ({own})) as kinds "
        f"from {table} where {quote(order)} is not null and {quote(amount)} is not null group by {quote(order)}) "
        "where n > 1"
    )
    return bool(several and not differ)


def _guests(table: Relation, export: Format, columns: Sequence[str]) -> list[str]:
    """Return a note with the number of guests' rows, if a column marks them."""
    notes = []
    for column in (column for column in export.guests if column in columns):
        values = ", ".join(map(literal, export.guests[column]))
        is_guest = f"trim(cast({quote(column)} as varchar)) in ({values})"
        rows, guests = table.row(f"select count(*), count(*) filter (where {is_guest}) from {table}")
        if guests:
            named = " or ".join(export.guests[column])
            notes.append(
                f"{guests:,} of {rows:,} rows ({guests / rows:.0%}) belong to guests ({column} {named})."
            )
    return notes


def _in_major_units(table: Relation, mapping: Mapping[str, str], notes: list[str]) -> dict[str, Any]:
    """Return the rates that convert cents to currency units; amounts with a fraction are not cents."""
    amount, currency = mapping.get("amount"), mapping.get("currency")
    if not amount or not currency:
        return {}
    number = f"try_cast({quote(amount)} as double)"
    broken = table.holds(f"{number} <> round({number})")
    codes = _distinct_values(table, currency, 2)
    if broken or not codes:
        return {}
    code = codes[0].upper()
    unit = 1 if code in WHOLE_CURRENCIES else 1000 if code in THOUSANDTHS else 100
    if len(codes) > 1:
        notes.append(
            "Amounts are in the smallest unit of each currency, so each rate must be the rate of one cent."
        )
        return {}
    notes.append(
        f"Amounts were read in the smallest unit of {code} ({unit} = 1 {code}). If they are not, use --rule "
        f"rates={code}:1."
    )
    return {"rates": {code: 1 / unit}}
