"""Changes since earlier scores: moves between tiers, and the shares of behaviour, prices, margins and the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from cltv_ml import decisions
from cltv_ml.actions.shop import Shop, read_shop
from cltv_ml.actions.terms import Actions, Terms
from cltv_ml.data import Cleaned
from cltv_ml.errors import InputError
from cltv_ml.features import build_features
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section
from cltv_ml.reporting.sections import tell_change
from cltv_ml.serving import registered_model, scoring
from cltv_ml.windows import Window


@dataclass(frozen=True)
class Changes:
    """The changes between two scorings."""

    #: `compute_migration` of the tiers, `account_for_change` of the predicted value.
    flows: pd.DataFrame
    change: pd.DataFrame
    #: Today's values by the earlier model (None: the same, or lost), and today's prices over the earlier ones.
    by_earlier: pd.Series | None
    prices: float
    #: Sentences on the model and on the prices.
    sentences: tuple[str, ...]


def add_changes(shop: Shop, actions: Actions) -> None:
    """Add the moves between tiers and the causes of the change in the total since an earlier call, if there is one.

    A cause that cannot be computed stays part of the others, and a sentence reports this.
    """
    if shop.terms.before is None:
        return
    before, after = (
        _with_chosen_value(table, shop) for table in (shop.terms.before, actions.tables["customers"])
    )
    before = before.dropna(subset="expected_value")
    account = _account_of_changes(before, after, shop, actions)
    actions.tables |= {"migration": account.flows, "value_change": account.change}
    currency = shop.terms.currency
    figures = {
        "Customers by tier, before and now": plots.migration_sankey(account.flows),
        "Causes of the change in the total predicted value": plots.value_waterfall(
            account.change, currency=currency
        ),
    }
    day, now = _stated(before, "cutoff"), float(after["expected_value"].sum())
    since = "" if day is None else f"{pd.Timestamp(day):%Y-%m-%d}"
    actions.changed = tell_change(account.change, now, since=since, currency=currency)
    sentences = [actions.changed, *account.sentences]
    if shop.terms.lifetimes is not None:
        sentences.append(f"The value explained here is the {shop.column.replace('_', ' ')}.")
    elif {"margin_rate", "expected_profit"} <= set(before) & set(after):
        actions.tables["profit_change"] = profit = _profit_change(
            before, after, account.by_earlier, account.prices
        )
        figures["Causes of the change in the total expected profit"] = plots.value_waterfall(
            profit, of="expected profit", currency=currency
        )
    elif "expected_profit" in after:
        sentences.append(
            "The earlier table has no margins, so the change of profit cannot be split into causes."
        )
    actions.sections.append(section("Changes since the earlier scores", sentences, figures=figures))


def _with_chosen_value(table: pd.DataFrame, shop: Shop) -> pd.DataFrame:
    """Return a table of customers whose `expected_value` is the value that tiers go by."""
    if shop.column not in table:
        raise InputError(
            f"the earlier table has no column {shop.column}; give --before the customers.csv of an earlier "
            f"cltv act --value {shop.terms.value} --basis {shop.terms.basis}."
        )
    return table.assign(expected_value=table[shop.column])


def compute_changes(cleaned: Cleaned, before: pd.DataFrame) -> Changes:
    """Return the changes since earlier scores that `cltv act --before` shows.

    Raises
    ------
    InputError
        There is no champion, or the earlier scores are of another horizon.
    """
    actions = Actions()
    shop = read_shop(cleaned, Terms(), actions)
    after = pd.concat(
        [shop.predictions.drop(columns="tier", errors="ignore"), shop.tiers, shop.lifecycle], axis=1
    )
    return _account_of_changes(before.dropna(subset="expected_value"), after, shop, actions)


def _account_of_changes(before: pd.DataFrame, after: pd.DataFrame, shop: Shop, actions: Actions) -> Changes:
    _check_horizon(before, shop)
    by_earlier, cuts, about_model = _by_earlier_model(before, shop, actions)
    prices, about_prices = _prices(before, shop)
    change = decisions.account_for_change(
        decisions.change_by_customer(before, after, same_model=by_earlier, price_ratio=prices, tiers=cuts)
    )
    values = pd.concat([before["expected_value"], after["expected_value"]], axis=1, keys=["before", "after"])
    tiers = before["tier"] if "tier" in before else decisions.apply_tiers(before["expected_value"], cuts)
    flows = decisions.compute_migration(tiers, after["tier"], values)
    return Changes(flows, change, by_earlier, prices, (about_model, about_prices))


def _check_horizon(before: pd.DataFrame, shop: Shop) -> None:
    horizon = _stated(before, "horizon")
    if horizon is not None and int(horizon) != shop.window.horizon:
        raise InputError(
            f"the earlier scores cover {int(horizon)} days and today's cover {shop.window.horizon}, so the "
            "totals cannot be compared; give --before scores of the same horizon."
        )


def _stated(before: pd.DataFrame, name: str) -> Any:
    """Return the value of a column of an earlier table if it is the same in all rows, else None."""
    days = before[name].dropna().unique() if name in before else []
    return days[0] if len(days) == 1 else None


def _by_earlier_model(
    before: pd.DataFrame, shop: Shop, actions: Actions
) -> tuple[pd.Series | None, dict[str, float], str]:
    """Return today's values by the earlier model (None if it is the same or lost), its cut points, and a sentence."""
    cuts, version = actions.rules["tiers"], _stated(before, "model_version")
    if version is None:
        return (
            None,
            cuts,
            "The earlier scores do not name their model, so its effect is part of the other causes.",
        )
    if int(version) == shop.version:
        return None, cuts, f"Version {shop.version} of the model made both scores."
    if shop.terms.lifetimes is not None:
        note = (
            f"Version {int(version)} made the earlier values and version {shop.version} made today's; the effect "
            "of the model is "
        )
        return None, cuts, note + "part of the other causes."
    try:
        model = registered_model.load_version(int(version))
        card = model.metadata.metadata
        X = build_features(shop.log, shop.window.cutoff, names=list(card["features"]))
    except InputError as error:
        return None, cuts, f"The effect of the model is part of the other causes: {error}"
    today = scoring.predict_in_chunks(model, X)["expected_value"].reindex(shop.X.index)
    cuts = dict(sorted(card["tiers"].items(), key=lambda tier: -tier[1]))
    note = f"Version {int(version)} made the earlier scores; it also scored today's customers for this comparison."
    return today, cuts, note


