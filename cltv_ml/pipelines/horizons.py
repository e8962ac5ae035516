"""Several horizons in a training: each evaluated on its own window, described in notes, and logged."""

from __future__ import annotations

from collections.abc import Sequence

import mlflow
import numpy as np

from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.horizon_shares import look_earlier
from cltv_ml.evaluation.horizons import ByHorizon, judge_horizons
from cltv_ml.evaluation.progress import Progress
from cltv_ml.log import Log
from cltv_ml.pipelines.inputs import targeting_of
from cltv_ml.settings import Train
from cltv_ml.windows import to_horizons


def horizons_of(settings: Train) -> list[int]:
    """Return the horizons in days; raise InputError for several if only a share of customers is used for the test."""
    days = to_horizons(settings.horizon)
    if len(days) > 1 and settings.customers_share:
        raise InputError(
            "customers_share works with one horizon only; give one horizon, or leave customers_share out."
        )
    return days


def horizon_notes(several: ByHorizon | None) -> list[str]:
    """Return sentences on the horizon that decided, and on those that could not be evaluated."""
    if several is None:
        return []
    days = ", ".join(map(str, several.days))
    notes = [
        f"Models were compared over {several.main} days, the longest of {days} that the log can test. The "
        "values for other horizons follow from these, and each was tested on its own window."
    ]
    late = [str(day) for day in several.judged if day > several.main]
    if late:
        notes.append(
            f"The test window of {' and '.join(late)} days began before that of {several.main} days, so the "
            "choice of the champion used days within it."
        )
    notes += [
        f"The values for {day} days could not be tested: {why}" for day, why in several.unjudged.items()
    ]
    return notes


def judge_every_horizon(
    log: Log,
    result: WindowResult,
    champion: str,
    settings: Train,
    features: Sequence[str],
    progress: Progress,
) -> ByHorizon | None:
    """Evaluate the champion at every horizon and log its metrics to the active run; None for a single horizon."""
    days = to_horizons(settings.horizon)
    if len(days) == 1:
        return None
    progress("testing every horizon on its own window", 0.8)
    several = judge_horizons(
        log,
        result,
        champion,
        look_earlier(log, result, champion, days, features),
        cutoff=settings.cutoff,
        max_origins=settings.max_origins,
        targeting=targeting_of(settings),
    )
    mlflow.log_metrics(metrics_by_horizon(several))
    return several


def metrics_by_horizon(several: ByHorizon | None) -> dict[str, float]:
    """Return the champion's metrics at each horizon under names such as `test_30d/gini`; empty for a single horizon."""
    return {
        f"test_{day}d/{metric}": float(value)
        for day, judged in (several.judged.items() if several is not None else ())
        for metric, value in judged.scores.items()
        if np.isfinite(value)
    }
