"""The scored shop, which every part of `cltv act` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml import decisions
from cltv_ml.actions.terms import Actions, Terms
from cltv_ml.customers import CleanedShop, CustomerTables
from cltv_ml.data import Cleaned
from cltv_ml.errors import InputError
from cltv_ml.evaluation.bounds import tell_overstep
from cltv_ml.features import build_features, default_features
from cltv_ml.features.catalogue import needs
from cltv_ml.log import Log
from cltv_ml.models import MBGNBD, ProbabilisticValue
from cltv_ml.models.level_spread import Spread
from cltv_ml.reporting.sections import NO_ORDER
from cltv_ml.serving import registered_model, scoring
from cltv_ml.tables import TRANSACTIONS
from cltv_ml.tracking import registry, store
from cltv_ml.windows import Window


@dataclass(frozen=True)
class Shop:
    """The log without protected columns, today's customers and what the champion expects of them."""

    log: Log
    window: Window
    X: pd.DataFrame
    predictions: pd.DataFrame
    tiers: pd.Series
    lifecycle: pd.DataFrame
    terms: Terms
    #: Customers' most frequent value of each protected column: for audits only.
    groups: pd.DataFrame
    #: The champion's version in the registry.
    version: int
    #: Each customer's level of the column that segments are divided by.
    levels: pd.Series | None = None
    #: Sentences on the weaknesses of the champion: a total outside its bounds in the test, no ranking, another season.
    doubts: tuple[str, ...] = ()
    #: Error of the total of all customers; None if the training did not measure it.
    spread: Spread | None = None
    #: Name of each product, where the data name them.
    product_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def column(self) -> str:
        """The column of the value that tiers go by, such as remaining_profit."""
        return decisions.value_column(self.terms.value, self.terms.basis)

    @property
    def values(self) -> pd.Series:
        """The value behind the tiers and lists."""
        lifetimes = self.terms.lifetimes
        if lifetimes is None:
            return self.predictions["expected_value"]
        return _chosen_value(self.terms, lifetimes, self.predictions, self.window.horizon)

    @property
    def days(self) -> int:
        """Days that the value covers: the horizon, or those to the end of `cltv lifetime`."""
        lifetimes = self.terms.lifetimes
        return (
            self.window.horizon
            if lifetimes is None or self.terms.value == "horizon"
            else int(lifetimes["end"].iloc[0])
        )

    @property
    def total(self) -> tuple[float, float]:
        """Bounds of the ratio of all customers' true total to its forecast, 1 if they are unknown."""
        return (1.0, 1.0) if self.spread is None else self.spread.interval(1.0)

    @property
    def costs(self) -> decisions.Costs:
        """The stated margin rates; none where they cannot be used, which the part on margins reports."""
        terms = self.terms
        try:
            return decisions.Costs(
                margin_rate=decisions.category_rates(self.log, terms.category_margins, terms.margin_rate)
            )
        except InputError:
            return decisions.Costs()

    @property
    def worth(self) -> pd.DataFrame:
        """The predictions with the value of lists as `expected_value`: future value only, never past spend."""
        lifetimes = self.terms.lifetimes
        if lifetimes is None or self.terms.value == "horizon":
            return self.predictions
        ahead = lifetimes.reindex(self.X.index)
        ends = {f"value_{end}": ahead[f"remaining_value_{end}"] for end in ("lower", "upper")}
        return self.predictions.assign(expected_value=ahead["remaining_value"], **ends)


def read_shop(cleaned: Cleaned, terms: Terms, actions: Actions) -> Shop:
    """Return the shop as of the day after its log, scored by the champion."""
    cleaned = CleanedShop.of(cleaned)
    cutoff = scoring.check_as_of(cleaned.transactions, None)
    store.open_existing()
    model, version = registered_model.load_registered()
    card = model.metadata.metadata
    log = replace(
        cleaned.customers.of(cleaned.log),
        table=_without_protected(cleaned.log, cleaned.customers, terms, card["features"], actions),
    )
    names = dict.fromkeys([*card["features"], *default_features(log.columns)])
    X = build_features(log, cutoff, names=list(names))
    predictions = scoring.predict_in_chunks(model, X[card["features"]])
    window = Window(cutoff, int(card["horizon"]))
    predictions = with_purchases(predictions, X, window.horizon)
    trusted = predictions["p_alive"] if decisions.tells_who_left(X, predictions["p_alive"]) else None
    rule, spread = decisions.fit_lifecycle(X), card.get("spreads", {}).get(str(card["horizon"]))
    # MLflow sorts a model's metadata by name; tiers go from the highest down.
    cuts = dict(sorted(card["tiers"].items(), key=lambda tier: -tier[1]))
    tiers = decisions.apply_tiers(predictions["expected_value"], cuts)
    if terms.lifetimes is not None:
        tiers, cuts = _lifetime_tiers(terms, terms.lifetimes, window, predictions, actions)
    actions.rules |= {"tiers": cuts, "lifecycle": rule, "model_version": version}
    return Shop(
        log=log,
        window=window,
        X=X,
        predictions=predictions
        if trusted is not None
        else predictions.drop(columns="p_alive", errors="ignore"),
        tiers=tiers.rename("tier"),
        lifecycle=decisions.apply_lifecycle(X, rule, trusted),
        terms=terms,
        groups=_protected_levels(cleaned, terms, cutoff, X.index),
        version=version,
        levels=_segment_levels(cleaned, terms, cutoff, X.index),
        doubts=_weaknesses(
            registry.read_version(version), registered_model.warn_of_total(log, card, cutoff, version)
        ),
        spread=spread and Spread(*spread),
        product_names=cleaned.product_names,
    )