def _prices(before: pd.DataFrame, shop: Shop) -> tuple[float, str]:
    """Return the price index of the same products, the horizon before today over that before then, and a sentence."""
    cutoff, days = _stated(before, "cutoff"), shop.window.horizon
    if cutoff is None:
        return 1.0, "The earlier scores have no date, so the effect of prices is part of the other causes."
    then, now = (
        Window(day - pd.Timedelta(days=days), days) for day in (pd.Timestamp(cutoff), shop.window.cutoff)
    )
    try:
        ratio = decisions.price_index(shop.log, then, now)
    except InputError as error:
        return 1.0, f"The effect of prices is part of the other causes: {error}"
    return ratio, (
        f"The same goods cost {abs(ratio - 1):.1%} {'more' if ratio >= 1 else 'less'} in the {days} days "
        f"before {now.end:%Y-%m-%d} than in the {days} days before {then.end:%Y-%m-%d} (Fisher's price "
        "index). Here the other causes, except new customers, are at the earlier prices, so they differ a little from "
        "those in the report."
    )


def _profit_change(
    before: pd.DataFrame, after: pd.DataFrame, by_earlier: pd.Series | None, prices: float
) -> pd.DataFrame:
    """Return the causes of the change in expected profit; margin rates count with prices if both rates are positive."""
    rates = pd.concat([before["margin_rate"], after["margin_rate"]], axis=1, keys=["then", "now"])
    ratio = (rates["now"] / rates["then"]).where((rates > 0).all(axis=1), 1.0) * prices
    then, now = (
        table.assign(expected_value=table["expected_profit"]).dropna(subset="expected_value")
        for table in (before, after)
    )
    same_model = None if by_earlier is None else by_earlier * after["margin_rate"]
    return decisions.account_for_change(
        decisions.change_by_customer(then, now, same_model=same_model, price_ratio=ratio)
    )
