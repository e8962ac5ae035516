"""Lifetime value of every customer: realised so far, expected by the champion, and the residual beyond."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml import decisions
from cltv_ml.customers import CleanedShop, channels_won, describe_channels, read_acquisition_costs
from cltv_ml.customers.cost_currency import check_cost_currency, describe_cost_currency
from cltv_ml.errors import InputError
from cltv_ml.evaluation.explain import top_reasons
from cltv_ml.evaluation.future import Future, forecast_future
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.features import build_features
from cltv_ml.files import atomic, table_file, together, write_table
from cltv_ml.inline import Inline
from cltv_ml.log import Log
from cltv_ml.models import Spread
from cltv_ml.models.value_curve import check_discount_rate
from cltv_ml.money import format_money
from cltv_ml.pipelines.inputs import load, read_rates, with_currency, without_effect
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.serving import registered_model, scoring
from cltv_ml.settings import Lifetime as LifetimeSettings
from cltv_ml.settings import Settings
from cltv_ml.tables import values_by_horizon
from cltv_ml.tracking import store
from cltv_ml.windows import days_in_words, to_days

#: Days for which what was expected in all is kept, so that it can be held against what follows.
_PATH = (30, 61, 91, 122, 152, 182, 273, 365, 547, 730, 1096, 1461, 1826)


@dataclass(frozen=True)
class Lifetimes(Inline):
    """The table by `customer_id`, its totals by name with 90% intervals, sentences to read first, and the file."""

    table: pd.DataFrame
    totals: pd.DataFrame
    notes: list[str]
    file: Path


@dataclass(frozen=True)
class _Profit:
    """Margins by customer, contribution rates and acquisition costs (None if not known), and sentences on them."""

    margins: pd.DataFrame | None
    rates: pd.Series | None
    paid: pd.Series | None
    notes: list[str]


@with_bar
def lifetime(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Lifetimes:
    """Return the lifetime value of every customer as of the end of the log, and write it to `out`.

    The champion's value for its horizon is continued by the most likely purchase model of today's customers
    (`models.future_value`), so values of all horizons are consistent: they never fall as the horizon grows. The totals
    and the assumptions are written to a .json file of the same name, for `cltv act`, `report` and `monitor`.

    Raises
    ------
    InputError
        There is no champion, a horizon or the end is impossible or the horizons do not increase, the end does not lie
        beyond the champion's horizon, a rate is impossible, or the costs cannot be used.
    """
    settings = LifetimeSettings.of(settings, options)
    settings = settings.model_copy(update={"out": table_file(settings.out, "lifetime.parquet")})
    days, end = _check_horizons(settings)
    cleaned = load(settings, progress)
    settings = with_currency(settings, cleaned)
    log = cleaned.transactions
    cutoff = scoring.check_as_of(log, None)
    profit = _profit(log, cleaned, cutoff, settings)
    progress("scoring the customers", 0.3)
    store.open_existing()
    model, version = registered_model.load_registered()
    card = model.metadata.metadata
    registered_model.warn_of_total(log, card, cutoff, version)
    X = build_features(log, cutoff, names=list(card["features"]))
    scores = scoring.predict_in_chunks(model, X[card["features"]])
    own = values_by_horizon(scores, int(card["horizon"]))
    horizon = max(own.columns)
    if end <= horizon:
        raise InputError(
            f"the end, {days_in_words(end)} ahead, must lie beyond the champion's horizon of "
            f"{days_in_words(horizon)}."
        )
    progress("following customers beyond the horizon", 0.6)
    measured = card.get("spreads", {}).get(str(horizon))
    spread = measured and Spread(*measured)
    followed = _end_without_dropout(settings, end, (cutoff - log.first.normalize()).days, [horizon, *days])
    ends = [day for day in (followed, end) if day > horizon]
    future = forecast_future(log, X, own, cutoff, spread=spread, days=[*days, *ends], path=_PATH)
    end, capped = _bounded_end(future, end, followed)
    table = _lifetime_table(log, future, profit, (horizon, end), settings.discount_rate)
    progress("drawing intervals", 0.8)
    table, totals = _with_intervals(table, future, (horizon, end))
    chosen = decisions.choose_value(table, settings.value, settings.basis)
    cuts = decisions.fit_tiers(chosen)
    further = future.by_horizon(days)
    table = table.join(further.rename(columns=lambda day: f"value_{day}d")).assign(
        tier=decisions.apply_tiers(chosen, cuts),
        cutoff=cutoff,
        horizon=horizon,
        end=end,
        model_version=version,
    )
    if settings.top_reasons:
        native = model.unwrap_python_model().model
        table = table.join(_value_reasons(native, X[card["features"]], table, own[horizon], settings))
    shown = further.drop(columns=end, errors="ignore").join(future.expected([end]))
    path = future.expected_path([*(day for day in _PATH if day < end), end], shown)
    doubts = [
        capped,
        _describe_missed_dropout(future.model.missed_),
        _describe_returns(log, table["value_to_date"].sum(), settings.currency),
    ]
    notes = _lifetime_notes(table, (horizon, end), profit, [*filter(None, doubts)])
    _write_account(settings, table, totals, notes, cuts, path)
    return Lifetimes(table, totals, notes, settings.out)


def _check_horizons(settings: LifetimeSettings) -> tuple[list[int], int]:
    """Return the horizons and the end in days."""
    check_discount_rate(settings.discount_rate)
    days = [to_days(horizon) for horizon in settings.horizons]
    if days != sorted(set(days)):
        raise InputError(
            f"horizons must increase and differ, got {', '.join(settings.horizons)} "
            f"({', '.join(map(str, days))} days); write them from the shortest to the longest."
        )
    end = to_days(settings.end, "end")
    if days and days[-1] > end:
        raise InputError(
            f"the horizon of {days_in_words(days[-1])} reaches beyond the end, {days_in_words(end)} ahead; "
            "choose a shorter horizon or a later end."
        )
    return days, end


def _profit(log: Log, cleaned: CleanedShop, cutoff: pd.Timestamp, settings: LifetimeSettings) -> _Profit:
    """Return margins and costs for the profit, and sentences on them."""
    stated = settings.margin_rate is not None or settings.category_margins is not None
    paid, cost_notes = paid_to_win(cleaned, log, settings.acquisition_cost, cutoff, settings.currency)
    if "cost" not in log.columns and not stated:
        return _Profit(None, None, None, [_unknown_profit(settings)])
    own = None if settings.category_margins is None else read_rates(settings.category_margins)
    costs = decisions.Costs(
        margin_rate=decisions.category_rates(log, own, settings.margin_rate),
        per_order=settings.per_order,
        share_of_amount=settings.share_of_amount,
    )
    filled, notes = decisions.fill_cost_gaps(log, stated=stated)
    margins = decisions.with_rates(
        decisions.compute_margins(filled, "customer_id", costs=costs),
        returned_share=settings.returned_share,
        rebate_share=settings.rebate_share,
    )
    rates = decisions.customer_margin_rates(margins, decisions.margin_credibility(filled, costs))
    return _Profit(margins, rates, paid, [*notes, *cost_notes])


def _unknown_profit(settings: LifetimeSettings) -> str:
    """Return a sentence that profit is unknown, with the stated costs that are therefore not used."""
    costs = ("per_order", "share_of_amount", "returned_share", "rebate_share", "acquisition_cost")
    sentences = [
        "Profit is unknown: map a cost column, or state --margin-rate.",
        without_effect(settings, costs),
    ]
    return " ".join(filter(None, sentences))


def paid_to_win(
    cleaned: CleanedShop, log: Log, stated: Any, cutoff: pd.Timestamp, currency: str = ""
) -> tuple[pd.Series, list[str]]:
    """Return each customer's acquisition cost, from a figure or a table, and sentences on it.

    Raises
    ------
    InputError
        The costs cannot be used, or are in another currency than the log.
    """
    if isinstance(stated, float):
        return decisions.cost_of_winning(log, stated)
    table = read_acquisition_costs(stated)
    check_cost_currency(table, currency)
    named = set(table["channel"].dropna()) if "channel" in table else set()
    channels = channels_won(cleaned.customers, cutoff, log.customers, named) if named else None
    paid, notes = decisions.cost_of_winning(log, table, channels)
    return paid, [*describe_channels(channels), *describe_cost_currency(table, currency), *notes]


def _end_without_dropout(settings: LifetimeSettings, end: int, history: int, horizons: list[int]) -> int:
    """Return the last day of a log that shows no dropout: the stated one, else `history` or the longest horizon."""
    return end if "end" in settings.model_fields_set else min(end, max(history, *horizons))


def _bounded_end(future: Future, end: int, followed: int) -> tuple[int, str]:
    """Return the end, which is `followed` days ahead if the log shows no dropout, and a sentence on that."""
    stays = future.model.no_dropout(future.X)
    if stays is None:
        return end, ""
    return followed, (
        f"The purchase model finds almost no dropout ({stays:.0%} of today's customers are expected to still be "
        "customers in five years), so the residual value has no natural limit: "
        + (
            f"it is capped at {days_in_words(followed)} ahead, the length of the log or the longest horizon; "
            "state --end to follow customers for longer."
            if followed < end
            else "only the end date limits it."
        )
    )


def _describe_missed_dropout(missed: tuple[float, float, float] | None) -> str:
    """Return a sentence on the dropout beyond the year that the log shows and the purchase model misses."""
    kept, expected, rate = missed or (1.0, 1.0, 0.0)
    if not rate:
        return ""
    return (
        f"In the log, customers kept {kept:.0%} of their spend a year later, where the purchase model expects "
        f"{expected:.0%}. The part of that shortfall beyond chance, {1 - np.exp(-rate):.1%} a year, is taken off the "
        "spend beyond the next year."
    )


def _describe_returns(log: Log, spent: float, currency: str) -> str:
    """Return a sentence on the spend so far that later returns will probably take; empty if there is none."""
    back = decisions.money_to_come_back(log)
    if back <= 0:
        return ""
    return (
        f"The value to date includes about {format_money(back, currency)} ({back / (spent or 1):.1%}) of the latest "
        "purchases that customers will probably still return; expected values count only what they keep."
    )


def _lifetime_table(
    log: Log, future: Future, profit: _Profit, days: tuple[int, int], discount_rate: float
) -> pd.DataFrame:
    """Return the sums of each customer, in revenue and, if costs are known, in profit."""
    horizon, end = days
    expected = future.expected([horizon, end], discount_rate)
    parts = pd.DataFrame(
        {"expected_value": expected[horizon], "residual_value": expected[end] - expected[horizon]}
    )
    return decisions.compute_lifetime(
        decisions.value_to_date(log), parts, profit.margins, rates=profit.rates, paid=profit.paid
    )


def _with_intervals(
    table: pd.DataFrame, future: Future, days: tuple[int, int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table with each customer's 90% bounds, and the totals with the bounds of the draws' totals.

    Draws beyond the horizon are those up to the end minus those within the horizon, from the same parameters. The total
    within the horizon has the interval of the training's report, which already includes the uncertainty that draws of
    customers would add again.
    """
    rates = table.get("margin_rate")
    ends = future.interval(days[1], table["remaining_value"])
    whole, profit = future.totals(days[1], table["remaining_value"], rates)
    within, profit_within = future.totals(days[0], table["expected_value"], rates)
    drawn = {"value": (within, whole), "profit": (profit_within, profit)}
    parts = table.filter(regex="_(value|profit|to_date)$")
    totals = pd.DataFrame({"total": parts.sum()}).rename_axis("part")
    for basis, (near, far) in drawn.items():
        if f"remaining_{basis}" not in table:
            continue
        scaled = ends if basis == "value" else np.sort(ends.mul(table["margin_rate"], axis=0), axis=1)
        past = table[f"{basis}_to_date"].to_numpy()
        for name, added in (("remaining", 0.0), ("lifetime", past[:, None])):
            table[[f"{name}_{basis}_lower", f"{name}_{basis}_upper"]] = scaled + added
        before = totals.at[f"{basis}_to_date", "total"]
        sums = {"expected": near, "residual": far - near, "remaining": far, "lifetime": far + before}
        for name, total in sums.items():
            totals.loc[f"{name}_{basis}", ["lower", "upper"]] = np.quantile(total, [0.05, 0.95])
        if future.spread is not None:
            expected = f"expected_{basis}"
            totals.loc[expected, ["lower", "upper"]] = future.spread.interval(totals.at[expected, "total"])
    return table, totals


