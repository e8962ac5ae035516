"""A raw table becomes a valid transaction log, a quarantine with a reason per line, and a report."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

import duckdb
import pandas as pd
import pyarrow as pa

from cltv_ml.data.account import Report, account
from cltv_ml.data.duplicates import treat_duplicates
from cltv_ml.data.known import Known
from cltv_ml.data.lines import read_lines
from cltv_ml.data.netting import NOTHING_REDUCED, find_candidates, net_returns, take_refunds_off
from cltv_ml.data.outputs import columns_of, log_query, quarantine_query
from cltv_ml.data.placeholders import set_placeholders_aside
from cltv_ml.data.quality import OPENING_CUSTOMERS
from cltv_ml.data.rules import Rules, keep_levels
from cltv_ml.data.sources import Raw, read
from cltv_ml.data.totals import take_totals_once
from cltv_ml.engine import MONEY_SCALE, Tabular, frame, literal, view
from cltv_ml.errors import InputError
from cltv_ml.log import Log
from cltv_ml.tables import TRANSACTIONS

#: Called with what is being done and the share that is done.
Progress: TypeAlias = Callable[[str, float], None]

#: The source's lines that are set aside, or may be, are read a second time, together, and no others.
_TOUCH = "insert into touched select * from raw semi join ({rows}) using (source_row)"

#: Returns of orders that never counted.
_RETURNS_OF_NO_SALE = (
    "select source_row from marks where is_return and rule is null "
    "and by_order in (select by_order from marks where rule = 'not_completed') "
    "and by_order not in (select by_order from marks where rule is null and not is_return and by_order is not null)"
)

#: Whole numbers of the source stay whole in the quarantine, also next to missing ones.
_WHOLE = {pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}


@dataclass(frozen=True)
class Cleaned:
    """The clean log, the lines set aside, and the report."""

    log: pd.DataFrame
    quarantine: pd.DataFrame
    report: Report
    known: Known = field(default_factory=Known)

    @cached_property
    def transactions(self) -> Log:
        """The clean log as it travels, with what is known of its customers: opened once for all who read it."""
        return self.known.of(Log(self.log))


def clean(
    raw: Raw | Tabular,
    rules: Rules | None = None,
    *,
    grain: Literal["line", "order"] = "line",
    progress: Progress | None = None,
) -> Cleaned:
    """Return the valid log of a raw table, the quarantine and the report.

    No line is lost: each is in the log or in the quarantine, which names the rule it broke, and every
    amount is accounted for: `money_in = kept + quarantined + netted + capped`, checked on every run.

    Parameters
    ----------
    raw
        What `read` returns, or anything that it reads.
    rules
        How to clean; None takes the settings of the source.
    grain
        `"line"` keeps the source's lines; `"order"` rolls them up to one row per order: by `order_id`, or
        without one by customer and day.
    progress
        Called with what is being done and the share that is done.

    Raises
    ------
    InputError
        No date or no amount of the source can be read, day and month or the decimal sign are open, or
        the source holds several currencies without rates.

    >>> cleaned = clean(pd.DataFrame({
    ...     "customer_id": ["a", "a", None], "timestamp": ["2024-01-31"] * 3, "amount": ["9.50", "?", "1"],
    ... }))
    >>> cleaned.log
      customer_id  timestamp  amount
    0           a 2024-01-31     9.5
    >>> cleaned.quarantine[["source_row", "rule", "amount"]].values.tolist()
    [[2, 'bad_amount', '?'], [3, 'missing_customer', '1']]
    """
    raw = raw if isinstance(raw, Raw) else read(raw)
    cap, notes, levels = _apply(raw, rules or raw.rules, grain, progress or _silent)
    log = frame(raw.con.sql(log_query(raw.con, cap, grain)))
    quarantine = raw.con.sql(quarantine_query(raw)).to_arrow_table().to_pandas(types_mapper=_WHOLE.get)
    raw.con.register("log", pa.table({"amount": pa.array(log["amount"])}))
    report = _report(raw, cap, notes, levels)
    raw.con.unregister("log")
    if (until := (rules or raw.rules).observed_until) is not None:
        log.attrs["observed_until"] = _check_observed(until, log["timestamp"].max())
    return Cleaned(TRANSACTIONS.check(log), quarantine, report)


def clean_to_parquet(
    raw: Raw | Tabular,
    folder: str | Path,
    rules: Rules | None = None,
    *,
    grain: Literal["line", "order"] = "line",
    progress: Progress | None = None,
) -> Report:
    """Clean as `clean` does, for data larger than memory: write `log.parquet` and `quarantine.parquet`.

    The files appear in `folder` when they are complete; the log's path goes wherever a log does.
    """
    raw = raw if isinstance(raw, Raw) else read(raw)
    cap, notes, levels = _apply(raw, rules or raw.rules, grain, progress or _silent)
    Path(folder).mkdir(parents=True, exist_ok=True)
    queries = {"log": log_query(raw.con, cap, grain), "quarantine": quarantine_query(raw)}
    parts = {name: Path(folder, f"{name}.parquet.part") for name in queries}
    until = (rules or raw.rules).observed_until
    told = f", kv_metadata {{observed_until: {literal(until)}}}" if until else ""
    for name, query in queries.items():
        raw.con.execute(
            f"copy ({query}) to {literal(str(parts[name]))} (format parquet, compression zstd{told})"
        )
    view(raw.con, "log", parts["log"])
    report = _report(raw, cap, notes, levels)
    for part in parts.values():
        os.replace(part, part.with_suffix(""))
    return report


def _apply(
    raw: Raw, rules: Rules, grain: str, progress: Progress
) -> tuple[int | None, list[str], pd.DataFrame]:
    """Run the rules; return the cap of amounts, what a reader should know and how levels were read."""
    if grain not in ("line", "order"):
        raise InputError(f"grain must be 'line' or 'order', got {grain!r}.")
    progress("reading the lines", 0.0)
    rules = keep_levels(rules, raw.rules)
    notes, levels = read_lines(raw, rules)
    notes = [*raw.notes, *notes]
    progress("looking for duplicates", 0.3)
    _set_lines_aside(raw.con)
    notes += set_placeholders_aside(raw.con, rules)
    notes += take_totals_once(raw, rules)
    notes += treat_duplicates(raw.con, rules)
    find_candidates(raw.con)
    raw.con.execute(
        _TOUCH.format(rows="select source_row from aside union select source_row from candidates")
    )
    progress("netting returns", 0.5)
    _set_returns_aside(raw.con, rules)
    if rules.applies("history_before_log"):
        kept = "(from lines anti join aside using (source_row))"
        older = OPENING_CUSTOMERS.format(log=kept)
        _set_aside(
            raw.con, "history_before_log", f"select source_row from {kept} where customer_id in ({older})"
        )
    progress("collecting the log", 0.7)
    raw.con.execute(_TOUCH.format(rows="select source_row from aside anti join touched using (source_row)"))
    return _cap(raw.con, rules), notes, levels


def _check_observed(until: str, last: pd.Timestamp) -> str:
    """Return the day until which the data are complete; InputError where sales follow it."""
    if last >= pd.Timestamp(until) + pd.Timedelta(days=1):
        raise InputError(
            f"observed_until {until} lies before the log's last sale on {last:%Y-%m-%d}; give the last day for "
            "which the data are complete."
        )
    return until


def _silent(doing: str, share: float) -> None:
    """Report nothing."""


def _set_lines_aside(con: duckdb.DuckDBPyConnection) -> None:
    """Make `aside` (source_row, rule) from the lines that break a rule by themselves."""
    con.execute(
        "create or replace temp table aside as select source_row, rule from marks where rule is not null "
        "union all select source_row, 'broken_line' from broken_lines"
    )
    if con.execute("select 1 from aside where rule = 'not_completed' limit 1").fetchall():
        _set_aside(con, "not_completed", _RETURNS_OF_NO_SALE)


def _set_returns_aside(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Take returns off their purchases; set aside what is undone and what matches nothing."""
    returns = con.execute("select 1 from marks where is_return and rule is null limit 1").fetchall()
    if returns:
        net_returns(con, match=rules.applies("cancellation"))
    else:
        con.execute(NOTHING_REDUCED)
    if "refunded" in columns_of(con):
        take_refunds_off(con)
    _set_aside(con, "cancellation", "select source_row from reduced where undone")
    # What a return of its own took off is gone by now: a refunded order and its refund are not counted twice.
    _set_aside(
        con,
        "refunded",
        "select source_row from marks anti join aside using (source_row) "
        "where reading = 'refund' and rule is null and not is_return",
    )
    if not returns:
        return
    _set_aside(
        con,
        "return_without_order",
        "select source_row from entries anti join aside using (source_row) where is_return",
    )
    if rules.applies("customer_total"):
        _set_totals_aside(con)


