"""Total learned by trees from labels: today's forecast, and its errors on earlier windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.panel import Training, fit
from cltv_ml.evaluation.validation import Validation
from cltv_ml.models import Level, Tweedie, ValueModel
from cltv_ml.models.level_learned import add_learned
from cltv_ml.models.level_priors import LEARNED
from cltv_ml.models.out_of_fold import OUT_OF_TIME

#: With less weight in the test window the trees are not fitted again at the end of the log.
LEAST_SAY = 0.1


@dataclass(frozen=True)
class LearnedTotal:
    """The total that a Tweedie model expects from a cutoff on, before it is scaled to a level."""

    model: ValueModel
    cutoff: pd.Timestamp
    total: float
    #: log (expected / realised) by cutoff of earlier windows.
    misses: Mapping[pd.Timestamp, float]


def learned_total(
    models: Mapping[str, ValueModel], training: Training, validation: Validation | None
) -> LearnedTotal | None:
    """Return the total of the Tweedie model among `models`, fitted and with its own level.

    None if there is no such model, or no window of the horizon that it could predict from earlier ones.
    """
    model = next((one for one in models.values() if isinstance(one, Tweedie)), None)
    if model is None or validation is None or model.name not in validation.predictions:
        return None
    if validation.protocol != OUT_OF_TIME or validation.days != model.horizon:
        return None
    sums = pd.DataFrame({"expected": validation.predictions[model.name], "spent": validation.y_true})
    sums = sums.groupby(level="cutoff").sum()
    sums = sums[(sums > 0).all(axis="columns")]
    misses = np.log(sums["expected"] / sums["spent"]).to_dict()
    return LearnedTotal(model, training.test_cutoff, float(model.predict(training.X_now).sum()), misses)


def with_learned(level: Level | None, learned: LearnedTotal | None) -> Level | None:
    """Return the level with the total of the trees among its forecasts."""
    if level is None or learned is None:
        return level
    return add_learned(level, learned.total, _ago(learned.misses, learned.cutoff))


def carry_learned(
    levels: Mapping[int, Level | None],
    judged: Level | None,
    learned: LearnedTotal | None,
    spent: float,
    training: Training,
) -> dict[int, Level | None]:
    """Return the levels at the end of the log, with the trees' total where it had weight in the test window.

    The trees are fitted again; their miss on the test window joins their record. Levels of other horizons move in the
    same proportion.

    Parameters
    ----------
    levels
        By horizon, from the end of the log on.
    judged, learned, spent
        The level of the test window, the trees' total of it, and what was spent in it.
    training
        The rows to fit the trees on, up to the end of the log.
    """
    main = levels.get(training.horizon)
    if learned is None or main is None or spent <= 0 or not _had_a_say(judged):
        return dict(levels)
    try:
        model = fit(learned.model, training)
    except InputError:
        return dict(levels)
    misses = {**learned.misses, learned.cutoff: float(np.log(learned.total / spent))}
    total = float(model.predict(training.X_now).sum())
    with_trees = add_learned(main, total, _ago(misses, training.test_cutoff))
    return move_levels(levels, with_trees, training.horizon)


def move_levels(
    levels: Mapping[int, Level | None], main: Level | None, horizon: int
) -> dict[int, Level | None]:
    """Return levels by horizon with another one for `horizon`; the others move in proportion."""
    before = levels.get(horizon)
    if main is None or before is None:
        return dict(levels)
    moved = {
        day: level and replace(level, total=level.total * main.total / before.total)
        for day, level in levels.items()
    }
    return {**moved, horizon: main}


def _ago(misses: Mapping[pd.Timestamp, float], cutoff: pd.Timestamp) -> dict[int, float]:
    return {(cutoff - day).days: miss for day, miss in misses.items()}


def _had_a_say(level: Level | None) -> bool:
    weights = level.table.set_index("candidate")["weight"] if level is not None else {}
    return bool(weights.get(LEARNED, 0.0) >= LEAST_SAY)
