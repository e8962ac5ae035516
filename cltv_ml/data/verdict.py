"""The data check: whether customer lifetime value can be learned from a log, with the reasons against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import duckdb
import pandas as pd

from cltv_ml.data.account import Report
from cltv_ml.data.quality import MONEY, compute_summary, order_of_line
from cltv_ml.data.regularity import compute_regularity
from cltv_ml.data.unit_changes import LEAST_CHANGE, UnitChange, find_unit_change
from cltv_ml.inline import Inline
from cltv_ml.log import AnyLog, Log
from cltv_ml.money import Note, log_amount

#: Fewest customers in a log for naming those with a large share of the revenue.
_MANY = 20

#: Bounds of each criterion, per level of the verdict. All are rules of thumb, stated in the reasons.
NO_GO = {
    "customers": 100,
    "days": 90,
    "repeat_rate": 0.03,
    "horizon_share": 0.5,
    "regular": 0.5,
    "aside": 0.6,
    "unreadable": 0.2,
    "largest": 0.9,
    "returned": 0.8,
    "unit": 6.0,
}
CAUTION = {
    "customers": 500,
    "days": 180,
    "repeat_rate": 0.1,
    "horizon_share": 1 / 3,
    "regular": 0.2,
    "aside": 0.2,
    "unreadable": 0.01,
    "largest": 0.1,
    "unmatched": 0.01,
    "returned": 0.4,
    "to_come_back": 0.02,  # of the money of the last 91 days
    "unit": LEAST_CHANGE,
}


#: Mean amount of a line below which the stored decimals are too few.
_SMALL_AMOUNT = 0.01


@dataclass(frozen=True)
class DataVerdict(Inline):
    """Whether to train on a log: `"go"`, `"caution"` or `"no-go"`, and a sentence per doubt."""

    level: Literal["go", "caution", "no-go"]
    reasons: tuple[str, ...]

    @property
    def text(self) -> str:
        """The level and its reasons without the last full stop, to stand in a sentence.

        >>> DataVerdict("caution", ("few customers.", "a short log.")).text
        'caution: few customers; a short log'
        """
        return self.text_in("")

    def text_in(self, currency: str) -> str:
        """Return the text with a currency after the amounts of the log that state none."""
        reasons = "; ".join(Note(reason, currency).rstrip(".") for reason in self.reasons)
        return ": ".join(filter(None, [self.level, reasons]))


def _largest_rule(report: Report | None) -> str:
    """Return the rule that quarantined most lines, for the verdict on an empty log."""
    if report is None or not report.rules["rows"].any():
        return ""
    largest = report.rules.loc[report.rules["rows"].idxmax()]
    return f": {largest['rows']:,} of {report.rows_in:,} lines broke the rule {largest['rule']}"


def judge(log: AnyLog, horizon: int | None = None, report: Report | None = None) -> DataVerdict:
    """Return the verdict on a log: whether customer lifetime value can be learned from it.

    Parameters
    ----------
    log
        A clean log.
    horizon
        Days to predict; None leaves this criterion out.
    report
        The cleaning's report; None leaves out the criteria about quarantined lines and returns.

    >>> log = pd.DataFrame({"customer_id": ["a"], "timestamp": [pd.Timestamp("2024-01-01")], "amount": [1.0]})
    >>> judge(log).level
    'no-go'
    """
    log, stated = Log.of(log), "" if report is None else report.currency
    if not len(log):
        returned = [_doubt_returns(report)] if report else []
        reasons = [text for _, text in filter(None, returned)]
        if report and report.rows_in and report.money_in < 0:
            reasons.append(
                "nearly all amounts are negative. If these are the sales, reverse their sign in the export."
            )
        nothing = f"no purchase is left after cleaning{_largest_rule(report)}."
        return DataVerdict("no-go", (nothing, *(Note(text, stated) for text in reasons)))
    facts = compute_summary(log).iloc[0]
    doubts = [*_doubt_log(facts, horizon), _doubt_unit(find_unit_change(log)), *_doubt_rhythm(log, facts)]
    if report is not None:
        doubts += _doubt_report(report)
    if facts["customers"] >= _MANY:
        doubts.append(_concentration(log))
    confirmed = [doubt for doubt in doubts if doubt is not None]
    level: Literal["go", "caution", "no-go"] = "go" if not confirmed else "caution"
    if any(severe for severe, _ in confirmed):
        level = "no-go"
    return DataVerdict(level, tuple(Note(text, stated) for _, text in confirmed))


def _doubt_log(facts: pd.Series, horizon: int | None) -> list[tuple[bool, str] | None]:
    """Return doubts about the size of the log."""
    customers, days = int(facts["customers"]), int(facts["days"])
    again = f"{100 * facts['repeat_rate']:.1f} of 100 customers bought again"
    doubts = [
        _below("customers", customers, f"{customers:,} customers have an order", "customers"),
        _below("days", days, f"the log spans {days} days", "days"),
        _below("repeat_rate", facts["repeat_rate"], again, "of 100", 100),
    ]
    if not facts["revenue"]:
        doubts.append((True, "no line has a positive amount."))
    elif (mean := facts["revenue"] / facts["rows"]) < _SMALL_AMOUNT:
        text = (
            f"the mean amount of a line is {mean:.2g}, but amounts are stored with four decimals. Set a "
            "unit, such "
        )
        doubts.append((False, text + "as --rule money_unit=1000 for thousands."))
    if horizon is not None:
        text = f"the horizon of {horizon} days is {horizon / days:.0%} of the history of {days} days"
        doubts.append(_above("horizon_share", horizon / days, text))
    return doubts


def _doubt_unit(change: UnitChange | None) -> tuple[bool, str] | None:
    """Return a doubt about amounts that are in another unit from one day on."""
    if change is None:
        return None
    factor = max(change.ratio, 1 / change.ratio)
    share = f"{factor:,.3g} times" if change.ratio > 1 else f"1/{factor:,.3g} of"
    return factor >= NO_GO["unit"], (
        f"from the week of {change.day:%Y-%m-%d} on, the same customers pay {share} what they paid before: was the "
        "currency or the unit of the amounts changed? Bring all amounts to one unit, or leave out the time before."
    )


def _doubt_rhythm(log: Log, facts: pd.Series) -> list[tuple[bool, str] | None]:
    """Return doubts about customers who buy at regular intervals, because of a contract or a season."""
    if not facts["regular"] > CAUTION["regular"]:
        return []
    regularity = compute_regularity(log)
    contract = (
        f"{regularity.contract:.0%} of the frequent customers buy at regular intervals, like subscribers (these "
        "models are not designed for contractual data)"
    )
    doubts = [_above("regular", regularity.contract, contract)]
    if regularity.yearly > CAUTION["regular"]:
        text = (
            f"{regularity.yearly:.0%} of the frequent customers buy once a year with varying amounts or in the "
            "same weeks. This is seasonal rather than contractual, but purchase rate models do not expect "
            "such a pattern."
        )
        doubts.append((False, text))
    return doubts


def _doubt_report(report: Report) -> list[tuple[bool, str] | None]:
    """Return doubts about quarantined lines, unreadable amounts and unmatched returns."""
    doubts = []
    if report.rows_in:
        aside = 1 - (report.rows_kept + _undone(report)) / report.rows_in
        doubts.append(_above("aside", aside, f"{aside:.0%} of the lines were quarantined"))
    if report.rows_unreadable:
        share = report.money_unreadable / max(report.money_unreadable + report.money_kept, 1e-9)
        text = (
            f"the amount of {report.rows_unreadable:,} lines cannot be read (about "
            f"{log_amount(report.money_unreadable)}, or {share:.1%} of the money)"
        )
        doubts.append(_above("unreadable", share, text))
    return [*doubts, _unmatched(report), _doubt_returns(report), _doubt_latest(report)]


def _undone(report: Report) -> int:
    """Return the lines of purchases and their returns, which have their own bound (`returned`)."""
    return int(report.rules.loc[report.rules["rule"] == "cancellation", "rows"].sum())


def _unmatched(report: Report) -> tuple[bool, str] | None:
    """Return a doubt if unmatched returns exceed a hundredth of the revenue."""
    rows = report.rules[report.rules["rule"] == "return_without_order"]
    lines, money = int(rows["rows"].sum()), -float(rows["money"].sum())
    if money <= CAUTION["unmatched"] * report.money_kept:
        return None
    return False, (
        f"{lines:,} returns worth {log_amount(money)} match no purchase in these data, so revenue may be "
        f"{money / max(report.money_kept, 1e-9):.1%} too high."
    )


def _doubt_returns(report: Report) -> tuple[bool, str] | None:
    """Return a doubt if returns are so large that they may be payments of invoices."""
    sold = report.money_kept + report.money_returned
    share = report.money_returned / max(sold, 1e-9)
    text = (
        f"returns of {log_amount(report.money_returned)} reduced sales by {share:.0%} (if negative lines are "
        "payments, remove them from the export or use --rule off=cancellation --rule off=customer_total)"
    )
    return _above("returned", share, text)


def _doubt_latest(report: Report) -> tuple[bool, str] | None:
    """Return a doubt if the latest purchases have more than a little still to lose."""
    to_come = report.returns_to_come
    if to_come is None or to_come.share_of_recent <= CAUTION["to_come_back"]:
        return None
    return False, (
        f"customers return {to_come.share:.0%} of what they buy, nearly all of it within {to_come.days} days, so about "
        f"{log_amount(to_come.money)} of the latest purchases is still to come back. Forecasts of totals and the "
        "spend of test windows leave it out; the revenue in reports still includes it."
    )


def _concentration(log: Log) -> tuple[bool, str] | None:
    """Return a doubt that names customers with more than a tenth of the orders or revenue, if any."""
    rows = log.once("concentration", lambda: _largest_customers(log.connect()))
    if not rows:
        return None
    names = "; ".join(
        f"{name!r} has {_percent(often)} of the orders and {_percent(money)} of the revenue"
        for name, money, often in rows
    )
    largest = max(max(money, often) for _, money, often in rows)
    return _above("largest", largest, f"customer {names} (possibly a wholesaler, a till or a placeholder)")


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else "less than 1%"


def _largest_customers(con: duckdb.DuckDBPyConnection) -> list[tuple[str, float, float]]:
    """Return customers with a tenth of the orders or of the revenue, and their shares of revenue and of orders."""
    return con.sql(f"""
        with customer as (
            select customer_id, {MONEY} as revenue, count(distinct {order_of_line(con)}) as orders from log group by 1
        ), shared as (
            select customer_id, coalesce(revenue / nullif(sum(revenue) over (), 0), 0) as money,
                orders / sum(orders) over () as often from customer
        )
        select * from shared where greatest(money, often) > {CAUTION["largest"]} order by 2 desc, 1
    """).fetchall()


def _below(name: str, value: float, text: str, unit: str, scale: float = 1) -> tuple[bool, str] | None:
    for severe, bounds in ((True, NO_GO), (False, CAUTION)):
        if value < bounds[name]:
            word = "required" if severe else "recommended"
            return severe, f"{text}, fewer than the {word} {bounds[name] * scale:g} {unit}."
    return None


def _above(name: str, value: float, text: str) -> tuple[bool, str] | None:
    for severe, bounds in ((True, NO_GO), (False, CAUTION)):
        if value > bounds[name] + 1e-9:
            return (
                severe,
                f"{text}, above the {'limit' if severe else 'recommended maximum'} of {bounds[name]:.0%}.",
            )
    return None
