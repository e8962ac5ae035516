"""Several horizons in a training: each judged on its own window, named in notes, logged by horizon."""

from __future__ import annotations

import mlflow
import numpy as np

from cltv_ml.errors import InputError
from cltv_ml.evaluation.horizons import ByHorizon
from cltv_ml.settings import Train
from cltv_ml.windows import to_horizons


def horizons_of(settings: Train) -> list[int]:
    """Return the horizons in days; InputError where several are asked for and only a share of customers judges."""
    days = to_horizons(settings.horizon)
    if len(days) > 1 and settings.customers_share:
        raise InputError("customers_share judges one horizon; give one, or leave customers_share out.")
    return days


def horizon_notes(several: ByHorizon | None) -> list[str]:
    """Return which horizon decided, and which could not be judged and why, a sentence each."""
    if several is None:
        return []
    days = ", ".join(map(str, several.days))
    notes = [
        f"Models were compared on {several.main} days, the longest of {days} that the log can "
        "judge. The values of the others follow from those, and each was judged on its own window."
    ]
    late = [str(day) for day in several.judged if day > several.main]
    if late:
        notes.append(
            f"The window of {' and '.join(late)} days began before that of {several.main} days, so the choice of the "
            "champion knew days within it."
        )
    notes += [
        f"The values for {day} days could not be judged: {why}" for day, why in several.unjudged.items()
    ]
    return notes


def log_horizons(several: ByHorizon) -> None:
    """Log the champion's metrics at each horizon to the active run, grouped as `test_30d/gini`."""
    mlflow.log_metrics(metrics_by_horizon(several))


def metrics_by_horizon(several: ByHorizon | None) -> dict[str, float]:
    """Return the champion's metrics at each horizon under names such as `test_30d/gini`; none without several."""
    return {
        f"test_{day}d/{metric}": float(value)
        for day, judged in (several.judged.items() if several is not None else ())
        for metric, value in judged.scores.items()
        if np.isfinite(value)
    }
