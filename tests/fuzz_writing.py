"""How a made-up shop writes its export: languages, signs, dates, layouts, statuses, refunds, identifiers, files."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from tests.fuzz_files import write_file
from tests.fuzz_shops import Line, Order
from tests.fuzz_style import Style
from tests.fuzz_words import LEVELS, NUMBERS, TYPES


@dataclass
class Export:
    """One export: where it lies, what it plays with, the answers to its questions and the words that tell of it."""

    source: Path | pd.DataFrame
    about: str
    mapping: dict[str, str]
    rules: dict[str, object]
    text: str
    telling: list[str] = field(default_factory=list)


def write_export(orders: list[Order], draw: random.Random, folder: Path) -> Export:
    """Return the orders as one author exports them; what happens to them is drawn with the way it is written."""
    style = Style(draw)
    _happen(orders, style)
    tell_tricks(orders, style)
    columns, rows = _table(orders, style)
    heading = {part: style.headings.get(part, part) for part in columns}
    heading |= {"mark": style.mark[0]} if style.oddity == "mark" else {}
    mapping = {name: heading[part] for name, part in _ROLES.items() if part in columns}
    if style.oddity == "mark":
        mapping[style.mark[3]] = style.mark[0]
    if style.oddity == "group totals":
        rows = _with_totals(orders, rows, columns, style)
    if style.oddity == "guarded":
        guarded = [place for place, part in enumerate(columns) if part in ("customer", "order")]
        rows = [
            [f'="{cell}"' if place in guarded and cell else cell for place, cell in enumerate(row)]
            for row in rows
        ]
    if style.footer and not style.typed:
        total = sum(order.total for order in orders)
        rows.append([style.money(total) if part == "amount" else "" for part in columns])
        rows[-1][0] = rows[-1][0] or "Total"
    source, text = write_file([heading[part] for part in columns], rows, style, folder)
    if style.oddity in ("mark", "returned"):
        mapping |= {"returned_quantity": heading["returned"]} if "returned" in columns else {}
    rules: dict[str, object] = {"decimal": NUMBERS[style.numbers][1]}
    if style.days in ("day first", "month first", "month first yy", "month first bare", "month first pm"):
        rules["day_first"] = str(style.days == "day first").lower()
    if style.oddity == "grouped":
        rules["fill_down"] = "true"
    if style.status:
        rules["status"] = [f"{level}:{_READ[state]}" for state, level in style.levels.items()]
    if style.trick == "currencies":
        rules["rates"] = ["EUR:1", "USD:1"]
        mapping["currency"] = style.money_of
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
    patterns = {
        "currencies": ["currenc"],
        "counts": ["AMOUNT"],
        "placeholder date": ["1970|1900|placeholder"],
        "scanned": ["equal|copies|duplicate"],
    }.get(style.trick, [])
    if style.guests:
        patterns.append(r"guest|placeholder|no person|no customer|stand for")
    if style.identity == "email case":
        patterns.append("capital|case")
    if style.identity in ("float", "blanks", "long"):
        patterns.append("spelled|written|space|decimal|identifier|sampled")
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
        elif style.oddity == "mark" and fate < 0.2:
            order.state = "cancelled"
        elif style.oddity == "returned" and fate < 0.3:
            order.given_back = order.lines[0].price
        elif style.cancelled and fate < 0.3:
            order.state = "cancelled"
        elif style.back != "none" and fate > 0.85:
            _give_back(order, style)
        if style.coupons and order.given_back == 0 and draw.random() < 0.2:
            order.discount = round(0.1 * order.total, 2)


def tell_tricks(orders: list[Order], style: Style) -> None:
    """Make the export harder in the drawn way, and the truth with it."""
    draw = style.draw
    style.money_of = draw.choice(("Currency", "Ccy", "Curr", "Unit"))
    if style.trick == "counts":
        style.headings["amount"] = "SALES_PRICE"
        style.trick = "counts" if style.layout == "orders" and style.language == "en" else ""
    if style.trick == "placeholder date":
        order = draw.choice(orders)
        order.when = datetime(draw.choice((1970, 1900)), 1, 1)
        order.given_back, order.given_back_on, order.undated, order.state = 0.0, None, True, "completed"
    if style.trick == "scanned" and style.layout == "lines" and style.with_order:
        for order in draw.sample(orders, 5):
            order.lines.insert(0, Line(order.lines[0].product, 1, order.lines[0].price))
            order.lines[1] = Line(order.lines[0].product, 1, order.lines[0].price)
            order.given_back, order.discount, order.state = 0.0, 0.0, "completed"
    if style.trick == "unknown level" and style.status:
        style.levels["completed"] = "B7"


def _give_back(order: Order, style: Style) -> None:
    whole = style.back == "status" or style.layout != "orders" or style.draw.random() < 0.5
    order.given_back = order.total if whole else round(order.total * 0.4, 2)
    order.given_back_on = order.when + timedelta(days=style.draw.randint(0, 9), seconds=3600)
    if style.back == "status":
        order.state = "refunded"


def _table(orders: list[Order], style: Style) -> tuple[list[str], list[list[Any]]]:
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
            "mark",
            "returned",
        )
        if any(part in record for record in records)
    ]
    columns += style.extras
    if style.trick in ("currencies", "currency"):
        columns.append(style.money_of)
    if style.trick == "counts":
        columns.append("AMOUNT")
    style.draw.shuffle(columns)
    fillers = {
        "Notes": lambda: style.draw.choice(("", "leave at door", 'call "first"', "a, b; c")),
        "Line": lambda: str(style.draw.randint(1, 9)),
        "Name": lambda: "N. N.",
        "Tax": lambda: style.money(0, bare=True),
        "Shipping": lambda: style.money(0, bare=True),
        "f": lambda: style.draw.choice("xyz"),
        "Warehouse": lambda: style.draw.choice(("North", "South")),
        "Fulfillment Status": lambda: style.draw.choice(("fulfilled", "unfulfilled", "")),
        "Cost": lambda: style.money(1.25, bare=True),
        style.money_of: lambda: style.draw.choice(
            ("EUR", "USD") if style.trick == "currencies" else ("usd", "USD")
        ),
        "AMOUNT": lambda: style.draw.choice("111236"),
    }
    return columns, [
        [record[part] if part in record else fillers[part]() if part in fillers else "" for part in columns]
        for record in records
    ]


def _records(order: Order, style: Style) -> list[dict[str, Any]]:
    """Return an order's rows, and those that give money back."""
    head = {"date": style.date(order.when), "customer": style.customer(order.customer)}
    if style.with_order:
        head["order"] = str(order.number)
    if style.status:
        head["status"] = style.levels[order.state]
    sale, refund = style.types if hasattr(style, "types") else _draw_types(style)
    if style.back in ("typed", "typed negative"):
        head["type"] = sale
    if style.cancelled:
        head["cancelled"] = style.date(order.when) if order.state == "cancelled" else ""
    rows = [{**head, **record} for record in _sold(order, style)]
    if style.oddity == "mark":
        rows = [{**row, "mark": style.mark[1 if order.state == "cancelled" else 2]} for row in rows]
    if style.oddity == "returned":
        rows = [
            {**row, "returned": str(int(number == 0 and order.given_back > 0))}
            for number, row in enumerate(rows)
        ]
    if style.oddity == "grouped":
        blank = dict.fromkeys(("order", "date", "customer"), "")
        rows = [{**row, **blank} if number else row for number, row in enumerate(rows)]
    if style.back == "column":
        for number, row in enumerate(rows):
            row["refunded"] = style.money(order.given_back) if number == 0 or style.layout == "filled" else ""
    if style.back in ("negative", "referenced", "typed", "typed negative") and order.given_back:
        sign = 1 if style.back == "typed" else -1
        back = {
            **head,
            "date": style.date(order.given_back_on),
            "amount": style.money(sign * order.given_back),
        }
        if style.back == "referenced":
            back |= {"order": str(order.number + 900000), "reference": str(order.number)}
        if "type" in head:
            back["type"] = refund
        rows += _taken_back(order, style, back, sign)
    return rows


def _with_totals(
    orders: list[Order], rows: list[list[Any]], columns: list[str], style: Style
) -> list[list[Any]]:
    """Return rows in the order of their customers, each customer's below with the total."""
    groups: dict[int | None, list[int]] = {}
    for place, order in enumerate(orders):
        groups.setdefault(order.customer, []).append(place)
    found = []
    for customer, places in groups.items():
        found += [rows[place] for place in places]
        total = style.money(sum(orders[place].total for place in places))
        named = {"customer": f"Total {style.customer(customer)}", "amount": total}
        found.append([named.get(part, "") for part in columns])
    return found


def _draw_types(style: Style) -> tuple[str, str]:
    style.types = style.draw.choice(TYPES[style.language])
    return style.types


def _sold(order: Order, style: Style) -> list[dict[str, Any]]:
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


def _taken_back(order: Order, style: Style, back: dict[str, Any], sign: int) -> list[dict[str, Any]]:
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
