"""Sections of a shop's forecast: revenue and its parts, scenarios, equity, and the last plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.decisions.shop_plan import PlanTerms
from cltv_ml.money import format_amounts, format_money
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section

#: The parts that a forecast without margins lacks.
NO_MARGIN = "Contribution and customer equity are unknown: map a column of costs, or state a margin."

_PART_NAMES = {"known": "existing customers", "new": "new customers", "total": "all"}

#: Earlier cutoffs whose forecasts are summed up: those of about a year.
_LATEST_DRAWN = 12


def forecast_facts(
    bands: pd.DataFrame, *, none_to_come: str = "", currency: str = ""
) -> dict[str, tuple[str, str]]:
    """Return the key facts: revenue with its band, from existing and from new customers.

    Parameters
    ----------
    none_to_come
        Reason why no new customers are forecast; empty if they are.
    """
    whole = bands[(bands["span"] == "horizon") & (bands["measure"] == "revenue")].set_index("part")
    days = (whole["until"] - whole["start"]).dt.days.iloc[0]

    def fact(part: str, note: str) -> tuple[str, str]:
        """Return a part's expected sum, and what it is with its 80% band."""
        row = whole.loc[part]
        low, high = (format_money(row[f"{end}_80"], currency) for end in ("lower", "upper"))
        return format_money(row["expected"], currency), f"{note}; {low} to {high} with 80% probability"

    return {
        "Revenue": fact("total", f"expected in {days} days"),
        "Existing customers": fact("known", "part of it"),
        "New customers": ("no forecast", none_to_come) if none_to_come else fact("new", "part of it"),
    }


def forecast_answers(
    bands: pd.DataFrame,
    spans: pd.DataFrame,
    earlier: pd.DataFrame,
    notes: Sequence[str],
    *,
    currency: str = "",
) -> dict[str, list[str]]:
    """Return the answers of a forecast, by a manager's question.

    Parameters
    ----------
    spans
        Revenue of earlier spans of the horizon's length: `span` ("The 91 days before"), `revenue`.
    earlier
        Forecasts of the same length from earlier cutoffs: `cutoff`, `forecast`, `realised`.
    """
    whole = bands[(bands["span"] == "horizon") & (bands["measure"] == "revenue")].set_index("part")
    expected = float(whole.at["total", "expected"])
    compared = [
        f"{span} brought in {format_money(came, currency)}; the forecast is "
        f"{_above_or_below(expected / came - 1)}."
        for span, came in zip(spans["span"], spans["revenue"], strict=True)
        if came > 0
    ]
    answers = {
        "How does it compare?": compared,
        "How far off were earlier forecasts?": _describe_earlier(earlier),
        "What next?": [
            "Try other numbers of new customers, retention rates and baskets under “What if”. Run cltv "
            "forecast again with newer data: it then compares this forecast with the realised revenue."
        ],
        "What should you not rely on?": [note for note in notes if note != NO_MARGIN]
        or ["Single weeks or months: their bands are wider than the band of the total."],
        "What is not known?": [note for note in notes if note == NO_MARGIN],
    }
    return {question: sentences for question, sentences in answers.items() if sentences}


def _describe_earlier(earlier: pd.DataFrame) -> list[str]:
    """Return a sentence on the errors of forecasts from the last twelve cutoffs; nothing where there is none.

    >>> one = {"cutoff": pd.to_datetime(["2024-05-01"]), "forecast": [90.0], "realised": [100.0]}
    >>> _describe_earlier(pd.DataFrame(one))
    ['The only one that the log can test, from 2024-05-01, was 10% too low.']
    """
    if earlier.empty:
        return []
    earlier = earlier.tail(_LATEST_DRAWN)
    errors = earlier["forecast"] / earlier["realised"] - 1
    last = errors.iloc[-1]
    direction = (
        "right" if f"{abs(last):.0%}" == "0%" else f"{abs(last):.0%} too {'high' if last > 0 else 'low'}"
    )
    latest = f"from {earlier['cutoff'].iloc[-1]:%Y-%m-%d}, was {direction}."
    if len(earlier) == 1:
        return [f"The only one that the log can test, {latest}"]
    return [
        f"Forecasts of the same length from the last {len(earlier)} monthly cutoffs missed by "
        f"{errors.abs().mean():.0%} on average and by at most {errors.abs().max():.0%}. The latest, {latest}"
    ]


