"""Lines that sum or pay for the other lines of their order, as in a till's journal, found by arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import literals
from cltv_ml.sources.frames import MARK

#: First lines and columns that are looked at, and the fewest orders that show anything.
_LOOKED, _COMPARED_TEXTS, _FEWEST_PAID = 10_000, 10, 10

#: Share of the orders that have such lines, and of such lines that pay for the rest exactly.
_PAID = 0.9


def set_payments_aside(raw: Raw, lines: Lines, aside: Aside, rules: Rules) -> list[str]:
    """Quarantine the lines that sum or pay for the rest of their order, with the same or the other sign; return a note.

    They share a text in a column, such as the kind of line or the means of payment, and nearly all orders have them.
    """
    off = rules.amount_per == "line" or not rules.applies("total_row")
    if off or "order_id" not in lines.columns or lines.tally.unbroken < 2 * _FEWEST_PAID:
        return []
    left = (
        f"from {lines.marks} anti join {aside} using (source_row) where rule is null and by_order is not null"
    )
    used = {raw.mapping.get(name) for name in ("customer_id", "order_id", "timestamp", "amount")}
    names = [name for name in raw.columns if raw.table.kinds[MARK + name] == "VARCHAR" and name not in used]
    column, texts = _find_payments(raw, left, names[:_COMPARED_TEXTS], f"source_row < {_LOOKED}")
    if texts and lines.tally.unbroken > _LOOKED:
        _, texts = _find_payments(raw, left, [column], "true")
    if not texts:
        return []
    paying = f"select source_row from {raw.table} where {quote(column)} in ({literals(texts)})"
    query = f"select source_row from ({left}) semi join ({paying}) using (source_row)"
    rows, money = aside.add_and_count("total_row", query, lines.marks)
    return [
        f"{rows:,} lines with {' or '.join(map(repr, texts[:3]))} in column {column!r}, {money:,.2f} in total, sum or "
        "pay for the other lines of their order and were quarantined (--rule off=total_row keeps them)."
    ]


def _find_payments(raw: Raw, left: str, columns: Sequence[str], some: str) -> tuple[str, list[str]]:
    """Return the column with texts whose lines pay for most orders, and these texts: frequent, few and late ones first.

    Parameters
    ----------
    left, some
        SQL for the lines that count, and for the source rows that are looked at.
    """
    if not columns:
        return "", []
    texts = ", ".join(f'{quote(name)} as "{place}"' for place, name in enumerate(columns))
    paying_texts = raw.con.execute(
        f"with texts as (unpivot (select source_row, {texts} from {raw.table} where {some}) "
        "on columns(* exclude source_row) into name place value text), "
        f"counted as ({left} and {some}), "
        "orders as (select by_order, sum(money) as total, count(*) as lines from counted group by by_order), "
        "parts as (select place, text, by_order, sum(money) as own, count(*) as n, max(source_row) as last "
        "from texts join counted using (source_row) where text <> '' group by all) "
        "select place, text, count(*) / (select count(*) from orders) as paid from (select *, total - own as rest "
        "from parts join orders using (by_order)) group by place, text "
        f"having avg(cast(own = rest or (own < 0 and own = -rest) as integer)) >= {_PAID} "
        f"and count(distinct rest) > {_FEWEST_PAID // 2} and (select count(*) from orders) >= {_FEWEST_PAID} "
        "and (sum(own) < 0 or count(*) filter (lines > n + 1) > 1) "  # two equal lines may be two sales
        "order by sum(own) > 0, paid desc, sum(n), avg(last) desc"
    ).fetchall()
    paying: dict[str, list[str]] = {}
    shares = dict.fromkeys(columns, 0.0)
    for place, text, paid in paying_texts:
        column = columns[int(place)]
        if shares[column] < _PAID and shares[column] + paid < 1.02:
            paying.setdefault(column, []).append(str(text))
            shares[column] += paid
    best = max(paying, key=lambda column: (shares[column], -len(paying[column])), default="")
    return (best, paying[best]) if best and shares[best] >= _PAID else ("", [])
