"""Hints about lines that may not be sales."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cltv_ml.columns.amount_hints import hint_at_amounts
from cltv_ml.columns.compound import words_of
from cltv_ml.columns.glance import COLUMNS_COMPARED, Glance
from cltv_ml.columns.headings import plain_heading, plain_pattern
from cltv_ml.columns.levels import NO, YES, plain_level
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.odd_products import tell_of_odd_products
from cltv_ml.columns.source_columns import id_text, quote
from cltv_ml.columns.words import words
from cltv_ml.engine import literal
from cltv_ml.money import log_amount

_HEADED = {
    name: re.compile(plain_pattern(words("overlooked")[name]))
    for name in (
        "texts",
        "status",
        "no_status",
        "prefixes",
        "no_lines",
        "successors",
        "flags",
    )
}
_NO_GOODS, _FREE, _PREPAID = (
    re.compile("|".join(pattern for name in names for pattern in words("overlooked")[name]))
    for names in (("no_goods", "gift_cards"), ("free",), ("prepaid",))
)

#: Headings of how an order was paid.
_TENDER = re.compile("pay|tender|zahl|paiement|pago|pagamento|betaal|betal")

#: Lines with a discount on an order.
_TAKEN_OFF = re.compile(
    "^(discount|coupon|promo|voucher|rabatt?|remise|descuento|desconto|sconto|korting|indirim)"
)
_NO_SALE = plain_pattern(words("overlooked")["no_sale"])

#: Words of headings of whether an amount includes tax, and values that answer it.
_INCLUDES = re.compile(r"(incl|inkl|enthalt|compris)\w*")
_TAX_WORDS = frozenset(["tax", "taxes", "vat", "gst", "mwst", "ust", "iva", "tva", "btw", "moms", "kdv"])
_WITH_TAX = {*YES, "gross", "brutto", "incl", "inkl", "ttc"}
_WITHOUT_TAX = {*NO, "net", "netto", "excl", "exkl", "ht"} - {""}

#: Headings of document numbers.
_DOCUMENT_NUMBERS = re.compile(
    "(no|nr|num|numero|number|nummer|numer|ref|reference|id|document|dokument|doc|beleg|voucher)$"
)


def hint(
    glance: Glance, unmapped: Mapping[str, str], mapping: Mapping[str, str], decided: Mapping[str, str | None]
) -> list[str]:
    """Return notes on unmapped columns (with their kinds) and on order numbers that look like credit notes."""
    texts = [column for column, kind in unmapped.items() if kind == "text"]
    notes = []
    if "type" not in decided:
        notes += [note for column in texts for note in _tell_of_free_text(glance, column, mapping)]
    if "amount" in mapping and "type" not in decided:
        notes += [
            note
            for column in _numbers_of_orders(texts, mapping)
            for note in _prefixes(glance, column, mapping)
        ]
    notes += tell_of_odd_products(glance, decided, texts)
    if "order_id" in mapping and "customer_id" in mapping:
        notes += _shared_orders(glance, mapping["order_id"], mapping["customer_id"])
    notes += _tell_of_mixed_tax(glance, [name for name in unmapped if _says_taxed(name)])
    notes += hint_at_amounts(glance, unmapped, mapping, decided)
    notes += [note for column in unmapped for note in _successors(glance, column, mapping.get("customer_id"))]
    return notes


def _tell_of_free_text(glance: Glance, column: str, mapping: Mapping[str, str]) -> list[str]:
    """Return a note on a free text that suggests that some lines, which name no other order, are not sales."""
    if not _HEADED["texts"].search(plain_heading(column)):
        return []
    text = f"strip_accents(lower(trim(cast({quote(column)} as varchar))))"
    alone = f" and {id_text(mapping['cancels'])} is null" if "cancels" in mapping else ""
    rows, example = glance.lines.row(
        f"select count(*), min({quote(column)}) from {glance.lines} "
        f"where regexp_matches({text}, '{_NO_SALE}'){alone}"
    )
    if not rows or rows > 0.5 * glance.rows:
        return []
    return [
        f"Column {column!r} contains {str(example)[:40]!r} or similar texts on {rows:,} of {glance.rows:,} "
        "lines, which count like any other. If they are not sales, remove them from the export, or add a "
        "column with the kind of each line."
    ]


def _says_taxed(column: str) -> bool:
    """Whether a heading says that a column tells whether amounts include tax.

    >>> _says_taxed("price_includes_vat"), _says_taxed("MwSt enthalten"), _says_taxed("Includes private notes")
    (True, True, False)
    """
    named = words_of(column)
    return bool(named & _TAX_WORDS) and any(map(_INCLUDES.fullmatch, named))


def _tell_of_mixed_tax(glance: Glance, columns: list[str]) -> list[str]:
    """Return notes on columns that say that some amounts include tax and others do not."""
    notes = []
    for column, levels in (glance.levels(columns, 4) if columns else {}).items():
        taxed, untaxed = (
            sum(count for level, count in levels.items() if level.strip().lower() in said)
            for said in (_WITH_TAX, _WITHOUT_TAX)
        )
        if taxed and untaxed:
            notes.append(
                f"Column {column!r} says that the amounts of {taxed:,} lines include tax and those of {untaxed:,} "
                "lines do not; all count as they are. Export all of them either with or without tax."
            )
    return notes


def _shared_orders(glance: Glance, order: str, customer: str) -> list[str]:
    """Return a note on order ids shared by several customers, such as receipt numbers that restart each year."""
    text = f"nullif(trim(cast({quote(customer)} as varchar)), '')"
    orders, shared = glance.lines.row(
        f"select count(*), count(*) filter (least < most) from (select min({text}) as least, max({text}) as most "
        f"from {glance.lines} where trim(cast({quote(order)} as varchar)) <> '' group by {quote(order)})"
    )
    if not shared or shared < 0.02 * orders:
        return []
    return [
        f"{shared:,} of {orders:,} values of {order!r} belong to several customers. If order numbers restart "
        "in each shop or year, include the shop or year in the order id."
    ]


def _successors(glance: Glance, column: str, customer: str | None) -> list[str]:
    """Return a note on a column with the id that a customer was merged into."""
    if not customer or not _HEADED["successors"].search(plain_heading(column)):
        return []
    ids = f"select cast({quote(customer)} as varchar) from {glance.lines}"
    [rows] = glance.lines.row(
        f"select count(*) from {glance.lines} where trim(cast({quote(column)} as varchar)) <> '' "
        f"and cast({quote(column)} as varchar) <> cast({quote(customer)} as varchar) "
        f"and cast({quote(column)} as varchar) in ({ids})"
    )
    if not rows:
        return []
    return [
        f"Column {column!r} names another customer on {rows:,} of {glance.rows:,} lines and is not used. If "
        f"it contains the id that a customer was merged into, put that id into {customer!r} in the export."
    ]


def _numbers_of_orders(texts: Sequence[str], mapping: Mapping[str, str]) -> list[str]:
    """Return the column of orders or, if there is none, the columns headed as numbers."""
    numbered = [column for column in texts if _DOCUMENT_NUMBERS.search(plain_heading(column))]
    return [mapping["order_id"]] if "order_id" in mapping else numbered[:COLUMNS_COMPARED]


def _prefixes(glance: Glance, column: str, mapping: Mapping[str, str]) -> list[str]:
    """Return a note on orders with a positive amount whose number begins like a credit note."""
    order = f"lower(trim(cast({quote(column)} as varchar)))"
    chosen = "" if "order_id" in mapping else f"--mapping {flag('order_id', column)} with "
    prefixes = glance.lines.rows(
        rf"select regexp_extract({order}, '^([a-z]*)[-_ ]?\d', 1) as prefix, count(*), "
        f"count(*) filter ({glance.number(mapping['amount'])} > 0), min({quote(column)}) "
        f"from {glance.lines} where {order} <> '' group by 1 order by 2 desc limit 6"
    )
    return [
        f"{above:,} of {glance.rows:,} lines have a number in {column!r} such as {str(example)[:30]!r}, "
        "which looks like a credit note, but a positive amount. They count as sales; to quarantine them, "
        f"use {chosen}--rule {flag('adjustments', prefix + '.*')}."
        for prefix, rows, above, example in prefixes[1:]
        if above
        and rows < 0.5 * glance.rows
        and prefix != prefixes[0][0]
        and _HEADED["prefixes"].match(prefix)
    ]


def tell_of_levels(column: str, levels: Mapping[str, int], decided: Mapping[str, str | None]) -> list[str]:
    """Return a note on an unused column that is called a status or marks tests."""
    heading = plain_heading(column)
    shown = ", ".join(f"{level} ({rows:,} lines)" for level, rows in list(levels.items())[:6])
    if "test" not in decided and len(levels) > 1 and any(level.strip().lower() == "test" for level in levels):
        return [f"Column {column!r} with {shown} is not used. Remove the test lines from the export."]
    if {"status", "payment_status"} & set(decided) or not len(levels) >= 2:
        return []
    if _HEADED["status"].search(heading) and not _HEADED["no_status"].search(heading):
        return [
            f"Column {column!r} with {shown} is not used. If one of these values is not a completed sale, "
            f"use --mapping {flag('status', column)} and define each value with --rule status=VALUE:counts, "
            ":refund or :ignore."
        ]
    return []


def tell_of_lines(
    column: str, levels: Mapping[str, int], glance: Glance, decided: Mapping[str, str | None]
) -> list[str]:
    """Return notes on lines that may not be sales, judged by a column's levels or its yes."""
    return _flagged(column, levels, glance, decided) or _no_goods(column, levels, glance, decided)


