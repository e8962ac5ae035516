"""Candidate columns for each standard name, judged by heading, kind of values and levels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from cltv_ml.columns.compound import find_compound
from cltv_ml.columns.headings import (
    NOT_THE_PURCHASE,
    PER_LINE,
    PER_ORDER,
    SYNONYMS,
    plain_heading,
    plain_pattern,
)
from cltv_ml.columns.levels import LEVEL_NAMES, MOST_LEVELS, plain_level, read_level, tells_sales_apart
from cltv_ml.columns.mapping import REQUIRED, flag
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.words import words
from cltv_ml.engine import Relation
from cltv_ml.tables import TRANSACTIONS

_TIES = words("ties")

#: Levels that say what a line is, also where a heading calls them a status.
KINDS_OF_LINES = re.compile(
    "sales?|returns?|refunds?|exchanges?|invoices?|credit (note|memo)s?|verkauf|ruckgabe|retoure|rechnung|gutschrift"
    "|vente|retour|facture|avoir|venta|devolucion|factura|abono|vendita|reso|fattura|продажа|возврат"
)

#: Columns with these headings may have unknown levels: the user is asked what they mean.
_SURELY_LEVELS = re.compile(
    "^(order|sales?|payment|transaction|invoice|financial)?status(id|code)?$|^(order|payment|transaction|purchase|booking|trip|ride|subscription)state(id|code)?$|^(zahlungs|bestell|auftrags)status$|^(ord(er)?)?(stat|sts)(us)?(cd)?$"
)

#: A column called a status contains status codes if it has at most this many different numbers.
_MOST_CODES = 12

#: Words that can only mean the status of a sale, unlike "estado", which is also a state of a country.
_STATUS_OF_ORDERS = re.compile(
    "^(rendeles|fizetesi?)?(allapot|statusz)a?$|^(siparis|odeme)?durumu?$|^(tilauksen|maksun)?tila$|^trangthai(donhang|thanhtoan)?$"
    "|^statut((de)?(la)?(commande|facture|paiement))?$|^(bestel|betaal|ordre|order)status$|^status(zamowienia|platnosci|pesanan|pembayaran)$"
    "|^stav(objednavky|platby)$|^статус(заказа|оплаты|замовлення)?$|^(注文|受注)?(ステータス|状態)$|^(订单|交易|支付|付款)?(状态|狀態)$"
    "|^(주문|결제)?상태$|^สถานะ|^סטטוס|^وضعیت|^(ال)?حال[ةه]"
)

#: Headings of prices that customers pay.
_PRICE = re.compile(plain_pattern(words("overlooked")["price"]))

#: Headings of prices that others than these customers pay.
_LISTED_PRICE = re.compile("retail|^list|msrp|^rrp|^uvp|recommended|suggested")

#: The part of a nested record that its path begins with, where it says no more than that the field is the order's.
_CONTAINER = re.compile(
    r"^(orders?|((order|sales?|invoice)[ _]?)?(line[ _]?items?|lines?|items)|rows|products|positions?)(?=[./][A-Za-z])"
    r"|^order(?=[A-Z]\w*[.])|^(event[ _]?)?(properties|props|params|payload)(?=[./][A-Za-z])",
    re.I,
)

#: Headings of the time of an order, and of what follows it, such as the invoice.
_OF_ORDER = re.compile(plain_pattern(_TIES["headings"]["ordered"]))
_PAID_OR_SENT = re.compile(plain_pattern(_TIES["headings"]["later"]))
_FOLLOWING = re.compile(plain_pattern([*_TIES["headings"]["invoiced"], *_TIES["headings"]["later"]]))

#: Last parts of paths that name customers, and records of others.
_NAMES_CUSTOMERS = re.compile("mail|customer|buyer|shopper|client|kunde|guestid|memberid|userid")
_NO_CUSTOMERS = re.compile(
    "sell|vendor|merchant|shop(?!per)|store|staff|employ|agent|driver|courier|carrier|operator|creat|author|owner|manag|"
    "assign|company|location|branch|affiliate|referr|support|supplier|cashier|tracking|item|line|product"
)

#: Headings of payment fees.
_FEE = re.compile(
    "^(transaction|processing|payment|paypal|stripe|total)?fees?$|^commission|^gebuhr|^frais$|^comision"
)


def find_columns(
    name: str,
    unmapped: Sequence[str],
    kinds: Mapping[str, str],
    levels: Mapping[str, Sequence[str]],
    chosen: Mapping[str, str],
) -> list[str]:
    """Return the best candidate columns for a standard name; more than one if they are equally good."""
    if name in LEVEL_NAMES:
        kinds_of_lines = [column for column in unmapped if are_kinds(levels.get(column, ()))]
        fit = [
            column for column in unmapped if column in levels and _has_levels(name, column, levels[column])
        ]
        if name in ("status", "payment_status"):
            fit = [column for column in fit if column not in kinds_of_lines]
        return named(name, fit) or find_compound(name, fit) or (kinds_of_lines if name == "type" else [])
    candidates = _best(name, [column for column in unmapped if _fits(name, kinds[column])])
    if name == "discount_rate" and not candidates and "discount" not in chosen:
        candidates = [column for column in named("discount", unmapped) if kinds[column] == "rate"]
    if name == "refunded" and not candidates:
        candidates = find_compound(name, [column for column in unmapped if kinds[column] == "number"])
    if (
        name == "timestamp"
        and candidates
        and all(_FOLLOWING.search(plain_heading(date)) for date in candidates)
    ):
        dates = [date for date in unmapped if kinds[date] == "timestamp" and date not in candidates]
        plain = {date: plain_heading(re.split(r"\s/\s", date)[0]) for date in dates}
        candidates += [
            date
            for date in dates
            if _OF_ORDER.search(plain[date])
            and not NOT_THE_PURCHASE.search(plain[date])
            and not _FOLLOWING.search(plain[date])
        ]
        if all(_PAID_OR_SENT.search(plain_heading(date)) for date in candidates):
            candidates += named(name, [date for date in dates if not _FOLLOWING.search(plain[date])])
    # The heading is right and the values are bad: `clean` reports what is wrong with them.
    if not candidates and name in REQUIRED:
        candidates = named(name, unmapped) or (find_compound(name, unmapped) if name == "timestamp" else [])
        if name == "timestamp" and not candidates:
            candidates = [column for column in unmapped if "date" in plain_heading(column)]
            candidates = [
                column for column in candidates if not NOT_THE_PURCHASE.search(plain_heading(column))
            ]
    return candidates


def _has_levels(name: str, column: str, levels: Sequence[str]) -> bool:
    if name in ("test", "captured") and any(
        re.fullmatch(r"\d+[.,]?\d*", level) and float(level.replace(",", ".")) > 1 for level in levels
    ):
        return False  # money, not yes or no
    coded = 2 <= len(levels) <= _MOST_CODES and all(level.isdecimal() for level in levels)
    surely = name in ("status", "payment_status") and (
        (coded and bool(named(name, [column])))
        or _SURELY_LEVELS.match(plain_heading(column)) is not None
        or bool(_STATUS_OF_ORDERS.search(plain_heading(column)))
    )
    place = plain_heading(column).endswith("state") and all(
        re.fullmatch("[A-Z]{2}", level) for level in levels if level
    )
    return bool(levels) and ((surely and not place) or tells_sales_apart(name, levels))


def _fits(name: str, kind: str) -> bool:
    wanted = TRANSACTIONS.columns[name].kind if name in TRANSACTIONS.columns else None
    if name in ("unit_price", "unit_cost", "profit", "discount_rate", "returned_quantity"):
        wanted = "number"
    if wanted == "number":
        return kind == "number" or (kind == "rate" and name != "discount")
    return kind == "timestamp" if wanted == "timestamp" else True


#: Sums and counts whose headings contain "total", "amount" or "value" but which are not the price of a purchase.
_OTHER_SUMS = re.compile(
    "discount|rabatt|remise|descuento|desconto|sconto|korting|coupon|voucher|gutschein|promo|fee|gebuehr|commission"
    "|provision|comision|comissao|cost|kosten|payout|balance|saldo|tip$|tips|gratuity|deposit|points|punkte"
    "|items|orders|quantity|qty|count|weight|gewicht|lifetime|expens|ausgabe|aufwand|depense|gasto|despesa|spese|charges$"
)


def named(name: str, columns: Sequence[str]) -> list[str]:
    """Return the columns that match the most reliable synonym that occurs."""
    for plain_form in (plain_heading, _plain_inside, *(_plain_end,) * (name == "customer_id")):
        plain = {column: plain_form(column) for column in columns}
        for step in SYNONYMS[name]:
            headings = frozenset(step.split())
            matching = [column for column in columns if plain[column] in headings]
            if matching:
                return matching
    return []


@lru_cache(maxsize=20_000)
def _plain_inside(column: str) -> str:
    """Return a heading's plain form without the record's name and the object of an amount.

    A field of a nested record may be known without them.
    """
    return plain_heading(re.sub(r"(?<=\w)[./](value|amount)$", "", re.sub(_CONTAINER, "", column)))


@lru_cache(maxsize=20_000)
def _plain_end(column: str) -> str:
    """Return the plain form of the last part of a path that names a customer, unless another person's record has it.

    >>> _plain_end("BuyerInfo.BuyerEmail"), _plain_end("shipTo.email"), _plain_end("seller.email"), _plain_end("a.name")
    ('buyeremail', 'email', '', '')
    """
    *path, end = re.split("[./]", column)
    plain, others = plain_heading(end), _NO_CUSTOMERS.search(plain_heading("".join(path)))
    return plain if path and not others and _NAMES_CUSTOMERS.search(plain) else ""


def _best(name: str, columns: Sequence[str]) -> list[str]:
    """Return the columns whose heading is a synonym, else those whose heading contains a keyword."""
    matching = named(name, columns)
    likely = [column for column in columns if not NOT_THE_PURCHASE.search(plain_heading(column))]
    if not matching and name == "timestamp":
        return find_compound(name, columns) or likely
    if not matching and name != "refunded":
        matching = find_compound(name, columns)
    if not matching and name == "amount":
        telling = "amount|total|revenue|sales|spend|value|sum$"
        likely = [column for column in likely if not _OTHER_SUMS.search(plain_heading(column))]
        others = [other for other in SYNONYMS if other != name]
        likely = [column for column in likely if not any(named(other, [column]) for other in others)]
        return [column for column in likely if re.search(telling, plain_heading(column))]
    return matching


def look_at_levels(table: Relation, kinds: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the distinct values of columns whose heading suggests levels, if there are few."""
    headings = {
        word
        for name in (*LEVEL_NAMES, "refunded", "cancelled_at")
        for step in SYNONYMS[name]
        for word in step.split()
    }
    levels = {}
    put_together = {
        column for name in ("status", "payment_status") for column in find_compound(name, list(kinds))
    }
    for column in (
        column
        for column, kind in kinds.items()
        if kind != "empty" and (plain_heading(column) in headings or column in put_together)
    ):
        rows = table.rows(
            f"select distinct trim(cast({quote(column)} as varchar)) as level from {table} "
            f"where level <> '' limit {MOST_LEVELS + 1}"
        )
        if len(rows) <= MOST_LEVELS:
            levels[column] = sorted(str(level) for (level,) in rows)
    return levels


