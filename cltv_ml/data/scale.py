"""Scale of a money column: per item, per line, or no money at all; the data decide, headings are the prior."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cltv_ml.data.headings import plain_heading, unit_of
from cltv_ml.data.mapping import ask, flag, is_open_name
from cltv_ml.data.numerals import WHOLE_CURRENCIES
from cltv_ml.data.parse import Columns
from cltv_ml.data.questions import Question, QuestionsError
from cltv_ml.data.rules import Rules
from cltv_ml.data.source_columns import quote
from cltv_ml.engine import Relation, keep_first, quoted
from cltv_ml.errors import InputError
from cltv_ml.money import THOUSANDTHS

#: Fewest lines with a quantity unlike the product's usual one that count as evidence unless they agree exactly.
_LINES = 30
_EXACT_LINES = 4

#: The proposed name of a column, and its name if it contains the other kind of money.
_OTHER = {"unit_price": "amount", "amount": "unit_price", "cost": "unit_cost", "unit_cost": "cost"}

#: Headings of product names, for sources without a product id.
_GOODS = re.compile(
    "descri|beschreib|bezeichn|artikel|produ[ck]t|item|title|titel|libelle|omschrijv|^name$|nazwa"
)

#: Headings that may mean money or a number of items, and headings of money next to them.
_AMOUNTS = re.compile("^(amount|value|total|betrag|montant|importe|monto|sales)$")
_PRICES = re.compile("price|preis|prix|precio|prezzo|preco|sales|revenue|umsatz|erlos|turnover")


@dataclass(frozen=True)
class Growth:
    """How a column grows with the quantity within a product."""

    lines: int
    slope: float  # 0 per item, 1 per line
    off_item: float  # deviation from a constant unit price, on the log scale
    off_line: float  # deviation from proportionality to the quantity

    @property
    def off(self) -> float:
        """The smaller of the two deviations."""
        return min(self.off_item, self.off_line)

    @property
    def is_evidence(self) -> bool:
        """Whether enough lines agree, or a few agree to the cent."""
        exact = self.off < 0.005 < max(self.off_item, self.off_line)
        return self.lines >= _LINES or (self.lines >= _EXACT_LINES and exact)


def settle_units(
    table: Relation,
    kinds: Mapping[str, str],
    mapping: Mapping[str, str],
    explicit: Mapping[str, str | None],
) -> tuple[dict[str, str], list[str]]:
    """Return a mapping with a column of item counts as quantity instead of amount, and a note.

    A column headed only amount counts items if it contains small integers, many of them 1, next to a column of prices
    or sales.

    Raises
    ------
    QuestionsError
        Several columns could be the amount.
    """
    column = mapping.get("amount", "")
    if not column or {"amount", "quantity"} & set(explicit) or "quantity" in mapping:
        return dict(mapping), []
    columns = _some_lines(table)
    settled = {name: source for name, source in mapping.items() if name not in ("unit_price", "amount")}
    prices = [
        price
        for price, kind in kinds.items()
        if kind in ("number", "rate")
        and price != column
        and price not in settled.values()
        and _PRICES.search(plain_heading(price))
        and not _counts_items(columns, price)
    ]
    if not _AMOUNTS.match(plain_heading(column)) or not prices or not _counts_items(columns, column, 0.0):
        return dict(mapping), []
    if not _counts_items(columns, column):
        text = (
            f"column {column!r} contains small integers next to {prices[0]!r} and may be the quantity or the "
            f"amount. {ask(['amount'], column)}, or --mapping {flag('amount', prices[0])} with --mapping "
            f"{flag('quantity', column)} if it is the quantity."
        )
        raise QuestionsError([Question(text, (f"amount={column}", f"amount={prices[0]},quantity={column}"))])
    if len(prices) > 1:
        text = (
            f"column {column!r} contains quantities rather than money, and columns {prices} could each be "
            f"the amount. {ask(['amount'], prices[0])}, and --mapping quantity={column}."
        )
        raise QuestionsError([Question(text, tuple(f"amount={price}" for price in prices))])
    note = (
        f"Column {column!r} contains small integers next to {prices[0]!r}, so it was read as quantity "
        "rather than money."
    )
    return {**settled, "quantity": column, "unit_price": prices[0]}, [note]


def settle_scale(
    table: Relation, mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> tuple[dict[str, str], list[str]]:
    """Return a mapping with prices and costs per item or per line, as the data show, and notes.

    Within a product, a price per item does not depend on the quantity, and a line total is proportional to it; a cost
    is also compared with the price of its line. The first 20,000 rows decide. What the user mapped stays, with a note
    if the data contradict it.

    Raises
    ------
    QuestionsError
        A column is neither clearly, or its heading is only "cost" and too few lines decide.
    """
    settled, notes, columns = dict(mapping), [], None
    for name, opposite in _OTHER.items():
        column = settled.get(name)
        if column is None or opposite in settled or "quantity" not in settled or column != mapping.get(name):
            continue
        columns = columns or _some_lines(table)
        growth = growth_of(columns, settled, column)
        if growth is None or not growth.is_evidence:
            if name == "cost" and name not in explicit and is_open_name(column):
                _ask_if_quantities_differ(columns, settled["quantity"], column)
            continue
        per_line = name in ("amount", "cost")
        if name == "amount" and growth.off_item > 0.1:
            continue  # not a unit price either: perhaps an order total
        if 0.25 < growth.slope < 0.75 and name in explicit:
            notes.append(
                f"When the quantity doubles, column {column!r} is multiplied by {2**growth.slope:.2f}, "
                f"which fits neither a unit price nor a line total. It was read as {name} because the "
                "mapping says so."
            )
            continue
        if 0.25 < growth.slope < 0.75:
            text = (
                f"column {column!r} may be money per item or per line: when the quantity doubles, it is "
                f"multiplied by {2**growth.slope:.2f}. {ask([name, opposite], column)}."
            )
            raise QuestionsError([Question(text, (f"{name}={column}", f"{opposite}={column}"))])
        if (growth.slope > 0.5) == per_line:
            continue
        scale = "a line total" if growth.slope > 0.5 else "a unit price"
        evidence = (
            f"Column {column!r} {'grows with' if growth.slope > 0.5 else 'does not depend on'} the quantity"
        )
        if name in explicit:
            notes.append(f"{evidence}, like {scale}. It was read as {name} because the mapping says so.")
            continue
        settled[opposite] = settled.pop(name)
        if not is_open_name(column):
            notes.append(
                f"{evidence}, so it was read as {scale} (--mapping {name}={column} reads it as {name})."
            )
    return settled, notes


def _some_lines(table: Relation) -> Columns:
    return Columns(keep_first(table, 20_000), Rules(day_first=True))


def _number(columns: Columns, column: str) -> str:
    try:
        return columns.number(column)
    except InputError:  # the decimal separator is unknown and asked later
        return Columns(columns.table, Rules(decimal=".")).number(column)


def _counts_items(columns: Columns, column: str, least: float = 0.1) -> bool:
    """Whether a column contains small integers, at least a share of them 1."""
    value = f"abs({_number(columns, column)})"
    whole, ones, middle, rows = columns.row(
        f"select bool_and(v = floor(v)), avg(cast(v = 1 as integer)), median(v), count(v) "
        f"from (select {value} as v from {columns.table})"
    )
    return bool(rows and whole and ones >= least and middle <= 6)


def doubt_parts(
    table: Relation, mapping: Mapping[str, str], files: Sequence[tuple[str, int]], rules: Rules
) -> list[Question]:
    """Ask if one of several files seems to be in cents and the others are not.

    Its amounts are integers, not all of them multiples of 100, and their median is about a hundred times that of the
    other files, which have decimals.

    Parameters
    ----------
    files
        Name and first `source_row` of each file.
    """
    column = mapping.get("amount") or mapping.get("unit_price", "")
    if len(files) < 2 or not column or rules.money_unit is not None:
        return []
    value = Columns(table, Rules(), ask=False).number(column)
    cases = " ".join(
        f"when source_row >= {start} then {place}" for place, (_, start) in reversed(list(enumerate(files)))
    )
    medians = table.rows(
        f"select case {cases} end as part, median(abs(v)), bool_and(v = floor(v)), bool_or(v % 100 <> 0) "
        f"from (select source_row, {value} as v from {table}) where v <> 0 group by 1"
    )
    broken = [middle for _, middle, whole, _ in medians if not whole]
    cents = [
        (files[int(place)][0], middle)
        for place, middle, whole, odd in medians
        if broken and whole and odd and middle / max(broken) >= 30 and middle / min(broken) <= 300
    ]
    if not cents:
        return []
    name, middle = cents[0]
    text = (
        f"the numbers in column {column!r} of {name!r} are integers, and their median is "
        f"{middle / min(broken):,.0f} times that of the other files, which have decimals. The file may be in "
        "cents: convert the files to one unit, or use --rule money_unit=1 if the numbers are correct."
    )
    return [Question(text, ("money_unit=1",))]


#: Headings that identify exports of payment services, which are in cents.
_OF_PAYMENTS = re.compile(
    "^psp|^capture(id|d?at)|^captured?amount|^charge(id)?$|^refundid|paymentintent|paymentid|balancetransaction"
    "|^(amount|total|price|money)(value|amount|minor)$|moneyamount$|^amountmoney|^(currency)?exponent$|^minorunits?$|^(currency)?decimal(s|places)$|^amountscale$"
    "|^merchant(reference|account|id)|^livemode$|^amount(refunded|captured|capturable|received)$|^settlementid|^payoutid|klarna|adyen|stripe|mollie|checkoutid"
)

#: Identifiers from the APIs of such services, for example txn_01hv8wptq8987qeep44cyrewp9.
_OF_INTERFACES = re.compile(r"[a-z]{2,6}_[0-9A-Za-z]{10,}")


def _of_interface(table: Relation) -> bool:
    """Whether the first row contains an identifier from a payment service's API."""
    texts = ", ".join(quoted(name) for name, kind in table.kinds.items() if kind == "VARCHAR")
    rows = table.rows(f"select {texts} from {table} limit 1") if texts else []
    return any(_OF_INTERFACES.fullmatch(str(value)) for row in rows for value in row)


