"""Ids that several customers share, such as the e-mail address of a family, told by a finer id on the same lines."""

from __future__ import annotations

from cltv_ml.engine import Relation

#: Fewest shared ids, lines per finer id, share of the lines that must have both, and how many more there must be.
_SHARED, _PER_ID, _FILLED, _MORE = 3, 1.5, 0.98, 1.1


def find_finer(lines: Relation, value: str, other: str) -> tuple[int, int, int] | None:
    """Return how many ids, finer ids and ids of several finer ones the lines have; None unless each has one of these.

    The finer ids come again, as customers do and numbers of receipts do not, and each belongs to one id.

    Parameters
    ----------
    value, other
        SQL for the id and the id that may be finer, null where blank.
    """
    rows, both, ids, finer, pairs, shared = lines.row(
        f"with filled as (select {value} as v, {other} as o from {lines} where {value} is not null), "
        "owned as (select v, count(distinct o) as n from filled group by v) "
        "select count(*), count(o), count(distinct v), count(distinct o), "
        "count(distinct (v, o)) filter (o is not null), (select count(*) from owned where n > 1) from filled"
    )
    told = both >= _FILLED * rows and pairs <= finer / _FILLED and both >= _PER_ID * finer
    return (ids, finer, shared) if told and shared >= _SHARED and finer >= _MORE * ids else None
