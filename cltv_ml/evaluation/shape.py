"""The shape contest: which model divides a total between customers best, on windows before the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.bootstrap import bootstrap_metrics
from cltv_ml.evaluation.bounds import DECILE_BOUND
from cltv_ml.evaluation.compare import Objective, Verdict
from cltv_ml.evaluation.metrics import METRICS, Targeting, profit
from cltv_ml.models import SameRate
from cltv_ml.models.ensemble import TWEEDIE_POWER

#: Deviances that differ by a smaller share are called equal.
_SAME_DEVIANCE = 1e-6

#: Probability that a model without skill passes the test of skill.
_CHANCE = 0.025


@dataclass(frozen=True)
class Contest:
    """The winner, the reason in words, and every model's scores."""

    verdict: Verdict
    #: One row per model: means over the windows of `gini`, `decile_mape`, `deviance` and, with a campaign,
    #: `profit`; `gini_lower` (the mean Gini, over windows or over buyers, is above it with probability 97.5%),
    #: `wins` (windows in which it was first), `windows`, and `left_out`, a phrase where it may not be chosen.
    scores: pd.DataFrame


def share_out(values: pd.DataFrame, y_true: pd.Series) -> pd.DataFrame:
    """Return each model's values scaled to the realised total, so that only errors of the shares are left."""
    totals = values.sum()
    return values * (float(y_true.sum()) / totals.where(totals > 0))


def shape_deviance(y_true: pd.Series, y_pred: pd.Series) -> float:
    """Return the mean Tweedie deviance of values scaled to the realised total; zero is best.

    In units of the mean spend, so that it means the same in every currency. A customer who spent although nothing was
    expected counts as if a millionth of the mean had been expected.

    >>> shape_deviance(pd.Series([1.0, 3.0]), pd.Series([2.0, 6.0]))
    0.0
    """
    mean = float(y_true.mean())
    y = np.asarray(y_true, dtype=np.float64) / mean
    mu = np.maximum(np.asarray(y_pred, dtype=np.float64) / max(float(np.mean(y_pred)), 1e-300), 1e-6)
    constant = y ** (2 - TWEEDIE_POWER) / ((1 - TWEEDIE_POWER) * (2 - TWEEDIE_POWER))
    unit = (
        constant
        - y * mu ** (1 - TWEEDIE_POWER) / (1 - TWEEDIE_POWER)
        + mu ** (2 - TWEEDIE_POWER) / (2 - TWEEDIE_POWER)
    )
    return float(2 * unit.mean())


def choose_shape(
    predictions: pd.DataFrame,
    y_true: pd.Series,
    allowed: Sequence[str],
    targeting: Targeting | None = None,
) -> Contest:
    """Return the model with the best shares of the total on these windows.

    1. A model may be chosen if it ranks customers better than chance: its mean Gini, over the windows or weighted by
       their buyers, is above zero with probability 97.5% (bootstrap). The naive rule may be chosen only where it passes
       and no other model does. Where none passes, all but the naive rule go on to step 2.
    2. Of these, the model with the least mean deviance wins, once every model is scaled to the realised total. The
       deviance is least in expectation for the true shares (a consistent score of the mean: Gneiting 2011), so one
       figure judges the ranking of customers and how far apart they are. With `targeting` the highest mean profit wins
       instead. Ties go to the model listed first.

    Parameters
    ----------
    predictions, y_true
        A column per model and what was spent, indexed by `cutoff` and `customer_id`, or by customer.
    allowed
        Names of the models that may be chosen on these windows.

    Raises
    ------
    InputError
        No model can be judged: nobody bought anything in a window, or everybody spent the same.
    """
    objective: Objective = "gini" if targeting is None else "profit"
    scores = _mean_scores(predictions, y_true, allowed, targeting)
    if scores.empty or scores["gini"].isna().all():
        raise InputError(
            "no model can be judged: nobody bought anything in the window, or everyone spent the same; "
            "choose another cutoff or a longer horizon."
        )
    scores["left_out"] = _left_out(scores, allowed)
    able = scores[scores["left_out"] == ""]
    skilled = bool((scores["gini_lower"] > 0).any())
    best = best_shape(able, objective if skilled else "gini")
    reason = _reason(best, scores, able, objective) if skilled else _without_order(best, able)
    return Contest(Verdict(best, bool(scores.at[best, "decile_mape"] <= DECILE_BOUND), reason), scores)


def best_shape(scores: pd.DataFrame, objective: Objective = "gini") -> str:
    """Return the name of the row that wins by step 2 of `choose_shape`.

    >>> scores = pd.DataFrame({"deviance": [2.1, 2.0, 2.0], "profit": [9.0, 7.0, 8.0]}, index=["a", "b", "c"])
    >>> best_shape(scores), best_shape(scores, "profit")
    ('b', 'a')
    """
    if objective == "profit":
        return str(scores["profit"].idxmax())
    return str((scores["deviance"] <= scores["deviance"].min() * (1 + _SAME_DEVIANCE)).idxmax())


