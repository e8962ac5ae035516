"""How steady a model is: the same models judged on one test window after another, `cltv backtest`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cltv_ml.cli.shared import (
    Config,
    Cost,
    Data,
    Horizon,
    Json,
    Mapping,
    Margin,
    Objective,
    Query,
    Report,
    Rule,
    Share,
    check_models,
    console,
    dataset_name,
    load,
    print_json,
    progress,
    settings_of,
    show_table,
    targeting_of,
    with_campaign,
)
from cltv_ml.config import Settings, merge, read_params, write_settings
from cltv_ml.errors import InputError
from cltv_ml.windows import Window, check_log, rolling_origins, span, to_days

if TYPE_CHECKING:
    import pandas as pd

#: Metrics in the table and on the page, those measured: title and how a value is written.
_SHOWN = {
    "gini": ("Gini", "{:.3f}"),
    "bias": ("Bias", "{:+.1%}"),
    "decile_mape": ("Decile error", "{:.1%}"),
    "mae": ("MAE", "{:,.2f}"),
    "profit": ("Profit", "{:,.0f}"),
}


def backtest(
    data: Data = "",
    mapping: Mapping = None,
    query: Query = "",
    rule: Rule = None,
    cutoff: Annotated[
        str, typer.Option(help="First day of the latest test window. Default: last date - horizon.")
    ] = "",
    horizon: Horizon = "",
    windows: Annotated[int, typer.Option(help="Test windows, each ending where the next begins.")] = 3,
    compete: Annotated[
        str,
        typer.Option("--models", "--compete", help="Which models, such as tweedie,ziln. Default: all usual."),
    ] = "",
    params: Annotated[
        Path | None, typer.Option(help="Models' settings: a TOML file that `cltv tune` wrote.")
    ] = None,
    objective: Objective = "",
    share: Share = 0.0,
    cost: Cost = 0.0,
    margin: Margin = 0.0,
    experiment: Annotated[str, typer.Option(help="MLflow experiment. Default cltv.")] = "",
    out: Annotated[str, typer.Option(help="Folder for backtest.csv and backtest.html. Default out.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Judge the models on several test windows, each by fits that saw nothing from its first day on.

    `backtest.csv` has a row per model, window and metric, `backtest.html` shows each metric's mean and range, and
    MLflow keeps a run per model with one per window below it. `--objective profit` measures a campaign's profit too.

    Example: `cltv backtest --data orders.csv --horizon 13w --windows 4`
    """
    settings = settings_of(
        config,
        mapping,
        rule,
        query=query,
        data=data,
        cutoff=cutoff,
        horizon=horizon,
        out=out,
        compete=compete,
        objective=objective,
        experiment=experiment,
    )
    settings = with_campaign(settings, share, cost, margin)
    settings = merge(settings, {"models": {**settings.models, **(read_params(params) if params else {})}})
    if windows < 1:
        raise InputError(f"windows must be 1 or more, got {windows}.")
    to_days(settings.horizon)
    check_models(settings)
    table, page = Path(settings.out) / "backtest.csv", Path(settings.out) / "backtest.html"
    with progress("backtesting") as done:
        judged, results = _run(settings, windows, done)
        from cltv_ml.evaluation.tables import compute_metric_ranges
        from cltv_ml.files import write_table
        from cltv_ml.tracking.backtest_runs import log_backtest

        done("logging to MLflow", 0.98)
        write_table(results, table)
        dataset = dataset_name(settings.data)
        log_backtest(
            results, settings.experiment, dataset, settings=write_settings(replace(settings, data=dataset))
        )
        ranges = compute_metric_ranges(results)
        _draw(ranges, len(judged), page)
    cutoffs = [f"{window.cutoff:%Y-%m-%d}" for window in judged]
    if as_json:
        print_json(
            {
                "cutoffs": cutoffs,
                "horizon": judged[0].horizon,
                "ranges": ranges,
                "file": table,
                "figures": page,
            }
        )
        return
    show_table(_told(ranges), f"{judged[0].horizon} days from {', '.join(cutoffs)}: mean (lowest to highest)")
    if len(judged) < windows:
        console.print(f"Note      The log has room for {len(judged)} of the {windows} test windows.")
    console.print(f"Files     [bold]{table}[/bold], {page.name}")


def _run(settings: Settings, windows: int, done: Report) -> tuple[list[Window], pd.DataFrame]:
    """Return the test windows that the log has room for, the latest first, and RESULTS."""
    cleaned = load(settings, done)
    first, last = span(cleaned.log)
    chosen = Window(settings.cutoff, settings.horizon) if settings.cutoff else None
    latest = chosen or Window.latest(last, settings.horizon)
    check_log(cleaned.log, latest)
    judged = [latest, *rolling_origins(first, latest, latest.horizon, windows - 1)]
    from cltv_ml.evaluation.backtest import backtest as run
    from cltv_ml.features import default_features
    from cltv_ml.models import competitors, names_of, with_params
    from cltv_ml.models.fit_cache import shared_fits

    features = default_features(list(cleaned.log.columns))
    names = names_of(settings.compete, settings.models)
    models = with_params(competitors(latest.horizon, features, names), settings.models)
    with shared_fits():
        results = run(
            cleaned.log, judged, models, features, max_origins=settings.max_origins,
            targeting=targeting_of(settings), progress=lambda message, share: done(message, 0.98 * share),
        )  # fmt: skip
    return judged, results


def _told(ranges: pd.DataFrame) -> pd.DataFrame:
    """Return a row per model with each metric's mean and range as text."""
    import pandas as pd

    from cltv_ml.reporting import theme

    cells: dict[str, dict[str, str]] = {}
    for row in ranges[ranges["metric"].isin(_SHOWN)].itertuples():
        title, form = _SHOWN[str(row.metric)]
        ends = [form.format(value) for value in (row.mean, row.lowest, row.highest)]
        cells.setdefault(theme.label(str(row.model)), {})[title] = "{}\n{} to {}".format(*ends)
    table = pd.DataFrame.from_dict(cells, orient="index")
    titles = [title for title, _ in _SHOWN.values() if title in table]
    return table[titles].rename_axis("Model").reset_index()


def _draw(ranges: pd.DataFrame, windows: int, page: Path) -> None:
    from cltv_ml.files import atomic
    from cltv_ml.reporting import plots
    from cltv_ml.reporting.report import render_html, section, summarise

    figures = {
        f"{metric.replace('_', ' ').capitalize()} of each model: mean, worst and best of {windows} test windows.":
        plots.metric_ranges(ranges, metric=metric)
        for metric in _SHOWN
        if metric in set(ranges["metric"])
    }  # fmt: skip
    with atomic(page) as path:
        path.write_text(
            render_html(summarise("Backtest", "", [section("Across test windows", figures=figures)])),
            encoding="utf-8",
        )
