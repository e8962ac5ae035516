"""Section on several horizons: the value expected by each, and its error on its own test window."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cltv_ml.evaluation.horizons import ByHorizon, JudgedHorizon
from cltv_ml.money import format_money
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section

_MEASURED = {
    "gini": ("Gini", "{:.3f}"),
    "bias": ("Bias", "{:+.1%}"),
    "decile_mape": ("Decile error", "{:.1%}"),
    "coverage": ("In interval", "{:.1%}"),
}


def horizons_section(
    several: ByHorizon | None, curve: pd.DataFrame | None, *, currency: str = ""
) -> list[dict[str, Any]]:
    """Return the section on several horizons in a list, which is empty where there is only one."""
    if several is None:
        return []
    sentences = [
        f"The models were compared over {several.main} days. The values for other horizons are shares of "
        "those values, so they never fall as the horizon grows. Each horizon was tested on its own window, "
        "the latest of its length."
    ]
    figures = {}
    if curve is not None:
        figures["Expected spend of all customers by each horizon, with the 90% interval of the total."] = (
            plots.value_curve(curve, currency=currency)
        )
    rows = [
        _row(day, several.judged.get(day), curve, currency)
        | ({"Tested from": several.unjudged[day]} if day in several.unjudged else {})
        for day in several.days
    ]
    table = pd.DataFrame(rows).fillna("")
    return [section("Value over time", sentences, tables={"By horizon": table}, figures=figures)]


def _row(day: int, judged: JudgedHorizon | None, curve: pd.DataFrame | None, currency: str) -> dict[str, str]:
    row = {"Horizon": f"{day} days"}
    if curve is not None:
        expected = curve.set_index("day").loc[day]
        row["Expected"] = format_money(expected["value"], currency)
        ends = [format_money(expected[end], currency) for end in ("lower", "upper") if expected[end] >= 0]
        row["90% interval"] = " to ".join(ends)
    if judged is None:
        return row
    row["Tested from"] = f"{judged.window.cutoff:%Y-%m-%d}"
    scores = {name: judged.scores[name] for name in _MEASURED if name in judged.scores}
    return row | {_MEASURED[name][0]: _MEASURED[name][1].format(value) for name, value in scores.items()}