def likeliest_first(name: str, columns: Sequence[str]) -> list[str]:
    """Return the columns that could have a required name, sorted by how well their headings fit.

    >>> likeliest_first("customer_id", ["Location", "Order #", "Tab Names"])
    ['Tab Names', 'Location', 'Order #']
    """
    plain = {column: plain_heading(column) + "no" * column.rstrip().endswith("#") for column in columns}
    never, likely, unlikely = (
        re.compile(plain_pattern(_TIES[kind].get(name, ["$^"]))) for kind in ("never", "likely", "unlikely")
    )
    return sorted(
        columns,
        key=lambda column: tuple(
            bool(pattern.search(plain[column])) is (pattern is not likely)
            for pattern in (never, likely, unlikely)
        ),
    )


def speaks_of(name: str, column: str) -> bool:
    """Whether a heading mentions a required name; true for headings in other alphabets.

    >>> speaks_of("customer_id", "Rider"), speaks_of("customer_id", "Product Title")
    (True, False)
    """
    plain = plain_heading(column)
    likely, never = (re.search(plain_pattern(_TIES[kind][name]), plain) for kind in ("likely", "never"))
    return not plain.isascii() or (likely is not None and never is None)


def may_be(name: str, column: str) -> bool:
    """Whether a column's heading leaves open that it has a required name; only customers' headings exclude it.

    >>> may_be("customer_id", "Costs per customer"), may_be("customer_id", "Rider"), may_be("amount", "Tax")
    (False, True, True)
    >>> [may_be("customer_id", heading) for heading in ("Discount", "Billing account", "Order date", "SEPA mandate")]
    [False, True, False, True]
    """
    return name != "customer_id" or not re.search(plain_pattern(_TIES["never"][name]), plain_heading(column))


