"""One figure as a file: `cltv plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from cltv_ml.cli.shared import (
    Config,
    Data,
    Json,
    Mapping,
    Query,
    Rule,
    console,
    load,
    print_json,
    progress,
    read_scores,
    settings_of,
    show_table,
)
from cltv_ml.errors import InputError

if TYPE_CHECKING:
    import plotly.graph_objects as go


def plot(
    name: Annotated[str, typer.Argument(help="A figure; all are listed without one.")] = "",
    data: Data = "",
    mapping: Mapping = None,
    query: Query = "",
    rule: Rule = None,
    out: Annotated[
        Path | None, typer.Option(help="A .html or .json file; default out/NAME.html.", show_default=False)
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option(help="Scores of an earlier `cltv score` or `cltv act`, for figures of what changed."),
    ] = None,
    customer: Annotated[str, typer.Option(help="Whose history `alive_history` shows.")] = "",
    feature: Annotated[str, typer.Option(help="The feature that `dependence` moves.")] = "",
    model: Annotated[str, typer.Option(help="The probabilistic model that a diagnostic is about.")] = "",
    metric: Annotated[str, typer.Option(help="The metric that `metric_ranges` shows.")] = "gini",
    experiment: Annotated[str, typer.Option(help="MLflow experiment of the training.")] = "cltv",
    currency: Annotated[str, typer.Option(help="Written on the axes, such as EUR.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Draw one figure into a file that opens offline; list all figures without a name.

    Example: `cltv plot cohort_retention --data orders.csv --out cohorts.html`
    """
    if not name:
        _list(as_json)
        return
    path = out or Path("out") / f"{name}.html"
    if path.suffix not in (".html", ".json"):
        raise InputError(f"cannot draw into {path.name!r}; name a file that ends in .html or .json.")
    settings = settings_of(config, mapping, rule, query=query, data=data)
    earlier = read_scores(before) if before else None
    with progress("drawing") as done:
        from cltv_ml import files
        from cltv_ml.pipelines import plot as figures
        from cltv_ml.pipelines.plot_inputs import Wanted

        figures.check_name(name)
        wanted = Wanted(experiment, currency or settings.currency, earlier, customer, feature, model, metric)
        cleaned = load(settings, done)
        done(f"drawing {name}", 0.3)
        drawn = figures.draw(name, cleaned, wanted)
        with files.atomic(path) as temporary:
            temporary.write_text(_render(name, drawn, path.suffix), encoding="utf-8")
    if as_json:
        print_json({"figure": name, "file": path})
        return
    console.print(f"Figure    [bold]{path}[/bold]")


def _render(name: str, drawn: go.Figure, suffix: str) -> str:
    from cltv_ml.pipelines import plot as figures
    from cltv_ml.reporting.report import render_html, section, summarise

    if suffix == ".json":
        return str(drawn.to_json())
    title = str(drawn.layout.title.text)
    return render_html(summarise(title, "", [section("", figures={figures.sentence(name): drawn})]))


def _list(as_json: bool) -> None:
    from cltv_ml.pipelines import plot as figures

    table: pd.DataFrame = figures.catalogue()
    if as_json:
        print_json({"figures": table})
        return
    show_table(table.set_axis(["Figure", "Drawn from", "Shows"], axis=1), f"{len(table)} figures")
