"""Lines that a clean log leaves out, as a sentence for readers of the whole shop's totals."""

from __future__ import annotations

from cltv_ml.data import Cleaned
from cltv_ml.money import format_money
from cltv_ml.reporting.rule_names import SHORT_REASONS
from cltv_ml.tables import ids_among

#: Least share of the lines, or of the money, that is worth a sentence.
_LEAST_SHARE_TOLD = 0.01

#: Most reasons named.
_RULES_NAMED = 3


def describe_left_out(cleaned: Cleaned, currency: str = "") -> list[str]:
    """Return a sentence on the lines and the money that were set aside, with the main reasons; empty below 1% of both.

    Purchases that were returned, and their returns, are not counted: revenue is right without them.
    """
    report = cleaned.report
    if report is None:
        return []
    rules = report.rules[(report.rules["rows"] > 0) & (report.rules["rule"] != "cancellation")]
    share = rules["money"].abs().sum() / max(report.money_kept, 1e-9)
    if max(rules["rows"].sum() / max(report.rows_in, 1), share) < _LEAST_SHARE_TOLD:
        return []
    by_size = rules.assign(size=rules["money"].abs()).sort_values(["size", "rows"], ascending=False)
    reasons = [
        f"{SHORT_REASONS.get(one.rule, one.rule)} ({one.rows:,} lines, {format_money(one.money, currency)})"
        for one in by_size.head(_RULES_NAMED).itertuples()
    ]
    more = " and others" if len(rules) > _RULES_NAMED else ""
    return [
        f"{rules['rows'].sum():,} of the {report.rows_in:,} lines read, worth "
        f"{format_money(rules['money'].sum(), currency)}, are left out: {', '.join(reasons)}{more}. The command "
        "`cltv data check` explains them."
    ]


def describe_returned(cleaned: Cleaned) -> list[str]:
    """Return a sentence on the customers who returned all that they bought, and so are not in the log."""
    if cleaned.report is None:
        return []
    aside = cleaned.quarantine
    returned = aside.loc[aside["rule"] == "cancellation", "customer_id"].dropna()
    gone = returned[~ids_among(returned, cleaned.log["customer_id"])].nunique()
    if not gone:
        return []
    return [
        f"{gone:,} {'customer' if gone == 1 else 'customers'} returned everything they bought and "
        f"{'is' if gone == 1 else 'are'} not counted among the customers won."
    ]
