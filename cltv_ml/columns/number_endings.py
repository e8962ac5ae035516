"""Endings of order numbers that mark what takes an order back, such as 1001-R next to 1001."""

from __future__ import annotations

from cltv_ml.engine import Relation, literal, quoted, show
from cltv_ml.sources.frames import MARK

#: What shops and ledgers add to the number of an order for its return, credit note or cancellation.
_NUMBER_AND_SIGN = (
    r"(?i)^(.*\d)[-_/ .]?(R|RE|RET|RTN|RETURN|RETOURE|REF|RF|RFD|REFUND|RMA|CN|CR|CRN|CM|CREDIT|GS|GU|AV|AVOIR|NC|ND"
    r"|ST|STORNO|CANC|CANCEL|V|VOID|X|K|DEV|ABONO)\d{0,2}$"
)

#: Lines of which one must have such an ending, so that those of large files are compared.
_LOOKED_AT = 20_000

#: Fewest numbers with such an ending, and the share of them that add it to another number of the file.
_FEWEST, _KNOWN = 3, 0.9


def split_ending(table: Relation, column: str, name: str) -> tuple[Relation, list[str]]:
    """Return the table with the endings of order numbers in a column called `name`, and a note; else as it is.

    Nothing changes unless nearly all numbers with an ending add it to another one. Amounts below 0 need no kind.
    """
    number = f"trim({quoted(MARK + column)})"
    base, sign = (f"regexp_extract({number}, {literal(_NUMBER_AND_SIGN)}, {place})" for place in (1, 2))
    has_ending = f"{base} <> ''"
    if not table.holds(f"{has_ending} and source_row < {_LOOKED_AT}"):
        return table, []
    others = [other for other, kind in table.kinds.items() if kind == "VARCHAR" and other.startswith(MARK)]
    negative = " or ".join(
        rf"coalesce(regexp_matches({quoted(other)}, '^\W*[-−(]\W*\d|\d\W*-$'), false)" for other in others
    )
    known = f"{base} in (select {number} from {table})"
    ended, added, below = table.row(
        f"select count(*), count(*) filter ({known}), count(*) filter ({negative}) from {table} where {has_ending}"
    )
    if ended < _FEWEST or added < _KNOWN * ended or below > (1 - _KNOWN) * ended:
        return table, []
    kind = f"if({known}, upper({sign}), 'invoice')"
    view = show(table.con, "rows", f"select *, {kind} as {quoted(MARK + name)} from {table}")
    return view, [
        f"{name!r} is what the numbers on {added:,} lines of column {column!r} add to another number; other lines are "
        "invoices."
    ]
