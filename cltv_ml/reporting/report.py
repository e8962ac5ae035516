"""Tables and figures as one self-contained HTML file that opens without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import jinja2
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

import cltv_ml


@dataclass(frozen=True)
class Section:
    """A heading, its sentences, and the tables and figures below them."""

    title: str
    sentences: Sequence[str] = ()
    tables: Sequence[tuple[str, pd.DataFrame]] = ()
    figures: Sequence[tuple[str, go.Figure]] = ()


def render_report(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """Return the report as one HTML text: plotly.js once, no address outside the file.

    A table is a caption and a frame whose cells are already formatted; a figure is a sentence that says
    what to see (its alternative text) and a plotly figure. All text is escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    drawn = [
        {
            "title": section.title,
            "sentences": section.sentences,
            "tables": [(caption, _cells(frame)) for caption, frame in section.tables],
            "figures": [(alt, _div(figure, f"figure-{number}-{place}"))
                        for place, (alt, figure) in enumerate(section.figures)],
        }
        for number, section in enumerate(sections)
    ]  # fmt: skip
    return environment.get_template("report.html.j2").render(
        title=title, subtitle=subtitle, sections=drawn, plotlyjs=get_plotlyjs(), version=cltv_ml.__version__
    )


def _template(name: str) -> str:
    return files("cltv_ml.reporting").joinpath(name).read_text(encoding="utf-8")


def _div(figure: go.Figure, identifier: str) -> str:
    html: str = figure.to_html(
        include_plotlyjs=False, full_html=False, div_id=identifier,
        config={"displaylogo": False, "responsive": True},
    )  # fmt: skip
    return html


def _cells(frame: pd.DataFrame) -> dict[str, list]:
    return {"head": list(frame.columns), "rows": frame.astype(str).to_numpy().tolist()}
