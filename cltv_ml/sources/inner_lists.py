"""Lists of records inside JSON records: an order's lines, a customer's orders."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NoReturn

from cltv_ml.engine import is_records
from cltv_ml.errors import InputError
from cltv_ml.sources.parts import holds_no_sales
from cltv_ml.sources.single_lists import open_single_lists

#: Names of lists of sales, such as those of a customer.
_SALES_LIST = re.compile(
    r"(^|\.|_)(orders|purchases|sales|invoices|bestellungen|rechnungen|commandes|factures|pedidos|compras|facturas|ordini|"
    r"fatture|bestellingen|zamowienia)(\.|$)",
    re.I,
)

#: Names of lists of what an order consists of.
_ITEMS_LIST = re.compile(
    r"(^|\.)((order|sales?|line|cart|basket|invoice|receipt|position|product|purchase)[_-]?)*(items?|lines?|products?|articles?|positions?|rows|goods|details|entries"
    r"|positionen|artikel|posten|lignes|articulos|lineas|righe|regels|pozycje)(\.(nodes|edges|data))?$",
    re.I,
)

#: With this many entries per record, a list has several for each.
_LONGER = 1.5

#: A value that begins with a day.
_DAY = re.compile(r"\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./]\d{4}")

#: Names of whole numbers that are money, such as prices in cents.
_MONEY_NAMES = re.compile("price|amount|total|cents|minor|preis|betrag|precio|prix|valor", re.I)


def expand_lists(records: list[dict[str, Any]], wanted: str = "") -> tuple[list[dict[str, Any]], list[str]]:
    """Return one record per entry of an inner list if only its entries contain money, or if it is called sales; notes.

    This is how an order with prices per line and no total is written, and a customer with all orders. Of several lists
    with money, that of items is read; the total of refunds of each record stays with its first entry.

    Parameters
    ----------
    wanted
        The list to read; empty where it is found.

    Raises
    ------
    InputError
        Several lists contain money and only the user can tell which are the sales.
    """
    flat, lists, paid, outer = _survey(records)
    kept = _kept_lists(lists, paid if not outer else set(), wanted)
    if (opened := open_single_lists(records, kept)) is not records:
        records, (flat, lists, paid, outer) = opened, _survey(opened)
    refunds = {name for name in outer if holds_no_sales(name)}
    sales = {
        key
        for key in paid
        if key == wanted or (_SALES_LIST.search(key) and _have_days(_all_entries(lists, key)))
    }
    items = {key for key in paid if _ITEMS_LIST.search(key)} if len(paid) > 1 or refunds else set()
    found = ({wanted} & paid) or sales or (items if len(items) == 1 else paid)
    if outer - refunds and not sales:
        return records, _tell_of_dated(paid, lists)
    if len(found) > 1:
        _ask_for_list(paid, items)
    if not found:
        return records, []
    [key] = found
    outer = outer - refunds if not sales else outer
    expanded = list(_rows_of(flat, lists, key, outer, refunds))
    left = f" The money of the records themselves, {sorted(outer)}, was left out." * bool(outer)
    note = f"The list {key!r} of each record was read as {len(expanded):,} rows, one per entry.{left}"
    rows, notes = expand_lists(expanded)  # the orders of a customer may have lines
    return rows, [note, *(_tell_of_list(other, lists) for other in sorted(paid - {key}) if not sales), *notes]


def _survey(
    records: list[dict[str, Any]],
) -> tuple[list[dict[str, Any]], list[dict[str, list[dict[str, Any]]]], set[str], set[str]]:
    """Return the values and the lists of each record, the names of lists with money, and those of other money."""
    flat = [dict(flat_record(record)) for record in records]
    lists = [dict(_inner_lists(record)) for record in records]
    paid = {key for inner in lists for key, entries in inner.items() if _contain_money(entries)}
    outer = {
        name for record in flat for name, value in record.items() if name not in paid and is_paid(name, value)
    }
    return flat, lists, paid, outer


def _kept_lists(lists: list[dict[str, list[dict[str, Any]]]], paid: set[str], wanted: str) -> set[str]:
    """Return the lists that are or may be the sales or items, which stay lists even if none has several entries."""
    names = {key for inner in lists for key in inner}
    kept = {key for key in names if key == wanted or _SALES_LIST.search(key) or _ITEMS_LIST.search(key)}
    return kept | paid if len(paid) > 1 or kept & paid else kept


def _rows_of(
    flat: list[dict[str, Any]],
    lists: list[dict[str, list[dict[str, Any]]]],
    key: str,
    outer: set[str],
    refunds: set[str],
) -> Iterator[dict[str, Any]]:
    """Yield the entries of a list, each with its record's values but those in `outer`; the first has its refunds."""
    used = {name for record in flat for name in record}
    for record, inner in zip(flat, lists, strict=True):
        for place, entry in enumerate(inner.get(key) or [{}]):
            left_out = {key, *outer, *(refunds if place else ())}
            own = {name: value for name, value in record.items() if name not in left_out}
            yield own | {f"{key}.{name}" if name in used else name: value for name, value in entry.items()}


