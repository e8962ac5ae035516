"""Decisions from scores: segments, margins, retention, uplift, cross-selling, offers, and campaign outcomes.

Every function takes and returns tables. Cut points, rules and responses that are learned from customers are returned
as plain values, to be stored and applied to the next month.
"""

from cltv_ml.decisions.associations import find_associations
from cltv_ml.decisions.audit import Audit, compute_audit
from cltv_ml.decisions.campaign import build_campaign, campaign_summary
from cltv_ml.decisions.cohorts import GROUPS, SMALL_COHORT, cohort_members, compute_cohorts, is_followed
from cltv_ml.decisions.control import control_size, detectable_uplift, draw_control, expected_rates
from cltv_ml.decisions.cost_gaps import describe_stated_rate, fill_cost_gaps, fill_every_gap
from cltv_ml.decisions.cost_of_winning import cost_of_winning
from cltv_ml.decisions.cross_sell import Shown, margin_per_purchase, recommend_next
from cltv_ml.decisions.cross_sell_quality import evaluate_cross_sell
from cltv_ml.decisions.lifecycle import apply_lifecycle, fit_lifecycle, tells_who_left
from cltv_ml.decisions.lifetime import (
    choose_value,
    compute_lifetime,
    money_to_come_back,
    residual_share,
    value_column,
    value_to_date,
    with_rates,
)
from cltv_ml.decisions.line_costs import Costs
from cltv_ml.decisions.margins import (
    add_profit,
    category_rates,
    compute_margins,
    customer_margin_rates,
    loss_makers,
    margin_credibility,
)
from cltv_ml.decisions.migration import compute_migration
from cltv_ml.decisions.off_policy import compare_policies, evaluate_policy
from cltv_ml.decisions.offers import GuardRails, choose_offers, discount_by_segment, profit_by_depth
from cltv_ml.decisions.outcome import evaluate_campaign
from cltv_ml.decisions.past_campaign import CampaignLesson, judge_policies, learn_from_campaign
from cltv_ml.decisions.payback import compute_payback, payback_month
from cltv_ml.decisions.price_response import customer_slopes, fit_response
from cltv_ml.decisions.price_test import propose_price_test
from cltv_ml.decisions.profile import profile_segments
from cltv_ml.decisions.qini import compute_qini, qini_curve
from cltv_ml.decisions.recommenders import RECOMMENDERS
from cltv_ml.decisions.retention import (
    break_even,
    choose_customers,
    compute_treatment,
    probability_to_buy,
    profit_curve,
    value_at_risk,
)
from cltv_ml.decisions.rfm import SEGMENTS, apply_rfm, compute_rfm, fit_rfm, segment_definitions
from cltv_ml.decisions.tiers import apply_tiers, fit_tiers
from cltv_ml.decisions.uplift import (
    LEARNERS,
    ClassTransformation,
    LinearInteractions,
    TwoModels,
    balance_table,
    compare_learners,
)
from cltv_ml.decisions.upsell import recommend_upsell
from cltv_ml.decisions.value_change import account_for_change, change_by_customer, price_index
from cltv_ml.decisions.variety import favourites_by_segment, vary_leaders

__all__ = [
    "GROUPS",
    "LEARNERS",
    "RECOMMENDERS",
    "SEGMENTS",
    "SMALL_COHORT",
    "Audit",
    "CampaignLesson",
    "ClassTransformation",
    "Costs",
    "GuardRails",
    "LinearInteractions",
    "Shown",
    "TwoModels",
    "account_for_change",
    "add_profit",
    "apply_lifecycle",
    "apply_rfm",
    "apply_tiers",
    "balance_table",
    "break_even",
    "build_campaign",
    "campaign_summary",
    "category_rates",
    "change_by_customer",
    "choose_customers",
    "choose_offers",
    "choose_value",
    "cohort_members",
    "compare_learners",
    "compare_policies",
    "compute_audit",
    "compute_cohorts",
    "compute_lifetime",
    "compute_margins",
    "compute_migration",
    "compute_payback",
    "compute_qini",
    "compute_rfm",
    "compute_treatment",
    "control_size",
    "cost_of_winning",
    "customer_margin_rates",
    "customer_slopes",
    "describe_stated_rate",
    "detectable_uplift",
    "discount_by_segment",
    "draw_control",
    "evaluate_campaign",
    "evaluate_cross_sell",
    "evaluate_policy",
    "expected_rates",
    "favourites_by_segment",
    "fill_cost_gaps",
    "fill_every_gap",
    "find_associations",
    "fit_lifecycle",
    "fit_response",
    "fit_rfm",
    "fit_tiers",
    "is_followed",
    "judge_policies",
    "learn_from_campaign",
    "loss_makers",
    "margin_credibility",
    "margin_per_purchase",
    "money_to_come_back",
    "payback_month",
    "price_index",
    "probability_to_buy",
    "profile_segments",
    "profit_by_depth",
    "profit_curve",
    "propose_price_test",
    "qini_curve",
    "recommend_next",
    "recommend_upsell",
    "residual_share",
    "segment_definitions",
    "tells_who_left",
    "value_at_risk",
    "value_column",
    "value_to_date",
    "vary_leaders",
    "with_rates",
]
