"""Backtests: the same models evaluated on several test windows: `cltv backtest`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml.evaluation.backtest import judge_each
from cltv_ml.evaluation.horizons import measure_others
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.evaluation.tables import compute_metric_ranges
from cltv_ml.files import check_folder, together, write_table
from cltv_ml.inline import Inline
from cltv_ml.models.fit_cache import shared_fits
from cltv_ml.pipelines.calendar_inputs import check_paths
from cltv_ml.pipelines.competing import check_competing, model_features, named_models, with_holidays
from cltv_ml.pipelines.customer_inputs import with_protected
from cltv_ml.pipelines.inputs import (
    holdout_window,
    load,
    targeting_of,
    with_currency,
)
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.pages import write_page
from cltv_ml.reporting.report import summarise
from cltv_ml.reporting.sections.backtest import backtest_answers, backtest_section
from cltv_ml.settings import Backtest, Settings
from cltv_ml.tracking.backtest_runs import log_backtest
from cltv_ml.windows import Window, rolling_origins, to_horizons


@dataclass(frozen=True)
class Backtested(Inline):
    """The test windows, the latest first; RESULTS; each metric's mean and range by model; the two files."""

    windows: list[Window]
    results: pd.DataFrame
    ranges: pd.DataFrame
    table: Path
    page: Path


@with_bar
def backtest(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Backtested:
    """Evaluate the models on several test windows, each with models fitted on earlier data only; return the results.

    `backtest.csv` has a row per model, window, horizon and metric, `backtest.html` shows each metric's mean and range,
    and MLflow stores a run per model with one per window below it.

    Raises
    ------
    InputError
        The data or the settings cannot be used; nothing has been written or logged then.
    """
    settings = Backtest.of(settings, options)
    check_folder(settings.out)
    check_competing(settings)
    targeting = targeting_of(settings)
    cleaned = load(settings, progress)
    settings = with_protected(with_currency(settings, cleaned), cleaned)
    log = with_holidays(cleaned.transactions, settings)
    latest = holdout_window(settings, log)
    earlier = rolling_origins(log.first, latest, latest.horizon, settings.windows - 1)
    first = min([latest, *earlier], key=lambda window: window.cutoff)
    days = to_horizons(settings.horizon)
    features = model_features(log, first, named_models(settings, latest.horizon, []))
    models = named_models(settings, latest.horizon, features)
    check_paths(models, log.first, latest.end)

    tables = []
    with shared_fits():
        for judged in judge_each(
            log,
            [latest, *earlier],
            models,
            features,
            max_origins=settings.max_origins,
            targeting=targeting,
            progress=lambda message, share: progress(message, 0.98 * share),
        ):
            other_horizons = measure_others(log, judged, days, features, targeting) if len(days) > 1 else []
            tables += [judged.results, *other_horizons]
    results = pd.concat(tables, ignore_index=True)
    table, page = settings.out / "backtest.csv", settings.out / "backtest.html"
    ranges = compute_metric_ranges(results)
    toml = settings.toml(
        data=settings.dataset, mapping=cleaned.report.mapping, cutoff=f"{latest.cutoff:%Y-%m-%d}"
    )
    progress("logging to MLflow", 0.98)
    with together():
        write_table(results, table)
        _write_page(ranges, [latest, *earlier], page, settings.currency)
    log_backtest(results, settings.experiment, settings.dataset, settings=toml)
    return Backtested([latest, *earlier], results, ranges, table, page)


def _write_page(ranges: pd.DataFrame, windows: list[Window], page: Path, currency: str) -> None:
    """Write the page, with a section per horizon if there are several."""
    main = windows[0].horizon
    several = dict(list(ranges.groupby("horizon"))) if "horizon" in ranges else {main: ranges}
    parts = [
        backtest_section(
            f"Across test windows: {days} days" if len(several) > 1 else "Across test windows",
            rows,
            len(windows),
            currency=currency,
        )
        for days, rows in several.items()
    ]
    cutoffs = ", ".join(f"{window.cutoff:%Y-%m-%d}" for window in windows)
    subtitle = f"{len(windows)} windows of {main} days, from {cutoffs}, each predicted from earlier data only"
    answers = backtest_answers(several[main], len(windows))
    write_page(summarise("Backtest", subtitle, parts, answers=answers), page)