def _above_or_below(share: float) -> str:
    """Return a forecast's difference from its comparison, in words.

    >>> _above_or_below(-0.468), _above_or_below(0.15), _above_or_below(0.001)
    ('47% below that', '15% above that', 'the same')
    """
    if f"{abs(share):.0%}" == "0%":
        return "the same"
    return f"{abs(share):.0%} {'above' if share > 0 else 'below'} that"


def forecast_section(
    bands: pd.DataFrame,
    history: pd.DataFrame,
    *,
    notes: Sequence[str] = (),
    links: Mapping[str, str] | None = None,
    currency: str = "",
) -> dict[str, Any]:
    """Return the section of revenue, orders and customers with their bands."""
    horizon = bands[bands["span"] == "horizon"]
    whole = horizon[horizon["measure"] == "revenue"].set_index("part")
    total = whole.loc["total"]
    last, days = total["until"] - pd.Timedelta(days=1), (total["until"] - total["start"]).days
    money = format_money
    come = bool((bands.loc[bands["part"] == "new", "upper_95"] > 0).any())
    share = whole.at["new", "expected"] / total["expected"] if total["expected"] else 0.0
    brought = f" Customers who have not bought yet account for {share:.0%} of it." if come else ""
    return section(
        "What the shop is expected to earn",
        [
            f"From {total['start']:%Y-%m-%d} to {last:%Y-%m-%d}, the shop is expected to turn over "
            f"{money(total['expected'], currency)}, with 80% probability between "
            f"{money(total['lower_80'], currency)} and {money(total['upper_80'], currency)}.{brought}"
        ],
        tables={f"The whole horizon of {days} days": _whole(horizon, come, currency)},
        figures={
            _caption(measure, come): plots.shop_forecast(
                bands, history=history, measure=measure, currency=currency
            )
            for measure in ("revenue", "orders", "customers", *(("won",) if come else ()))
        },
        warnings=notes,
        links=links,
    )


def _whole(rows: pd.DataFrame, come: bool, currency: str) -> pd.DataFrame:
    """Return the horizon's numbers as text: money in its currency, orders and customers as counts."""
    rows = rows if come else rows[rows["part"] == "total"]
    columns = ["expected", *(f"{end}_{band}" for band in (50, 80, 95) for end in ("lower", "upper"))]
    in_money = rows["measure"].isin(["revenue", "contribution"])
    shown = rows[columns].map("{:,.0f}".format)
    shown[in_money] = _amount_table(rows.loc[in_money, columns], currency)
    names = [
        "customers won" if row.measure == "won" else f"{row.measure}, {_PART_NAMES[row.part]}"
        for row in rows.itertuples()
    ]
    bands = {f"{band}% band": _band_texts(shown, band, currency) for band in (50, 80, 95)}
    return pd.DataFrame({"Measure": names, "Expected": shown["expected"], **bands})


