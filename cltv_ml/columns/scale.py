"""Scale of a money column: per item, per line, or no money at all; the data decide, headings are the prior."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.mapping import ask, flag, is_open_name
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question, QuestionsError
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import Relation, keep_first
from cltv_ml.errors import InputError

#: Fewest lines with a quantity unlike the product's usual one that count as evidence unless they agree exactly.
_LINES = 30
_EXACT_LINES = 4

#: Fewest lines with a cost that show that it is the price.
_FEWEST_COSTS = 20

#: Most columns among which a product is looked for, and the share of lines on which it must be right.
_COMPARED, _AGREEING = 6, 0.95

#: The proposed name of a column, and its name if it contains the other kind of money.
_OTHER = {"unit_price": "amount", "amount": "unit_price", "cost": "unit_cost", "unit_cost": "cost"}

#: Headings of product names, for sources without a product id.
_GOODS = re.compile(
    "descri|beschreib|bezeichn|artikel|produ[ck]t|item|title|titel|libelle|omschrijv|^name$|nazwa|^na[mv]n$|benamning|betegn|megnevez|^nimi"
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
    if not _AMOUNTS.match(plain_heading(column)):
        return _settle_counted(columns, kinds, mapping, column)
    if not prices or not _counts_items(columns, column, 0.0):
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


def _settle_counted(
    columns: Columns, kinds: Mapping[str, str], mapping: Mapping[str, str], column: str
) -> tuple[dict[str, str], list[str]]:
    """Return a mapping with a line total instead of an amount that counts the items of a price."""
    numbers = [name for name, kind in kinds.items() if kind == "number" and name != column][:_COMPARED]
    if len(numbers) < 2 or not _counts_items(columns, column):
        return dict(mapping), []
    values = {name: _number(columns, name) for name in (column, *numbers)}
    pairs = [(price, total) for price in numbers for total in numbers if price != total]
    tests = ", ".join(
        f"coalesce(avg(cast(abs({values[column]} * {values[price]} - {values[total]}) < 0.011 as integer)) * cast("
        f"bool_or({values[price]} <> {values[total]}) and max(abs({values[price]})) > 1 as integer), 0)"
        for price, total in pairs
    )
    shares = columns.row(f"select {tests} from {columns.table}")
    fitting = [pair for pair, share in zip(pairs, shares, strict=True) if share >= _AGREEING]
    if len(fitting) != 1:
        return dict(mapping), []
    [(price, total)] = fitting
    settled = {name: source for name, source in mapping.items() if source not in (price, total)}
    note = (
        f"Column {column!r} times {price!r} is {total!r}, so it was read as quantity rather than money and "
        f"{total!r} as the amount."
    )
    return {**settled, "quantity": column, "amount": total}, [note]


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
    settled, notes = _without_prices_as_costs(table, mapping, explicit)
    columns = None
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


def _without_prices_as_costs(
    table: Relation, mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> tuple[dict[str, str], list[str]]:
    """Return a mapping without a cost that is the price that customers pay on nearly all lines, and a note."""
    names = [name for name in ("cost", "unit_cost") if name in mapping and name not in explicit]
    if not names or not {"amount", "unit_price"} & set(mapping):
        return dict(mapping), []
    name, columns = names[0], _some_lines(table)
    cost, quantity = (
        _number(columns, mapping[wanted]) if wanted in mapping else "1" for wanted in (name, "quantity")
    )
    paid = _number(columns, mapping["amount"]) if "amount" in mapping else ""
    price = f"({paid}) / nullif({quantity}, 0)" if paid else _number(columns, mapping["unit_price"])
    compared = paid or f"({price}) * ({quantity})" if name == "cost" else price
    lines, equal = columns.row(
        f"select count(*), coalesce(avg(cast(abs(({cost}) - ({compared})) < 0.006 as integer)), 0) "
        f"from {columns.table} where {cost} > 0 and {compared} > 0"
    )
    if lines < _FEWEST_COSTS or equal < _AGREEING:
        return dict(mapping), []
    column = mapping[name]
    return {other: source for other, source in mapping.items() if other != name}, [
        f"Column {column!r} is what customers pay for {'a line' if name == 'cost' else 'one item'}, so it was not read "
        f"as a cost (--mapping {flag(name, column)} reads it as {name})."
    ]


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
