"""Lists of records inside JSON records: an order's lines, a customer's orders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from cltv_ml.engine import is_records

#: Names of lists of sales, such as those of a customer.
_SALES_LIST = re.compile(
    r"(^|\.|_)(orders|purchases|sales|invoices|bestellungen|rechnungen|commandes|factures|pedidos|compras|facturas|ordini|"
    r"fatture|bestellingen|zamowienia)(\.|$)",
    re.I,
)

#: With this many entries per record, a list has several for each.
_LONGER = 1.5

#: A value that begins with a day.
_DAY = re.compile(r"\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./]\d{4}")

#: Names of whole numbers that are money, such as prices in cents.
_MONEY_NAMES = re.compile("price|amount|total|cents|minor|preis|betrag|precio|prix|valor", re.I)


def expand_lists(records: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return one record per entry of an inner list if only its entries contain money, or if it is called sales; notes.

    This is how an order with prices per line and no total is written, and a customer with all orders.
    """
    flat = [dict(flat_record(record)) for record in records]
    lists = [dict(_inner_lists(record)) for record in records]
    paid = {key for inner in lists for key, entries in inner.items() if _contain_money(entries)}
    outer = {
        name for record in flat for name, value in record.items() if name not in paid and is_paid(name, value)
    }
    sales = {key for key in paid if _SALES_LIST.search(key) and _have_days(_all_entries(lists, key))}
    if len(sales or paid) != 1 or (outer and not sales):
        return records, _tell_of_dated(paid, lists)
    [key] = sales or paid
    used = {name for record in flat for name in record}
    expanded = [
        {name: value for name, value in record.items() if name not in {key, *outer}}
        | {f"{key}.{name}" if name in used else name: value for name, value in entry.items()}
        for record, inner in zip(flat, lists, strict=True)
        for entry in inner.get(key) or [{}]
    ]
    left = f" The money of the records themselves, {sorted(outer)}, was left out." * bool(outer)
    note = f"The list {key!r} of each record was read as {len(expanded):,} rows, one per entry.{left}"
    rows, notes = expand_lists(expanded)  # the orders of a customer may have lines
    return rows, [note, *notes]


def _all_entries(lists: list[dict[str, list[dict[str, Any]]]], key: str) -> list[dict[str, Any]]:
    return [entry for inner in lists for entry in inner.get(key, [])]


def _tell_of_dated(paid: set[str], lists: list[dict[str, list[dict[str, Any]]]]) -> list[str]:
    """Return a note on a list of money with days of its own that is longer than the records, such as their orders."""
    for key in sorted(paid):
        entries = _all_entries(lists, key)
        if len(entries) >= _LONGER * len(lists) and _have_days(entries):
            return [
                f"The list {key!r} of each record has {len(entries):,} entries with money and days of their own, which "
                "were not read. If they are the sales, save them as records of their own."
            ]
    return []


def _inner_lists(record: dict[str, Any], path: str = "") -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the lists of records in a record and in its objects, by the name that each has as a column."""
    for name, value in record.items():
        if is_records(value):
            yield path + name, [entry for entry in value if isinstance(entry, dict)]
        elif isinstance(value, dict):
            yield from _inner_lists(value, f"{path}{name}.")


def _contain_money(entries: list[dict[str, Any]]) -> bool:
    return any(
        any(is_paid(*part) for part in flat_record(entry))
        or any(_contain_money(inner) for _, inner in _inner_lists(entry))
        for entry in entries
    )


def have_money_and_date(records: list[dict[str, Any]]) -> bool:
    """Whether the first of some records have money and a day."""
    first = records[:50]
    return any(is_paid(*part) for record in first for part in flat_record(record)) and _have_days(first)


def _have_days(records: list[dict[str, Any]]) -> bool:
    return any(_DAY.match(str(value)) for record in records[:50] for _, value in flat_record(record))


def is_paid(name: str, value: Any) -> bool:
    """Whether a value is a number with one or two decimals, or a whole one whose name says that it is money.

    >>> is_paid("x", "9.50"), is_paid("unitPriceCents", "950"), is_paid("id", "950")
    (True, True, False)
    """
    number = re.fullmatch(r"-?\d+(\.\d{1,2})?", str(value))
    return number is not None and (bool(number[1]) or _MONEY_NAMES.search(name) is not None)


def flat_record(record: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a record by name: those of an object as `customer.id`, a list as its JSON text."""
    for name, value in record.items():
        while isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith("$"):
            [value] = value.values()  # as MongoDB writes the type of a value
        if isinstance(value, dict) and {"units", "nanos"} <= set(value):  # money as Google's APIs write it
            whole, billionths = (Decimal(str(value[part] or 0)) for part in ("units", "nanos"))
            yield prefix + name, str(whole + billionths / 10**9)
            value = {key: rest for key, rest in value.items() if key not in ("units", "nanos")}
        if isinstance(value, dict):
            yield from flat_record(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield prefix + name, None if not value else json.dumps(value, ensure_ascii=False, default=str)
        else:
            yield prefix + name, value
