"""The sections of a shop's forecast: revenue, where it comes from, scenarios, equity, and the last plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cltv_ml.decisions.shop_plan import Parts, Terms
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.report import section
from cltv_ml.reporting.scenarios import build_scenarios

_PARTS = {"known": "known customers", "new": "customers to come", "total": "all"}


def forecast_section(bands: pd.DataFrame, history: pd.DataFrame, *, currency: str = "") -> dict[str, Any]:
    """Return the section of revenue, orders and customers with their bands."""
    whole = bands[(bands["span"] == "horizon") & (bands["measure"] == "revenue")].set_index("part")
    total = whole.loc["total"]
    last = total["until"] - pd.Timedelta(days=1)
    money = theme.format_money
    share = whole.at["new", "expected"] / total["expected"] if total["expected"] else 0.0
    shown = pd.DataFrame(
        {
            "Measure": [
                f"{row.measure}, {_PARTS[row.part]}" if row.measure != "won" else "customers won"
                for row in bands[bands["span"] == "horizon"].itertuples()
            ],
            "Expected": [money(value) for value in bands.loc[bands["span"] == "horizon", "expected"]],
            **{
                f"{band}% band": [
                    f"{money(getattr(row, f'lower_{band}'))} to {money(getattr(row, f'upper_{band}'))}"
                    for row in bands[bands["span"] == "horizon"].itertuples()
                ]
                for band in (50, 80, 95)
            },
        }
    )
    return section(
        "What the shop is expected to earn",
        [
            f"From {total['start']:%Y-%m-%d} to {last:%Y-%m-%d} the shop is expected to "
            f"turn over {money(total['expected'], currency)}: with 80% probability between "
            f"{money(total['lower_80'], currency)} and {money(total['upper_80'], currency)}. Customers who have not "
            f"bought yet bring {share:.0%} of it."
        ],
        tables={theme.in_money("The whole horizon", currency): shown},
        figures={
            _caption(measure): plots.shop_forecast(bands, history=history, measure=measure, currency=currency)
            for measure in ("revenue", "orders", "customers", "won")
        },
    )


def _caption(measure: str) -> str:
    words = {
        "revenue": "Grey is what was. The bands are of all customers together, the dashed line is of known ones.",
        "orders": "Orders follow from revenue by the revenue per order of the last year.",
        "customers": "Customers who buy in a period, known ones and new ones together.",
        "won": "Customers who buy for the first time.",
    }
    return words[measure]


def scenarios_section(
    scenarios: pd.DataFrame,
    parts: Parts,
    terms: Terms,
    periods: pd.DataFrame,
    repeat_share: float,
    bands: pd.DataFrame,
    *,
    currency: str = "",
) -> dict[str, Any]:
    """Return the section of scenarios: a table, and sliders that recompute the plan in the page."""
    plan = scenarios.iloc[0]
    shown = pd.DataFrame({"Scenario": scenarios["scenario"]})
    for name, title in (("revenue", "Revenue"), ("equity", "Customer equity")):
        if name in scenarios:
            shown[title] = [theme.format_money(value) for value in scenarios[name]]
            shown[f"{title}, change"] = [theme.format_money(value - plan[name]) for value in scenarios[name]]
    shown["Customers won"] = scenarios["won"].map("{:,.0f}".format)
    drawn = section(
        "What if",
        [
            "Each row changes one thing. Retention means that so many points more of the customers of a window buy "
            f"again in the next; today {repeat_share:.0%} do."
            if repeat_share > 0
            else "Each row changes one thing."
        ],
        tables={theme.in_money("Scenarios over the whole horizon", currency): shown},
    )
    drawn["scenarios"] = build_scenarios(parts, terms, periods, repeat_share, bands, currency=currency)
    return drawn


def equity_section(equity: pd.DataFrame, terms: Terms, *, currency: str = "") -> dict[str, Any]:
    """Return the section of customer equity within the horizon."""
    money = theme.format_money
    total = equity.set_index("part").loc["total"]
    shown = pd.DataFrame(
        {
            "Part": equity["part"].replace(_PARTS),
            "Equity": [money(value) for value in equity["equity"]],
            "80% band": [f"{money(row.lower_80)} to {money(row.upper_80)}" for row in equity.itertuples()],
            "95% band": [f"{money(row.lower_95)} to {money(row.upper_95)}" for row in equity.itertuples()],
        }
    )
    return section(
        "Customer equity within the horizon",
        [
            f"Contribution, discounted to the first day at {terms.discount_rate:.0%} a year, comes to "
            f"{money(total['equity'], currency)}. The margin rate is {terms.margin_rate:.1%}"
            + (
                f" and winning a customer costs {money(terms.acquisition_cost, currency)}."
                if terms.acquisition_cost
                else "; no cost of winning customers is taken off."
            )
        ],
        tables={theme.in_money("Discounted contribution", currency): shown},
    )


def last_plan_section(
    judged: pd.DataFrame, causes: pd.DataFrame, about: Mapping[str, Any], *, currency: str = ""
) -> dict[str, Any]:
    """Return the section that holds the last forecast against what came."""
    planned, came = judged["expected"].sum(), judged["actual"].sum()
    inside = ((judged["actual"] >= judged["lower_80"]) & (judged["actual"] <= judged["upper_80"])).mean()
    off = f"{came / planned - 1:+.1%}" if planned else "nothing was expected"
    shown = pd.DataFrame(
        {
            "Cause": causes["cause"],
            "Change": [theme.format_money(value, currency) for value in causes["change"]],
        }
    )
    return section(
        "The last plan against what came",
        [
            f"The forecast of {about['cutoff']:%Y-%m-%d} expected {theme.format_money(planned, currency)} for the "
            f"{len(judged)} periods that have ended since; {theme.format_money(came, currency)} came "
            f"({off}). {inside:.0%} of the periods lie within their 80% band.",
            "Volume is the number of customers, mix the share of new ones among them, frequency their orders, basket "
            "the revenue per order.",
        ],
        tables={"What made the difference": shown},
        figures={
            "Bars are what came, points what was planned.": plots.plan_against_actual(
                judged, currency=currency
            )
        },
    )
