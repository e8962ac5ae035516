"""Orders with items in numbered columns, such as `price1`, `qty1`, `price2`: amounts summed over the items."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from cltv_ml.columns.candidates import find_columns, named
from cltv_ml.columns.headings import plain_text
from cltv_ml.columns.kinds import first_lines, look
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.rules import Rules
from cltv_ml.engine import Relation, quoted, show
from cltv_ml.errors import InputError
from cltv_ml.sources.frames import MARK

_NUMBERED_HEADING = re.compile(r"(.*?)[ _./\[\]#-]*(\d{1,2})[ _./\[\]-]*(\D*)")
_ITEM_PRICES = re.compile(
    "(price|preis|prix|precio|prezzo|preco|pris|prijs|cena|fiyat|цена|单价|単価|단가|harga)$"
)
_ITEM_TOTALS = re.compile("(amount|total|betrag|summe|montant|importe|importo|valor|сумма|金額|金额|금액)$")
_ITEM_COUNTS = re.compile(
    "(qty|quantity|menge|anzahl|quantite|qte|cantidad|quantita|qta|antal|ilosc|adet|数量|수량|jumlah)$"
)


def join_numbered(table: Relation) -> tuple[Relation, list[str]]:
    """Return the table with an amount summed over numbered columns if it has no other money; and a note.

    Raises
    ------
    InputError
        Several numbered columns contain money on every line, so they may not be the items of an order.

    >>> import pandas as pd
    >>> from cltv_ml.data import clean
    >>> wide = pd.DataFrame({"customer": ["a", "b"], "date": ["2025-01-05", "2025-01-06"], "qty1": [2, 1],
    ...     "price1": [10.0, 20.0], "qty2": [1, None], "price2": [5.0, None]})
    >>> clean(wide).log["amount"].tolist()
    [25.0, 20.0]
    """
    families = _families([name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)])
    money = _family_of(families, _ITEM_TOTALS) or _family_of(families, _ITEM_PRICES)
    if not money:
        return table, []
    kinds = look(first_lines(table))
    unnumbered = {
        column: kind
        for column, kind in kinds.items()
        if not any(column in family.values() for family in families.values())
    }
    if any(
        find_columns(name, list(unnumbered), unnumbered, {}, {})
        for name in ("amount", "unit_price", "quantity")
    ):
        return table, []
    if any(named(name, list(unnumbered)) for name in ("amount", "unit_price")):
        return table, []
    reading = Columns(table, Rules(), ask=False)
    values = {number: f"coalesce({reading.number(column)}, 0)" for number, column in sorted(money.items())}
    listed = list(values.values())
    gaps = " or ".join(f"({value} = 0 and {next_value} <> 0)" for value, next_value in pairwise(listed))
    if table.holds(gaps) or not table.holds(f"{listed[-1]} = 0 and {listed[0]} <> 0"):
        raise InputError(
            f"each of the columns {list(money.values())} contains money, and no column contains the sum. "
            "Export one row per item or period with the columns customer, date and amount (in pandas: "
            "wide_to_long), or name the amount (--mapping amount=COLUMN)."
        )
    counts = {} if _family_of(families, _ITEM_TOTALS) else _family_of(families, _ITEM_COUNTS)
    amount = " + ".join(
        f"{value} * coalesce({reading.number(counts[number])}, 1)" if number in counts else value
        for number, value in values.items()
    )
    factor = f", each multiplied by {list(counts.values())}," if counts else ""
    view = show(table.con, "rows", f"select *, round({amount}, 4) as {quoted(MARK + 'amount')} from {table}")
    return view, [
        f"Columns {list(money.values())} were summed{factor} and read as 'amount'; postage and discounts are "
        "not included unless they are among these columns."
    ]


#: Numbered money that is no item's.
_NO_ITEM = re.compile(
    "tax|vat|mwst|steuer|tva|iva|discount|rabat|remise|coupon|fee|gebuhr|refund|ship|porto|tip|cost|deposit"
)


def _families(columns: Sequence[str]) -> dict[str, dict[int, str]]:
    """Return the columns whose headings differ only in a number, grouped by the rest of the heading.

    >>> _families(["Item 1 price", "Item 2 price", "SKU 1", "Order"])
    {'itemprice': {1: 'Item 1 price', 2: 'Item 2 price'}}
    """
    families: dict[str, dict[int, str]] = defaultdict(dict)
    for column in columns:
        if match := _NUMBERED_HEADING.fullmatch(column.strip()):
            families[plain_text(match[1] + match[3])][int(match[2])] = column
    return {
        heading: family
        for heading, family in families.items()
        if len(family) > 1 and not _NO_ITEM.search(heading)
    }


def _family_of(families: Mapping[str, Mapping[int, str]], heading: re.Pattern[str]) -> Mapping[int, str]:
    return next((family for rest, family in families.items() if heading.search(rest)), {})
