"""The champion: chosen on validation windows, then measured on the test window."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.bounds import decile_chance, is_within_bounds
from cltv_ml.evaluation.compare import Verdict, compare_pair
from cltv_ml.evaluation.metrics import Targeting
from cltv_ml.evaluation.shape import Contest, choose_shape
from cltv_ml.evaluation.validation import Validation, eligible
from cltv_ml.models import SameRate, ValueModel


def choose(result: WindowResult, targeting: Targeting | None = None) -> Verdict:
    """Return the champion by the written rule (`shape.choose_shape`), applied to earlier windows out of fold.

    The total plays no part here: all models but the naive rule were scaled to one level (`models.level`).
    The model with the best shares of the total wins, by their deviance or, with `targeting`, by that campaign's profit.

    The test window then only measures it, so its figures there are not the best of several. If the log holds no
    earlier window to choose on, the rule reads the test window itself and the reason states this. `within_bounds`
    always comes from the test window (`judge_test`).

    Raises
    ------
    InputError
        Nobody bought anything in the test window, or everybody spent the same.
    """
    validation = result.validation
    if validation is None or not _can_rank(validation):
        chosen = choose_shape(result.values, result.y_true, list(result.models), targeting).verdict
        why = (
            "; the log has no earlier window to choose on, so the test window decided, which makes its result "
            "slightly too good"
        )
    else:
        models = list(result.models.values())
        chosen = compare_shapes(models, validation, targeting).verdict
        days = ", ".join(f"{cutoff:%Y-%m-%d}" for cutoff in validation.cutoffs)
        why = f", on average over the windows of {validation.days} days from {days}, predicted out of fold"
    within = is_within_bounds(judge_test(result, chosen.champion))
    return Verdict(chosen.champion, within, chosen.reason + why)


def judge_test(result: WindowResult, name: str) -> dict[str, float]:
    """Return `bias` and `decile_mape` on the test window, and how likely such misses are by chance, from 0 to 1.

    `decile_chance` is that of true shares with so few buyers (`bounds.decile_chance`). `bias_chance` follows from the
    distribution of the level; without a level, and for the naive rule, which keeps its own total, it is left out.
    """
    scores, values = result.scores.loc[name], result.values[name]
    bounded = {metric: float(scores[metric]) for metric in ("bias", "decile_mape")}
    bounded["decile_chance"] = decile_chance(result.y_true, values)
    if result.level is not None and name != SameRate.name:
        bounded["bias_chance"] = result.level.spread.chance(1 / (1 + bounded["bias"]))
    return {metric: value for metric, value in bounded.items() if np.isfinite(value)}


def compare_shapes(
    models: Sequence[ValueModel],
    validation: Validation,
    targeting: Targeting | None = None,
) -> Contest:
    """Return the shape contest of the models on `validation`; only models of `validation.eligible` can win."""
    names = [model.name for model in models if model.name in validation.predictions]
    allowed = eligible(models, validation)
    return choose_shape(validation.predictions[names], validation.y_true, allowed, targeting)


def doubt_order(result: WindowResult, champion: str) -> list[str]:
    """Return a sentence if the champion does not rank customers significantly better than chance or the naive rule.

    The evidence is the paired 95% interval of the Gini on the test window. In some logs no model ranks customers
    better than chance.
    """
    values, naive = result.values[champion], SameRate.name
    rivals = {"chance": np.ones(len(values))}
    if naive in result.values and naive != champion:
        rivals[_NAIVE] = result.values[naive].to_numpy()
    for rival, expected in rivals.items():
        row = compare_pair(result.y_true, expected, values).loc["gini"]
        if row["better"] != "challenger":
            return [
                f"The champion is not shown to rank customers better than {rival} (Gini "
                f"{row['challenger']:.3f}; difference {row['difference']:+.3f}, {row['lower']:+.3f} to "
                f"{row['upper']:+.3f}): {_ADVICE[rival]}."
            ]
    return []


def beats_chance(result: WindowResult, champion: str) -> bool:
    """Return whether the champion ranks customers significantly better than chance on the test window."""
    values = result.values[champion]
    pair = compare_pair(result.y_true, np.ones(len(values)), values)
    return bool(pair.loc["gini", "better"] == "challenger")


_NAIVE = "the rule that customers keep their own rates"
_ADVICE = {
    "chance": "this log may not show how customers differ, so treat customers alike",
    _NAIVE: "that rule ranks customers equally well here, so judge the model by its total",
}


def _can_rank(validation: Validation) -> bool:
    """Return whether customers differ in realised spend, so that they can be ranked."""
    return bool(validation.y_true.nunique() > 1)