def _value_reasons(
    model: Any, X: pd.DataFrame, table: pd.DataFrame, values: pd.Series, settings: LifetimeSettings
) -> pd.DataFrame:
    """Return the reasons for the chosen value: the champion's, scaled to that value, and the past value."""
    profit = settings.basis == "profit"
    ahead = "expected" if settings.value == "horizon" else "remaining"
    chosen = table[decisions.value_column({"expected": "horizon"}.get(ahead, ahead), settings.basis)]
    scale = (chosen / values.where(values > 0)).fillna(0.0)
    past = {
        "earned so far" if profit else "spent so far": table["profit_to_date" if profit else "value_to_date"]
    }
    past_parts = pd.DataFrame(past, index=X.index) if settings.value == "lifetime" else None
    return top_reasons(model, X, settings.top_reasons, scale=scale, known=past_parts)


def _lifetime_notes(
    table: pd.DataFrame, days: tuple[int, int], profit: _Profit, doubts: list[str]
) -> list[str]:
    """Return notes to read before the numbers."""
    horizon, end = days
    later, ahead = table["residual_value"].sum(), table["remaining_value"].sum()
    note = (
        f"{later / (ahead or 1):.0%} of the revenue to come ({decisions.residual_share(table):.0%} of the lifetime "
        f"value) lies beyond the horizon of {days_in_words(horizon)}, up to {days_in_words(end)} ahead; the training's "
        "test window has not measured that part."
    )
    return [*([note] if later else []), *doubts, *profit.notes]


def _write_account(
    settings: LifetimeSettings,
    table: pd.DataFrame,
    totals: pd.DataFrame,
    notes: list[str],
    cuts: dict[str, float],
    path: pd.Series,
) -> None:
    """Write the table, and next to it the totals and their terms; `path` is the total expected within each day."""
    first = table.iloc[0]
    account = {
        "cutoff": f"{first['cutoff']:%Y-%m-%d}",
        "horizon": int(first["horizon"]),
        "end": int(first["end"]),
        "model_version": int(first["model_version"]),
        "customers": len(table),
        "discount_rate": settings.discount_rate,
        "value": settings.value,
        "basis": settings.basis,
        "currency": settings.currency,
        "tiers": cuts,
        "notes": notes,
        "totals": json.loads(totals.reset_index().to_json(orient="records")),
        "expected_by_day": {day: float(total) for day, total in path.items()},
    }
    with together():
        write_table(table.reset_index(), settings.out)
        with atomic(settings.out.with_suffix(".json")) as file:
            file.write_text(json.dumps(account, indent=1), encoding="utf-8")
