"""Value tiers, segments and lifecycle stages of customers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml import decisions
from cltv_ml.actions.shop import Shop
from cltv_ml.actions.terms import Actions
from cltv_ml.money import format_amounts
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section


def add_segments(shop: Shop, actions: Actions) -> None:
    """Add the table `customers` (tier, segment, lifecycle, model version, day of the score) and segment profiles."""
    rfm = decisions.compute_rfm(shop.log, shop.window.cutoff)
    actions.rules["rfm"] = decisions.fit_rfm(rfm)
    scored = decisions.apply_rfm(rfm, actions.rules["rfm"])
    actions.tables["customers"] = _customer_table(shop, scored)
    profiles = {
        "segments_by_value": shop.tiers,
        "segments_by_rfm": scored["segment"],
        "segments_by_lifecycle": shop.lifecycle["lifecycle"],
    }
    for name, groups in profiles.items():
        actions.tables[name] = _profile(shop, groups)
    if shop.levels is not None:
        _split_segments(shop, shop.levels, scored["segment"], actions)
    actions.tables["segment_definitions"] = decisions.segment_definitions()
    tiers = shop.values.groupby(actions.tables["customers"]["tier"]).agg(["size", "sum"])
    tiers = (
        tiers.set_axis(["customers", "expected_value"], axis=1).reindex(["high", "medium", "low"]).dropna()
    )
    actions.sections.append(
        section(
            "Who the customers are",
            [_about_tiers(shop)],
            figures={
                f"Share of customers and of {_tier_basis(shop)} by tier": plots.tier_pyramid(
                    tiers, of=_tier_basis(shop), currency=shop.terms.currency
                ),
                "Share of customers and of revenue by segment": plots.segment_sizes(
                    actions.tables["segments_by_rfm"], currency=shop.terms.currency
                ),
                "Customers by recency and frequency score": plots.rfm_map(
                    scored, currency=shop.terms.currency
                ),
            },
        )
    )


def _customer_table(shop: Shop, scored: pd.DataFrame) -> pd.DataFrame:
    """Return each customer's predictions, tier, lifecycle and segment, with the model version and day of the score."""
    parts = [
        shop.predictions.drop(columns="tier", errors="ignore"),
        shop.tiers,
        shop.lifecycle,
        scored[["rfm", "segment"]],
    ]
    chosen = {shop.column: shop.values} if shop.column != "expected_value" else {}
    return pd.concat(parts, axis=1).assign(
        **chosen, cutoff=shop.window.cutoff, horizon=shop.window.horizon, model_version=shop.version
    )


def _tier_basis(shop: Shop) -> str:
    """Return the name of the value behind the tiers, in words."""
    if shop.terms.lifetimes is None:
        return "predicted value"
    if shop.terms.value == "horizon":
        return f"expected {shop.terms.basis} of {int(shop.terms.lifetimes['horizon'].iloc[0])} days"
    return f"{shop.terms.value} {shop.terms.basis}"


def _about_tiers(shop: Shop) -> str:
    if shop.terms.lifetimes is None:
        return "Tiers use the cut points stored with the model at training, so you can compare months."
    return (
        f"Tiers are based on each customer's {_tier_basis(shop)} from cltv lifetime: the top fifth of "
        "today's customers are high, the next three tenths medium. Lists only count value still to come, "
        "never past value."
    )


def _profile(shop: Shop, groups: pd.Series) -> pd.DataFrame:
    """Return the profile of each group, with the value behind the tiers and its bounds, if not the champion's."""
    predictions = shop.predictions.assign(expected_value=shop.values)
    if (lifetimes := shop.terms.lifetimes) is not None:
        own = lifetimes.reindex(predictions.index)
        for end in ("lower", "upper"):
            predictions[f"value_{end}"] = own.get(f"{shop.column}_{end}", np.nan)
    table = decisions.profile_segments(
        shop.log, groups, predictions=predictions, cutoff=shop.window.cutoff, costs=shop.costs
    )
    return table.rename(columns={"expected_value": shop.column})


def _split_segments(shop: Shop, levels: pd.Series, segments: pd.Series, actions: Actions) -> None:
    """Add the level of each customer, and a profile of every segment and level together."""
    name = str(levels.name)
    level_of = levels.reindex(segments.index).fillna("unknown")
    actions.tables["customers"] = actions.tables["customers"].assign(**{name: level_of})
    groups = (segments.astype("str") + ", " + level_of.astype("str")).rename("segment")
    table = _profile(shop, groups)
    actions.tables["segments_by_attribute"] = table
    actions.sections.append(
        section(f"Segments by {name}", tables={f"Each segment, split by {name}": _shown_profile(table, shop)})
    )


def _shown_profile(table: pd.DataFrame, shop: Shop) -> pd.DataFrame:
    """Return the columns of a profile that a page shows, as text under plain headings."""
    money = {
        "Revenue so far": table["revenue"],
        shop.column.replace("_", " ").capitalize(): table[shop.column],
    }
    amounts = {heading: format_amounts(column, shop.terms.currency) for heading, column in money.items()}
    counts = {name.capitalize(): [f"{count:,}" for count in table[name]] for name in ("customers", "orders")}
    return pd.DataFrame({"Segment": table.index.astype("str"), **counts, **amounts})
