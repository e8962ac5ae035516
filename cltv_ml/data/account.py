"""The report of a cleaning: every line and every amount accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa

from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import REASONS
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.data.returns_to_come import ReturnsToCome
from cltv_ml.engine import MONEY_SCALE, Relation, lend
from cltv_ml.inline import Inline
from cltv_ml.money import Note
from cltv_ml.sources.lost_rows import possible_rows

#: Broken lines whose money is estimated one by one; more are taken to be like these.
_MOST_BROKEN = 5000


@dataclass(frozen=True)
class Report(Inline):
    """What a cleaning did to lines and money: read, changed, quarantined; in the log's currency.

    Parameters
    ----------
    source
        The source's name, without passwords.
    mapping
        Standard name -> source column.
    rows_in, rows_kept
        Number of lines in the source and in the log.
    money_in
        Sum of all readable amounts in the source; returns are negative.
    money_kept
        Sum of the log.
    money_quarantined
        Sum of the quarantined lines, except those under the rule `cancellation`.
    money_netted
        Returned sales plus their returns: zero if every return was credited at its price.
    money_capped
        Amount removed by winsorising.
    money_returned
        Sales removed by cancellations and returns.
    rules
        One row per rule in the order applied: `rule`, `rows_before`, `money_before`, and the `rows` and
        `money` it set aside.
    notes
        Notes for the reader, one sentence each.
    levels
        How the levels of status, type, test and captured columns were read, one row each: `name`, `column`, `level`,
        `reading` ("counts", "refund" or "ignore"), `rows` and `money`.
    rows_unreadable, money_unreadable
        Lines with an unreadable amount and broken lines, and their estimated money: what can be read in a broken line,
        else the mean amount of the other lines. No other sum includes them.
    unused
        Columns of the source without a standard name.
    currency
        Code of the currency that every line of the source states, or that amounts were converted to, because its
        rate is 1; "" if neither is known.
    returns_to_come
        What the latest purchases will probably lose to later returns; None if too few returns tell.
    """

    source: str
    mapping: Mapping[str, str]
    rows_in: int
    rows_kept: int
    money_in: float
    money_kept: float
    money_quarantined: float
    money_netted: float
    money_capped: float
    money_returned: float
    rules: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()
    levels: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    unused: tuple[str, ...] = ()
    rows_unreadable: int = 0
    money_unreadable: float = 0.0
    currency: str = ""
    returns_to_come: ReturnsToCome | None = None


def account(
    raw: Raw,
    lines: Lines,
    aside: Aside,
    reduced: Relation,
    money_kept: int,
    capped: int,
    notes: Sequence[str] = (),
) -> Report:
    """Return the report on a cleaning that kept `money_kept` and capped off `capped` (integer minor units).

    Raises
    ------
    RuntimeError
        Money or lines do not add up, which is a bug in this package.
    """
    marks = lines.marks
    rows, money_in, usual = marks.row(
        "select count(*), coalesce(sum(money), 0), "
        f"coalesce(avg(money) filter (where rule is null and not is_return), 0) from {marks}"
    )
    netted = returned = 0
    if reduced.count():
        netted, returned = marks.row(
            "select coalesce(sum(marks.money - reduced.money), 0), "
            "coalesce(sum(marks.money - reduced.money) filter (where not marks.is_return), 0) "
            f"from {reduced} as reduced join {marks} as marks using (source_row)"
        )
    by_rule = _set_aside(marks, aside, reduced)
    rows_in = rows + raw.broken.count()
    rows_aside = sum(count for count, _ in by_rule.values())
    quarantined = sum(money for rule, (_, money) in by_rule.items() if rule != "cancellation")
    [distinct] = marks.row(f"select count(distinct source_row) from {aside}") if by_rule else [0]
    if money_in != money_kept + quarantined + netted + capped or distinct != rows_aside:
        raise RuntimeError(
            f"{raw.source}: the money does not add up: {money_in} read, {money_kept} kept, {quarantined} "
            f"quarantined, {netted} netted and {capped} capped. This is a bug in cltv_ml; please report it."
        )
    unreadable = by_rule.get("bad_amount", (0, 0))[0]
    lost, lost_money = _estimate_broken(raw, lines, float(usual)) if raw.broken.count() else (0, 0.0)
    by_rule["cancellation"] = (by_rule.get("cancellation", (0, 0))[0], int(netted))
    return Report(
        source=raw.source,
        mapping=dict(raw.mapping),
        rows_in=rows_in,
        rows_kept=rows_in - rows_aside,
        money_in=money_in / MONEY_SCALE,
        money_kept=money_kept / MONEY_SCALE,
        money_quarantined=quarantined / MONEY_SCALE,
        money_netted=netted / MONEY_SCALE,
        money_capped=capped / MONEY_SCALE,
        money_returned=returned / MONEY_SCALE,
        rules=_rule_table(by_rule, rows_in, int(money_in)),
        notes=tuple(Note(note, lines.currency) for note in notes),
        levels=lines.levels,
        unused=raw.unused,
        rows_unreadable=unreadable + lost,
        money_unreadable=(unreadable * float(usual) + lost_money) / MONEY_SCALE,
        currency=lines.currency,
    )


def _estimate_broken(raw: Raw, lines: Lines, usual: float) -> tuple[int, float]:
    """Return the number of broken lines that seem to be sales, and their money in integer minor units, estimated.

    Parameters
    ----------
    usual
        Mean money of the other lines, for lines with at least half of the fields in which no sale can be read.
    """
    columns, source = raw.broken.found["columns"], lines.source.kinds
    lines_of = (
        f"select unnest(string_split(line, chr(10))) as line from {raw.broken}"  # an open quote spans many
    )
    texts = [str(line) for (line,) in raw.broken.rows(f"{lines_of} limit {_MOST_BROKEN}")]
    possible = list(possible_rows(texts, len(columns)))
    rows = {name: pa.array([row[place] or None for _, row in possible]) for place, name in enumerate(columns)}
    rows |= {name: pa.nulls(len(possible), pa.string()) for name in source if name not in rows}
    rows["source_row"] = pa.array([place for place, _ in possible], pa.int64())
    sold = "if(reading = 'ignore', 0, money)" if "reading" in lines.parsed.kinds else "money"
    read = lines.marks.rows(
        f"select source_row, max_by({sold}, abs(money)) from ({lines.query_of(lend(raw.con, 'lost', pa.table(rows)))}) "
        "where timestamp is not null and customer_id is not null and money is not null group by 1"
    )
    money = {int(place): float(value) for place, value in read}
    filled = {place: sum(bool(field.strip()) for field in row) for place, row in possible}
    full = [place for place, fields in filled.items() if place not in money and 2 * fields >= len(columns)]
    all_lines = raw.broken.row(f"select count(*) from ({lines_of})")[0] / len(texts)
    return round((len(money) + len(full)) * all_lines), (sum(money.values()) + usual * len(full)) * all_lines


def _set_aside(marks: Relation, aside: Aside, reduced: Relation) -> dict[str, tuple[int, int]]:
    """Return, for each rule, the lines it quarantined and their money, net of returns."""
    if not aside.table.count():
        return {}
    rows = marks.rows(
        "select aside.rule, count(*), coalesce(sum(coalesce(reduced.money, marks.money)), 0) "
        f"from {aside} as aside left join {marks} as marks using (source_row) "
        f"left join {reduced} as reduced using (source_row) group by 1"
    )
    return {str(rule): (int(count), int(money)) for rule, count, money in rows}


def _rule_table(by_rule: Mapping[str, tuple[int, int]], rows: int, money: int) -> pd.DataFrame:
    """Return one row per rule, in the order applied: the lines before it and the lines it quarantined."""
    table = []
    for rule in REASONS:
        out, out_money = by_rule.get(rule, (0, 0))
        table.append((rule, rows, money / MONEY_SCALE, out, out_money / MONEY_SCALE))
        rows, money = rows - out, money - out_money
    return pd.DataFrame(table, columns=["rule", "rows_before", "money_before", "rows", "money"])
