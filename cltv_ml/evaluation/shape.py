"""The shape contest: which model divides a total between customers best, on windows before the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.bootstrap import bootstrap_metrics
from cltv_ml.evaluation.compare import DECILE_BOUND, Objective, Verdict
from cltv_ml.evaluation.metrics import METRICS, Targeting, profit
from cltv_ml.models import SameRate
from cltv_ml.models.ensemble import TWEEDIE_POWER

#: Mean Ginis that differ by less are called equal.
SAME_GINI = 0.005

#: The chance that a model without skill passes for one with it.
_CHANCE = 0.025


@dataclass(frozen=True)
class Contest:
    """The winner, the reason in words, and every model's scores.

    Attributes
    ----------
    scores
        One row per model: means over the windows of `gini`, `decile_mape`, `deviance` and, with a campaign,
        `profit`; `gini_lower` (the mean Gini is above it with probability 97.5%), `wins` (windows in which it was
        first), `windows`, and `left_out`, a phrase where it may not be chosen.
    """

    verdict: Verdict
    scores: pd.DataFrame


def share_out(values: pd.DataFrame, y_true: pd.Series) -> pd.DataFrame:
    """Return each model's values scaled to the realised total, so that only errors of the shares are left."""
    totals = values.sum()
    return values * (float(y_true.sum()) / totals.where(totals > 0))


def shape_deviance(y_true: pd.Series, y_pred: pd.Series) -> float:
    """Return the mean Tweedie deviance of values brought to the realised total; zero is best.

    In units of the mean spend, so that it means the same in every currency. A customer who spent although nothing
    was expected counts as if a millionth of the mean had been.

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
    *,
    ahead: pd.Timestamp | None = None,
) -> Contest:
    """Return the model whose shares of the total were best on the windows given.

    1. A model may be chosen when its order is shown to beat chance: its mean Gini over the windows is above zero
       with probability 97.5% (bootstrap). The naive rule may be chosen only where it passes and no other model does.
       Where none passes there is no order to win by: the model with the least deviance wins, the naive rule left out.
    2. Of these, the ones whose ten value groups are off by at most `DECILE_BOUND`, once every model is brought to the
       realised total; all where none is.
    3. Of these, the ones whose mean Gini is at most `SAME_GINI` below the best: what so small a difference says
       on a few windows does not carry over to the next.
    4. The one whose value groups are off least wins. With `targeting` the highest mean profit wins instead of
       3 and 4. Ties go to the model listed first.

    Order is read on all windows. Value groups are read on those of the season of the window to come, where there are
    any: how money is spread over customers changes with the season, their order much less.

    Parameters
    ----------
    predictions, y_true
        A column per model and what was spent, indexed by `cutoff` and `customer_id`, or by customer.
    allowed
        The models that these windows may decide about.
    ahead
        The cutoff of the window to come.

    Raises
    ------
    InputError
        No model can be judged: nobody bought anything in a window, or everybody spent the same.
    """
    objective: Objective = "gini" if targeting is None else "profit"
    scores = _mean_scores(predictions, y_true, allowed, targeting, ahead)
    if scores.empty or scores["gini"].isna().all():
        raise InputError(
            "no model can be judged: nobody bought anything in the window, or everybody spent the same; "
            "choose another cutoff or a longer horizon."
        )
    scores["left_out"] = _left_out(scores, allowed)
    able = scores[scores["left_out"] == ""]
    if not (scores["gini_lower"] > 0).any():
        return _without_order(able, scores)
    field = within_decile_bound(able)
    best = best_shape(able, objective)
    scores.loc[able.index.difference(field.index), "left_out"] = f"decile error above {DECILE_BOUND:.0%}"
    within = bool(scores.at[best, "decile_mape"] <= DECILE_BOUND)
    return Contest(Verdict(best, within, _reason(best, scores, field, objective)), scores)


def _without_order(able: pd.DataFrame, scores: pd.DataFrame) -> Contest:
    """Return the contest where no order is shown to beat chance: the shares with the least deviance win."""
    best = str(able["deviance"].idxmin())
    reason = (
        f"{best}: least deviance of the shares ({able.at[best, 'deviance']:.2f}) of {len(able)} "
        f"{'model' if len(able) == 1 else 'models'}, for no order of customers is shown to beat chance"
    )
    within = bool(scores.at[best, "decile_mape"] <= DECILE_BOUND)
    return Contest(Verdict(best, within, reason), scores)


def best_shape(scores: pd.DataFrame, objective: Objective = "gini") -> str:
    """Return the name of the row that wins by steps 2 to 4 of `choose_shape`.

    >>> scores = pd.DataFrame({"gini": [0.8, 0.799, 0.7], "decile_mape": [0.2, 0.1, 0.0]}, index=["a", "b", "c"])
    >>> best_shape(scores)
    'b'
    """
    field = within_decile_bound(scores)
    if objective != "gini":
        return str(field[objective].idxmax())
    near = field[field["gini"] >= field["gini"].max() - SAME_GINI]
    return str(near["decile_mape"].idxmin())


def within_decile_bound(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose decile error is at most `DECILE_BOUND`, all where none is."""
    within = scores[scores["decile_mape"] <= DECILE_BOUND]
    return within if len(within) else scores


