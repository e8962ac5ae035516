"""One look for every figure: colour-blind-safe colours, quiet axes, money with thousands separators."""

from __future__ import annotations

import plotly.graph_objects as go

#: Okabe and Ito's palette, told apart by people with any common colour blindness.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A7A7A", "#A6A100")
REFERENCE = "#888888"

#: Names as a reader says them.
LABELS = {
    "same_rate": "Same rate as before",
    "bg_nbd_gamma_gamma": "BG/NBD × Gamma-Gamma",
    "pareto_nbd_gamma_gamma": "Pareto/NBD × Gamma-Gamma",
    "mbg_nbd_gamma_gamma": "MBG/NBD × Gamma-Gamma",
    "tweedie": "XGBoost Tweedie",
    "hurdle": "XGBoost hurdle",
}


def label(model: str) -> str:
    """Return a model's name as a reader says it.

    >>> label("tweedie"), label("my_model")
    ('XGBoost Tweedie', 'my model')
    """
    return LABELS.get(model, model.replace("_", " "))


def figure(title: str, x: str, y: str) -> go.Figure:
    """Return an empty figure with title, axis names and the common look."""
    made = go.Figure()
    made.update_layout(
        title={"text": title, "x": 0, "xanchor": "left", "font": {"size": 17}},
        font={"family": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif", "size": 13},
        colorway=PALETTE,
        paper_bgcolor="white",
        plot_bgcolor="white",
        separators=".,",
        hovermode="closest",
        margin={"l": 70, "r": 20, "t": 60, "b": 60},
        legend={"orientation": "h", "y": -0.22, "x": 0},
        height=440,
    )
    axis = {"gridcolor": "#e8e8e8", "zerolinecolor": "#cccccc", "linecolor": "#cccccc", "ticks": "outside"}
    made.update_xaxes(title=x, **axis)
    made.update_yaxes(title=y, **axis)
    return made


def colours(models: list[str]) -> dict[str, str]:
    """Return one colour per model, in the order given."""
    return {model: PALETTE[number % len(PALETTE)] for number, model in enumerate(models)}
