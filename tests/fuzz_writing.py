"""How a made-up shop writes its export: languages, signs, dates, layouts, statuses, refunds, identifiers, files."""

from __future__ import annotations

import csv
import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import openpyxl
import pandas as pd

from tests.fuzz_shops import Order

#: Language -> part -> headings.
HEADINGS = {
    "en": {
        "customer": ("Customer ID", "Customer", "customer_id", "Client"),
        "email": ("Email", "Customer Email"),
        "date": ("Date", "Order Date", "created_at", "Transaction Date"),
        "order": ("Order ID", "Order Number", "order_id", "Invoice No"),
        "total": ("Order Total", "Total", "Amount", "grand_total"),
        "amount": ("Amount", "Line Total", "Sales", "Net Sales"),
        "price": ("Unit Price", "Price", "price_per_unit"),
        "line_price": ("Price", "Item Price"),
        "quantity": ("Quantity", "Qty", "units"),
        "product": ("SKU", "Product", "Item", "product_code"),
        "status": ("Status", "Order Status", "financial_status"),
        "type": ("Type", "Transaction Type"),
        "refunded": ("Refunded Amount", "Amount Refunded"),
        "cancelled": ("Cancelled at", "canceled_at"),
        "reference": ("Original Order", "refund_of"),
        "currency": ("Currency", "currency_code"),
    },
    "de": {
        "customer": ("Kunde", "Kundennummer", "Debitor"),
        "email": ("E-Mail", "Email"),
        "date": ("Datum", "Bestelldatum", "Belegdatum"),
        "order": ("Bestellnummer", "Auftragsnummer", "Rechnungsnummer"),
        "total": ("Gesamtbetrag", "Rechnungsbetrag", "Betrag"),
        "amount": ("Betrag", "Umsatz", "Zeilenbetrag"),
        "price": ("Einzelpreis", "Preis"),
        "line_price": ("Preis",),
        "quantity": ("Menge", "Anzahl"),
        "product": ("Artikelnummer", "Artikel"),
        "status": ("Status", "Bestellstatus", "Zahlungsstatus"),
        "type": ("Belegart", "Art"),
        "refunded": ("Erstattungsbetrag", "Erstattet"),
        "cancelled": ("Storniert am",),
        "reference": ("Originalbestellung",),
        "currency": ("Währung",),
    },
    "fr": {
        "customer": ("Client", "Numéro client"),
        "email": ("Email",),
        "date": ("Date", "Date commande"),
        "order": ("Numéro commande", "Commande"),
        "total": ("Montant total", "Montant TTC"),
        "amount": ("Montant",),
        "price": ("Prix unitaire",),
        "line_price": ("Prix",),
        "quantity": ("Quantité", "Qté"),
        "product": ("Référence", "Produit"),
        "status": ("Statut", "Statut commande"),
        "type": ("Type de transaction",),
        "refunded": ("Montant remboursé",),
        "cancelled": ("Date annulation",),
        "reference": ("Commande d'origine",),
        "currency": ("Devise",),
    },
    "es": {
        "customer": ("Cliente", "Código cliente"),
        "email": ("Email",),
        "date": ("Fecha", "Fecha pedido"),
        "order": ("Pedido", "Número pedido"),
        "total": ("Importe total",),
        "amount": ("Importe",),
        "price": ("Precio unitario",),
        "line_price": ("Precio",),
        "quantity": ("Cantidad", "Unidades"),
        "product": ("Producto", "Artículo"),
        "status": ("Estado", "Estado pedido"),
        "type": ("Tipo de transacción",),
        "refunded": ("Importe reembolsado",),
        "cancelled": ("Fecha cancelación",),
        "reference": ("Pedido original",),
        "currency": ("Moneda",),
    },
}

#: Language -> state -> level.
LEVELS = {
    "en": {
        "completed": ("paid", "Completed", "completed", "Shipped"),
        "cancelled": ("cancelled", "Canceled", "voided"),
        "pending": ("pending", "Pending payment", "on-hold"),
        "failed": ("failed", "Declined"),
        "refunded": ("refunded", "Refunded"),
    },
    "de": {
        "completed": ("bezahlt", "abgeschlossen", "Versendet"),
        "cancelled": ("storniert", "Storniert"),
        "pending": ("ausstehend", "Wartet auf Zahlung"),
        "failed": ("fehlgeschlagen", "abgelehnt"),
        "refunded": ("erstattet", "rückerstattet"),
    },
    "fr": {
        "completed": ("payée", "Terminée", "expédiée"),
        "cancelled": ("annulée", "Annulé"),
        "pending": ("en attente",),
        "failed": ("échouée", "Échec"),
        "refunded": ("remboursée", "Remboursé"),
    },
    "es": {
        "completed": ("pagado", "Completado", "enviado"),
        "cancelled": ("cancelado", "Anulado"),
        "pending": ("pendiente", "Pendiente de pago"),
        "failed": ("fallido", "Rechazado"),
        "refunded": ("reembolsado", "Devuelto"),
    },
}

