"""Total of the trees, learned from labels of earlier windows, as another candidate for the level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cltv_ml.models.level import Level, estimate_level, past_days
from cltv_ml.models.level_candidates import PACE


def add_learned(level: Level, total: float, misses: Mapping[int, float]) -> Level:
    """Return the level with the trees' total among its candidates, weighted by its errors as the others are.

    Trees use each customer's age, rhythm and season at once and share no formula with the other candidates. Their
    earlier errors cost nothing: they were fitted at earlier origins to choose the champion.

    Parameters
    ----------
    total
        The trees' forecast of the total after the cutoff.
    misses
        log (expected / realised) by days before the cutoff, each from trees that learned from windows that had ended
        by then. Each counts at the nearest day of the record that is less than one step away; of two at one day the
        later counts.
    """
    basis = level.basis
    if basis is None or total <= 0:
        return level
    totals = {basis.cutoff: total}
    record = [day for day in past_days(basis.cutoff) if day + basis.horizon <= basis.cutoff]
    for ago, miss in sorted(misses.items()):
        at = basis.cutoff - ago
        day = min(record, key=lambda one: abs(at - one), default=basis.cutoff)
        if abs(at - day) < PACE and day not in totals:
            realised = basis.log.revenue(day, day + basis.horizon, known=day)
            totals[day] = realised * float(np.exp(miss))
    level_with = estimate_level(basis.log, basis.cutoff, basis.horizon, basis.bottom_up, totals, basis.months)
    return level if level_with is None else replace(level_with, notes=level.notes)
