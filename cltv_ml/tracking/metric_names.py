"""Names of metrics in MLflow, whose charts group them by the prefix before the slash: `order/gini`, `level/bias`."""

from __future__ import annotations

from collections.abc import Mapping

from cltv_ml.evaluation.interval_metrics import INTERVAL_METRICS, QUANTILE_METRICS
from cltv_ml.evaluation.metrics import METRICS, PURCHASE_METRICS, TOP_SHARES

#: The group of each metric by its name: the ranking of customers, the level of the forecast, and so on.
METRIC_GROUPS = {
    **dict.fromkeys(METRICS, "error"),
    **dict.fromkeys(("gini", "spearman", *TOP_SHARES), "order"),
    **dict.fromkeys(("bias", "decile_mape"), "level"),
    **dict.fromkeys(PURCHASE_METRICS, "purchase"),
    **dict.fromkeys((*INTERVAL_METRICS, *QUANTILE_METRICS), "interval"),
    "profit": "campaign",
}


def grouped(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return metrics with the names by which MLflow's charts group them; names outside `METRIC_GROUPS` stay.

    Examples
    --------
    >>> grouped({"gini": 0.6, "30d/gini": 0.5, "seconds": 2.0})
    {'order/gini': 0.6, '30d/gini': 0.5, 'seconds': 2.0}
    """
    return {
        f"{METRIC_GROUPS[name]}/{name}" if name in METRIC_GROUPS else name: value
        for name, value in metrics.items()
    }
