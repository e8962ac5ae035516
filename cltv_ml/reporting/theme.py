"""Theme of all figures, light and dark: colour-blind-safe colours, plain axes, amounts with separators."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, ParamSpec
from unicodedata import east_asian_width

import pandas as pd
import plotly.graph_objects as go

from cltv_ml import money
from cltv_ml.errors import unknown_name

#: Okabe and Ito's palette, distinguishable with any common colour blindness; blue and yellow are shifted a little so
#: that every colour is visible on a white and on a dark page, and violet replaces its second blue.
PALETTE = ("#1F7FC4", "#D55E00", "#009E73", "#CC79A7", "#B98000", "#9933EE", "#7F7F7F", "#8F8B00")
ACTUAL, MODEL, REFERENCE = "#8A8F96", PALETTE[0], "#8A8F96"
GAIN, LOSS = PALETTE[2], PALETTE[1]

#: Low to high, readable with any common colour blindness.
SEQUENTIAL = "Cividis"

#: Display names of models.
MODEL_LABELS = {
    "same_rate": "Same rate as before",
    "bg_nbd": "BG/NBD",
    "pareto_nbd": "Pareto/NBD",
    "pareto_nbd_calendar": "Pareto/NBD with a season",
    "ggompertz_nbd": "GGompertz/NBD",
    "pareto_ggg": "Pareto/GGG",
    "pareto_nbd_abe": "Pareto/NBD, log-normal rates",
    "pareto_nbd_sarmanov": "Pareto/NBD, correlated rates",
    "pareto_nbd_correlated_spend": "Pareto/NBD × Gamma-Gamma, correlated",
    "mbg_nbd": "MBG/NBD",
    "mbg_cnbd": "MBG/CNBD-k",
    "nbd": "NBD",
    "bg_bb": "BG/BB",
    "tweedie": "XGBoost Tweedie",
    "hurdle": "XGBoost hurdle",
    "hybrid": "XGBoost hybrid",
    "ziln": "Zero-inflated lognormal",
    "quantile": "XGBoost quantiles",
    "mean": "Equal-weight mean",
    "ensemble": "Ensemble",
}

_COLOURS = {
    "light": {"text": "#1c2733", "page": "#ffffff", "grid": "#e6e8eb", "line": "#c3c9d0"},
    "dark": {"text": "#e4e9ee", "page": "#1a2129", "grid": "#2f3943", "line": "#4c5965"},
}


def label(model: str) -> str:
    """Return a model's name as pages show it.

    >>> label("tweedie"), label("pareto_nbd_gamma_gamma"), label("my_model")
    ('XGBoost Tweedie', 'Pareto/NBD × Gamma-Gamma', 'my model')
    """
    purchases = model.removesuffix("_gamma_gamma")
    if purchases != model:
        return f"{label(purchases)} × Gamma-Gamma"
    for ending, words in (("_covariates", "with attributes"), ("_pooled", "by group")):
        if model.endswith(ending):
            return f"{label(model.removesuffix(ending))} {words}"
    return MODEL_LABELS.get(model, model.replace("_", " "))


def template(mode: str) -> go.layout.Template:
    """Return the plotly template of a mode, "light" or "dark", which holds all differences between the two.

    Raises
    ------
    InputError
        The mode is neither.
    """
    if mode not in _COLOURS:
        raise unknown_name("theme", mode, _COLOURS)
    colour = _COLOURS[mode]
    axis = {
        "gridcolor": colour["grid"],
        "zerolinecolor": colour["line"],
        "linecolor": colour["line"],
        "tickcolor": colour["line"],
        "ticks": "outside",
        "automargin": True,
        "title": {"standoff": 8},
        # 12,500 and 350,000 in full, from a million on 1M, 2.5B.
        "separatethousands": True,
        "exponentformat": "B",
        "minexponent": 5,
    }
    bar = {name: axis[name] for name in ("separatethousands", "exponentformat", "minexponent")}
    return go.layout.Template(
        layout={
            "font": {
                "family": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif",
                "size": 13,
                "color": colour["text"],
            },
            "title": {"x": 0, "xanchor": "left", "xref": "container", "pad": {"l": 16}, "font": {"size": 17}},
            "colorway": list(PALETTE),
            "paper_bgcolor": colour["page"],
            "plot_bgcolor": colour["page"],
            "hoverlabel": {"bgcolor": colour["page"], "font": {"color": colour["text"]}},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": colour["line"], "activecolor": colour["text"]},
            "xaxis": axis,
            "yaxis": axis,
        },
        data={"heatmap": [{"colorbar": bar}]},
    )


def figure(title: str, x: str = "", y: str = "") -> go.Figure:
    """Return an empty figure with title, axis names and the light look."""
    empty = go.Figure()
    empty.update_layout(
        template=template("light"),
        title={"text": title},
        separators=".,",
        hovermode="closest",
        margin={"l": 60, "r": 28, "t": 96, "b": 50},
        legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"},
        height=440,
    )
    empty.update_xaxes(title_text=x)
    empty.update_yaxes(title_text=y)
    return empty


def colours(models: Iterable[str]) -> dict[str, str]:
    """Return one colour per model, in the order given."""
    return {model: PALETTE[number % len(PALETTE)] for number, model in enumerate(models)}


def line_styles(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the colour and dash of one line per name: beyond the palette's colours they repeat with another dash.

    >>> styles = line_styles(f"model {number}" for number in range(9))
    >>> styles["model 0"]["color"] == styles["model 8"]["color"], styles["model 0"]["dash"], styles["model 8"]["dash"]
    (True, 'solid', 'dashdot')
    """
    return {
        name: {"color": colour, "dash": _DASHES[number // len(PALETTE) % len(_DASHES)]}
        for number, (name, colour) in enumerate(colours(names).items())
    }


#: Lines of names; plain dashes and dots are those of references.
_DASHES = ("solid", "dashdot", "longdash", "longdashdot")


def log_axis(values: Iterable[float]) -> dict[str, Any]:
    """Return the settings of a logarithmic axis for these values: powers of ten, under two decades 2 and 5 too.

    >>> log_axis([1.0, 5000.0]), log_axis([12.0, 70.0])
    ({'type': 'log', 'dtick': 1}, {'type': 'log', 'dtick': 'D2'})
    """
    drawn = [float(value) for value in values if value > 0]
    wide = not drawn or max(drawn) >= 100 * min(drawn)
    return {"type": "log", "dtick": 1 if wide else "D2"}


def add_faint_bars(
    figure: go.Figure,
    x: pd.Series,
    y: pd.Series,
    name: str,
    hover: str,
    *,
    colour: str = PALETTE[0],
    **more: Any,
) -> go.Figure:
    """Add pale bars that leave lines and points over them visible; return the figure."""
    return figure.add_bar(
        x=x, y=y, name=name, marker_color=colour, opacity=0.6, hovertemplate=hover + "<extra></extra>", **more
    )


def add_line(
    figure: go.Figure,
    x: pd.Series | Sequence[str],
    y: pd.Series,
    name: str,
    hover: str,
    *,
    colour: str = MODEL,
    mode: str = "lines",
    **more: Any,
) -> go.Figure:
    """Add a line, with points where `mode` is "lines+markers"; return the figure."""
    line = {"name": name, "mode": mode, "line_color": colour, "hovertemplate": hover + "<extra></extra>"}
    return figure.add_scatter(x=x, y=y, **line, **more)


def add_actual_and_expected(
    figure: go.Figure, x: pd.Series, actual: pd.Series, expected: pd.Series, **more: Any
) -> go.Figure:
    """Add the line of actual values and the dashed line of expected ones; return the figure."""
    for name, values, colour, dash in (
        ("actual", actual, ACTUAL, "solid"),
        ("expected", expected, MODEL, "dash"),
    ):
        figure.add_scatter(x=x, y=values, name=name, line={"color": colour, "dash": dash}, **more)
    return figure.update_layout(hovermode="x unified").update_yaxes(rangemode="tozero")


def by_span(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield the name, colour and rows of each `span` of an audit's table."""
    for span, colour in colours(dict.fromkeys(table["span"])).items():
        yield "whole log" if span == "all" else span, colour, table[table["span"] == span]


def right_axis(title: str, **more: Any) -> dict[str, Any]:
    """Return the settings of a second y axis, on the right, for a figure of two measures."""
    return {
        "title": {"text": title},
        "overlaying": "y",
        "side": "right",
        "tickmode": "auto",
        "showgrid": False,
        **more,
    }


def whiskers(middle: pd.Series, lower: pd.Series, upper: pd.Series) -> dict[str, Any]:
    """Return the settings of error bars from `lower` to `upper` around the points at `middle`."""
    return {"type": "data", "symmetric": False, "array": upper - middle, "arrayminus": middle - lower}


def in_money(name: str, currency: str = "") -> str:
    """Return an axis name with its unit.

    >>> in_money("Revenue", "EUR"), in_money("Revenue")
    ('Revenue (EUR)', 'Revenue (currency units)')
    """
    return f"{name} ({currency or 'currency units'})"


def cell_texts(table: pd.DataFrame, form: str) -> dict[str, Any]:
    """Return the settings of a heat map that write each value into its cell, smaller where there are many columns.

    >>> cell_texts(pd.DataFrame([[0.25, float("nan")]]), "{:.0%}")["text"].tolist()
    [['25%', '']]
    >>> cell_texts(pd.DataFrame([[0.25] * 40]), "{:.0%}")["textfont"]
    {'size': 10}
    """
    size = min(12, max(10, 180 // max(len(table.columns), 1)))
    text = table.map(lambda value: "" if pd.isna(value) else form.format(value)).to_numpy(dtype=object)
    return {"text": text, "texttemplate": "%{text}", "textfont": {"size": size}}


P = ParamSpec("P")


#: An amount of money in what hovering shows: every number with separators that no counted word follows.
_HOVER_AMOUNT = re.compile(r"(%\{[^{}]*,)\.([02])f\}(?! (?:customers|orders|purchases))")


def in_its_currency(plot: Callable[P, go.Figure]) -> Callable[P, go.Figure]:
    """Return a plot whose hover amounts name its `currency` and have its number of digits."""

    @functools.wraps(plot)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> go.Figure:
        """Draw the figure, with the digits and the name of its currency in what hovering shows."""
        figure = plot(*args, **kwargs)
        currency = str(kwargs.get("currency", ""))

        def amount(found: re.Match[str]) -> str:
            """Return the form of a hovered amount with its currency's digits and name."""
            places = money.digits(currency) if found[2] == "2" else 0
            return f"{found[1]}.{places}f}} {currency}".rstrip()

        for trace in figure.data:
            if isinstance(template := getattr(trace, "hovertemplate", None), str):
                trace.hovertemplate = _HOVER_AMOUNT.sub(amount, template)
        return figure

    return drawn


def short_names(names: Iterable[str], longest: int = 24) -> list[str]:
    """Return names cut to leave room for the figure, numbered where the cut makes them equal.

    Letters of Chinese, Japanese and Korean are as wide as two.

    >>> short_names(["tea from Assam", "tea from Ceylon", "milk"], longest=9)
    ['tea from…', 'tea from… (2)', 'milk']
    >>> short_names(["北海道産じゃがいも"], longest=9)
    ['北海道産…']
    """
    short: list[str] = []
    for name in map(str, names):
        ends = list(accumulate(2 if east_asian_width(sign) in "WF" else 1 for sign in name))
        cut = name if not ends or ends[-1] <= longest else name[: sum(end < longest for end in ends)] + "…"
        number = sum(other == cut or other.startswith(f"{cut} (") for other in short)
        short.append(f"{cut} ({number + 1})" if number else cut)
    return short
