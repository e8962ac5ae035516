"""Cleaning: turns a raw table into a valid transaction log, a quarantine with reasons, and a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pandas as pd
import pyarrow as pa

from cltv_ml.columns.levels import SAYS_CANCELLED
from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import Rules, settle_rules
from cltv_ml.columns.stornos import find_stornos
from cltv_ml.data.account import Report, account
from cltv_ml.data.aside import Aside
from cltv_ml.data.bundles import take_bundles_once
from cltv_ml.data.claims import doubt_period, doubt_total
from cltv_ml.data.duplicates import tell_of_edited, treat_duplicates
from cltv_ml.data.fixed_shares import tell_of_fixed_shares
from cltv_ml.data.free import treat_free_orders
from cltv_ml.data.lines import Lines, read_lines
from cltv_ml.data.odd_ids import tell_of_words
from cltv_ml.data.outputs import log_query, quarantine_query
from cltv_ml.data.payments import set_payments_aside
from cltv_ml.data.placeholders import set_placeholders_aside
from cltv_ml.data.quality import OPENING_CUSTOMERS
from cltv_ml.data.raw import read
from cltv_ml.data.returns import take_returns_off
from cltv_ml.data.returns_to_come import ReturnsToCome
from cltv_ml.data.revisited import Revisited
from cltv_ml.data.running_sums import check_running_sums
from cltv_ml.data.sum_rows import set_sum_rows_aside
from cltv_ml.data.totals import take_totals_once
from cltv_ml.data.versions import keep_newest, set_undone_aside
from cltv_ml.engine import MONEY_SCALE, Relation, Tabular, frame, keep, lend, literal, pattern, show, tidy
from cltv_ml.errors import InputError
from cltv_ml.files import atomic
from cltv_ml.inline import Inline
from cltv_ml.log import Log
from cltv_ml.money import log_amount
from cltv_ml.sources.paths import readable
from cltv_ml.stamps import OBSERVED_UNTIL, RETURNS_TO_COME
from cltv_ml.tables import TRANSACTIONS

#: Called with the current step and the fraction completed.
Progress: TypeAlias = Callable[[str, float], None]

#: Integer columns stay integers in the quarantine, even with missing values.
_WHOLE = {pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}


@dataclass(frozen=True)
class Cleaned(Inline):
    """The clean log, the quarantined lines, and the report."""

    log: pd.DataFrame
    quarantine: pd.DataFrame
    report: Report

    def _parts(self) -> dict[str, object]:
        """Return the parts that a notebook shows: first the sums of lines and money, then both tables."""
        report = self.report
        rules = report.rules.loc[report.rules["rows"] > 0, ["rule", "rows", "money"]]
        return {
            "source": report.source,
            "mapping": ", ".join(f"{name}={column}" for name, column in report.mapping.items()),
            "lines": f"{report.rows_in:,} in, {report.rows_kept:,} kept",
            "money": f"{report.money_in:,.2f} in, {report.money_kept:,.2f} kept",
            "set_aside": rules.reset_index(drop=True),
            "notes": report.notes,
            "log": self.log.head(5),
        }

    @cached_property
    def transactions(self) -> Log:
        """The clean log as a `Log`, opened once and shared."""
        return Log(self.log)


def clean(
    raw: Raw | Tabular,
    rules: Rules | Mapping[str, Any] | None = None,
    *,
    grain: Literal["line", "order"] = "line",
    progress: Progress | None = None,
) -> Cleaned:
    """Return the valid log of a raw table, the quarantine and the report.

    No line is lost: each is either in the log or in the quarantine, which names the rule it broke. Every
    amount is accounted for: `money_in = kept + quarantined + netted + capped`, checked on every run.

    Parameters
    ----------
    raw
        The result of `read`, or anything that `read` accepts.
    rules
        Cleaning rules, or settings by name that change the source's; None uses those of the source.
    grain
        `"line"` keeps the source's lines; `"order"` sums them to one row per `order_id`, or per customer
        and day if there is none.
    progress
        Called with the current step and the fraction completed.

    Raises
    ------
    InputError
        No date or no amount can be read, the order of day and month or the decimal separator is ambiguous, or
        the source contains several currencies without exchange rates.

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
    rules = settle_rules(rules, raw.rules)
    with tidy(), readable(raw.table, raw.source):
        applied = _apply(raw, rules, grain, progress or _silent)
        log = frame(raw.con.sql(applied.log_query(grain)))
        quarantine = raw.con.sql(applied.quarantine_query()).to_arrow_table()
        amounts = lend(raw.con, "log", pa.table({"amount": pa.array(log["amount"])}))
        report = applied.report(amounts)
    if rules.observed_until is not None:
        _check_observed(rules.observed_until, log["timestamp"].max())
    log.attrs |= applied.stamps(rules.observed_until)
    return Cleaned(TRANSACTIONS.check(log), quarantine.to_pandas(types_mapper=_WHOLE.get), report)


