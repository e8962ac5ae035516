"""Made-up shops of a few customers: orders with lines, money given back, and what is right of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass
class Line:
    """One product of an order; money in currency."""

    product: str
    quantity: int
    price: float

    @property
    def total(self) -> float:
        """Quantity times price."""
        return round(self.quantity * self.price, 2)


@dataclass
class Order:
    """One order; `given_back` is what a refund took away, `customer` None for a guest."""

    number: int
    customer: int | None
    when: datetime
    lines: list[Line] = field(default_factory=list)
    state: str = "completed"
    given_back: float = 0.0
    given_back_on: datetime | None = None
    discount: float = 0.0
    undated: bool = False

    @property
    def total(self) -> float:
        """Sum of the lines, less the coupon."""
        return round(sum(line.total for line in self.lines) - self.discount, 2)

    @property
    def net(self) -> float:
        """What counts as revenue."""
        if self.undated or self.state in ("cancelled", "pending", "failed"):
            return 0.0
        return round(self.total - self.given_back, 2)


def draw_orders(draw: random.Random) -> list[Order]:
    """Return the orders of a shop, in order of time; what happened to them is drawn when they are written."""
    whole = draw.random() < 0.25
    products = {
        f"{draw.choice('ABCDE')}{number}": float(draw.randint(20, 4000))
        if whole
        else draw.randint(150, 150000) / 100
        for number in range(101, 101 + draw.randint(4, 9))
    }
    customers = [draw.randint(100, 99999) for _ in range(draw.randint(4, 12))]
    start = datetime(draw.choice((2021, 2023, 2024)), draw.randint(1, 12), draw.randint(1, 28))
    orders = []
    for number in range(draw.randint(25, 60)):
        when = start + timedelta(days=draw.randint(0, 400), seconds=draw.randint(0, 86399))
        lines = [
            Line(code, draw.choice((1, 1, 2, 3, 5)), products[code])
            for code in draw.sample(sorted(products), draw.choice((1, 1, 2, 3)))
        ]
        orders.append(Order(0, customers[number % len(customers)], when, lines))
    orders.sort(key=lambda order: order.when)
    first = draw.choice((1, 1001, 70001, 5500001))
    for number, order in enumerate(orders):
        order.number = first + number
    return orders