def _weaknesses(version: registry.Version, of_season: str) -> tuple[str, ...]:
    sentences = (tell_overstep(version.tested), NO_ORDER if version.ranks is False else "", of_season)
    return tuple(sentence for sentence in sentences if sentence)


def _chosen_value(
    terms: Terms, lifetimes: pd.DataFrame, predictions: pd.DataFrame, horizon: int
) -> pd.Series:
    """Return the value of `cltv lifetime` that tiers go by, of the customers of `predictions`.

    Its expected profit is that of the longest horizon of a training; where the champion's own, main horizon is another,
    that horizon's revenue is turned into profit.
    """
    chosen = decisions.choose_value(lifetimes, terms.value, terms.basis).reindex(predictions.index)
    if terms.value != "horizon" or int(lifetimes["horizon"].iloc[0]) == horizon:
        return chosen
    rates = lifetimes["margin_rate"].reindex(predictions.index)
    return (predictions["expected_value"] * rates).rename(chosen.name)


def _lifetime_tiers(
    terms: Terms,
    lifetimes: pd.DataFrame,
    window: Window,
    predictions: pd.DataFrame,
    actions: Actions,
) -> tuple[pd.Series, dict[str, float]]:
    """Return tiers by a value of `cltv lifetime`, cut among today's customers, and their cut points."""
    chosen, cutoff = _chosen_value(terms, lifetimes, predictions, window.horizon), window.cutoff
    days = pd.to_datetime(lifetimes["cutoff"]).unique()
    if list(days) != [cutoff] or len(predictions.index.difference(lifetimes.index)):
        raise InputError(
            f"the lifetime values are not for this log's customers on {cutoff:%Y-%m-%d}; run cltv lifetime "
            "on the same data first."
        )
    if terms.basis == "profit":
        actions.rates = lifetimes["margin_rate"]
    cuts = decisions.fit_tiers(chosen)
    return decisions.apply_tiers(chosen, cuts), cuts


