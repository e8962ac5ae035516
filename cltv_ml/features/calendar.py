"""Calendar features: month, weekday and hour of purchases, and the distance to the customer's own season."""

from __future__ import annotations

import re
from datetime import date

from cltv_ml.features.declare import Feature, age_dependent_feature, feature

QUARTERS = (1, 2, 3, 4)
_BIGGEST = "greatest(quarter_1_share, quarter_2_share, quarter_3_share, quarter_4_share)"

_BETWEEN = re.compile(r"purchase_days_(\d{8})_(\d{8})")


def between_feature(name: str) -> Feature | None:
    """Return the feature that counts repeat purchase days from one day to before another, None for another name.

    >>> between_feature("purchase_days_20240304_20240318").doc, between_feature("orders")
    ('Repeat purchase days from 2024-03-04 to before 2024-03-18.', None)
    """
    match = _BETWEEN.fullmatch(name)
    if match is None:
        return None
    first, last = (date.fromisoformat(day) for day in match.groups())
    start, end = ((day - date(1970, 1, 1)).days for day in (first, last))
    return age_dependent_feature(
        name,
        unit="purchase days",
        grain="day",
        sql=f"count_if(number > 1 and day >= {start} and day < {end})",
        doc=f"Repeat purchase days from {first} to before {last}.",
    )[0]


FEATURES = (
    *age_dependent_feature(
        "cutoff_day",
        unit="days since 1970-01-01",
        grain="day",
        sql="max(@cutoff)",
        doc="Day of the cutoff, which dates the row for models that know the calendar.",
    ),
    *(
        declared
        for month in range(1, 13)
        for declared in age_dependent_feature(
            f"purchase_days_month_{month}",
            unit="purchase days",
            grain="day",
            sql=f"count_if(number > 1 and month % 12 = {month - 1})",
            doc=f"Repeat purchase days in month {month} of the year.",
        )
    ),
    *age_dependent_feature(
        "cohort",
        unit="months since year 0",
        grain="day",
        sql="min(month)",
        doc="Calendar month of the first purchase: year times 12 plus the month, January being 0.",
    ),
    # At a single cutoff the month of the year is age under another name.
    *age_dependent_feature(
        "cohort_month",
        unit="month of the year",
        grain="day",
        sql="min(month) % 12 + 1",
        doc="Month of the year of the first purchase, 1 to 12.",
    ),
    *(
        declared
        for quarter in QUARTERS
        for declared in feature(
            f"quarter_{quarter}_share",
            unit="share",
            grain="day",
            sql="case when min(day) <= @cutoff - 365 then "
            f"@ratio(count_if(month % 12 >= {3 * quarter - 3} and month % 12 < {3 * quarter}), count(*)) end",
            doc=f"Share of purchase days in quarter {quarter} of the year; missing in a customer's first year.",
        )
    ),
    *feature(
        "weekend_share",
        unit="share",
        grain="day",
        sql="@ratio(count_if((day + 3) % 7 >= 5), count(*))",  # 1970-01-01 was a Thursday
        doc="Share of purchase days on Saturday or Sunday.",
    ),
    *feature(
        "evening_share",
        unit="share",
        grain="day",
        sql="@ratio(count_if(second >= 64800), count(*))",
        doc="Share of purchase days whose first purchase came at 18:00 or later.",
    ),
    *feature(
        "season_rate_last_year_{w}d",
        unit="currency/day",
        grain="day",
        windows=(30, 90),
        sql="case when min(day) <= @cutoff - 365 then coalesce("
        "sum(amount) filter (where day >= @cutoff - 365 and day < @cutoff - 365 + {w}), 0) / {w}e0 end",
        doc="Spend in the {w} days that began one year before the cutoff, as a rate; missing for customers "
        "who were not there yet.",
    ),
    *feature(
        "days_to_peak",
        unit="days",
        grain="customer",
        sql=f"case {_BIGGEST} when quarter_1_share then @days_to_quarter(1) "
        "when quarter_2_share then @days_to_quarter(2) when quarter_3_share then @days_to_quarter(3) "
        "when quarter_4_share then @days_to_quarter(4) end",
        doc="Days from the cutoff to the quarter in which the customer buys most often, 0 inside it; the "
        "earliest quarter if several are equal, missing in a customer's first year.",
    ),
    *feature(
        "days_to_peak_within_{w}d",
        unit="days",
        grain="customer",
        windows=(91, 182),
        sql="case when days_to_peak < {w} then days_to_peak end",
        doc="Days to the customer's peak quarter if it begins inside a horizon of {w} days, else missing.",
    ),
)
