"""What the author of a generated export decides: language, signs, dates, layout, refunds, identifiers, file."""

from __future__ import annotations

import random
import re
from datetime import datetime

from tests.fuzz_words import DATES, DIGITS, HEADINGS, MARKS, NUMBERS

#: What makes some exports harder than most.
TRICKS = ("currencies", "currency", "counts", "placeholder date", "scanned", "unknown level")


class Style:
    """What one export's author decided."""

    def __init__(self, draw: random.Random) -> None:
        pick = draw.choice
        self.draw = draw
        self.language = pick(("en", "en", "en", "de", "de", "fr", "es", "uk", "th"))
        european = self.language != "en" and draw.random() < 0.8
        self.numbers = (
            pick(("german", "german plain", "french", "blank"))
            if european
            else pick(("plain", "plain", "english", "swiss", "lakh"))
        )
        self.whole_signs = draw.random() < 0.3
        self.currency = pick(("", "", "", "€", "EUR", "$", "US$", "R$", "kr", "£"))
        self.currency_after = draw.random() < 0.5
        self.minus = pick(("-", "-", "-", "()", "trailing", "\u2212"))
        self.days = pick(tuple(DATES))
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
            ("Notes", "Line", "Name", "Tax", "Shipping", "f", "Warehouse", "Fulfillment Status", "Cost"),
            draw.randint(0, 3),
        )
        self.headings = {part: pick(names) for part, names in HEADINGS[self.language].items()}
        self.titled = draw.random() < 0.08
        self.footer = draw.random() < 0.08
        self.kind = pick(
            ("csv", "csv", "csv", "csv", "csv", "xlsx", "json", "jsonl", "frame", "parquet", "zip")
        )
        self.typed = self.kind in ("xlsx", "json", "frame", "parquet") and draw.random() < 0.5
        self.digits = pick(DIGITS) if self.kind in ("csv", "zip") and draw.random() < 0.06 else ""
        self.repeated = self.kind in ("csv", "zip") and draw.random() < 0.06
        self.trick = pick(TRICKS) if draw.random() < 0.4 else ""
        self.oddity = self._draw_oddity() if draw.random() < 0.4 else ""
        if not self.with_order and self.back in ("referenced", "typed", "column"):
            self.back = "none"

    def _draw_oddity(self) -> str:
        """Return something that this author does besides, where nothing else stands in its way."""
        plain = self.back == "none" and not (self.status or self.cancelled or self.coupons or self.guests)
        fitting = ["mark"] if plain and self.layout in ("orders", "lines", "lines price") else []
        if plain and self.with_order and self.layout in ("lines", "lines price") and not self.trick:
            fitting += ["grouped"]
        if plain and self.layout == "lines price":
            fitting += ["returned"]
        if plain and self.layout == "orders" and not self.trick:
            fitting += ["cents", "group totals"]
        if self.kind == "csv":
            fitting += ["guarded"]
        oddity = self.draw.choice(fitting) if fitting else ""
        if oddity == "mark":
            self.mark = self.draw.choice(MARKS)
        if oddity in ("cents", "group totals", "grouped", "guarded"):
            self.typed = False
        if oddity == "cents":
            self.numbers, self.currency, self.footer = "plain", "", False
            self.headings["amount"] = self.draw.choice(("amount_cents", "Total (cents)", "Betrag in Cent"))
        if oddity == "group totals":
            self.footer = False
        if oddity == "returned":
            self.headings["returned"] = self.draw.choice(("Returned Qty", "qty_refunded", "Retourenmenge"))
        return oddity

    @property
    def about(self) -> str:
        """All decisions in one line."""
        skipped = ("draw", "headings")
        return ", ".join(
            f"{name} {value}" for name, value in vars(self).items() if name not in skipped and value
        )

    def date(self, when: datetime) -> object:
        """Return a moment as this author writes it."""
        return (
            (f"{when:%Y-%m-%d %H:%M:%S}" if self.kind == "json" else when)
            if self.typed
            else DATES[self.days](when)
        )

    def money(self, amount: float, bare: bool = False) -> object:
        """Return an amount as this author writes it."""
        if self.typed:
            return amount
        if self.oddity == "cents" and not bare:
            return str(round(amount * 100))
        thousands, decimal = NUMBERS[self.numbers]
        digits = f"{abs(amount):,.2f}"
        if self.numbers == "lakh":
            digits = re.sub(r"(?<=\d)(?=(\d\d)+\d\.)", ",", digits.replace(",", ""))
        if self.whole_signs and amount == int(amount):
            digits = digits[:-3]
        text = digits.translate({ord(","): thousands, ord("."): decimal})
        if self.currency and not bare:
            text = f"{text} {self.currency}" if self.currency_after else f"{self.currency}{text}"
        if amount >= 0:
            return text
        return {"()": f"({text})", "trailing": f"{text}-"}.get(self.minus, f"{self.minus}{text}")

    def customer(self, number: int | None) -> object:
        """Return a customer's identifier, not always spelled alike."""
        if self.typed and self.identity == "number" and self.guests in ("", "empty"):
            return number
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