def doubt_cents(table: Relation, mapping: Mapping[str, str], rules: Rules) -> list[Question]:
    """Ask whether a payment service's amounts are cents, if all are large integers."""
    columns = Columns(table, Rules(), ask=False)
    headings = map(plain_heading, columns.kinds)
    if not any(map(_OF_PAYMENTS.search, headings)) and not _of_interface(table):
        return []
    middle = _median_of_cents(columns, mapping, rules, smallest=100, odd_share=0)
    if middle is None:
        return []
    text = (
        f"the numbers in column {mapping['amount']!r} are integers with a median of {middle:,.0f}, and "
        "payment services export cents. Use --rule money_unit=0.01 if these are cents, or --rule "
        "money_unit=1 if they are not."
    )
    return [Question(text, ("money_unit=0.01", "money_unit=1"))]


def tell_of_cents(table: Relation, mapping: Mapping[str, str], rules: Rules) -> list[str]:
    """Return a note if a currency with cents has only integer amounts, few of them round: they may be cents."""
    if not mapping.get("currency"):
        return []
    columns = Columns(table, Rules(), ask=False)
    middle = _median_of_cents(columns, mapping, rules, smallest=0, odd_share=0.3)
    if middle is None:
        return []
    return [
        f"The numbers in column {mapping['amount']!r} are integers with a median of {middle:,.0f} and were "
        "read unchanged. If they are cents, use --rule money_unit=0.01."
    ]


