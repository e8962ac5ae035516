"""Customer attributes: the last state before the cutoff, from an extra table `customers`.

The table has `customer_id`, any of the columns below, and optionally `valid_from`, the moment from which a
row holds; without it a row counts as known always.
"""

from cltv_ml.features.declare import feature


def _text(name: str, doc: str) -> tuple:
    return feature(name, unit="", dtype="text", grain="attribute", sql=f"@latest({name})", doc=doc)


FEATURES = (
    *_text("country", "Country, as last known before the cutoff."),
    *_text("acquisition_channel", "Channel through which the customer was won."),
    *_text("gender", "Gender, as last known before the cutoff."),
    *_text("age_group", "Age group, as last known before the cutoff."),
    *_text("income_group", "Income group, as last known before the cutoff."),
    *feature(
        "household_size",
        unit="persons",
        grain="attribute",
        sql="@latest(household_size)",
        doc="Persons in the household, as last known before the cutoff.",
    ),
)