def _flagged(
    column: str, levels: Mapping[str, int], glance: Glance, decided: Mapping[str, str | None]
) -> list[str]:
    """Return a note on a column with a yes on lines that may not be sales, such as samples or drafts."""
    yes = [level for level in levels if level.lower() in YES]
    if "test" in decided or not yes or not {level.lower() for level in levels} <= NO | YES or len(levels) < 2:
        return []
    if not _HEADED["flags"].search(plain_heading(column)) or not decided.get("amount"):
        return []
    rows = sum(levels[level] for level in yes)
    flags = ", ".join(literal(level.lower()) for level in yes)
    amount = glance.number(str(decided["amount"]))
    [money] = glance.lines.row(
        f"select sum({amount}) from {glance.lines} "
        f"where lower(trim(cast({quote(column)} as varchar))) in ({flags})"
    )
    return [
        f"Column {column!r} says yes on {rows:,} lines with a total of {log_amount(money or 0)}, which count as "
        f"sales. If they are not sales, exclude them with --mapping {flag('test', column)}."
    ]


def _no_goods(
    column: str, levels: Mapping[str, int], glance: Glance, decided: Mapping[str, str | None]
) -> list[str]:
    """Return a note on taxes, gift cards, deposits and the like among the sales, with their money."""
    amount, heading = decided.get("amount"), plain_heading(column)
    if "type" in decided or not amount:
        return []
    kinds = (
        re.compile(f"{_PREPAID.pattern}|{_FREE.pattern}")
        if _TENDER.search(heading)
        else _FREE
        if _HEADED["no_lines"].search(heading)
        else re.compile(f"{_NO_GOODS.pattern}|{_FREE.pattern}")
    )
    odd = [level for level in levels if kinds.search(plain_level(level))]
    taken_off = [level for level in levels if _TAKEN_OFF.search(plain_level(level))]
    taken_off = [] if _HEADED["no_lines"].search(heading) else taken_off
    if not odd and not taken_off:
        return []
    text, value = f"coalesce(trim(cast({quote(column)} as varchar)), '')", glance.number(amount)
    sums = dict(glance.lines.rows(f"select {text}, sum({value}) from {glance.lines} group by 1"))
    less = [level for level in taken_off if (sums.get(level) or 0) > 0]
    odd = [level for level in odd if sums.get(level) and level not in less] or less
    if not odd or not any(level.strip() and level not in odd for level in levels):
        return []
    reading = ":refund" if odd == less else ":ignore"
    shown = ", ".join(f"{level!r} ({levels[level]:,} lines, {log_amount(sums[level])})" for level in odd[:6])
    return [
        f"Column {column!r} is not used, so lines such as {shown} count as sales of goods. If they are not, "
        f"use --mapping {flag('type', column)} and --rule {flag('type', odd[0] + reading)}, with :counts for "
        "the other values."
    ]
