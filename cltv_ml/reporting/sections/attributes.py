"""Sections on customers' attributes: how they were read, and value and bias by each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.customers import CustomerTables, describe_attributes
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.tables import compute_bias_by_group
from cltv_ml.money import format_amounts
from cltv_ml.reporting import theme
from cltv_ml.reporting.report import section

#: Fewest customers of a level: below it, a bias may be chance.
MIN_GROUP = 20


def attribute_account_section(customers: CustomerTables) -> list[dict[str, Any]]:
    """Return the section on how the tables about customers were read; empty if there are none."""
    sentences: list[str] = []
    tables: dict[str, pd.DataFrame] = {}
    if customers.attributes is not None and customers.coverage is not None:
        sentences += describe_attributes(customers.attributes, customers.coverage, left_out=False)
        table = customers.attributes.account_table()
        table["missing"] = [f"{share:.0%}" for share in table["missing"]]
        table["levels"] = [f"{levels:,}" for levels in table["levels"]]
        tables["Columns about customers"] = table.rename(columns=str.capitalize)
    if customers.contacts is not None and customers.contact_coverage is not None:
        sentences.append(f"Contacts: {customers.contacts.rows:,} rows. {customers.contact_coverage.sentence}")
        sentences += customers.contacts.notes
    return [section("Attributes of the customers", sentences, tables=tables)] if sentences else []


def by_attribute_section(
    customers: CustomerTables, result: WindowResult, name: str, *, currency: str = ""
) -> list[dict[str, Any]]:
    """Return value and bias by the levels of each attribute, protected ones too; nothing where there is none."""
    groups = compute_by_attribute(customers, result, name)
    if not len(groups):
        return []
    amounts = {what: format_amounts(groups[what], currency) for what in _MONEY_COLUMNS}
    shown = groups.assign(
        **amounts,
        customers=[f"{count:,}" for count in groups["customers"]],
        bias=[_interval(row) for _, row in groups.iterrows()],
    )
    if groups["coverage"].notna().any():
        shown["coverage"] = [f"{share:.0%}" if np.isfinite(share) else "–" for share in groups["coverage"]]
    columns = {
        "attribute": "Attribute",
        "group": "Level",
        "customers": "Customers",
        "predicted": "Predicted each",
        "realised": "Spent each",
        "bias": "Bias (95% interval)",
        **({"coverage": "In interval"} if groups["coverage"].notna().any() else {}),
    }
    sentence = (
        f"What {theme.label(name)} predicted for each level in the test window and what its customers spent, "
        f"for levels of at least {MIN_GROUP} customers. Protected columns are shown too; no model has seen "
        "them."
    )
    table = shown[list(columns)].rename(columns=columns)
    return [section("Value and bias by attribute", [sentence], tables={"By level of each attribute": table})]


_MONEY_COLUMNS = ("predicted", "realised")


def compute_by_attribute(customers: CustomerTables, result: WindowResult, name: str) -> pd.DataFrame:
    """Return a row per attribute and level: what `compute_bias_by_group` returns, and the share inside the interval."""
    table, y_true = result.predictions[name], result.y_true
    parts = []
    for attribute, groups in customers.groups(result.window.cutoff, y_true.index).items():
        bias = compute_bias_by_group(y_true, table["expected_value"], groups)
        inside = pd.Series(np.nan, index=y_true.index)
        if "value_lower" in table:
            inside = y_true.between(table["value_lower"], table["value_upper"]).astype(float)
        shares = inside.groupby(groups.to_numpy()).mean()
        bias["coverage"] = bias["group"].map(shares)
        parts.append(bias[bias["customers"] >= MIN_GROUP].assign(attribute=attribute).sort_values("group"))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _interval(row: pd.Series) -> str:
    if not np.isfinite(row["bias"]):
        return "unknown: nobody spent"
    upper = f"{row['bias_upper']:+.0%}" if np.isfinite(row["bias_upper"]) else "unbounded"
    return f"{row['bias']:+.1%} ({row['bias_lower']:+.0%} to {upper})"
