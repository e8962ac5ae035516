"""Tables and figures as one self-contained HTML file that opens without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

import cltv_ml


def summarise(title: str, subtitle: str, sections: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a report as one dictionary of plain JSON values: the single source of every rendering."""
    return {
        "title": title,
        "subtitle": subtitle,
        "version": cltv_ml.__version__,
        "sections": [dict(section) for section in sections],
    }


def section(
    title: str,
    sentences: Sequence[str] = (),
    *,
    tables: Mapping[str, pd.DataFrame] | None = None,
    figures: Mapping[str, go.Figure] | None = None,
) -> dict[str, Any]:
    """Return one section of a summary.

    Parameters
    ----------
    tables
        Frames by caption, their cells formatted already.
    figures
        Figures by the sentence that says what to see, which is also their alternative text.
    """
    return {
        "title": title,
        "sentences": list(sentences),
        "tables": [
            {"caption": caption, "head": list(frame.columns), "rows": frame.astype(str).to_numpy().tolist()}
            for caption, frame in (tables or {}).items()
        ],
        "figures": [
            {"alt": alt, "figure": json.loads(figure.to_json())} for alt, figure in (figures or {}).items()
        ],
    }


def render_html(summary: Mapping[str, Any]) -> str:
    """Return the summary as one HTML text: plotly.js once, no address outside the file, all text escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    html: str = environment.get_template("report.html.j2").render(summary, plotlyjs=get_plotlyjs())
    return html


def _template(name: str) -> str:
    return files("cltv_ml.reporting").joinpath(name).read_text(encoding="utf-8")
