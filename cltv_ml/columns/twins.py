"""Kinds of lines that repeat the money of another kind, as an offer, a delivery note and an invoice of one sale do."""

from __future__ import annotations

from typing import NamedTuple

from cltv_ml.engine import Relation

#: Fewest lines of a kind that count as evidence, the fewest different amounts on them, and the share with a twin.
_FEWEST, _AMOUNTS, _TWINS = 5, 4, 0.95

#: Largest share of the lines of the other kind whose customer paid the same amount again.
_AGAIN = 0.3

#: Most days between the two documents of one sale.
_DAYS_BETWEEN = 20

#: Most lines with one customer and amount that are compared with each other: thousands of guests may pay one price.
_ALIKE = 20

#: The most kinds that are compared.
_KINDS_COMPARED = 12


class Twins(NamedTuple):
    """Lines of one kind that have the customer and the amount of a line of another kind.

    Parameters
    ----------
    copy, base
        The kind whose lines repeat others, and the kind that they repeat.
    lines, twins
        The number of lines of the first kind, and of those that repeat one.
    later
        Whether most of them are dated at least a day later.
    """

    copy: str
    base: str
    lines: int
    twins: int
    later: bool


def find_twins(
    lines: Relation, kind: str, customer: str, amount: str, time: str = "null", order: str = "null"
) -> list[Twins]:
    """Return the kinds of lines nearly all of which repeat the customer and amount of a line of another kind.

    Lines of one order are no twins, and neither is what customers buy again and again for the same amount.

    Parameters
    ----------
    kind, customer, amount, time, order
        SQL for the kind of a line, for its customer, money and time, and for its order if the source has one.
    """
    keyed = (
        f"select {kind} as kind, cast({customer} as varchar) as who, round({amount}, 2) as money, "
        f"epoch(try_cast({time} as timestamp)) / 86400 as day, cast({order} as varchar) as own, source_row from {lines}"
    )
    rows = lines.rows(
        "with keyed as materialized (select *, count(*) over (partition by who, money) as alike "
        f"from ({keyed}) where who <> '' and money <> 0), "
        "kinds as (select kind, count(*) as n, count(distinct money) as amounts, "
        "coalesce(sum(same) filter (same > 1), 0) / sum(same) as again from (select kind, who, money, count(*) as same "
        f"from keyed group by all) group by kind qualify count(*) over () between 2 and {_KINDS_COMPARED}), "
        "near as (select a.kind as copy, a.source_row, min_by(b.kind, coalesce(abs(a.day - b.day), 0)) as base, "
        "min_by(a.day - b.day, abs(a.day - b.day)) as apart from keyed as a join keyed as b on a.who = b.who "
        f"and a.money = b.money and a.kind <> b.kind where a.alike <= {_ALIKE} and b.alike <= {_ALIKE} "
        "and (a.own is null or a.own is distinct from b.own) group by all), "
        "pairs as (select copy, mode(base) as base, count(*) as twins, coalesce(median(apart), 0) >= 1 as later "
        f"from near where abs(coalesce(apart, 0)) <= {_DAYS_BETWEEN} group by copy) "
        "select copy, base, one.n, twins, later from pairs join kinds as one on one.kind = copy "
        f"join kinds as other on other.kind = base where one.n >= {_FEWEST} and twins >= {_TWINS} * one.n "
        f"and one.amounts >= greatest({_AMOUNTS}, one.n / 2) and other.again <= {_AGAIN} "
        "and 2 * one.n <= (select sum(n) from kinds) order by twins desc, later, copy"
    )
    return [
        Twins(str(copy), str(base), int(n), int(twins), bool(later)) for copy, base, n, twins, later in rows
    ]


def find_retractions(
    lines: Relation, kind: str, order: str, product: str, amount: str, time: str
) -> list[Twins]:
    """Return the kinds of lines nearly all of which repeat an earlier line of another kind in their order.

    Such lines may say that a part of the order was cancelled. They are fewer than half of the lines that they repeat.

    Parameters
    ----------
    kind, order, product, amount, time
        SQL for the kind of a line, for its order, product, money and time.
    """
    rows = lines.rows(
        f"with keyed as materialized (select {kind} as kind, cast({order} as varchar) as own, "
        f"cast({product} as varchar) as goods, round(abs({amount}), 2) as money, try_cast({time} as timestamp) as at, "
        f"source_row from {lines}), "
        "kinds as (select kind, count(*) as n, count(distinct money) as amounts from keyed "
        f"where own <> '' and money <> 0 group by kind qualify count(*) over () between 2 and {_KINDS_COMPARED}), "
        "pairs as (select a.kind as copy, b.kind as base, count(distinct a.source_row) as twins, "
        "count(distinct a.source_row) filter (a.at > b.at) as later from keyed as a join keyed as b on a.own = b.own "
        "and a.money = b.money and a.goods is not distinct from b.goods and a.kind <> b.kind "
        "where a.own <> '' and a.money <> 0 group by all) "
        "select copy, base, one.n, twins from pairs join kinds as one on one.kind = copy "
        f"join kinds as other on other.kind = base where one.n >= {_FEWEST} and one.amounts >= {_AMOUNTS} "
        f"and least(twins, later) >= {_TWINS} * one.n and 2 * one.n <= other.n order by twins desc, copy"
    )
    return [Twins(str(copy), str(base), int(n), int(twins), True) for copy, base, n, twins in rows]


def share_repeated(lines: Relation, customer: str, amount: str) -> float:
    """Return the share of the lines whose customer has another line with the same amount."""
    [share] = lines.row(
        "select coalesce(sum(n) filter (n > 1) / sum(n), 0) from (select count(*) as n from "
        f"(select cast({customer} as varchar) as who, round({amount}, 2) as money from {lines}) "
        "where who <> '' and money <> 0 group by who, money)"
    )
    return float(share)
