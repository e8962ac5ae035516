"""Backtests on several test windows: `cltv backtest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cltv_ml.cli.printing import console, print_json, progress, show_table
from cltv_ml.settings import Backtest

if TYPE_CHECKING:
    import pandas as pd


def backtest(settings: Backtest) -> None:
    """Evaluate the models on several test windows, each with models fitted on earlier data only.

    `backtest.csv` has a row per model, window and metric, `backtest.html` shows each metric's mean and range, and
    MLflow stores a run per model with one per window below it. `--objective profit` measures a campaign's profit too.

    Example: `cltv backtest --data orders.csv --horizon 13w --windows 4`
    """
    with progress("backtesting") as advance:
        from cltv_ml import pipelines

        tested = pipelines.backtest(settings, progress=advance)
    cutoffs = [f"{window.cutoff:%Y-%m-%d}" for window in tested.windows]
    horizon = tested.windows[0].horizon
    if settings.as_json:
        document = {"cutoffs": cutoffs, "horizon": horizon, "ranges": tested.ranges}
        print_json(document | {"file": tested.table, "figures": tested.page})
        return
    several = "horizon" in tested.ranges
    for days, ranges in tested.ranges.groupby("horizon") if several else [(horizon, tested.ranges)]:
        show_table(_range_rows(ranges), f"{days} days from {', '.join(cutoffs)}: mean (lowest to highest)")
    if len(cutoffs) < settings.windows:
        console.print(
            f"Note      The log is long enough for only {len(cutoffs)} of the {settings.windows} test "
            "windows."
        )
    console.print(f"Files     [bold]{tested.table}[/bold], {tested.page.name}")


def _range_rows(ranges: pd.DataFrame) -> pd.DataFrame:
    """Return a row per model with each metric's mean and range as text."""
    import pandas as pd

    from cltv_ml.reporting import theme
    from cltv_ml.reporting.sections.backtest import METRIC_FORMATS

    cells: dict[str, dict[str, str]] = {}
    for row in ranges[ranges["metric"].isin(METRIC_FORMATS)].itertuples():
        title, form = METRIC_FORMATS[str(row.metric)]
        ends = [form.format(value) for value in (row.mean, row.lowest, row.highest)]
        cells.setdefault(theme.label(str(row.model)), {})[title] = "{}\n{} to {}".format(*ends)
    table = pd.DataFrame.from_dict(cells, orient="index").fillna("")
    titles = [title for title, _ in METRIC_FORMATS.values() if title in table]
    return table[titles].rename_axis("Model").reset_index()
