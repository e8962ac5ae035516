"""Words among the numbers of customers and orders, such as the labels of rows that are not sales."""

from __future__ import annotations

from cltv_ml.columns.raw_table import Raw
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import MONEY_SCALE, keep
from cltv_ml.money import log_amount

#: First and last lines that are looked at, the share of them with digits in the id, and the share of money without
#: that matters.
_LOOKED_AT, _WITH_DIGITS, _MONEY = 10_000, 0.8, 0.001

#: Fewer lines than this show nothing.
_FEW_IDS = 10


def tell_of_words(raw: Raw, lines: Lines, aside: Aside) -> list[str]:
    """Return a note per column of ids in which nearly all lines have digits, and others words, with their money.

    Customers and orders that are words once are named as well as those that stand on many lines.
    """
    if lines.tally.unbroken < _FEW_IDS:
        return []
    notes, ends = [], lines.tally.ends(_LOOKED_AT)
    for name in (
        name for name in ("order_id", "customer_id") if name in lines.columns and name in raw.mapping
    ):
        sample = keep(
            raw.con,
            "ids",
            f"select lines.{name} as id, marks.money from (from {lines.parsed} where {ends} and "
            f"{name} is not null) as lines join (from {lines.marks} anti join {aside} using (source_row) "
            f"where {ends} and rule is null) as marks using (source_row)",
        )
        words = r"not regexp_matches(id, '\d|@')"
        rows, odd, money, all_money, example = sample.row(
            f"select count(*), count(*) filter (where {words}), coalesce(sum(money) filter (where {words}), 0), "
            f"coalesce(sum(money), 0), mode(id) filter (where {words}) from {sample}"
        )
        if not odd or odd > (1 - _WITH_DIGITS) * rows or abs(money) < _MONEY * abs(all_money):
            continue
        notes.append(
            f"Column {raw.mapping[name]!r} has words on {odd:,} of {rows:,} lines where the others have numbers, such "
            f"as {str(example)[:40]!r}; these lines count with {log_amount(int(money) / MONEY_SCALE)}. If they are "
            "sums, averages or corrections, remove them from the export."
        )
    return notes
