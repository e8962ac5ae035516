"""Sections of the monitoring report: the verdict, drift, and the outcome of earlier forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.report import section

#: How many of the columns that moved are written out; the figure and drift.csv have more.
_LISTED = 10


def monitoring_sections(
    reasons: Sequence[str],
    notes: Sequence[str],
    drift: pd.DataFrame,
    shares: pd.DataFrame,
    truth: pd.DataFrame,
    progress: pd.DataFrame,
    *,
    currency: str = "",
) -> list[dict[str, Any]]:
    """Return the sections of a monitoring page; a part without data says so in a sentence.

    Parameters
    ----------
    reasons
        Why the verdict is not ok, in sentences.
    """
    return [
        section(
            "Verdict",
            [] if reasons else ["Nothing was found that chance does not explain."],
            warnings=[*reasons, *notes],
        ),
        _drift_section(drift, shares),
        _truth_section(truth, progress, currency),
    ]


def _drift_section(drift: pd.DataFrame, shares: pd.DataFrame) -> dict[str, Any]:
    if not len(drift):
        return section("What has moved since the training", ["Nothing to compare with."])
    figures: dict[str, go.Figure] = {
        "Stability index per column, what chance adds on average taken off.": plots.drift(drift)
    }
    if len(shares):
        figures["Share of customers per value tier, at the cut points of the training."] = (
            plots.segment_shares(shares, of="Tier")
        )
    rows = drift.head(_LISTED)
    table = pd.DataFrame(
        {
            "Column": rows["feature"],
            "Stability index": [f"{value:.3f}" for value in rows["psi"]],
            "Interval": [
                f"{a:.3f} to {b:.3f}" for a, b in zip(rows["psi_lower"], rows["psi_upper"], strict=True)
            ],
            "Shift (SD)": [f"{value:.2f}" for value in rows["shift"]],
            "Missing": [f"{value:.0%}" for value in rows["missing"]],
            "Before": [f"{value:.0%}" for value in rows["missing_before"]],
        }
    )
    sentence = (
        "The stability index compares the shares of the training's tenths (0.1 is a little, 0.25 a lot); the shift is "
        "the Wasserstein distance in standard deviations. Customers grow older between two dates, so that some columns "
        "always move a little."
    )
    return section(
        "What has moved since the training",
        [sentence],
        tables={"Columns that moved most": table},
        figures=figures,
    )


def _truth_section(truth: pd.DataFrame, progress: pd.DataFrame, currency: str) -> dict[str, Any]:
    sentences, figures = [], {}
    if len(truth):
        last = truth.iloc[-1]
        sentences.append(
            f"The batch of {last['cutoff']:%Y-%m-%d} promised {theme.format_money(last['promised'], currency)}; "
            f"{theme.format_money(last['realised'], currency)} came."
        )
        figures["Total promised and realised, batch by batch."] = plots.promises_kept(
            truth, currency=currency
        )
        for metric in ("bias", "gini", "decile_mape", "coverage"):
            if metric in truth and np.isfinite(truth[metric]).any():
                known = truth.dropna(subset=metric)
                figures[
                    f"{metric.replace('_', ' ').capitalize()} of the closed batches, with 95% intervals."
                ] = plots.truth_series(known, metric=metric)
    else:
        sentences.append("No batch's horizon has passed yet.")
    if len(progress):
        figures["What the open batches should have brought by now (dashed) and brought."] = (
            plots.promise_so_far(progress, currency=currency)
        )
    return section("What earlier batches promised and what came", sentences, figures=figures)