def _set_totals_aside(con: duckdb.DuckDBPyConnection) -> None:
    """Set aside what is left of customers whose returns without an order outweigh it."""
    open_returns = (
        "select customer_id, -sum(coalesce(-reduced.money, entries.money)) as money from entries "
        "join aside using (source_row) left join reduced using (source_row) "
        "where aside.rule = 'return_without_order' group by 1"
    )
    con.execute(f"create or replace temp table open_returns as {open_returns}")
    if not con.execute("select 1 from open_returns limit 1").fetchall():
        return
    con.execute(
        "create or replace temp table their_lines as "
        "select source_row, customer_id, coalesce(reduced.money, lines.money) as money from lines "
        "anti join aside using (source_row) left join reduced using (source_row) "
        "where customer_id in (select customer_id from open_returns)"
    )
    _set_aside(
        con,
        "customer_total",
        "select source_row from their_lines where customer_id in (select customer_id from ("
        "select customer_id, money from their_lines union all select customer_id, money from open_returns) "
        "group by 1 having sum(money) <= 0)",
    )


def _set_aside(con: duckdb.DuckDBPyConnection, rule: str, query: str) -> None:
    con.execute(f"insert into aside select source_row, '{rule}' from ({query})")


def _cap(con: duckdb.DuckDBPyConnection, rules: Rules) -> int | None:
    """Return the amount, in integer minor units, above which lines are capped."""
    if rules.winsorise is None:
        return None
    middle = "select median(ln(money)) from kept"
    [(cap,)] = con.execute(
        "with kept as (select money from marks anti join aside using (source_row) where money > 0) "
        f"select exp(({middle}) + {rules.winsorise!r} * 1.4826 * median(abs(ln(money) - ({middle})))) from kept"
    ).fetchall()
    return None if cap is None else round(cap)


