"""Features of recency, frequency and money: the published summary and its derivatives."""

from cltv_ml.features.declare import age_dependent_feature, feature

FEATURES = (
    *age_dependent_feature(
        "frequency",
        unit="purchase days",
        grain="day",
        sql="count(*) - 1",
        doc="Repeat purchase days: the first one is not counted.",
    ),
    *age_dependent_feature(
        "recency",
        unit="days",
        grain="day",
        sql="max(day) - min(day)",
        doc="Age at the last purchase, from the first purchase day.",
    ),
    *age_dependent_feature(
        "T",
        unit="days",
        grain="day",
        sql="@cutoff - 1 - min(day)",
        doc="Age on the last day before the cutoff, from the first purchase day.",
    ),
    *feature(
        "monetary_value",
        unit="currency",
        grain="day",
        sql="coalesce(@ratio(sum(amount) filter (where number > 1), count(*) - 1), 0)",
        doc="Mean spend per repeat purchase day, 0 without repeat purchases.",
    ),
    *age_dependent_feature(
        "spend_total",
        unit="currency",
        grain="day",
        sql="sum(amount)",
        doc="All spend before the cutoff.",
    ),
    *feature(
        "first_spend",
        unit="currency",
        grain="day",
        sql="sum(amount) filter (where number = 1)",
        doc="Spend on the first purchase day.",
    ),
    *feature(
        "spend_per_day",
        unit="currency/day",
        grain="customer",
        sql="spend_total / (T + 1)",
        doc="All spend, as a rate over the days since the first purchase.",
    ),
    *feature(
        "purchase_days_per_day",
        unit="purchase days/day",
        grain="customer",
        sql="(frequency + 1) / (T + 1)",
        doc="Purchase days, as a rate over the days since the first purchase.",
    ),
    *feature(
        "repeat_rate",
        unit="purchase days/day",
        grain="customer",
        sql="@ratio(frequency, T)",
        doc="Repeat purchase days, as a rate over the days after the first purchase.",
    ),
    *feature(
        "spend_per_purchase_day",
        unit="currency",
        grain="customer",
        sql="spend_total / (frequency + 1)",
        doc="Mean spend per purchase day, the first one included.",
    ),
    *feature(
        "spend_spread",
        unit="currency",
        grain="day",
        sql="@spread(amount)",
        doc="Standard deviation of the spend per purchase day; missing with a single one.",
    ),
    *feature(
        "largest_spend_ratio",
        unit="ratio",
        grain="day",
        sql="@ratio(max(amount) * count(*), sum(amount))",
        doc="Largest spend of a day over the mean spend per purchase day.",
    ),
    *age_dependent_feature(
        "is_repeat",
        unit="0 or 1",
        grain="customer",
        sql="case when frequency > 0 then 1 else 0 end",
        doc="1 if the customer ever came back on another day.",
    ),
)
