"""Grains: the meaning of one row at each grain, and the columns that an expression may read there.

All quantities are whole numbers, so that a total never depends on row order, shards or engine:
`day` counts days since 1970-01-01, `second` seconds since midnight, `month` months since year 0, money is
in units of 1 / MONEY_SCALE of the currency and quantities in units of 1 / ITEM_SCALE items.

A purchase is a line whose amount is not negative; a line with a negative amount is a return, which is
counted under the `return` columns only. Without order ids, all purchases of a day are one order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Quantities are summed as integers of this fraction of an item.
ITEM_SCALE = 1_000

_BOUGHT = "filter (where amount >= 0)"
_RETURNED = "filter (where amount < 0)"
_TIME = "cast(day as bigint) * 86400 + second"


@dataclass(frozen=True)
class GrainColumn:
    """A column of a grain: its SQL, its meaning, and the log columns that it needs."""

    sql: str
    doc: str
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Grain:
    """Meaning of a row.

    `time` is the column that `@last` compares, `requires` the log column or `table.column`
    without which there are no such rows. A grain without columns is open: at `customer` the columns are other
    features, at `attribute` those of the extra table `customers`.
    """

    name: str
    doc: str
    columns: Mapping[str, GrainColumn] = field(default_factory=dict)
    time: str = "day"
    requires: str = ""

    def needs(self, word: str) -> frozenset[str]:
        """Return the inputs of an expression that reads `word`."""
        if self.name == "attribute":
            return frozenset({f"customers.{word}"}) - {"customers.valid_day"}
        return self.columns[word].needs if word in self.columns else frozenset()


def _grain_column(sql: str, doc: str, *needs: str) -> GrainColumn:
    return GrainColumn(sql, doc, frozenset(needs))


_ORDER = {
    "day": _grain_column("day", "day of these lines"),
    "second": _grain_column(f"min(second) {_BOUGHT}", "second of the day of the first line"),
    "lines": _grain_column(f"count(*) {_BOUGHT}", "purchase lines"),
    "amount": _grain_column(f"coalesce(sum(amount) {_BOUGHT}, 0)", "spend"),
    "is_first": _grain_column("", "true in one row per order, on the day it was placed"),
    "items": _grain_column(f"coalesce(sum(quantity) {_BOUGHT}, 0)", "items bought", "quantity"),
    "products": _grain_column(f"count(distinct product_id) {_BOUGHT}", "distinct products", "product_id"),
    "discount": _grain_column(f"coalesce(sum(discount) {_BOUGHT}, 0)", "discount received", "discount"),
    "full_price_lines": _grain_column(
        "count(*) filter (where amount >= 0 and coalesce(discount, 0) = 0)",
        "purchase lines without discount",
        "discount",
    ),
    "margin": _grain_column(
        f"coalesce(sum(amount - cost) {_BOUGHT}, 0)", "spend minus cost, where known", "cost"
    ),
    "net_margin": _grain_column(
        "coalesce(sum(amount - cost), 0)", "margin, less that of what came back", "cost"
    ),
    "costed_amount": _grain_column(
        "coalesce(sum(amount) filter (where amount >= 0 and cost is not null), 0)",
        "spend on lines whose cost is known",
        "cost",
    ),
    "costed_lines": _grain_column(
        "count(*) filter (where amount >= 0 and cost is not null)",
        "purchase lines whose cost is known",
        "cost",
    ),
    "loss_lines": _grain_column(
        "count(*) filter (where amount >= 0 and amount < cost)", "purchase lines sold below cost", "cost"
    ),
    "channel": _grain_column(f"min(channel) {_BOUGHT}", "channel; the first by name if mixed", "channel"),
    "return_lines": _grain_column(f"count(*) {_RETURNED}", "return lines"),
    "return_amount": _grain_column(f"coalesce(-sum(amount) {_RETURNED}, 0)", "value returned, positive"),
}

_DAY_COLUMNS = {
    "day": _grain_column("day", "purchase day"),
    "month": _grain_column("max(month)", "calendar month, counted from year 0; `month % 12` is 0 in January"),
    "second": _grain_column("min(second)", "second of the day of the first purchase"),
    "amount": _grain_column("sum(amount)", "spend of the day"),
    "products": _grain_column("sum(products)", "distinct products of the day's orders", "product_id"),
    "discount": _grain_column("sum(discount)", "discount received on the day", "discount"),
    "gap": _grain_column("", "days since the previous purchase day, missing on the first"),
    "number": _grain_column("", "1 on the first purchase day, 2 on the second ..."),
}


def _group(key: str) -> Mapping[str, GrainColumn]:
    recent = "quantity > 0 and day >= @cutoff - 180"
    return {
        key: _grain_column(key, "its name"),
        "lines": _grain_column("count(*)", "purchase lines"),
        "amount": _grain_column("sum(amount)", "spend"),
        "first_day": _grain_column("min(day)", "first purchase day"),
        "last_day": _grain_column("max(day)", "last purchase day"),
        "first_time": _grain_column(f"min({_TIME})", "first purchase, seconds since 1970"),
        "last_time": _grain_column(f"max({_TIME})", "last purchase, seconds since 1970"),
        "items": _grain_column(_counted("quantity", "quantity > 0"), "items bought", "quantity"),
        "priced_amount": _grain_column(
            _counted("amount", "quantity > 0"), "spend on these items", "quantity"
        ),
        "recent_items": _grain_column(_counted("quantity", recent), "items of the last 180 days", "quantity"),
        "recent_amount": _grain_column(_counted("amount", recent), "spend on those items", "quantity"),
    }


def _counted(column: str, condition: str) -> str:
    return f"coalesce(sum({column}) filter (where {condition}), 0)"


GRAINS: Mapping[str, Grain] = {
    grain.name: grain
    for grain in (
        Grain("order", "the lines of one order on one day", _ORDER),
        Grain("day", "one day with a purchase", _DAY_COLUMNS),
        Grain("product", "one product the customer bought", _group("product_id"), "last_day", "product_id"),
        Grain("category", "one category the customer bought", _group("category"), "last_day", "category"),
        Grain(
            "attribute", "one dated state of the customer", time="valid_day", requires="customers.customer_id"
        ),
        Grain(
            "contact",
            "the campaign contacts and responses of one day",
            {
                "day": _grain_column("day", "day"),
                "contacts": _grain_column("sum(contacts)", "contacts of the day"),
                "responses": _grain_column("sum(responses)", "responses of the day", "contacts.responded_at"),
            },
            requires="contacts.customer_id",
        ),
        Grain("customer", "one customer; the columns are other features"),
    )
}