def _without_order(best: str, able: pd.DataFrame) -> str:
    """Return the reason where no order is shown to beat chance."""
    return (
        f"{best}: lowest deviance of the shares ({able.at[best, 'deviance']:.2f}) among {len(able)} "
        f"{'model' if len(able) == 1 else 'models'}, because no ranking of customers is shown to beat chance"
    )


def _mean_scores(
    predictions: pd.DataFrame,
    y_true: pd.Series,
    allowed: Sequence[str],
    targeting: Targeting | None,
) -> pd.DataFrame:
    """Return a row per model with its means over the windows; it wins those where none of the allowed is better."""
    tables, draws, buyers = [], [], []
    for rows in _windows(y_true):
        spent, values = y_true[rows], share_out(predictions[rows], y_true[rows])
        values = values.dropna(axis="columns", how="all")
        if spent.nunique() < 2 or values.empty:
            continue
        scores = {name: _scores_of(spent, values[name], targeting) for name in values}
        tables.append(pd.DataFrame.from_dict(scores, orient="index"))
        # A total has no part in the order: the same draws serve the report, which shows more of them.
        draws.append(bootstrap_metrics(spent, predictions.loc[rows, list(values)])["gini"])
        buyers.append(int((spent > 0).sum()))
    if not tables:
        return pd.DataFrame()
    ginis = pd.concat([table["gini"] for table in tables], axis="columns").reindex(predictions.columns)
    mean = pd.concat(tables).groupby(level=0).mean().reindex(predictions.columns)
    lower = np.fmax(_lower_mean(draws, np.ones(len(draws))), _lower_mean(draws, np.array(buyers)))
    among = ginis[ginis.index.isin(allowed) & (ginis.index != SameRate.name)]
    best = (among if len(among) else ginis).max()
    return mean.assign(gini_lower=lower, wins=ginis.ge(best).sum(axis="columns"), windows=len(tables)).dropna(
        subset="gini"
    )


def _lower_mean(draws: Sequence[pd.DataFrame], weights: np.ndarray) -> pd.Series:
    """Return by model what the weighted mean of the windows' Ginis exceeds with probability 1 - `_CHANCE`.

    Weights of the buyers matter to a shop of one season: its windows with a handful of them would drown the others.
    """
    mean = sum(weight * drawn for weight, drawn in zip(weights, draws, strict=True)) / weights.sum()
    return pd.DataFrame(mean).quantile(_CHANCE)


def _windows(y_true: pd.Series) -> list[np.ndarray]:
    """Return the rows of each window; all where the rows have no cutoff."""
    if "cutoff" not in y_true.index.names:
        return [np.ones(len(y_true), dtype=bool)]
    cutoffs = y_true.index.get_level_values("cutoff")
    return [np.asarray(cutoffs == cutoff) for cutoff in cutoffs.unique()]


def _scores_of(spent: pd.Series, values: pd.Series, targeting: Targeting | None) -> dict[str, float]:
    metrics = {name: METRICS[name].function(spent, values) for name in ("gini", "decile_mape")}
    metrics["deviance"] = shape_deviance(spent, values)
    if targeting is not None:
        metrics["profit"] = profit(spent, values, targeting)
    return metrics


def _left_out(scores: pd.DataFrame, allowed: Sequence[str]) -> pd.Series:
    """Return a phrase for each model that may not be chosen, empty for the others; never one for all."""
    skilled, naive = scores["gini_lower"] > 0, scores.index == SameRate.name
    undecided, chance = "these windows cannot decide about it", "ranking not shown to beat chance"
    reasons = pd.Series("", index=scores.index)
    reasons[~scores.index.isin(allowed) & ~naive] = undecided
    if skilled.any():
        reasons[(reasons == "") & ~skilled] = chance
    if (skilled & ~naive).any() or (not skilled.any() and not naive.all()):
        reasons[naive] = "the naive rule is only a benchmark"  # a forecast is not left to it
    if (reasons != "").all():  # these windows cannot decide, and nothing else can
        reasons[(skilled if skilled.any() else True) & ~naive] = ""
    return reasons


def _reason(best: str, scores: pd.DataFrame, able: pd.DataFrame, objective: Objective) -> str:
    row = scores.loc[best]
    won = {
        "gini": f"best shares of the total (deviance {row['deviance']:.3f}, Gini {row['gini']:.3f}",
        "profit": f"best ranking of customers (profit {row.get('profit', np.nan):,.0f}",
    }[objective]
    compared = row["windows"] > 1 and len(able) > 1
    stable = f", best Gini in {int(row['wins'])} of {int(row['windows'])} windows" if compared else ""
    return (
        f"{best}: {won}{stable}) among {len(able)} eligible {'model' if len(able) == 1 else 'models'} "
        f"(decile error at the realised total {row['decile_mape']:.1%})"
    )