def _report(raw: Raw, cap: int | None, notes: list[str], levels: pd.DataFrame) -> Report:
    """Return the report on the table or view `log`, reconciled."""
    total = f"select coalesce(sum(cast(round(amount * {MONEY_SCALE}) as bigint)), 0) from log"
    [(kept,)] = raw.con.execute(total).fetchall()
    capped, lines = _capped(raw.con, cap)
    if cap is not None:
        share = capped / max(int(kept) + capped, 1)
        notes = [
            *notes,
            f"{lines:,} amounts above {cap / MONEY_SCALE:,.2f} were capped there, which takes {share:.2%} of revenue.",
        ]
    report = account(raw.con, raw.source, raw.mapping, int(kept), capped, notes)
    return replace(report, levels=levels, unused=raw.unused)


def _capped(con: duckdb.DuckDBPyConnection, cap: int | None) -> tuple[int, int]:
    """Return how much, in integer minor units, and how many lines the cap cut."""
    if cap is None:
        return 0, 0
    [(capped, lines)] = con.execute(
        f"select coalesce(sum(money - {cap}), 0), count(*) from (select coalesce(reduced.money, marks.money) as money "
        "from marks anti join aside using (source_row) left join reduced using (source_row)) "
        f"where money > {cap}"
    ).fetchall()
    return int(capped), int(lines)
