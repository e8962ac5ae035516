"""The sections on acquisition: cost of a customer, value against it, and errors of earlier forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cltv_ml.decisions.acquisition_value import judged_errors
from cltv_ml.decisions.customers_won import REPORTED_AGES
from cltv_ml.money import format_amounts, format_money
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.report import section

#: Months from the first purchase in which payback is looked for.
_PAID_BACK_UP_TO = 24


def acquisition_sections(
    tables: Mapping[str, pd.DataFrame], age: int, *, known: bool, currency: str = ""
) -> list[dict[str, Any]]:
    """Return the sections of `cac`, `value`, `returns` and `judged`."""
    cac, value = (_without_only_channel(tables[name]) for name in ("cac", "value"))
    parts = [_cost(cac, currency)]
    if known:
        parts.append(_returns(_without_only_channel(tables["returns"]), value, cac, age, currency))
    return [*parts, _value_table(value, known, currency), _judged(tables["judged"], currency)]


def _without_only_channel(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table by channel; of a single channel, whose rows equal those of all channels, these alone.

    >>> table = pd.DataFrame({"channel": ["all channels", "unattributed"], "customers": [3, 3]})
    >>> len(_without_only_channel(table))
    1
    """
    apart = table["channel"] != "all channels"
    return table if table.loc[apart, "channel"].nunique() != 1 else table[~apart]


def acquisition_facts(
    tables: Mapping[str, pd.DataFrame], age: int, currency: str = ""
) -> dict[str, tuple[str, str]]:
    """Return the headlines: the cost of a customer and their value, and the payback where contribution is known."""
    won = tables["cac"].iloc[0]
    customers = f"for {won['customers']:,} customers won in the months with costs"
    facts = {"Cost per customer": (format_money(float(won["cac"]), currency), customers)}
    if tables["returns"].empty:
        value = tables["value"]
        whole = value[(value["channel"] == "all channels") & (value["age"] == age)]
        spent = {
            f"Revenue in {age} days": (
                format_money(amount, currency),
                "expected per customer; the margin is unknown",
            )
            for amount in whole["expected"].dropna()
        }
        return facts | spent
    whole = tables["returns"].iloc[0]
    if pd.notna(whole["value"]):
        about = "contribution per customer"
        if pd.notna(whole["ratio"]):
            between = f"{whole['ratio_lower']:.2f} to {whole['ratio_upper']:.2f} with 80% probability"
            about += f"; {whole['ratio']:.2f} times the cost ({between})"
        facts[f"Value in {age} days"] = (format_money(float(whole["value"]), currency), about)
    paid_back = f"in month {whole['payback']:.0f}" if pd.notna(whole["payback"]) else "not in 24 months"
    return facts | {"Paid back": (paid_back, "expected; a month is thirty days from the first purchase")}


def _cost(cac: pd.DataFrame, currency: str) -> dict[str, Any]:
    whole = cac.iloc[0]
    shown = pd.DataFrame(
        {
            "Channel": cac["channel"],
            "Customers won": cac["customers"].map("{:,}".format),
            "Cost": _amounts(cac["cost"], currency),
            "Cost per customer": _amounts(cac["cac"], currency),
            "Cost of one more customer": _amounts(cac["marginal_cac"], currency),
            "80% interval": _ends(cac["marginal_lower"], cac["marginal_upper"], currency),
        }
    )
    if shown["Cost of one more customer"].eq("").all():
        shown = shown.drop(columns=["Cost of one more customer", "80% interval"])
    return section(
        "What a customer costs",
        [
            f"{whole['customers']:,} customers were won in the months with costs, for "
            f"{format_money(whole['cost'], currency)}: {format_money(whole['cac'], currency)} each. Costs "
            "and customers without a channel have a row of their own and are never spread over the other "
            "channels.",
            *(
                ["The cost of one more customer appears where spending varied enough from month to month."]
                if "80% interval" in shown
                else []
            ),
        ],
        tables={theme.in_money("Cost by channel", currency): shown},
    )


