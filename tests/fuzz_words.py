"""Words and signs of exports: headings, levels and types by language, and ways to write dates and numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

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
    "uk": {
        "customer": ("Клієнт", "Код клієнта"),
        "email": ("Email",),
        "date": ("Дата", "Дата замовлення"),
        "order": ("Замовлення", "Номер замовлення"),
        "total": ("Сума замовлення", "Сума"),
        "amount": ("Сума",),
        "price": ("Unit price",),
        "line_price": ("Price",),
        "quantity": ("Quantity",),
        "product": ("SKU",),
        "status": ("Статус", "Стан", "col_7"),
        "type": ("Type",),
        "refunded": ("Сума повернення",),
        "cancelled": ("cancelled_at",),
        "reference": ("Original Order",),
        "currency": ("Валюта",),
    },
    "th": {
        "customer": ("ลูกค้า", "รหัสลูกค้า"),
        "email": ("Email",),
        "date": ("วันที่", "วันที่สั่งซื้อ"),
        "order": ("เลขที่คำสั่งซื้อ",),
        "total": ("ยอดรวม",),
        "amount": ("ยอดขาย", "ยอดรวม"),
        "price": ("Unit price",),
        "line_price": ("ราคา",),
        "quantity": ("Quantity",),
        "product": ("SKU",),
        "status": ("สถานะ", "f7"),
        "type": ("Type",),
        "refunded": ("ยอดคืนเงิน",),
        "cancelled": ("cancelled_at",),
        "reference": ("Original Order",),
        "currency": ("Currency",),
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
    "uk": {
        "completed": ("Оплачено", "Виконано", "Доставлено"),
        "cancelled": ("Скасовано",),
        "pending": ("Очікує оплати",),
        "failed": ("Відхилено", "Неоплачено"),
        "refunded": ("Повернено",),
    },
    "th": {
        "completed": ("ชำระแล้ว", "สำเร็จ"),
        "cancelled": ("ยกเลิก",),
        "pending": ("รอชำระเงิน",),
        "failed": ("ล้มเหลว", "ยังไม่ชำระ"),
        "refunded": ("คืนเงินแล้ว",),
    },
}

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

#: Number style -> (thousands sign, decimal sign).
NUMBERS = {
    "plain": ("", "."),
    "english": (",", "."),
    "german": (".", ","),
    "german plain": ("", ","),
    "french": ("\u202f", ","),
    "blank": (" ", ","),
    "swiss": ("'", "."),
    "lakh": (",", "."),
}
