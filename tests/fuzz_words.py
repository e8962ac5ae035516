"""Words and signs of exports: headings, levels and types by language, and ways to write dates and numbers."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

#: Language -> part -> headings, language -> state -> levels, and number style -> (thousands sign, decimal sign).
HEADINGS, LEVELS, NUMBERS = _WORDS["headings"], _WORDS["levels"], _WORDS["numbers"]

#: Language -> (sale, refund) in a column that tells the type of a line.
TYPES = {
    "en": (("Sale", "Refund"), ("Payment", "Return"), ("Invoice", "Credit Memo"), ("charge", "refund")),
    "de": (("Verkauf", "Erstattung"), ("Rechnung", "Gutschrift"), ("Rechnung", "Retoure")),
    "fr": (("Vente", "Remboursement"), ("Facture", "Avoir")),
    "es": (("Venta", "Devolución"), ("Factura", "Nota de crédito")),
    "uk": (("Sale", "Refund"),),
    "th": (("Sale", "Refund"),),
}

#: Heading, what stands in it where a sale was undone and where not, and the name that it answers.
MARKS = (
    ("Outcome", "failed", "paid", "status"),
    ("Is Return", "Y", "N", "refunded"),
    ("Void", "TRUE", "FALSE", "refunded"),
    ("Delivery Status", "Returned", "Delivered", "status"),
    ("RMA", "RMA-7", "", "cancelled_at"),
    ("Approved", "no", "yes", "captured"),
    ("Retoure", "ja", "nein", "refunded"),
    ("Bemerkung", "storniert", "", "status"),
    ("Fulfillment", "cancelled", "shipped", "status"),
    ("deleted", "1", "0", "refunded"),
    ("Motivo", "anulado", "", "status"),
    ("Result", "declined", "approved", "status"),
)

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: How a moment is written, and whether the time of day is in it.
DATES: dict[str, Callable[[datetime], str]] = {
    "iso day": lambda when: f"{when:%Y-%m-%d}",
    "iso": lambda when: f"{when:%Y-%m-%d %H:%M:%S}",
    "iso T": lambda when: f"{when:%Y-%m-%dT%H:%M:%S}",
    "iso Z": lambda when: f"{when:%Y-%m-%dT%H:%M:%SZ}",
    "dotted": lambda when: f"{when:%d.%m.%Y}",
    "dotted time": lambda when: f"{when:%d.%m.%Y %H:%M}",
    "dotted yy": lambda when: f"{when:%d.%m.%y}",
    "day first": lambda when: f"{when:%d/%m/%Y}",
    "month first": lambda when: f"{when:%m/%d/%Y}",
    "month first yy": lambda when: f"{when:%m/%d/%y}",
    "month first bare": lambda when: f"{when.month}/{when.day}/{when.year} {when:%H:%M}",
    "month first pm": lambda when: f"{when:%m/%d/%Y %I:%M:%S %p}",
    "year first yy": lambda when: f"{when:%y-%m-%d}",
    "slashes": lambda when: f"{when:%Y/%m/%d}",
    "mon yy": lambda when: f"{when.day:02}-{_MONTHS[when.month - 1]}-{when:%y}",
    "MON yyyy": lambda when: f"{when.day:02}-{_MONTHS[when.month - 1].upper()}-{when.year}",
    "mon d, yyyy": lambda when: f"{_MONTHS[when.month - 1]} {when.day}, {when.year}",
    "d mon yyyy": lambda when: f"{when.day} {_MONTHS[when.month - 1]} {when.year}",
    "compact": lambda when: f"{when:%Y%m%d}",
    "compact time": lambda when: f"{when:%Y%m%d%H%M%S}",
    "epoch": lambda when: str(int(when.replace(tzinfo=UTC).timestamp())),
    "epoch ms": lambda when: str(int(when.replace(tzinfo=UTC).timestamp()) * 1000),
    "serial": lambda when: str((when.date() - datetime(1899, 12, 30).date()).days),
    "serial time": lambda when: f"{(when - datetime(1899, 12, 30)).total_seconds() / 86400:.6f}",
    "reiwa": lambda when: f"令和{when.year - 2018}年{when.month}月{when.day}日",
    "buddhist": lambda when: f"{when.year + 543}-{when:%m-%d}",
    "week": lambda when: f"{when:%G-W%V-%u}",
    "mail": lambda when: format_datetime(when.replace(tzinfo=UTC)),
}

#: Digits of other scripts.
DIGITS = ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "๐๑๒๓๔๕๖๗๘๙")