def _median_of_cents(
    columns: Columns, mapping: Mapping[str, str], rules: Rules, *, smallest: int, odd_share: float
) -> float | None:
    """Return the median of amounts that may be cents; None if they are not or if their unit is known.

    At least three amounts of `smallest` or more must be integers, and a share of them no multiples of 10.
    """
    column, currency = mapping.get("amount", ""), mapping.get("currency", "")
    if not column or rules.money_unit is not None or rules.rates or unit_of(column):
        return None
    code = f"upper({columns.identifier(currency)})" if currency else "''"
    count, whole, odd, middle, cents = columns.row(
        f"select count(*), bool_and(v = floor(v)), avg(cast(v % 10 <> 0 as integer)), median(abs(v)), "
        f"bool_and(code not in {WHOLE_CURRENCIES + THOUSANDTHS}) "
        f"from (select {columns.number(column)} as v, {code} as code from {columns.table} limit 20000) "
        f"where v <> 0 and abs(v) >= {smallest}"
    )
    if count < 3 or not whole or odd < odd_share or middle < 300 or not cents:
        return None
    return float(middle)


def _ask_if_quantities_differ(columns: Columns, quantity: str, column: str) -> None:
    """Raise QuestionsError if a column called only cost may be per item or per line, and the two differ."""
    [differs] = columns.row(f"select bool_or(abs({_number(columns, quantity)}) <> 1) from {columns.table}")
    if differs:
        text = (
            f"column {column!r} may be the cost of one item or of the whole line, and there are too few "
            f"lines to tell. {ask(['unit_cost', 'cost'], column)}."
        )
        raise QuestionsError([Question(text, (f"unit_cost={column}", f"cost={column}"))])


