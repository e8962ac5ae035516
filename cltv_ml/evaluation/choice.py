"""Which model is champion: named on earlier customers, before the test window says how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.compare import Verdict, choose_champion, compare_pair, is_within_bounds
from cltv_ml.evaluation.metrics import METRICS, Targeting, profit
from cltv_ml.evaluation.validation import Validation, eligible
from cltv_ml.models import SameRate, ValueModel

_JUDGED_BY = ("bias", "decile_mape", "gini")


def choose(result: WindowResult, targeting: Targeting | None = None) -> Verdict:
    """Return the champion by the written rule (`compare.choose_champion`), read on earlier customers unseen.

    Among the models within bounds the one with the highest normalised Gini wins or, with `targeting`, the one
    whose customers ranked highest bring that campaign the highest profit.

    The test window then only measures it, so its figures there are not the best of several. Where the log holds no
    earlier window to choose on, the rule reads the test window itself and the reason says so. `within_bounds` is
    what the test window says either way.

    Raises
    ------
    InputError
        Nobody bought anything in the test window, or everybody spent the same.
    """
    tested = _champion(result.scores, result.y_true, result.values, targeting)
    validation = result.validation
    if validation is None or not _can_rank(validation):
        flattered = "the log holds no earlier window to choose on, so the test window chose, which flatters it a little"
        return replace(tested, reason=f"{tested.reason}; {flattered}")
    chosen = choose_unseen(list(result.models.values()), validation, targeting)
    days = ", ".join(f"{cutoff:%Y-%m-%d}" for cutoff in validation.cutoffs)
    where = f"on average over the windows of {validation.days} days from {days}, predicted out of fold"
    return replace(
        chosen,
        within_bounds=is_within_bounds(result.scores.loc[chosen.champion]),
        reason=f"{chosen.reason}, {where}",
    )


def doubt_order(result: WindowResult, champion: str) -> list[str]:
    """Return a sentence where the champion is not shown to order customers better than chance or than the naive rule.

    Paired 95% intervals of the Gini on the test window. A log may hold next to nothing to learn, and then no model
    does better than to expect the same of everybody.
    """
    values, naive = result.values[champion], SameRate.name
    rivals = {"chance": np.ones(len(values))}
    if naive in result.values and naive != champion:
        rivals[_NAIVE] = result.values[naive].to_numpy()
    for rival, expected in rivals.items():
        row = compare_pair(result.y_true, expected, values).loc["gini"]
        if row["better"] != "challenger":
            return [
                f"The champion is not shown to order customers better than {rival} (Gini {row['challenger']:.3f}; "
                f"difference {row['difference']:+.3f}, {row['lower']:+.3f} to {row['upper']:+.3f}): {_ADVICE[rival]}."
            ]
    return []


_NAIVE = "the rule that each goes on at their own rate"
_ADVICE = {
    "chance": "there may be next to nothing to learn in this log, so treat customers alike",
    _NAIVE: "that rule orders them as well here, so judge the model by the total it promises",
}


def choose_unseen(
    models: Sequence[ValueModel],
    validation: Validation,
    targeting: Targeting | None = None,
) -> Verdict:
    """Return the champion among the models that may be chosen on `validation` (`validation.eligible`).

    Scores are means over its windows, of the bias the mean size.
    """
    names = eligible(models, validation)
    parts = []
    for cutoff in validation.cutoffs:
        y_true, values = validation.y_true.loc[cutoff], validation.predictions.loc[cutoff, names]
        scores = {
            name: {metric: METRICS[metric].function(y_true, values[name]) for metric in _JUDGED_BY}
            for name in names
        }
        parts.append(_with_profit(pd.DataFrame.from_dict(scores, orient="index"), y_true, values, targeting))
    if len(parts) > 1:
        parts = [part.assign(bias=part["bias"].abs()) for part in parts]
    mean = sum(parts[1:], parts[0]) / len(parts)
    return choose_champion(mean, objective="profit" if targeting else "gini")


def _champion(
    scores: pd.DataFrame, y_true: pd.Series, values: pd.DataFrame, targeting: Targeting | None
) -> Verdict:
    scores = _with_profit(scores, y_true, values, targeting)
    return choose_champion(scores, objective="profit" if targeting else "gini")


def _with_profit(
    scores: pd.DataFrame, y_true: pd.Series, values: pd.DataFrame, targeting: Targeting | None
) -> pd.DataFrame:
    if targeting is None:
        return scores
    return scores.assign(profit={name: profit(y_true, values[name], targeting) for name in values})


def _can_rank(validation: Validation) -> bool:
    """Return whether customers differ in what they then spent."""
    return bool(validation.y_true.nunique() > 1)