#: Language -> (sale, refund) in a column that tells the type of a line.
TYPES = {
    "en": (("Sale", "Refund"), ("Payment", "Return"), ("Invoice", "Credit Memo"), ("charge", "refund")),
    "de": (("Verkauf", "Erstattung"), ("Rechnung", "Gutschrift"), ("Rechnung", "Retoure")),
    "fr": (("Vente", "Remboursement"), ("Facture", "Avoir")),
    "es": (("Venta", "Devolución"), ("Factura", "Nota de crédito")),
}

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
    "mail": lambda when: format_datetime(when.replace(tzinfo=UTC)),
}

#: Number style -> (thousands sign, decimal sign).
NUMBERS = {
    "plain": ("", "."),
    "english": (",", "."),
    "german": (".", ","),
    "german plain": ("", ","),
    "french": ("\u202f", ","),
    "blank": (" ", ","),
    "swiss": ("'", "."),
}


@dataclass
class Export:
    """One export: where it lies, what it plays with, the answers to its questions and the words that tell of it."""

    source: Path | pd.DataFrame
    about: str
    mapping: dict[str, str]
    rules: dict[str, object]
    text: str
    telling: list[str] = field(default_factory=list)


class Style:
    """What one export's author decided."""

    def __init__(self, draw: random.Random) -> None:
        pick = draw.choice
        self.draw = draw
        self.language = pick(("en", "en", "en", "de", "de", "fr", "es"))
        european = self.language != "en" and draw.random() < 0.8
        self.numbers = (
            pick(("german", "german plain", "french", "blank"))
            if european
            else pick(("plain", "plain", "english", "swiss"))
        )
        self.whole_signs = draw.random() < 0.3
        self.currency = pick(("", "", "", "€", "EUR", "$", "US$", "R$", "kr", "£"))
        self.currency_after = draw.random() < 0.5
        self.minus = pick(("-", "-", "-", "()", "trailing", "\u2212"))
        self.date = pick(tuple(DATES))
        self.layout = pick(("orders", "orders", "lines", "lines price", "line price", "filled", "first row"))
        self.with_order = self.layout not in ("orders", "lines") or draw.random() < 0.85
        self.back = pick(
            ("none", "none", "negative", "referenced", "typed", "typed negative", "column", "status")
        )
        self.status = draw.random() < 0.5 or self.back == "status"
        self.cancelled = draw.random() < 0.15
        self.coupons = self.layout == "lines" and self.with_order and draw.random() < 0.3
        self.identity = pick(
            ("number", "number", "padded", "email", "email case", "float", "long", "blanks", "code")
        )
        self.guests = pick(("", "", "", "", "empty", "0", "guest", "-"))
        self.extras = draw.sample(
            ("Notes", "Line", "Name", "Tax", "Shipping", "f", "Warehouse"), draw.randint(0, 3)
        )
        self.headings = {part: pick(names) for part, names in HEADINGS[self.language].items()}
        self.titled = draw.random() < 0.08
        self.footer = draw.random() < 0.08
        self.kind = pick(
            ("csv", "csv", "csv", "csv", "csv", "xlsx", "json", "jsonl", "frame", "parquet", "zip")
        )
        if not self.with_order and self.back in ("referenced", "typed", "column"):
            self.back = "none"

    @property
    def about(self) -> str:
        """All decisions in one line."""
        skipped = ("draw", "headings")
        return ", ".join(
            f"{name} {value}" for name, value in vars(self).items() if name not in skipped and value
        )

    def money(self, amount: float, bare: bool = False) -> str:
        """Return an amount as this author writes it."""
        thousands, decimal = NUMBERS[self.numbers]
        digits = f"{abs(amount):,.2f}"
        if self.whole_signs and amount == int(amount):
            digits = digits[:-3]
        text = digits.translate({ord(","): thousands, ord("."): decimal})
        if self.currency and not bare:
            text = f"{text} {self.currency}" if self.currency_after else f"{self.currency}{text}"
        if amount >= 0:
            return text
        return {"()": f"({text})", "trailing": f"{text}-"}.get(self.minus, f"{self.minus}{text}")

    def customer(self, number: int | None) -> str:
        """Return a customer's identifier, not always spelled alike."""
        if number is None:
            return "" if self.guests == "empty" else self.guests
        odd = self.draw.random() < 0.3
        return {
            "number": str(number),
            "padded": f"{number:08}",
            "email": f"b{number}@shop.example",
            "email case": f"B{number}@Shop.example" if odd else f"b{number}@shop.example",
            "float": f"{number}.0" if odd else str(number),
            "long": str(9007199254740993 + number),
            "blanks": f" {number}\u00a0" if odd else str(number),
            "code": f"C-{number}",
        }[self.identity]


