"""Interactive plotly figures, one file each: a table in, a labelled figure out."""

from cltv_ml.reporting.plots.alive_history import alive_history
from cltv_ml.reporting.plots.alive_map import alive_map
from cltv_ml.reporting.plots.base_changes import base_changes
from cltv_ml.reporting.plots.batch_so_far import batch_so_far
from cltv_ml.reporting.plots.batch_totals import batch_totals
from cltv_ml.reporting.plots.campaign_profit import campaign_profit
from cltv_ml.reporting.plots.change_by_part import change_by_part
from cltv_ml.reporting.plots.cohort_continuation import cohort_continuation
from cltv_ml.reporting.plots.cohort_path import cohort_path
from cltv_ml.reporting.plots.cohort_retention import cohort_retention
from cltv_ml.reporting.plots.cohort_revenue import cohort_revenue
from cltv_ml.reporting.plots.cohort_stack import cohort_stack
from cltv_ml.reporting.plots.cohort_table import cohort_table
from cltv_ml.reporting.plots.concentration_curve import concentration_curve
from cltv_ml.reporting.plots.conditional_by_frequency import conditional_by_frequency
from cltv_ml.reporting.plots.conditional_by_recency import conditional_by_recency
from cltv_ml.reporting.plots.contributions import contributions
from cltv_ml.reporting.plots.cross_sell_matrix import cross_sell_matrix
from cltv_ml.reporting.plots.cumulative_tracking import cumulative_tracking
from cltv_ml.reporting.plots.decile_calibration import decile_calibration
from cltv_ml.reporting.plots.dependence import dependence
from cltv_ml.reporting.plots.discount_profit import discount_profit
from cltv_ml.reporting.plots.discount_response import discount_response
from cltv_ml.reporting.plots.drift import drift
from cltv_ml.reporting.plots.frequency_fit import frequency_fit
from cltv_ml.reporting.plots.gains_curve import gains_curve
from cltv_ml.reporting.plots.gains_difference import gains_difference
from cltv_ml.reporting.plots.group_bias import group_bias
from cltv_ml.reporting.plots.importances import importances
from cltv_ml.reporting.plots.interval_coverage import interval_coverage
from cltv_ml.reporting.plots.learning import learning
from cltv_ml.reporting.plots.margin_bars import margin_bars
from cltv_ml.reporting.plots.metric_ranges import metric_ranges
from cltv_ml.reporting.plots.migration_sankey import migration_sankey
from cltv_ml.reporting.plots.payback_curve import payback_curve
from cltv_ml.reporting.plots.plan_against_actual import plan_against_actual
from cltv_ml.reporting.plots.predicted_against_realised import predicted_against_realised
from cltv_ml.reporting.plots.purchase_gaps import purchase_gaps
from cltv_ml.reporting.plots.purchases_map import purchases_map
from cltv_ml.reporting.plots.qini_curve import qini_curve
from cltv_ml.reporting.plots.quality_waterfall import quality_waterfall
from cltv_ml.reporting.plots.rate_heterogeneity import rate_heterogeneity
from cltv_ml.reporting.plots.revenue_over_time import revenue_over_time
from cltv_ml.reporting.plots.rfm_map import rfm_map
from cltv_ml.reporting.plots.season_profile import season_profile
from cltv_ml.reporting.plots.segment_shares import segment_shares
from cltv_ml.reporting.plots.segment_sizes import segment_sizes
from cltv_ml.reporting.plots.shop_forecast import shop_forecast
from cltv_ml.reporting.plots.spend_distribution import spend_distribution
from cltv_ml.reporting.plots.spend_fit import spend_fit
from cltv_ml.reporting.plots.tier_pyramid import tier_pyramid
from cltv_ml.reporting.plots.truth_series import truth_series
from cltv_ml.reporting.plots.value_curve import value_curve
from cltv_ml.reporting.plots.value_deciles import value_deciles
from cltv_ml.reporting.plots.value_waterfall import value_waterfall
from cltv_ml.reporting.plots.weekly_tracking import weekly_tracking

#: Every figure by name: what `cltv plot` offers and the contract tests loop over.
CATALOGUE = {
    plot.__name__: plot
    for plot in (
        revenue_over_time,
        season_profile,
        cohort_retention,
        cohort_revenue,
        cohort_table,
        concentration_curve,
        value_deciles,
        base_changes,
        change_by_part,
        cohort_continuation,
        cohort_path,
        cohort_stack,
        shop_forecast,
        plan_against_actual,
        payback_curve,
        spend_distribution,
        purchase_gaps,
        quality_waterfall,
        frequency_fit,
        weekly_tracking,
        cumulative_tracking,
        conditional_by_frequency,
        conditional_by_recency,
        purchases_map,
        alive_map,
        alive_history,
        rate_heterogeneity,
        spend_fit,
        decile_calibration,
        gains_curve,
        gains_difference,
        metric_ranges,
        group_bias,
        predicted_against_realised,
        interval_coverage,
        importances,
        contributions,
        dependence,
        learning,
        tier_pyramid,
        rfm_map,
        segment_sizes,
        migration_sankey,
        value_waterfall,
        value_curve,
        campaign_profit,
        qini_curve,
        discount_response,
        discount_profit,
        cross_sell_matrix,
        margin_bars,
        drift,
        segment_shares,
        batch_totals,
        truth_series,
        batch_so_far,
    )
}

__all__ = ["CATALOGUE", *CATALOGUE]