def _mean_scores(
    predictions: pd.DataFrame,
    y_true: pd.Series,
    allowed: Sequence[str],
    targeting: Targeting | None,
    ahead: pd.Timestamp | None,
) -> pd.DataFrame:
    """Return a row per model with its means over the windows; it wins those where none of the allowed is better."""
    tables, draws, alike = [], [], []
    for cutoff, rows in _windows(y_true):
        spent, values = y_true[rows], share_out(predictions[rows], y_true[rows])
        values = values.dropna(axis="columns", how="all")
        if spent.nunique() < 2 or values.empty:
            continue
        scores = {name: _scores_of(spent, values[name], targeting) for name in values}
        tables.append(pd.DataFrame.from_dict(scores, orient="index"))
        # A total has no part in the order: the same draws serve the report, which shows more of them.
        draws.append(bootstrap_metrics(spent, predictions.loc[rows, list(values)])["gini"])
        alike.append(is_same_season(cutoff, ahead))
    if not tables:
        return pd.DataFrame()
    ginis = pd.concat([table["gini"] for table in tables], axis="columns").reindex(predictions.columns)
    mean = pd.concat(tables).groupby(level=0).mean().reindex(predictions.columns)
    if any(alike):
        seasonal = pd.concat([table for table, same in zip(tables, alike, strict=True) if same])
        mean["decile_mape"] = seasonal["decile_mape"].groupby(level=0).mean()
    lower = sum(draws).div(len(draws)).quantile(_CHANCE) if draws else np.nan
    among = ginis[ginis.index.isin(allowed) & (ginis.index != SameRate.name)]
    best = (among if len(among) else ginis).max()
    return mean.assign(gini_lower=lower, wins=ginis.ge(best).sum(axis="columns"), windows=len(tables)).dropna(
        subset="gini"
    )


def is_same_season(cutoff: pd.Timestamp | None, ahead: pd.Timestamp | None) -> bool:
    """Return whether a cutoff lies within a month of whole years before another.

    >>> is_same_season(pd.Timestamp("2010-09-10"), pd.Timestamp("2011-09-25"))
    True
    """
    if cutoff is None or ahead is None:
        return False
    days = (ahead - cutoff).days
    years = round(days / 365.25)
    return years >= 1 and abs(days - 365.25 * years) <= 31


def _windows(y_true: pd.Series) -> list[tuple[pd.Timestamp | None, np.ndarray]]:
    """Return each window's cutoff and rows; one without a cutoff where the rows have none."""
    if "cutoff" not in y_true.index.names:
        return [(None, np.ones(len(y_true), dtype=bool))]
    cutoffs = y_true.index.get_level_values("cutoff")
    return [(cutoff, np.asarray(cutoffs == cutoff)) for cutoff in cutoffs.unique()]


def _scores_of(spent: pd.Series, values: pd.Series, targeting: Targeting | None) -> dict[str, float]:
    metrics = {name: METRICS[name].function(spent, values) for name in ("gini", "decile_mape")}
    metrics["deviance"] = shape_deviance(spent, values)
    if targeting is not None:
        metrics["profit"] = profit(spent, values, targeting)
    return metrics


def _left_out(scores: pd.DataFrame, allowed: Sequence[str]) -> pd.Series:
    """Return a phrase for each model that may not be chosen, empty for the others; never one for all."""
    skilled, naive = scores["gini_lower"] > 0, scores.index == SameRate.name
    undecided, chance = "these windows cannot decide about it", "order not shown to beat chance"
    reasons = pd.Series("", index=scores.index)
    reasons[~scores.index.isin(allowed) & ~naive] = undecided
    if skilled.any():
        reasons[(reasons == "") & ~skilled] = chance
    if (skilled & ~naive).any() or (not skilled.any() and not naive.all()):
        reasons[naive] = "the naive rule is a yardstick"  # a forecast is not left to it
    if (reasons != "").all():  # these windows cannot decide, and nothing else can
        reasons[(skilled if skilled.any() else True) & ~naive] = ""
    return reasons


def _reason(best: str, scores: pd.DataFrame, field: pd.DataFrame, objective: Objective) -> str:
    row = scores.loc[best]
    named = {"gini": f"Gini {row['gini']:.3f}", "profit": f"profit {row.get('profit', np.nan):,.0f}"}[
        objective
    ]
    first = row[objective] >= field[objective].max()
    won = "best order of customers" if first else "truest shares of the total among equal orders of customers"
    many = "model" if len(field) == 1 else "models"
    compared = row["windows"] > 1 and len(field) > 1
    stable = f", first in {int(row['wins'])} of {int(row['windows'])} windows" if compared else ""
    return (
        f"{best}: {won} ({named}{stable}) of {len(field)} {many} that may be chosen "
        f"(decile error at the realised total {row['decile_mape']:.1%})"
    )
