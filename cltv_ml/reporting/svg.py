"""Simple plotly figures as small static SVG, for pages that show only images; no browser is needed."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cltv_ml.errors import InputError
from cltv_ml.reporting import theme

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 620, 64, 350


def render_svg(figure: go.Figure) -> str:
    """Return bars, lines and points of a figure over two numeric axes as one SVG text of a few kilobytes.

    Traces that the figure hides at first are left out; hover, annotations and logarithmic axes are not drawn.

    Raises
    ------
    InputError
        The figure shows no bar or scatter trace with numbers.
    """
    traces = [
        trace for trace in figure.data if trace.type in ("bar", "scatter") and trace.visible in (None, True)
    ]
    drawn = [(trace, *_points(trace)) for trace in traces]
    drawn = [(trace, x, y) for trace, x, y in drawn if len(x)]
    if not drawn:
        raise InputError("the figure has no bar or scatter trace with numbers, so there is nothing to draw.")
    xs, ys = (np.concatenate([points[at] for points in drawn]) for at in (1, 2))
    x_ticks, y_ticks = (
        _ticks(float(xs.min()), float(xs.max())),
        _ticks(min(float(ys.min()), 0.0), float(ys.max())),
    )
    half = 0.5 if any(trace.type == "bar" for trace, _, _ in drawn) else 0.0
    to_x = _scale(float(xs.min()) - half, float(xs.max()) + half, _LEFT, _RIGHT)
    to_y = _scale(y_ticks[0], max(y_ticks[-1], float(ys.max())), _BOTTOM, _TOP)
    parts = [*_axes(figure, x_ticks, y_ticks, to_x, to_y)]
    for number, (trace, x, y) in enumerate(drawn):
        colour = _colour(trace, number)
        parts += (
            _bars(x, y, to_x, to_y, colour)
            if trace.type == "bar"
            else _line_path(trace, x, y, to_x, to_y, colour)
        )
        parts.append(_legend(trace, number, colour))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        'font-family="sans-serif" font-size="12" fill="#1c2733"><rect width="100%" height="100%" fill="#ffffff"/>'
    )
    return head + "".join(parts) + "</svg>"


def _points(trace: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the trace's points that are finite numbers; words on an axis become 1, 2, 3."""
    y = np.asarray(trace.y if trace.y is not None else [], dtype=np.float64)
    x = np.asarray(trace.x if trace.x is not None else np.arange(len(y)))
    x = (
        x.astype(np.float64)
        if np.issubdtype(x.dtype, np.number)
        else np.arange(1, len(x) + 1, dtype=np.float64)
    )
    finite = np.isfinite(x) & np.isfinite(y)
    return x[finite], y[finite]


def _ticks(low: float, high: float) -> np.ndarray:
    """Return about five round numbers from below `low` to beyond `high`."""
    span = (high - low) or abs(high) or 1.0
    power = 10 ** np.floor(np.log10(span / 4))
    step = power * next(times for times in (1, 2, 5, 10) if times * power >= span / 4)
    return np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step


def _scale(low: float, high: float, start: float, end: float) -> Any:
    width = (high - low) or 1.0
    return lambda value: round(start + (value - low) / width * (end - start), 1)


def _axes(figure: go.Figure, x_ticks: np.ndarray, y_ticks: np.ndarray, to_x: Any, to_y: Any) -> list[str]:
    title, layout = figure.layout.title.text or "", figure.layout
    parts = [f'<text x="16" y="22" font-size="15">{escape(title)}</text>']
    for tick in y_ticks:
        y = to_y(tick)
        parts.append(f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y}" y2="{y}" stroke="#e6e8eb"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{_number_text(tick)}</text>')
    for tick in x_ticks:
        if _LEFT <= to_x(tick) <= _RIGHT:
            parts.append(
                f'<text x="{to_x(tick)}" y="{_BOTTOM + 18}" text-anchor="middle">{_number_text(tick)}</text>'
            )
    middle = (_LEFT + _RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(layout.xaxis.title.text or "")}</text>'
    )
    parts.append(
        f'<text transform="translate(14 {(_TOP + _BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(layout.yaxis.title.text or '')}</text>"
    )
    return parts


def _bars(x: np.ndarray, y: np.ndarray, to_x: Any, to_y: Any, colour: str) -> list[str]:
    width = 0.7 * abs(to_x(1) - to_x(0))
    return [
        f'<rect x="{to_x(at) - width / 2:.1f}" y="{min(to_y(value), to_y(0))}" width="{width:.1f}" '
        f'height="{abs(to_y(value) - to_y(0)):.1f}" fill="{colour}" fill-opacity="0.6"/>'
        for at, value in zip(x, y, strict=True)
    ]


def _line_path(trace: Any, x: np.ndarray, y: np.ndarray, to_x: Any, to_y: Any, colour: str) -> list[str]:
    parts, places = [], [(to_x(at), to_y(value)) for at, value in zip(x, y, strict=True)]
    if "lines" in (trace.mode or "lines"):
        dash = ' stroke-dasharray="5 4"' if trace.line.dash not in (None, "solid") else ""
        points = " ".join(f"{at},{value}" for at, value in places)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
    if "markers" in (trace.mode or ""):
        parts += [f'<circle cx="{at}" cy="{value}" r="3.5" fill="{colour}"/>' for at, value in places]
    return parts


def _legend(trace: Any, number: int, colour: str) -> str:
    x = _LEFT + 180 * (number % 3)
    y = 42 + 14 * (number // 3)
    return (
        f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>'
        f'<text x="{x + 15}" y="{y}">{escape(trace.name or "")}</text>'
    )


def _colour(trace: Any, number: int) -> str:
    for colour in (trace.line.color if trace.type == "scatter" else None, trace.marker.color):
        if isinstance(colour, str):
            return colour
    return theme.PALETTE[number % len(theme.PALETTE)]


def _number_text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
