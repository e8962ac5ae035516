"""Tables to try the figures on, one for each of the catalogue."""

import numpy as np
import pandas as pd

from cltv_ml.data import compute_months, compute_seasonality, simulate
from cltv_ml.data.quality import compute_cohort_activity, compute_gap_histogram, compute_spend_histogram
from cltv_ml.decisions import compute_audit, compute_cohorts
from cltv_ml.decisions import qini_curve as compute_qini_curve
from cltv_ml.evaluation import diagnostics
from cltv_ml.evaluation.explain import compute_contributions
from cltv_ml.evaluation.horizons import compute_curve
from cltv_ml.evaluation.tables import (
    compute_bias_by_group,
    compute_coverage,
    compute_deciles,
    compute_gains,
    compute_metric_ranges,
    compute_realised,
)
from cltv_ml.features import build_features
from cltv_ml.log import Log
from cltv_ml.models import BGNBD, GammaGamma, ProbabilisticValue
from cltv_ml.windows import Window

rng = np.random.default_rng(2)
TRUTH = pd.Series(rng.gamma(0.5, 30, 500) * (rng.random(500) < 0.5))
FORECAST = pd.DataFrame({"bg_nbd_gamma_gamma": TRUTH * 0.5 + 3, "tweedie": rng.gamma(1, 20, 500)})
INTERVALS = pd.DataFrame({"expected_value": TRUTH, "value_lower": TRUTH * 0.5, "value_upper": TRUTH + 9})

LOG = simulate(400, days=300, seed=1).log
WINDOW = Window("2022-07-01", "13w")
X = build_features(LOG, WINDOW.cutoff, ["frequency", "recency", "T", "monetary_value"])
PURCHASES = BGNBD().fit(X)
EXPECTED = pd.Series(PURCHASES.expected_purchases(X, 91), index=X.index)
BOUGHT = Log.of(LOG).target(WINDOW, X.index, "purchases")
GAINS = compute_gains(TRUTH, FORECAST)
COHORTS = compute_cohort_activity(LOG)
AUDIT = compute_audit(LOG)
TRACKING = diagnostics.compute_tracking(PURCHASES, LOG, WINDOW)
GRID = diagnostics.compute_history_grid(PURCHASES, X, 91)
RESULTS = pd.DataFrame(
    {"model": ["tweedie", "tweedie", "same_rate"], "metric": "gini", "value": [0.7, 0.75, 0.6]}
)
TIERS = pd.DataFrame({"customers": [10, 90], "expected_value": [900.0, 100.0]}, index=["high", "low"])
PAIRS = [("tea", "honey with a very long name from the north"), ("tea", "milk")]