def _returns(
    returns: pd.DataFrame, value: pd.DataFrame, cac: pd.DataFrame, age: int, currency: str
) -> dict[str, Any]:
    shown = pd.DataFrame(
        {
            "Channel": returns["channel"],
            "Cost": _amounts(returns["cac"], currency),
            f"Value in {age} days": _amounts(returns["value"], currency),
            "Value / cost": ["" if ratio != ratio else f"{ratio:.2f}" for ratio in returns["ratio"]],
            "80% interval": [
                "" if row.ratio != row.ratio else f"{row.ratio_lower:.2f} to {row.ratio_upper:.2f}"
                for row in returns.itertuples()
            ],
            "Paid back in month, realised": [
                _realised_month(row.payback_realised, row.months_observed) for row in returns.itertuples()
            ],
            "Paid back in month, expected": [_one(month) for month in returns["payback"]],
            "80% interval of the month": [
                _payback_span(row.payback_early, row.payback_late) for row in returns.itertuples()
            ],
        }
    )
    never = int(returns["never"].iloc[0])
    drawn = value.merge(cac[["channel", "cac"]].dropna(), on="channel")
    return section(
        "Customer value against acquisition cost",
        [
            "Value is contribution margin: revenue minus the cost of goods and the variable costs you "
            "stated. A month is thirty days from the first purchase.",
            *(
                [
                    f"{never:,} customers came through channels that are not expected to pay back within two "
                    "years."
                ]
                if never
                else []
            ),
        ],
        tables={theme.in_money("Value, cost and payback", currency): shown},
        figures={
            "Lines show expected values, dotted lines the cost of a customer, points the realised values of at least "
            "30 customers, or of all of a smaller channel.": (plots.payback_curve(drawn, currency=currency))
        },
    )


def _value_table(value: pd.DataFrame, known: bool, currency: str) -> dict[str, Any]:
    rows = value[value["age"].isin(REPORTED_AGES)]
    shown = pd.DataFrame(
        {
            "Channel": rows["channel"],
            "Days": rows["age"],
            "Customers": rows["customers"].map("{:,}".format),
            "Old enough": rows["seen"].map("{:,}".format),
            "Realised": _amounts(rows["realised"], currency),
            "Expected, all": _amounts(rows["expected"], currency),
            "80% interval": _ends(rows["lower"], rows["upper"], currency),
        }
    )
    if known:
        shown["Revenue, realised"] = _amounts(rows["revenue_realised"], currency)
        shown["Revenue, expected"] = _amounts(rows["revenue_expected"], currency)
    basis = "contribution" if known else "revenue"
    return section(
        "Value per customer by age",
        [f"Mean {basis} per customer up to this many days after the first purchase, that day included."],
        tables={theme.in_money("Value by channel and age", currency): shown},
    )


def _judged(judged: pd.DataFrame, currency: str) -> dict[str, Any]:
    if judged.empty:
        return section(
            "Accuracy of earlier expectations",
            [
                "The log is too short: it needs a month with 30 new customers, earlier months to learn from and "
                "180 days after it."
            ],
        )
    bias, rule, inside = judged_errors(judged).values()
    words = (
        f"the average of older customers would have been {rule:+.1%} off"
        if rule == rule
        else "there were no older customers to average"
    )
    shown = pd.DataFrame(
        {
            "Month": judged["month"].dt.strftime("%Y-%m"),
            "Customers": judged["customers"].map("{:,}".format),
            "Expected": _amounts(judged["expected"], currency),
            "80% interval": _ends(judged["lower"], judged["upper"], currency),
            "Average of older": _amounts(judged["rule"], currency),
            "Realised": _amounts(judged["realised"], currency),
        }
    )
    return section(
        "Accuracy of earlier expectations",
        [
            f"A forecast made 180 days ago for the value of {judged['customers'].sum():,} customers at day "
            f"180 would have been {bias:+.1%} off; {words}. In {round(inside * len(judged)):,} of "
            f"{len(judged):,} months, the value was inside its interval."
        ],
        tables={theme.in_money("Value at day 180", currency): shown},
    )


def _ends(lower: pd.Series, upper: pd.Series, currency: str) -> list[str]:
    ends = _amounts(pd.concat([lower, upper]), currency)
    pairs = zip(ends[: len(lower)], ends[len(lower) :], strict=True)
    return [f"{low} to {high}" if low else "" for low, high in pairs]


def _amounts(column: pd.Series, currency: str) -> list[str]:
    return format_amounts(column, currency, unit=False, missing="")


def _realised_month(month: float, observed: int) -> str:
    """Return the month in which a cost was back, or for how long it has been observed not to be.

    >>> _realised_month(3, 8), _realised_month(float("nan"), 8), _realised_month(float("nan"), 0)
    ('3', 'not in 8 so far', '')
    """
    if month == month or observed >= _PAID_BACK_UP_TO:
        return _one(month)
    return f"not in {observed} so far" if observed else ""


def _payback_span(early: float, late: float) -> str:
    """Return the interval of a payback month.

    >>> _payback_span(3, 7), _payback_span(3, float("nan")), _payback_span(float("nan"), float("nan"))
    ('3 to 7', '3 to later than 24', 'not in 24')
    """
    if early != early:
        return _one(early)
    return f"{early:.0f} to {'later than 24' if late != late else f'{late:.0f}'}"


def _one(month: float) -> str:
    return f"not in {_PAID_BACK_UP_TO}" if month != month else f"{month:.0f}"
