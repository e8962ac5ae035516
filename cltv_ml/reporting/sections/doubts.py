"""Section on what not to trust."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cltv_ml.data import Cleaned
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.compare import Verdict
from cltv_ml.evaluation.tables import compute_bias_by_group
from cltv_ml.models import ProbabilisticValue
from cltv_ml.money import Note
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.report import section

#: Customers by purchase days before the cutoff, the first among them.
HISTORY_GROUPS = ("one purchase", "two purchases", "three to ten purchases", "more than ten purchases")


class TrainingNotes(NamedTuple):
    """Sentences on a training: doubts that a reader must know before trusting it, and remarks on how it was done."""

    doubts: Sequence[str] = ()
    remarks: Sequence[str] = ()

    @property
    def all(self) -> list[str]:
        """Every sentence, the doubts first."""
        return [*self.doubts, *self.remarks]


def doubts_section(
    cleaned: Cleaned, result: WindowResult, verdict: Verdict, doubts: Sequence[str], *, currency: str = ""
) -> dict[str, Any]:
    """Return the section on what not to trust: doubts, groups with a bias, failed assumptions."""
    bias = compute_bias_by_group(
        result.y_true, result.values[verdict.champion], purchase_groups(result.training.X_now)
    )
    bias = bias.set_index("group").reindex(HISTORY_GROUPS).dropna(subset=["customers"]).reset_index()
    bias["customers"] = bias["customers"].astype(int)
    off = bias[(bias["bias_lower"] > 0) | (bias["bias_upper"] < 0)]
    sentences = [
        f"For the {row.customers:,} customers with {row.group}, predictions were {_off_in_words(row.bias)} "
        f"in the test window (95% interval for chance in spending: {_bias_interval(row.bias_lower, row.bias_upper)})."
        for row in off.itertuples()
    ]
    fitted = result.models[verdict.champion]
    if isinstance(fitted, ProbabilisticValue):
        sentences += _assumptions(fitted)
    sentences += [
        f"An expected value is an average over what may happen. A single customer {spends_otherwise(result.y_true)}. "
        "Add expected values up over groups of customers; they do not forecast one customer.",
        f"The test window, {result.window.cutoff:%Y-%m-%d} to "
        f"{result.window.end - pd.Timedelta(days=1):%Y-%m-%d}, is a single window; "
        "errors may be larger in another season.",
    ]
    return section(
        "What not to trust",
        [*sentences, *(Note(note, currency) for note in cleaned.report.notes)],
        warnings=list(doubts),
        figures={
            "Bias of the champion by number of purchases before the cutoff, with 95% intervals for chance "
            "in what customers spent.": plots.group_bias(bias, by="number of purchases")
        }
        if bias["bias"].notna().any()
        else {},
    )


def spends_otherwise(spent: pd.Series) -> str:
    """Return in words how customers' spend differs from an expected value, given what they spent in a test window.

    >>> spends_otherwise(pd.Series([0.0, 0.0, 9.0])), spends_otherwise(pd.Series([3.0, 4.0, 9.0]))
    ('usually spends nothing, or far more', 'may spend far less, or far more')
    """
    rarely = (spent > 0).mean() < 0.5
    return "usually spends nothing, or far more" if rarely else "may spend far less, or far more"


def _off_in_words(bias: float) -> str:
    """Return a bias in words: a factor from twice as much on.

    >>> _off_in_words(0.53), _off_in_words(-0.2), _off_in_words(119.84)
    ('53% too high', '20% too low', '121 times what they spent')
    """
    if bias >= 1:
        return (
            f"{1 + bias:,.1f} times what they spent" if bias < 9 else f"{1 + bias:,.0f} times what they spent"
        )
    return f"{abs(bias):.0%} too {'high' if bias > 0 else 'low'}"


def _bias_interval(lower: float, upper: float) -> str:
    """Return the interval of a bias; its upper end is open where realised spend could have been zero by chance."""
    return f"at least {lower:+,.0%}" if np.isnan(upper) else f"{lower:+,.0%} to {upper:+,.0%}"


def purchase_groups(X: pd.DataFrame) -> pd.Series:
    """Return customers in groups by purchase days before the cutoff, in words.

    >>> purchase_groups(pd.DataFrame({"frequency": [0, 1, 30]})).tolist()
    ['one purchase', 'two purchases', 'more than ten purchases']
    """
    level = np.searchsorted([1, 2, 10], X["frequency"].to_numpy(), side="right")
    return pd.Series(np.array(HISTORY_GROUPS)[level], index=X.index)


def _assumptions(model: ProbabilisticValue) -> list[str]:
    """Return the doubts that follow from the fitted parameters."""
    doubts = []
    for fitted in (model.purchases_, model.spend_):
        if fitted.convergence_["verdict"] != "converged":
            doubts.append(
                f"{theme.label(getattr(fitted, 'name', 'Gamma-Gamma'))}: {fitted.convergence_['advice']}"
            )
    independence = model.spend_.independence_
    if abs(float(independence["spearman"])) > 0.3:
        doubts.append(str(independence["advice"]))
    return doubts
