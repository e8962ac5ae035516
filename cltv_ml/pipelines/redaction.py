"""Redacted pages: the customers whose ids they must not contain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from cltv_ml.data import Cleaned
from cltv_ml.reporting.redact import redact


def as_wanted(summary: dict[str, Any], wanted: bool, customers: Cleaned | Iterable[Any]) -> dict[str, Any]:
    """Return a page's summary, without customers' ids if it is to be redacted."""
    if not wanted:
        return summary
    if isinstance(customers, Cleaned):
        aside = pd.Series(customers.quarantine["customer_id"]).dropna().unique()
        customers = [*customers.transactions.customers, *aside]
    return redact(summary, customers)
