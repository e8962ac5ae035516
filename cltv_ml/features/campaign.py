"""Campaign features: contacts and responses, from an extra table `contacts`.

The table has `customer_id`, `timestamp` of the contact and optionally `responded_at`, the moment of the response
(missing if there was none): features see a response only from that moment on.
"""

from cltv_ml.features.declare import age_dependent_feature, feature

FEATURES = (
    *age_dependent_feature(
        "contacts",
        unit="contacts",
        grain="contact",
        sql="sum(contacts)",
        doc="Campaign contacts before the cutoff.",
        fill=0,
    ),
    *feature(
        "contacts_{w}d",
        unit="contacts",
        grain="contact",
        windows=(90,),
        sql="sum(contacts) filter (where @last({w}))",
        doc="Campaign contacts in the last {w} days.",
        fill=0,
    ),
    *age_dependent_feature(
        "responses",
        unit="responses",
        grain="contact",
        sql="sum(responses)",
        doc="Responses to campaigns before the cutoff.",
        fill=0,
    ),
    *feature(
        "response_rate",
        unit="share",
        grain="contact",
        sql="@ratio(sum(responses), sum(contacts))",
        doc="Responses over contacts; missing without contacts.",
    ),
    *age_dependent_feature(
        "days_since_response",
        unit="days",
        grain="contact",
        sql="@cutoff - max(day) filter (where responses > 0)",
        doc="Days from the last response to the cutoff; missing without one.",
    ),
)