def with_purchases(predictions: pd.DataFrame, X: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Return predictions with `expected_purchases` and `p_alive`, those of MBG/NBD where the champion has none.

    Trees and the same-rate rule give no P(alive); MBG/NBD does, for one-time buyers too.
    """
    missing = [name for name in ("expected_purchases", "p_alive") if name not in predictions]
    if not missing:
        return predictions
    second = ProbabilisticValue(MBGNBD(), horizon=horizon).fit(X).predict_table(X)
    return predictions.join(second[missing])


def _without_protected(
    log: pd.DataFrame, customers: CustomerTables, terms: Terms, features: list[str], actions: Actions
) -> pd.DataFrame:
    """Return the log without the protected columns, which the champion must not have used either."""
    needed = [name for name in terms.protected if name in TRANSACTIONS.required]
    if needed:
        raise InputError(
            f"the column {needed[0]!r} cannot be protected: without it there are no customers to act on."
        )
    attributes = {f"customers.{name}": column for name, column in customers.protected_attributes().items()}
    named = {**{name: name for name in terms.protected}, **attributes}
    used = {name: sorted(named[need] for need in needs(name) if need in named) for name in features}
    using = [name for name, columns in used.items() if columns]
    if using:
        raise InputError(
            f"the champion's feature {using[0]!r} uses the protected column {used[using[0]][0]!r}; leave "
            "that column out of the mapping and train again."
        )
    absent = [name for name in customers.protected if name not in log]
    if absent:
        actions.refused["protected"] = f"the log has no column {absent[0]!r}; available: {list(log)}."
    return log.drop(columns=[name for name in terms.protected if name in log])


def _segment_levels(
    cleaned: CleanedShop, terms: Terms, cutoff: pd.Timestamp, customers: pd.Index
) -> pd.Series | None:
    """Return each customer's level of the column that segments are divided by; InputError where there is none."""
    name = terms.split_by
    if not name:
        return None
    if name in terms.protected:
        raise InputError(
            f"the column {name!r} is protected, so segments cannot be split by it; choose another column."
        )
    attributes = cleaned.customers.groups(cutoff, customers)
    if name in attributes:
        return attributes[name].rename(name)
    if name in cleaned.log and name not in TRANSACTIONS.required:
        return _most_frequent(cleaned.log, [name])[name].reindex(customers).astype("object").fillna("unknown")
    available = [*attributes, *(column for column in cleaned.log if column not in TRANSACTIONS.required)]
    raise InputError(f"the log has no column {name!r} to split segments by; available: {available}.")


def _protected_levels(
    cleaned: CleanedShop, terms: Terms, cutoff: pd.Timestamp, customers: pd.Index
) -> pd.DataFrame:
    """Return each customer's level of every protected column, of the log and of the table of customers."""
    frequent = _most_frequent(cleaned.log, [name for name in terms.protected if name in cleaned.log])
    hidden = cleaned.customers.protected_attributes().values()
    levels = cleaned.customers.groups(cutoff, customers)
    others = pd.DataFrame({column: levels[column] for column in hidden}, index=customers)
    return frequent.join(others, how="outer") if len(others.columns) else frequent


def _most_frequent(log: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return each customer's most frequent value of some columns, in alphabetical order where several are."""
    columns = {}
    for name in names:
        counts = log.groupby(["customer_id", name]).size().reset_index(name="lines")
        counts = counts.sort_values(["customer_id", "lines", name], ascending=[True, False, True])
        columns[name] = counts.drop_duplicates("customer_id").set_index("customer_id")[name]
    return pd.DataFrame(columns)


def margin_rates(customers: pd.Index, actions: Actions) -> pd.Series:
    """Return the margin rate of each customer, the mean one for those without; InputError where none is known."""
    if actions.rates is None:
        raise InputError("margins are unknown: map a cost column, or state --margin-rate.")
    return actions.rates.reindex(customers).fillna(float(actions.rates.mean()))


def mean_margin_rate(shop: Shop, actions: Actions) -> float:
    """Return the margin rate of all expected revenue; InputError where no margin is known."""
    expected = shop.predictions["expected_value"]
    return float((margin_rates(shop.X.index, actions) * expected).sum() / expected.sum())


def order_values(log: pd.DataFrame, customers: pd.Index) -> pd.Series:
    """Return each customer's mean order in currency, shrunk towards the overall mean by the weight of one order.

    An order without a number is all that the customer bought without one on that day.
    """
    order: Any = log["timestamp"].dt.normalize().astype("str")
    if "order_id" in log:
        order = log["order_id"].astype("str").fillna(order)
    orders = log.groupby(["customer_id", order.rename("order")])["amount"].sum()
    grouped = orders.groupby(level="customer_id").agg(["sum", "size"])
    mean = float(orders.mean())
    return ((grouped["sum"] + mean) / (grouped["size"] + 1)).reindex(customers).fillna(mean)


def about(shop: Shop, actions: Actions) -> pd.DataFrame:
    """Return the columns of a list about each customer: tier, segment, lifecycle, rhythm, value, where known offer."""
    parts: list[Any] = [shop.tiers, shop.lifecycle, actions.tables["customers"]["segment"]]
    parts.append(shop.predictions["expected_value"])
    if "offers" in actions.tables:
        parts.append(actions.tables["offers"]["offer"].replace("none", "no discount"))
    return pd.concat(parts, axis=1)


def draw_untreated(
    chosen: pd.DataFrame, rates: tuple[float, float], shop: Shop, actions: Actions, *, name: str
) -> pd.Series | None:
    """Return the control group among a list's customers, by tier: large enough to show the difference of the rates.

    A list too short for that leaves a fifth untreated: it cannot prove the effect, and a note reports this. `name` is
    that of the list's table.
    """
    if len(chosen) < 2:
        return None
    base, treated = rates
    try:
        size = decisions.control_size(len(chosen), treated - base, base_rate=base)
    except InputError:
        size = max(1, round(0.2 * len(chosen)))
        actions.refused[short_control(name)] = (
            f"the effect would raise the share who buy by {100 * (treated - base):.2f} percentage points. "
            f"{len(chosen):,} customers are too few to show that, even if half of them are left untreated. "
            f"For now, {size:,} of {len(chosen):,} stay untreated: add up several campaigns, or use this one "
            "only to rule out harm."
        )
    return decisions.draw_control(chosen.index, size, strata=shop.tiers.reindex(chosen.index))


def short_control(name: str) -> str:
    """Return the name of what is left out where a list is too short for its control group to show the effect."""
    return f"proof that the {list_title(name)} works"


def list_title(name: str) -> str:
    """Return the title of a list in a sentence, given the name of its table.

    >>> list_title("cross_sell_list"), list_title("retention_list")
    ('cross-sell list', 'retention list')
    """
    return f"{name.removesuffix('_list').replace('_', '-')} list"


def margins_known(actions: Actions) -> bool | None:
    """Return True where margins of customers are known, else None: nothing was stated."""
    return actions.rates is not None or None


def bounded(rates: tuple[float, float]) -> tuple[float, float]:
    """Return two rates kept away from 0 and 1, at which no size can be computed."""
    low, high = np.clip(rates, 1e-4, 1 - 1e-4)
    return float(low), float(max(high, low + 1e-9))