def growth_of(columns: Columns, mapping: Mapping[str, str], column: str) -> Growth | None:
    """Return how a column grows with the quantity; None if neither products nor, for costs, prices show it.

    Values are compared within a product, costs also with the price of their line; the closer of the two fits counts.
    """
    headed = [name for name in columns.kinds if _GOODS.search(plain_heading(name))]
    goods = mapping.get("product_id") or next((name for name in headed if name not in mapping.values()), "")
    groupings = [(quote(goods), "1")] if goods else []
    if column in (mapping.get("cost"), mapping.get("unit_cost")) and (price := _price(columns, mapping)):
        groupings.append(("1", price))
    measured = [_growth_within(columns, mapping["quantity"], column, *grouping) for grouping in groupings]
    measurable = [growth for growth in measured if growth is not None]
    if not goods and "category" in mapping:  # prices differ within a category: only exact totals are evidence
        shared = _growth_within(columns, mapping["quantity"], column, quote(mapping["category"]), "1")
        measurable += [growth for growth in (shared,) if growth and growth.off_line < 0.005 < growth.off_item]
    return min(measurable, key=lambda growth: (not growth.is_evidence, growth.off), default=None)


def _price(columns: Columns, mapping: Mapping[str, str]) -> str:
    """Return SQL for the unit price of a line; empty if unknown."""
    if "amount" in mapping:
        return f"({_number(columns, mapping['amount'])}) / ({_number(columns, mapping['quantity'])})"
    return _number(columns, mapping["unit_price"]) if "unit_price" in mapping else ""


def _growth_within(columns: Columns, quantity: str, column: str, group: str, per: str) -> Growth | None:
    """Return how a column in units of `per` grows with the quantity within groups; None if quantities are equal."""
    value, quantity = _number(columns, column), _number(columns, quantity)
    lines, slope, off_item, off_line = columns.row(
        f"with line as (select ln({value}) - ln({per}) as v, ln({quantity}) as q, {group} as g "
        f"from {columns.table} where {value} > 0 and {quantity} > 0 and {per} > 0), "
        "moved as (select v - avg(v) over (partition by g) as v, q - avg(q) over (partition by g) as q from line) "
        "select count(*) filter (where abs(q) > 1e-9), sum(v * q) / nullif(sum(q * q), 0), "
        "sqrt(avg(v * v) filter (where abs(q) > 1e-9)), sqrt(avg((v - q) * (v - q)) filter (where abs(q) > 1e-9)) "
        "from moved"
    )
    return Growth(lines, float(slope), float(off_item), float(off_line)) if lines else None
