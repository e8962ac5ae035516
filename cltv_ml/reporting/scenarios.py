"""Interactive plan of a shop: the reader moves sliders, and the page recomputes the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.decisions.shop_plan import Parts, PlanTerms, discount_factors
from cltv_ml.money import digits
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import embed

_SLIDERS: dict[str, tuple[str, float, float, float]] = {
    "arrivals": ("Customers won, %", -50, 50, 1),
    "retention": ("Share of customers who buy again, percentage points", -10, 10, 0.5),
    "basket": ("Revenue per order, %", -30, 30, 1),
    "cost": ("Cost of winning a customer, %", -50, 100, 1),
}


def build_scenarios(
    parts: Parts,
    terms: PlanTerms,
    periods: pd.DataFrame,
    repeat_share: float,
    bands: pd.DataFrame,
    *,
    currency: str = "",
) -> dict[str, Any]:
    """Return sliders, the numbers that they work on, and the figure that they redraw.

    The page computes what `decisions.shop_plan.compute_scenarios` does, for any change.

    Parameters
    ----------
    parts
        Expected values by period.
    """
    until = periods["days"].cumsum().to_numpy()
    inputs = {
        **{name: np.round(values, 6).tolist() for name, values in parts.plain().items()},
        **{name: value for name, value in vars(terms).items() if name != "discount_rate"},
        "factors": discount_factors(until, terms.discount_rate).tolist(),
        "repeat_share": float(repeat_share) if repeat_share > 0 else None,
        "currency": currency,
        "digits": digits(currency),
    }
    drawn = plots.shop_forecast(bands, currency=currency)
    names = [trace.name for trace in drawn.data]
    inputs["trace"] = names.index("expected")
    return {
        "sliders": [
            {"name": name, "label": label, "min": low, "max": high, "step": step}
            for name, (label, low, high, step) in _sliders(parts, terms, repeat_share).items()
        ],
        "inputs": inputs,
        "figure": embed("The line follows the sliders; the bands stay those of the forecast.", drawn),
    }


def _sliders(
    parts: Parts, terms: PlanTerms, repeat_share: float
) -> dict[str, tuple[str, float, float, float]]:
    """Return the sliders that change anything in this shop; the share who buy again stays between 0 and 100%."""
    idle = {
        "cost": not terms.acquisition_cost or terms.margin_rate is None,
        "retention": not repeat_share > 0,
        "arrivals": not parts.won.any(),
    }
    sliders = {name: slider for name, slider in _SLIDERS.items() if not idle.get(name)}
    if "retention" in sliders:
        label, low, high, step = sliders["retention"]
        down, up = (int(100 * share / step) * step for share in (repeat_share, 1 - repeat_share))
        sliders["retention"] = (label, max(low, -down), min(high, up), step)
    return sliders
