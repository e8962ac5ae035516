"""Numbers of items that only the names of goods state, such as "2 x Mug"."""

from __future__ import annotations

from cltv_ml.columns.glance import Glance
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import literal

#: A number of items before or after a name, in brackets or not: 2 x Mug, 2x Mug, Mug x2, Mug (x2).
_IN_FRONT, _AT_THE_END = r"^(\d{1,3}) ?[x×] ?[^\W\d]", r"[^\W\d].*[\s(\[][x×] ?(\d{1,3})[)\]]?$"

#: The smallest share of the lines with such a number.
_SHARE_COUNTED = 0.5


def tell_of_counted_texts(glance: Glance, product: str, amount: str) -> list[str]:
    """Return a note on numbers of items in the names of goods, unless the amounts grow with them.

    They do where most amounts of several items are that many times the usual one of a single item. Packs of one size
    have one number for each name.
    """
    text = f"lower(trim(cast({quote(product)} as varchar)))"
    number, name = (
        f"coalesce(nullif(regexp_extract({text}, {literal(_IN_FRONT)}, 1), ''), "
        f"nullif(regexp_extract({text}, {literal(_AT_THE_END)}, 1), ''))",
        rf"regexp_replace({text}, '^\d+ ?[x×] ?|[\s(\[]+[x×] ?\d+[)\]]?$', '', 'g')",
    )
    stated = (
        f"select try_cast({number} as integer) as n, {name} as name, {glance.number(amount)} as v, "
        f"{quote(product)} as written from {glance.lines}"
    )
    counted, several, grown, most, example = glance.lines.row(
        f"with stated as ({stated}), one as (select name, median(v) as usual from stated where n = 1 group by 1) "
        "select count(n), count(*) filter (n > 1), count(*) filter (n > 1 and abs(v / n - usual) < 0.01 * abs(usual)), "
        "(select max(numbers) from (select count(distinct n) as numbers from stated group by name)), "
        "min(written) filter (n > 1) from stated left join one using (name)"
    )
    if not several or counted < _SHARE_COUNTED * glance.rows or most < 2 or grown > 0.5 * several:
        return []
    return [
        f"Column {product!r} states numbers of items in its texts, such as {str(example)[:40]!r} ({several:,} lines "
        f"state more than one), and no column of quantities is used, so {amount!r} counts once on each line. If it is "
        "the price of one item, export the number as a column of its own and map it as quantity and the price as "
        "unit_price."
    ]
