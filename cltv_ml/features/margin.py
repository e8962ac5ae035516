"""Margin features, for logs with costs."""

from cltv_ml.features.declare import age_dependent_feature, feature

FEATURES = (
    *age_dependent_feature(
        "margin_total",
        unit="currency",
        grain="order",
        sql="sum(margin)",
        doc="Spend minus cost, on all lines whose cost is known.",
    ),
    *feature(
        "margin_per_day",
        unit="currency/day",
        grain="customer",
        sql="margin_total / (T + 1)",
        doc="Margin as a rate over the days since the first purchase.",
    ),
    *feature(
        "margin_rate",
        unit="share",
        grain="order",
        sql="@ratio(sum(margin), sum(costed_amount))",
        doc="Margin over spend, on lines whose cost is known.",
    ),
    *feature(
        "margin_rate_{w}d",
        unit="share",
        grain="order",
        windows=(90, 365),
        sql="@ratio(sum(margin) filter (where @last({w})), sum(costed_amount) filter (where @last({w})))",
        doc="Margin over spend in the last {w} days.",
    ),
    *feature(
        "loss_line_share",
        unit="share",
        grain="order",
        sql="@ratio(sum(loss_lines), sum(costed_lines))",
        doc="Share of lines sold below cost.",
    ),
)