def _amount_table(money: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Return a table of amounts as text, all with the same digits."""
    texts = np.array(format_amounts(money.to_numpy().ravel(), currency), dtype=object)
    return pd.DataFrame(texts.reshape(money.shape), index=money.index, columns=money.columns)


def _band_texts(shown: pd.DataFrame, band: int, currency: str) -> list[str]:
    """Return the ends of a band, with their currency once."""
    ends = zip(shown[f"lower_{band}"], shown[f"upper_{band}"], strict=True)
    return [f"{low.removesuffix(f' {currency}')} to {high}" for low, high in ends]


def _caption(measure: str, come: bool) -> str:
    dashed = "; the dashed line shows existing customers alone" if come else ""
    words = {
        "revenue": "Grey shows realised values. The bands cover the revenue of all customers with 50, 80 and 95% "
        f"probability{dashed}.",
        "orders": "Orders are derived from revenue and the revenue per order of the last year.",
        "customers": "Customers who buy in a period, existing and new together.",
        "won": "Customers who buy for the first time.",
    }
    return words[measure]


def scenarios_section(
    scenarios: pd.DataFrame,
    sliders: Mapping[str, Any],
    repeat_share: float,
    *,
    links: Mapping[str, str] | None = None,
    currency: str = "",
) -> dict[str, Any]:
    """Return the section of scenarios: a table, and the sliders of `build_scenarios`."""
    plan = scenarios.iloc[0]
    shown = pd.DataFrame({"Scenario": scenarios["scenario"]})
    for name, title in (("revenue", "Revenue"), ("equity", "Equity in the horizon")):
        if name in scenarios:
            shown[title] = format_amounts(scenarios[name], currency)
            shown[f"{title}, change"] = format_amounts(scenarios[f"{name}_change"], currency)
    if plan["won"]:
        shown["Customers won"] = scenarios["won"].map("{:,.0f}".format)
    drawn = section(
        "What if",
        [
            "Each row changes one assumption. Retention is the share of a period's customers who buy again "
            f"in the next, where a period is as long as the forecast: {repeat_share:.0%} today. If more "
            "buy again, each is assumed to spend as much as those who do today; customers who also stay longer would "
            "spend more."
            if repeat_share > 0
            else "Each row changes one assumption."
        ],
        tables={"Scenarios over the whole horizon": shown},
        links=links,
    )
    return {**drawn, "scenarios": sliders}


def equity_section(
    equity: pd.DataFrame,
    terms: PlanTerms,
    periods: pd.DataFrame,
    *,
    links: Mapping[str, str] | None = None,
    currency: str = "",
) -> dict[str, Any]:
    """Return the section of customer equity within the horizon."""

    def money(value: float) -> str:
        """Return an amount in the page's currency."""
        return format_money(value, currency)

    total, horizon = equity.set_index("part").loc["total"], int(periods["days"].sum())
    come = equity.loc[equity["part"] == "new", ["equity", "upper_95"]].any(axis=None)
    rows = equity if come else equity[equity["part"] == "total"]
    columns = ["equity", "lower_80", "upper_80", "lower_95", "upper_95"]
    shown = _amount_table(rows[columns], currency)
    shown = pd.DataFrame(
        {
            "Part": rows["part"].replace(_PART_NAMES),
            "Equity": shown["equity"],
            **{f"{band}% band": _band_texts(shown, band, currency) for band in (80, 95)},
        }
    )
    return section(
        "Customer equity within the horizon",
        [
            f"The contribution of these {horizon} days alone, discounted to the first day at "
            f"{terms.discount_rate:.0%} a year, is {money(total['equity'])}, with 80% probability between "
            f"{money(total['lower_80'])} and {money(total['upper_80'])}. It leaves out what customers bring "
            "later: for that, forecast a longer horizon, or see cltv lifetime for existing customers. The "
            f"margin rate is {terms.margin_rate:.1%}"
            + (
                f" and winning a customer costs {money(terms.acquisition_cost)}."
                if terms.acquisition_cost
                else "; no acquisition cost is subtracted."
            )
        ],
        tables={f"Discounted contribution of {horizon} days": shown},
        links=links,
    )


def last_plan_section(
    judged: pd.DataFrame,
    causes: pd.DataFrame,
    *,
    links: Mapping[str, str] | None = None,
    currency: str = "",
) -> dict[str, Any]:
    """Return the section that compares the last forecast with realised numbers."""
    planned, came = judged["expected"].sum(), judged["actual"].sum()
    inside = ((judged["actual"] >= judged["lower_80"]) & (judged["actual"] <= judged["upper_80"])).mean()
    day = judged["cutoff"].iloc[0]
    off = f"{came / planned - 1:+.1%}" if planned else "nothing was expected"
    change = format_amounts(causes["change"], currency)
    return section(
        "The last forecast against realised revenue",
        [
            f"The forecast of {day:%Y-%m-%d} expected {format_money(planned, currency)} for the "
            f"{len(judged)} periods that have ended since; realised revenue was "
            f"{format_money(came, currency)} ({off}). {inside:.0%} of the periods lie within their 80% band.",
            "Volume is the number of customers, mix the share of new ones among them, frequency the orders "
            "per customer, basket the revenue per order.",
        ],
        tables={"Causes of the difference": pd.DataFrame({"Cause": causes["cause"], "Change": change})},
        links=links,
        figures={
            "Bars show realised values, points the forecast.": plots.plan_against_actual(
                judged, currency=currency
            )
        },
    )