def offer(name: str, columns: Sequence[str], chosen: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the answers to the question of which column has a required name, and a remark on the first.

    >>> offer("amount", ["Retail Price", "Tax"], {"quantity": "Qty"})
    (['unit_price=Retail Price', 'amount=Retail Price', 'amount=Tax'], '')
    """
    ordered = likeliest_first(name, columns)
    answers = [f"{name}={column}" for column in ordered]
    if name == "customer_id" and ordered and not speaks_of(name, ordered[0]):
        remark = (
            " No heading mentions customers. If no column identifies them, customer lifetime value "
            "cannot be learned from this export."
        )
        return answers, remark
    if name != "amount" or "quantity" not in chosen:
        return answers, ""
    # Next to quantities a price is that of one item, unless it says otherwise.
    prices = [column for column in ordered if _PRICE.search(plain_heading(column))]
    prices = [
        column for column in prices if not PER_LINE.search(re.sub("^(item|unit)", "", plain_heading(column)))
    ]
    prices = sorted(prices, key=lambda column: bool(_LISTED_PRICE.search(plain_heading(column))))
    net = [f"amount={column}" for column in prices if "discount" in chosen and "net" in plain_heading(column)]
    if net:  # a price less the line's discount is the line's
        return [*net, *(answer for answer in answers if answer not in net)], ""
    cost = chosen.get("unit_cost")
    if not cost:
        return [f"unit_price={column}" for column in prices] + answers, ""
    remark = (
        f" If {cost!r} is the price that a customer pays for one item, use --mapping "
        f"{flag('unit_price', cost)}."
    )
    return [f"unit_price={column}" for column in [*prices, cost]] + answers, remark * (not prices)


def are_kinds(levels: Iterable[str]) -> bool:
    """Whether levels say of each line what it is, and some are sales and some take money back.

    >>> are_kinds(["Sale", "Return"]), are_kinds(["Sale", "Refunded"])
    (True, False)
    """
    plain = list(filter(None, map(plain_level, levels)))
    readings = {read_level("type", level) for level in plain}
    return all(map(KINDS_OF_LINES.fullmatch, plain)) and {"counts", "refund"} <= readings


def of_lines(candidates: Sequence[str]) -> list[str]:
    """Return the one column headed as a line total if all others are headed as order totals, else nothing."""
    lines = [column for column in candidates if PER_LINE.search(plain_heading(column))]
    order_totals = [column for column in candidates if column not in lines]
    return (
        lines
        if len(lines) == 1
        and order_totals
        and all(PER_ORDER.search(plain_heading(column)) for column in order_totals)
        else []
    )


def net_of(candidates: Sequence[str], columns: Sequence[str]) -> tuple[str, str] | None:
    """Return the one net column if the others are gross, and the reason; the gross one if there are fee columns."""
    net = [column for column in candidates if re.search("net", plain_heading(column))]
    gross = [column for column in candidates if re.search("gross|brut", plain_heading(column))]
    fees = [column for column in columns if _FEE.search(plain_heading(column)) and column not in candidates]
    if fees and len(candidates) == 2 and re.search("net(?!to)", "".join(map(plain_heading, net))):
        gross = [column for column in candidates if column not in net]
    if len(net) != 1 or not gross or len(candidates) != 1 + len(gross):
        return None
    if fees and len(gross) == 1:
        return gross[0], f"before the fees in {fees[0]!r}"
    return net[0], "the net amount"
