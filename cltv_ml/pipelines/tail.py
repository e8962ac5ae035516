"""Tails of champions: their customers' purchases and spend beyond the horizon."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.future import fit_future
from cltv_ml.models.kept_spend import YearApart
from cltv_ml.models.level import Level
from cltv_ml.serving.chosen_value import Tail, longest
from cltv_ml.tables import SUMMARY
from cltv_ml.windows import Window

#: Days for which customers are followed unless a request says otherwise.
FOLLOWED = 1826


def learn_tail(
    X: pd.DataFrame,
    table: pd.DataFrame,
    window: Window,
    level: Level | None,
    first: pd.Timestamp,
    earlier: Sequence[YearApart],
) -> Tail | None:
    """Return the tail of today's customers, computed as in `cltv lifetime`; None if it cannot be learned.

    Parameters
    ----------
    X, table
        Today's customers and what the champion expects of them.
    level
        Forecast of the total over a year, or over the longest horizon of `table` if that is longer.
    first
        The log's first timestamp.
    earlier
        Its windows a year apart before the cutoff.
    """
    horizon, values = longest(table, window.horizon)
    most = min(FOLLOWED, max((window.cutoff - first.normalize()).days, horizon))
    try:
        model = fit_future(X[SUMMARY], values, horizon, level, exact=[most, FOLLOWED], earlier=earlier)
    except InputError:  # nobody has bought on a second day
        return None
    if model.no_dropout(X[SUMMARY]) is None:
        return Tail(model, FOLLOWED)
    return Tail(model, most)
