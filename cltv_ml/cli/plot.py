"""Figures as files: `cltv plot`."""

from __future__ import annotations

from cltv_ml.cli.printing import console, print_json, progress, show_table
from cltv_ml.settings import Plot


def plot(settings: Plot) -> None:
    """Draw one figure into a file that opens offline; without a name, list all figures.

    Example: `cltv plot cohort_retention --data orders.csv --out cohorts.html`
    """
    if not settings.name:
        _list_figures(settings)
        return
    with progress("drawing") as advance:
        from cltv_ml import pipelines

        _, path = pipelines.plot(settings, progress=advance)
    if settings.as_json:
        print_json({"figure": settings.name, "file": path})
    else:
        console.print(f"Figure    [bold]{path}[/bold]")


def _list_figures(settings: Plot) -> None:
    from cltv_ml.pipelines.plot import catalogue

    table = catalogue()
    if settings.as_json:
        print_json({"figures": table})
    else:
        show_table(table.set_axis(["Figure", "Drawn from", "Shows"], axis=1), f"{len(table)} figures")