def write_export(orders: list[Order], draw: random.Random, folder: Path) -> Export:
    """Return the orders as one author exports them; what happens to them is drawn with the way it is written."""
    style = Style(draw)
    _happen(orders, style)
    columns, rows = _table(orders, style)
    mapping = {name: style.headings[part] for name, part in _ROLES.items() if part in columns}
    heading = {part: style.headings.get(part, part) for part in columns}
    mapping = {name: heading[_ROLES[name]] for name in mapping}
    if style.footer:
        total = sum(order.total for order in orders)
        rows.append([style.money(total) if part == "amount" else "" for part in columns])
        rows[-1][0] = rows[-1][0] or "Total"
    source, text = _write([heading[part] for part in columns], rows, style, folder)
    rules: dict[str, object] = {"decimal": NUMBERS[style.numbers][1]}
    if style.date in ("day first", "month first", "month first yy", "month first bare", "month first pm"):
        rules["day_first"] = str(style.date == "day first").lower()
    if style.status:
        rules["status"] = [f"{level}:{_READ[state]}" for state, level in style.levels.items()]
    return Export(source, style.about, mapping, rules, text, _telling(style))


_ROLES = {
    "customer_id": "customer",
    "timestamp": "date",
    "order_id": "order",
    "amount": "amount",
    "unit_price": "price",
    "quantity": "quantity",
    "product_id": "product",
    "status": "status",
    "type": "type",
    "refunded": "refunded",
    "cancelled_at": "cancelled",
    "cancels": "reference",
}

_READ = {
    "completed": "counts",
    "cancelled": "ignore",
    "pending": "ignore",
    "failed": "ignore",
    "refunded": "refund",
}


def _telling(style: Style) -> list[str]:
    """Return the patterns of sentences that name what this export plays with."""
    patterns = []
    if style.guests:
        patterns.append(r"guest|placeholder|no person|no customer|stand for")
    if style.identity == "email case":
        patterns.append("capital|case")
    if style.identity in ("float", "blanks", "long"):
        patterns.append("spelled|written|blank|decimal|identifier")
    return patterns


def _happen(orders: list[Order], style: Style) -> None:
    """Let orders be cancelled, refunded or placed by guests as far as the export can tell."""
    draw = style.draw
    if style.status:
        style.levels = {state: draw.choice(levels) for state, levels in LEVELS[style.language].items()}
    for order in orders:
        if style.guests and draw.random() < 0.1:
            order.customer = None
        fate = draw.random()
        if style.status and fate < 0.2:
            order.state = draw.choice(("cancelled", "pending", "failed"))
        elif style.cancelled and fate < 0.3:
            order.state = "cancelled"
        elif style.back != "none" and fate > 0.85:
            _give_back(order, style)
        if style.coupons and order.given_back == 0 and draw.random() < 0.2:
            order.discount = round(0.1 * order.total, 2)


def _give_back(order: Order, style: Style) -> None:
    whole = style.back == "status" or style.layout != "orders" or style.draw.random() < 0.5
    order.given_back = order.total if whole else round(order.total * 0.4, 2)
    order.given_back_on = order.when + timedelta(days=style.draw.randint(0, 9), seconds=3600)
    if style.back == "status":
        order.state = "refunded"


def _table(orders: list[Order], style: Style) -> tuple[list[str], list[list[str]]]:
    """Return the parts in the order of the columns, and the rows."""
    records = [record for order in orders for record in _records(order, style)]
    columns = [
        part
        for part in (
            "order",
            "date",
            "customer",
            "status",
            "type",
            "product",
            "quantity",
            "price",
            "amount",
            "refunded",
            "cancelled",
            "reference",
        )
        if any(part in record for record in records)
    ]
    columns += style.extras
    style.draw.shuffle(columns)
    fillers = {
        "Notes": lambda: style.draw.choice(("", "leave at door", 'call "first"', "a, b; c")),
        "Line": lambda: str(style.draw.randint(1, 9)),
        "Name": lambda: "N. N.",
        "Tax": lambda: style.money(0, bare=True),
        "Shipping": lambda: style.money(0, bare=True),
        "f": lambda: style.draw.choice("xyz"),
        "Warehouse": lambda: style.draw.choice(("North", "South")),
    }
    return columns, [
        [record[part] if part in record else fillers[part]() if part in fillers else "" for part in columns]
        for record in records
    ]