#: One table for each figure of the catalogue.
TABLES = {
    "revenue_over_time": compute_months(LOG),
    "season_profile": compute_seasonality(LOG),
    "cohort_retention": COHORTS,
    "cohort_revenue": COHORTS,
    "cohort_table": compute_cohorts(LOG),
    "concentration_curve": AUDIT.curve,
    "value_deciles": AUDIT.deciles,
    "base_changes": AUDIT.periods,
    "change_by_part": AUDIT.changes,
    "cohort_path": AUDIT.cohorts,
    "cohort_stack": AUDIT.cohorts,
    "shop_forecast": pd.DataFrame(
        {
            "start": pd.to_datetime(["2024-01-01", "2024-01-08"] * 2),
            "span": "period",
            "part": ["known", "known", "total", "total"],
            "measure": "revenue",
            "expected": [8.0, 7.0, 9.0, 10.0],
            **{f"lower_{band}": [7.0, 6.0, 8.0, 9.0] for band in (50, 80, 95)},
            **{f"upper_{band}": [9.0, 8.0, 10.0, 11.0] for band in (50, 80, 95)},
        }
    ),
    "cohort_continuation": pd.DataFrame(
        {
            "cohort": ["2024-01", "2024-01", "2024-02", "2024-02"],
            "customers": [40, 40, 20, 20],
            "to_date": [30.0, 30.0, 20.0, 20.0],
            "days": [91, 365, 91, 365],
            "expected": [5.0, 9.0, 4.0, 8.0],
            "lower": [4.0, 7.0, 2.0, 4.0],
            "upper": [6.0, 12.0, 6.0, 12.0],
        }
    ),
    "payback_curve": pd.DataFrame(
        {
            "channel": ["ads", "ads"],
            "age": [30, 60],
            "customers": 40,
            "seen": [40, 0],
            "realised": [5.0, np.nan],
            "expected": [5.0, 8.0],
            "lower": [4.0, 6.0],
            "upper": [6.0, 10.0],
            "cac": 6.0,
        }
    ),
    "plan_against_actual": pd.DataFrame(
        {
            "start": pd.to_datetime(["2024-01-01", "2024-01-08"]),
            "expected": [9.0, 10.0],
            "lower_80": [8.0, 9.0],
            "upper_80": [10.0, 11.0],
            "actual": [9.5, 8.0],
        }
    ),
    "spend_distribution": compute_spend_histogram(LOG),
    "purchase_gaps": compute_gap_histogram(LOG),
    "quality_waterfall": pd.DataFrame(
        {"rule": ["bad_amount", "duplicate"], "rows_before": [90, 80], "rows": [10, 0], "money": [5.0, 0.0]}
    ),
    "frequency_fit": diagnostics.compute_frequency_fit(PURCHASES, X),
    "weekly_tracking": TRACKING,
    "cumulative_tracking": TRACKING,
    "conditional_by_frequency": diagnostics.compute_conditional(EXPECTED, BOUGHT, X, "frequency"),
    "conditional_by_recency": diagnostics.compute_conditional(EXPECTED, BOUGHT, X, "recency"),
    "purchases_map": GRID,
    "alive_map": GRID,
    "alive_history": diagnostics.compute_alive_history(PURCHASES, ["2022-01-05", "2022-02-01"], "2022-06-30"),
    "rate_heterogeneity": diagnostics.compute_rates(PURCHASES),
    "spend_fit": diagnostics.compute_spend_fit(GammaGamma().fit(X), X),
    "decile_calibration": pd.concat(
        [compute_deciles(TRUTH, FORECAST[name]).assign(model=name) for name in FORECAST]
    ),
    "gains_curve": GAINS,
    "gains_difference": GAINS,
    "metric_ranges": compute_metric_ranges(RESULTS.assign(cutoff=range(3))),
    "group_bias": compute_bias_by_group(TRUTH, FORECAST["tweedie"], pd.Series(["a", "b"] * 250)),
    "predicted_against_realised": pd.concat(
        [compute_realised(TRUTH, FORECAST[name]).assign(model=name) for name in FORECAST]
    ),
    "value_curve": compute_curve(
        pd.DataFrame({"expected_value_30d": [1.0, 2.0], "expected_value_91d": [2.0, 5.0]})
    ).assign(lower=[0, 2, 5], upper=[0, 4, 9]),
    "interval_coverage": compute_coverage(TRUTH, INTERVALS),
    "importances": pd.DataFrame({"feature": ["recency", "T"], "importance": [0.3, 0.1], "spread": 0.01}),
    "contributions": compute_contributions(ProbabilisticValue(horizon=91).fit(X), X),
    "dependence": pd.DataFrame({"feature": "recency", "value": [1, 5], "predicted": [2.0, 8.0]}),
    "learning": pd.DataFrame(
        {
            "origins": [1, 2],
            "rows": [400, 750],
            "gini": [0.5, 0.6],
            "bias": [0.1, 0.0],
            "decile_mape": [0.3, 0.2],
        }
    ),
    "tier_pyramid": TIERS.rename_axis("tier"),
    "rfm_map": pd.DataFrame(
        {
            "recency_score": [5, 5, 1],
            "frequency_score": [5, 5, 1],
            "spend": [9.0, 8.0, 1.0],
            "segment": ["Champions", "Champions", "Lost"],
        }
    ),
    "segment_sizes": TIERS.rename_axis("segment").assign(revenue=[80.0, 20.0], revenue_share=[0.8, 0.2]),
    "migration_sankey": pd.DataFrame(
        {
            "before": ["high", "high", "low"],
            "after": ["high", "low", "low"],
            "customers": [5, 2, 9],
            "share": [5 / 7, 2 / 7, 1.0],
        }
    ),
    "value_waterfall": pd.DataFrame(
        {"part": ["new", "lost", "total"], "customers": [3, 2, 5], "change": [30.0, -10.0, 20.0]}
    ),
    "campaign_profit": pd.DataFrame(
        {
            "customers": [1, 2, 3],
            "cost": [1.0, 2, 3],
            "expected_profit": [5.0, 6, -1],
            "profit_lower": [3.0, 3, -5],
            "profit_upper": [7.0, 9, 3],
        }
    ),
    "qini_curve": compute_qini_curve(rng.random(900) < 0.3, np.arange(900) % 2, rng.random(900)).assign(
        arm="mail"
    ),
    "discount_response": pd.DataFrame(
        {"weeks": [90, 60, 30], "slope": [2.0, 3.0, 1.0]}, index=["all", "tea", "milk"]
    ),
    "discount_profit": pd.DataFrame({0.0: [0.0, 0.0, 0.0], 0.1: [1.0, -2.0, -3.0], 0.2: [0.5, np.nan, -4.0]}),
    "cross_sell_matrix": pd.DataFrame(PAIRS, columns=["bought", "also_bought"])
    .pipe(
        lambda one: pd.concat([one, one.rename(columns={"bought": "also_bought", "also_bought": "bought"})])
    )
    .assign(orders=30, lift=2.5, lift_lower=1.8),
    "margin_bars": pd.DataFrame(
        {"revenue": [9.0, 5.0], "contribution_margin": [4.0, -2.0], "contribution_rate": [0.4, -0.4]},
        index=pd.Index(["tea", "milk"], name="product_id"),
    ),
    "drift": pd.DataFrame({"feature": ["recency", "T"], "psi": [0.3, 0.05]}),
    "segment_shares": pd.DataFrame(
        {
            "segment": ["high", "low"],
            "before": [0.2, 0.8],
            "share": [0.3, 0.7],
            "lower": [0.2, 0.6],
            "upper": [0.4, 0.8],
        }
    ),
    "truth_series": pd.DataFrame(
        {
            "cutoff": pd.to_datetime(["2024-01-01", "2024-04-01"]),
            "bias": [0.1, -0.1],
            "bias_lower": [0.0, -0.2],
            "bias_upper": [0.2, 0.1],
        }
    ),
    "batch_so_far": pd.DataFrame(
        {
            "cutoff": pd.to_datetime(["2024-01-01"] * 2),
            "day": [0, 7],
            "expected": [0.0, 9.0],
            "realised": [0.0, 8.0],
        }
    ),
    "batch_totals": pd.DataFrame(
        {"cutoff": pd.to_datetime(["2024-01-01"]), "predicted": [100.0], "realised": [90.0]}
    ),
}