def clean_to_parquet(
    raw: Raw | Tabular,
    folder: str | Path,
    rules: Rules | Mapping[str, Any] | None = None,
    *,
    grain: Literal["line", "order"] = "line",
    progress: Progress | None = None,
) -> Report:
    """Clean data larger than memory, as `clean` does, into `log.parquet` and `quarantine.parquet`.

    The files appear in `folder` once they are complete. The log's path can be passed wherever a log can.
    """
    raw = raw if isinstance(raw, Raw) else read(raw)
    rules = settle_rules(rules, raw.rules)
    with (
        tidy(),
        readable(raw.table, raw.source),
        atomic(Path(folder, "log.parquet"), private=True) as log,
        atomic(Path(folder, "quarantine.parquet"), private=True) as quarantine,
    ):
        applied = _apply(raw, rules, grain, progress or _silent)
        told = ", ".join(
            f"{name}: {literal(value)}" for name, value in applied.stamps(rules.observed_until).items()
        )
        metadata = f", kv_metadata {{{told}}}" if told else ""
        for target, query in ((log, applied.log_query(grain)), (quarantine, applied.quarantine_query())):
            to = f"{literal(str(target))} (format parquet, compression zstd{metadata})"
            raw.con.execute(f"copy ({query}) to {to}")
        written = literal(pattern(log))
        return applied.report(show(raw.con, "log", f"select amount from read_parquet({written})"))


@dataclass(frozen=True)
class _Applied:
    """Result of applying the rules: lines, revised and quarantined lines, deductions for returns, and the cap."""

    raw: Raw
    lines: Lines
    revisited: Revisited
    aside: Aside
    reduced: Relation
    cap: int | None
    notes: tuple[str, ...]
    to_come: ReturnsToCome | None

    def log_query(self, grain: str) -> str:
        """Return the query for the clean log."""
        return log_query(self.lines, self.revisited, self.aside, self.reduced, self.cap, grain)

    def quarantine_query(self) -> str:
        """Return the query for the quarantined lines."""
        return quarantine_query(self.raw, self.lines, self.revisited, self.aside)

    def stamps(self, until: str | None) -> dict[str, str]:
        """Return what the log carries besides its lines (`stamps`)."""
        told = {OBSERVED_UNTIL: until, RETURNS_TO_COME: self.to_come and self.to_come.stamp}
        return {name: value for name, value in told.items() if value}

    def report(self, log: Relation) -> Report:
        """Return the reconciled report on the log."""
        [money_kept] = log.row(
            f"select coalesce(sum(cast(round(amount * {MONEY_SCALE}) as bigint)), 0) from {log}"
        )
        capped, lines = self._capped()
        notes = list(self.notes)
        if self.cap is not None:
            share = capped / max(int(money_kept) + capped, 1)
            notes.append(
                f"{lines:,} amounts above {log_amount(self.cap / MONEY_SCALE)} were capped at that value, which "
                f"reduces revenue by {share:.2%}."
            )
        report = account(self.raw, self.lines, self.aside, self.reduced, int(money_kept), capped, notes)
        return replace(report, returns_to_come=self.to_come)

    def _capped(self) -> tuple[int, int]:
        """Return the money removed by the cap, in integer minor units, and the number of lines affected."""
        if self.cap is None:
            return 0, 0
        capped, lines = self.reduced.row(
            f"select coalesce(sum(money - {self.cap}), 0), count(*) from ("
            f"select coalesce(reduced.money, marks.money) as money from {self.lines.marks} as marks "
            f"anti join {self.aside} using (source_row) left join {self.reduced} as reduced using (source_row)) "
            f"where money > {self.cap}"
        )
        return int(capped), int(lines)