def _records(order: Order, style: Style) -> list[dict[str, str]]:
    """Return an order's rows, and those that give money back."""
    head = {"date": DATES[style.date](order.when), "customer": style.customer(order.customer)}
    if style.with_order:
        head["order"] = str(order.number)
    if style.status:
        head["status"] = style.levels[order.state]
    sale, refund = style.types if hasattr(style, "types") else _draw_types(style)
    if style.back in ("typed", "typed negative"):
        head["type"] = sale
    if style.cancelled:
        head["cancelled"] = DATES[style.date](order.when) if order.state == "cancelled" else ""
    rows = [{**head, **record} for record in _sold(order, style)]
    if style.back == "column":
        for number, row in enumerate(rows):
            row["refunded"] = style.money(order.given_back) if number == 0 or style.layout == "filled" else ""
    if style.back in ("negative", "referenced", "typed", "typed negative") and order.given_back:
        sign = 1 if style.back == "typed" else -1
        back = {
            **head,
            "date": DATES[style.date](order.given_back_on),
            "amount": style.money(sign * order.given_back),
        }
        if style.back == "referenced":
            back |= {"order": str(order.number + 900000), "reference": str(order.number)}
        if "type" in head:
            back["type"] = refund
        rows += _taken_back(order, style, back, sign)
    return rows


def _draw_types(style: Style) -> tuple[str, str]:
    style.types = style.draw.choice(TYPES[style.language])
    return style.types


def _sold(order: Order, style: Style) -> list[dict[str, str]]:
    """Return what the layout says of the products of an order."""
    if style.layout == "orders":
        return [{"amount": style.money(order.total)}]
    rows = []
    for number, line in enumerate(order.lines):
        row = {"product": line.product, "quantity": str(line.quantity)}
        if style.layout in ("lines", "line price"):
            row["amount"] = style.money(line.total)
        elif style.layout == "lines price":
            row["price"] = style.money(line.price)
        elif style.layout == "filled" or number == 0:
            row["amount"] = style.money(order.total)
        else:
            row["amount"] = ""
        rows.append(row)
    if style.coupons and order.discount:
        rows.append({"product": "COUPON", "quantity": "1", "amount": style.money(-order.discount)})
    return rows


def _taken_back(order: Order, style: Style, back: dict[str, str], sign: int) -> list[dict[str, str]]:
    """Return the rows that give the money of an order back: one, or one per line where lines have prices."""
    if style.layout == "lines price":
        del back["amount"]
        return [
            {
                **back,
                "product": line.product,
                "quantity": str(sign * line.quantity),
                "price": style.money(line.price),
            }
            for line in order.lines
        ]
    if style.layout in ("lines", "line price"):
        return [
            {
                **back,
                "product": line.product,
                "quantity": str(sign * line.quantity),
                "amount": style.money(sign * line.total),
            }
            for line in order.lines
        ]
    return [back]


def _write(
    names: list[str], rows: list[list[str]], style: Style, folder: Path
) -> tuple[Path | pd.DataFrame, str]:
    """Return the table as a source, and its text."""
    draw, kind = style.draw, style.kind
    sign = "," if NUMBERS[style.numbers][1] == "." and draw.random() < 0.7 else draw.choice(";\t|")
    text = io.StringIO()
    if kind == "csv" and draw.random() < 0.1:
        text.write(f"sep={sign}\r\n")
    quoting = csv.QUOTE_ALL if draw.random() < 0.3 else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=sign, quoting=quoting, lineterminator=draw.choice(("\n", "\r\n"))).writerows(
        [names, *rows]
    )
    style.kind = f"{kind} {sign!r}"
    frame = pd.DataFrame(rows, columns=names)
    if style.titled and kind in ("csv", "xlsx", "zip"):
        above = [["Sales report"], ["Printed by N. N."], []]
        lines = "\n".join(",".join(row) for row in above) + "\n"
        text = io.StringIO(text.getvalue() if text.getvalue().startswith("sep=") else lines + text.getvalue())
        text.seek(0, io.SEEK_END)
    else:
        above = []
    path = folder / f"export.{kind}"
    if kind == "frame":
        return frame, text.getvalue()
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "xlsx":
        book = openpyxl.Workbook()
        for row in [*above, names, *rows]:
            book.active.append(row)
        book.save(path)
    elif kind in ("json", "jsonl"):
        records = [dict(zip(names, row, strict=True)) for row in rows]
        lines = json.dumps(records) if kind == "json" else "\n".join(json.dumps(record) for record in records)
        path.write_text(lines, encoding="utf-8")
    else:
        codec = draw.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"))
        style.kind += f" {codec}"
        content = text.getvalue().encode(codec, errors="ignore" if "\u202f" in text.getvalue() else "replace")
        if kind == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("orders.csv", content)
        else:
            path.write_bytes(content)
    return path, text.getvalue()
