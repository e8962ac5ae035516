"""How customers differ in their rates of buying and leaving, as fitted."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def rate_heterogeneity(rates: pd.DataFrame) -> go.Figure:
    """Return the fitted densities of purchase and dropout rates over customers; a steep fall means many near zero.

    Parameters
    ----------
    rates
        `evaluation.diagnostics.compute_rates`: columns `rate, x, density, mean`.
    """
    made = theme.figure("How customers differ: rates of buying and of leaving",
                        "Rate or probability", "Density, log scale")  # fmt: skip
    for number, (rate, rows) in enumerate(rates.groupby("rate", sort=False)):
        made.add_scatter(
            x=rows["x"], y=rows["density"], name=f"{rate} (mean {rows['mean'].iloc[0]:.3g})", mode="lines",
            line_color=theme.PALETTE[number],
            hovertemplate="%{x:.3f}: density %{y:.3g}<extra>" + str(rate) + "</extra>",
        )  # fmt: skip
    made.update_yaxes(type="log", dtick=1)
    return made
