"""Trend features: rates in recent windows, recent minus earlier rates, slopes."""

from cltv_ml.features.declare import age_dependent_feature, feature

TREND_DAYS = (7, 30, 90, 180, 365)

FEATURES = (
    *age_dependent_feature(
        "orders_{w}d",
        unit="orders",
        grain="order",
        windows=TREND_DAYS,
        sql="count_if(is_first and @last({w}))",
        doc="Orders in the last {w} days before the cutoff.",
        fill=0,
    ),
    *age_dependent_feature(
        "spend_{w}d",
        unit="currency",
        grain="day",
        windows=TREND_DAYS,
        sql="sum(amount) filter (where @last({w}))",
        doc="Spend in the last {w} days before the cutoff.",
        fill=0,
    ),
    *feature(
        "order_rate_{w}d",
        unit="orders/day",
        grain="customer",
        windows=TREND_DAYS,
        sql="orders_{w}d / least({w}, T + 1)",
        doc="Orders in the last {w} days, as a rate over those of the days on which the customer was observed.",
    ),
    *feature(
        "spend_rate_{w}d",
        unit="currency/day",
        grain="customer",
        windows=TREND_DAYS,
        sql="spend_{w}d / least({w}, T + 1)",
        doc="Spend in the last {w} days, as a rate over those of the days on which the customer was observed.",
    ),
    *feature(
        "spend_share_{w}d",
        unit="share",
        grain="customer",
        windows=(30, 90, 180),
        sql="@ratio(spend_{w}d, spend_total)",
        doc="Share of all spend that falls into the last {w} days; missing for customers without spend.",
    ),
    *feature(
        "order_trend_{w}d",
        unit="orders/day",
        grain="customer",
        windows=(30, 90),
        sql="order_rate_{w}d - @ratio(orders_365d - orders_{w}d, greatest(least(365, T + 1) - {w}, 0))",
        doc="Order rate of the last {w} days minus that of the rest of the last year; missing for customers "
        "younger than that.",
    ),
    *feature(
        "acceleration",
        unit="currency/day",
        grain="customer",
        sql="(spend_rate_30d - spend_rate_90d) - (spend_rate_90d - spend_rate_180d)",
        doc="Change of the change in spend rate over 30, 90 and 180 days.",
    ),
    *feature(
        "spend_slope",
        unit="currency/purchase day",
        grain="day",
        sql="@slope(amount, number)",
        doc="Least-squares change of the spend from one purchase day to the next; missing with a single one.",
    ),
    *feature(
        "last_spend_ratio",
        unit="ratio",
        grain="day",
        sql="@ratio(max_by(amount, day) * count(*), sum(amount))",
        doc="Spend on the last purchase day over the mean spend per purchase day.",
    ),
)
