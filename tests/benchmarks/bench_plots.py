"""Every figure of a million customers: seconds to draw and size of the page's part, tables made before.

Run: python tests/benchmarks/bench_plots.py [customers]
"""

import statistics
import sys
import time

import numpy as np
import pandas as pd

from cltv_ml.data import compute_months, compute_seasonality
from cltv_ml.data.quality import compute_cohort_activity, compute_gap_histogram, compute_spend_histogram
from cltv_ml.decisions import compute_cohorts
from cltv_ml.decisions.associations import find_associations
from cltv_ml.decisions.margins import compute_margins
from cltv_ml.decisions.migration import compute_migration
from cltv_ml.decisions.profile import profile_segments
from cltv_ml.decisions.retention import compute_treatment, profit_curve
from cltv_ml.decisions.rfm import apply_rfm, fit_rfm
from cltv_ml.decisions.tiers import apply_tiers, fit_tiers
from cltv_ml.decisions.value_change import account_for_change, change_by_customer
from cltv_ml.evaluation import diagnostics
from cltv_ml.evaluation.drift import compute_drift, sketch
from cltv_ml.evaluation.explain import compute_contributions
from cltv_ml.evaluation.tables import (
    compute_bias_by_group,
    compute_coverage,
    compute_deciles,
    compute_gains,
    compute_realised,
)
from cltv_ml.models import GammaGamma, ParetoNBD, ProbabilisticValue
from cltv_ml.reporting import plots
from cltv_ml.reporting.sections.customers import compute_tiers
from cltv_ml.windows import Window

END = "2023-07-01"
MODEL = ParetoNBD().with_params({"r": 0.55, "alpha": 70.0, "s": 0.6, "beta": 80.0})

#: Figures whose tables hold a row per model, feature, test window or batch, whatever the number of customers.
OF_MODELS = (
    "quality_waterfall",
    "metric_ranges",
    "importances",
    "dependence",
    "learning",
    "qini_curve",
    "discount_response",
    "discount_profit",
    "segment_shares",
    "value_curve",
    "truth_series",
    "batch_so_far",
    "batch_totals",
)