def _tell_of_list(key: str, lists: list[dict[str, list[dict[str, Any]]]]) -> str:
    """Return a note on a list with money that was not read, with its total where each entry has one amount."""
    entries = [
        [value for name, value in flat_record(entry) if is_paid(name, value)]
        for entry in _all_entries(lists, key)
    ]
    total = sum(Decimal(str(money[0])) for money in entries if len(money) == 1)
    money = f" with a total of {total:,.2f}" if all(len(found) == 1 for found in entries) else ""
    return (
        f"The list {key!r} of each record, {len(entries):,} entries{money}, contains money too and was not read "
        f"(--query {key} reads it instead)."
    )


def _ask_for_list(paid: set[str], items: set[str]) -> NoReturn:
    """Raise InputError for records with several lists that may be the sales."""
    raise InputError(
        f"each record contains several lists with money, {sorted(paid)}; name the one with the sales, such as --query "
        f"{min(items or paid)}."
    )


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
        if isinstance(value, dict):
            money, value = money_of_parts(value)
            if money:
                yield prefix + name, money
        if isinstance(value, dict):
            yield from flat_record(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield prefix + name, None if not value else json.dumps(value, ensure_ascii=False, default=str)
        else:
            yield prefix + name, value


def money_of_parts(value: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the money that APIs write in two whole numbers, empty without, and the object's other values.

    >>> money_of_parts({"amount": 950, "divisor": 100, "currency_code": "EUR"})
    ('9.5', {'currency_code': 'EUR'})
    >>> money_of_parts({"units": "9", "nanos": 500000000}), money_of_parts({"centAmount": 5, "fractionDigits": 2})
    (('9.5', {}), ('0.05', {}))
    """
    for whole, part, divisor in _MONEY_PARTS:
        if {whole, part} <= set(value) and all(
            re.fullmatch(r"-?\d+", str(value[key] or 0)) for key in (whole, part)
        ):
            one, other = (Decimal(str(value[key] or 0)) for key in (whole, part))
            rest = {key: kept for key, kept in value.items() if key not in (whole, part)}
            return str(divisor(one, other)), rest
    return "", value


#: Keys of money in two whole numbers, and how they make one: Google's APIs, Etsy's, commercetools', Dinero's.
_MONEY_PARTS: tuple[tuple[str, str, Callable[[Decimal, Decimal], Decimal]], ...] = (
    ("units", "nanos", lambda units, nanos: units + nanos / 10**9),
    ("amount", "divisor", lambda amount, divisor: amount / (divisor or 1)),
    *(
        (whole, digits, lambda amount, count: amount / 10**count)
        for whole in ("centAmount", "amount")
        for digits in ("fractionDigits", "precision", "scale", "exponent")
    ),
)
