"""Section on customers: value tiers and RFM segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cltv_ml.decisions.profile import UNSEGMENTED
from cltv_ml.decisions.rfm import segment_definitions
from cltv_ml.decisions.tiers import apply_tiers, fit_tiers
from cltv_ml.money import format_amounts, format_money
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section


def customers_section(
    predictions: pd.DataFrame,
    profile: pd.DataFrame,
    cutoff: pd.Timestamp,
    horizon: int,
    *,
    scored: pd.DataFrame,
    currency: str = "",
    details: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the tiers by predicted value and the segments by past behaviour, as of `cutoff`.

    Parameters
    ----------
    profile
        The result of `decisions.profile.profile_segments` at `cutoff`.
    scored
        The result of `decisions.rfm.apply_rfm` for the customers at `cutoff`.
    """
    tiers = compute_tiers(predictions)
    top = tiers.iloc[0]
    profile = profile.drop(index=UNSEGMENTED, errors="ignore")
    sentences = [
        f"As of {cutoff:%Y-%m-%d}, {tiers['customers'].sum():,} customers are expected to spend "
        f"{format_money(tiers['expected_value'].sum(), currency)} in the next {horizon} days. The "
        f"“{tiers.index[0]}” tier, {top['customers'] / tiers['customers'].sum():.0%} of them, accounts for "
        f"{top['expected_value'] / (tiers['expected_value'].sum() or 1):.0%} of that.",
        "Segments reflect what customers did (how recently, how often, for how much); tiers reflect what "
        "the champion expects.",
    ]
    return section(
        "Who the customers are",
        sentences,
        tables={
            "Tiers by predicted value": _tier_table(tiers, currency),
            "Segments by recency, frequency and money, largest revenue first": _segment_table(
                profile, currency
            ),
        },
        figures={
            "Each tier's share of customers (left) and of predicted value (right).": (
                plots.tier_pyramid(tiers, currency=currency)
            ),
            "Each segment's share of customers and of revenue so far.": plots.segment_sizes(
                profile, currency=currency
            ),
            "Customers by recency and frequency score; hover to see the segment and its spend.": plots.rfm_map(
                scored, currency=currency
            ),
        },
        details=details,
    )


def compute_tiers(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return `customers` and `expected_value` (sum) per tier, the highest first, indexed by `tier`."""
    values = predictions["expected_value"].dropna()
    cuts = fit_tiers(values)
    grouped = values.groupby(apply_tiers(values, cuts))
    table = pd.DataFrame({"customers": grouped.size(), "expected_value": grouped.sum()})
    return table.reindex(list(cuts), fill_value=0).rename_axis("tier")


def _tier_table(tiers: pd.DataFrame, currency: str) -> pd.DataFrame:
    size, total = tiers["customers"].sum(), tiers["expected_value"].sum() or 1
    return pd.DataFrame(
        {
            "Tier": tiers.index,
            "Customers": [f"{n:,}" for n in tiers["customers"]],
            "Share": [f"{n / size:.0%}" for n in tiers["customers"]],
            "Expected value": format_amounts(tiers["expected_value"], currency),
            "Share of value": [f"{value / total:.0%}" for value in tiers["expected_value"]],
            "Per customer": format_amounts(
                tiers["expected_value"] / tiers["customers"].where(tiers["customers"] > 0, 1), currency
            ),
        }
    )


def _segment_table(profile: pd.DataFrame, currency: str) -> pd.DataFrame:
    meaning = segment_definitions().set_index("segment").reindex(profile.index)
    return pd.DataFrame(
        {
            "Segment": profile.index,
            "Customers": [f"{n:,}" for n in profile["customers"]],
            "Revenue so far": format_amounts(profile["revenue"], currency),
            "Expected value": format_amounts(profile["expected_value"], currency),
            "They": meaning["meaning"].to_numpy(),
            "What to do": meaning["action"].to_numpy(),
        }
    )
