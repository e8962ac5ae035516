"""The card of a registered model in Markdown: its purpose, its test and its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.bootstrap import bootstrap_metrics
from cltv_ml.evaluation.compare import Verdict
from cltv_ml.money import UNSTATED, name_currency
from cltv_ml.reporting import theme

_CARD_METRICS = {
    "bias": ("Bias", "{:+.1%}", "predicted over realised, minus one; 0 is best"),
    "decile_mape": ("Decile error", "{:.1%}", "the same for tenths of the customers; 0 is best"),
    "gini": ("Gini", "{:.3f}", "ranking of customers by spend; 1 is best, 0 is chance"),
    "mae": ("MAE", "{:,.2f}", f"mean absolute error per customer ({UNSTATED})"),
}


def model_card(result: WindowResult, verdict: Verdict, notes: Sequence[str], about: Mapping[str, str]) -> str:
    """Return the card of a training's best model.

    Parameters
    ----------
    notes
        Known limits of the model.
    about
        Facts about the training data, by name, as in the version's tags; also the currency of the amounts, if stated.
    """
    name, window = verdict.champion, result.window
    ranges = compute_ranges(result.y_true, result.values[name])
    values = result.scores.loc[name]
    rows = [
        f"| {label} | {form.format(values[metric])} | {form.format(lower)} to {form.format(upper)} | {meaning} |"
        for metric, (label, form, meaning) in _CARD_METRICS.items()
        for lower, upper in [ranges.loc[metric]]
    ]
    limits = [
        *notes,
        f"It predicts {window.horizon} days from the day it is called, no fewer and no more.",
    ]
    lines = [
        f"# {theme.label(name)}, {window.horizon} days",
        f"Expected spend of each customer over the next {window.horizon} days ({UNSTATED}).",
        "## Data",
        *(f"- {key.replace('_', ' ')}: {value}" for key, value in about.items()),
        "## Test",
        f"{len(result.y_true):,} customers, {window.horizon} days from {window.cutoff:%Y-%m-%d}; no model "
        f"was fitted on this window. Chosen from {len(result.models)} models: {verdict.reason}. The "
        "registered model is the same recipe, fitted again to the end of the log.",
        "| Metric | Value | 95% interval | Meaning |\n|---|---:|---:|---|\n" + "\n".join(rows),
        "The intervals cover what another sample of customers could have given, not what another season "
        "will give.",
        "## Known limits",
        *(f"- {limit}" for limit in limits),
        "## Intended use",
        "- For: ranking customers by expected value; budgets and lists over the horizon; totals where the "
        "bias above is acceptable.",
        "- Not for: credit, prices or any decision with legal effect on a person; customers without a "
        "purchase; the effect of a campaign (measure it with a control group).",
    ]
    card: str = name_currency("\n\n".join(lines), about.get("currency", ""))
    return card.replace("\n\n- ", "\n- ") + "\n"


def compute_ranges(y_true: pd.Series, y_pred: pd.Series) -> pd.DataFrame:
    """Return the 95% bootstrap interval of each metric: columns `lower` and `upper`, indexed by metric."""
    draws = bootstrap_metrics(y_true, pd.DataFrame({"model": np.asarray(y_pred)}))
    return pd.DataFrame(
        {name: np.nanquantile(table["model"], [0.025, 0.975]) for name, table in draws.items()},
        index=["lower", "upper"],
    ).T
