"""Section on the quality of the predictions, in money and in plain words, with intervals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.bootstrap import bootstrap_metrics
from cltv_ml.evaluation.compare import Verdict
from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.evaluation.newcomers import DAYS, compute_newcomers
from cltv_ml.evaluation.tables import compute_bias_by_group, compute_deciles, compute_gains, compute_realised
from cltv_ml.money import format_money
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.report import section
from cltv_ml.reporting.sections.certainty import (
    interval_section,
    interval_sentence,
    paired_table,
    windows_section,
)

_PAIRED = "Difference of each model from the champion, with its 95% interval; MAE"
_HOW_PAIRED = (
    "Each model is compared with the champion on the same customers. The 95% interval covers the chance in "
    "which customers were drawn; better or worse appears only where it excludes zero."
)

#: The baseline of the comparison: MAE rewards it, no other metric does.
_ZERO_FOR_ALL = "Nothing for everyone"

#: Number of the comparison's figures that are not folded.
MAIN = 2


def comparison_table(result: WindowResult, champion: str | None = None) -> pd.DataFrame:
    """Return the comparison for display: one formatted row per model, the champion marked.

    The first row is a baseline that predicts zero for every customer.
    """
    scores = _with_nothing(result)
    optional = {
        "Pinball": ("pinball", "{:,.2f}"),
        "Profit": ("profit", "{:,.0f}"),
        "In interval": ("coverage", "{:.1%}"),
        "AUC": ("buy_auc", "{:.3f}"),
    }
    table = pd.DataFrame(
        {
            "Model": [theme.label(name) + (" ★" if name == champion else "") for name in scores.index],
            "Bias": [f"{value:+z.1%}" for value in scores["bias"]],
            "Decile error": [f"{value:.1%}" for value in scores["decile_mape"]],
            "Gini": [f"{value:.3f}" for value in scores["gini"]],
            "Spearman": [f"{value:.3f}" for value in scores["spearman"]],
            "Top 10%": [f"{value:.1%}" for value in scores["top_decile_capture"]],
            "Deviance": [f"{value:,.2f}" for value in scores["deviance"]],
            "MAE": [f"{value:,.2f}" for value in scores["mae"]],
            "RMSE": [f"{value:,.2f}" for value in scores["rmse"]],
        }
    )
    for title, (metric, form) in optional.items():
        if metric in scores:
            table[title] = [form.format(value) if np.isfinite(value) else "–" for value in scores[metric]]
    return table


def _with_nothing(result: WindowResult) -> pd.DataFrame:
    """Return the scores below a baseline row that predicts zero for every customer."""
    zero = np.zeros(len(result.y_true))
    # Rounded, because -0.000 would look like an order worse than chance.
    nothing = {name: round(metric.function(result.y_true, zero), 9) + 0.0 for name, metric in METRICS.items()}
    scores = result.scores.reindex([_ZERO_FOR_ALL, *result.scores.index])
    scores.loc[_ZERO_FOR_ALL, list(nothing)] = pd.Series(nothing)
    return scores


def _with_display_names(reason: str) -> str:
    """Return a reason with the display name of the model that it compares the champion with.

    >>> _with_display_names("it ranks them worse (Gini 0.089) than pareto_nbd_covariates (Gini 0.149)")
    'it ranks them worse (Gini 0.089) than Pareto/NBD with attributes (Gini 0.149)'
    """
    return re.sub(r"(?<=than )\w+(?= \(Gini)", lambda name: theme.label(name[0]), reason)


def quality_section(
    result: WindowResult,
    verdict: Verdict,
    *,
    currency: str = "",
    details: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the section on the models' performance on the test window."""
    name = verdict.champion
    label = theme.label(name)
    bias = overall_bias(result, name)
    top = compute_deciles(result.y_true, result.values[name]).iloc[0]
    sentences = [
        f"{label} predicted {format_money(float(result.values[name].sum()), currency)} for these "
        f"{len(result.y_true):,} customers over {result.window.horizon} days; they spent "
        f"{format_money(float(result.y_true.sum()), currency)}. {_off(bias)}",
        f"For the tenth of the customers that it ranked highest it predicted "
        f"{format_money(top['predicted'], currency)} each, and they spent "
        f"{format_money(top['realised'], currency)}: "
        f"{result.scores.at[name, 'top_decile_capture']:.0%} of all spending.",
        *interval_sentence(result, name),
        f"Chosen as champion: {_with_display_names(verdict.reason.replace(name, label, 1))}.",
    ]
    amounts = theme.in_money("MAE, RMSE and pinball", currency)
    tables = {f"All models on the test window; {amounts}": comparison_table(result, name)}
    if len(result.models) > 1:
        tables[theme.in_money(_PAIRED, currency)] = paired_table(result, name)
        sentences.append(_HOW_PAIRED)
    newcomers = compute_newcomers(result)
    if newcomers["gini"].notna().any():
        tables[f"The same for customers in their first {DAYS} days, about whom little is known"] = _newcomers(
            newcomers
        )
    figures = list(quality_figures(result, list(result.models), name, currency=currency).items())
    return section(
        "How good the predictions are",
        sentences,
        tables=tables,
        figures=dict(figures[:MAIN]),
        details=[
            section("More comparisons", figures=dict(figures[MAIN:])),
            *windows_section(result),
            *interval_section(result, name),
            *details,
        ],
    )


