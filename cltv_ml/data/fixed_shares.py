"""Lines that are the same share of the rest of their order each time, as taxes and fees are."""

from __future__ import annotations

from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.source_columns import quote
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import MONEY_SCALE, keep, literal
from cltv_ml.money import log_amount
from cltv_ml.sources.frames import MARK

#: First and last lines, and columns, that are looked at, the fewest orders with such a line, and the share of them
#: that it must hold for.
_SEEN, _TEXTS, _ORDERS, _HOLDS = 10_000, 10, 10, 0.95


def tell_of_fixed_shares(raw: Raw, lines: Lines, aside: Aside) -> list[str]:
    """Return a note per text whose lines are the same share of the rest of their order to the cent."""
    if "order_id" not in lines.columns or lines.tally.unbroken < 2 * _ORDERS:
        return []
    texts = [name for name in raw.columns if raw.table.kinds[MARK + name] == "VARCHAR"]
    used = {raw.mapping.get(name) for name in ("customer_id", "order_id", "timestamp", "amount")}
    left = f"from {lines.marks} anti join {aside} using (source_row) where rule is null"
    return [
        _tell_of_share(raw, left, column, text, share)
        for column in [name for name in texts if name not in used][:_TEXTS]
        for text, share in _find_fixed_shares(raw, left, column, lines.tally.ends(_SEEN))
    ]


def _find_fixed_shares(raw: Raw, left: str, column: str, ends: str) -> list[tuple[str, float]]:
    """Return the texts of a column whose lines are a fixed share of the rest of their order, and that share."""
    shares = keep(
        raw.con,
        "shares",
        "select text, own, total - own as rest, median(own / (total - own)) over (partition by text) as share "
        "from (select *, sum(own) over (partition by by_order) as total from ("
        f"select by_order, {quote(column)} as text, sum(money) as own from ({left} and {ends} "
        f"and by_order is not null) join (select source_row, {quote(column)} from {raw.table} "
        f"where {ends}) using (source_row) group by all)) where total > own and own > 0",
    )
    return [
        (str(text), float(share))
        for text, share, _ in shares.rows(
            f"select text, any_value(share) as share, count(*) as n from {shares} where text is not null group by text "
            f"having n >= {_ORDERS} and share between 0.01 and 0.5 and count(distinct rest) > {_ORDERS // 2} and "
            f"avg(cast(abs(own - share * rest) <= {MONEY_SCALE // 100} as integer)) >= {_HOLDS} order by n desc limit 3"
        )
    ]


def _tell_of_share(raw: Raw, left: str, column: str, text: str, share: float) -> str:
    [money] = raw.table.row(
        f"select coalesce(sum(money), 0) from ({left}) semi join (from {raw.table} "
        f"where {quote(column)} = {literal(text)}) using (source_row)"
    )
    return (
        f"Lines with {text[:40]!r} in column {column!r} are {share:.1%} of the rest of their order each time, as taxes "
        f"and fees are; they count with {log_amount(int(money) / MONEY_SCALE)} in total. If they are not revenue, "
        "remove them from the export."
    )
