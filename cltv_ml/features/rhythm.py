"""Rhythm features: regularity of purchases, and whether the next one is overdue."""

from cltv_ml.features.declare import age_dependent_feature, feature

FEATURES = (
    *age_dependent_feature(
        "days_since_last",
        unit="days",
        grain="day",
        sql="@cutoff - max(day)",
        doc="Days from the last purchase day to the cutoff.",
    ),
    *feature(
        "quiet_share",
        unit="share",
        grain="customer",
        sql="days_since_last / (T + 1)",
        doc="Share of the customer's life that passed since the last purchase day.",
    ),
    *age_dependent_feature(
        "gap_mean",
        unit="days",
        grain="day",
        sql="@ratio(sum(gap), count(gap))",
        doc="Mean days between purchase days; missing without a repeat purchase.",
    ),
    *age_dependent_feature(
        "gap_spread",
        unit="days",
        grain="day",
        sql="@spread(gap)",
        doc="Standard deviation of the days between purchase days.",
    ),
    *age_dependent_feature(
        "gap_median",
        unit="days",
        grain="day",
        sql="median(gap)",
        doc="Median days between purchase days.",
    ),
    *age_dependent_feature(
        "gap_max",
        unit="days",
        grain="day",
        sql="max(gap)",
        doc="Longest time between two purchase days.",
    ),
    *age_dependent_feature(
        "gap_last",
        unit="days",
        grain="day",
        sql="max_by(gap, day)",
        doc="Days between the last two purchase days.",
    ),
    *age_dependent_feature(
        "log_gaps",
        unit="log days",
        grain="day",
        sql="coalesce(sum(cast(round(ln(gap) * 1e9) as bigint)), 0) / 1e9",  # whole, so that no order matters
        doc="Sum of the logarithms of the days between purchase days, a measure of how regular they are.",
    ),
    *feature(
        "gap_mean_share",
        unit="share",
        grain="customer",
        sql="gap_mean / (T + 1)",
        doc="Mean gap over the customer's age.",
    ),
    *feature(
        "gap_max_share",
        unit="share",
        grain="customer",
        sql="gap_max / (T + 1)",
        doc="Longest gap over the customer's age.",
    ),
    *feature(
        "gap_last_ratio",
        unit="ratio",
        grain="customer",
        sql="gap_last / gap_mean",
        doc="Last gap over the mean gap: above one, the customer is slowing down.",
    ),
    *feature(
        "regularity",
        unit="share",
        grain="customer",
        sql="gap_mean / (gap_mean + gap_spread)",
        doc="1 if all gaps are equal, one half for a random (Poisson) rhythm; missing below two gaps.",
    ),
    *feature(
        "overdue_ratio",
        unit="ratio",
        grain="customer",
        sql="days_since_last / gap_mean",
        doc="Days since the last purchase over the customer's own mean gap; missing without a repeat.",
    ),
    *feature(
        "overdue_percentile",
        unit="share",
        grain="day",
        sql="@ratio(count_if(gap <= @since_last), count(gap))",
        doc="Share of the customer's own gaps that are no longer than the time since the last purchase.",
    ),
)