def _newcomers(newcomers: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Model": [theme.label(name) for name in newcomers.index],
            "Customers": [f"{count:,.0f}" for count in newcomers["customers"]],
            "Bought": [f"{count:,.0f}" for count in newcomers["buyers"]],
            "Bias": [f"{value:+z.1%}" for value in newcomers["bias"]],
            "Gini": [f"{value:.3f}" for value in newcomers["gini"]],
        }
    )


def quality_figures(
    result: WindowResult, names: Sequence[str], show: str | None = None, *, currency: str = ""
) -> dict[str, go.Figure]:
    """Return the comparison figures of some models by caption."""
    deciles = _stack({name: compute_deciles(result.y_true, result.values[name]) for name in names})
    realised = _stack({name: compute_realised(result.y_true, result.values[name]) for name in names})
    gains = compute_gains(result.y_true, result.values[list(names)])
    figures = {
        "Customers in ten equal groups by prediction. Bars show mean realised spend, the line the mean "
        "prediction. Click a name in the legend to show or hide a model.": plots.decile_calibration(
            deciles, currency=currency, show=show
        )
    }
    if len(names) > 1:
        figures[
            "A model's list of best customers against the champion's list of the same length: above zero it "
            "captures more of the spending, below zero less."
        ] = plots.gains_difference(gains, show=show)
    figures["Share of all spending that came from the best customers by prediction."] = plots.gains_curve(
        gains, show=show
    )
    figures["Customers grouped by predicted value; a larger point stands for more customers."] = (
        plots.predicted_against_realised(realised, currency=currency, show=show)
    )
    return figures


def overall_bias(result: WindowResult, name: str) -> pd.Series:
    """Return the bias over all customers with its interval, that of the metrics by window.

    Where some draws of customers hold nobody who bought, the interval of the chance in what they spent replaces it.
    """
    everybody = pd.Series("all", index=result.y_true.index)
    bias = compute_bias_by_group(result.y_true, result.values[name], everybody).iloc[0]
    drawn = bootstrap_metrics(result.y_true, result.values[[name]])["bias"][name]
    if drawn.notna().all():
        bias["bias_lower"], bias["bias_upper"] = drawn.quantile([0.025, 0.975])
    return bias


def _off(bias: pd.Series) -> str:
    """Return the error of the total, and how much of it chance in customers' spending can cause."""
    if not np.isfinite(bias["bias"]):
        return "Nobody spent anything, so no error can be calculated."
    direction = "high" if bias["bias"] >= 0 else "low"
    sentence = f"The total was {abs(bias['bias']):.1%} too {direction}"
    if np.isfinite(bias["bias_upper"]):
        interval = f"{bias['bias_lower']:+.1%} to {bias['bias_upper']:+.1%}"
        return f"{sentence} (95% interval for chance in spending: {interval})."
    return f"{sentence}; with so few customers, the error could be anything above {bias['bias_lower']:+.1%}."


def _stack(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([table.assign(model=name) for name, table in tables.items()], ignore_index=True)