def main(customers: int = 1_000_000) -> None:
    """Print per figure the seconds for its table, for drawing it (median of three) and its size."""
    rng = np.random.default_rng(0)
    log, X, predictions, later, y = made_up(customers, rng)
    values, cuts = predictions["expected_value"], fit_tiers(predictions["expected_value"])
    window, ids = Window("2023-01-01", 182), pd.Index(X.index)
    rfm = pd.DataFrame(
        {
            "days_since_last": X["T"] - X["recency"],
            "purchase_days": X["frequency"] + 1,
            "spend": X["monetary_value"],
        }
    )
    spend = GammaGamma()
    spend.params_ = {"p": 5.0, "q": 4.0, "v": 90.0}
    gains = timed(
        lambda: compute_gains(y, pd.DataFrame({"tweedie": values, "hurdle": later["expected_value"]}))
    )
    tracking = timed(lambda: diagnostics.compute_tracking(MODEL, log, window))
    cohorts = timed(lambda: compute_cohort_activity(log))
    grid = timed(lambda: diagnostics.compute_history_grid(MODEL, X, 182))
    bought = pd.Series(rng.poisson(1, customers), index=ids)
    value = ProbabilisticValue(MODEL, spend, horizon=182).fit(X.iloc[:10_000])
    treatment = compute_treatment(predictions, uplift=0.1, margin_rate=0.3, cost=0.5)
    tables = {
        "revenue_over_time": timed(lambda: compute_months(log)),
        "cohort_retention": cohorts,
        "cohort_revenue": cohorts,
        "cohort_table": timed(lambda: compute_cohorts(log)),
        "spend_distribution": timed(lambda: compute_spend_histogram(log)),
        "purchase_gaps": timed(lambda: compute_gap_histogram(log)),
        "frequency_fit": timed(lambda: diagnostics.compute_frequency_fit(MODEL, X)),
        "weekly_tracking": tracking,
        "cumulative_tracking": tracking,
        "conditional_by_frequency": timed(
            lambda: diagnostics.compute_conditional(predictions["expected_purchases"], bought, X, "frequency")
        ),
        "conditional_by_recency": timed(
            lambda: diagnostics.compute_conditional(predictions["expected_purchases"], bought, X, "recency")
        ),
        "purchases_map": grid,
        "alive_map": grid,
        "rate_heterogeneity": timed(lambda: diagnostics.compute_rates(MODEL)),
        "spend_fit": timed(lambda: diagnostics.compute_spend_fit(spend, X)),
        "decile_calibration": timed(lambda: compute_deciles(y, values).assign(model="tweedie")),
        "gains_curve": gains,
        "gains_difference": gains,
        "group_bias": timed(lambda: compute_bias_by_group(y, values, apply_tiers(values, cuts))),
        "predicted_against_realised": timed(lambda: compute_realised(y, values).assign(model="tweedie")),
        "interval_coverage": timed(lambda: compute_coverage(y, predictions)),
        "tier_pyramid": timed(lambda: compute_tiers(predictions)),
        "rfm_map": timed(lambda: apply_rfm(rfm, fit_rfm(rfm))),
        "migration_sankey": timed(
            lambda: compute_migration(apply_tiers(values, cuts), apply_tiers(later["expected_value"], cuts))
        ),
        "value_waterfall": timed(
            lambda: account_for_change(change_by_customer(predictions, later, tiers=cuts))
        ),
        "campaign_profit": timed(lambda: profit_curve(treatment)),
        "season_profile": timed(lambda: compute_seasonality(log)),
        "segment_sizes": timed(lambda: profile_segments(log, apply_tiers(values, cuts), cutoff=END)),
        "alive_history": timed(
            lambda: diagnostics.compute_alive_history(MODEL, list(log["timestamp"].iloc[:4]), END)
        ),
        "contributions": timed(lambda: compute_contributions(value, X)),
        "drift": timed(lambda: compute_drift(sketch(X), X)),
        "margin_bars": timed(lambda: compute_margins(log, "product_id")),
        "cross_sell_matrix": timed(lambda: find_associations(log, "product_id")),
    }
    forgotten = set(plots.CATALOGUE) - set(tables) - set(OF_MODELS)
    if forgotten:
        sys.exit(f"no table here for {sorted(forgotten)}.")
    print(f"{customers:,} customers, {len(log):,} purchases")
    print(f"{'figure':<28}{'table, s':>10}{'drawing, s':>12}{'size, kB':>10}")
    for name, (table, seconds) in tables.items():
        drawn = [
            timed(lambda name=name, table=table: plots.CATALOGUE[name](table).to_json()) for _ in range(3)
        ]
        took = statistics.median(time for _, time in drawn)
        print(f"{name:<28}{seconds:>10.2f}{took:>12.2f}{len(drawn[0][0]) / 1000:>10.1f}")


def made_up(customers: int, rng: np.random.Generator) -> tuple:
    """Return a log with four purchases a customer, their histories, predictions at two dates, and the truth."""
    ids = pd.Index([f"C{number:07d}" for number in range(customers)], name="customer_id")
    rows = np.repeat(np.arange(customers), 4)
    day = np.sort(rng.integers(0, 910, (customers, 4)), axis=1)
    log = pd.DataFrame(
        {
            "customer_id": pd.array(ids.to_numpy()[rows], dtype="str"),
            "timestamp": pd.Timestamp("2021-01-01") + pd.to_timedelta(day.ravel(), unit="D"),
            "amount": rng.gamma(2, 20, len(rows)).round(2),
            "order_id": pd.array([f"o{row // 2}" for row in range(len(rows))], dtype="str"),
            "product_id": pd.array(
                [f"a product called {n}" for n in rng.geometric(0.002, len(rows))], dtype="str"
            ),
            "cost": rng.gamma(2, 12, len(rows)).round(2),
        }
    )
    age = rng.integers(30, 730, customers).astype(float)
    X = MODEL.simulate(customers, age, seed=1).set_index(ids)[["frequency", "recency", "T"]]
    X["recency"] = np.minimum(np.ceil(X["recency"]), X["T"])
    X["monetary_value"] = np.where(X["frequency"] > 0, rng.gamma(2, 20, customers) + 0.01, 0.0)
    value = pd.Series(rng.gamma(0.5, 80, customers), index=ids)
    predictions = pd.DataFrame(
        {
            "expected_value": value,
            "expected_purchases": value / 40,
            "p_alive": rng.random(customers),
            "value_lower": value * 0.1,
            "value_upper": value * 3,
        }
    )
    later = predictions.assign(expected_value=value * rng.gamma(5, 0.2, customers))
    return log, X, predictions, later, pd.Series(rng.poisson(value).astype(float), index=ids)


def timed(work):
    """Return what `work` returns, and the seconds it took."""
    started = time.perf_counter()
    found = work()
    return found, time.perf_counter() - started


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