def _apply(raw: Raw, rules: Rules, grain: str, progress: Progress) -> _Applied:
    """Apply the rules in order, each to the result of the previous one."""
    if grain not in ("line", "order"):
        raise InputError(f"grain must be 'line' or 'order', got {grain!r}.")
    progress("reading the lines", 0.0)
    lines = read_lines(raw, rules)
    progress("looking for duplicates", 0.3)
    aside = _set_lines_aside(raw, lines)
    notes = [*raw.notes, *lines.notes]
    notes += keep_newest(raw, lines, aside) or set_undone_aside(lines, aside)
    notes += set_placeholders_aside(lines, aside, rules)
    notes += set_payments_aside(raw, lines, aside, rules)
    notes += take_bundles_once(raw, lines, aside, rules)
    notes += take_totals_once(raw, lines, aside, rules)
    notes += set_sum_rows_aside(raw, lines, aside, rules)
    check_running_sums(raw, lines, aside, rules)
    notes += treat_duplicates(raw, lines, aside, rules)
    notes += tell_of_edited(lines, aside, raw.starts)
    notes += treat_free_orders(lines, aside, rules)
    progress("netting returns", 0.5)
    revisited = Revisited(lines)
    reduced, return_notes, to_come = take_returns_off(lines, revisited, aside, rules)
    notes += return_notes
    if rules.applies("history_before_log"):
        _set_older_customers_aside(lines, aside)
    notes += [
        *tell_of_words(raw, lines, aside),
        *tell_of_fixed_shares(raw, lines, aside),
        *doubt_period(lines, aside, raw.said),
        *doubt_total(lines, aside),
    ]
    progress("collecting the log", 0.7)
    cap = _cap(lines.marks, aside, rules)
    return _Applied(raw, lines, revisited, aside, reduced, cap, tuple(notes), to_come)


def _check_observed(until: str, last: pd.Timestamp) -> None:
    """Raise InputError if there are sales after the last day with complete data."""
    if last >= pd.Timestamp(until) + pd.Timedelta(days=1):
        raise InputError(
            f"observed_until is {until}, but the log's last sale is on {last:%Y-%m-%d}. Give the last day "
            "for which the data are complete."
        )


def _silent(doing: str, share: float) -> None:
    """Report nothing."""


def _set_lines_aside(raw: Raw, lines: Lines) -> Aside:
    """Return the lines that break a rule by themselves, and returns of orders that were never completed."""
    marks = lines.marks
    table = keep(
        raw.con,
        "aside",
        f"select source_row, rule from {marks} where rule is not null "
        f"union all select source_row, 'broken_line' from {raw.broken}",
    )
    aside = Aside(table)
    if lines.tally.breaks("not_completed"):
        aside.add(
            "not_completed",
            f"select source_row from {marks} where is_return and rule is null "
            f"and by_order in (select by_order from {marks} where rule = 'not_completed') and by_order not in ("
            f"select by_order from {marks} where rule is null and not is_return and by_order is not null)",
        )
        if "state" in lines.columns and lines.tally.returns:
            stornos = find_stornos(lines.parsed, marks, SAYS_CANCELLED)
            aside.add("not_completed", f"from {stornos} anti join {aside} using (source_row)")
    return aside


def _set_older_customers_aside(lines: Lines, aside: Aside) -> None:
    """Quarantine the lines of customers who may have bought before the log begins."""
    remaining = f"(from {lines.parsed} anti join {aside} using (source_row))"
    older = OPENING_CUSTOMERS.format(log=remaining)
    aside.add("history_before_log", f"select source_row from {remaining} where customer_id in ({older})")


def _cap(marks: Relation, aside: Aside, rules: Rules) -> int | None:
    """Return the amount, in integer minor units, above which lines are capped."""
    if rules.winsorise is None:
        return None
    middle = "select median(ln(money)) from kept"
    [cap] = marks.row(
        f"with kept as (select money from {marks} anti join {aside} using (source_row) where money > 0) "
        f"select exp(({middle}) + {rules.winsorise!r} * 1.4826 * median(abs(ln(money) - ({middle})))) from kept"
    )
    return None if cap is None else round(cap)
